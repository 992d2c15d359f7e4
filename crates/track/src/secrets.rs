//! What looks like a secret is never written down: told by its name, or by its looks.
//!
//! The words of the rule are data (`_secrets.json`), which the Python module (`_secrets.py`) shares for runs that
//! training code makes itself; one table of cases holds for both.

use deskside_machine::command::without_credentials;
use serde::Deserialize;
use std::sync::LazyLock;

/// What is written in a secret's place.
pub const HIDDEN: &str = "***";

static RULE: LazyLock<Rule> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../python/deskside/_secrets.json"))
        .expect("it is part of this program, and a test reads it")
});

/// The words of the rule.
#[derive(Deserialize)]
struct Rule {
    /// How access tokens of well-known services begin, how many letters follow at least, and whether these must look drawn by
    /// chance, because words of programs begin so, too.
    tokens: Vec<(String, usize, Looks)>,
    secret_words: Vec<String>,
    secret_endings: Vec<String>,
    secret_names: Vec<String>,
    not_secret_names: Vec<String>,
    things: Vec<String>,
    owners: Vec<String>,
    harmless_before: Vec<String>,
    plain_values: Vec<String>,
    schemes: Vec<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Looks {
    Any,
    Mixed,
}

/// How sure a name makes that its value is a secret.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Sure {
    No,
    /// Something's key or token, such as `--openai-key`: yes, unless the value is a small number.
    Likely,
    Yes,
}

/// A command line as it may be written down.
pub fn shown_command(argv: &[String]) -> Vec<String> {
    let mut shown = Vec::with_capacity(argv.len());
    let mut before = "";
    for word in argv {
        let is_value = match before.strip_prefix('-') {
            Some(_) => !word.starts_with("--") && is_hidden(option(before), word),
            None => is_scheme_value(before, word),
        };
        shown.push(if is_value {
            HIDDEN.to_string()
        } else {
            shown_word(word, before)
        });
        before = word;
    }
    shown
}

/// A text as it may be written down: secrets in it hidden, credentials in addresses left out.
pub fn shown_value(text: &str) -> String {
    shown(text, false)
}

/// A value of that name as it may be written down.
pub fn shown_named(name: &str, value: &str) -> String {
    if is_hidden(sure(name), value) {
        HIDDEN.to_string()
    } else {
        shown_value(value)
    }
}

/// A line of source code as it may be written down. Code speaks of keys and tokens all the time (`key = rng.split()`): hidden is
/// what looks like a token, and what is written out behind a secret's name.
pub fn shown_code(line: &str) -> String {
    shown(line, true)
}

/// How sure an option without a value of its own makes that the next word is a secret.
fn option(word: &str) -> Sure {
    if word.bytes().all(is_name) {
        sure(word)
    } else {
        Sure::No
    }
}

fn shown_word(word: &str, before: &str) -> String {
    if let Some((name, value)) = word.split_once('=') {
        let is_plain_name = name
            .bytes()
            .all(|byte| is_name(byte) || b"+/@".contains(&byte));
        // Behind `-c` stands shell text, where only the first word is the value.
        let is_text = is_short_c(before) && value.contains(char::is_whitespace);
        if is_plain_name && !is_text && is_hidden(sure(name), value) {
            return format!("{name}={HIDDEN}");
        }
    }
    shown_value(word)
}

/// `-c`, `-lc`.
fn is_short_c(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
}

fn shown(text: &str, code: bool) -> String {
    let text = without_credentials(text);
    let bytes = text.as_bytes();
    let mut shown = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let end = run(bytes, at, is_name);
        if end == at {
            at += 1;
        } else if let Some((from, to)) = secret(&text, at, end, code) {
            shown.push_str(&text[copied..from]);
            shown.push_str(HIDDEN);
            (copied, at) = (to, to.max(at + 1));
        } else {
            at = end;
        }
    }
    shown.push_str(&text[copied..]);
    shown
}

/// Where a secret stands that the word from `start` to `end` is, or names. Both ends are at ASCII letters.
fn secret(text: &str, start: usize, end: usize, code: bool) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let name = &text[start..end];
    let spaced = run(bytes, end, is_blank);
    if spaced > end
        && RULE
            .schemes
            .iter()
            .any(|scheme| name.eq_ignore_ascii_case(scheme))
    {
        let to = run(bytes, spaced, is_bare);
        if is_scheme_value(name, &text[spaced..to]) && (!code || to - spaced >= 16) {
            return Some((spaced, to));
        }
    }
    named(text, name, end, code).or_else(|| token(bytes, start, end))
}

