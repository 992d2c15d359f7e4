//! The `deskside` Python module, kept in this program and packed as a wheel when it is asked for.

use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The module's version: this program's own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's files, by their path in the wheel.
const FILES: &[(&str, &str)] = &[
    (
        "deskside/__init__.py",
        include_str!("../python/deskside/__init__.py"),
    ),
    (
        "deskside/__main__.py",
        include_str!("../python/deskside/__main__.py"),
    ),
    (
        "deskside/_log.py",
        include_str!("../python/deskside/_log.py"),
    ),
    (
        "deskside/_record.py",
        include_str!("../python/deskside/_record.py"),
    ),
    (
        "deskside/_run.py",
        include_str!("../python/deskside/_run.py"),
    ),
    (
        "deskside/_secrets.json",
        include_str!("../python/deskside/_secrets.json"),
    ),
    (
        "deskside/_secrets.py",
        include_str!("../python/deskside/_secrets.py"),
    ),
    (
        "deskside/_segment.py",
        include_str!("../python/deskside/_segment.py"),
    ),
    (
        "deskside/_state.py",
        include_str!("../python/deskside/_state.py"),
    ),
    (
        "deskside/_store.py",
        include_str!("../python/deskside/_store.py"),
    ),
    (
        "deskside/_version.py",
        include_str!("../python/deskside/_version.py"),
    ),
    (
        "deskside/py.typed",
        include_str!("../python/deskside/py.typed"),
    ),
];

/// A Python package as one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// Its file name, which installers read version and platform from.
    pub file_name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// The module as a wheel (the binary distribution format of packaging.python.org, version 1.0). The same bytes every time.
///
/// # Panics
/// Never: writing a zip file into memory has nothing that can fail.
pub fn wheel() -> Wheel {
    let folder = format!("deskside-{VERSION}.dist-info");
    let metadata = format!(
        "Metadata-Version: 2.1\nName: deskside\nVersion: {VERSION}\n\
         Summary: Track training runs on your own machine: no server, no account, one write per log call\n\
         License: Apache-2.0 OR MIT\nRequires-Python: >=3.9\nDescription-Content-Type: text/plain\n\n{}",
        description()
    );
    let tags =
        "Wheel-Version: 1.0\nGenerator: deskside\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            .to_string();
    let mut files: Vec<(String, String)> = FILES
        .iter()
        .map(|(path, text)| ((*path).to_string(), (*text).to_string()))
        .collect();
    files.push((format!("{folder}/METADATA"), metadata));
    files.push((format!("{folder}/WHEEL"), tags));
    let mut record: String = files
        .iter()
        .map(|(path, text)| {
            format!(
                "{path},sha256={},{}\n",
                base64_url(&Sha256::digest(text.as_bytes())),
                text.len()
            )
        })
        .collect();
    record.push_str(&format!("{folder}/RECORD,,\n"));
    files.push((format!("{folder}/RECORD"), record));

    let bytes =
        pack(&files).expect("a zip file of a few texts in memory has nothing that can fail");
    let sha256 = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Wheel {
        file_name: format!("deskside-{VERSION}-py3-none-any.whl"),
        bytes,
        sha256,
    }
}

/// The docstring of the package.
fn description() -> &'static str {
    FILES[0].1.split("\"\"\"").nth(1).unwrap_or_default()
}

fn pack(files: &[(String, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in files {
        zip.start_file(path.as_str(), options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Base64 with the alphabet for addresses, without padding (RFC 4648 section 5), as RECORD files have it.
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let group = part.iter().enumerate().fold(0u32, |group, (at, byte)| {
            group | u32::from(*byte) << (16 - 8 * at)
        });
        for place in 0..=part.len() {
            text.push(ALPHABET[(group >> (18 - 6 * place) & 63) as usize] as char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn base64_is_rfc_4648s() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64_url(bytes.as_bytes()), text);
        }
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn every_file_of_the_package_is_packed_and_the_versions_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python/deskside");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "__pycache__")
            .map(|name| format!("deskside/{name}"))
            .collect();
        there.sort();
        assert_eq!(
            there,
            FILES
                .iter()
                .map(|(path, _)| (*path).to_string())
                .collect::<Vec<_>>()
        );
        let version = FILES
            .iter()
            .find(|(path, _)| path.ends_with("_version.py"))
            .unwrap()
            .1;
        assert!(version.contains(&format!("VERSION = \"{VERSION}\"")));
    }

    #[test]
    fn it_is_the_same_every_time() {
        assert_eq!(wheel(), wheel());
        assert!(wheel().bytes.len() < 60_000);
    }

    /// By the installer Deskside uses, where there is one: at `DESKSIDE_TEST_UV`, or on PATH.
    #[test]
    fn uv_installs_it() {
        let uv = |folder: &std::path::Path, words: &[&str]| {
            Command::new(std::env::var_os("DESKSIDE_TEST_UV").unwrap_or_else(|| "uv".into()))
                .args(words)
                .arg(folder)
                .env("UV_OFFLINE", "1")
                .output()
        };
        let folder = tempfile::tempdir().unwrap();
        let environment = folder.path().join("venv");
        if !uv(&environment, &["venv", "--quiet"]).is_ok_and(|output| output.status.success()) {
            deskside_testkit::skip(
                "uv_installs_it: no uv at DESKSIDE_TEST_UV or on PATH with a Python it can use",
            );
            return;
        }
        let wheel = wheel();
        let file = folder.path().join(&wheel.file_name);
        std::fs::write(&file, &wheel.bytes).unwrap();
        let python = environment.join("bin/python");
        let output = uv(
            &file,
            &[
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--no-index",
                "--python",
                python.to_str().unwrap(),
            ],
        )
        .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let check = Command::new(&python)
            .args(["-c", "import deskside; print(deskside.__version__)"])
            .current_dir("/")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(check.stdout).unwrap().trim(), VERSION);
    }

    /// Into a fresh environment by the installer that comes with Python, with hashes checked and no network.
    #[test]
    fn pip_installs_it() {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(folder.path().join("venv"))
            .status();
        let pip = Command::new("python3")
            .args(["-m", "pip", "--version"])
            .output();
        if !made.is_ok_and(|status| status.success())
            || !pip.is_ok_and(|output| output.status.success())
        {
            deskside_testkit::skip("pip_installs_it: no python3 with venv and pip");
            return;
        }
        let wheel = wheel();
        let file = folder.path().join(&wheel.file_name);
        std::fs::write(&file, &wheel.bytes).unwrap();
        let python = folder.path().join("venv/bin/python");
        let output = Command::new("python3")
            .args(["-m", "pip", "--disable-pip-version-check", "--python"])
            .arg(&python)
            .args(["install", "--no-index", "--no-deps"])
            .arg(format!(
                "deskside @ file://{}#sha256={}",
                file.display(),
                wheel.sha256
            ))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let output = Command::new(&python)
            .args(["-m", "deskside"])
            .env("DESKSIDE_HOME", folder.path())
            .current_dir("/")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.starts_with(&format!("deskside {VERSION}\n")),
            "{text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let check = Command::new("python3")
            .args(["-m", "pip", "--python"])
            .arg(&python)
            .args(["show", "-f", "deskside"])
            .output()
            .unwrap();
        assert!(
            String::from_utf8(check.stdout)
                .unwrap()
                .contains("deskside/_segment.py")
        );
    }
}
