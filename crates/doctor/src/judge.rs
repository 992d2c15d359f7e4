//! One breakage over one scene: its values, what the proof comes to, what rules it out, which symptoms were met.

use crate::report::{EvidenceLine, NotSeen};
use crate::scene::{Document, OUTPUT, Scene};
use deskside_knowledge::breakages::{Breakage, Severity, text};
use deskside_knowledge::evidence;
use deskside_knowledge::predicate::{Evidence, Truth, Unseen, values};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Values of a breakage, all of each name.
pub(crate) type Values = BTreeMap<String, Vec<String>>;

/// What a breakage comes to.
#[derive(Debug)]
pub(crate) struct Judged {
    pub breakage: &'static Breakage,
    pub values: Values,
    pub truth: Truth,
    pub evidence: Vec<EvidenceLine>,
    /// Why it is disproven, where something surely does.
    pub disproof: Option<(String, Vec<EvidenceLine>)>,
    /// What would disprove it and could not be seen.
    pub doubt: Vec<Unseen>,
    /// How bad it is here.
    pub severity: Severity,
    /// What holds here leaves other causes, too.
    pub unsure: bool,
    /// It has no part in what was asked about.
    pub beside: bool,
    /// Lines of what was asked about that are its symptoms.
    pub matched: Vec<EvidenceLine>,
}

impl Judged {
    /// Its cause is there.
    pub fn holds(&self) -> bool {
        self.truth.holds() && self.disproof.is_none()
    }

    /// Its cause is surely not there.
    pub fn fails(&self) -> bool {
        self.truth.fails() || self.disproof.is_some()
    }

    /// What could not be seen.
    pub fn unseen(&self) -> &[Unseen] {
        match &self.truth {
            Truth::Unknown(unseen) => unseen,
            _ => &self.doubt,
        }
    }
}

/// Whether it can happen on this machine at all.
pub(crate) fn applies(breakage: &Breakage, scene: &Scene) -> bool {
    breakage.platforms.is_empty() || breakage.platforms.iter().any(|one| scene.is_on(one))
}

/// Judges it. `root` is the scene's value with a place for the breakage's own values.
pub(crate) fn judge(breakage: &'static Breakage, scene: &Scene, root: &mut Value) -> Judged {
    let values = take(breakage, root);
    let (truth, lines) = breakage.proof.trace(root);
    let mut disproof = None;
    let mut doubt = Vec::new();
    for out in &breakage.rules_out {
        match out.when.trace(root) {
            (Truth::True, lines) => {
                disproof = Some((filled(&out.why, &values, root), shown(lines)));
                break;
            }
            (Truth::Unknown(unseen), _) => doubt.extend(unseen),
            (Truth::False, _) => {}
        }
    }
    let milder = breakage
        .milder
        .iter()
        .find(|milder| milder.when.evaluate(root).holds());
    Judged {
        severity: milder.map_or(breakage.severity, |milder| milder.severity),
        breakage,
        matched: matched(breakage, &scene.documents(OUTPUT)),
        unsure: breakage
            .likely_when
            .as_ref()
            .is_some_and(|when| !when.evaluate(root).fails()),
        beside: breakage
            .beside_when
            .as_ref()
            .is_some_and(|when| when.evaluate(root).holds()),
        truth,
        evidence: shown(lines),
        disproof,
        doubt,
        values,
    }
}

/// Takes the breakage's values and puts them where its predicates find them. A value may name another, once.
pub(crate) fn take(breakage: &Breakage, root: &mut Value) -> Values {
    root["values"] = Value::Object(Map::new());
    let mut all = Values::new();
    for _ in 0..2 {
        for (name, taken) in &breakage.values {
            if all.get(name).is_none_or(Vec::is_empty) {
                let found = taken.values(root);
                if let Some(first) = found.first() {
                    root["values"][name] = Value::String(first.clone());
                }
                all.insert(name.clone(), found);
            }
        }
    }
    all
}

