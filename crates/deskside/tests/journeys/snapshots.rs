//! Environments that are broken for real and brought back, with real uv and small real packages.

use crate::person::{real_wanted, said};
use crate::project::Project;
use std::path::{Path, PathBuf};

const PACKAGES: [&str; 3] = ["six==1.16.0", "numpy<3", "requests"];

#[test]
fn every_kind_of_damage_is_mended_file_by_file() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&PACKAGES);
    let whole = project.files();
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), whole);
    let library = |project: &Project| -> PathBuf {
        let core = project.site().join("numpy/_core");
        let mut all = std::fs::read_dir(core)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        all.find(|path| path.to_string_lossy().contains("_multiarray_umath"))
            .unwrap()
    };
    type Breaking<'a> = (&'a str, &'a dyn Fn(&Project));
    let kinds: [Breaking<'_>; 7] = [
        ("a file is gone", &|project| {
            std::fs::remove_file(project.site().join("six.py")).unwrap()
        }),
        // In place: uv's cache and every environment that links it have the same damage.
        ("a library is cut off", &|project| {
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(library(project))
                .unwrap();
            file.set_len(1000).unwrap();
        }),
        ("the same size, other bytes", &|project| {
            use std::io::Write;
            let path = project.site().join("requests/api.py");
            std::thread::sleep(std::time::Duration::from_millis(1100));
            let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all(b"XX").unwrap();
        }),
        ("another version behind our back", &|project| {
            project.uv(&[
                "pip",
                "install",
                "--quiet",
                "--python",
                ".venv/bin/python",
                "six==1.17.0",
            ]);
        }),
        ("its Python is gone", &|project| {
            let python = project.venv().join("bin/python");
            std::fs::remove_file(&python).unwrap();
            std::os::unix::fs::symlink("/nowhere/python3", &python).unwrap();
        }),
        ("the whole of it is gone", &|project| {
            std::fs::remove_dir_all(project.venv()).unwrap()
        }),
        ("pyvenv.cfg is gone", &|project| {
            std::fs::remove_file(project.venv().join("pyvenv.cfg")).unwrap();
        }),
    ];
    for (what, damage) in kinds {
        damage(&project);
        let said = project.does(&["env", "rebuild"]);
        assert_eq!(project.files(), whole, "{what}: {}", said.talk);
        assert!(project.python("import numpy, requests, six"), "{what}");
    }
    // A person's own file in it is kept, and said.
    std::fs::write(project.venv().join("notes.txt"), "mine").unwrap();
    let said = project.does(&["env", "rebuild"]);
    assert!(said.talk.contains("notes.txt"), "{}", said.talk);
    let kept = project.left();
    assert!(
        kept.iter()
            .any(|name| project.person.work().join(name).join("notes.txt").exists()),
        "{kept:?}"
    );
}

#[test]
fn rollback_is_exact_and_twice_is_there_and_back() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0", "idna"]);
    project.does(&["env", "snapshot"]);
    let (old, old_lock) = (project.files(), project.person.work().join("uv.lock"));
    let old_text = std::fs::read_to_string(&old_lock).unwrap();
    project.depends_on(&["six==1.17.0", "certifi"]);
    project.uv(&["sync", "--quiet"]);
    let (new, new_text) = (project.files(), std::fs::read_to_string(&old_lock).unwrap());
    let history = project.json(&["env", "history"]);
    assert_eq!(history["snapshots"][0]["number"], 1, "{history}");
    assert_eq!(
        history["changed_outside"]["changed"][0]["name"], "six",
        "{history}"
    );

    // What is there is kept nowhere yet, so the newest snapshot is one back.
    let said = project.does(&["env", "rollback"]);
    assert!(
        said.talk.contains("~ six 1.17.0") && said.talk.contains("- certifi"),
        "{}",
        said.talk
    );
    assert_eq!(project.files(), old);
    assert_eq!(std::fs::read_to_string(&old_lock).unwrap(), old_text);
    let history = project.json(&["env", "history"]);
    assert_eq!(
        history["snapshots"].as_array().unwrap().len(),
        3,
        "{history}"
    );
    assert_eq!(history["snapshots"][0]["present"], true);
    assert!(
        history["snapshots"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("env rollback to")
    );

    // Once more: to the state before, which is the one that was left.
    project.does(&["env", "rollback", "1"]);
    assert_eq!(project.files(), new);
    assert_eq!(std::fs::read_to_string(&old_lock).unwrap(), new_text);
    let diff = project.json(&["env", "diff", "1", "0"]);
    assert_eq!(diff["difference"]["added"][0]["name"], "certifi", "{diff}");

    // And undo takes that back, files and packages.
    project.does(&["undo", "--yes"]);
    assert_eq!(project.files(), old);
    assert_eq!(std::fs::read_to_string(&old_lock).unwrap(), old_text);
    assert!(project.left().is_empty(), "{:?}", project.left());

    let unknown = project.says(&["env", "rollback", "99"]);
    assert_eq!(unknown.code, 1, "{}", unknown.talk);
    assert!(unknown.talk.contains("DS0411"), "{}", unknown.talk);
}

