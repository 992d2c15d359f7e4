//! From a bundle in memory to its files, in the order and form that people like to read.

use super::raw::{Raw, put};
use super::records::{CommandRecord, Node, Outcome, SpaceRecord, StatRecord};

use super::{Bundle, BundleOrigin, base64, header};
use crate::question::{Entry, FileKind};
use deskside_types::Problem;
use deskside_types::facts::{OsKind, UserClass};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The files of a bundle.
pub(super) fn raw(bundle: &Bundle) -> Result<Raw, Problem> {
    let mut raw = Raw::new();
    let mut file = |name: PathBuf, text: String| put(&mut raw, name, Node::file(text));
    file("bundle.toml".into(), bundle_toml(bundle))?;
    if !bundle.stats.is_empty() || !bundle.spaces.is_empty() {
        file("stats.toml".into(), stats_toml(bundle))?;
    }
    if !bundle.listings.is_empty() {
        file("listings.toml".into(), listings_toml(&bundle.listings))?;
    }
    if bundle.variables != super::Variables::default() {
        file("env.toml".into(), env_toml(bundle))?;
    }
    if let Some((argv, output)) = &bundle.failed {
        let record = CommandRecord::Output(output.clone());
        file("failed.toml".into(), command_toml(argv, &record))?;
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (argv, record) in &bundle.commands {
        let slug = slug(argv);
        // Some file systems do not tell `-l` from `-L`.
        let mut free = |name: &String| names.insert(name.to_ascii_lowercase());
        let mut candidates =
            std::iter::once(slug.clone()).chain((2..).map(|count: u32| format!("{slug}.{count}")));
        let Some(name) = candidates.find(&mut free) else {
            continue;
        };
        file(
            Path::new("cmd").join(format!("{name}.toml")),
            command_toml(argv, record),
        )?;
    }
    for (name, value) in &bundle.devices {
        file(
            Path::new("device").join(format!("{name}.json")),
            format!("{value:#}\n"),
        )?;
    }
    for (path, node) in &bundle.tree {
        let inner = Path::new("fs").join(path.strip_prefix("/").unwrap_or(path));
        put(&mut raw, inner, node.clone())?;
    }
    Ok(raw)
}

fn bundle_toml(bundle: &Bundle) -> String {
    let head = &bundle.header;
    let mut text = String::new();
    line(&mut text, "version", &header::VERSION.to_string());
    line(
        &mut text,
        "os",
        if head.os == OsKind::MacOs {
            "\"macos\""
        } else {
            "\"linux\""
        },
    );
    line(
        &mut text,
        "user",
        if head.user == UserClass::Root {
            "\"root\""
        } else {
            "\"person\""
        },
    );
    line(&mut text, "time", &basic(&head.time.to_string()));
    line(
        &mut text,
        "origin",
        if head.origin == BundleOrigin::Recorded {
            "\"recorded\""
        } else {
            "\"synthetic\""
        },
    );
    if let Some(version) = &head.deskside {
        line(&mut text, "deskside", &basic(version));
    }
    line(&mut text, "redacted", &head.redacted.to_string());
    if !head.notes.is_empty() {
        line(&mut text, "notes", &basic(&head.notes));
    }
    if !head.complete.is_empty() {
        line(
            &mut text,
            "complete",
            &list(head.complete.iter().map(|path| path_text(path))),
        );
    }
    if let Some(directory) = &head.directory {
        line(&mut text, "directory", &path_text(directory));
    }
    let person = &head.person;
    if *person != super::PersonRecord::default() {
        text.push_str("\n[person]\n");
        if let Some(uid) = person.uid {
            line(&mut text, "uid", &uid.to_string());
        }
        if let Some(groups) = &person.groups {
            line(
                &mut text,
                "groups",
                &list(groups.iter().map(ToString::to_string)),
            );
        }
        if let Some(name) = &person.name {
            line(&mut text, "name", &basic(name));
        }
        if let Some(host) = &person.host {
            line(&mut text, "host", &basic(host));
        }
        if let Some(processors) = person.processors {
            line(&mut text, "processors", &processors.to_string());
        }
    }
    if !bundle.outcomes.is_empty() {
        text.push_str("\n[outcomes]\n");
        for (path, outcome) in &bundle.outcomes {
            let value = match &outcome.detail {
                None => basic(&word(outcome)),
                Some(detail) => format!(
                    "{{ outcome = {}, detail = {} }}",
                    basic(&word(outcome)),
                    basic(detail)
                ),
            };
            line(&mut text, &path_text(path), &value);
        }
    }
    text
}

fn stats_toml(bundle: &Bundle) -> String {
    let mut text = String::new();
    for (path, record) in &bundle.stats {
        let _ = writeln!(text, "[path.{}]", path_text(path));
        stat_lines(&mut text, record);
        text.push('\n');
    }
    for (path, record) in &bundle.spaces {
        let _ = writeln!(text, "[space.{}]", path_text(path));
        match record {
            SpaceRecord::Space(space) => {
                line(&mut text, "total", &whole(space.total));
                line(&mut text, "free", &whole(space.free));
                line(&mut text, "read_only", &space.read_only.to_string());
            }
            SpaceRecord::Outcome(outcome) => outcome_lines(&mut text, outcome),
        }
        text.push('\n');
    }
    text
}

fn stat_lines(text: &mut String, record: &StatRecord) {
    if let Some(kind) = record.kind {
        line(text, "kind", &basic(kind_word(kind)));
    }
    if let Some(mode) = record.mode {
        line(text, "mode", &format!("0o{mode:03o}"));
    }
    for (key, value) in [("uid", record.uid), ("gid", record.gid)] {
        if let Some(value) = value {
            line(text, key, &value.to_string());
        }
    }
    if let Some(size) = record.size {
        line(text, "size", &whole(size));
    }
    if let Some(modified) = record.modified {
        line(text, "modified", &modified.to_string());
    }
    for (key, value) in [("readable", record.readable), ("writable", record.writable)] {
        if let Some(value) = value {
            line(text, key, &value.to_string());
        }
    }
    if record.partial {
        line(text, "partial", "true");
    }
}

fn listings_toml(listings: &BTreeMap<PathBuf, Vec<Entry>>) -> String {
    let mut text = String::new();
    for (path, entries) in listings {
        let _ = writeln!(
            text,
            "[[directory]]\npath = {}\nentries = [",
            path_text(path)
        );
        for entry in entries {
            let _ = writeln!(
                text,
                "  {{ name = {}, kind = {} }},",
                basic(&entry.name),
                basic(kind_word(entry.kind))
            );
        }
        text.push_str("]\n\n");
    }
    text
}

fn command_toml(argv: &[String], record: &CommandRecord) -> String {
    let mut text = String::new();
    line(
        &mut text,
        "argv",
        &list(argv.iter().map(|word| basic(word))),
    );
    match record {
        CommandRecord::Outcome(outcome) => outcome_lines(&mut text, outcome),
        CommandRecord::Output(output) => {
            line(&mut text, "exit", &output.code.to_string());
            for (key, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
                match std::str::from_utf8(bytes) {
                    Ok(words) => line(&mut text, key, &block(words)),
                    Err(_) => line(
                        &mut text,
                        &format!("{key}_base64"),
                        &basic(&base64::encode(bytes)),
                    ),
                }
            }
        }
    }
    text
}

fn env_toml(bundle: &Bundle) -> String {
    let variables = &bundle.variables;
    let mut text = String::new();
    line(&mut text, "complete", &variables.complete.to_string());
    for (key, names) in [("set", &variables.set), ("absent", &variables.absent)] {
        if !names.is_empty() {
            line(&mut text, key, &list(names.iter().map(|name| basic(name))));
        }
    }
    if !variables.values.is_empty() {
        text.push_str("\n[variables]\n");
        for (name, value) in &variables.values {
            line(&mut text, &key_text(name), &basic(value));
        }
    }
    text
}

fn outcome_lines(text: &mut String, outcome: &Outcome) {
    line(text, "outcome", &basic(&word(outcome)));
    if let Some(detail) = &outcome.detail {
        line(text, "detail", &basic(detail));
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn word(outcome: &Outcome) -> String {
    // A kind without data always becomes a string.
    serde_json::to_value(outcome.kind)
        .ok()
        .and_then(|value| value.as_str().map(ToString::to_string))
        .unwrap_or_default()
}

fn kind_word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Link => "link",
        FileKind::Device => "device",
        FileKind::Other => "other",
    }
}

/// TOML's whole numbers end at 2^63 - 1; no file or disk is larger.
fn whole(number: u64) -> String {
    number.min(i64::MAX as u64).to_string()
}

fn path_text(path: &Path) -> String {
    basic(&path.to_string_lossy())
}

fn key_text(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { name.to_string() } else { basic(name) }
}

/// A TOML basic string on one line: the one form that is both a value and a key.
fn basic(text: &str) -> String {
    let mut shown = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            control if control.is_control() => {
                let _ = write!(shown, "\\u{:04X}", control as u32);
            }
            other => shown.push(other),
        }
    }
    shown.push('"');
    shown
}

/// Text of many lines as a TOML literal block where it can be one.
fn block(text: &str) -> String {
    let plain = text
        .chars()
        .all(|letter| letter == '\n' || letter == '\t' || !letter.is_control());
    if text.contains('\n') && plain && !text.contains("''") && !text.ends_with('\'') {
        format!("'''\n{text}'''")
    } else {
        basic(text)
    }
}

/// A file name that says which command it is.
fn slug(argv: &[String]) -> String {
    let mut slug = String::new();
    for letter in argv.join(" ").chars() {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    let slug = slug.trim_matches(|letter| letter == '-' || letter == '.');
    if slug.is_empty() {
        "command".to_string()
    } else {
        slug.to_string()
    }
}
