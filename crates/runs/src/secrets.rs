//! What looks like a secret is never written down.
//!
//! The Python module has the same rule (`_store.py`), for runs that training code makes itself.

use deskside_machine::command::without_credentials;

/// What is written in a secret's place.
pub(crate) const HIDDEN: &str = "***";

/// How access tokens of well-known services begin.
const BEGINNINGS: &[&str] = &[
    "hf_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "r8_",
    "rpa_",
    "nvapi-",
];

/// Words of a name that make its value a secret.
const SECRET: &[&str] = &[
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "credential",
    "credentials",
];

/// Words that make a secret of a `token` or `key` beside them. Training code has many other tokens: `--pad-token`, `--max-tokens`.
const OWNERS: &[&str] = &[
    "api", "access", "auth", "bearer", "bot", "github", "gitlab", "hf", "hub", "login", "private",
    "refresh", "session", "user", "wandb",
];

/// A command line as it may be written down.
pub fn shown_command(argv: &[String]) -> Vec<String> {
    let mut shown = Vec::with_capacity(argv.len());
    let mut hide = false;
    for word in argv {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let secret = names_secret(name) && (name.starts_with('-') || value.is_some());
        shown.push(match value {
            _ if hide && !word.starts_with("--") => HIDDEN.to_string(),
            Some(value) if secret || is_secret(value) => format!("{name}={HIDDEN}"),
            _ => shown_value(word),
        });
        hide = secret && value.is_none();
    }
    shown
}

/// A value as it may be written down: a secret hidden, credentials in addresses left out.
pub fn shown_value(value: &str) -> String {
    if is_secret(value) {
        HIDDEN.to_string()
    } else {
        without_credentials(value)
    }
}

/// A value of that name as it may be written down.
pub(crate) fn shown_named(name: &str, value: &str) -> String {
    if names_secret(name) {
        HIDDEN.to_string()
    } else {
        shown_value(value)
    }
}

/// Whether a value is an access token by its looks.
fn is_secret(value: &str) -> bool {
    let token = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
    };
    (value.len() >= 16 && BEGINNINGS.iter().any(|beginning| value.starts_with(beginning)) && token(value))
        // A JSON web token: three parts in base64, the first a JSON object (RFC 7519).
        || (value.starts_with("eyJ") && value.matches('.').count() == 2 && token(value))
}

/// Whether a name is a secret's: `--api-key`, `HF_TOKEN`, `db.password`.
fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().any(|word| SECRET.contains(word))
        || matches!(words[..], ["token" | "key"])
        || words
            .windows(2)
            .any(|pair| OWNERS.contains(&pair[0]) && (pair[1] == "token" || pair[1] == "key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_hyperparameters_are_not() {
        for (command, shown) in [
            (
                "train.py --api-key abc --lr 1",
                "train.py --api-key *** --lr 1",
            ),
            ("train.py --api-key=abc", "train.py --api-key=***"),
            (
                "train.py --token abc --wandb_token=abc",
                "train.py --token *** --wandb_token=***",
            ),
            ("train.py --hf-token abc", "train.py --hf-token ***"),
            ("train.py db.password=x", "train.py db.password=***"),
            (
                "env HF_TOKEN=abc python train.py",
                "env HF_TOKEN=*** python train.py",
            ),
            ("train.py hf_abcdefghijklmnopqrstuv", "train.py ***"),
            ("train.py x=sk-abcdefghijklmnopqrstuv", "train.py x=***"),
            (
                "train.py eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
                "train.py ***",
            ),
            (
                "train.py --url https://me:pw@host/x",
                "train.py --url https://***@host/x",
            ),
            ("train.py --token --verbose", "train.py --token --verbose"),
            (
                "train.py --pad-token <pad> --max_tokens 512 --tokenizer bert",
                "train.py --pad-token <pad> --max_tokens 512 --tokenizer bert",
            ),
            (
                "train.py --key-dim 64 --num-tokens=5 sk-learn",
                "train.py --key-dim 64 --num-tokens=5 sk-learn",
            ),
            (
                "train.py --model hf_internal/some-model-name",
                "train.py --model hf_internal/some-model-name",
            ),
            ("token key=5", "token key=***"),
        ] {
            let argv: Vec<String> = command.split(' ').map(String::from).collect();
            assert_eq!(shown_command(&argv).join(" "), shown);
        }
    }
}
