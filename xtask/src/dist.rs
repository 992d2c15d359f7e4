//! `cargo xtask dist`: the downloadable thing for people without Rust, and the proof that it runs on old systems.

use crate::deb::{self, Member};
use crate::shell::{has, output, root, run, shipped_binary, target};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Command;

/// The newest GLIBC that Ubuntu 22.04 has.
const NEWEST_GLIBC: (u32, u32) = (2, 35);

/// Makes tarball, .deb, completions, man pages and checksums in `target/packages`.
pub fn dist() -> Result<()> {
    let program = shipped_binary()?;
    let newest = newest_glibc(&program)?;
    if newest > NEWEST_GLIBC {
        bail!(
            "the binary needs GLIBC {}.{}, newer than {}.{}: build it on an older system",
            newest.0,
            newest.1,
            NEWEST_GLIBC.0,
            NEWEST_GLIBC.1
        );
    }
    println!(
        "newest GLIBC symbol: {}.{} (limit {}.{})",
        newest.0, newest.1, NEWEST_GLIBC.0, NEWEST_GLIBC.1
    );
    let version = output(Command::new(&program).arg("--version"))?
        .split_whitespace()
        .nth(1)
        .context("no version")?
        .to_string();
    let folder = target().join("packages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;

    let binary = Member {
        path: "usr/bin/deskside".into(),
        contents: std::fs::read(&program)?,
        mode: 0o755,
    };
    let mut members = vec![binary];
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/deskside"),
        ("zsh", "usr/share/zsh/vendor-completions/_deskside"),
        ("fish", "usr/share/fish/vendor_completions.d/deskside.fish"),
    ] {
        members.push(text(
            path,
            output(Command::new(&program).args(["completions", shell]))?,
        ));
    }
    let pages = folder.join("man");
    std::fs::create_dir_all(&pages)?;
    run(Command::new(&program)
        .args(["__generate", "man"])
        .arg(&pages))?;
    let mut names: Vec<_> = std::fs::read_dir(&pages)?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    names.sort();
    for page in names {
        let name = page
            .file_name()
            .context("a page without a name")?
            .to_string_lossy()
            .into_owned();
        members.push(text(
            &format!("usr/share/man/man1/{name}"),
            std::fs::read_to_string(&page)?,
        ));
    }
    for (file, path) in [
        ("README.md", "usr/share/doc/deskside/README.md"),
        ("LICENSE-APACHE", "usr/share/doc/deskside/LICENSE-APACHE"),
        ("LICENSE-MIT", "usr/share/doc/deskside/LICENSE-MIT"),
    ] {
        members.push(text(path, std::fs::read_to_string(root().join(file))?));
    }
    std::fs::remove_dir_all(&pages)?;

    let time = source_time();
    let architecture = if cfg!(target_arch = "aarch64") {
        ("aarch64", "arm64")
    } else {
        ("x86_64", "amd64")
    };
    let name = format!("deskside-{version}-{}-linux-gnu", architecture.0);
    let flat: Vec<Member> = members
        .iter()
        .map(|member| Member {
            path: member.path.trim_start_matches("usr/").to_string(),
            contents: member.contents.clone(),
            mode: member.mode,
        })
        .collect();
    write(
        &folder,
        &format!("{name}.tar.gz"),
        &deb::tarball(&flat, &format!("{name}/"), time)?,
    )?;
    let size: u64 = members
        .iter()
        .map(|member| member.contents.len() as u64)
        .sum();
    let control = format!(
        "Package: deskside\nVersion: {version}\nArchitecture: {}\nMaintainer: The Deskside developers <deskside@example.org>\nInstalled-Size: {}\nDepends: libc6 (>= 2.{}), libgcc-s1\nSection: science\nPriority: optional\nDescription: turns one person's machine into a machine-learning research platform\n One program: from bare machine to tracked training run, with a plan to read\n and a way back. No containers, no server, nothing to administer.\n",
        architecture.1,
        size / 1024,
        newest.1,
    );
    let package = format!("deskside_{version}_{}.deb", architecture.1);
    write(&folder, &package, &deb::package(&control, &members, time)?)?;
    if has("dpkg-deb") {
        run(Command::new("dpkg-deb")
            .arg("--info")
            .arg(folder.join(&package)))?;
    } else {
        println!("dpkg-deb is not here, so the .deb was not checked with it");
    }
    let mut sums = String::new();
    for file in [format!("{name}.tar.gz"), package] {
        let bytes = std::fs::read(folder.join(&file))?;
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        sums.push_str(&format!("{hash}  {file}\n"));
        println!(
            "{:>12} bytes  {}",
            bytes.len(),
            folder.join(&file).display()
        );
    }
    write(&folder, "SHA256SUMS", sums.as_bytes())
}

fn text(path: &str, contents: String) -> Member {
    Member {
        path: path.into(),
        contents: contents.into_bytes(),
        mode: 0o644,
    }
}

fn write(folder: &Path, name: &str, contents: &[u8]) -> Result<()> {
    std::fs::write(folder.join(name), contents).with_context(|| format!("could not write {name}"))
}

/// The time of the last commit, so that the same sources make the same archive.
fn source_time() -> u64 {
    output(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root()),
    )
    .ok()
    .and_then(|text| text.trim().parse().ok())
    .unwrap_or(0)
}

/// The newest `GLIBC_X.Y` version that the binary asks for, read from its bytes.
pub fn newest_glibc(program: &Path) -> Result<(u32, u32)> {
    let bytes = std::fs::read(program)?;
    let mark = b"GLIBC_2.";
    let mut newest = (2, 0);
    for start in bytes
        .windows(mark.len())
        .enumerate()
        .filter(|(_, window)| *window == mark)
        .map(|(start, _)| start + mark.len())
    {
        let digits: String = bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .map(|byte| char::from(*byte))
            .collect();
        if let Ok(minor) = digits.parse::<u32>() {
            newest = newest.max((2, minor));
        }
    }
    Ok(newest)
}
