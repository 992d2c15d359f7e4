//! Takes private things out of a bundle: names, addresses, serial numbers, tokens.
//!
//! Pure: text in, text out. What is replaced is listed in `docs/evidence-bundles.md`. Invariants:
//! redacting twice is redacting once; text stays UTF-8; version numbers, PCI addresses and paths of
//! the system stay as they are, because what reads a bundle lives on them.

mod addresses;
mod answers;
mod names;
mod scan;
mod secrets;
mod serials;
mod whole;

use names::Names;
use serials::Numbers;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Takes private things out of texts, values, answers and whole bundles.
///
/// GPU identities become numbered stand-ins in the order in which this redactor (or a clone of it)
/// meets them, so that the same GPU stays the same one.
#[derive(Debug, Clone)]
pub struct Redactor {
    names: Names,
    numbers: Arc<Mutex<Numbers>>,
}

impl Redactor {
    /// Knows whom to hide: the user's name, the machine's name, the home folder.
    pub fn new(user: Option<&str>, host: Option<&str>, home: Option<&Path>) -> Self {
        Self {
            names: Names::new(user, host, home),
            numbers: Arc::default(),
        }
    }

    /// Hides one more name of the same person, for example who called `sudo`.
    #[must_use]
    pub fn with_user(mut self, name: &str) -> Self {
        self.names.add_user(name);
        self
    }

    /// A text without private things.
    pub fn text(&self, text: &str) -> String {
        self.settled(text, false)
    }

    /// The same, where every dotted quad is an address and no version.
    fn address_text(&self, text: &str) -> String {
        self.settled(text, true)
    }

    /// Replaces until nothing changes: a stand-in may have completed another private word.
    fn settled(&self, text: &str, quads_are_addresses: bool) -> String {
        let mut text = text.to_string();
        for _ in 0..4 {
            let next = self.once(&text, quads_are_addresses);
            if next == text {
                break;
            }
            text = next;
        }
        text
    }

    fn once(&self, text: &str, quads_are_addresses: bool) -> String {
        let text = self.names.home(text);
        let text = secrets::replace(&text);
        let text = addresses::replace(&text, quads_are_addresses);
        let text = serials::replace(
            &text,
            &mut self.numbers.lock().unwrap_or_else(PoisonError::into_inner),
        );
        self.names.replace(&text)
    }