/// The value behind a secret's name: `NAME=value`, `"name": "value"`, `--name value`.
fn named(text: &str, name: &str, end: usize, code: bool) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let closed = end + usize::from(bytes.get(end).is_some_and(is_quote));
    let spaced = run(bytes, closed, is_blank);
    let next = bytes.get(spaced).copied()?;
    let after = bytes.get(spaced + 1).copied();
    let mut from = if (next == b'=' || next == b':') && after != Some(b'=') {
        run(bytes, spaced + 1, is_blank)
    } else if name.starts_with('-') && spaced > end && closed == end && next != b'-' {
        spaced
    } else {
        return None;
    };
    let sure = sure(name);
    if sure == Sure::No {
        return None;
    }
    let quote = bytes.get(from).copied().filter(is_quote);
    let to = if let Some(quote) = quote {
        from += 1;
        run(bytes, from, |byte| byte != quote)
    } else {
        let scheme = run(bytes, from, is_name);
        let behind = run(bytes, scheme, is_blank);
        let is_scheme = RULE
            .schemes
            .iter()
            .any(|known| text[from..scheme].eq_ignore_ascii_case(known));
        if is_scheme && behind > scheme {
            from = behind;
        }
        run(bytes, from, is_bare)
    };
    let value = &text[from..to];
    let written_out = !code || is_written_out(name, value, quote.is_some());
    (is_hidden(sure, value) && written_out).then_some((from, to))
}

/// Whether source code holds a secret itself, and no expression for one.
fn is_written_out(name: &str, value: &str, quoted: bool) -> bool {
    let is_one_word = |letter: char| letter.is_alphanumeric() || "_-+/=.!@#^*~".contains(letter);
    if !value.chars().all(is_one_word) {
        return false;
    }
    let bare_name = RULE
        .secret_names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let random = value.len() >= 16 && has(u8::is_ascii_digit) && is_mixed(value);
    random || (quoted && !bare_name && sure(name) == Sure::Yes && value.len() >= 4)
}

/// An access token by its looks, inside a word.
fn token(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (start..end)
        .filter(|at| *at == 0 || !is_inner(bytes[at - 1]))
        .find_map(|at| {
            let word = &bytes[at..end];
            for (beginning, least, looks) in &RULE.tokens {
                if let Some(rest) = word.strip_prefix(beginning.as_bytes()) {
                    let count = run(rest, 0, |byte| is_inner(byte) || byte == b'-');
                    let text = str::from_utf8(&rest[..count]).unwrap_or_default();
                    if count >= *least && (*looks == Looks::Any || is_mixed(text)) {
                        return Some((at, at + beginning.len() + count));
                    }
                }
            }
            // A JSON web token: three parts in base64, the first a JSON object (RFC 7519).
            let dots = word.iter().filter(|byte| **byte == b'.').count();
            (word.starts_with(b"eyJ") && dots == 2).then_some((at, end))
        })
}

