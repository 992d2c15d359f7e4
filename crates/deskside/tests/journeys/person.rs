//! A person at a terminal: a home of their own, and the program as it is shipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A person with an empty home.
pub struct Person {
    folder: tempfile::TempDir,
}

/// What a command said.
pub struct Said {
    /// Its exit code; 128 + the signal when one ended it.
    pub code: i32,
    /// What it answered.
    pub out: String,
    /// What it said beside the answer.
    pub talk: String,
}

impl Person {
    /// Moves in.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("deskside-person-")
            .tempdir()
            .unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    /// Their home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder they stand in.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file into the folder they stand in.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program, about to be started with these arguments: nobody else's settings reach it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.work())
            .stdin(Stdio::null())
            .env_clear();
        for (name, value) in std::env::vars_os() {
            let name_text = name.to_string_lossy().into_owned();
            let of_the_network = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"]
                .contains(&name_text.as_str())
                || ["PIP_", "UV_DEFAULT_INDEX", "UV_INDEX"]
                    .iter()
                    .any(|prefix| name_text.starts_with(prefix))
                || name_text.to_ascii_uppercase().ends_with("_PROXY");
            if of_the_network || name_text == "PATH" {
                command.env(name, value);
            }
        }
        command.env("HOME", self.home()).env("LANG", "C.UTF-8");
        command
    }

    /// Starts the program and waits for its end.
    pub fn says(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }

    /// The answer as JSON; the command must have succeeded.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.says(&[&["--json"], arguments].concat());
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.talk);
        serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{arguments:?} is no JSON: {error}\n{}", said.out))
    }
}

/// What an ended process said.
pub fn said(output: &Output) -> Said {
    use std::os::unix::process::ExitStatusExt;
    Said {
        code: output
            .status
            .code()
            .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        talk: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program: the optimised one where the test runner built it, else this build's own.
pub fn program() -> PathBuf {
    std::env::var_os("DESKSIDE_TEST_BINARY")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_deskside")))
}

/// The bundle of a machine among the fixtures.
pub fn machine(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/machines")
        .join(name);
    assert!(path.is_dir(), "there is no machine {name}");
    path.to_string_lossy().into_owned()
}

/// Whether tests that install real packages are wanted; counts the skip when not.
pub fn real_wanted() -> bool {
    let wanted = std::env::var_os("DESKSIDE_TEST_REAL").is_some();
    if !wanted {
        deskside_testkit::skip(
            "real packages are installed only by `cargo xtask test` (DESKSIDE_TEST_REAL)",
        );
    }
    wanted
}

/// Whether tests that install gigabytes are wanted; counts the skip when not.
pub fn big_wanted() -> bool {
    let wanted = std::env::var_os("DESKSIDE_TEST_BIG").is_some();
    if !wanted {
        deskside_testkit::skip(
            "gigabytes are installed only by `cargo xtask test --full` (DESKSIDE_TEST_BIG)",
        );
    }
    wanted
}
