//! A simulated machine with projects and a stand-in for uv, and one whose n-th wait is interrupted.

#![allow(dead_code, reason = "each test program uses its part of it")]

use deskside_machine::{
    Answer, Child, DoorError, Effect, ErrorKind, Held, Launch, Machine, Output, Progress, Question,
    Reading,
};
use deskside_testkit::sim::{Content, output};
use deskside_testkit::{Sim, SimState};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub const PROJECT: &str = "/home/user/p";
pub const VENV: &str = "/home/user/p/.venv";
const INDEX: &str = "http://index.example/simple";

/// A machine whose uv makes environments and installs what lock files and recipes name, a file each.
pub fn machine() -> Sim {
    let sim = Sim::linux();
    sim.set_variable("UV_DEFAULT_INDEX", INDEX);
    sim.put_program("/usr/local/bin/uv", "uv")
        .set_variable("PATH", "/usr/local/bin:/usr/bin")
        .put_program("/usr/bin/python3.12", "python")
        .put_link("/usr/bin/python3", "python3.12");
    for (name, version) in [("six", "1.0"), ("six", "2.0"), ("numpy", "1.0")] {
        sim.serve(wheel(name, version), "application/octet-stream", "wheel");
    }
    sim.on_command(
        |argv| argv[0].ends_with("/uv"),
        |state, command| Ok(uv(state, &command.argv[1..])),
    );
    sim.on_command(
        |argv| argv[0].ends_with("uname"),
        |_, _| Ok(output(0, "x86_64\n", "")),
    );
    sim.on_command(
        |argv| argv[0].ends_with("getconf"),
        |_, _| Ok(output(0, "glibc 2.35\n", "")),
    );
    sim.on_command(
        |argv| argv[0] == "/usr/bin/python3.12",
        |_, _| Ok(output(0, "Python 3.12.3\n", "")),
    );
    // What `--deep` runs: every package is good.
    sim.on_command(
        |argv| argv[0].ends_with("/.venv/bin/python"),
        |_, command| {
            let steps = command.argv.iter().filter_map(|word| word.split_once('='));
            let lines = steps.filter(|(name, _)| !name.contains(' ')).map(|(name, _)| {
                format!(
                    "{{\"step\":\"{name}\",\"event\":\"imported\"}}\n{{\"step\":\"{name}\",\"event\":\"end\"}}\n"
                )
            });
            Ok(output(0, lines.collect::<String>(), ""))
        },
    );
    sim
}

fn wheel(name: &str, version: &str) -> String {
    format!("http://index.example/files/{name}-{version}-py3-none-any.whl")
}

/// Writes a project whose lock file names these.
pub fn project(sim: &Sim, folder: &str, packages: &[(&str, &str)]) {
    let wanted: Vec<String> = packages
        .iter()
        .map(|(name, version)| format!("\"{name}=={version}\""))
        .collect();
    sim.put_file(
        format!("{folder}/pyproject.toml"),
        format!(
            "[project]\nname = \"p\"\nversion = \"0\"\nrequires-python = \">=3.11\"\ndependencies = [{}]\n",
            wanted.join(", ")
        ),
    );
    let mut lock = "version = 1\nrequires-python = \">=3.11\"\n".to_string();
    for (name, version) in packages {
        lock.push_str(&locked(name, version));
    }
    let dependencies: Vec<String> = packages
        .iter()
        .map(|(name, _)| format!("{{ name = \"{name}\" }}"))
        .collect();
    let metadata: Vec<String> = packages
        .iter()
        .map(|(name, version)| format!("{{ name = \"{name}\", specifier = \"=={version}\" }}"))
        .collect();
    lock.push_str(&format!(
        "\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = {{ virtual = \".\" }}\ndependencies = [{}]\n\n[package.metadata]\nrequires-dist = [{}]\n",
        dependencies.join(", "),
        metadata.join(", ")
    ));
    sim.put_file(format!("{folder}/uv.lock"), lock);
}

fn locked(name: &str, version: &str) -> String {
    format!(
        "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"{INDEX}\" }}\nwheels = [{{ url = \"{}\", hash = \"sha256:{}\", size = 5 }}]\n",
        wheel(name, version),
        deskside_operate::sha256_hex(b"wheel")
    )
}

/// What uv does to files, as far as Deskside looks at it. A model of nothing more.
fn uv(state: &mut SimState, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let after = |word: &str| {
        let mut words = words.iter().skip_while(|known| **known != word);
        words.nth(1).map(ToString::to_string).unwrap_or_default()
    };
    let environment = behind(state, &after("--python").replace("/bin/python", ""));
    match words.as_slice() {
        ["--version"] => output(0, "uv 0.13.9 (simulated)", ""),
        ["cache", "dir"] => output(0, "/home/user/.cache/uv\n", ""),
        ["cache", "clean", ..] | ["lock", ..] => output(0, "", ""),
        ["python", "find", ..] => output(0, "/usr/bin/python3.12\n", ""),
        ["python", "list", ..] => output(0, "[]", ""),
        ["venv", .., path] => {
            let path = behind(state, path);
            make(state, &path, &[]);
            output(0, "", "made")
        }
        ["add", ..] => {
            let path = format!("{}/uv.lock", after("--project"));
            let text = String::from_utf8(state.contents(&path).unwrap().to_vec()).unwrap();
            state.put_file(path, text + &locked("scipy", "1.0"));
            output(0, "", "")
        }
        ["sync", ..] if words.contains(&"--dry-run") => output(0, "", "Would download 1 package\n"),
        ["sync", ..] => {
            let text = state.contents(format!("{}/uv.lock", after("--project")));
            let text = String::from_utf8(text.unwrap().to_vec()).unwrap();
            let all = named(&text, "package");
            install(state, &environment, &all);
            output(0, "", "synced")
        }
        ["pip", "sync", .., file] => {
            let text = String::from_utf8(state.contents(file).unwrap().to_vec()).unwrap();
            let all = named(&text, "packages");
            if words.contains(&"--dry-run") {
                let said = format!(
                    "Would download 1 package\nWould install {} packages\n",
                    all.len()
                );
                return output(0, "", said);
            }
            install(state, &environment, &all);
            output(0, "", "installed")
        }
        ["pip", "install", .., wheel] if wheel.ends_with(".whl") => {
            put(state, &environment, "deskside", env!("CARGO_PKG_VERSION"));
            output(0, "", "installed")
        }
        other => output(2, "", format!("the simulated uv does not know {other:?}")),
    }
}