/// Whether letters look drawn by chance: sixteen without a break, or small ones, capitals and digits.
fn is_mixed(text: &str) -> bool {
    let longest = text
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .map(str::len)
        .max();
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    longest >= Some(16)
        || (has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
}

/// Whether a word is what follows `Bearer` or `Basic` in a header (RFC 6750, RFC 7617); the latter is a word of English, too.
fn is_scheme_value(scheme: &str, value: &str) -> bool {
    if value.is_empty() || value == HIDDEN {
        false
    } else if scheme.eq_ignore_ascii_case("basic") {
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
        let telling =
            |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || *byte == b'=';
        value.len() >= 8 && value.bytes().all(base64) && value.as_bytes()[1..].iter().any(telling)
    } else {
        RULE.schemes
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    }
}

/// Whether a value has to be hidden whose name is so sure a secret's.
fn is_hidden(sure: Sure, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_number = value.len() <= 8
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match sure {
        Sure::No => false,
        _ if RULE.plain_values.contains(&lower) => false,
        Sure::Likely => !is_number,
        Sure::Yes => true,
    }
}

/// How sure a name is a secret's: `--api-key`, `HF_TOKEN`, `db.password`, `openaiKey`.
fn sure(name: &str) -> Sure {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut small = false;
    for letter in name.chars() {
        if small && letter.is_ascii_uppercase() {
            spaced.push(' ');
        }
        small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let kept = letter.is_ascii_alphanumeric();
        spaced.push(if kept {
            letter.to_ascii_lowercase()
        } else {
            ' '
        });
    }
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let is = |list: &[String], word: &str| list.iter().any(|known| known == word);
    let is_secret_word = |word: &&str| {
        is(&RULE.secret_words, word)
            || RULE
                .secret_endings
                .iter()
                .any(|ending| word.ends_with(ending.as_str()))
    };
    match words[..] {
        [only] if is(&RULE.not_secret_names, only) => return Sure::No,
        [only] if is(&RULE.secret_names, only) => return Sure::Yes,
        _ => {}
    }
    let owned = |pair: &[&str]| is(&RULE.owners, pair[0]) && is(&RULE.things, pair[1]);
    if words.iter().any(is_secret_word) || words.windows(2).any(owned) {
        return Sure::Yes;
    }
    match words[..] {
        [.., before, last] if is(&RULE.things, last) && !is(&RULE.harmless_before, before) => {
            Sure::Likely
        }
        _ => Sure::No,
    }
}

fn run(bytes: &[u8], start: usize, is: impl Fn(u8) -> bool) -> usize {
    bytes[start..]
        .iter()
        .position(|byte| !is(*byte))
        .map_or(bytes.len(), |count| start + count)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// What a value without quotes is made of.
fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"\"'`;,&|)]}".contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_quote(byte: &u8) -> bool {
    *byte == b'"' || *byte == b'\''
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize)]
    struct Cases {
        commands: Vec<(Vec<String>, Vec<String>)>,
        named: Vec<(String, String, String)>,
    }

    #[test]
    fn the_shared_table_holds() {
        let cases: Cases =
            serde_json::from_str(include_str!("../tests/secrets-cases.json")).unwrap();
        for (command, shown) in cases.commands {
            assert_eq!(shown_command(&command), shown, "{command:?}");
            assert_eq!(shown_command(&shown), shown, "twice is once: {command:?}");
        }
        for (name, value, shown) in cases.named {
            assert_eq!(shown_named(&name, &value), shown, "{name}");
        }
    }

    #[test]
    fn code_keeps_its_expressions_and_loses_what_is_written_out() {
        for (line, shown) in [
            ("+HF_TOKEN=hf_abcdefghijklmnopqrstuv", "+HF_TOKEN=***"),
            ("+login(\"hf_abcdefghijklmnopqrstuv\")", "+login(\"***\")"),
            (
                "+    api_key = \"0123456789abcdef0123\",",
                "+    api_key = \"***\",",
            ),
            ("-password: 'hunter22'", "-password: '***'"),
            ("+WANDB_API_KEY=0123456789abcdef0123", "+WANDB_API_KEY=***"),
            (
                "+h = {'Authorization': 'Bearer abcdefghijklmnop'}",
                "+h = {'Authorization': 'Bearer ***'}",
            ),
            (
                "+index = https://me:pw@host/x",
                "+index = https://***@host/x",
            ),
        ] {
            assert_eq!(shown_code(line), shown);
        }
        for line in [
            "+key = jax.random.PRNGKey(0)",
            "+api_key = os.environ[\"API_KEY\"]",
            "+def f(token: str, key: int = 5, password: Optional[str] = None):",
            "+    rows.sort(key=lambda row: row.loss)",
            "+log(key=\"train/loss\", token=tokenizer.next_token)",
            "+from hf_hub_download_with_retries import sk_learn",
            "+# a bearer of news",
        ] {
            assert_eq!(shown_code(line), line);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_else_changes(text in "\\PC{0,40}", words in prop::collection::vec("[-a-z=:'\" ü]{0,12}", 0..6)) {
            shown_code(&text);
            shown_named(&text, &text);
            shown_command(&words);
            prop_assert_eq!(shown_value("lr 3e-4 ü"), "lr 3e-4 ü");
        }

        #[test]
        fn a_token_is_hidden_wherever_it_stands(before in "[^A-Za-z0-9_]{0,6}", after in "[^A-Za-z0-9_-]{0,6}") {
            let token = "hf_abcdefghijklmnopqrstuv";
            let text = format!("{before}{token}{after}");
            prop_assert!(!shown_value(&text).contains(token), "{}", text);
            prop_assert!(!shown_code(&text).contains(token), "{}", text);
        }
    }
}
