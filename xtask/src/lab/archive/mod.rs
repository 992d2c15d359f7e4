//! The archives: built from `lab/archives.conf` and `lab/archives/*.packages`, signed by throw-away keys.
//!
//! They lie at `HOST/PATH` as on their real hosts; the lab's apt method answers the real addresses from there.

mod effects;
mod elf;
mod package;
mod relations;
mod sign;

use super::stanza::{self, Stanza};
use super::{data, folder, hex, key};
use crate::shell::{root, run};
use anyhow::{Context, Result};
use effects::Parts;
use flate2::{Compression, write::GzEncoder};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Control fields that a package takes over from its description.
const FIELDS: [&str; 15] = [
    "Package",
    "Version",
    "Architecture",
    "Multi-Arch",
    "Section",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Provides",
    "Support",
    "Prefer-Variant",
    "Origin",
];
/// Fields of which unknown names are left out: the others do no harm.
const TRIMMED: [&str; 3] = ["Pre-Depends", "Depends", "Recommends"];

/// The built archives' folder, made when it is not there. `keys/NAME.gpg` below it are the public keys.
pub fn archives() -> Result<PathBuf> {
    let mut inputs: Vec<PathBuf> = vec![
        data().join("archives.conf"),
        root().join(NVML),
        root().join(CUDA),
    ];
    // The code decides what is made, too.
    for folder in [
        data().join("archives"),
        data().join("root"),
        root().join("xtask/src/lab/archive"),
    ] {
        for entry in std::fs::read_dir(folder)? {
            inputs.push(entry?.path());
        }
    }
    inputs.sort();
    let built = folder()?.join(format!("archives-{}", key(&[], &inputs)?));
    if built.is_dir() {
        return Ok(built);
    }
    super::forget("archives-")?;
    let half = folder()?.join("half-archives");
    super::remove(&half)?;
    build(&half)?;
    std::fs::rename(&half, &built)?;
    Ok(built)
}

/// The stand-in libraries' sources.
const NVML: &str = "crates/testkit/fake-nvml/fake_nvml.rs";
const CUDA: &str = "crates/testkit/fake-compute/fake_compute.rs";

/// Builds a stand-in library.
fn library(half: &Path, source: &str, name: &str) -> Result<Vec<u8>> {
    let library = half.join(name);
    run(Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "-Copt-level=s",
            "-Cpanic=abort",
            "-Cstrip=symbols",
        ])
        .arg(format!("-Clink-arg=-Wl,-soname,{name}"))
        .arg("-o")
        .arg(&library)
        .arg(root().join(source)))?;
    let bytes = std::fs::read(&library)?;
    std::fs::remove_file(&library)?;
    Ok(bytes)
}

fn build(half: &Path) -> Result<()> {
    let archives = stanza::read(&data().join("archives.conf"))?;
    let keyrings = half.with_file_name("half-keys");
    super::remove(&keyrings)?;
    std::fs::create_dir_all(half.join("keys"))?;
    let mut keys = BTreeMap::new();
    for archive in &archives {
        let owner = archive.get("Key").to_string();
        if let Entry::Vacant(place) = keys.entry(owner.clone()) {
            let key = sign::Key::new(keyrings.join(&owner), &owner)?;
            let public = key.public()?;
            std::fs::write(half.join(format!("keys/{owner}.gpg")), &public)?;
            place.insert((key, public));
        }
    }
    let public = |owner: &str| {
        keys.get(owner)
            .map(|(_, public)| public.clone())
            .unwrap_or_default()
    };
    let mut scripts = BTreeMap::new();
    for entry in std::fs::read_dir(data().join("root"))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        scripts.insert(name, std::fs::read(&path)?);
    }
    let parts = Parts {
        nvml: library(half, NVML, "libnvidia-ml.so.1")?,
        cuda: library(half, CUDA, "libcuda.so.1")?,
        scripts,
        nvidia_key: public("nvidia"),
        amd_key: public("amd"),
    };
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut described = Vec::new();
    for archive in &archives {
        let packages =
            stanza::read(&data().join(format!("archives/{}.packages", archive.get("Packages"))))?;
        let names = known.entry(archive.get("Family")).or_default();
        for package in &packages {
            names.insert(package.get("Package").to_string());
            names.extend(relations::names(package.get("Provides")).map(str::to_string));
        }
        described.push((archive, packages));
    }
    for (archive, packages) in described {
        let names = known
            .get(archive.get("Family"))
            .cloned()
            .unwrap_or_default();
        publish(half, archive, &packages, &names, &parts)
            .with_context(|| format!("archive {}", archive.get("Archive")))?;
        if archive.get("Key") == "nvidia" {
            let (top, ..) = layout(half, archive);
            std::fs::write(top.join("3bf863cc.pub"), public("nvidia"))?;
        }
        let release = release(half, archive)?;
        if let Some((key, _)) = keys.get(archive.get("Key")) {
            key.sign(&release)?;
        }
    }
    drop(keys);
    super::remove(&keyrings)
}

