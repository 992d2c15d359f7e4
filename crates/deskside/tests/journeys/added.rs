//! What people add to their projects, in all the ways they spell it, with real uv.

use crate::person::real_wanted;
use crate::project::Project;
use std::path::Path;

fn text(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.person.work().join(name)).unwrap_or_default()
}

#[test]
fn extras_and_groups_of_a_persons_own_stay_installed_until_they_say_otherwise() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write(
        "pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = [\"six==1.16.0\"]\n\n[project.optional-dependencies]\ndev = [\"idna==3.7\"]\n\n[dependency-groups]\ntest = [\"colorama==0.4.6\"]\n",
    );
    project.does(&["env", "sync"]);
    assert!(!project.python("import idna") && !project.python("import colorama"));
    project.does(&["env", "sync", "--extra", "dev", "--group", "test"]);
    // They are noted for this machine: every later change keeps them, and a check knows of them.
    for _ in 0..2 {
        assert!(project.python("import six, idna, colorama, deskside"));
        project.does(&["env", "check"]);
        project.does(&["env", "sync"]);
        project.does(&["env", "add", "iniconfig==2.0.0"]);
    }
    std::fs::remove_dir_all(project.site().join("colorama")).unwrap();
    let said = project.says(&["env", "check"]);
    assert!(
        said.code == 1 && said.out.contains("colorama"),
        "{}",
        said.out
    );
    project.does(&["env", "sync"]);
    let before = text(&project, "pyproject.toml");
    project.does(&["env", "sync", "--no-extra", "dev", "--no-group", "test"]);
    assert!(!project.python("import idna") && !project.python("import colorama"));
    project.does(&["env", "check"]);
    // The way back brings the note back, too.
    project.does(&["env", "rollback"]);
    project.does(&["env", "check"]);
    project.does(&["env", "sync"]);
    assert!(project.python("import six, idna, colorama"));
    assert_eq!(text(&project, "pyproject.toml"), before);
    for (request, words) in [
        (&["--extra", "nope"][..], "it has: dev"),
        (&["--extra", "dve"], "--extra dev"),
        (&["--group", "tset"], "--group test"),
    ] {
        let said = project.says(&[&["env", "sync"], request].concat());
        assert!(
            said.code == 2 && said.talk.contains(words),
            "{request:?}: {}",
            said.talk
        );
    }
}

