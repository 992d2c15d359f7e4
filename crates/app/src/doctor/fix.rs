//! `doctor --fix`: the plan that a finding's recipe comes to. It never guesses: only what is proven is carried out.

use super::{Confidence, Finding};
use crate::Context;
use deskside_machine::Reading;
use deskside_types::Result;
use deskside_types::plan::{PLAN_VERSION, Plan, Step};

/// What is to be done about a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Mend {
    /// A plan, carried out as `apply` carries one out.
    Plan(Box<Plan>),
    /// One of Deskside's own commands, which makes its plan itself: its words.
    Own(Vec<String>),
}

/// Why nothing is done about a finding by itself.
pub fn reason(finding: &Finding) -> Option<String> {
    let Some(fix) = &finding.fix else {
        return Some("no way to mend it is known".into());
    };
    if finding.confidence != Confidence::Proven {
        return Some("its cause is not proven, so nothing is done by itself".into());
    }
    if let Some(why) = &fix.by_hand {
        return Some(format!("a person has to do it: {why}"));
    }
    if !fix.by_itself && fix.deskside.is_none() {
        return Some("it is your decision; the commands stand above".into());
    }
    None
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
        return Ok(Some(Mend::Own(
            own.split_whitespace().map(String::from).collect(),
        )));
    }
    let steps: Vec<Step> = fix.steps.clone();
    Ok(Some(Mend::Plan(Box::new(Plan {
        version: PLAN_VERSION,
        wish: format!("mend: {}", finding.title),
        made_at: context.machine.now()?.wall,
        premises: Vec::new(),
        steps,
        satisfied: Vec::new(),
    }))))
}