    /// Bytes without private things. Text with broken characters is redacted around them; what holds
    /// zero bytes is no text (an EFI variable, a program) and stays as it is.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        if bytes.contains(&0) {
            return bytes.to_vec();
        }
        let mut shown = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            shown.extend_from_slice(self.text(chunk.valid()).as_bytes());
            shown.extend_from_slice(chunk.invalid());
        }
        shown
    }

    /// A path without private things.
    pub fn path(&self, path: &Path) -> PathBuf {
        let text = path.to_string_lossy();
        let shown = serials::disk_name(&self.text(&text));
        if shown == text {
            path.to_path_buf()
        } else {
            shown.into()
        }
    }

    /// A file's bytes, where the path may say that all of it is private.
    pub fn file(&self, path: &Path, bytes: &[u8]) -> Vec<u8> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = serials::whole_file(path, bytes, &mut numbers) {
            return shown;
        }
        drop(numbers);
        match (path.to_str(), std::str::from_utf8(bytes)) {
            (Some("/etc/passwd"), Ok(text)) => self.text(&self.names.accounts(text)).into_bytes(),
            (Some("/etc/group"), Ok(text)) => self.text(&self.names.groups(text)).into_bytes(),
            _ => self.bytes(bytes),
        }
    }

    /// JSON without private things; keys say where a serial number or a secret stands.
    pub fn value(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.value(one)),
            Value::Object(table) => {
                for (key, mut inner) in std::mem::take(table) {
                    if secrets::is_secret_name(&key) && (inner.is_string() || inner.is_number()) {
                        inner = Value::String(secrets::STAND_IN.into());
                    } else if serials::is_serial_name(&key)
                        && (inner.is_string() || inner.is_number())
                    {
                        let mut numbers =
                            self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
                        inner = serials::serial_value(&key, &inner, &mut numbers);
                    } else {
                        self.value(&mut inner);
                    }
                    table.insert(self.text(&key), inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A variable's value; none where its name says that it is a secret.
    pub fn variable(&self, name: &str, value: &str) -> Option<String> {
        let upper = name.to_ascii_uppercase();
        if secrets::is_secret_variable(&upper) {
            return None;
        }
        let names_addresses = upper.starts_with("SSH_")
            || ["PROXY", "ADDR", "HOST", "_IP"]
                .iter()
                .any(|word| upper.contains(word));
        Some(if names_addresses {
            self.address_text(value)
        } else {
            self.text(value)
        })
    }

    /// The user's name as it is shown.
    pub fn user_name(&self, name: &str) -> String {
        self.names.replace(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(
            Some("alice"),
            Some("alice-desk"),
            Some(Path::new("/home/alice")),
        )
    }

    #[test]
    fn private_things_go_and_the_rest_stays() {
        let redactor = redactor();
        for (text, shown) in [
            (
                "/home/alice/.venv/bin/python",
                "/home/user/.venv/bin/python",
            ),
            (
                "alice@alice-desk:~$ ls /home/alice",
                "user@machine:~$ ls /home/user",
            ),
            (
                "malice and alices are no alice",
                "malice and alices are no user",
            ),
            (
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05",
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05",
            ),
            (
                "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-5f3b1c2d-1234-abcd-ef01-0123456789ab)",
                "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-00000000-0000-0000-0000-000000000001)",
            ),
            (
                "mail alice.b@corp.example now",
                "mail person@example.com now",
            ),
            (
                "/sys/bus/pci/devices/0000:01:00.0/vendor",
                "/sys/bus/pci/devices/0000:01:00.0/vendor",
            ),
        ] {
            assert_eq!(redactor.text(text), shown);
            assert_eq!(redactor.text(shown), shown, "twice is once");
        }
    }

    #[test]
    fn keys_in_json_say_what_is_private() {
        let redactor = redactor();
        let mut value = serde_json::json!({
            "serial_number": "C02ABCDEFGH1", "uuid": "GPU-5f3b1c2d-1234-abcd-ef01-0123456789ab", "api_key": "abcdef123456",
            "name": "NVIDIA GeForce RTX 4090", "path": ["/home/alice/x", 7], "version": "12.4.5.8",
        });
        redactor.value(&mut value);
        let shown = serde_json::json!({
            "serial_number": "redacted", "uuid": "GPU-00000000-0000-0000-0000-000000000001", "api_key": "***",
            "name": "NVIDIA GeForce RTX 4090", "path": ["/home/user/x", 7], "version": "12.4.5.8",
        });
        assert_eq!(value, shown);
    }

    #[test]
    fn secret_variables_have_no_value_and_others_are_redacted() {
        let redactor = redactor();
        for (name, value, shown) in [
            ("HF_TOKEN", "x", None),
            ("WANDB_API_KEY", "x", None),
            ("SSH_AUTH_SOCK", "/tmp/x", None),
            (
                "SSH_CONNECTION",
                "10.1.2.3 51234 10.1.2.4 22",
                Some("192.0.2.1 51234 192.0.2.1 22"),
            ),
            (
                "https_proxy",
                "http://alice:secret@10.0.0.1:3128",
                Some("http://***@192.0.2.1:3128"),
            ),
            ("HOME", "/home/alice", Some("/home/user")),
            ("CUDA_VERSION", "12.4.1.0", Some("12.4.1.0")),
        ] {
            assert_eq!(redactor.variable(name, value).as_deref(), shown, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let redactor = redactor();
        assert_eq!(redactor.bytes(b"\x06\0\0\0\x01"), b"\x06\0\0\0\x01");
        assert_eq!(redactor.bytes(b"alice \xff alice"), b"user \xff user");
    }
}
