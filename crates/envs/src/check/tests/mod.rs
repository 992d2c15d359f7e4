//! Environments made up file by file, each with one thing wrong: the finding and no other.

mod builds;
mod distributions;
mod files;
mod interpreter;
mod lock;
mod shadow;

use super::*;
use crate::build::tests_support::{facts, mac, nvidia};
use crate::check::program::tests::{elf64, macho_of};
use deskside_testkit::Sim;
use deskside_types::Known;

const SITE: &str = "/home/user/p/.venv/lib/python3.12/site-packages";

/// A machine with a synthetic environment of Python 3.12: nothing in it is real but its form.
struct Fixture {
    sim: Sim,
    facts: Facts,
    extras: Vec<String>,
    groups: Vec<String>,
}

impl Fixture {
    fn new() -> Self {
        let sim = Sim::linux();
        let python = elf64(62, "/lib64/ld-linux-x86-64.so.2");
        sim.put_file("/lib64/ld-linux-x86-64.so.2", "loader")
            .put_program("/usr/bin/python3.12", python)
            .put_file("/usr/lib/python3.12/os.py", "")
            .put_file("/usr/lib/python3.12/random.py", "")
            .put_link("/home/user/p/.venv/bin/python", "/usr/bin/python3.12")
            .put_file(
                "/home/user/p/.venv/pyvenv.cfg",
                "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.4\ninclude-system-site-packages = false\n",
            )
            .put_directory(SITE);
        Self {
            sim,
            facts: facts(),
            extras: Vec::new(),
            groups: Vec::new(),
        }
    }

    fn file(&self, path: &str, contents: impl Into<Vec<u8>>) -> &Self {
        self.sim.put_file(format!("{SITE}/{path}"), contents);
        self
    }

    /// A distribution with one module of its name, and further files.
    fn with(&self, name: &str, version: &str, requires: &[&str], files: &[(&str, &str)]) -> &Self {
        let module = format!("{}.py", name.replace('-', "_"));
        let text = format!("NAME = '{name}'\n");
        let mut all: Vec<(&str, &str)> = vec![(&module, &text)];
        all.extend(files);
        if files.iter().any(|(path, _)| path.starts_with("only:")) {
            all.remove(0);
        }
        let info = format!("{}-{version}.dist-info", name.replace('-', "_"));
        let requires: String = requires
            .iter()
            .map(|one| format!("Requires-Dist: {one}\n"))
            .collect();
        let metadata =
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\nText\n");
        let mut record = String::new();
        for (path, contents) in all {
            let path = path.trim_start_matches("only:");
            self.file(path, contents);
            record.push_str(&format!(
                "{path},sha256={},{}\n",
                digest(contents),
                contents.len()
            ));
        }
        record.push_str(&format!(
            "{info}/METADATA,sha256={},{}\n{info}/RECORD,,\n",
            digest(&metadata),
            metadata.len()
        ));
        self.file(&format!("{info}/METADATA"), metadata)
            .file(&format!("{info}/RECORD"), record)
            .file(&format!("{info}/INSTALLER"), "uv")
            .file(&format!("{info}/WHEEL"), "Tag: py3-none-any\n")
    }

    fn look(&self, depth: Depth) -> Check {
        let place = Place {
            environment: Path::new("/home/user/p/.venv"),
            project: Path::new("/home/user/p"),
            extras: &self.extras,
            groups: &self.groups,
        };
        check(&self.sim, &place, &self.facts, depth)
    }

    fn gone(&self, path: impl AsRef<Path>) {
        self.sim.change(|state| {
            state.remove(path);
        });
    }

    /// The identities of the root causes.
    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .look(Depth::Sizes)
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .collect();
        ids.sort();
        ids
    }

    #[track_caller]
    fn only(&self, id: &str) -> Finding {
        let findings = self.look(Depth::Sizes).findings;
        let [one] = findings.as_slice() else {
            panic!("expected {id} alone: {findings:#?}");
        };
        assert_eq!(one.id, id, "{one:#?}");
        assert!(
            !one.cause.is_empty() && !one.meaning.is_empty() && !one.mend.is_empty(),
            "{one:#?}"
        );
        one.clone()
    }
}

fn digest(text: &str) -> String {
    use sha2::Digest;
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = sha2::Sha256::digest(text.as_bytes())
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    bits.chunks(6)
        .map(|six| {
            let number = (0..6).fold(0, |sum, place| {
                sum << 1 | six.get(place).copied().unwrap_or(0)
            });
            char::from(LETTERS[usize::from(number)])
        })
        .collect()
}

#[test]
fn a_whole_environment_has_no_finding() {
    let fixture = Fixture::new();
    fixture
        .with("numpy", "2.1.0", &[], &[("numpy_core/__init__.py", "")])
        .with(
            "pandas",
            "2.2.3",
            &[
                "numpy>=1.26; python_version >= '3.12'",
                "numpy<2; python_version < '3.9'",
                "pytest; extra == 'test'",
                "pywin32; sys_platform == 'win32'",
            ],
            &[],
        )
        .file("_virtualenv.py", "x")
        .file("_virtualenv.pth", "import _virtualenv")
        .file("__pycache__/six.cpython-312.pyc", "x");
    fixture
        .sim
        .put_file("/home/user/p/train.py", "")
        .put_file("/home/user/p/tests/__init__.py", "");
    let checked = fixture.look(Depth::Hashes);
    assert_eq!(checked.findings, []);
    assert_eq!(checked.not_looked_at, Vec::<String>::new());
    assert_eq!(
        (
            checked.looked_at.distributions,
            checked.looked_at.requirements
        ),
        (2, 1)
    );
    assert!(checked.looked_at.hashed >= 5);
}
