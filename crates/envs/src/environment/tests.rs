//! Environment actions with a simulated uv: what holds, what is made, what is left alone.

use super::own::Own;
use super::*;
use deskside_machine::Output;
use deskside_testkit::{Sim, SimState};

const VENV: &str = "/home/user/p/.venv";
const UV: &str = "/opt/uv";

/// A machine whose uv makes environments and installs what it is told, with some dependencies left out.
fn machine() -> Sim {
    let sim = Sim::linux();
    sim.put_program(UV, "uv");
    sim.put_directory("/home/user/p");
    sim.put_file("/usr/bin/python3.12", "elf");
    sim.on_command(
        |argv| argv[0] == UV,
        |state, command| Ok(uv(state, &command.argv)),
    );
    sim
}

fn uv(state: &mut SimState, argv: &[String]) -> Output {
    let said = |code: i32, stderr: &str| Output {
        code,
        stdout: vec![],
        stderr: stderr.into(),
    };
    if !state.network {
        return said(
            2,
            "error: Failed to fetch: https://index.example/simple/x/\n  cause: dns error",
        );
    }
    match argv[1].as_str() {
        "venv" => {
            let path = argv.last().unwrap();
            state.put_link(format!("{path}/bin/python"), "/usr/bin/python3.12");
            state.put_file(
                format!("{path}/pyvenv.cfg"),
                "home = /usr/bin\nversion_info = 3.12.3\n",
            );
            state.put_directory(format!("{path}/lib/python3.12/site-packages"));
        }
        "pip" if argv[2] == "uninstall" => {
            for name in &argv[5..] {
                let folder = format!("{VENV}/lib/python3.12/site-packages/{name}-1.0.dist-info");
                state.remove(format!("{folder}/METADATA"));
                state.remove(folder);
            }
        }
        "pip" if argv.iter().any(|word| word.starts_with("gone==")) => {
            return said(1, "error: No solution found: there is no version of gone");
        }
        "pip" => {
            for word in argv.iter().filter(|word| {
                !word.starts_with(['-', '/'])
                    && word
                        .chars()
                        .next()
                        .is_some_and(|letter| letter.is_ascii_lowercase())
            }) {
                let name = word.split(['>', '=', '[']).next().unwrap();
                if ["pip", "install", "venv"].contains(&name) {
                    continue;
                }
                state.put_file(
                    format!("{VENV}/lib/python3.12/site-packages/{name}-1.0.dist-info/METADATA"),
                    "",
                );
            }
        }
        _ => return said(2, "error: unknown"),
    }
    said(0, " + done")
}

fn create(python: &str) -> EnvironmentAction {
    EnvironmentAction::Create {
        path: VENV.into(),
        python: python.into(),
        uv: UV.into(),
    }
}

fn install(requirements: &[&str], expected: &[&str]) -> EnvironmentAction {
    let strings = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    EnvironmentAction::Install {
        path: VENV.into(),
        requirements: strings(requirements),
        files: vec![],
        expected: strings(expected),
        arguments: vec![],
        uv: UV.into(),
    }
}

/// What is known of an action before it, and after it.
type Memory = (Value, Value);

/// Prepares and performs as the mechanism does; answers with what undo needs.
fn act(machine: &Sim, action: &EnvironmentAction) -> Result<Memory, Problem> {
    let before = prepare(machine, action)?;
    let after = perform(machine, action, &before, &mut |_| {})?;
    Ok((before, after))
}

/// Takes back as the mechanism does.
fn take(machine: &Sim, action: &EnvironmentAction, memory: &Memory) -> Option<String> {
    undo(machine, action, &memory.0, &memory.1).unwrap()
}

#[test]
fn an_environment_is_made_filled_and_taken_back() {
    let sim = machine();
    let (create, install) = (create("3.12"), install(&["torch>=2.11,<2.16"], &["torch"]));
    assert!(!holds(&sim, &create).unwrap());
    let before = sim.tree();
    let made = act(&sim, &create).unwrap();
    assert!(holds(&sim, &create).unwrap() && !holds(&sim, &install).unwrap());
    let empty = sim.tree_of(format!("{VENV}/lib"));
    let installed = act(&sim, &install).unwrap();
    assert!(holds(&sim, &install).unwrap());
    take(&sim, &install, &installed);
    assert!(!holds(&sim, &install).unwrap());
    assert_eq!(sim.tree_of(format!("{VENV}/lib")), empty);
    take(&sim, &create, &made);
    assert_eq!(sim.tree(), before);
}