#[test]
fn what_left_the_cache_is_fetched_and_a_full_snapshot_needs_nobody() {
    if !real_wanted() {
        return;
    }
    let mut project = Project::new(&["six==1.16.0", "idna", "certifi"]);
    let whole = project.files();
    let kept = project.json(&["env", "snapshot", "--full"]);
    assert_eq!(kept["full"], true, "{kept}");
    assert_eq!(kept["downloaded"], 3, "{kept}");
    assert_eq!(
        project.json(&["env", "snapshot", "--full"])["downloaded"],
        0
    );
    project.does(&["env", "snapshot"]);

    // An index where nobody listens, and an empty cache: only what is kept is left.
    let nowhere = "http://127.0.0.1:9/simple".to_string();
    project.uv(&["cache", "clean", "--quiet"]);
    project.variables = vec![
        ("UV_DEFAULT_INDEX".into(), nowhere),
        ("HTTPS_PROXY".into(), "http://127.0.0.1:9".into()),
        ("HTTP_PROXY".into(), "http://127.0.0.1:9".into()),
        ("ALL_PROXY".into(), "http://127.0.0.1:9".into()),
    ];
    std::fs::remove_dir_all(project.venv()).unwrap();
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), whole);

    // Without the wheels it is told before anything is touched.
    project.uv(&["cache", "clean", "--quiet"]);
    let store = project
        .person
        .home()
        .join(".local/share/deskside/environments");
    // The person may have other projects: theirs keep no wheels of these.
    let wheels = std::fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("wheels"))
        .filter(|wheels| wheels.is_dir());
    for wheels in wheels {
        std::fs::remove_dir_all(wheels).unwrap();
    }
    let refused = project.says(&["env", "rebuild"]);
    assert_eq!(refused.code, 1, "{}", refused.talk);
    assert!(refused.talk.contains("six 1.16.0"), "{}", refused.talk);
    assert_eq!(project.files(), whole);

    // With the network back, it is downloaded again.
    project.variables.clear();
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), whole);
}

#[test]
fn what_pip_installed_comes_back_from_the_index() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0"]);
    project.uv(&[
        "pip",
        "install",
        "--quiet",
        "--python",
        ".venv/bin/python",
        "idna==3.7",
        "charset-normalizer",
    ]);
    project.does(&["env", "snapshot"]);
    let whole = project.files();
    std::fs::remove_dir_all(project.site().join("idna")).unwrap();
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), whole);
}

#[test]
fn killed_in_the_middle_the_same_command_finishes() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0", "idna"]);
    project.does(&["env", "snapshot"]);
    let old = project.files();
    project.depends_on(&["six==1.17.0"]);
    project.uv(&["sync", "--quiet"]);
    project.does(&["env", "snapshot"]);
    let new = project.files();
    let mut deaths = 0;
    let count = |project: &Project| {
        let history = project.json(&["env", "history"]);
        history["snapshots"].as_array().unwrap().len()
    };
    for at in 1..60 {
        let before = count(&project);
        let mut command = project.prepared(project.person.command(&["env", "rollback", "1"]));
        command.env("DESKSIDE_FAULT", format!("die-after@{at}"));
        let said = said(&command.output().unwrap());
        if said.code == 0 {
            // All effects were done before this one.
            assert_eq!(project.files(), old);
            break;
        }
        deaths += 1;
        // Killed when even its own snapshot was kept, it had come to its end: the next one would lead back.
        if count(&project) == before {
            project.does(&["env", "rollback", "1"]);
        }
        assert_eq!(project.files(), old, "killed at {at}: {}", said.talk);
        project.does(&["env", "rollback", "1"]);
        assert_eq!(project.files(), new, "killed at {at}, and there again");
    }
    assert!(deaths > 8, "{deaths}");
    assert!(project.left().is_empty(), "{:?}", project.left());
}

