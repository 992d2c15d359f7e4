//! A machine: a fresh overlay on the base, with its system's sources, kernel and hardware.

mod boot;
mod description;
mod hardware;
mod modprobe;
mod namespace;
mod servers;

pub use boot::Boot;
pub use description::{Card, Description};
pub use modprobe::Loader;
pub use namespace::Output;

use super::{archive, base, folder, key, remove};
use anyhow::{Context, Result, bail};
use namespace::{Layers, Namespace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A running machine. It is gone, with everything mounted and started in it, when this is dropped or this process ends.
pub struct Machine {
    namespace: Namespace,
    description: Description,
    root: PathBuf,
    servers: servers::Servers,
}

impl Machine {
    /// Starts a fresh machine, booted.
    ///
    /// # Errors
    /// When the lab can't run here ([`base::hindrance`] says why beforehand), or making it failed.
    pub fn start(description: &Description) -> Result<Self> {
        let layer = layer(description)?;
        let (base, archives) = (base::base()?, archive::archives()?);
        let layers = Layers {
            lower: vec![&layer, &base],
            keep: None,
            scratch: &folder()?.join("scratch"),
            archives: &archives,
        };
        Self::in_layers(description, &layers)
    }

    fn in_layers(description: &Description, layers: &Layers<'_>) -> Result<Self> {
        let namespace = Namespace::start(layers)?;
        let root = namespace.root();
        hardware::plug(&root, description)?;
        let mut machine = Self {
            namespace,
            description: description.clone(),
            root,
            servers: servers::Servers::default(),
        };
        machine.run(&["hostname", "lab"])?;
        machine.reboot()?;
        Ok(machine)
    }

    /// The root folder, seen from outside. Absolute links in it lead to this machine's own files: read through a door that keeps inside.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Runs a command as root in it, with nothing to read.
    pub fn run(&self, words: &[&str]) -> Result<Output> {
        self.namespace.run(words, "")
    }

    /// Runs a shell script as root in it.
    pub fn shell(&self, script: &str) -> Result<Output> {
        self.namespace.run(&["/bin/sh"], script)
    }

    /// A command in it for the caller to start, with a clean environment.
    pub fn command(&self, words: &[&str]) -> std::process::Command {
        self.namespace.command(words)
    }

    /// Every package that dpkg knows: its status as `dpkg -l` abbreviates it, and its version.
    pub fn packages(&self) -> Result<BTreeMap<String, String>> {
        let output = self.run(&[
            "dpkg-query",
            "-W",
            "-f=${Package}\\t${db:Status-Abbrev}\\t${Version}\\n",
        ])?;
        Ok(output
            .stdout
            .lines()
            .filter_map(|line| {
                let (name, rest) = line.split_once('\t')?;
                Some((name.to_string(), rest.replace('\t', "")))
            })
            .collect())
    }

    /// Every file and link below /etc: the hash of its contents (a link's: of its target).
    pub fn etc(&self) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        walk(&self.root, Path::new("etc"), &mut found)?;
        Ok(found)
    }

    /// A file's text; `None` when there is none. Links are not followed out of the root, so none is followed.
    pub fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }

    /// Writes a file in it.
    pub fn write(&self, path: &str, contents: &[u8]) -> Result<()> {
        let path = self.root.join(path.trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, contents)?)
    }

    /// Does what a boot does, as far as files tell it: see [`Boot`].
    pub fn reboot(&mut self) -> Result<Boot> {
        boot::boot(self)
    }
}

/// Says that the machine's own key was enrolled: stands for the firmware's screens at a boot.
pub const ENROLLED: &str = "/.lab/mok-enrolled";

/// The lines of what differs: `- name old`, `+ name new`, `~ name old → new`.
pub fn differences(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, old) in before {
        match after.get(name) {
            None => lines.push(format!("- {name} {old}")),
            Some(new) if new != old => lines.push(format!("~ {name} {old} → {new}")),
            Some(_) => {}
        }
    }
    for (name, new) in after {
        if !before.contains_key(name) {
            lines.push(format!("+ {name} {new}"));
        }
    }
    lines.sort();
    lines
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
        let name = format!("/{}", path.display());
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            found.insert(
                name,
                format!(
                    "link {}",
                    &super::hex(target.as_os_str().as_encoded_bytes())[..16]
                ),
            );
        } else if kind.is_file() {
            found.insert(
                name,
                super::hex(&std::fs::read(entry.path())?)[..16].to_string(),
            );
        }
    }
    Ok(())
}

