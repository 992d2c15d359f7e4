//! Throw-away keys: one per archive owner, made when the archives are built and never outside the lab's folder.

use crate::shell::run;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A keyring of its own for one owner.
pub struct Key {
    home: PathBuf,
}

impl Key {
    /// Makes the key.
    pub fn new(home: PathBuf, owner: &str) -> Result<Self> {
        std::fs::create_dir_all(&home)?;
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let key = Self { home };
        let name = format!("Throw-away {owner} key of the lab <lab@example.invalid>");
        run(key
            .gpg()
            .args([
                "--passphrase",
                "",
                "--quick-gen-key",
                &name,
                "rsa2048",
                "sign",
                "1y",
            ])
            .stderr(Stdio::null()))
        .context("gpg could not make a key")?;
        Ok(key)
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command
            .args(["--batch", "--yes", "--quiet", "--no-tty"])
            .env("GNUPGHOME", &self.home);
        command
    }

    /// The public key, in the form that apt takes from a `.gpg` file.
    pub fn public(&self) -> Result<Vec<u8>> {
        let output = self.gpg().arg("--export").output()?;
        if !output.status.success() || output.stdout.is_empty() {
            bail!(
                "gpg exported no key: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(output.stdout)
    }

    /// Signs a Release file into an InRelease file beside it.
    pub fn sign(&self, release: &Path) -> Result<()> {
        run(self
            .gpg()
            .args(["--clearsign", "--digest-algo", "SHA512", "--output"])
            .arg(release.with_file_name("InRelease"))
            .arg(release))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // The agent that signing started would outlive this process.
        let _ = Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", &self.home)
            .stderr(Stdio::null())
            .status();
    }
}
