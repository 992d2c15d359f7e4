//! Tokens, passwords, credentials in addresses, e-mail addresses.

use super::scan::{before, is_word, replace as replace_found, run};
use crate::command::without_credentials;

/// What stands in a secret's place.
pub(super) const STAND_IN: &str = "***";
const PERSON: &str = "person";
const NOWHERE: &str = "example.com";

/// Domains of those who make packages. A package's maintainer tells where it is from, and evidence must tell that after redaction, too: of such an
/// address the person goes and the domain stays.
const MAKERS: [&str; 6] = [
    "nvidia.com",
    "amd.com",
    "ubuntu.com",
    "canonical.com",
    "debian.org",
    "system76.com",
];

/// Parts of the names of variables that hold secrets.
const SECRET_VARIABLES: [&str; 9] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
];

/// Last words of the names of settings that hold secrets.
const SECRET_NAMES: [&str; 13] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "private_key",
    "secret_key",
];

/// How well-known tokens begin, and how many letters must follow, as their issuers document them.
const TOKENS: [(&str, usize); 22] = [
    ("hf_", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("sk-", 20),
    ("sk_live_", 16),
    ("rpa_", 20),
    ("npm_", 20),
    ("pypi-", 32),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
];

/// Whether a variable of this upper-case name holds a secret.
pub(super) fn is_secret_variable(upper: &str) -> bool {
    SECRET_VARIABLES.iter().any(|word| upper.contains(word))
}

/// Whether a setting of this name holds a secret: `hf_token`, `aws_secret_access_key`.
pub(super) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| {
        lower
            .strip_suffix(word)
            .is_some_and(|front| front.is_empty() || front.ends_with(['_', '-', '.', ' ']))
    })
}

/// Replaces every secret that can be told by its form or by the name before it.
pub(super) fn replace(text: &str) -> String {
    let text = if text.contains("://") {
        without_credentials(text)
    } else {
        text.to_string()
    };
    let text = named(&text);
    let text = tokens(&text);
    if text.contains('@') {
        mails(&text)
    } else {
        text
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn tokens(text: &str) -> String {
    let bytes = text.as_bytes();
    replace_found(text, |at| {
        if before(bytes, at).is_some_and(is_word) {
            return None;
        }
        let known = TOKENS.iter().any(|(prefix, count)| {
            let start = at + prefix.len();
            bytes[at..].starts_with(prefix.as_bytes())
                && run(bytes, start, is_token) - start >= *count
        });
        if known {
            return Some((run(bytes, at, is_token), STAND_IN.to_string()));
        }
        // A JSON Web Token (RFC 7519): three parts, the first an encoded object.
        if bytes[at..].starts_with(b"eyJ") {
            let end = run(bytes, at, |byte| is_token(byte) || byte == b'.');
            if end - at > 40 && bytes[at..end].iter().filter(|byte| **byte == b'.').count() == 2 {
                return Some((end, STAND_IN.to_string()));
            }
        }
        None
    })
}

/// `password: …`, `HF_TOKEN=…`, `"api_key": "…"`, `Bearer …`, and forty hex digits after such a name.
fn named(text: &str) -> String {
    let bytes = text.as_bytes();
    let secret = |start: usize| {
        let end = run(bytes, start, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b',' | b';' | b'&')
        });
        let value = &text[start..end];
        let is_plain = matches!(
            value.to_ascii_lowercase().as_str(),
            "false" | "enabled" | "disabled" | "required" | "optional"
        );
        (end - start >= 6 && !is_plain && !value.starts_with(['/', '$', '<', '*', '[', '{', '%']))
            .then(|| (end, STAND_IN.to_string()))
    };
    // Set by the name just read: where its value starts.
    let mut value_at = None;
    replace_found(text, |at| {
        if value_at == Some(at) {
            value_at = None;
            return secret(at);
        }
        if !bytes[at].is_ascii_alphabetic() || before(bytes, at).is_some_and(is_token) {
            return None;
        }
        let end = run(bytes, at, |byte| is_token(byte) || byte == b'.');
        let name = &text[at..end];
        if name.eq_ignore_ascii_case("bearer") && bytes.get(end) == Some(&b' ') {
            let start = end + 1;
            let stop = run(bytes, start, |byte| {
                is_token(byte) || matches!(byte, b'.' | b'=' | b'+' | b'/' | b'~')
            });
            if stop - start >= 8 {
                value_at = Some(start);
            }
            return None;
        }
        if !is_secret_name(name) {
            return None;
        }
        let quoted = run(bytes, end, |byte| matches!(byte, b'"' | b'\''));
        let spaced = run(bytes, quoted, |byte| byte == b' ' || byte == b'\t');
        if matches!(bytes.get(spaced), Some(b'=' | b':')) && bytes.get(spaced + 1) != Some(&b'/') {
            let start = run(bytes, spaced + 1, |byte| {
                matches!(byte, b' ' | b'\t' | b'"' | b'\'')
            });
            value_at = Some(start);
        } else if spaced > quoted {
            let stop = run(bytes, spaced, |byte| byte.is_ascii_hexdigit());
            if stop - spaced >= 32 {
                value_at = Some(spaced);
            }
        }
        None
    })
}