#[test]
fn old_snapshots_go_and_come_back() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0"]);
    project.does(&["env", "snapshot", "--full"]);
    for version in ["3.6", "3.7", "3.8"] {
        project.uv(&[
            "pip",
            "install",
            "--quiet",
            "--python",
            ".venv/bin/python",
            &format!("idna=={version}"),
        ]);
        project.does(&["env", "snapshot"]);
    }
    let count = |project: &Project| {
        project.json(&["env", "history"])["snapshots"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&project), 4);
    let asked = project.says(&["env", "gc", "--keep", "1"]);
    assert_eq!(asked.code, 5, "{}", asked.talk);
    let plan = project.json(&["env", "gc", "--keep", "1", "--plan"]);
    assert_eq!(plan["snapshots"].as_array().unwrap().len(), 2, "{plan}");
    project.does(&["env", "gc", "--keep", "1", "--yes"]);
    assert_eq!(count(&project), 2);
    project.does(&["undo", "--yes"]);
    assert_eq!(count(&project), 4);
    let gone = project.json(&["env", "gc", "--keep", "1", "--full", "--yes"]);
    assert_eq!(gone["gone"]["wheels"], 1, "{gone}");
    assert_eq!(count(&project), 1);
    let files = project.files();
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), files);
    assert!(Path::new(&project.venv()).is_dir());
}

#[test]
fn killed_in_the_middle_any_command_mends_it() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0", "idna"]);
    project.does(&["env", "sync"]);
    // What an installer notes of its own (REQUESTED) is another's afterwards.
    project.does(&["env", "rebuild"]);
    let whole = project.files();
    let mut deaths = 0;
    for at in 1..60 {
        let mut command = project.prepared(project.person.command(&["env", "rebuild"]));
        command.env("DESKSIDE_FAULT", format!("die-after@{at}"));
        let died = said(&command.output().unwrap());
        if died.code == 0 {
            break;
        }
        deaths += 1;
        let checked = project.says(&["env", "check"]);
        let is_whole = project.venv().join("pyvenv.cfg").exists();
        assert!(
            checked.code == 0 || (checked.out + &checked.talk).contains("deskside env rebuild"),
            "killed at {at}, whole: {is_whole}"
        );
        project.does(&["env", "sync"]);
        assert_eq!(project.files(), whole, "killed at {at}");
    }
    assert!(deaths > 8, "{deaths}");
    project.does(&["env", "gc", "--yes"]);
    assert!(project.left().is_empty(), "{:?}", project.left());
}

#[test]
fn ctrl_c_ends_with_130_and_says_nothing_false() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["numpy<3"]);
    project.does(&["env", "sync"]);
    // What an installer notes of its own (REQUESTED) is another's afterwards.
    project.does(&["env", "rebuild"]);
    let whole = project.files();
    let mut stopped = 0;
    for command in [
        &["env", "check", "--deep"][..],
        &["env", "rebuild"],
        &["env", "sync"],
    ] {
        for wait in [10, 30, 60, 100, 200, 400, 700] {
            let mut child = project
                .prepared(project.person.command(command))
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(wait));
            if child.try_wait().unwrap().is_none() {
                let pid = child.id().to_string();
                let _ = std::process::Command::new("kill")
                    .args(["-INT", &pid])
                    .status();
            }
            let end = said(&child.wait_with_output().unwrap());
            let told = format!("{command:?} after {wait} ms: {}\n{}", end.out, end.talk);
            assert!([0, 130].contains(&end.code), "{} {told}", end.code);
            assert!(
                !told.contains("broken:") && !told.contains("DS04"),
                "{told}"
            );
            stopped += usize::from(end.code == 130);
        }
    }
    assert!(stopped > 2, "{stopped}");
    project.does(&["env", "rebuild"]);
    assert_eq!(project.files(), whole);
}

#[test]
fn a_project_that_is_moved_keeps_its_snapshots() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write(
        "one/pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = [\"six==1.16.0\"]\n",
    );
    project.does(&["env", "sync", "--project", "one"]);
    let count = |folder: &str| {
        let history = project.json(&["env", "history", "--project", folder]);
        history["snapshots"].as_array().unwrap().len()
    };
    let before = count("one");
    let work = project.person.work();
    std::fs::rename(work.join("one"), work.join("two")).unwrap();
    assert_eq!(count("two"), before);
    let said = project.does(&["env", "add", "--project", "two", "idna"]);
    assert!(said.talk.contains("was moved here from"), "{}", said.talk);
    assert!(count("two") > before);
    std::fs::remove_dir_all(work.join("two")).unwrap();
    project.person.write("three/requirements.txt", "six\n");
    let plan = project.does(&["env", "gc", "--plan", "--project", "three"]);
    assert!(
        plan.out.contains("deskside env gc --project"),
        "{}",
        plan.out
    );
    let going = project.json(&["env", "gc", "--yes", "--project", "two"]);
    assert_eq!(going["gone"]["gone"], true, "{going}");
    let plan = project.json(&["env", "gc", "--plan", "--project", "three"]);
    assert!(plan.get("others").is_none(), "{plan}");
}
