//! The real uv, from the person's own package index by our own client, and environments made with it: one with the
//! Python that is here, one with a Python from a mirror. Run by `cargo xtask test` (`DESKSIDE_TEST_REAL=1`).
//!
//! **The mirror.** uv fetches Python archives from `<mirror>/<tag>/<file>`, where `UV_PYTHON_INSTALL_MIRROR`
//! (`https://` or `file://`) stands for everything before the tag in the address its own list has for a release. It
//! checks the SHA-256 of that list, so an archive of our own needs a list of our own:
//! `UV_PYTHON_DOWNLOADS_JSON_URL`, one JSON object whose key is `cpython-3.11.7-linux-x86_64-gnu` and whose value
//! has name, arch, os, libc, version, url and sha256. The archive is a `.tar.gz` with one folder `python/` that holds
//! `bin/python3.11` and `lib/python3.11/`: made here from the interpreter this machine has.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look from outside"
)]

use deskside_envs::{holds, perform, prepare, undo, uv};
use deskside_machine::{
    Answer, Child, Directories, DoorError, Effect, Held, Host, Launch, Machine, Progress, Question,
};
use deskside_types::plan::{Action, EnvironmentAction};
use deskside_types::{Known, Problem};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The host, with variables that commands get and questions see.
struct With {
    host: Host,
    variables: Vec<(&'static str, String)>,
}

impl Machine for With {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        if let Question::Variable { name } = question
            && let Some((_, value)) = self.variables.iter().find(|(own, _)| own == name)
        {
            return Ok(Answer::Text(value.clone()));
        }
        self.host.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        let Effect::Command(command) = effect else {
            return self.host.act(effect, watch);
        };
        let mut command = command.clone();
        for (name, value) in &self.variables {
            command
                .variables
                .insert((*name).into(), Some(value.clone()));
        }
        self.host.act(&Effect::Command(command), watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.host.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.host.launch(launch)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Carries out the two actions of the uv step.
fn fetch_uv(machine: &dyn Machine, source: &uv::UvSource) {
    for action in uv::step(source).actions {
        match action {
            Action::Download {
                path, sha256, size, ..
            } => {
                let effect = Effect::Download {
                    url: source.url.clone(),
                    path: path.into(),
                    sha256,
                    size,
                    deadline: Duration::from_secs(300),
                };
                machine.act(&effect, &mut |_| {}).unwrap();
            }
            Action::Extract {
                archive,
                member,
                path,
                mode,
            } => {
                let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
                let mut contents = Vec::new();
                zip.by_name(&member)
                    .unwrap()
                    .read_to_end(&mut contents)
                    .unwrap();
                let effect = Effect::WriteFile {
                    path: path.into(),
                    contents,
                    mode,
                    durability: deskside_machine::Durability::Process,
                };
                machine.act(&effect, &mut |_| {}).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Runs a shell line in a folder; the test's own preparations only.
fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// A mirror with one archive, made from the Python that is here: its variables for uv, and the version.
fn mirror(folder: &Path) -> (Vec<(&'static str, String)>, String) {
    let at = |name: &str| folder.join(name).display().to_string();
    let told = shell(
        "python3 -c 'import os,sys,sysconfig; print(os.path.realpath(sys._base_executable), sysconfig.get_path(\"stdlib\"), \".\".join(map(str, sys.version_info[:3])), sys.base_prefix)'",
    );
    let words: Vec<&str> = told.split_whitespace().collect();
    let [executable, library, version, prefix] = words[..] else {
        panic!("{told}")
    };
    let series = version.rsplit_once('.').unwrap().0;
    let (build, archive) = (at("build"), at("mirror/20990101/archive.tar.gz"));
    shell(&format!(
        "mkdir -p {build}/python/bin {build}/python/lib {0}/20990101
         cp {executable} {build}/python/bin/python{series}
         tar -C \"$(dirname {library})\" --exclude=test --exclude=site-packages --exclude=dist-packages --exclude=__pycache__ --exclude='config-*' -cf - python{series} | tar -C {build}/python/lib -xf -
         mkdir -p {build}/python/lib/python{series}/site-packages
         cp -a {prefix}/lib/libpython{series}*so* {build}/python/lib/ 2>/dev/null || true
         tar -C {build} -czf {archive} python",
        at("mirror")
    ));
    let sha256 = hex(&Sha256::digest(std::fs::read(&archive).unwrap()));
    let machine = shell("uname -m");
    let file = format!(
        "cpython-{version}+20990101-{machine}-unknown-linux-gnu-install_only_stripped.tar.gz"
    );
    std::fs::rename(&archive, folder.join("mirror/20990101").join(&file)).unwrap();
    let numbers: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    let list = serde_json::json!({ format!("cpython-{version}-linux-{machine}-gnu"): {
        "name": "cpython", "arch": { "family": machine, "variant": null }, "os": "linux", "libc": "gnu",
        "major": numbers[0], "minor": numbers[1], "patch": numbers[2], "prerelease": "", "variant": null, "build": "20990101",
        "url": format!("https://github.com/astral-sh/python-build-standalone/releases/download/20990101/{}", file.replace('+', "%2B")),
        "sha256": sha256,
    }});
    std::fs::write(folder.join("downloads.json"), list.to_string()).unwrap();
    let variables = vec![
        (
            "UV_PYTHON_INSTALL_MIRROR",
            format!("file://{}", at("mirror")),
        ),
        (
            "UV_PYTHON_DOWNLOADS_JSON_URL",
            format!("file://{}", at("downloads.json")),
        ),
        ("UV_PYTHON_INSTALL_DIR", at("managed")),
        ("UV_PYTHON_PREFERENCE", "only-managed".into()),
    ];
    (variables, series.to_string())
}

/// Prepares and performs as the mechanism does; answers with what undo needs.
fn act(
    machine: &dyn Machine,
    action: &EnvironmentAction,
) -> Result<[serde_json::Value; 2], Problem> {
    let before = prepare(machine, action)?;
    let after = perform(machine, action, &before, &mut |_| {})?;
    Ok([before, after])
}

#[test]
fn real_uv_makes_real_environments() {
    if std::env::var_os("DESKSIDE_TEST_REAL").is_none() {
        deskside_testkit::skip(
            "the real uv is fetched only by `cargo xtask test` (DESKSIDE_TEST_REAL)",
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let own = |name: &'static str, value: PathBuf| (name, value.display().to_string());
    let common = vec![
        own("DESKSIDE_HOME", home.clone()),
        own("UV_CACHE_DIR", folder.path().join("cache")),
    ];
    let machine = With {
        host: Host::new(),
        variables: common.clone(),
    };
    let directories = Directories::of(&machine).unwrap();
    let facts = deskside_probe::collect(&machine);

    // uv itself, through the index of whoever runs this.
    let source = uv::source(&machine, &facts, &directories).unwrap();
    assert!(Path::new(&source.path).starts_with(&home));
    fetch_uv(&machine, &source);
    let nowhere = With {
        host: Host::new(),
        variables: [common.clone(), vec![("PATH", "/nowhere".into())]].concat(),
    };
    let tool = uv::locate(&nowhere, &directories).unwrap();
    assert_eq!(
        (tool.path.as_str(), tool.version),
        (source.path.as_str(), Known::Value(source.version.clone()))
    );

    // An environment with the Python that is here, a small package in it, and all of it taken back.
    let venv = folder.path().join("project/.venv").display().to_string();
    std::fs::create_dir(folder.path().join("project")).unwrap();
    let create = |path: &str, python: &str| EnvironmentAction::Create {
        path: path.into(),
        python: python.into(),
        uv: tool.path.clone(),
    };
    let install = |requirement: &str| EnvironmentAction::Install {
        path: venv.clone(),
        requirements: vec![requirement.into()],
        files: vec![],
        expected: vec!["six".into()],
        arguments: vec![],
        uv: tool.path.clone(),
    };
    let made = act(&machine, &create(&venv, ">=3.9")).unwrap();
    let mut lines = Vec::new();
    let installed = prepare(&machine, &install("six")).unwrap();
    let after = perform(&machine, &install("six"), &installed, &mut |progress| {
        if let Progress::Line(line) = progress {
            lines.push(line.to_string());
        }
    })
    .unwrap();
    assert!(lines.iter().any(|line| line.contains("six")), "{lines:?}");
    let started = Instant::now();
    assert!(
        holds(&machine, &create(&venv, ">=3.9")).unwrap()
            && holds(&machine, &install("six")).unwrap()
    );
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "looking takes {:?}",
        started.elapsed()
    );
    let refused = act(&machine, &install("six==0.0.99")).unwrap_err();
    assert_eq!(
        refused.code,
        deskside_types::Code::Unsatisfiable,
        "{refused}"
    );
    assert!(!holds(&machine, &install("six")).unwrap());
    undo(&machine, &install("six"), &installed, &after).unwrap();
    assert!(
        !Path::new(&venv)
            .join("lib")
            .read_dir()
            .unwrap()
            .any(|entry| entry.unwrap().path().join("site-packages/six.py").exists())
    );
    undo(&machine, &create(&venv, ">=3.9"), &made[0], &made[1]).unwrap();
    assert!(!Path::new(&venv).exists());

    // A Python that uv fetches, as on a system whose own is too old.
    let (variables, series) = mirror(folder.path());
    let mirrored = With {
        host: Host::new(),
        variables: [common, variables].concat(),
    };
    let fetched = folder.path().join("fetched/.venv").display().to_string();
    act(&mirrored, &create(&fetched, &series)).unwrap();
    assert!(holds(&mirrored, &create(&fetched, &series)).unwrap());
    let prefix = shell(&format!(
        "{fetched}/bin/python -c 'import sys; print(sys.base_prefix)'"
    ));
    assert!(
        prefix.starts_with(&folder.path().join("managed").display().to_string()),
        "{prefix}"
    );

    // Its interpreter is taken away: the environment is made anew.
    std::fs::remove_dir_all(folder.path().join("managed")).unwrap();
    assert!(!holds(&mirrored, &create(&fetched, &series)).unwrap());
    act(&mirrored, &create(&fetched, &series)).unwrap();
    assert!(holds(&mirrored, &create(&fetched, &series)).unwrap());
}