fn mails(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%');
    replace_found(text, |at| {
        if !bytes[at].is_ascii_alphanumeric()
            || before(bytes, at).is_some_and(|byte| is_local(byte) || byte >= 0x80)
        {
            return None;
        }
        let middle = run(bytes, at, is_local);
        if bytes.get(middle) != Some(&b'@') {
            return None;
        }
        let mut end = run(bytes, middle + 1, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
        });
        while end > middle + 1 && matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        let domain = &text[middle + 1..end];
        let top = domain.rsplit('.').next().unwrap_or_default();
        let is_domain = domain.contains('.')
            && top.len() >= 2
            && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        // `getty@tty1.service` is a systemd unit, `git@host` nobody's address.
        let is_unit = matches!(
            top,
            "service"
                | "socket"
                | "timer"
                | "target"
                | "mount"
                | "path"
                | "slice"
                | "device"
                | "scope"
        );
        let is_makers = MAKERS.iter().any(|maker| {
            domain
                .strip_suffix(maker)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let shown = if is_makers { domain } else { NOWHERE };
        (is_domain && !is_unit && &text[at..middle] != "git")
            .then(|| (end, format!("{PERSON}@{shown}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_form_and_by_name() {
        for (text, shown) in [
            ("login hf_abcdefghijABCDEFGHIJ1234 done", "login *** done"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ0123456", "***"),
            ("github_pat_11ABCDEFG0abcdefghij_KLMN", "***"),
            ("key sk-proj-abcdefghijklmnopqrst1234", "key ***"),
            ("AKIAIOSFODNN7EXAMPLE", "***"),
            ("xoxb-123456789012-abcdef", "***"),
            (
                "Authorization: Bearer abc.def-ghi_jkl",
                "Authorization: Bearer ***",
            ),
            (
                "machine api.wandb.ai login user password 0123456789abcdef0123456789abcdef01234567",
                "machine api.wandb.ai login user password ***",
            ),
            ("WANDB_API_KEY=0123456789abcdef", "WANDB_API_KEY=***"),
            ("\"api_key\": \"0123456789\",", "\"api_key\": \"***\","),
            ("password: hunter22", "password: ***"),
            ("https://u:p@ss@host/x", "https://***@host/x"),
            ("Bob <bob@corp.example.org>.", "Bob <person@example.com>."),
            (
                "Maintainer: cudatools <bob.smith@nvidia.com>",
                "Maintainer: cudatools <person@nvidia.com>",
            ),
            (
                "Ubuntu <bob@lists.ubuntu.com>, x@notnvidia.com",
                "Ubuntu <person@lists.ubuntu.com>, person@example.com",
            ),
        ] {
            assert_eq!(replace(text), shown);
            assert_eq!(replace(shown), shown, "twice is once");
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_stays() {
        for text in [
            "commit 0123456789abcdef0123456789abcdef01234567",
            "max_tokens=4096 tokenizer=bert",
            "getty@tty1.service git@github.com:org/repo",
            "signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg",
            "hf_hub_download sk-learn task-queue",
            "password: /etc/secret",
            "Authentication-token: ",
            "a@b",
            "torch==2.11.0 @ https://download.example/whl",
        ] {
            assert_eq!(replace(text), text);
        }
    }
}
