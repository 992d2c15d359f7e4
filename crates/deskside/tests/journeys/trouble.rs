//! What goes wrong with environments, with real uv: full disks, damage, names that nobody knows, no uv yet.

use crate::person::{Person, Said, real_wanted, said};
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, gone with this value.
struct Small {
    folder: PathBuf,
}

impl Small {
    /// Mounts one of that many MiB below the person's folder; none, counted as a skip, where mounting is not allowed.
    fn mount(project: &Project, mebibytes: u32) -> Option<Self> {
        let folder = project.person.work().join("small");
        std::fs::create_dir_all(&folder).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(&folder)
            .output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        deskside_testkit::skip("mounting a small file system is not allowed here");
        None
    }

    /// Takes room away until that many MiB are free.
    fn leave(&self, mebibytes: u64) {
        let filler = self.folder.join("filler");
        let _ = std::fs::remove_file(&filler);
        let output = Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(&self.folder)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
        let size = free.checked_sub(mebibytes << 20).unwrap();
        std::fs::write(filler, vec![0; usize::try_from(size).unwrap()]).unwrap();
    }

    fn remount(&self, how: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{how}")]);
        assert!(command.arg(&self.folder).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

const OF_THE_INSTALLER: [&str; 4] = ["filler", ".deskside.json", ".lock", "pyvenv.cfg"];

/// Every file below a folder with its contents, without links, the filler, what Python compiled, and what an installer
/// notes of itself.
fn contents(top: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let within = path.strip_prefix(top).unwrap().to_path_buf();
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && !name.ends_with(".pyc")
                && !OF_THE_INSTALLER.contains(&name.as_str())
                && !within.to_string_lossy().contains("/deskside-")
            {
                files.push((within, std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn names(files: &[(PathBuf, Vec<u8>)]) -> Vec<String> {
    let names = files.iter().map(|(path, _)| path.display().to_string());
    names.collect()
}

/// The command that a hint ends with.
fn hinted(said: &Said, begins: &str) -> Vec<String> {
    let (_, rest) = said
        .talk
        .split_once(begins)
        .unwrap_or_else(|| panic!("no `{begins}`: {}", said.talk));
    // Long hints are wrapped.
    let words = rest.split_whitespace();
    let words = words.take_while(|word| !["error:", "or", "✗"].contains(word));
    format!("{begins}{}", words.collect::<Vec<_>>().join(" "))
        .split(' ')
        .map(|word| word.trim_matches('\'').to_string())
        .collect()
}

#[test]
fn a_disk_that_fills_loses_nothing_and_the_hinted_command_brings_it_back() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    let Some(small) = Small::mount(&project, 100) else {
        return;
    };
    let here = ["--project", "small"];
    project
        .person
        .write("small/requirements.txt", "six==1.16.0\nidna==3.7\n");
    project.does(&["env", "init", "small"]);
    let before = contents(&small.folder);

    // Surely too little: told before anything is changed.
    small.leave(8);
    let wish = ["env", "add", "numpy==2.2.6"];
    let refused = project.says(&[&wish[..], &here].concat());
    assert_ne!(refused.code, 0);
    assert!(
        refused.talk.contains("too little free space"),
        "{}",
        refused.talk
    );
    assert_eq!(names(&contents(&small.folder)), names(&before));
    assert!(contents(&small.folder) == before);

    // Room for the wheel, and not for what it holds: it fills half way.
    small.leave(30);
    let failed = project.says(&[&wish[..], &here].concat());
    assert_ne!(failed.code, 0, "{}", failed.talk);
    assert!(failed.talk.contains("the disk is full"), "{}", failed.talk);
    let way_back = hinted(&failed, "deskside env rollback ");
    let words: Vec<&str> = way_back[1..].iter().map(String::as_str).collect();
    let back = project.says(&words);
    assert_eq!(back.code, 0, "{words:?}: {}", back.talk);
    let after = contents(&small.folder);
    assert_eq!(names(&after), names(&before));
    assert!(after == before);

    // With the half in the way of anything, too: no room for two, and the old one serves nobody.
    let failed = project.says(&[&wish[..], &here].concat());
    assert_ne!(failed.code, 0, "{}", failed.talk);
    small.leave(0);
    let back = project.says(&words);
    assert_eq!(back.code, 0, "{words:?}: {}", back.talk);
    assert!(contents(&small.folder) == before);

    // What can't be written is told as what it is.
    small.leave(60);
    small.remount("ro");
    let refused = project.says(&[&["env", "add", "click"][..], &here].concat());
    small.remount("rw");
    assert!(refused.talk.contains("DS0104"), "{}", refused.talk);
    assert!(!refused.talk.contains("DESKSIDE_HOME"), "{}", refused.talk);
    assert!(contents(&small.folder) == before);
}

#[test]
fn sync_mends_damaged_packages_and_undo_goes_by_the_snapshot() {
    if !real_wanted() {
        return;
    }
    let mut project = Project::empty();
    project
        .person
        .write("requirements.txt", "six==1.16.0\nidna==3.7\n");
    project.does(&["env", "init"]);
    let files = |project: &Project| {
        let mut files = project.files();
        files.retain(|name, _| !name.ends_with("direct_url.json"));
        files
    };
    let whole = files(&project);
    // In place: uv's copy is cut off with it.
    let six = project.site().join("six.py");
    let file = std::fs::OpenOptions::new().write(true).open(six).unwrap();
    file.set_len(100).unwrap();
    std::fs::remove_file(project.site().join("idna/core.py")).unwrap();
    std::fs::remove_file(project.site().join("deskside/__init__.py")).unwrap();
    let plan = project.does(&["env", "sync", "--plan"]);
    assert!(plan.out.contains("six is damaged"), "{}", plan.out);
    project.does(&["env", "sync"]);
    assert_eq!(files(&project), whole);
    assert!(project.python("import six, idna, deskside"));
    let settled = project.does(&["env", "sync"]);
    assert!(settled.out.contains("as it should be"), "{}", settled.out);

    // Killed anywhere on the way back, the same command arrives.
    let mut deaths = 0;
    for at in [1, 4, 7, 9, 11, 13, 15, 18, 21, 25] {
        project.does(&["env", "add", "six==1.17.0"]);
        let mut command = project.prepared(project.person.command(&["undo", "--yes"]));
        command.env("DESKSIDE_FAULT", format!("die-after@{at}"));
        let said = said(&command.output().unwrap());
        deaths += usize::from(said.code != 0);
        let history = project.json(&["history"]);
        let newest = &history["operations"][0];
        assert!(newest["wish"].as_str().unwrap().starts_with("add six"));
        if newest["outcome"] != "undone" {
            project.does(&["undo", "--yes"]);
        }
        assert_eq!(files(&project), whole, "killed at {at}: {}", said.talk);
    }
    assert!(deaths > 3, "{deaths}");
    assert!(project.left().is_empty(), "{:?}", project.left());

    // The index is gone after a change: undo has the wheels of the full snapshot.
    project.does(&["env", "snapshot", "--full"]);
    let text =
        |project: &Project| std::fs::read_to_string(project.person.work().join("uv.lock")).unwrap();
    let lock = text(&project);
    project.does(&["env", "add", "six==1.17.0", "click"]);
    assert_ne!(files(&project), whole);
    project.uv(&["cache", "clean", "--quiet"]);
    project.variables = ["UV_DEFAULT_INDEX", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
        .map(|name| (name.to_string(), "http://127.0.0.1:9".to_string()))
        .into();
    let undone = project.does(&["undo", "--yes"]);
    assert_eq!(files(&project), whole, "{}\n{}", undone.out, undone.talk);
    assert_eq!(text(&project), lock);
    assert!(project.left().is_empty(), "{:?}", project.left());
    assert!(project.python("import six, idna, deskside"));
    project.variables.clear();
    let settled = project.does(&["env", "sync"]);
    assert!(settled.out.contains("as it should be"), "{}", settled.out);
}

#[test]
fn a_lock_that_moved_on_is_what_a_broken_environment_is_made_from() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0"]);
    project.does(&["env", "snapshot"]);
    let whole = project.files();
    project.depends_on(&["six==1.17.0"]);
    project.uv(&["lock", "--quiet"]);
    std::fs::remove_dir_all(project.venv()).unwrap();
    let said = project.does(&["env", "rebuild"]);
    assert!(
        said.talk.contains("uv.lock was changed since snapshot"),
        "{}",
        said.talk
    );
    assert!(project.python("import six; assert six.__version__ == '1.17.0'"));
    let id = hinted(&said, "deskside env rollback ")[3].clone();
    project.does(&["env", "rollback", id.trim_matches('`')]);
    assert_eq!(project.files(), whole);
}

#[test]
fn names_that_nobody_knows_are_told_with_what_may_be_meant() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project
        .person
        .write("requirements.txt", "requests\nsix==1.16.0\n");
    project.does(&["env", "init"]);
    for (words, code, told) in [
        (
            &["remove", "reqests"][..],
            "DS0414",
            "did you mean requests?",
        ),
        (
            &["remove", "idna"],
            "DS0414",
            "because another package needs it",
        ),
        (
            &["remove", "no-such-thing"],
            "DS0414",
            "it names: requests, six",
        ),
        (
            &["remove", "--group", "dev", "six"],
            "DS0414",
            "no dependency group",
        ),
        (
            &["add", "transformrs"],
            "DS0408",
            "the package index has no package `transformrs`",
        ),
        (
            &["add", "transformrs"],
            "DS0408",
            "did you mean transformers?",
        ),
    ] {
        let said = project.says(&[&["env"], words].concat());
        assert_ne!(said.code, 0, "{words:?}");
        assert!(
            said.talk.contains(code) && said.talk.contains(told),
            "{words:?}: {}",
            said.talk
        );
        assert!(!said.talk.contains("no set of versions"), "{}", said.talk);
    }
}

#[test]
fn planning_without_uv_leaves_nothing_of_the_persons_changed() {
    if !real_wanted() {
        return;
    }
    // A person who has no uv: that of a project's person may lie in their home already.
    let person = Person::new();
    person.write("p/requirements.txt", "six==1.16.0\n");
    let says = |arguments: &[&str]| {
        let mut command = person.command(arguments);
        said(&command.env("PATH", "/usr/bin:/bin").output().unwrap())
    };
    if ["/usr/bin/uv", "/bin/uv"]
        .iter()
        .any(|uv| Path::new(uv).exists())
    {
        deskside_testkit::skip("a uv lies in /usr/bin, so that none has to be fetched");
        return;
    }
    let plan = says(&["env", "init", "p", "--plan"]);
    assert_eq!(plan.code, 0, "{}", plan.talk);
    assert!(
        plan.out.contains("Get uv") && plan.out.contains("+ six"),
        "{}",
        plan.out
    );
    assert!(plan.talk.contains("for this plan alone"), "{}", plan.talk);
    let home = person.home();
    assert!(!home.join(".local/share/deskside/tools").exists());
    let history = says(&["--json", "history"]);
    assert!(!history.out.contains("get uv"), "{}", history.out);
    let left: Vec<_> = std::fs::read_dir(person.work().join("p"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1);
    let done = says(&["env", "init", "p"]);
    assert_eq!(done.code, 0, "{}", done.talk);
    let python = person.work().join("p/.venv/bin/python");
    let ran = Command::new(python).args(["-c", "import six"]).status();
    assert!(ran.unwrap().success());
}
