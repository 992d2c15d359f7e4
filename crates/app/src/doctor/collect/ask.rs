//! One question of an item: its paths and words filled in, asked within its bounds, answered as texts.

use super::{Asker, paths};
use deskside_doctor::Document;
use deskside_knowledge::evidence::Ask;
use deskside_knowledge::predicate::{Pattern, filled, values};
use deskside_machine::{
    Answer, Command, DoorError, ErrorKind, FileKind, Output, Question, Reading, Stat,
};
use std::fmt::Write;
use std::time::Duration;

/// Why something of a recorded machine is not known.
pub(super) const NOT_RECORDED: &str = "not recorded in this bundle";

/// Behind the source of a log that was cut at the last start.
const SINCE: &str = " (since the last start)";

/// Bytes of a file or an answer where the question says nothing.
const LIMIT: u64 = 256 << 10;

impl Asker<'_> {
    /// The documents that a question comes to; none where what it asks for is surely not there.
    pub(super) fn answers(&self, ask: &Ask) -> Vec<Document> {
        let mut documents = self.asked(ask);
        if let Some(start) = &ask.before {
            documents.retain_mut(|document| match &mut document.text {
                Ok(text) => last_start(text, start).is_some_and(|at| {
                    text.truncate(at);
                    at > 0
                }),
                Err(_) => true,
            });
        }
        if let Some(start) = &ask.since {
            for document in &mut documents {
                if let Ok(text) = &mut document.text
                    && let Some(at) = last_start(text, start)
                {
                    text.drain(..at);
                    document.source.push_str(SINCE);
                }
            }
        }
        documents
    }

    fn asked(&self, ask: &Ask) -> Vec<Document> {
        if let Some(said) = &ask.said {
            return self
                .recorded
                .iter()
                .filter(|(argv, _)| said.is_match(argv))
                .map(|(argv, output)| {
                    if was_refused(output) {
                        Document::unseen(argv.clone(), "permission denied")
                    } else {
                        Document::text(argv.clone(), self::said(output))
                    }
                })
                .collect();
        }
        if !ask.command.is_empty() {
            return self.command(ask);
        }
        if let Some(name) = &ask.variable {
            return self.variable(name);
        }
        if let Some(name) = &ask.program {
            return self.program(name);
        }
        let kinds = [
            &ask.file,
            &ask.link,
            &ask.names,
            &ask.stat,
            &ask.access,
            &ask.space,
            &ask.bytes,
        ];
        let Some(template) = kinds.into_iter().flatten().next() else {
            return Vec::new();
        };
        let Some(pattern) = self.fill(template) else {
            return Vec::new();
        };
        let found = match paths::expand(self.machine, &pattern) {
            Ok(found) => found,
            Err(error) => return document(&pattern, Err(error)),
        };
        found
            .iter()
            .flat_map(|path| document(path, self.path(ask, path)))
            .collect()
    }

    /// A template with its names; none where a name stands for nothing here.
    fn fill(&self, template: &str) -> Option<String> {
        filled(template, |name| match self.names.get(name) {
            Some(value) => Some(value.clone()),
            None if name.starts_with("variable:") => self
                .machine
                .variable(&name["variable:".len()..])
                .filter(|value| value.starts_with('/')),
            None => values(self.facts, name, None, None).into_iter().next(),
        })
    }

    fn path(&self, ask: &Ask, path: &str) -> Result<String, DoorError> {
        let machine = self.machine;
        let limit = ask.limit.unwrap_or(LIMIT);
        if ask.file.is_some() {
            let bytes = if ask.head {
                machine.file(path, limit)?
            } else {
                end_of(machine, path, limit)?
            };
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        if ask.link.is_some() {
            return Ok(machine.link(path)?.to_string_lossy().into_owned());
        }
        if ask.names.is_some() {
            let entries = machine.entries(path)?;
            return Ok(entries
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
                .join("\n"));
        }
        if ask.stat.is_some() {
            return Ok(shown(&machine.stat(path)?));
        }
        if ask.access.is_some() {
            return Ok(if machine.access(path, true)? {
                "writable"
            } else if machine.access(path, false)? {
                "readable"
            } else {
                "none"
            }
            .to_string());
        }
        if ask.space.is_some() {
            let space = machine.space(path)?;
            let percent = (space.free * 100).checked_div(space.total).unwrap_or(100);
            return Ok(format!(
                "total={} free={} free_percent={percent} read_only={}",
                space.total, space.free, space.read_only
            ));
        }
        let bytes = machine.file(path, limit)?;
        Ok(bytes
            .iter()
            .fold(String::with_capacity(bytes.len() * 3), |mut text, byte| {
                let _ = write!(text, "{byte:02x} ");
                text
            })
            .trim_end()
            .to_string())
    }

    fn command(&self, ask: &Ask) -> Vec<Document> {
        let Some(argv) = ask
            .command
            .iter()
            .map(|word| self.fill(word))
            .collect::<Option<Vec<String>>>()
        else {
            return Vec::new();
        };
        let shown = argv.join(" ");
        let mut command = Command::new(argv)
            .deadline(Duration::from_secs(ask.deadline.unwrap_or(5)))
            .variable("LC_ALL", "C")
            .variable("LANGUAGE", "C");
        command.limit = usize::try_from(ask.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let output = match self.machine.command(command) {
            Ok(output) => output,
            Err(error) => {
                let reason = match error.kind {
                    ErrorKind::Absent => format!("{} is not installed", ask.command[0]),
                    ErrorKind::Timeout => {
                        format!("no answer within {} s", ask.deadline.unwrap_or(5))
                    }
                    _ => error.reason(),
                };
                return vec![Document::unseen(shown, reason)];
            }
        };
        let complaint = String::from_utf8_lossy(&output.stderr);
        let answer = String::from_utf8_lossy(&output.stdout);
        // What journalctl says of itself is no entry: `-- No entries --`.
        let silent = answer
            .lines()
            .all(|line| line.trim().is_empty() || line.starts_with("-- "));
        let refused = ask.refused.as_ref().is_some_and(|pattern| {
            pattern.is_match(&complaint) || (silent && pattern.is_match(&answer))
        });
        if refused && (silent || !output.succeeded()) {
            return vec![Document::unseen(shown, "permission denied")];
        }
        vec![Document::text(shown, said(&output))]
    }

    fn variable(&self, name: &str) -> Vec<Document> {
        let question = Question::Variable { name: name.into() };
        match self.machine.ask(&question) {
            Ok(Answer::Text(value)) => vec![Document::text(name, value)],
            Ok(_) => Vec::new(),
            Err(error) => document(name, Err(error)),
        }
    }

    /// Every place on PATH.
    fn program(&self, name: &str) -> Vec<Document> {
        let Some(path) = self.machine.variable("PATH") else {
            return vec![Document::unseen(name, "PATH is not known")];
        };
        let mut found = Vec::new();
        for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
            let candidate = format!("{folder}/{name}");
            let there = self
                .machine
                .stat(&candidate)
                .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0);
            if there && !found.contains(&candidate) {
                found.push(candidate);
            }
        }
        if found.is_empty() {
            return Vec::new();
        }
        vec![Document::text(name, found.join("\n"))]
    }
}

