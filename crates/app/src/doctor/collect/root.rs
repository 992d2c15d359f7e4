//! `--root`: what was refused is read again through `sudo`. Only programs that look, and files; one password at the most,
//! as sudo remembers it.

use super::kept;
use deskside_doctor::Document;
use deskside_knowledge::evidence::Item;
use deskside_machine::{Command, Machine, Reading};
use std::time::Duration;

/// How long a password may be typed.
const PASSWORD: Duration = Duration::from_secs(300);
/// Lines that are heard of one answer.
const LINES: usize = 20_000;

/// The documents with what was refused read with root.
pub(super) fn again(machine: &dyn Machine, item: &Item, documents: Vec<Document>) -> Vec<Document> {
    documents
        .into_iter()
        .map(|document| match &document.text {
            Err(reason) if reason.contains("permission denied") => {
                match asked(machine, item, &document.source) {
                    Some(text) => Document::text(
                        document.source,
                        if item.keep.is_empty() && item.last_lines.is_none() {
                            text
                        } else {
                            kept(&text, &item.keep, item.last_lines)
                        },
                    ),
                    None => document,
                }
            }
            _ => document,
        })
        .collect()
}

/// What root hears of a file, a folder or a command.
fn asked(machine: &dyn Machine, item: &Item, source: &str) -> Option<String> {
    let sudo = machine.program("sudo")?.display().to_string();
    let words: Vec<String> = if source.starts_with('/') && !source.contains(' ') {
        let limit = item
            .ask
            .iter()
            .find_map(|ask| ask.limit)
            .unwrap_or(256 << 10);
        let names = item.ask.iter().any(|ask| ask.names.is_some());
        if names {
            ["ls", "-1A", source].map(String::from).to_vec()
        } else {
            vec!["tail".into(), "-c".into(), limit.to_string(), source.into()]
        }
    } else {
        let words: Vec<String> = source.split(' ').map(String::from).collect();
        // Only what is asked anyway.
        if !item.ask.iter().any(|ask| ask.command == words) {
            return None;
        }
        words
    };
    let mut argv = vec![
        sudo,
        "--prompt=[deskside] root reads what you may not; password of %p: ".into(),
        "--".into(),
        "env".into(),
        "LC_ALL=C".into(),
    ];
    argv.extend(words);
    let mut talk = machine.converse(&Command::new(argv)).ok()?;
    let mut lines = Vec::new();
    while let Ok(Some(line)) = talk.hear(PASSWORD) {
        if lines.len() >= LINES {
            lines.drain(..LINES / 2);
        }
        lines.push(line);
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
