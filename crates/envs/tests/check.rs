//! Real environments, made by uv and by `python -m venv` with pip, broken for real: each gives exactly its root cause.
//! Run by `cargo xtask test` (`DESKSIDE_TEST_REAL=1`).
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look from outside"
)]

use deskside_envs::check::deep::{Outcome, prove};
use deskside_envs::check::{Check, Depth, Place, Scene, check, judge};
use deskside_machine::{Directories, Host};
use deskside_types::Facts;
use std::path::{Path, PathBuf};
use std::process::Command;

fn shell(line: &str) {
    let output = Command::new("sh")
        .args(["-ec", line])
        .env_remove("VIRTUAL_ENV")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

struct Project {
    folder: tempfile::TempDir,
    facts: Facts,
    uv: String,
}

impl Project {
    /// A project with a lock file and an environment of two small packages and a compiled one. uv's cache is its own, so
    /// that what is damaged here is damaged nowhere else.
    fn new(uv: &str, facts: &Facts) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            facts: facts.clone(),
            uv: uv.into(),
        };
        std::fs::write(
            project.path("pyproject.toml"),
            "[project]\nname = \"broken\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = [\"python-dateutil==2.9.0\", \"markupsafe\"]\n",
        )
        .unwrap();
        project.uv("sync --quiet");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn uv(&self, what: &str) {
        let folder = self.path("");
        shell(&format!(
            "cd {0} && UV_CACHE_DIR={0}/cache {1} {what}",
            folder.display(),
            self.uv
        ));
    }

    fn site(&self) -> PathBuf {
        let lib = self.path(".venv/lib");
        let series = lib.read_dir().unwrap().next().unwrap().unwrap().path();
        series.join("site-packages")
    }

    fn look(&self) -> Check {
        let (project, environment) = (self.path(""), self.path(".venv"));
        let place = Place {
            environment: &environment,
            project: &project,
            extras: &[],
            groups: &[],
        };
        check(&Host::new(), &place, &self.facts, Depth::Sizes)
    }

    #[track_caller]
    fn only(&self, id: &str, about: &str) {
        let findings = self.look().findings;
        let [one] = findings.as_slice() else {
            panic!("expected {id} alone: {findings:#?}");
        };
        assert_eq!(one.id, id, "{one:#?}");
        assert!(one.cause.contains(about), "{one:#?}");
    }
}

fn library(site: &Path) -> PathBuf {
    let files = site.join("markupsafe").read_dir().unwrap();
    files
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "so"))
        .unwrap()
}

#[test]
fn real_environments_broken_for_real_give_their_cause() {
    if std::env::var_os("DESKSIDE_TEST_REAL").is_none() {
        deskside_testkit::skip(
            "real environments are broken only by `cargo xtask test` (DESKSIDE_TEST_REAL)",
        );
        return;
    }
    let machine = Host::new();
    let directories = Directories::of(&machine).unwrap();
    let Some(uv) = deskside_envs::uv::locate(&machine, &directories) else {
        deskside_testkit::skip("no uv is here to make real environments with");
        return;
    };
    let facts = deskside_probe::collect(&machine);
    let project = Project::new(&uv.path, &facts);
    let healthy = |project: &Project| {
        let checked = project.look();
        assert_eq!(checked.findings, []);
        assert!(checked.looked_at.distributions >= 3 && checked.looked_at.requirements >= 2);
    };
    healthy(&project);
    let again = || project.uv("sync --quiet --reinstall --no-cache");

    // A package's files go, its metadata stay.
    std::fs::remove_dir_all(project.site().join("dateutil")).unwrap();
    project.only("files-missing", "python-dateutil");
    again();
    healthy(&project);

    // A compiled file is cut off in place: loading it is a crash or an error, and one finding with the static one.
    std::fs::OpenOptions::new()
        .write(true)
        .open(library(&project.site()))
        .unwrap()
        .set_len(700)
        .unwrap();
    project.only("library-damaged", "markupsafe");
    again();
    healthy(&project);

    // Another version comes past uv's lock.
    project.uv("pip install --quiet six==1.15.0");
    project.only("not-as-locked", "six 1.15.0");
    project.uv("pip install --quiet six==1.4.0");
    let findings = project.look().findings;
    assert_eq!(
        (findings.len(), findings[0].id.as_str()),
        (1, "not-as-locked")
    );
    assert_eq!(
        findings[0].consequences.len(),
        1,
        "python-dateutil asks for six>=1.5"
    );
    again();
    healthy(&project);

    // dist-info goes, the files stay.
    let information = project
        .site()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("six-")
        });
    std::fs::remove_dir_all(information.unwrap()).unwrap();
    project.only("files-of-nobody", "six");
    again();
    healthy(&project);

    // The lock file was made from another pyproject.toml.
    let file = project.path("pyproject.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("==2.9.0", ">=2.8")).unwrap();
    project.only("lock-out-of-date", "uv.lock");
    std::fs::write(&file, text).unwrap();

    // The interpreter goes.
    let python = project.path(".venv/bin/python");
    let target = python.read_link().unwrap();
    std::fs::remove_file(&python).unwrap();
    std::os::unix::fs::symlink("/nowhere/python3", &python).unwrap();
    project.only("interpreter-gone", "/nowhere/python3");
    std::fs::remove_file(&python).unwrap();
    std::os::unix::fs::symlink(target, &python).unwrap();
    healthy(&project);

    // What pip makes is whole, too.
    let folder = project.path("");
    shell(&format!(
        "cd {} && mv .venv .venv-uv && python3 -m venv .venv && .venv/bin/pip install -q --no-cache-dir python-dateutil==2.9.0 markupsafe && rm uv.lock",
        folder.display()
    ));
    healthy(&project);
}