#[test]
fn other_requirements_or_a_missing_package_need_the_install_again() {
    let sim = machine();
    act(&sim, &create("3.12")).unwrap();
    act(&sim, &install(&["torch"], &["torch"])).unwrap();
    assert!(!holds(&sim, &install(&["torch", "numpy"], &["torch"])).unwrap());
    assert!(!holds(&sim, &install(&["torch"], &["torch", "numpy"])).unwrap());
    sim.change(|state| {
        state.remove(format!(
            "{VENV}/lib/python3.12/site-packages/torch-1.0.dist-info/METADATA"
        ));
        state.remove(format!(
            "{VENV}/lib/python3.12/site-packages/torch-1.0.dist-info"
        ));
    });
    assert!(!holds(&sim, &install(&["torch"], &["torch"])).unwrap());
}

#[test]
fn a_failed_install_is_not_taken_for_a_whole_one() {
    let sim = machine();
    act(&sim, &create("3.12")).unwrap();
    let action = install(&["torch"], &["torch"]);
    act(&sim, &action).unwrap();
    sim.set_network(false);
    let problem = act(&sim, &action).unwrap_err();
    assert_eq!(problem.code, Code::IndexUnreachable);
    assert!(
        problem.to_string().contains("/opt/uv pip install") && !problem.hints.is_empty(),
        "{problem}"
    );
    assert!(
        !holds(&sim, &action).unwrap(),
        "the packages are there, but the install was not finished"
    );
    sim.set_network(true);
    act(&sim, &action).unwrap();
    assert!(holds(&sim, &action).unwrap());
    let lying = act(&sim, &install(&["torch"], &["torch", "absent"])).unwrap_err();
    assert_eq!(lying.code, Code::VerifyFailed);
}

#[test]
fn half_made_and_broken_environments_are_made_anew() {
    // Killed while uv worked: our marker says so.
    let sim = machine();
    sim.put_file(
        format!("{VENV}/.deskside.json"),
        r#"{"version":1,"making":true}"#,
    );
    sim.put_file(format!("{VENV}/bin/activate"), "half");
    assert!(!holds(&sim, &create("3.12")).unwrap());
    act(&sim, &create("3.12")).unwrap();
    assert!(holds(&sim, &create("3.12")).unwrap());
    assert!(!sim.tree().contains("activate"));

    // Its interpreter is gone. It was not ours: it is kept beside, and comes back with undo.
    let sim = machine();
    sim.put_file(
        format!("{VENV}/pyvenv.cfg"),
        "home = /opt/gone/bin\nversion = 3.9.1\n",
    );
    sim.put_link(format!("{VENV}/bin/python"), "/opt/gone/bin/python3");
    let before = sim.tree();
    let memory = act(&sim, &create("3.12")).unwrap();
    assert_eq!(memory.0["moved_to"], format!("{VENV}.before"));
    assert!(holds(&sim, &create("3.12")).unwrap());
    take(&sim, &create("3.12"), &memory);
    assert_eq!(sim.tree(), before);
}

#[test]
fn undo_takes_only_the_environment_that_was_made() {
    // Removed and made anew by the person: another one, and theirs.
    let sim = machine();
    let made = act(&sim, &create("3.12")).unwrap();
    sim.change(|state| {
        state.remove(VENV);
    });
    sim.put_file(format!("{VENV}/pyvenv.cfg"), "version = 3.12.1\n");
    sim.put_file(format!("{VENV}/precious.txt"), "years of work");
    let left = take(&sim, &create("3.12"), &made);
    assert!(left.is_some_and(|left| left.contains("left as it is")));
    assert!(sim.tree().contains("precious.txt"));

    // Ours, but with a package the person put in: moved aside, not deleted.
    let sim = machine();
    let made = act(&sim, &create("3.12")).unwrap();
    act(&sim, &install(&["torch"], &["torch"])).unwrap();
    sim.put_file(
        format!("{VENV}/lib/python3.12/site-packages/mine-1.0.dist-info/METADATA"),
        "Name: mine\n",
    );
    let left = take(&sim, &create("3.12"), &made);
    assert!(left.is_some_and(|left| left.contains("mine") && left.contains(".removed-")));
    assert!(sim.tree().contains("mine-1.0.dist-info"));
}

