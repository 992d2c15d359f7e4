//! `--root`: what was refused is looked at again by root. As for a plan, root is asked for once: `sudo` starts this same
//! program, which looks at the items that it is given by name and says what it saw. It does nothing else.

use super::{Asker, Item, derived};
use deskside_doctor::Document;
use deskside_knowledge::evidence::items;
use deskside_machine::{Command, Machine, Reading};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The argument that makes this program root's eyes.
pub const LOOK_COMMAND: &str = "__look";
/// How long a password may be typed, and root may look.
const PATIENCE: Duration = Duration::from_secs(300);
/// Processes that hold devices: worked out, and not asked.
pub(super) const HOLDERS: &str = "device-holders";

/// One thing that root saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    item: String,
    source: String,
    text: String,
}

/// What root saw, or why it saw nothing.
pub(super) struct Eyes(Result<Vec<Seen>, String>);

impl Eyes {
    /// Looks at what was refused.
    pub(super) fn open(machine: &dyn Machine, answers: &[(&Item, Vec<Document>)]) -> Self {
        let mut names: Vec<&str> = answers
            .iter()
            .filter(|(_, documents)| documents.iter().any(was_refused))
            .map(|(item, _)| item.name.as_str())
            .collect();
        names.push(HOLDERS);
        Self(looked(machine, &names))
    }

    /// The documents of an item with what root saw in place of what was refused.
    pub(super) fn over(&self, item: &str, documents: Vec<Document>) -> Vec<Document> {
        if !documents.iter().any(was_refused) {
            return documents;
        }
        match &self.0 {
            Ok(_) => {
                let seen = self.of(item);
                let again = |one: &Document| was_refused(one) && !seen.is_empty();
                let mut kept: Vec<Document> =
                    documents.into_iter().filter(|one| !again(one)).collect();
                for document in seen {
                    if !kept.iter().any(|one| one.source == document.source) {
                        kept.push(document);
                    }
                }
                kept
            }
            Err(why) => documents
                .into_iter()
                .map(|document| match was_refused(&document) {
                    true => Document::unseen(
                        document.source.clone(),
                        format!("permission denied, and {why}"),
                    ),
                    false => document,
                })
                .collect(),
        }
    }

    /// What root saw of an item.
    pub(super) fn of(&self, item: &str) -> Vec<Document> {
        self.0
            .iter()
            .flatten()
            .filter(|one| one.item == item)
            .map(|one| Document::text(one.source.clone(), one.text.clone()))
            .collect()
    }
}

fn was_refused(document: &Document) -> bool {
    document.text.as_ref().is_err_and(|reason| {
        reason.contains("ermission denied") || reason.contains("not permitted")
    })
}

fn looked(machine: &dyn Machine, names: &[&str]) -> Result<Vec<Seen>, String> {
    let program = machine
        .executable()
        .map_err(|error| error.reason())?
        .display()
        .to_string();
    let sudo = machine
        .program("sudo")
        .ok_or("there is no sudo to become root with")?;
    let mut argv = vec![
        sudo.display().to_string(),
        "--prompt=[deskside] root reads what you may not; password of %p: ".into(),
        "--".into(),
        program,
        LOOK_COMMAND.into(),
    ];
    argv.extend(names.iter().map(|name| (*name).to_string()));
    let mut talk = machine
        .converse(&Command::new(argv))
        .map_err(|error| error.reason())?;
    let mut seen = Vec::new();
    while let Ok(Some(line)) = talk.hear(PATIENCE) {
        if line == "{}" {
            return Ok(seen);
        }
        if let Ok(one) = serde_json::from_str(&line) {
            seen.push(one);
        }
    }
    Err("root was not given".into())
}

/// Root's side: a line of JSON for each thing that is seen of these items, and `{}` at the end.
pub fn look(machine: &dyn Machine, names: &[String]) -> Vec<serde_json::Value> {
    let facts = deskside_probe::collect(machine);
    let value = serde_json::to_value(&facts).unwrap_or_default();
    let asker = Asker {
        machine,
        names: BTreeMap::new(),
        facts: &value,
        recorded: &[],
    };
    let mut lines = Vec::new();
    let mut say = |item: &str, documents: Vec<Document>| {
        for document in documents {
            let Ok(text) = document.text else { continue };
            let seen = Seen {
                item: item.into(),
                source: document.source,
                text,
            };
            lines.extend(serde_json::to_value(&seen));
        }
    };
    for item in items().iter().filter(|item| names.contains(&item.name)) {
        say(&item.name, asker.item(item));
    }
    if names.iter().any(|name| name == HOLDERS) {
        say(HOLDERS, derived::holders(machine, &facts));
    }
    lines.push(serde_json::json!({}));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eyes(seen: Result<Vec<(&str, &str)>, &str>) -> Eyes {
        Eyes(
            seen.map(|list| {
                list.into_iter()
                    .map(|(source, text)| Seen {
                        item: "log".into(),
                        source: source.into(),
                        text: text.into(),
                    })
                    .collect()
            })
            .map_err(String::from),
        )
    }

    #[test]
    fn what_was_refused_is_what_root_saw() {
        let documents = || {
            vec![
                Document::unseen("/var/log/a", "permission denied"),
                Document::text("/var/log/b", "mine"),
            ]
        };
        let found = eyes(Ok(vec![("/var/log/a", "root's")])).over("log", documents());
        assert_eq!(
            found,
            [
                Document::text("/var/log/b", "mine"),
                Document::text("/var/log/a", "root's")
            ]
        );
        // It looked and saw nothing of it: that stays said.
        assert_eq!(eyes(Ok(vec![])).over("log", documents()), documents());
        let refused = eyes(Err("root was not given")).over("log", documents());
        assert_eq!(
            refused[0].text,
            Err("permission denied, and root was not given".into())
        );
    }
}
