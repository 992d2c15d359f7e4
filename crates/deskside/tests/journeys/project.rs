//! A person with a project of their own, real uv, and small real packages.

use crate::person::{Person, Said, said};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// A person with a project, and a uv cache of their own: some of these tests damage it.
pub struct Project {
    /// The person.
    pub person: Person,
    /// The uv they use themselves.
    pub uv: PathBuf,
    /// Variables of theirs.
    pub variables: Vec<(String, String)>,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        let person = Person::new();
        let uv = uv(&person);
        Self {
            person,
            uv,
            variables: Vec::new(),
        }
    }

    /// A project with these dependencies, locked and synced by uv itself.
    pub fn new(dependencies: &[&str]) -> Self {
        let project = Self::empty();
        project.depends_on(dependencies);
        project.uv(&["sync", "--quiet"]);
        project
    }

    pub fn depends_on(&self, dependencies: &[&str]) {
        self.person.write(
            "pyproject.toml",
            &format!(
                "[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\ndependencies = {dependencies:?}\n"
            ),
        );
    }

    pub fn prepared(&self, mut command: Command) -> Command {
        let folder = self.uv.parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)));
        command
            .env("PATH", path.unwrap())
            .env("UV_CACHE_DIR", self.person.home().join("uv-cache"))
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs uv as the person would, behind Deskside's back.
    pub fn uv(&self, arguments: &[&str]) {
        let command = self.prepared(self.person.command(&[]));
        let mut own = Command::new(&self.uv);
        own.args(arguments)
            .current_dir(self.person.work())
            .env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                own.env(name, value);
            }
        }
        let output = own.output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn says(&self, arguments: &[&str]) -> Said {
        said(
            &self
                .prepared(self.person.command(arguments))
                .output()
                .unwrap(),
        )
    }

    /// A command that must succeed.
    pub fn does(&self, arguments: &[&str]) -> Said {
        let said = self.says(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}\n{}", said.out, said.talk);
        said
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.does(&[&["--json"], arguments].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
    }

    pub fn venv(&self) -> PathBuf {
        self.person.work().join(".venv")
    }

    pub fn site(&self) -> PathBuf {
        let lib = self.venv().join("lib");
        let python = std::fs::read_dir(lib)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let python = python
            .into_iter()
            .find(|path| path.to_string_lossy().contains("python3"));
        python.unwrap().join("site-packages")
    }

    /// Every file of every distribution with its hash, from the files themselves: what "the same" means here.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(self.site()).unwrap() {
            let information = entry.unwrap().path();
            if information
                .extension()
                .is_none_or(|ending| ending != "dist-info")
            {
                continue;
            }
            for line in std::fs::read_to_string(information.join("RECORD"))
                .unwrap()
                .lines()
            {
                let (name, rest) = line.rsplit_once(',').unwrap().0.rsplit_once(',').unwrap();
                // uv notes of a wheel that lies on this machine where it lay; pip notes nothing.
                if rest.is_empty() || name.ends_with(".pyc") || name.ends_with("uv_cache.json") {
                    continue;
                }
                let path = self.site().join(name);
                let hash = match std::fs::read(&path) {
                    Ok(bytes) => sha256(&bytes),
                    Err(error) => error.to_string(),
                };
                files.insert(name.to_string(), hash);
            }
        }
        assert!(!files.is_empty());
        files
    }

    /// Names beside the environment that Deskside left, once what is removed in the background is gone.
    pub fn left(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for _ in 0..200 {
            let entries = std::fs::read_dir(self.person.work()).unwrap();
            names = entries
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.starts_with(".venv."))
                .collect();
            if !names.iter().any(|name| name.contains("-rubbish-")) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        names
    }

    pub fn python(&self, code: &str) -> bool {
        let python = self.venv().join("bin/python");
        Command::new(python)
            .args(["-c", code])
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

/// A file's SHA-256 in hex, by the system's own program.
fn sha256(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum");
    let path =
        std::env::temp_dir().join(format!("deskside-hash-{}-{:p}", std::process::id(), bytes));
    std::fs::write(&path, bytes).unwrap();
    let output = child.arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_string()
}

/// uv: the one on PATH, else fetched by `up` into the person's home.
pub fn uv(person: &Person) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).map(|folder| folder.join("uv"));
    if let Some(uv) = here.into_iter().find(|uv| uv.is_file()) {
        return uv;
    }
    person.write("first/requirements.txt", "six\n");
    person.write("first/train.py", "print(1)\n");
    let mut command = person.command(&["up", "first", "--no-train"]);
    assert!(command.output().unwrap().status.success());
    let tools = person.home().join(".local/share/deskside/tools/uv");
    let version = std::fs::read_dir(tools)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    version.join("uv")
}