/// Where the last line begins that matches.
fn last_start(text: &str, start: &Pattern) -> Option<usize> {
    let mut at = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        if start.is_match(line) {
            found = Some(at);
        }
        at += line.len();
    }
    found
}

/// The last bytes of a file, from the beginning of a line.
fn end_of(
    machine: &dyn deskside_machine::Machine,
    path: &str,
    limit: u64,
) -> Result<Vec<u8>, DoorError> {
    // Files of the kernel say that they hold nothing until they are read.
    let size = machine.stat(path).map_or(0, |stat| stat.size);
    if size <= limit {
        return machine.file(path, limit);
    }
    let bytes = machine.file_part(path, size - limit, limit)?;
    let begin = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    Ok(bytes[begin..].to_vec())
}

/// What a command said, both ways, and how it ended where that was not well.
pub(super) fn said(output: &Output) -> String {
    let mut text = output.text();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !complaint.trim().is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&complaint);
    }
    if !output.succeeded() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let _ = write!(text, "[exit {}]", output.code);
    }
    text
}

/// A command that said nothing because it was not allowed to look.
fn was_refused(output: &Output) -> bool {
    let complaint = String::from_utf8_lossy(&output.stderr);
    !output.succeeded()
        && output.stdout.iter().all(u8::is_ascii_whitespace)
        && (complaint.contains("not permitted") || complaint.contains("ermission denied"))
}

fn shown(stat: &Stat) -> String {
    let kind = match stat.kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Link => "link",
        _ => "device",
    };
    format!(
        "{kind} mode={:04o} uid={} gid={} size={}",
        stat.mode & 0o7777,
        stat.uid,
        stat.gid,
        stat.size
    )
}

/// What a path came to: nothing where it is surely not there.
fn document(source: &str, answer: Result<String, DoorError>) -> Vec<Document> {
    match answer {
        Ok(text) => vec![Document::text(source, text)],
        Err(error) if error.kind == ErrorKind::Absent => Vec::new(),
        Err(error) => vec![Document::unseen(source, error.reason())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_knowledge::evidence::item;
    use deskside_testkit::Sim;
    use std::collections::BTreeMap;

    fn asked(sim: &Sim, name: &str) -> Vec<(String, String)> {
        let asker = Asker {
            machine: sim,
            names: BTreeMap::new(),
            facts: &serde_json::Value::Null,
            recorded: &[],
        };
        let item = item(name).unwrap();
        let file = |ask: &&Ask| ask.file.as_deref() == Some("/var/log/kern.log");
        asker
            .answers(item.ask.iter().find(file).unwrap())
            .into_iter()
            .map(|one| (one.source, one.text.unwrap()))
            .collect()
    }

    #[test]
    fn of_a_log_with_several_starts_the_last_one_counts() {
        let old = "Nov  2 kernel: [ 0.0] Linux version 6.8.0-1\nNov  2 kernel: NVRM: Xid (PCI:0000:01:00): 79\n";
        let now =
            "Nov  3 kernel: [ 0.0] Linux version 6.8.0-2\nNov  3 kernel: [ 9.0] NVRM: loading\n";
        let sim = Sim::empty();
        sim.put_file("/var/log/kern.log", format!("{old}{now}"));
        let since = "/var/log/kern.log (since the last start)".to_string();
        assert_eq!(asked(&sim, "kernel-log"), [(since, now.to_string())]);
        let source = "/var/log/kern.log".to_string();
        assert_eq!(
            asked(&sim, "previous-kernel-log"),
            [(source.clone(), old.to_string())]
        );
        // Where no start is in it, how old it is can't be told: it is told apart by its source.
        let some = "Nov  3 kernel: [ 9.0] NVRM: loading\n";
        sim.put_file("/var/log/kern.log", some);
        assert_eq!(asked(&sim, "kernel-log"), [(source, some.to_string())]);
        assert!(asked(&sim, "previous-kernel-log").is_empty());
    }
}
