//! What dpkg has: names, versions and states, read from its status file.
//!
//! Source: `dpkg(1)` and `deb-control(5)`: `/var/lib/dpkg/status` holds a paragraph a package; `Status:` is three words
//! (wanted, error flag, state).

use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_types::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where dpkg keeps the state of all packages.
pub const STATUS: &str = "/var/lib/dpkg/status";
/// Files in here are changes that dpkg was interrupted in.
pub const UPDATES: &str = "/var/lib/dpkg/updates";
/// A list of packages is 2 to 8 MB; one beyond this is none.
pub const LARGEST: u64 = 256 << 20;

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its version; what is left of a removed package keeps it.
    pub version: String,
    /// `amd64`, `all`.
    pub architecture: String,
    /// `installed`, `half-configured`, `unpacked`, `config-files`, …
    pub state: String,
    /// It is held.
    pub held: bool,
    /// dpkg was told that it is to go. apt tells so beforehand; where apt was killed then, the next apt, whatever it is
    /// asked for, removes it.
    pub is_to_go: bool,
    /// dpkg wants it installed anew before anything else.
    pub must_be_reinstalled: bool,
    /// Its configuration files.
    pub settings: Vec<String>,
}

impl Package {
    /// Unpacked and configured. Waiting for another package's trigger counts: dpkg itself satisfies dependencies with it.
    pub fn is_installed(&self) -> bool {
        !self.must_be_reinstalled
            && ["installed", "triggers-awaited", "triggers-pending"].contains(&self.state.as_str())
    }

    /// Nothing but configuration files is left.
    pub fn is_only_settings(&self) -> bool {
        self.state == "config-files"
    }

    /// dpkg stopped half-way.
    pub fn is_half_way(&self) -> bool {
        !self.is_installed() && !self.is_only_settings()
    }
}

/// All packages by name, foreign architectures as `name:architecture`. Those that are not installed at all are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packages {
    by_name: BTreeMap<String, Package>,
    native: Option<String>,
}

impl Packages {
    /// A package by its name, with an architecture where that matters: the machine's own may be named, too.
    pub fn get(&self, name: &str) -> Option<&Package> {
        self.by_name.get(self.key(name))
    }

    /// The name as packages are listed by: without the machine's own architecture.
    pub fn key<'a>(&self, name: &'a str) -> &'a str {
        match name.split_once(':') {
            Some((bare, architecture))
                if architecture == "all"
                    || architecture == "any"
                    || self.native.as_deref() == Some(architecture) =>
            {
                bare
            }
            _ => name,
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Package)> {
        self.by_name.iter()
    }

    /// The machine's own architecture, as dpkg's own package has it.
    pub fn native(&self) -> Option<&str> {
        self.native.as_deref()
    }
}

