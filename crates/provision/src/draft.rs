//! A plan while it is made: steps from recipes, what is satisfied, decisions, and what no plan can do.

use crate::assess::Undecided;
use deskside_knowledge::platforms::{Recipe, recipes};
use deskside_types::plan::{Action, Check, CommandLine, FileContents, Plan, Risk, Step, Undo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Says that a restart is due; `/run` is empty after one.
pub(crate) const RESTART_MARK: &str = "/run/deskside-restart";

/// A plan of the system layer with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemPlan {
    /// The platform's name; none where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The plan.
    pub plan: Plan,
    /// What was decided, and why, a sentence each.
    pub why: Vec<String>,
    /// What a person should know or do that no step does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What can't be told, because a fact could not be seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<Undecided>,
}

/// Something a person should know or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// What, in a sentence.
    pub text: String,
    /// It stands in the way of what is wished.
    pub blocking: bool,
    /// Commands that a person would run, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// What is gathered while the rooms of the planner are gone through.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) steps: Vec<Step>,
    pub(crate) satisfied: Vec<String>,
    pub(crate) why: Vec<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) undecided: Vec<Undecided>,
    /// A restart that is needed without any other step.
    pub(crate) restart: Option<Restart>,
}

/// Why a machine is to be restarted.
pub(crate) enum Restart {
    /// What is installed is not in use yet.
    Now,
}

/// What fills the names in braces.
pub(crate) type Words<'a> = &'a [(&'a str, &'a str)];

impl Draft {
    /// Adds the step of a recipe; returns it for what is special about it.
    pub(crate) fn step(
        &mut self,
        id: &str,
        words: Words<'_>,
        check: Vec<Check>,
        actions: Vec<Action>,
    ) -> Option<&mut Step> {
        let recipe = recipes().iter().find(|recipe| recipe.id == id)?;
        let count = self
            .steps
            .iter()
            .filter(|step| step.id == id || step.id.starts_with(&format!("{id}.")))
            .count();
        let step = Step {
            id: if count == 0 {
                id.into()
            } else {
                format!("{id}.{}", count + 1)
            },
            title: filled(&recipe.title, words),
            why: filled(&recipe.why, words),
            verify: check.clone(),
            check,
            download_bytes: (!actions.iter().any(downloads)).then_some(0),
            actions,
            undo: undo(recipe),
            root: true,
            reboot: recipe.reboot,
            hands_needed: None,
            risk: match recipe.risk.as_str() {
                "low" => Risk::Low,
                "severe" => Risk::Severe,
                _ => Risk::Moderate,
            },
        };
        self.steps.push(step);
        self.steps.last_mut()
    }

    pub(crate) fn satisfied(&mut self, text: impl Into<String>) {
        self.satisfied.push(text.into());
    }

    pub(crate) fn why(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.why.contains(&text) {
            self.why.push(text);
        }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>, commands: &[&str]) {
        self.push_note(text.into(), false, commands);
    }

    pub(crate) fn block(&mut self, text: impl Into<String>, commands: &[&str]) {
        self.push_note(text.into(), true, commands);
    }

    fn push_note(&mut self, text: String, blocking: bool, commands: &[&str]) {
        self.notes.push(Note {
            text,
            blocking,
            commands: commands.iter().map(ToString::to_string).collect(),
        });
    }

    pub(crate) fn unknown(&mut self, id: &str, because: String) {
        self.undecided.push(Undecided {
            id: id.into(),
            because: vec![because],
        });
    }

    /// Ends the plan with the one restart that its steps need. `driver` says that NVIDIA's driver must answer then.
    ///
    /// Each step that counts only after a restart leaves a mark below `/run`, which a boot clears: so the restart is
    /// done once, and only when such a step was carried out.
    pub(crate) fn end(&mut self, driver: bool) {
        let mut marked = false;
        for step in self.steps.iter_mut().filter(|step| step.reboot) {
            marked = true;
            step.actions.push(Action::WriteFile {
                path: RESTART_MARK.into(),
                contents: FileContents::Text(
                    "a step of deskside counts from the next boot on\n".into(),
                ),
                mode: 0o644,
            });
        }
        let check = if marked {
            vec![Check::Absent {
                path: RESTART_MARK.into(),
            }]
        } else if self.restart.is_some() {
            vec![answers()]
        } else {
            return;
        };
        if let Some(step) = self.step("restart", &[], check, vec![Action::Reboot])
            && driver
            && marked
        {
            step.verify.push(answers());
        }
    }
}

/// Whether an action fetches what is not known in size before apt was asked.
fn downloads(action: &Action) -> bool {
    match action {
        Action::Packages { install, .. } => !install.is_empty(),
        Action::Download { .. } | Action::Key { .. } => true,
        _ => false,
    }
}

fn undo(recipe: &Recipe) -> Undo {
    match recipe.undo.as_str() {
        "exact" => Undo::Exact,
        text => match text.strip_prefix("none: ") {
            Some(why) => Undo::None { why: why.into() },
            None => Undo::BestEffort { why: text.into() },
        },
    }
}

/// The text with its names in braces filled; a name without a word stays.
fn filled(text: &str, words: Words<'_>) -> String {
    words.iter().fold(text.to_string(), |text, (name, word)| {
        text.replace(&format!("{{{name}}}"), word)
    })
}

/// A command of a plan.
pub(crate) fn command<const N: usize>(argv: [&str; N], deadline_seconds: u64) -> CommandLine {
    CommandLine {
        argv: argv.map(str::to_string).to_vec(),
        directory: None,
        variables: BTreeMap::new(),
        deadline_seconds,
    }
}

/// NVIDIA's driver answers.
pub(crate) fn answers() -> Check {
    Check::Succeeds {
        command: command(["nvidia-smi", "-L"], 30),
    }
}

/// Runs a command with no way back of its own.
pub(crate) fn run<const N: usize>(argv: [&str; N], deadline_seconds: u64) -> Action {
    Action::Run {
        command: command(argv, deadline_seconds),
        undo: None,
    }
}

/// Fetches the lists of packages anew.
pub(crate) fn refresh() -> Action {
    run(["apt-get", "update"], 600)
}

/// Packages that come and go.
pub(crate) fn packages(install: &[String], remove: &[String]) -> Action {
    Action::Packages {
        install: install.to_vec(),
        remove: remove.to_vec(),
    }
}

/// Packages that must be there and gone.
pub(crate) fn are(installed: &[String], absent: &[String]) -> Check {
    Check::Packages {
        installed: installed.to_vec(),
        absent: absent.to_vec(),
    }
}

/// A line that must stand in a file.
pub(crate) fn line_stands(file: &str, line: &str) -> Check {
    Check::Succeeds {
        command: command(["grep", "-qxF", "--", line, file], 10),
    }
}
