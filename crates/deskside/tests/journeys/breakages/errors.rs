//! Commands that fail, and what the doctor says of them.

use super::scene::{Question, Way, ask, ask_by, plain, project, stand_in};
use super::table;
use crate::person::{real_wanted, said};
use crate::project::Project;
use std::process::Command;

#[test]
fn modules_that_are_not_found() {
    if !real_wanted() {
        return;
    }
    let python = ".venv/bin/python";
    let failing = |id: &str, case: &str, way: Way, command: &[&str], wreck: &dyn Fn(&Project)| {
        let project = project(&["six==1.16.0", "idna==3.7"]);
        wreck(&project);
        ask(&project, &Question::of(id, case, way).shown_by(command))
    };
    let nothing = |_: &Project| {};
    let mut outcomes = vec![
        failing(
            "module-not-installed",
            "import of cv2",
            Way::Person,
            &[python, "-c", "import cv2"],
            &nothing,
        ),
        failing(
            "module-not-installed",
            "-m pip",
            Way::Person,
            &[python, "-m", "pip", "list"],
            &nothing,
        ),
        failing(
            "module-declared-not-installed",
            "declared",
            Way::Fix,
            &[python, "-c", "import idna"],
            &|p| {
                p.uv(&["pip", "uninstall", "--quiet", "idna"]);
            },
        ),
        failing(
            "module-not-in-this-python",
            "another Python",
            Way::Person,
            &["other/bin/python", "-c", "import six"],
            &|p| {
                let other = p.person.work().join("other");
                p.uv(&["venv", "--quiet", other.to_str().unwrap()]);
            },
        ),
        failing(
            "module-of-the-project-not-found",
            "the project's own",
            Way::Person,
            &[python, "-c", "import mylib"],
            &|p| {
                p.person.write("src/mylib/__init__.py", "");
            },
        ),
        failing(
            "module-shadowed-by-file",
            "six.py",
            Way::Person,
            &[python, "-c", "import six.moves.urllib, six.nope"],
            &|p| {
                p.person.write("six.py", "x = 1\n");
            },
        ),
        failing(
            "module-not-in-installed-version",
            "no such part",
            Way::Person,
            &[python, "-c", "import idna.nope"],
            &nothing,
        ),
        failing(
            "system-library-missing",
            "libsox.so.3",
            Way::Person,
            &[python, "-c", "import ctypes; ctypes.CDLL('libsox.so.3')"],
            &nothing,
        ),
    ];
    let newer = project(&[]);
    let found = Command::new("sh").args(["-c", "ls $HOME/.pyenv/versions/*/bin/python3.1[2-9] /usr/bin/python3.1[2-9] 2>/dev/null | head -1"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    if !found.trim().is_empty() {
        newer.uv(&["venv", "--quiet", "--python", found.trim()]);
        outcomes.push(ask(
            &newer,
            &Question::of("module-left-python", "distutils", Way::Person).shown_by(&[
                python,
                "-c",
                "import distutils",
            ]),
        ));
    } else {
        deskside_testkit::skip("there is no Python here that distutils has left");
    }
    table("modules and libraries", &outcomes);
}

#[test]
fn installers_and_files_of_models() {
    if !real_wanted() {
        return;
    }
    let mut outcomes = Vec::new();
    {
        // A wheel with one wrong byte in the middle.
        let project = plain(&[]);
        let whole = stand_in(
            "damaged",
            "1.0",
            &[("damaged.py", &"x = 1\n".repeat(4000))],
            &[],
        );
        let mut bytes = std::fs::read(whole).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0xff;
        std::fs::write(
            project.person.work().join("damaged-1.0-py3-none-any.whl"),
            bytes,
        )
        .unwrap();
        let command = ["uv", "pip", "install", "./damaged-1.0-py3-none-any.whl"];
        outcomes.push(ask(
            &project,
            &Question::of("wheel-bad-crc", "one wrong byte", Way::Person).shown_by(&command),
        ));
    }
    {
        let project = plain(&["safetensors==0.5.3", "numpy==2.2.6"]);
        let script = "import json,struct\nh=json.dumps({'a':{'dtype':'F32','shape':[1000],'data_offsets':[0,4000]}}).encode()\nopen('model.safetensors','wb').write(struct.pack('<Q',len(h))+h+bytes(1000))\n";
        project.person.write("make.py", script);
        let made = Command::new("python3")
            .arg("make.py")
            .current_dir(project.person.work())
            .status();
        assert!(made.unwrap().success());
        let command = [
            ".venv/bin/python",
            "-c",
            "from safetensors import safe_open; safe_open('model.safetensors', 'np')",
        ];
        outcomes.push(ask(
            &project,
            &Question::of(
                "safetensors-truncated-or-lfs-pointer",
                "a cut download",
                Way::Person,
            )
            .shown_by(&command),
        ));
    }
    if std::path::Path::new("/usr/lib/python3.11/EXTERNALLY-MANAGED").exists() {
        let project = project(&[]);
        let command = [
            "uv",
            "pip",
            "install",
            "--python",
            "/usr/bin/python3",
            "six",
        ];
        outcomes.push(ask(
            &project,
            &Question::of(
                "pep668-externally-managed",
                "the system's Python",
                Way::Person,
            )
            .shown_by(&command),
        ));
    } else {
        deskside_testkit::skip("the system's Python is not marked as externally managed");
    }
    table("installers and models", &outcomes);
}

/// What ended for reasons that nobody knows is not explained by what happens to be known.
#[test]
fn what_is_not_known_is_not_claimed() {
    let project = crate::person::Person::new();
    let ended = |script: &str| {
        let mut command = project.command(&["doctor", "--json", "--", "sh", "-c", script]);
        let ended = said(&command.output().unwrap());
        let json: serde_json::Value =
            serde_json::from_str(&ended.out[ended.out.find('{').unwrap()..]).unwrap();
        let related: Vec<String> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["related"] == true)
            .map(|one| one["id"].to_string())
            .collect();
        (ended.code, related)
    };
    for (script, code) in [
        ("kill -9 $$", 137),
        ("kill -INT $$", 130),
        ("kill -SEGV $$", 139),
        (
            "echo 'ValueError: shapes (3,4) and (5,6) not aligned' >&2; exit 1",
            1,
        ),
        (
            "echo 'if it says No module named x, install it' >&2; exit 3",
            3,
        ),
        ("echo 'KeyError: torch' >&2; exit 1", 1),
    ] {
        let (ended, related) = ended(script);
        assert_eq!(ended, code, "{script}");
        assert!(related.is_empty(), "{script}: {related:?}");
    }
}

/// A program that holds as many files as it may.
#[test]
fn limits_of_a_process() {
    if !real_wanted() {
        return;
    }
    let project = plain(&[]);
    let command = [
        ".venv/bin/python",
        "-c",
        "files = [open('/dev/null') for _ in range(5000)]",
    ];
    let question =
        Question::of("too-many-open-files", "ulimit -n 256", Way::Person).shown_by(&command);
    let outcome = ask_by(&project, &question, &|command| {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -n 256; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            limited.current_dir(folder);
        }
        limited.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                limited.env(name, value);
            }
        }
        limited
    });
    table("limits of a process", &[outcome]);
}
