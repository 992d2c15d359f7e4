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

#[test]
fn a_requirements_file_is_taken_over_and_planning_leaves_nothing() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    for (name, text) in [
        (
            "lib/pyproject.toml",
            "[project]\nname = \"lib\"\nversion = \"1\"\n[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n",
        ),
        ("lib/src/lib_code/__init__.py", ""),
        (
            "p/setup.py",
            "from setuptools import setup\nsetup(name='p', py_modules=['mine'])\n",
        ),
        ("p/mine.py", ""),
        ("p/bounds.txt", "idna==3.7\n"),
        (
            "p/requirements.txt",
            "-c bounds.txt\n--trusted-host x.example\nsix==1.16.0 \\\n    --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\nidna ; python_version >= '3.8'\n-e .\n-e ../lib\ngit+https://x.example/nameless.git\n",
        ),
    ] {
        project.person.write(name, text);
    }
    let files = || {
        let mut names = Vec::new();
        let mut folders = vec![project.person.work()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                names.push(path.clone());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        names.sort();
        names
    };
    let before = files();
    let said = project.does(&["env", "init", "p", "--plan"]);
    assert!(said.out.contains("+ lib"), "{}", said.out);
    assert!(
        said.talk.contains("nameless.git") && said.talk.contains("--trusted-host"),
        "{}",
        said.talk
    );
    assert_eq!(files(), before);
    project.does(&["env", "init", "p"]);
    let pyproject = text(&project, "p/pyproject.toml");
    for wanted in [
        "lib = { path = \"../lib\", editable = true }",
        "constraint-dependencies",
        "\"six==1.16.0\"",
        "setuptools.build_meta",
    ] {
        assert!(pyproject.contains(wanted), "{wanted}: {pyproject}");
    }
    // uv alone finds all as it should be, and the lock names no place of the mirror.
    project.uv(&["lock", "--check", "--project", "p"]);
    assert!(
        !text(&project, "p/uv.lock").contains("mirror"),
        "{}",
        text(&project, "p/uv.lock")
    );
    let python = project.person.work().join("p/.venv/bin/python");
    let imports = "import six, idna, mine, lib_code; assert six.__version__ == '1.16.0'";
    let ran = std::process::Command::new(python)
        .args(["-c", imports])
        .status();
    assert!(ran.unwrap().success());
    // Taken over again it changes nothing.
    let again = project.does(&["env", "init", "p", "--from", "p/requirements.txt"]);
    assert!(again.out.contains("is as it should be"), "{}", again.out);
    assert_eq!(text(&project, "p/pyproject.toml"), pyproject);
}

#[test]
fn a_framework_is_taken_as_it_was_then() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write("requirements.txt", "jax\n");
    let plan = project.does(&[
        "env", "init", "--as-of", "2023-05", "--python", ">=3.9", "--plan",
    ]);
    assert!(plan.out.contains("jax 0.4.1"), "{}", plan.out);
    // What no wheel serves is told with the Python that it has one for.
    project
        .person
        .write("old/requirements.txt", "tensorflow==1.15\n");
    let said = project.says(&[
        "env", "init", "old", "--as-of", "2020-05", "--python", ">=3.9",
    ]);
    assert!(
        said.talk.contains("DS0408") && said.talk.contains("--python 3.7"),
        "{}",
        said.talk
    );
    // What was not there yet is told with the month in which it came.
    project.person.write("new/requirements.txt", "six>=1.17\n");
    let said = project.says(&[
        "env", "init", "new", "--as-of", "2021-03", "--python", ">=3.9",
    ]);
    assert!(said.talk.contains("--as-of 2024-12"), "{}", said.talk);
    assert!(!project.person.work().join("new/pyproject.toml").exists());
}

#[test]
fn what_is_not_for_this_platform_is_told_before_anything_is_changed() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.does(&["env", "init"]);
    let before = text(&project, "pyproject.toml");
    let said = project.says(&["env", "add", "pywin32"]);
    assert!(
        said.talk.contains("DS0408") && said.talk.contains("win_amd64"),
        "{}",
        said.talk
    );
    assert_eq!(text(&project, "pyproject.toml"), before);
    // A lock that was made for other platforms only.
    project.person.write(
        "other/pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = [\"six\"]\n[tool.uv]\nenvironments = [\"sys_platform == 'win32'\"]\n",
    );
    project.uv(&["lock", "--quiet", "--project", "other"]);
    let said = project.says(&["env", "sync", "--project", "other"]);
    assert!(
        said.talk.contains("DS0408") && said.talk.contains("environments"),
        "{}",
        said.talk
    );
    assert!(!project.person.work().join("other/.venv").exists());
    // What Poetry keeps is not taken for nothing.
    project.person.write(
        "poetry/pyproject.toml",
        "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\nsix = \"*\"\n",
    );
    let said = project.says(&["env", "init", "poetry"]);
    assert!(
        said.talk.contains("DS0401") && said.talk.contains("Poetry"),
        "{}",
        said.talk
    );
}

