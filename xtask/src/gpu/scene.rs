//! What the checks share: the program, an interpreter with frameworks, a home that is thrown away.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Where checks are carried out.
pub struct Scene {
    /// The program under test.
    pub program: PathBuf,
    /// A Python with PyTorch.
    pub python: PathBuf,
    /// Where evidence goes.
    pub out: PathBuf,
    /// A working folder.
    pub work: PathBuf,
    /// The groups that were asked for; none means all.
    pub names: Vec<String>,
}

/// One thing that was looked at.
pub struct Checked {
    /// What.
    pub what: String,
    /// Whether it is as it should be.
    pub holds: bool,
    /// What was seen, in words.
    pub seen: String,
    /// What was seen, whole.
    pub evidence: Value,
}

impl Checked {
    pub fn new(
        what: impl Into<String>,
        holds: bool,
        seen: impl Into<String>,
        evidence: Value,
    ) -> Self {
        Self {
            what: what.into(),
            holds,
            seen: seen.into(),
            evidence,
        }
    }

    pub fn record(self, group: &str) -> Value {
        json!({"group": group, "what": self.what, "holds": self.holds, "seen": self.seen, "evidence": self.evidence})
    }
}

impl Scene {
    /// Reads the arguments and makes the folders.
    pub fn new(arguments: &[String]) -> Result<Self> {
        let (mut program, mut python, mut out, mut names) = (None, None, None, Vec::new());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().map(PathBuf::from).context("a value is missing");
            match argument.as_str() {
                "--program" => program = Some(value()?),
                "--python" => python = Some(value()?),
                "--out" => out = Some(value()?),
                name => names.push(name.to_string()),
            }
        }
        let program = match program {
            Some(program) => program,
            None => crate::shell::release_binary()?,
        };
        let out = out.unwrap_or_else(|| crate::shell::target().join("gpu"));
        // Its own folder, and not one that an earlier try left half full.
        let work = std::env::temp_dir().join(format!("deskside-gpu-{}", std::process::id()));
        for folder in [&out, &work] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("could not make {}", folder.display()))?;
        }
        Ok(Self {
            program: std::fs::canonicalize(&program)
                .with_context(|| format!("there is no {}", program.display()))?,
            python: python.unwrap_or_else(|| "python3".into()),
            out: std::fs::canonicalize(out)?,
            work,
            names,
        })
    }

    /// The program with arguments, in this scene's home and folder.
    pub fn ours<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("DESKSIDE_HOME", self.work.join("home"))
            .env_remove("CUDA_VISIBLE_DEVICES")
            .current_dir(&self.work)
            .stdin(Stdio::null());
        command
    }

    /// The program's JSON answer, whatever its exit code, and how long it took.
    pub fn answer<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<(Value, Duration)> {
        let begun = Instant::now();
        let output = self.ours(arguments).output()?;
        let took = begun.elapsed();
        let value = json_in(&output).with_context(|| {
            let words: Vec<_> = arguments
                .iter()
                .map(|one| one.as_ref().to_string_lossy())
                .collect();
            format!("{} answered no JSON: {}", words.join(" "), told(&output))
        })?;
        Ok((value, took))
    }

    /// What a command of the program's says to a person.
    pub fn text<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<String> {
        Ok(told(&self.ours(arguments).output()?))
    }

    /// Writes a file of the scene and says where it lies.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.work.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

/// The JSON in what was printed: all of it, or from the first line on that begins an object.
fn json_in(output: &Output) -> Result<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let whole = serde_json::from_str(&text);
    if let Ok(value) = whole {
        return Ok(value);
    }
    let from = text.find("\n{").map_or(0, |at| at + 1);
    Ok(serde_json::from_str(text.get(from..).unwrap_or_default())?)
}

/// Both streams of a command, and how it ended.
pub fn told(output: &Output) -> String {
    format!(
        "{}{}[{}]",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status
    )
}

/// What `nvidia-smi` says of the cards: fields of each.
pub fn smi(fields: &str) -> Result<Vec<Vec<String>>> {
    let output = Command::new("nvidia-smi")
        .arg(format!("--query-gpu={fields}"))
        .arg("--format=csv,noheader,nounits")
        .output()
        .context("could not start nvidia-smi")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(output.status.success(), "nvidia-smi: {text}");
    Ok(text
        .lines()
        .map(|line| line.split(',').map(|one| one.trim().to_string()).collect())
        .collect())
}

/// Whether a path is there.
pub fn is_there(path: &Path) -> bool {
    path.exists()
}