/// Where a link leads; any other path as it is.
fn behind(state: &SimState, path: &str) -> String {
    match state.get(path).map(|node| &node.content) {
        Some(Content::Link(target)) => target.display().to_string(),
        _ => path.to_string(),
    }
}

/// The packages of a lock file or a recipe that come from elsewhere.
fn named(text: &str, key: &str) -> Vec<(String, String)> {
    let table: toml::Table = text.parse().unwrap();
    let all = table.get(key).and_then(toml::Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|one| {
            one.get("source")
                .is_none_or(|source| source.get("virtual").is_none())
        })
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_string();
            (text("name"), text("version"))
        })
        .collect()
}

fn install(state: &mut SimState, environment: &str, packages: &[(String, String)]) {
    state.remove(format!("{environment}/lib/python3.12/site-packages"));
    state.put_directory(format!("{environment}/lib/python3.12/site-packages"));
    for (name, version) in packages {
        put(state, environment, name, version);
    }
}

/// An environment as uv makes it, with these packages.
pub fn make(state: &mut SimState, path: &str, packages: &[(&str, &str)]) {
    state.put_link(format!("{path}/bin/python"), "/usr/bin/python3.12");
    state.put_file(
        format!("{path}/pyvenv.cfg"),
        "home = /usr/bin\nversion_info = 3.12.3\n",
    );
    state.put_directory(format!("{path}/lib/python3.12/site-packages"));
    for (name, version) in packages {
        put(state, path, name, version);
    }
}

/// Puts a distribution of one module in.
fn put(state: &mut SimState, environment: &str, name: &str, version: &str) {
    let site = format!("{environment}/lib/python3.12/site-packages");
    let text = format!("version = '{version}'\n");
    let information = format!("{name}-{version}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    state.put_file(format!("{site}/{name}.py"), text.clone());
    state.put_file(format!("{site}/{information}/METADATA"), metadata.clone());
    state.put_file(
        format!("{site}/{information}/WHEEL"),
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    state.put_file(format!("{site}/{information}/INSTALLER"), "uv");
    state.put_file(
        format!("{site}/{information}/RECORD"),
        format!(
            "{name}.py,,{}\n{information}/METADATA,,{}\n{information}/WHEEL,,\n{information}/INSTALLER,,\n{information}/RECORD,,\n",
            text.len(),
            metadata.len()
        ),
    );
}

/// What is installed: names and versions, of Deskside's own module the name.
pub fn versions(sim: &Sim, environment: &str) -> Vec<String> {
    deskside_envs::environment::venv::distributions(sim, Path::new(environment))
        .into_iter()
        .map(|(name, version)| match name.as_str() {
            "deskside" => name,
            _ => format!("{name} {version}"),
        })
        .collect()
}

/// What lies beside an environment under a name that begins with its own.
pub fn beside(sim: &Sim, project: &str) -> Vec<String> {
    let entries = sim.entries(project).unwrap_or_default().into_iter();
    let names = entries.map(|entry| entry.name);
    names.filter(|name| name.starts_with(".venv.")).collect()
}

/// A machine on which Ctrl-C comes at the n-th call that waits: a command, a page, a download. As on a real one, every
/// such call after it is interrupted, too; files answer as before.
pub struct Interrupting {
    inner: Sim,
    at: usize,
    seen: AtomicUsize,
}

impl Interrupting {
    pub fn at(inner: &Sim, at: usize) -> Self {
        Self {
            inner: inner.clone(),
            at,
            seen: AtomicUsize::new(0),
        }
    }

    /// How many calls waited.
    pub fn asked(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    fn wait(&self, phrase: String) -> Result<(), DoorError> {
        if self.seen.fetch_add(1, Ordering::SeqCst) + 1 >= self.at {
            return Err(DoorError::new(
                ErrorKind::Interrupted,
                phrase,
                "interrupted",
            ));
        }
        Ok(())
    }
}

impl Machine for Interrupting {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        if matches!(question, Question::Command(_) | Question::Fetch { .. }) {
            self.wait(question.phrase())?;
        }
        self.inner.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if matches!(
            effect,
            Effect::Command(_) | Effect::Download { .. } | Effect::Sleep { .. }
        ) {
            self.wait(effect.phrase())?;
        }
        self.inner.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.inner.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.inner.launch(launch)
    }
}
