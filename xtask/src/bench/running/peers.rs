//! The peers, as far as they are installed: task-spooler, pueue, and HyperQueue's Python package.

use crate::bench::command::once;
use crate::needs::is_root;
use crate::shell::{has, run};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where they are installed.
pub(super) struct Peers {
    pub folder: PathBuf,
}

impl Peers {
    /// HyperQueue's Python.
    pub fn hyperqueue(&self) -> Option<PathBuf> {
        Some(self.folder.join("hyperqueue/bin/python")).filter(|path| path.is_file())
    }

    /// task-spooler with a server of its own, whose one slot is taken.
    pub fn spooler(&self) -> Option<Spooler> {
        let here = self.folder.join("task-spooler/usr/bin/tsp");
        let program = if here.is_file() {
            here
        } else if has("tsp") {
            "tsp".into()
        } else {
            return None;
        };
        let name = format!("deskside-bench-tsp-{}", std::process::id());
        let spooler = Spooler {
            program,
            socket: std::env::temp_dir().join(name),
        };
        once(&mut spooler.call(&["sleep", "600"])).ok()?;
        Some(spooler)
    }

    /// pueue with a daemon of its own.
    pub fn pueue(&self, home: &Path) -> Result<Option<Pueue>> {
        let program = self.folder.join("bin/pueue");
        if !program.is_file() {
            return Ok(None);
        }
        let daemon = Command::new(program.with_file_name("pueued"))
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(Duration::from_secs(2));
        Ok(Some(Pueue {
            program,
            home: home.into(),
            daemon,
        }))
    }

    /// Installs those that are not there. What can't be had is said, and measured without.
    pub fn install(&self) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        for (name, installed) in [
            ("task-spooler", self.install_spooler()),
            ("HyperQueue", self.install_hyperqueue()),
            ("pueue", self.install_pueue()),
        ] {
            if let Err(error) = installed {
                eprintln!("{name} can't be had here: {error:#}");
            }
        }
        Ok(())
    }

    /// Debian's package; laid out beside where this is not root.
    fn install_spooler(&self) -> Result<()> {
        if has("tsp") {
            return Ok(());
        }
        if is_root() {
            return run(Command::new("apt-get").args(["install", "-y", "-q", "task-spooler"]));
        }
        run(Command::new("sh")
            .args([
                "-c",
                "apt-get download task-spooler && dpkg -x task-spooler_*.deb task-spooler",
            ])
            .current_dir(&self.folder))
    }

    fn install_hyperqueue(&self) -> Result<()> {
        let environment = self.folder.join("hyperqueue");
        if !environment.join("bin/python").is_file() {
            run(Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment))?;
        }
        run(Command::new(environment.join("bin/python")).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "hyperqueue",
        ]))
    }

    fn install_pueue(&self) -> Result<()> {
        if self.folder.join("bin/pueue").is_file() {
            return Ok(());
        }
        let build = self.folder.join("build");
        run(Command::new("cargo")
            .args(["install", "--locked", "--root"])
            .arg(&self.folder)
            .arg("pueue")
            .env("CARGO_TARGET_DIR", &build))?;
        Ok(std::fs::remove_dir_all(build)?)
    }
}

/// task-spooler, ended with this.
pub(super) struct Spooler {
    program: PathBuf,
    socket: PathBuf,
}

impl Spooler {
    pub fn call(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("TS_SOCKET", &self.socket)
            .env("TS_MAXFINISHED", "1000");
        command
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        let _ = once(&mut self.call(&["-k"]));
        let _ = once(&mut self.call(&["-K"]));
    }
}

/// pueue, ended with this.
pub(super) struct Pueue {
    program: PathBuf,
    home: PathBuf,
    daemon: Child,
}

impl Pueue {
    pub fn call(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("HOME", &self.home)
            .env("XDG_RUNTIME_DIR", &self.home);
        command
    }
}

impl Drop for Pueue {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
