//! `doctor --fix`: the plan that a finding's recipe comes to. It never guesses: only what is proven is carried out.

use super::{Confidence, Finding, Severity};
use crate::Context;
use deskside_machine::Reading;
use deskside_types::Result;
use deskside_types::plan::{Action, EnvironmentAction, PLAN_VERSION, Plan, Step};

/// What is to be done about a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Mend {
    /// A plan, carried out as `apply` carries one out.
    Plan(Box<Plan>),
    /// One of Deskside's own commands, which makes its plan itself.
    Own {
        /// The words that a person types to see the plan.
        shown: Vec<String>,
        /// The words that carry it out.
        words: Vec<String>,
    },
}

/// Why nothing is done about a finding by itself.
pub fn reason(finding: &Finding) -> Option<String> {
    let Some(fix) = &finding.fix else {
        return Some("no way to mend it is known".into());
    };
    if finding.severity == Severity::Notice {
        return Some("nothing is broken: it is your decision".into());
    }
    if finding.confidence != Confidence::Proven {
        return Some("its cause is not proven, so nothing is done by itself".into());
    }
    if let Some(why) = &fix.by_hand {
        return Some(format!("a person has to do it: {why}"));
    }
    match &fix.deskside {
        Some(own) if mends(own) => None,
        None if fix.by_itself => None,
        _ => Some("it is your decision; what to type stands with it".into()),
    }
}

/// Whether one of Deskside's own commands mends something: others only look, or begin something new.
pub(super) fn mends(own: &str) -> bool {
    let mut words = own.split_whitespace();
    match (words.next(), words.next()) {
        (Some("reinstall" | "clean" | "plan"), _) => true,
        (Some("env"), Some(verb)) => ["rebuild", "sync", "lock", "add", "remove"].contains(&verb),
        _ => false,
    }
}

/// The words that carry one of Deskside's own commands out: what only plans the system layer becomes `apply` with the same
/// wish.
fn carrying_out(own: &str) -> Vec<String> {
    let words: Vec<String> = own.split_whitespace().map(String::from).collect();
    let [first, rest @ ..] = words.as_slice() else {
        return words;
    };
    if first != "plan" {
        return words;
    }
    let mut applied = vec!["apply".to_string()];
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match (word.as_str(), rest.clone().next()) {
            ("--cuda", Some(version)) => {
                applied.extend(["--wish".to_string(), format!("cuda={version}")]);
                rest.next();
            }
            _ => applied.push(word.clone()),
        }
    }
    applied
}

/// What is to be done about a finding; none where it is a person's.
///
/// # Errors
/// When the clock can't be read.
pub fn mend(context: &Context, finding: &Finding) -> Result<Option<Mend>> {
    if reason(finding).is_some() {
        return Ok(None);
    }
    let Some(fix) = &finding.fix else {
        return Ok(None);
    };
    if let Some(own) = &fix.deskside {
        return Ok(Some(Mend::Own {
            shown: own.split_whitespace().map(String::from).collect(),
            words: carrying_out(own),
        }));
    }
    let steps: Vec<Step> = fix.steps.clone();
    if let Some(words) = in_the_project(context, &steps) {
        return Ok(Some(Mend::Own {
            shown: words.clone(),
            words,
        }));
    }
    Ok(Some(Mend::Plan(Box::new(Plan {
        version: PLAN_VERSION,
        wish: format!("mend: {}", finding.title),
        made_at: context.machine.now()?.wall,
        premises: Vec::new(),
        steps,
        satisfied: Vec::new(),
    }))))
}

/// What only installs into the environment of a project with a lock file is a change of the project: past its lock file the
/// next sync would take it back.
fn in_the_project(context: &Context, steps: &[Step]) -> Option<Vec<String>> {
    let place = crate::environment::Place::find(context, None).ok()?;
    let machine = &*context.projects;
    let locked = ["pyproject.toml", "uv.lock"]
        .iter()
        .all(|file| machine.exists(place.project.join(file)).unwrap_or(false));
    if !locked {
        return None;
    }
    let mut words = vec!["env".to_string(), "add".to_string()];
    for action in steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::Env {
                action:
                    EnvironmentAction::Install {
                        path,
                        requirements,
                        files,
                        ..
                    },
            } if std::path::Path::new(path) == place.environment && files.is_empty() => {
                words.extend(requirements.iter().cloned());
            }
            _ => return None,
        }
    }
    (words.len() > 2).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_plans_is_carried_out_by_apply() {
        for (own, words) in [
            ("reinstall driver", "reinstall driver"),
            ("plan", "apply"),
            ("plan --cuda 12.8", "apply --wish cuda=12.8"),
            ("plan --wish upgrade", "apply --wish upgrade"),
            ("env rebuild", "env rebuild"),
        ] {
            assert_eq!(carrying_out(own).join(" "), words);
            assert!(mends(own), "{own}");
        }
        for other in ["env check --hashes", "env why torch", "env init", "fit", ""] {
            assert!(!mends(other), "{other}");
        }
    }
}