#[test]
fn an_install_that_was_cut_off_is_taken_back_from_what_was_noted_before() {
    let sim = machine();
    act(&sim, &create("3.12")).unwrap();
    let empty = sim.tree_of(format!("{VENV}/lib"));
    let action = install(&["torch"], &["torch"]);
    let before = prepare(&sim, &action).unwrap();
    perform(&sim, &action, &before, &mut |_| {}).unwrap();
    // Killed before anybody heard of the outcome: only what was journalled first is known.
    assert_eq!(take(&sim, &action, &(before, Value::Null)), None);
    assert_eq!(sim.tree_of(format!("{VENV}/lib")), empty);
}

#[test]
fn without_uv_undo_says_what_stays() {
    let sim = machine();
    act(&sim, &create("3.12")).unwrap();
    let action = install(&["torch"], &["torch"]);
    let before = act(&sim, &action).unwrap();
    sim.change(|state| {
        state.remove(UV);
    });
    assert!(take(&sim, &action, &before).is_some_and(|left| left.contains("uv is gone")));
}

#[test]
fn what_is_a_persons_is_never_removed() {
    for put in [
        (|sim: &Sim| {
            sim.put_file(format!("{VENV}/thesis.tex"), "years of work");
        }) as fn(&Sim),
        |sim| {
            sim.put_file(VENV, "a file");
        },
        |sim| {
            sim.put_link(VENV, "/nowhere");
        },
        |sim| {
            sim.put_file(format!("{VENV}/pyvenv.cfg"), "version = 3.9.1\n");
            sim.put_link(format!("{VENV}/bin/python"), "/usr/bin/python3.12");
        },
    ] {
        let sim = machine();
        put(&sim);
        let before = sim.tree();
        let problem = act(&sim, &create("3.12")).unwrap_err();
        assert_eq!(problem.code, Code::EnvironmentBroken, "{problem}");
        assert!(problem.hints[0].contains("mv "), "{problem}");
        assert_eq!(sim.tree(), before);
    }
}

#[test]
fn uv_is_told_the_persons_indexes_in_variables_only() {
    let sim = machine();
    sim.put_file("/etc/pip.conf", "[global]\nindex-url = https://me:secret@index.example/simple\nextra-index-url = https://b.example/simple\ncert = /etc/ca.pem\nfind-links = /opt/wheels\n");
    sim.set_variable("PYTHONPATH", "/x")
        .set_variable("VIRTUAL_ENV", "/other");
    let seen = command(&sim, Path::new(VENV), vec![UV.into(), "pip".into()]);
    assert!(!seen.shown().contains("secret"));
    for (name, value) in [
        (
            "UV_DEFAULT_INDEX",
            Some("https://me:secret@index.example/simple"),
        ),
        ("UV_INDEX", Some("https://b.example/simple")),
        ("UV_FIND_LINKS", Some("/opt/wheels")),
        ("SSL_CERT_FILE", Some("/etc/ca.pem")),
        ("PYTHONPATH", None),
        ("VIRTUAL_ENV", None),
    ] {
        assert_eq!(
            seen.variables.get(name).map(Option::as_deref),
            Some(value),
            "{name}"
        );
    }
    sim.set_variable("UV_DEFAULT_INDEX", "https://own.example/simple");
    assert!(
        !command(&sim, Path::new(VENV), vec![UV.into()])
            .variables
            .contains_key("UV_DEFAULT_INDEX")
    );
}

#[test]
fn a_missing_uv_says_so() {
    let sim = Sim::linux();
    sim.put_directory("/home/user/p");
    let problem = act(&sim, &create("3.12")).unwrap_err();
    assert_eq!(problem.code, Code::UvUnavailable, "{problem}");
    assert!(!holds(&sim, &create("3.12")).unwrap());
}

/// A person's own whole environment, with a package in it.
fn own(sim: &Sim) -> String {
    sim.put_file(format!("{VENV}/pyvenv.cfg"), "version = 3.12.1\n");
    sim.put_link(format!("{VENV}/bin/python"), "/usr/bin/python3.12");
    put(sim, "numpy");
    sim.tree()
}

fn put(sim: &Sim, name: &str) {
    sim.put_file(
        format!("{VENV}/lib/python3.12/site-packages/{name}-1.0.dist-info/METADATA"),
        "",
    );
}

