//! Projects made, changed, locked and synced, with real uv: what stands in their files works without Deskside.

use crate::person::real_wanted;
use crate::project::Project;
use crate::pytorch_index::{PytorchIndex, installed};

fn text(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.person.work().join(name)).unwrap_or_default()
}

#[test]
fn each_build_is_an_extra_and_this_machines_stands_in_no_file() {
    if !real_wanted() {
        return;
    }
    let index = PytorchIndex::start();
    let mut project = Project::empty();
    project
        .variables
        .push(("DESKSIDE_PYTORCH_INDEX".into(), index.root.clone()));
    // A machine without a GPU, whatever the one that runs the tests has.
    project.does(&["env", "init", "--flavour", "torch"]);
    let pyproject = text(&project, "pyproject.toml");
    for extra in [
        "cpu = [",
        "cu126 = [",
        "rocm72 = [",
        "mps = [",
        "conflicts = [[",
    ] {
        assert!(pyproject.contains(extra), "{extra}: {pyproject}");
    }
    assert!(pyproject.contains("explicit = true"), "{pyproject}");
    let first = installed(&project.site()).unwrap();
    // Called again it changes nothing.
    let again = project.does(&["env", "init", "--flavour", "torch"]);
    assert!(again.out.contains("is as it should be"), "{}", again.out);
    assert_eq!(text(&project, "pyproject.toml"), pyproject);
    // Another build, by name; it stays until told otherwise, and no file of the project knows.
    let lock = text(&project, "uv.lock");
    project.does(&["env", "sync", "--extra", "cu126"]);
    assert_eq!(installed(&project.site()).unwrap(), "2.14.1+cu126");
    project.does(&["env", "sync"]);
    assert_eq!(installed(&project.site()).unwrap(), "2.14.1+cu126");
    assert_eq!(text(&project, "pyproject.toml"), pyproject);
    assert_eq!(text(&project, "uv.lock"), lock);
    // A run says which build it had.
    project.does(&["run", "--name", "one", "--", "python", "-c", "import torch"]);
    let runs = project.person.home().join(".local/share/deskside/runs");
    let build = std::fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("environment/build.toml"))
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap();
    assert!(build.contains("extra = \"cu126\""), "{build}");
    project.does(&["env", "sync", "--extra", "auto"]);
    assert_eq!(installed(&project.site()).unwrap(), first);
    // uv alone does the same from the files alone.
    std::fs::remove_dir_all(project.venv()).unwrap();
    project.uv(&["sync", "--quiet", "--frozen", "--extra", "rocm72"]);
    assert_eq!(installed(&project.site()).unwrap(), "2.13.0+rocm7.2");
    // What the project does not have is refused by name.
    let said = project.says(&["env", "sync", "--extra", "cu999"]);
    assert_eq!(said.code, 2, "{}", said.talk);
    assert!(said.talk.contains("cu126"), "{}", said.talk);
    let said = project.says(&["env", "add", "tensorflow"]);
    assert!(
        said.code != 0 && said.talk.contains("DS0413"),
        "{}",
        said.talk
    );
}

#[test]
fn adding_and_removing_are_taken_back_byte_for_byte() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write(
        "pyproject.toml",
        "# mine\n[project]\nname = \"p\"   # a name\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = [\"six==1.16.0\"]\n\n[tool.other]\nkey = 1\n",
    );
    project.does(&["env", "init"]);
    let before = (text(&project, "pyproject.toml"), text(&project, "uv.lock"));
    assert!(
        before.0.contains("# mine") && before.0.contains("# a name"),
        "{}",
        before.0
    );
    project.does(&["env", "add", "idna==3.7"]);
    assert!(text(&project, "pyproject.toml").contains("idna==3.7"));
    assert!(project.python("import idna, six, deskside"));
    project.does(&["env", "remove", "six"]);
    assert!(!project.python("import six"));
    assert!(project.python("import idna, deskside"));
    project.does(&["undo", "--yes"]);
    assert!(project.python("import idna, six"));
    project.does(&["undo", "--yes"]);
    assert_eq!(
        before,
        (text(&project, "pyproject.toml"), text(&project, "uv.lock"))
    );
    assert!(!project.python("import idna"));
    // What can't be has changed nothing, and says why in few words.
    for (wish, code, word) in [
        ("six==99", "DS0408", "six==99"),
        ("no such thing!!", "DS0414", "no such thing!!"),
        ("six @ nowhere:/x", "DS0", "six"),
    ] {
        let said = project.says(&["env", "add", wish]);
        assert_ne!(said.code, 0, "{wish}");
        assert!(
            said.talk.contains(code) && said.talk.contains(word),
            "{wish}: {}",
            said.talk
        );
        assert!(said.talk.lines().count() < 20, "{}", said.talk);
        assert_eq!(
            before,
            (text(&project, "pyproject.toml"), text(&project, "uv.lock")),
            "{wish}"
        );
    }
    // A plan only shows.
    let plan = project.does(&["env", "add", "idna", "--plan"]);
    assert!(plan.out.contains("+ idna"), "{}", plan.out);
    assert_eq!(before.0, text(&project, "pyproject.toml"));
}