#[test]
fn importing_for_real_shows_crashes_hangs_and_errors() {
    if std::env::var_os("DESKSIDE_TEST_REAL").is_none() {
        deskside_testkit::skip(
            "packages are imported for real only by `cargo xtask test` (DESKSIDE_TEST_REAL)",
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    shell(&format!(
        "cd {} && python3 -m venv --without-pip .venv",
        root.display()
    ));
    let lib = root
        .join(".venv/lib")
        .read_dir()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let site = lib.join("site-packages");
    let names = ["fine", "raises", "dies", "leaves", "needs-it"];
    for (name, text) in names.iter().zip([
        "__version__ = '1.0'\n",
        "raise ImportError(\"libcudart.so.12: cannot open shared object file: No such file or directory\")\n",
        "import os\nos.kill(os.getpid(), 11)\n",
        "import os\nos._exit(3)\n",
        "import raises\n",
    ]) {
        let module = name.replace('-', "_");
        std::fs::write(site.join(format!("{module}.py")), text).unwrap();
        let info = site.join(format!("{module}-1.0.dist-info"));
        std::fs::create_dir(&info).unwrap();
        std::fs::write(info.join("METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\n")).unwrap();
        std::fs::write(info.join("RECORD"), format!("{module}.py,,\n{module}-1.0.dist-info/METADATA,,\n")).unwrap();
    }
    std::fs::write(
        root.join("pyproject.toml"),
        format!("[project]\nname = \"proof\"\nversion = \"0\"\ndependencies = {names:?}\n"),
    )
    .unwrap();
    let machine = Host::new();
    let facts = deskside_probe::collect(&machine);
    let environment = root.join(".venv");
    let place = Place {
        environment: &environment,
        project: &root,
        extras: &[],
        groups: &[],
    };
    let scene = Scene::read(&machine, &place);
    let mut checked = judge(&scene, &facts, Depth::Sizes);
    assert_eq!(checked.findings, []);
    let steps = prove(&scene, &facts, &mut checked, &mut |_| {});
    let outcome = |name: &str| {
        steps
            .iter()
            .find(|step| step.package == name)
            .map(|step| step.outcome)
    };
    for (name, expected) in [
        ("fine", Outcome::Good),
        ("raises", Outcome::Failed),
        ("dies", Outcome::Crashed),
        ("leaves", Outcome::Crashed),
        ("needs-it", Outcome::Failed),
    ] {
        assert_eq!(outcome(name), Some(expected), "{name}: {steps:#?}");
    }
    let mut ids: Vec<&str> = checked
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(
        ids,
        ["crashes", "crashes", "library-missing"],
        "{:#?}",
        checked.findings
    );
    let missing = checked
        .findings
        .iter()
        .find(|finding| finding.id == "library-missing")
        .unwrap();
    assert!(
        missing.cause.contains("libcudart.so.12") && missing.consequences.len() == 1,
        "{missing:#?}"
    );
    assert!(
        checked
            .findings
            .iter()
            .any(|finding| finding.cause.contains("SIGSEGV"))
    );
}