#[test]
fn a_persons_own_environment_is_never_taken_for_one_of_ours() {
    let sim = machine();
    let before = own(&sim);
    let action = install(&["torch"], &["torch"]);
    let memory = act(&sim, &action).unwrap();
    // Whole, it only lent room, and our note goes with our packages.
    put(&sim, "mine");
    take(&sim, &action, &memory);
    let tree = sim.tree();
    assert!(
        tree.contains("mine-1.0") && !tree.contains("torch-1.0"),
        "{tree}"
    );
    assert!(!tree.contains(".deskside.json"), "{tree}");
    sim.change(|state| {
        let site = format!("{VENV}/lib/python3.12/site-packages/mine-1.0.dist-info");
        state.remove(format!("{site}/METADATA")).remove(site);
    });
    assert_eq!(sim.tree(), before);

    // Broken after we put packages in, it is moved aside, not removed.
    act(&sim, &action).unwrap();
    sim.change(|state| {
        state.remove(format!("{VENV}/bin/python"));
    });
    let broken = sim.tree();
    let memory = act(&sim, &create("3.12")).unwrap();
    assert!(
        sim.tree()
            .contains(".venv.before/lib/python3.12/site-packages/numpy-1.0")
    );
    assert_eq!(take(&sim, &create("3.12"), &memory), None);
    assert_eq!(sim.tree(), broken);
}

#[test]
fn what_the_person_put_in_between_two_installs_stays_theirs() {
    let sim = machine();
    let made = act(&sim, &create("3.12")).unwrap();
    act(&sim, &install(&["torch"], &["torch"])).unwrap();
    put(&sim, "mine");
    act(&sim, &install(&["torch", "numpy"], &["torch", "numpy"])).unwrap();
    // Broken, it is made anew beside what is theirs.
    sim.change(|state| {
        state.remove(format!("{VENV}/bin/python"));
    });
    let again = act(&sim, &create("3.12")).unwrap();
    assert!(
        sim.tree()
            .contains(".venv.before/lib/python3.12/site-packages/mine-1.0")
    );
    assert_eq!(take(&sim, &create("3.12"), &again), None);
    let left = take(&sim, &create("3.12"), &made).unwrap();
    assert!(
        left.contains("(mine)") && left.contains(".removed-"),
        "{left}"
    );
}

#[test]
fn an_environment_that_was_there_and_empty_is_so_again() {
    let sim = machine();
    sim.put_directory(VENV);
    let before = sim.tree();
    let memory = act(&sim, &create("3.12")).unwrap();
    assert_eq!(take(&sim, &create("3.12"), &memory), None);
    assert_eq!(sim.tree(), before);
}

#[test]
fn a_broken_environment_comes_back_although_uv_failed() {
    let sim = machine();
    own(&sim);
    sim.change(|state| {
        state.remove(format!("{VENV}/bin/python"));
    });
    let tree = sim.tree();
    let before = prepare(&sim, &create("3.12")).unwrap();
    sim.set_network(false);
    perform(&sim, &create("3.12"), &before, &mut |_| {}).unwrap_err();
    assert!(sim.tree().contains(".venv.before"));
    let memory = (before, Value::Null);
    for _ in 0..2 {
        assert_eq!(take(&sim, &create("3.12"), &memory), None);
        assert_eq!(sim.tree(), tree);
    }
}

#[test]
fn a_file_that_the_requirements_name_counts() {
    let sim = machine();
    sim.put_file(
        "/home/user/p/requirements.txt",
        "-r base.txt\n-c bounds.txt\n",
    );
    sim.put_file("/home/user/p/base.txt", "torch\n");
    sim.put_file("/home/user/p/bounds.txt", "torch<3\n");
    act(&sim, &create("3.12")).unwrap();
    let mut action = install(&["torch"], &["torch"]);
    if let EnvironmentAction::Install { files, .. } = &mut action {
        files.push("/home/user/p/requirements.txt".into());
    }
    for name in ["base.txt", "bounds.txt"] {
        act(&sim, &action).unwrap();
        assert!(holds(&sim, &action).unwrap());
        sim.put_file(format!("/home/user/p/{name}"), "torch\nnumpy\n");
        assert!(!holds(&sim, &action).unwrap(), "{name}");
    }
}