/// Reads the state of all packages; none where there is no dpkg. While dpkg works, and after it was killed, what it
/// changed lies in [`UPDATES`] and is not in [`STATUS`] yet.
///
/// # Errors
/// When the files are there and can't be read.
pub fn packages(machine: &dyn Machine) -> Result<Packages> {
    let mut text = match machine.file(STATUS, LARGEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind == ErrorKind::Absent => return Ok(Packages::default()),
        Err(error) => return Err(error.into()),
    };
    for name in updates(machine)? {
        match machine.file(Path::new(UPDATES).join(name), LARGEST) {
            Ok(bytes) => {
                text.push_str("\n\n");
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
            // Merged meanwhile.
            Err(error) if error.kind == ErrorKind::Absent => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(parse(&text))
}

/// The names of dpkg's changes that are not merged yet, in their order.
fn updates(machine: &dyn Machine) -> Result<Vec<String>> {
    match machine.entries(UPDATES) {
        Ok(entries) => Ok(entries
            .into_iter()
            .map(|entry| entry.name)
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .collect()),
        // Only root may look in.
        Err(error) if matches!(error.kind, ErrorKind::Absent | ErrorKind::Denied) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Reads the text of a status file. Of two paragraphs of one package the later counts.
pub fn parse(text: &str) -> Packages {
    let mut found = Vec::new();
    let mut native = None;
    for paragraph in text.split("\n\n") {
        let Some((name, package)) = one(paragraph) else {
            continue;
        };
        if name == "dpkg" {
            native = Some(package.architecture.clone());
        }
        found.push((name, package));
    }
    let mut by_name: BTreeMap<String, Package> = found
        .into_iter()
        .map(|(name, package)| {
            let foreign = package.architecture != "all"
                && !package.architecture.is_empty()
                && native
                    .as_ref()
                    .is_some_and(|native| *native != package.architecture);
            let key = if foreign {
                format!("{name}:{}", package.architecture)
            } else {
                name
            };
            (key, package)
        })
        .collect();
    by_name.retain(|_, package| package.state != "not-installed");
    Packages { by_name, native }
}

fn one(paragraph: &str) -> Option<(String, Package)> {
    let mut name = None;
    let mut package = Package {
        version: String::new(),
        architecture: String::new(),
        state: "not-installed".into(),
        held: false,
        is_to_go: false,
        must_be_reinstalled: false,
        settings: Vec::new(),
    };
    let mut of_settings = false;
    for line in paragraph.lines() {
        if let Some(more) = line.strip_prefix(' ') {
            if of_settings && let Some((path, _)) = more.trim().split_once(' ') {
                package.settings.push(path.into());
            }
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or_default();
        let value = value.trim();
        of_settings = key == "Conffiles";
        match key {
            "Package" => name = Some(value.to_string()),
            "Version" => package.version = value.into(),
            "Architecture" => package.architecture = value.into(),
            "Status" => {
                let words: Vec<&str> = value.split_whitespace().collect();
                package.held = words.first() == Some(&"hold");
                package.is_to_go = matches!(words.first(), Some(&"deinstall" | &"purge"));
                package.must_be_reinstalled = words.get(1) == Some(&"reinstreq");
                package.state = words.get(2).unwrap_or(&"not-installed").to_string();
            }
            _ => {}
        }
    }
    name.filter(|name| !name.is_empty())
        .map(|name| (name, package))
}

/// Whether the first are installed in full and none of the second is.
///
/// Either may name an architecture and a version. What was removed and left its settings is not there.
pub fn hold(packages: &Packages, installed: &[String], absent: &[String]) -> bool {
    let split = |text: &str| -> (String, Option<String>) {
        match text.split_once('=') {
            Some((name, version)) => (name.into(), Some(version.into())),
            None => (text.into(), None),
        }
    };
    installed.iter().all(|text| {
        let (name, version) = split(text);
        packages.get(&name).is_some_and(|package| {
            package.is_installed() && version.is_none_or(|version| version == package.version)
        })
    }) && absent.iter().all(|text| {
        let (name, version) = split(text);
        packages.get(&name).is_none_or(|package| {
            package.is_only_settings() || version.is_some_and(|version| version != package.version)
        })
    })
}

/// Whether dpkg was interrupted, or left packages half-way.
///
/// # Errors
/// When its files can't be read.
pub fn is_interrupted(machine: &dyn Machine, packages: &Packages) -> Result<bool> {
    let pending = !updates(machine)?.is_empty();
    Ok(pending || packages.iter().any(|(_, package)| package.is_half_way()))
}

/// dpkg's list without some packages (deb-control(5): a paragraph a package).
pub fn without(list: &str, gone: &BTreeSet<String>) -> String {
    let field = |paragraph: &str, head: &str| {
        let line = paragraph.lines().find_map(|line| line.strip_prefix(head));
        line.unwrap_or_default().trim().to_string()
    };
    list.split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| {
            let name = field(paragraph, "Package:");
            let foreign = format!("{name}:{}", field(paragraph, "Architecture:"));
            !name.is_empty() && !gone.contains(&name) && !gone.contains(&foreign)
        })
        .flat_map(|paragraph| [paragraph, "\n\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.37\n\n\
        Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\nConffiles:\n /etc/dpkg/dpkg.cfg f4413ffb515f8f753624ae3bb365b81b\n /etc/old 00 obsolete\nDescription: x\n /etc/no part\n\n\
        Package: nvidia-driver-580\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 580.178.04-0ubuntu0.22.04.1\nDescription: x\n more: text\n\n\
        Package: broken-dkms\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1\n\n\
        Package: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 2\n\n\
        Package: waits\nStatus: install ok triggers-awaited\nArchitecture: amd64\nVersion: 3\n\n\
        Package: again\nStatus: install reinstreq installed\nArchitecture: amd64\nVersion: 3\n\n\
        Package: gone\nStatus: purge ok not-installed\nArchitecture: amd64\n\nPackage: odd\n";

    #[test]
    fn a_status_file_is_read() {
        let packages = parse(TEXT);
        let shown: Vec<(&str, &str, bool, bool)> = packages
            .iter()
            .map(|(name, one)| {
                (
                    name.as_str(),
                    one.version.as_str(),
                    one.is_installed(),
                    one.held,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("again", "3", false, false),
                ("broken-dkms", "1", false, false),
                ("dpkg", "1.21.22", true, false),
                ("libc6", "2.37", true, false),
                ("libc6:i386", "2.36", true, false),
                (
                    "nvidia-driver-580",
                    "580.178.04-0ubuntu0.22.04.1",
                    true,
                    true
                ),
                ("old", "2", false, false),
                ("waits", "3", true, false),
            ]
        );
        assert_eq!(
            packages.get("dpkg").unwrap().settings,
            ["/etc/dpkg/dpkg.cfg", "/etc/old"]
        );
        assert!(packages.get("libc6:amd64").is_some() && packages.get("libc6:arm64").is_none());
        assert!(
            parse("").iter().next().is_none() && parse("Package: a\n\x00\n\n\n").get("a").is_none()
        );
    }

    #[test]
    fn what_dpkg_did_not_merge_yet_counts() {
        let sim = deskside_testkit::Sim::linux();
        sim.put_file(STATUS, TEXT)
            .put_file(
                format!("{UPDATES}/0000"),
                "Package: old\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 3\n",
            )
            .put_file(
                format!("{UPDATES}/0001"),
                "Package: old\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3\n",
            )
            .put_file(
                format!("{UPDATES}/0002"),
                "Package: waits\nStatus: purge ok not-installed\nArchitecture: amd64\n",
            )
            .put_file(
                format!("{UPDATES}/tmp.i"),
                "Package: dpkg\nStatus: purge ok not-installed\nArchitecture: amd64\n",
            );
        let packages = packages(&sim).unwrap();
        assert!(
            packages.get("old").is_some_and(Package::is_installed)
                && packages.get("waits").is_none()
        );
        assert!(packages.get("dpkg").is_some() && is_interrupted(&sim, &packages).unwrap());
    }

    #[test]
    fn only_a_configured_package_is_installed_and_only_one_without_files_is_gone() {
        let packages = parse(TEXT);
        let names =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_string).collect() };
        for (installed, absent, holds) in [
            ("dpkg waits libc6:i386 libc6:amd64", "old gone x", true),
            ("", "", true),
            ("broken-dkms", "", false),
            ("", "broken-dkms", false),
            ("again", "", false),
            ("", "again", false),
            ("old", "", false),
            ("x", "", false),
            ("", "dpkg", false),
            ("", "libc6:i386", false),
            ("", "libc6:arm64", true),
            ("libc6=2.37", "libc6=2.36 libc6:i386=2.37", true),
            ("libc6=2.36", "", false),
            ("", "libc6:i386=2.36", false),
            ("", "broken-dkms=1", false),
            ("", "broken-dkms=2", true),
        ] {
            assert_eq!(
                hold(&packages, &names(installed), &names(absent)),
                holds,
                "{installed} | {absent}"
            );
        }
        assert!(!hold(&Packages::default(), &names("a"), &[]));
    }

    #[test]
    fn a_list_without_what_goes_is_still_a_list() {
        let list = "Package: a1\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: b2\nArchitecture: amd64\nDescription: x\n Package: a1\n\nPackage: b2\nArchitecture: i386\n";
        let gone = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert_eq!(
            without(list, &gone(&["a1", "b2:i386"])),
            "Package: b2\nArchitecture: amd64\nDescription: x\n Package: a1\n\n"
        );
        assert_eq!(without(list, &gone(&[])).matches("Package: ").count(), 4);
    }
}