/// Where an archive's indices lie, and the component folders in it (none: a flat archive).
fn layout(half: &Path, archive: &Stanza) -> (PathBuf, PathBuf, Vec<String>) {
    let top = half.join(archive.get("Host-Path"));
    let components: Vec<String> = archive
        .get("Components")
        .split_whitespace()
        .map(str::to_string)
        .collect();
    let dists = if components.is_empty() {
        top.clone()
    } else {
        // Debian's sources name it by its code name, Ubuntu's by its suite.
        let name = if archive.get("Key") == "debian" {
            "Codename"
        } else {
            "Suite"
        };
        top.join("dists").join(archive.get(name))
    };
    (top, dists, components)
}

/// Writes the packages and their indices.
fn publish(
    half: &Path,
    archive: &Stanza,
    packages: &[Stanza],
    known: &BTreeSet<String>,
    parts: &Parts,
) -> Result<()> {
    let (top, dists, components) = layout(half, archive);
    let mut indices: BTreeMap<String, String> = components
        .iter()
        .map(|one| (one.clone(), String::new()))
        .collect();
    for package in packages {
        let mut control = String::new();
        for field in FIELDS {
            let mut value = package.get(field).to_string();
            if TRIMMED.contains(&field) {
                value = relations::known(&value, known);
            }
            if !value.is_empty() {
                writeln!(control, "{field}: {value}")?;
            }
        }
        writeln!(
            control,
            "Maintainer: The lab <lab@example.invalid>\nDescription: stand-in for {}",
            package.get("Package")
        )?;
        let deb = package::deb(&control, &effects::of(package, archive, parts))?;
        let (name, version) = (package.get("Package"), package.get("Version"));
        let file = format!(
            "{name}_{}_{}.deb",
            version.split_once(':').map_or(version, |(_, rest)| rest),
            package.get("Architecture")
        );
        let place = if components.is_empty() {
            format!("./{file}")
        } else {
            format!(
                "pool/{}/{name}/{file}",
                archive.get("Suite").trim_start_matches('/')
            )
        };
        let path = top.join(&place);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, &deb)?;
        let component = match package.get("Component") {
            "" => components.first().cloned().unwrap_or_default(),
            component => component.to_string(),
        };
        writeln!(
            indices.entry(component).or_default(),
            "{control}Filename: {place}\nSize: {}\nSHA256: {}\n",
            deb.len(),
            hex(&deb)
        )?;
    }
    for (component, index) in indices {
        let folder = if components.is_empty() {
            dists.clone()
        } else {
            dists.join(component).join("binary-amd64")
        };
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("Packages"), &index)?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(index.as_bytes())?;
        std::fs::write(folder.join("Packages.gz"), packed.finish()?)?;
    }
    Ok(())
}

/// Writes the Release file and returns its path.
fn release(half: &Path, archive: &Stanza) -> Result<PathBuf> {
    let (_, dists, components) = layout(half, archive);
    let mut text = String::new();
    for field in ["Origin", "Label", "Suite", "Codename"] {
        let value = archive.get(field).trim_matches('/');
        if !value.is_empty() {
            writeln!(text, "{field}: {value}")?;
        }
    }
    writeln!(text, "Date: {}", super::utc()?)?;
    writeln!(text, "Architectures: amd64 all")?;
    if !components.is_empty() {
        writeln!(text, "Components: {}", components.join(" "))?;
    }
    writeln!(text, "Description: stand-in made by the lab\nSHA256:")?;
    let folders: Vec<String> = if components.is_empty() {
        vec![String::new()]
    } else {
        components
            .iter()
            .map(|one| format!("{one}/binary-amd64/"))
            .collect()
    };
    for folder in folders {
        for file in ["Packages", "Packages.gz"] {
            let bytes = std::fs::read(dists.join(&folder).join(file))?;
            writeln!(text, " {} {} {folder}{file}", hex(&bytes), bytes.len())?;
        }
    }
    let path = dists.join("Release");
    std::fs::write(&path, text)?;
    Ok(path)
}