/// The layer of a system with its sources and kernel, made when it is not there.
fn layer(description: &Description) -> Result<PathBuf> {
    let (base, archives) = (base::base()?, archive::archives()?);
    let platform: Vec<String> = description
        .platform
        .fields()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let kernel = description.kernel.join(" ");
    let (base_name, archives_name) = (base.display().to_string(), archives.display().to_string());
    let mut words = vec![kernel.as_str(), &base_name, &archives_name];
    words.extend(platform.iter().map(String::as_str));
    let kept = folder()?.join(format!(
        "layer-{}-{}-{}",
        description.platform(),
        super::hex(kernel.as_bytes()).get(..4).unwrap_or_default(),
        key(
            &words,
            &[crate::shell::root().join("xtask/src/lab/machine/mod.rs")]
        )?
    ));
    if kept.is_dir() {
        return Ok(kept.join("upper"));
    }
    super::forget(&format!(
        "layer-{}-{}-",
        description.platform(),
        super::hex(kernel.as_bytes()).get(..4).unwrap_or_default()
    ))?;
    let half = folder()?.join(format!("half-layer-{}", std::process::id()));
    remove(&half)?;
    std::fs::create_dir_all(&half)?;
    let layers = Layers {
        lower: vec![&base],
        keep: Some(&half),
        scratch: &folder()?.join("scratch"),
        archives: &archives,
    };
    let made =
        Machine::in_layers(description, &layers).and_then(|machine| furnish(&machine, &archives));
    if let Err(error) = made {
        remove(&half)?;
        return Err(error);
    }
    match std::fs::rename(&half, &kept) {
        // Another process made it meanwhile.
        Err(_) if kept.is_dir() => remove(&half)?,
        other => other.with_context(|| kept.display().to_string())?,
    }
    Ok(kept.join("upper"))
}

fn furnish(machine: &Machine, archives: &Path) -> Result<()> {
    let platform = &machine.description.platform;
    let release: String = platform
        .fields()
        .filter(|(name, _)| {
            name.chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == '_')
        })
        .map(|(name, value)| format!("{name}=\"{value}\"\n"))
        .collect();
    machine.write("etc/hostname", b"lab\n")?;
    machine.write("etc/hosts", b"127.0.0.1 localhost\n127.0.1.1 lab\n")?;
    // /etc/os-release is a link to it.
    machine.write("usr/lib/os-release", release.as_bytes())?;
    machine.shell("rm -f /etc/apt/trusted.gpg.d/*; for k in /usr/share/keyrings/debian-archive-*; do rm -f \"$k\"; done; usermod -aG adm,sudo ada")?;
    machine.shell(
        "mkdir -p /usr/lib/lab; ln -s /bin/kmod /usr/lib/lab/modinfo; rm -f /usr/sbin/modinfo",
    )?;
    for (name, path) in [
        ("modinfo", "usr/sbin/modinfo"),
        ("apt-method", "usr/lib/apt/methods/http"),
        ("uname", "usr/local/bin/uname"),
        ("dmesg", "usr/local/bin/dmesg"),
        ("modprobe", "usr/local/sbin/modprobe"),
    ] {
        machine.write(path, &std::fs::read(super::data().join("root").join(name))?)?;
        machine.run(&["chmod", "755", &format!("/{path}")])?;
    }
    for (_, source) in platform
        .fields()
        .filter(|(name, _)| name.starts_with("Source-"))
    {
        let mut words = source.splitn(3, ' ');
        let (file, owner, line) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let before = machine.text(file).unwrap_or_default();
        machine.write(file, format!("{before}deb {line}\n").as_bytes())?;
        let public = std::fs::read(archives.join(format!("keys/{owner}.gpg")))?;
        machine.write(
            &format!("etc/apt/trusted.gpg.d/{owner}-archive.gpg"),
            &public,
        )?;
    }
    let mut packages: Vec<&str> = machine
        .description
        .kernel
        .iter()
        .map(String::as_str)
        .collect();
    packages.extend(platform.get("Extra").split_whitespace());
    let script = format!(
        "set -e\napt-get -q update\napt-get -q -y install {}\napt-get clean\n",
        packages.join(" ")
    );
    let output = machine.shell(&script)?;
    if output.code != 0 {
        bail!(
            "the system of {} could not be installed:\n{}",
            machine.description.name,
            output.text()
        );
    }
    Ok(())
}