#[test]
fn a_second_framework_joins_the_builds_of_the_first() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.does(&["env", "init", "--flavour", "jax"]);
    let before = text(&project, "pyproject.toml");
    project.does(&["env", "add", "mlx"]);
    let both = text(&project, "pyproject.toml");
    for line in ["\"jax[cuda13]", "\"mlx[cuda13]", "\"mlx[cuda12]"] {
        assert!(both.contains(line), "{line}: {both}");
    }
    project.does(&["env", "remove", "mlx"]);
    assert_eq!(text(&project, "pyproject.toml"), before);
    // PyTorch comes first, whichever was there before; only resolved here, for its size.
    let plan = project.does(&["env", "add", "torch", "--plan"]);
    assert!(
        plan.out.contains("Note this machine's build: torch"),
        "{}",
        plan.out
    );
    // Frameworks of two major versions of CUDA are refused, also when a list names them together.
    project
        .person
        .write("both/requirements.txt", "torch\ntensorflow\n");
    let said = project.says(&["env", "init", "both"]);
    assert!(said.talk.contains("DS0413"), "{}", said.talk);
    assert!(!project.person.work().join("both/pyproject.toml").exists());
}

#[test]
fn a_pinned_framework_stays_pinned_in_each_build_and_in_its_time() {
    if !real_wanted() {
        return;
    }
    let index = PytorchIndex::start();
    let mut project = Project::empty();
    let root = index.root.clone();
    project
        .variables
        .push(("DESKSIDE_PYTORCH_INDEX".into(), root));
    project
        .person
        .write("requirements.txt", "torch==2.14.1+cu126\n");
    // PyTorch's own indexes name no days of upload: they are spared from `exclude-newer`, under the version of the time.
    for request in [
        &["env", "init"][..],
        &["env", "init", "--as-of", "2026-11-20", "--python", ">=3.10"][..],
    ] {
        let _ = std::fs::remove_file(project.person.work().join("pyproject.toml"));
        project.does(request);
        let pyproject = text(&project, "pyproject.toml");
        assert!(pyproject.contains("\"torch==2.14.1;"), "{pyproject}");
        assert!(!pyproject.contains("torch>="), "{pyproject}");
        assert_eq!(
            pyproject.contains("exclude-newer-package"),
            request.len() > 2,
            "{pyproject}"
        );
        assert_eq!(installed(&project.site()).unwrap(), "2.14.1+cpu");
        project.does(&["env", "sync", "--extra", "cu126"]);
        assert_eq!(installed(&project.site()).unwrap(), "2.14.1+cu126");
        project.does(&["env", "sync", "--extra", "auto"]);
        // Called again it stays as it is.
        project.does(&["env", "init", "--flavour", "torch"]);
        assert_eq!(text(&project, "pyproject.toml"), pyproject);
    }
}

#[test]
fn an_environment_of_somebody_elses_stays_and_what_goes_out_of_it_comes_back() {
    if !real_wanted() {
        return;
    }
    let project = Project::empty();
    project.person.write("requirements.txt", "six==1.16.0\n");
    project.uv(&["venv", "--quiet"]);
    project.person.write(".venv/mine", "");
    project.uv(&["pip", "install", "--quiet", "idna==3.7"]);
    let said = project.does(&["env", "init"]);
    assert!(
        said.talk.contains("somebody else") && said.talk.contains("- idna 3.7"),
        "{}",
        said.talk
    );
    assert!(project.python("import six, deskside") && !project.python("import idna"));
    assert!(project.venv().join("mine").exists());
    project.does(&["env", "rollback"]);
    assert!(project.python("import idna"));
    // What is no environment is told before anything is changed.
    project.person.write("file/requirements.txt", "six\n");
    project.person.write("file/.venv", "mine");
    let said = project.says(&["env", "init", "file"]);
    assert!(said.talk.contains("DS0406"), "{}", said.talk);
    assert!(!project.person.work().join("file/pyproject.toml").exists());
    assert_eq!(text(&project, "file/.venv"), "mine");
}
