//! A machine that a person thinks of: `gpu=RTX 4090,driver=580,os=ubuntu-22.04,python=3.12`.

use super::blank;
use super::gpus;
use deskside_knowledge::frameworks;
use deskside_knowledge::hardware;
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, Gpu, OperatingSystem, OsKind, Vendor};
use deskside_types::spelling::nearest;
use deskside_types::{Code, Known, Problem, Result};

/// The keys that are understood.
const KEYS: &[&str] = &["gpu", "driver", "os", "python", "arch", "glibc"];
/// The driver that is taken for a card that every driver serves, when none is named.
const CURRENT_DRIVER: &str = "595";

/// An assumed machine.
pub struct Assumed {
    /// Its facts.
    pub facts: Facts,
    /// The Python that was named.
    pub python: Option<String>,
    /// What was not named and is taken, a line each.
    pub taken: Vec<String>,
}

/// Reads an assumption.
///
/// # Errors
/// [`Code::Usage`] naming the word that is not understood, and the one that may be meant.
pub fn assume(text: &str) -> Result<Assumed> {
    let mut gpus: Vec<Gpu> = Vec::new();
    let (mut driver, mut os, mut python, mut arch, mut glibc) = (None, None, None, None, None);
    let mut none = false;
    let mut processor: Option<&str> = None;
    for clause in text
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
    {
        // A bare word is a GPU's name, or a system's.
        let (key, value) = match clause.split_once('=') {
            Some(both) => both,
            None if is_none(clause) => ("gpu", clause),
            None if gpus::gpu(gpus::counted(clause).1).is_ok() => ("gpu", clause),
            None if is_system(clause) => ("os", clause),
            // Known by name, and not to be had all the same: the reason is told.
            None if gpus::is_called(clause) => ("gpu", clause),
            // What has a number in it is most likely a card.
            None if clause.contains(|letter: char| letter.is_ascii_digit()) => ("gpu", clause),
            None => {
                return Err(unknown(
                    format!("`{clause}` is not understood"),
                    "write KEY=VALUE, for example gpu=RTX 4090".into(),
                ));
            }
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if value.is_empty() {
            return Err(unknown(
                format!("{key}= names nothing"),
                format!("give it a value, or leave {key} away"),
            ));
        }
        let slot = match key.as_str() {
            "gpu" if is_none(value) => {
                none = true;
                continue;
            }
            "gpu" => {
                let (count, name) = gpus::counted(value);
                let meant = gpus::gpu(name)?;
                if let Some(name) = meant.processor {
                    processor = Some(name);
                }
                gpus.extend(std::iter::repeat_n(meant.gpu, count));
                continue;
            }
            "driver" => &mut driver,
            "os" => &mut os,
            "python" => &mut python,
            "arch" => &mut arch,
            "glibc" => &mut glibc,
            other => {
                let meant = nearest(other, KEYS.iter().copied());
                return Err(unknown(
                    format!("nobody knows `{other}=`"),
                    meant.map_or_else(
                        || format!("the keys are {}", KEYS.join(", ")),
                        |meant| format!("did you mean {meant}=?"),
                    ),
                ));
            }
        };
        if slot.replace(value.to_string()).is_some() {
            return Err(unknown(
                format!("{key}= stands there twice"),
                "name it once; only gpu= may stand there several times".into(),
            ));
        }
    }
    if none && !gpus.is_empty() {
        return Err(unknown(
            "gpu=none stands beside other GPUs".into(),
            "leave one of them away".into(),
        ));
    }
    let mut taken = Vec::new();
    if gpus.is_empty() && !none {
        taken.push("no GPU (say gpu=RTX 4090, gpu=cc8.9, gpu=gfx1100 or gpu=M3 Max)".to_string());
    }
    let mut facts = blank::facts();
    let apple = gpus.iter().any(|gpu| gpu.vendor == Vendor::Apple);
    set_system(&mut facts, os.as_deref(), apple, &mut taken)?;
    set_architecture(&mut facts, arch.as_deref(), apple, processor, &mut taken)?;
    if let Some(glibc) = glibc {
        facts.system.glibc = Known::Value(number("glibc", &glibc)?);
    }
    if apple && facts.system.kind == OsKind::Linux {
        return Err(unknown(
            "an Apple chip runs macOS here".into(),
            "say os=macos-15, or name another GPU".into(),
        ));
    }
    if facts.system.kind == OsKind::MacOs
        && gpus.is_empty()
        && !none
        && facts.system.architecture.value().map(String::as_str) == Some("aarch64")
    {
        gpus.push(blank::gpu(Vendor::Apple, "Apple silicon", None));
        taken.retain(|line| !line.starts_with("no GPU"));
    }
    refuse_strangers(&facts, &gpus)?;
    set_driver(&mut facts, &gpus, driver.as_deref(), &mut taken)?;
    if let Some(python) = &python {
        number(
            "python",
            python.trim_start_matches(['>', '<', '=', '~', '!', ' ']),
        )?;
    }
    facts.gpus = Known::Value(gpus);
    Ok(Assumed {
        facts,
        python,
        taken,
    })
}

/// Refuses cards that macOS does not drive.
fn refuse_strangers(facts: &Facts, gpus: &[Gpu]) -> Result<()> {
    if facts.system.kind != OsKind::MacOs {
        return Ok(());
    }
    let intel = facts.system.architecture.value().map(String::as_str) == Some("x86_64");
    let stranger = gpus.iter().find(|gpu| match gpu.vendor {
        Vendor::Apple => false,
        Vendor::Nvidia => true,
        _ => !intel,
    });
    match stranger {
        Some(gpu) => Err(unknown(
            format!(
                "macOS does not drive a {}",
                gpu.name.value().map_or("GPU of this maker", String::as_str)
            ),
            "name the system it is in (os=ubuntu-24.04), or an Apple chip (gpu=M3 Max)".into(),
        )),
        None => Ok(()),
    }
}

pub(super) fn unknown(message: String, hint: String) -> Problem {
    Problem::new(Code::Usage, format!("--assume: {message}")).hint(hint)
}

/// A value that begins with a number.
fn number(key: &str, value: &str) -> Result<String> {
    if value.starts_with(|letter: char| letter.is_ascii_digit()) {
        Ok(value.to_string())
    } else {
        Err(unknown(
            format!("{key}={value} is no version"),
            format!(
                "write a number, for example {key}={}",
                if key == "python" { "3.12" } else { "2.35" }
            ),
        ))
    }
}

fn set_system(
    facts: &mut Facts,
    os: Option<&str>,
    apple: bool,
    taken: &mut Vec<String>,
) -> Result<()> {
    let word = match os {
        Some(word) => word.to_ascii_lowercase(),
        None => {
            let word = if apple { "macos-26" } else { "ubuntu-24.04" };
            taken.push(format!("os {word}"));
            word.to_string()
        }
    };
    let (family, version) = family_and_version(&word);
    if matches!(family, "macos" | "mac" | "osx") {
        let version = match version {
            Some(version) => number("os", version)?,
            None => {
                taken.push("macOS 26".into());
                "26".into()
            }
        };
        facts.system.kind = OsKind::MacOs;
        facts.system.glibc = Known::Absent;
        facts.system.os = Known::Value(named("macos", &format!("macOS {version}"), &version));
        return Ok(());
    }
    if matches!(family, "windows" | "win") {
        return Err(unknown(
            "Deskside works on Linux and macOS".into(),
            "under WSL, Windows has the driver and Linux the rest: say os=ubuntu-24.04".into(),
        ));
    }
    let all = &frameworks::systems().all;
    let known = all.iter().find(|system| {
        system.id == family && version.is_none_or(|version| system.version == version)
    });
    let Some(known) = known else {
        let names: Vec<String> = all
            .iter()
            .map(|system| format!("{}-{}", system.id, system.version))
            .chain(["macos-26".into(), "macos-15".into(), "macos-13".into()])
            .collect();
        return Err(unknown(
            format!("nobody knows the system {word}"),
            nearest(&word, names.iter().map(String::as_str)).map_or_else(
                || {
                    format!(
                        "the systems are {}; glibc= names another's C library",
                        names.join(", ")
                    )
                },
                |meant| format!("did you mean os={meant}?"),
            ),
        ));
    };
    if version.is_none() {
        taken.push(format!("{} {}", known.id, known.version));
    }
    facts.system.os = Known::Value(named(&known.id, &known.name, &known.version));
    facts.system.glibc = Known::Value(known.glibc.clone());
    Ok(())
}

/// `ubuntu-24.04`, `Ubuntu 24.04`, `ubuntu24.04`, `fedora`, `rhel9`: the family by its id, and the version.
fn family_and_version(word: &str) -> (&str, Option<&str>) {
    let start = word
        .find(|letter: char| letter.is_ascii_digit())
        .unwrap_or(word.len());
    let (family, version) = word.split_at(start);
    let family = family.trim_end_matches(['-', ' ', ':', '_', 'v']);
    let family = match family {
        "pop-os" | "pop_os" | "pop!_os" | "popos" => "pop",
        "redhat" | "red hat" | "red-hat" | "red hat enterprise linux" => "rhel",
        "rocky linux" | "rocky-linux" | "rockylinux" => "rocky",
        "alma" | "alma linux" | "alma-linux" => "almalinux",
        "mint" | "linux mint" | "linux-mint" => "linuxmint",
        "archlinux" | "arch linux" | "arch-linux" => "arch",
        "suse" | "opensuse" | "opensuse leap" | "leap" => "opensuse-leap",
        "amazon" | "amazon linux" | "amazon-linux" | "al" => "amzn",
        "wsl" => "ubuntu",
        other => other,
    };
    (family, (!version.is_empty()).then_some(version))
}

/// A word for no GPU.
fn is_none(word: &str) -> bool {
    ["none", "no", "no gpu", "cpu"].contains(&word.to_ascii_lowercase().as_str())
}

/// Whether a bare word names a system.
fn is_system(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let (family, _) = family_and_version(&word);
    matches!(family, "macos" | "mac" | "osx" | "windows")
        || frameworks::systems()
            .all
            .iter()
            .any(|system| system.id == family)
}

fn named(id: &str, name: &str, version: &str) -> OperatingSystem {
    OperatingSystem {
        id: id.into(),
        name: name.into(),
        version: Some(version.into()),
        codename: None,
        ubuntu_codename: None,
        like: Vec::new(),
    }
}

fn set_architecture(
    facts: &mut Facts,
    arch: Option<&str>,
    apple: bool,
    own: Option<&str>,
    taken: &mut Vec<String>,
) -> Result<()> {
    let mac = facts.system.kind == OsKind::MacOs;
    let name = match arch.map(str::to_ascii_lowercase).as_deref() {
        Some("x86_64" | "amd64" | "x86-64" | "x64" | "intel") => "x86_64",
        Some("aarch64" | "arm64" | "arm") => "aarch64",
        Some(other) => {
            return Err(unknown(
                format!("nobody knows the processor {other}"),
                "the processors are x86_64 and aarch64".into(),
            ));
        }
        None => {
            let usual = if apple || mac { "aarch64" } else { "x86_64" };
            let name = own.unwrap_or(usual);
            taken.push(format!("arch {name}"));
            name
        }
    };
    if apple && name == "x86_64" {
        return Err(unknown(
            "an Apple chip is no x86_64 processor".into(),
            "leave arch= away, or the GPU".into(),
        ));
    }
    facts.system.architecture = Known::Value(name.into());
    Ok(())
}

fn set_driver(
    facts: &mut Facts,
    gpus: &[Gpu],
    driver: Option<&str>,
    taken: &mut Vec<String>,
) -> Result<()> {
    let nvidia: Vec<&Gpu> = gpus
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Nvidia)
        .collect();
    match driver {
        Some(word) if word.eq_ignore_ascii_case("none") => {}
        Some(word) => {
            if !word.starts_with(|letter: char| letter.is_ascii_digit()) {
                return Err(unknown(
                    format!("driver={word} is no version"),
                    "write a branch or a version (driver=580, driver=535.183.01), or driver=none"
                        .into(),
                ));
            }
            if nvidia.is_empty() {
                return Err(unknown(
                    "driver= stands there without an NVIDIA GPU".into(),
                    "name one (gpu=RTX 4090), or leave driver= away".into(),
                ));
            }
            facts.drivers.nvidia.loaded = Known::Value(word.to_string());
        }
        None if nvidia.is_empty() => {}
        None => {
            let last = nvidia
                .iter()
                .filter_map(|gpu| gpu.compute_capability.value())
                .filter_map(|capability| hardware::nvidia_architecture(capability))
                .filter_map(|known| known.last_driver_branch.as_deref())
                .min_by(|left, right| order(left, right));
            let branch = last.unwrap_or(CURRENT_DRIVER);
            taken.push(match last {
                Some(branch) => format!("driver {branch}, the last branch for this card"),
                None => format!("driver {branch}"),
            });
            facts.drivers.nvidia.loaded = Known::Value(branch.to_string());
        }
    }
    Ok(())
}
