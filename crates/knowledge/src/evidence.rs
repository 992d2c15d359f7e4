//! What evidence there is and how it is looked at: named items, each a list of questions with bounds, as data under
//! `data/evidence/`. A breakage names items; nothing in Rust knows what they are for.

use crate::predicate::{Pattern, Predicate};
use serde::Deserialize;
use std::sync::OnceLock;

/// A named item of evidence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The name that breakages use: `kernel-log`.
    pub name: String,
    /// What it is, in a phrase that fits after "could not see": `the kernel's log`.
    pub title: String,
    /// The systems that have it: `linux`, `macos`. All when empty.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Asked only where this holds or can't be told.
    pub when: Option<Predicate>,
    /// Asked only by a deep look, because it takes long.
    #[serde(default)]
    pub deep: bool,
    /// Take every question's answer, or the first that is there.
    #[serde(default)]
    pub take: Take,
    /// Keep only lines that hold one of these texts.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Keep only that many lines, the last ones.
    pub last_lines: Option<usize>,
    /// What to do so that it can be seen, where root or a program is lacking.
    pub help: Option<String>,
    /// What is asked, in order. Empty for what Deskside works out of facts and other items.
    #[serde(default)]
    pub ask: Vec<Ask>,
}

/// Which answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// All.
    #[default]
    All,
    /// The first that is there.
    First,
}

/// One question. Paths may hold `*` within a part (`/etc/apt/sources.list.d/*.list`) and `{{facts}}`; `{{home}}` is the
/// person's folder, `{{variable:NAME}}` an environment variable that is an absolute path, `{{project}}` the current project's, `{{environment}}` its environment's.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ask {
    /// A file's text.
    pub file: Option<String>,
    /// Where a link leads.
    pub link: Option<String>,
    /// The names in a folder, a line each.
    pub names: Option<String>,
    /// Kind, mode, owner and size of a path, in one line.
    pub stat: Option<String>,
    /// Whether this person may read and write a path: `writable`, `readable` or `none`.
    pub access: Option<String>,
    /// Bytes of a file system: `total=… free=… free_percent=… read_only=…`.
    pub space: Option<String>,
    /// A file's first bytes as hexadecimal numbers, for EFI variables and headers.
    pub bytes: Option<String>,
    /// A program and its arguments; it only looks.
    #[serde(default)]
    pub command: Vec<String>,
    /// An environment variable.
    pub variable: Option<String>,
    /// Every place where PATH has a program, a line each.
    pub program: Option<String>,
    /// What a recorded machine's commands said whose words, joined by blanks, match this pattern: for bundles that people
    /// write by hand. Nothing on a living machine.
    pub said: Option<Pattern>,
    /// The answer is a refusal where the command failed, or said nothing, and its complaint matches this pattern.
    pub refused: Option<Pattern>,
    /// Only what is from the last line on that matches this: of a log that holds several starts, the one of now. Where no
    /// line matches, all of it, whose age is then not known: `{source} (since the last start)` tells the two apart.
    pub since: Option<Pattern>,
    /// Only what is before the last line that matches this; nothing where none does.
    pub before: Option<Pattern>,
    /// Seconds that a command may take. 5 when left out.
    pub deadline: Option<u64>,
    /// Bytes at the most: of a file its last ones, unless `head`. 256 KiB when left out.
    pub limit: Option<u64>,
    /// Take a file's first bytes instead of its last.
    #[serde(default)]
    pub head: bool,
}

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/evidence.rs"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    item: Vec<Item>,
}

/// Every item, in the order of the files.
pub fn items() -> &'static [Item] {
    static ITEMS: OnceLock<Vec<Item>> = OnceLock::new();
    // The files are part of the program and a test reads each, so none is passed over here.
    ITEMS.get_or_init(|| {
        FILES
            .iter()
            .filter_map(|(_, text)| toml::from_str::<File>(text).ok())
            .flat_map(|file| file.item)
            .collect()
    })
}

/// The item of a name.
pub fn item(name: &str) -> Option<&'static Item> {
    items().iter().find(|item| item.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_every_question_is_one() {
        for (name, text) in FILES {
            if let Err(error) = toml::from_str::<File>(text) {
                panic!("{name}: {error}");
            }
        }
        let mut names: Vec<&str> = items().iter().map(|item| item.name.as_str()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands for one item: {names:?}");
        for item in items() {
            assert!(!item.title.is_empty(), "{}", item.name);
            for ask in &item.ask {
                let kinds = [
                    &ask.file,
                    &ask.link,
                    &ask.names,
                    &ask.stat,
                    &ask.access,
                    &ask.space,
                    &ask.bytes,
                    &ask.variable,
                    &ask.program,
                ];
                let asked = kinds.iter().filter(|kind| kind.is_some()).count()
                    + usize::from(!ask.command.is_empty())
                    + usize::from(ask.said.is_some());
                assert_eq!(
                    asked, 1,
                    "{}: a question asks one thing: {ask:?}",
                    item.name
                );
            }
        }
    }
}
