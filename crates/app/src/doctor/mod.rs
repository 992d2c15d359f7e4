//! `deskside doctor`: what is broken, why, and the way back.

mod areas;
pub mod collect;
mod command;
mod environment;
mod examine;
pub mod fix;
mod record;

pub use areas::AreaLine;
pub use collect::{Checked, Collected, Depth, Places, collect};
pub use command::{OVER_THE_LIMIT, command, run_log};
pub use deskside_doctor::{
    Area, AreaState, Confidence, Consequence, Diagnosis, EvidenceLine, Finding, FixOffer, NotSeen,
    RuledOut, Severity, Suspect, Unexplained,
};
pub use examine::{Asked, Examination, ending, examine};
pub use record::{record, require_place};

use crate::{Answer, Context};
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct DoctorRequest {
    /// How deeply.
    pub depth: Depth,
    /// Read with root what only root may read.
    pub root: bool,
    /// What somebody wants explained: a failed command's output, a log.
    pub asked: Option<Asked>,
}

impl Default for DoctorRequest {
    fn default() -> Self {
        Self {
            depth: Depth::Usual,
            root: false,
            asked: None,
        }
    }
}

/// The answer of `doctor` and `explain-error`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DoctorReport {
    /// What was asked about: a command, a file. None for the machine as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The command's exit code, where one was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// What that exit code says by itself, where a signal ended the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    /// One line for each layer.
    pub areas: Vec<AreaLine>,
    /// Causes, what was ruled out, what could not be seen.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
    /// How long looking took, in milliseconds.
    pub took_ms: u64,
}

impl Answer for DoctorReport {
    const SCHEMA: &'static str = "deskside.doctor";
}

/// Looks at the machine, and at what was asked about.
///
/// # Errors
/// Never for anything that is wrong with the machine: that is the answer.
pub fn doctor(context: &Context, request: &DoctorRequest) -> Result<DoctorReport> {
    let machine = &*context.machine;
    // What a machine was recorded for is what is asked about, where nobody asks for anything else.
    if request.asked.is_none()
        && let Some(asked) = command::recorded(machine)
    {
        let request = DoctorRequest {
            asked: Some(asked),
            ..request.clone()
        };
        return doctor(context, &request);
    }
    let begun = machine.now_monotonic();
    let examination = examine(context, request);
    Ok(DoctorReport {
        about: request.asked.as_ref().map(|asked| asked.about.clone()),
        exit: request.asked.as_ref().and_then(|asked| asked.exit),
        ending: request
            .asked
            .as_ref()
            .and_then(|asked| examine::meaning_of(asked.exit?, &examination.collected.scene)),
        areas: areas::lines(&examination),
        diagnosis: examination.diagnosis,
        took_ms: u64::try_from(machine.now_monotonic().saturating_sub(begun).as_millis())
            .unwrap_or(u64::MAX),
    })
}

/// The answer of a command that ended well: nothing was looked at.
pub fn ended_well(about: &str) -> DoctorReport {
    DoctorReport {
        about: Some(about.to_string()),
        exit: Some(0),
        ending: None,
        areas: Vec::new(),
        diagnosis: Diagnosis {
            findings: Vec::new(),
            unexplained: None,
            not_seen: Vec::new(),
            considered: 0,
        },
        took_ms: 0,
    }
}

/// What a failure's own words say is looked into where they are known at all: the causes that are there and sure. Quick where
/// they are not known.
pub fn cause_of(context: &Context, asked: Asked) -> Option<DoctorReport> {
    let text = deskside_doctor::without_controls(&asked.text);
    if context.recorded || !deskside_doctor::recognises(&text) {
        return None;
    }
    let request = DoctorRequest {
        asked: Some(asked),
        ..DoctorRequest::default()
    };
    let report = doctor(context, &request).ok()?;
    report.cause().is_some().then_some(report)
}

impl DoctorReport {
    /// The first cause of what was asked about, where it is proven or likely.
    pub fn cause(&self) -> Option<&Finding> {
        self.diagnosis.findings.iter().find(|one| {
            one.accounts() && matches!(one.confidence, Confidence::Proven | Confidence::Likely)
        })
    }
}

/// The monotonic clock, standing still where there is none.
trait Clock {
    fn now_monotonic(&self) -> std::time::Duration;
}

impl Clock for dyn deskside_machine::Machine {
    fn now_monotonic(&self) -> std::time::Duration {
        deskside_machine::Reading::now(self)
            .map(|now| now.monotonic)
            .unwrap_or_default()
    }
}