#[test]
fn what_happened_behind_its_back_is_seen() {
    if !real_wanted() {
        return;
    }
    let project = Project::new(&["six==1.16.0"]);
    project.does(&["env", "sync"]);
    let settled = project.does(&["env", "sync"]);
    assert!(
        settled.out.contains("is as it should be"),
        "{}",
        settled.out
    );
    project.uv(&["pip", "install", "--quiet", "idna==3.7", "six==1.17.0"]);
    let said = project.does(&["env", "sync"]);
    assert!(said.out.contains("six 1.17.0"), "{}", said.out);
    assert!(project.python("import six; assert six.__version__ == '1.16.0'"));
    assert!(!project.python("import idna"));
    // A lock that is older than what the project asks for, and one that was edited badly.
    project.depends_on(&["six==1.16.0", "idna==3.7"]);
    let said = project.says(&["env", "sync"]);
    assert!(
        said.talk.contains("DS0409") && said.talk.contains("env lock"),
        "{}",
        said.talk
    );
    let lock = text(&project, "uv.lock");
    project
        .person
        .write("uv.lock", &format!("{lock}\nthis is no lock\n"));
    let said = project.says(&["env", "sync"]);
    assert!(said.talk.contains("DS0409"), "{}", said.talk);
    project.does(&["env", "lock"]);
    assert!(project.python("import idna, six"));
}

#[test]
fn what_a_folder_has_becomes_a_project() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write(
        "a/requirements.txt",
        "six>=1.10\nidna==3.7  # pinned\n-r more.txt\n",
    );
    project
        .person
        .write("a/more.txt", "click; python_version > '3.8'\n");
    project.does(&["env", "init", "a"]);
    let pyproject = text(&project, "a/pyproject.toml");
    for wanted in ["six>=1.10", "idna==3.7", "click"] {
        assert!(pyproject.contains(wanted), "{pyproject}");
    }
    project.person.write(
        "b/environment.yml",
        "name: old\nchannels: [conda-forge]\ndependencies:\n  - python>=3.9\n  - six=1.16\n  - cudatoolkit=11.8\n  - r-ggplot2\n  - pip:\n    - idna\n",
    );
    let said = project.does(&["env", "init", "b"]);
    assert!(
        said.talk.contains("cudatoolkit") && said.talk.contains("r-ggplot2"),
        "{}",
        said.talk
    );
    assert!(text(&project, "b/pyproject.toml").contains("six==1.16.*"));
    project.person.write("c/requirements.txt", "six\n");
    project.does(&[
        "env", "init", "c", "--as-of", "2021-03", "--python", ">=3.9",
    ]);
    let pyproject = text(&project, "c/pyproject.toml");
    assert!(
        pyproject.contains("exclude-newer = \"2021-04-01T00:00:00Z\""),
        "{pyproject}"
    );
    assert!(
        text(&project, "c/uv.lock").contains("version = \"1.15.0\""),
        "six as it was in March 2021"
    );
    let said = project.says(&["env", "init", "c", "--as-of", "soon"]);
    assert_eq!(
        (said.code, said.talk.contains("DS0414")),
        (2, true),
        "{}",
        said.talk
    );
    let said = project.says(&["env", "sync", "--project", "nowhere"]);
    assert!(said.talk.contains("nowhere"), "{}", said.talk);
}

#[test]
fn killed_half_way_the_same_command_arrives() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project
        .person
        .write("requirements.txt", "six==1.16.0\nidna==3.7\n");
    let mut deaths = 0;
    for effect in [1, 3, 6, 9, 12, 15] {
        let mut command = project.prepared(project.person.command(&["env", "init"]));
        command.env("DESKSIDE_FAULT", format!("die-before@{effect}"));
        deaths += usize::from(!command.output().unwrap().status.success());
    }
    assert!(deaths >= 4, "only {deaths} of the attempts died");
    project.does(&["env", "init"]);
    assert!(project.python("import idna, six, deskside"));
    assert!(project.left().is_empty(), "{:?}", project.left());
    // Two at once: the second says who is at work.
    let lock = project.person.home().join(".local/state/deskside/lock");
    let mut holder = std::process::Command::new("flock")
        .args(["--exclusive", "--no-fork"])
        .arg(&lock)
        .args(["sleep", "30"])
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let said = project.says(&["env", "add", "click"]);
    let _ = holder.kill();
    let _ = holder.wait();
    assert!(said.talk.contains("DS0301"), "{}", said.talk);
    assert!(!text(&project, "pyproject.toml").contains("click"));
}
