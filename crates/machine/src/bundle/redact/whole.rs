//! A whole bundle without private things.

use super::Redactor;
use super::serials;
use crate::bundle::{Bundle, CommandRecord, Node, Outcome, SpaceRecord, Tree, Variables, insert};
use crate::command::Output;
use crate::question::Entry;
use std::path::Path;

impl Redactor {
    /// A bundle without private things. Devices are looked at first, so that GPUs are numbered in
    /// the order in which their library lists them.
    pub fn bundle(&self, bundle: Bundle) -> Bundle {
        let mut bundle = bundle;
        for value in bundle.devices.values_mut() {
            self.value(value);
        }
        let mut tree = Tree::new();
        for (path, node) in &bundle.tree {
            let node = match node {
                Node::File {
                    contents,
                    executable,
                } => Node::File {
                    contents: self.file(path, contents),
                    executable: *executable,
                },
                Node::Link(target) => Node::Link(self.link_target(path, target)),
                Node::Directory => Node::Directory,
            };
            let path = self.path(path);
            // Two paths may have become one: a folder never takes a file's place.
            if !(node == Node::Directory && tree.contains_key(&path)) {
                insert(&mut tree, &path, node);
            }
        }
        bundle.tree = tree;
        bundle.outcomes = bundle
            .outcomes
            .into_iter()
            .map(|(path, outcome)| (self.path(&path), self.outcome(outcome)))
            .collect();
        bundle.stats = bundle
            .stats
            .into_iter()
            .map(|(path, record)| (self.path(&path), record))
            .collect();
        bundle.spaces = bundle
            .spaces
            .into_iter()
            .map(|(path, record)| {
                let record = match record {
                    SpaceRecord::Outcome(outcome) => SpaceRecord::Outcome(self.outcome(outcome)),
                    measured => measured,
                };
                (self.path(&path), record)
            })
            .collect();
        bundle.listings = bundle
            .listings
            .into_iter()
            .map(|(path, entries)| (self.path(&path), self.entries(&path, entries)))
            .collect();
        bundle.commands = bundle
            .commands
            .into_iter()
            .map(|(argv, record)| {
                let record = match record {
                    CommandRecord::Output(output) => CommandRecord::Output(self.output(&output)),
                    CommandRecord::Outcome(outcome) => {
                        CommandRecord::Outcome(self.outcome(outcome))
                    }
                };
                (argv.iter().map(|word| self.text(word)).collect(), record)
            })
            .collect();
        bundle.failed = bundle.failed.map(|(argv, output)| {
            let argv = argv.iter().map(|word| self.text(word)).collect();
            (argv, self.output(&output))
        });
        bundle.variables = self.variables(bundle.variables);
        let header = &mut bundle.header;
        header.redacted = true;
        header.notes = self.text(&header.notes);
        header.complete = header.complete.iter().map(|path| self.path(path)).collect();
        header.directory = header.directory.as_ref().map(|path| self.path(path));
        header.person.name = header
            .person
            .name
            .as_deref()
            .map(|name| self.user_name(name));
        header.person.host = header
            .person
            .host
            .as_deref()
            .map(|host| self.user_name(host));
        bundle.warnings = bundle
            .warnings
            .iter()
            .map(|warning| self.text(warning))
            .collect();
        bundle
    }

    fn variables(&self, variables: Variables) -> Variables {
        let mut shown = Variables {
            complete: variables.complete,
            absent: variables.absent,
            ..Variables::default()
        };
        shown.set = variables.set;
        for (name, value) in variables.values {
            match self.variable(&name, &value) {
                Some(value) => {
                    shown.values.insert(name, value);
                }
                None => {
                    shown.set.insert(name);
                }
            }
        }
        shown
    }

    fn outcome(&self, outcome: Outcome) -> Outcome {
        Outcome {
            kind: outcome.kind,
            detail: outcome.detail.map(|detail| self.text(&detail)),
        }
    }

    /// What a link leads to; a link to nothing but a number or a name is text, too.
    pub(super) fn link_target(&self, _link: &Path, target: &Path) -> std::path::PathBuf {
        self.path(target)
    }

    /// A folder's entries, in order again.
    pub(super) fn entries(&self, folder: &Path, entries: Vec<Entry>) -> Vec<Entry> {
        let disks = folder == Path::new("/dev/disk/by-id");
        // The person's own folder among the others of `/home`: named by its whole path.
        let shown = |name: &str| {
            let path = self.path(&folder.join(name));
            let name = path.file_name().map_or_else(
                || name.to_string(),
                |name| name.to_string_lossy().into_owned(),
            );
            if disks { serials::disk_id(&name) } else { name }
        };
        let mut entries: Vec<Entry> = entries
            .into_iter()
            .map(|entry| Entry {
                name: shown(&entry.name),
                ..entry
            })
            .collect();
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        entries
    }

    pub(super) fn output(&self, output: &Output) -> Output {
        Output {
            code: output.code,
            stdout: self.bytes(&output.stdout),
            stderr: self.bytes(&output.stderr),
        }
    }
}