/// All values of a name: the breakage's own, or a fact's.
pub(crate) fn value(name: &str, own: &Values, root: &Value) -> Vec<String> {
    match own.get(name) {
        Some(values) => values.clone(),
        None if name.contains('.') => values(root, name, None, None),
        None => Vec::new(),
    }
}

/// A text with its values; one that was not seen is said to be so.
pub(crate) fn filled(template: &str, own: &Values, root: &Value) -> String {
    match text(template, &|name| value(name, own, root)) {
        Ok(text) => text,
        // Something was not seen: it is said so in its place.
        Err(_) => text(template, &|name| match value(name, own, root) {
            values if values.is_empty() => {
                let word = name.rsplit('.').next().unwrap_or(name);
                vec![format!("{} (not seen)", word.replace('_', " "))]
            }
            values => values,
        })
        .unwrap_or_else(|_| template.to_string()),
    }
}

pub(crate) fn shown(lines: Vec<Evidence>) -> Vec<EvidenceLine> {
    lines
        .into_iter()
        .map(|line| EvidenceLine {
            source: line.source,
            text: clean(&line.text),
        })
        .collect()
}

/// A text without what steers a terminal: colours and other sequences, carriage returns that redraw a line. A line that
/// was redrawn is as it was last.
pub fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line = line.trim_end_matches('\r');
        let line = line.rsplit('\r').next().unwrap_or(line);
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter == '\u{1b}' {
                skip_sequence(&mut letters);
            } else if letter == '\t' || !letter.is_control() {
                clean.push(letter);
            }
        }
        clean.push('\n');
    }
    clean.pop();
    clean
}

/// Passes over the rest of an escape sequence (ECMA-48: CSI up to its final letter, OSC up to its end).
fn skip_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        Some('[') => {
            for letter in letters.by_ref() {
                if ('@'..='~').contains(&letter) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(letter) = letters.next() {
                if letter == '\u{7}' || (letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some())
                {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Characters that would steer a terminal are left out, and a line has an end.
pub(crate) fn clean(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut clean: String = text
        .chars()
        .map(|letter| if letter == '\t' { ' ' } else { letter })
        .filter(|letter| !letter.is_control())
        .take(LONGEST)
        .collect();
    if text.chars().count() > LONGEST {
        clean.push('…');
    }
    clean
}

/// The lines of what was asked about that are the breakage's symptoms: the last one for each pattern.
pub(crate) fn matched(breakage: &Breakage, documents: &[Document]) -> Vec<EvidenceLine> {
    let mut lines = Vec::new();
    for symptom in &breakage.symptoms {
        for document in documents {
            let Ok(text) = &document.text else { continue };
            let found = text.lines().rev().find(|line| symptom.is_match(line));
            if let Some(line) = found {
                let line = EvidenceLine {
                    source: document.source.clone(),
                    text: clean(line.trim()),
                };
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines
}

/// What could not be seen, in words.
pub(crate) fn not_seen(unseen: &[Unseen]) -> Vec<NotSeen> {
    let mut list: Vec<NotSeen> = unseen
        .iter()
        .map(|one| {
            let name = one.fact.split(" (").next().unwrap_or_default();
            match evidence::item(name) {
                Some(item) => NotSeen {
                    what: item.title.clone(),
                    reason: one.reason.clone(),
                    help: item.help.clone(),
                },
                None => NotSeen {
                    what: one.fact.clone(),
                    reason: one.reason.clone(),
                    help: None,
                },
            }
        })
        .collect();
    list.sort();
    list.dedup();
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, plain) in [
            ("\u{1b}[31mError\u{1b}[0m: x", "Error: x"),
            ("\u{1b}]0;title\u{7}plain", "plain"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            (" 10%\r 50%\rdone\r\nnext", "done\nnext"),
            ("a\u{0}b\u{8}c\td", "abc\td"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(without_controls(text), plain, "{text:?}");
        }
        assert_eq!(clean("a\u{1b}[2Jb"), "a[2Jb");
    }
}
