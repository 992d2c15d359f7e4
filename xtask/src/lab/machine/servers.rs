//! Makers' servers inside a machine, by real TLS: what Deskside itself downloads comes by https and nothing else, so the
//! lab is a network with an authority of its own, and the program that is proved has no door for it.

use crate::lab::{archive, folder, key, remove};
use crate::shell::run;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Hosts that are played, each at a loopback address of its own.
const HOSTS: [(&str, &str); 2] = [
    ("developer.download.nvidia.com", "127.0.0.2"),
    ("repo.radeon.com", "127.0.0.3"),
];
/// A key that is fetched by itself and is no file of its archive: where it is asked for, and whose of the lab's it is.
const KEY: (&str, &str) = ("repo.radeon.com/rocm/rocm.gpg.key", "amd.gpg");

/// Whom Deskside trusts in a machine without `ca-certificates`. apt's real methods, which run while the network is away, look
/// elsewhere: for them these hosts stay unreachable.
const AUTHORITIES: &str = "/etc/ssl/cert.pem";

/// `ip link set lo up`, by what the base has.
const LOOPBACK_UP: &str = r#"use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; my $i = pack("a16 s x22", "lo", 0x41); ioctl($s, 0x8914, $i) or die "lo: $!";"#;

/// Servers that run for a machine; gone when this is dropped.
#[derive(Default)]
pub(super) struct Servers(Vec<Child>);

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl super::Machine {
    /// Lets the makers' hosts answer by https inside this machine, which trusts the lab's authority from then on.
    ///
    /// # Errors
    ///
    /// When a server can't be started.
    pub fn serve_makers(&mut self) -> Result<()> {
        let tls = certificates()?;
        let pages = pages()?;
        self.run(&["perl", "-e", LOOPBACK_UP])?;
        let mut hosts = self.text("/etc/hosts").unwrap_or_default();
        for (host, address) in HOSTS {
            hosts.push_str(&format!("{address} {host}\n"));
            self.servers.0.push(server(
                self.namespace.process(),
                &tls,
                &pages.join(host),
                address,
            )?);
        }
        self.write("/etc/hosts", hosts.as_bytes())?;
        let authority = std::fs::read(tls.join("authority.pem"))?;
        self.write(AUTHORITIES, &authority)
    }
}

/// A server of files, in the network of a process and with this machine's files.
fn server(process: u32, tls: &Path, pages: &Path, address: &str) -> Result<Child> {
    let mut child = Command::new("nsenter")
        .arg(format!("--target={process}"))
        .args(["--net", "--", "openssl", "s_server", "-WWW", "-accept"])
        .arg(format!("{address}:443"))
        .arg("-cert")
        .arg(tls.join("hosts.pem"))
        .arg("-key")
        .arg(tls.join("hosts.key"))
        .current_dir(pages)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("openssl could not be started: the lab needs it")?;
    let mut said = String::new();
    if let Some(output) = &mut child.stdout {
        for line in BufReader::new(output).lines() {
            said = line?;
            if said == "ACCEPT" {
                return Ok(child);
            }
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    bail!("openssl does not serve at {address}: {said}")
}

/// What each host has, by a folder of its name.
fn pages() -> Result<PathBuf> {
    let archives = archive::archives()?;
    let pages = folder()?.join(format!(
        "pages-{}",
        key(&[&archives.display().to_string(), KEY.0, KEY.1], &[])?
    ));
    if pages.is_dir() {
        return Ok(pages);
    }
    let half = folder()?.join(format!("half-pages-{}", std::process::id()));
    remove(&half)?;
    std::fs::create_dir_all(&half)?;
    for (host, _) in HOSTS {
        if KEY.0.starts_with(host) {
            let file = half.join(KEY.0);
            std::fs::create_dir_all(file.parent().unwrap_or(&half))?;
            std::fs::copy(archives.join("keys").join(KEY.1), file)?;
        } else {
            std::os::unix::fs::symlink(archives.join(host), half.join(host))?;
        }
    }
    settled(&half, &pages)
}

/// An authority, and a certificate of it for all hosts, made once.
fn certificates() -> Result<PathBuf> {
    let names: Vec<String> = HOSTS
        .iter()
        .map(|(host, _)| format!("DNS:{host}"))
        .collect();
    let names = format!("subjectAltName={}\n", names.join(","));
    let kept = folder()?.join(format!("tls-{}", key(&[&names], &[])?));
    if kept.is_dir() {
        return Ok(kept);
    }
    let half = folder()?.join(format!("half-tls-{}", std::process::id()));
    remove(&half)?;
    std::fs::create_dir_all(&half)?;
    std::fs::write(half.join("names"), names)?;
    let openssl = |words: &str| {
        run(Command::new("openssl")
            .args(words.split(' '))
            .current_dir(&half)
            .stdout(Stdio::null())
            .stderr(Stdio::null()))
        .context(
            "openssl could not make the lab's certificates: the lab needs openssl 1.1.1 or newer",
        )
    };
    let elliptic = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {elliptic} -days 3650 -subj /CN=throw-away -keyout authority.key -out authority.pem -addext keyUsage=critical,keyCertSign"
    ))?;
    openssl(&format!(
        "req {elliptic} -subj /CN=lab -keyout hosts.key -out hosts.csr"
    ))?;
    openssl(
        "x509 -req -in hosts.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 -extfile names -out hosts.pem",
    )?;
    settled(&half, &kept)
}

/// Gives what was made its name, unless another process was faster.
fn settled(half: &Path, kept: &Path) -> Result<PathBuf> {
    match std::fs::rename(half, kept) {
        Err(_) if kept.is_dir() => remove(half)?,
        other => other.with_context(|| kept.display().to_string())?,
    }
    Ok(kept.to_path_buf())
}