#[test]
fn folders_are_added_from_where_a_person_stands_and_written_relative_to_the_project() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    let library = |folder: &str, name: &str| {
        project.person.write(
            &format!("{folder}/pyproject.toml"),
            &format!(
                "[project]\nname = \"{name}\"\nversion = \"1\"\n[build-system]\nrequires = [\"uv_build>=0.9\"]\nbuild-backend = \"uv_build\"\n"
            ),
        );
        project
            .person
            .write(&format!("{folder}/src/{name}/__init__.py"), "");
    };
    library("beside", "beside");
    library("p/sub/within", "within");
    project.person.write(
        "p/pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = []\n",
    );
    let within = |folder: &str, arguments: &[&str]| {
        let mut command = project.prepared(project.person.command(arguments));
        command.current_dir(project.person.work().join(folder));
        crate::person::said(&command.output().unwrap())
    };
    let said = within("p/sub", &["env", "add", "../../beside"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    let said = within("p/sub", &["env", "add", "./within", "--group", "test"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    let pyproject = text(&project, "p/pyproject.toml");
    for line in [
        "beside = { path = \"../beside\" }",
        "within = { path = \"sub/within\" }",
    ] {
        assert!(pyproject.contains(line), "{line}: {pyproject}");
    }
    let here = project.person.work().display().to_string();
    assert!(!pyproject.contains(&here) && !text(&project, "p/uv.lock").contains(&here));
    let site = |name: &str| {
        let python = project.person.work().join("p/.venv/bin/python");
        let mut python = std::process::Command::new(python);
        python.args(["-c", &format!("import {name}")]);
        python.output().unwrap().status.success()
    };
    assert!(site("beside") && site("within"));
    // An absolute path is written relative as well; what is not there is told without the cache's paths.
    let said = within("p", &["env", "remove", "beside"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    let absolute = project.person.work().join("beside").display().to_string();
    let said = within("p", &["env", "add", &absolute]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert!(text(&project, "p/pyproject.toml").contains("path = \"../beside\""));
    let said = within("p/sub", &["env", "add", "../nope"]);
    assert_eq!(said.code, 2, "{}", said.talk);
    assert!(
        said.talk.contains("there is no") && !said.talk.contains(".cache"),
        "{}",
        said.talk
    );
}

#[test]
fn two_cuda_majors_are_refused_however_they_are_spelled() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.does(&["env", "init", "--flavour", "jax"]);
    let before = text(&project, "pyproject.toml");
    for request in [
        &["tensorflow[and-cuda]"][..],
        &["tensorflow[and-cuda]", "--group", "g"],
    ] {
        let said = project.says(&[&["env", "add"], request, &["--plan"]].concat());
        assert!(
            said.code == 1 && said.talk.contains("DS0413"),
            "{request:?}: {}",
            said.talk
        );
        assert!(
            said.talk.contains("CUDA 12") && said.talk.contains("CUDA 13"),
            "{}",
            said.talk
        );
    }
    project
        .person
        .write("both/requirements.txt", "jax\ntensorflow[and-cuda]\n");
    let said = project.says(&["env", "init", "both"]);
    assert!(said.talk.contains("DS0413"), "{}", said.talk);
    assert!(!project.person.work().join("both/pyproject.toml").exists());
    // What is wrong in builds of other machines alone is told. What brings no second CUDA is taken.
    let said = project.does(&["env", "add", "onnxruntime-gpu[cuda,cudnn]<1.27", "--plan"]);
    assert!(said.talk.contains("with the extra cuda13"), "{}", said.talk);
    project.does(&["env", "add", "six", "--plan"]);
    assert_eq!(text(&project, "pyproject.toml"), before);
}

#[test]
fn lists_lose_no_line_on_the_way_into_a_project() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    let write = |folder: &str, bytes: &[u8]| {
        let path = project
            .person
            .write(&format!("{folder}/requirements.txt"), "");
        std::fs::write(path, bytes).unwrap();
    };
    let wide: Vec<u8> = "six==1.16.0\r\nidna==3.7\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    write("wide", &[&[0xff, 0xfe], &wide[..]].concat());
    write("marked", "\u{feff}six==1.16.0\nidna==3.7\n".as_bytes());
    for folder in ["wide", "marked"] {
        project.does(&["env", "init", folder]);
        let pyproject = text(&project, &format!("{folder}/pyproject.toml"));
        assert!(
            pyproject.contains("\"six==1.16.0\"") && pyproject.contains("\"idna==3.7\""),
            "{pyproject}"
        );
    }
    // Changed later it is not read again, and that is said.
    write("marked", b"six==1.16.0\nidna==3.7\niniconfig\n");
    let said = project.does(&["env", "init", "marked"]);
    assert!(
        said.talk.contains("iniconfig") && said.talk.contains("--from requirements.txt"),
        "{}",
        said.talk
    );
    write("twice", b"idna>=3\nsix\nidna<3.8\n");
    let said = project.does(&["env", "init", "twice"]);
    assert!(
        said.talk.contains("idna stands there twice"),
        "{}",
        said.talk
    );
    assert!(text(&project, "twice/pyproject.toml").contains("\"idna>=3,<3.8\""));
    write("against", b"idna==3.7\nidna==3.6\n");
    let said = project.says(&["env", "init", "against"]);
    assert!(
        said.code == 1 && said.talk.contains("DS0408"),
        "{}",
        said.talk
    );
    write("none", b"\x7fELF\x00\x00six\n");
    let said = project.says(&["env", "init", "none"]);
    assert!(
        said.code == 1 && said.talk.contains("it is no text"),
        "{}",
        said.talk
    );
    assert!(!Path::new(&project.person.work().join("none/pyproject.toml")).exists());
}

#[test]
fn variables_of_uvs_that_would_stop_a_change_are_not_in_its_way() {
    if !real_wanted() {
        return;
    }
    let mut project = Project::empty();
    project.person.write("requirements.txt", "six==1.16.0\n");
    for name in ["UV_FROZEN", "UV_LOCKED", "UV_NO_SYNC"] {
        project.variables.push((name.into(), "1".into()));
    }
    project.does(&["env", "init"]);
    project.does(&["env", "add", "idna==3.7"]);
    assert!(project.python("import six, idna"));
    project.variables.clear();
    let said = project.says(&["env", "add", "sklearn"]);
    assert!(
        said.talk.contains("scikit-learn") && said.talk.lines().count() < 8,
        "{}",
        said.talk
    );
    project.variables.push(("UV_OFFLINE".into(), "1".into()));
    let said = project.says(&["env", "add", "cytoolz"]);
    assert!(
        said.talk.contains("DS0403") && said.talk.contains("UV_OFFLINE"),
        "{}",
        said.talk
    );
}
