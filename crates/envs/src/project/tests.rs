//! Reading projects, good and bad.

use super::*;
use deskside_testkit::Sim;

fn sim(files: &[(&str, &str)]) -> Sim {
    let sim = Sim::linux();
    sim.put_directory("/p/x");
    for (name, contents) in files {
        sim.put_file(format!("/p/x/{name}"), *contents);
    }
    sim
}

fn read_at(files: &[(&str, &str)]) -> Result<Project, Problem> {
    read(&sim(files), Path::new("/p/x"))
}

#[test]
fn first_projects_read_back_as_what_they_are() {
    for flavour in Flavour::ALL {
        let first = first(flavour);
        let read = read_at(first.files).unwrap();
        let mut made = first.project(Path::new("/p/x"));
        assert_eq!(made.first.take(), Some(flavour));
        assert_eq!(read, made);
        assert!(read.warnings.is_empty());
        assert_eq!(read.bounds(flavour.word()).as_deref(), Some(""));
        assert!(
            first
                .file("train.py")
                .contains("deskside.summary[\"test/accuracy\"]")
        );
    }
}

#[test]
fn the_command_is_named_or_found() {
    let named = read_at(&[
        (
            "deskside.toml",
            "[run]\ncommand = [\"python\", \"-m\", \"x\"]\n",
        ),
        ("train.py", ""),
    ])
    .unwrap();
    assert_eq!(named.command, ["python", "-m", "x"]);
    for script in ["train.py", "main.py"] {
        let found = read_at(&[
            (script, ""),
            (
                "requirements.txt",
                "torch>=2.9  # pinned\n-r other.txt\n\n# note\nnumpy",
            ),
        ])
        .unwrap();
        assert_eq!(found.command, ["python", script]);
        assert_eq!(
            (found.packages, found.flavour),
            (Packages::Requirements, Some(Flavour::Torch))
        );
        assert_eq!(found.wish(None).framework, ">=2.9");
        assert_eq!(found.name, "x");
    }
    // Without one it can be set up, and not trained.
    let nothing = read_at(&[("requirements.txt", "torch")]).unwrap();
    let problem = nothing.require_command().unwrap_err();
    assert_eq!(problem.code, Code::NothingToTrain);
    assert!(problem.hints[0].contains("command"));
}

#[test]
fn packages_are_read_where_they_stand() {
    let pyproject = "[project]\nname = \"mine\"\nrequires-python = \">=3.11\"\ndependencies = [\"jax[cuda13]==0.10.2\", \"optax\"]\n";
    let project = read_at(&[("pyproject.toml", pyproject), ("main.py", "")]).unwrap();
    assert_eq!(
        (project.name.as_str(), project.packages, project.flavour),
        ("mine", Packages::Pyproject, Some(Flavour::Jax))
    );
    assert_eq!(project.python.as_deref(), Some(">=3.11"));
    assert_eq!(project.wish(Some(Flavour::Torch)).framework, "");
    let locked = read_at(&[
        ("pyproject.toml", pyproject),
        ("uv.lock", ""),
        ("main.py", ""),
    ])
    .unwrap();
    assert_eq!(locked.packages, Packages::Lock);
    let tool_only = read_at(&[("pyproject.toml", "[tool.ruff]\n"), ("main.py", "")]).unwrap();
    assert_eq!(
        (tool_only.packages, tool_only.warnings.len()),
        (Packages::None, 1)
    );
    let settings = read_at(&[
        (
            "deskside.toml",
            "[environment]\nflavour = \"mlx\"\npython = \"3.12\"\n[project]\nname = \"n\"",
        ),
        ("train.py", ""),
    ])
    .unwrap();
    assert_eq!(
        (
            settings.flavour,
            settings.python.as_deref(),
            settings.name.as_str()
        ),
        (Some(Flavour::Mlx), Some("3.12"), "n")
    );
}

#[test]
fn unknown_keys_are_told_and_the_near_ones_named() {
    let project = read_at(&[(
        "deskside.toml",
        "[projct]\nname=\"a\"\n[run]\ncomand=[\"x\"]\ncommand=[\"y\"]\n[environment]\nzzz=1\n",
    )])
    .unwrap();
    assert_eq!(project.warnings.len(), 3);
    let all = project.warnings.join("\n");
    assert!(
        all.contains("`projct` is not known and was passed over; did you mean `project`?"),
        "{all}"
    );
    assert!(
        all.contains("did you mean `run.command`?")
            && all.contains("`environment.zzz` is not known and was passed over"),
        "{all}"
    );
}

#[test]
fn bad_projects_say_what_and_where() {
    for (files, words) in [
        (
            &[("deskside.toml", "[run]\n\ncommand = [\n")][..],
            "deskside.toml:",
        ),
        (
            &[("deskside.toml", "[run]\ncommand = \"python train.py\"\n")],
            "a list of words",
        ),
        (
            &[("deskside.toml", "[run]\ncommand = []\n")],
            "a list of words",
        ),
        (
            &[("deskside.toml", "[run]\ncommand = [1]\n")],
            "a list of words",
        ),
        (&[("deskside.toml", "run = 1\n")], "a table"),
        (
            &[("deskside.toml", "[environment]\nflavour = \"caffe\"\n")],
            "torch, jax, mlx",
        ),
        (
            &[("deskside.toml", "[environment]\npython = 3.12\n")],
            "a text in quotes",
        ),
        (&[("pyproject.toml", "x = \n")], "pyproject.toml:1"),
        (&[("notes.txt", "")], "nothing to set up"),
        (&[], "nothing to set up"),
    ] {
        let problem = read_at(files).unwrap_err();
        assert_eq!(problem.code, Code::ProjectUnreadable, "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
        assert!(!problem.hints.is_empty(), "{problem}");
    }
}

#[test]
fn missing_and_forbidden_folders_are_told_apart() {
    let sim = sim(&[("train.py", "")]);
    for (path, words) in [
        ("/p/none", "there is no folder"),
        ("/p/x/train.py", "is not a folder"),
    ] {
        let problem = read(&sim, Path::new(path)).unwrap_err();
        assert_eq!(problem.code, Code::ProjectUnreadable);
        assert!(problem.message.contains(words), "{problem}");
    }
}

#[test]
fn requirements_are_found_in_the_files_that_are_named() {
    let project = read_at(&[
        ("train.py", ""),
        ("requirements.txt", "-r base.txt\n-c bounds.txt\n"),
        ("base.txt", "torch>=2.9\n"),
        ("bounds.txt", "torch<2.11\njax<1\n"),
    ])
    .unwrap();
    assert_eq!(project.flavour, Some(Flavour::Torch));
    assert_eq!(project.bounds("torch").as_deref(), Some(">=2.9,<2.11"));
    assert_eq!(project.bounds("jax"), None, "a constraint wants nothing");
    let missing = read_at(&[("train.py", ""), ("requirements.txt", "-r none.txt")]).unwrap();
    assert!(
        missing.warnings[0].contains("none.txt"),
        "{:?}",
        missing.warnings
    );
}

#[test]
fn a_path_that_is_no_text_is_refused_once_and_clearly() {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/p/caf\xe9"));
    let sim = sim(&[("train.py", "")]);
    sim.put_file(path.join("train.py"), "");
    let problem = read(&sim, path).unwrap_err();
    assert_eq!(problem.code, Code::ProjectUnreadable);
    assert!(problem.to_string().contains("no UTF-8"), "{problem}");
    assert!(!problem.hints.is_empty());
}