#[test]
fn a_version_that_the_index_has_no_more_is_told_and_stops_no_other() {
    let sim = machine();
    own(&sim);
    put(&sim, "gone");
    let action = install(&["torch"], &["torch"]);
    let before = prepare(&sim, &action).unwrap();
    perform(&sim, &action, &before, &mut |_| {}).unwrap();
    // As if the install had been cut off when the old versions were out and the new ones not yet in.
    sim.change(|state| {
        for name in ["gone", "numpy"] {
            state.remove(format!(
                "{VENV}/lib/python3.12/site-packages/{name}-1.0.dist-info"
            ));
        }
    });
    let left = take(&sim, &action, &(before, Value::Null)).unwrap();
    assert!(
        left.contains("gone==1.0") && !left.contains("numpy"),
        "{left}"
    );
    let tree = sim.tree();
    assert!(
        tree.contains("numpy-1.0") && !tree.contains("torch-1.0"),
        "{tree}"
    );
}

/// Breaks the environment as an upgrade of the system's Python does.
fn cut_link(sim: &Sim) {
    sim.change(|state| {
        state.remove(format!("{VENV}/bin/python"));
        state.put_link(format!("{VENV}/bin/python"), "/nonexistent");
    });
}

#[test]
fn one_that_cant_start_is_moved_aside_where_a_persons_files_are_in_it() {
    let site = format!("{VENV}/lib/python3.12/site-packages");
    for (file, kept) in [
        (format!("{VENV}/data/x.csv"), true),
        (format!("{site}/mypkg/a.py"), true),
        (format!("{VENV}/bin/activate_wandb.sh"), true),
        (format!("{site}/tool.pyc"), true),
        (format!("{site}/__pycache__/six.cpython-312.pyc"), false),
        (format!("{VENV}/.gitignore"), false),
    ] {
        let sim = machine();
        let create = create("3.12");
        act(&sim, &create).unwrap();
        sim.put_file(&file, "mine");
        cut_link(&sim);
        let aside = format!("{VENV}.before");
        let told = moved_aside(&sim, Path::new(VENV), "3.12").unwrap();
        assert_eq!(told.is_some(), kept, "{file}: {told:?}");
        assert!(told.is_none_or(|told| told.contains(&aside)), "{file}");
        let memory = act(&sim, &create).unwrap();
        assert!(holds(&sim, &create).unwrap());
        assert_eq!(sim.exists(&aside).unwrap(), kept, "{file}");
        let left = take(&sim, &create, &memory);
        if kept {
            assert_eq!(left, None, "{file}");
            assert_eq!(sim.text(&file).unwrap(), "mine");
        }
    }
}

#[test]
fn lines_in_activate_are_a_persons() {
    let sim = machine();
    let create = create("3.12");
    act(&sim, &create).unwrap();
    sim.put_file(format!("{VENV}/bin/activate"), "# uv's");
    assert!(Own::of(&sim, Path::new(VENV)).is_empty());
    sim.advance(Duration::from_secs(60));
    sim.put_file(
        format!("{VENV}/bin/activate"),
        "# uv's\nexport CUDA_HOME=/x",
    );
    let own = Own::of(&sim, Path::new(VENV));
    assert_eq!(own.scripts, [Path::new("bin/activate")]);
    cut_link(&sim);
    act(&sim, &create).unwrap();
    let kept = sim.text(format!("{VENV}.before/bin/activate")).unwrap();
    assert!(kept.contains("CUDA_HOME"));
}

/// Seeing the system's packages is a decision that nothing but this file has.
#[test]
fn decisions_in_pyvenv_cfg_are_a_persons() {
    let sim = machine();
    let create = create("3.12");
    act(&sim, &create).unwrap();
    let settings = sim.text(format!("{VENV}/pyvenv.cfg")).unwrap();
    for (more, own) in [
        ("", false),
        ("prompt = mine\n", false),
        ("include-system-site-packages = false\n", false),
        ("include-system-site-packages = true\n", true),
        ("extends-environment = /elsewhere\n", true),
    ] {
        sim.put_file(format!("{VENV}/pyvenv.cfg"), format!("{settings}{more}"));
        let found = Own::of(&sim, Path::new(VENV)).scripts;
        let expected: &[std::path::PathBuf] = &["pyvenv.cfg".into()];
        assert_eq!(found, if own { expected } else { &[] }, "{more}");
    }
}

#[test]
fn undo_never_removes_a_persons_files() {
    let sim = machine();
    let create = create("3.12");
    let memory = act(&sim, &create).unwrap();
    sim.put_file(format!("{VENV}/data/x.csv"), "mine");
    let left = take(&sim, &create, &memory).unwrap();
    assert!(left.contains("files of yours (data)"), "{left}");
    assert!(!sim.exists(VENV).unwrap());
    assert!(sim.tree_of("/home/user/p").contains("x.csv"));
}
