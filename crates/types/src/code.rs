//! Stable error codes and the process exit codes they lead to.
//!
//! A code never changes its meaning. What it means at length is knowledge (`deskside explain CODE`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the process tells its caller. The table is part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// 0
    Done,
    /// 1: the answer is no, or the request failed for a reason of the person's or the machine's.
    Failed,
    /// 2: bad usage.
    Usage,
    /// 3: changes are pending (only where asked for).
    Pending,
    /// 4: needs authentication.
    Authentication,
    /// 5: refused: a confirmation is missing, or the plan is stale.
    Refused,
    /// 6: a reboot is needed to go on.
    Reboot,
    /// 70: a bug of Deskside's.
    Bug,
    /// 125: `run` itself failed before the command could be started.
    RunFailed,
    /// 126: the command was found but could not be executed.
    NotExecutable,
    /// 127: the command was not found.
    NotFound,
    /// 130: interrupted by the person.
    Interrupted,
}

impl Exit {
    /// The number handed to the operating system.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::Authentication => 4,
            Self::Refused => 5,
            Self::Reboot => 6,
            Self::Bug => 70,
            Self::RunFailed => 125,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Interrupted => 130,
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal => $exit:ident,)+) => {
        /// A stable error code, `DS` and four digits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The code as printed and as `deskside explain` takes it.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The exit code a failure with this code ends in.
            pub fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit),+ }
            }
        }
    };
}

codes! {
    /// A bug of Deskside's own.
    Bug = "DS0001" => Bug,
    /// Interrupted by the person.
    Interrupted = "DS0002" => Interrupted,
    /// The command line cannot be understood.
    Usage = "DS0003" => Usage,
    /// A file or folder is not there.
    Missing = "DS0101" => Failed,
    /// No permission.
    Denied = "DS0102" => Failed,
    /// The disk is full, or out of inodes or quota.
    DiskFull = "DS0103" => Failed,
    /// The file system is read-only.
    ReadOnly = "DS0104" => Failed,
    /// Something took longer than its deadline.
    Timeout = "DS0105" => Failed,
    /// The network, or a server on it, can't be reached.
    Network = "DS0106" => Failed,
    /// An external command failed.
    CommandFailed = "DS0107" => Failed,
    /// A program that is needed is not installed.
    ProgramMissing = "DS0108" => Failed,
    /// An effect on the machine failed for another reason.
    Effect = "DS0109" => Failed,
    /// The machine is out of processes, memory or open files just now.
    Shortage = "DS0110" => Failed,
    /// The evidence bundle can't be read.
    BundleUnreadable = "DS0201" => Failed,
    /// The evidence bundle was written by a newer version.
    BundleNewer = "DS0202" => Failed,
    /// The evidence bundle holds something hostile: a path or link that leads outside, or more than the limit.
    BundleHostile = "DS0203" => Failed,
    /// A command that changes something was given a bundle.
    BundleReadOnly = "DS0204" => Usage,
    /// Another Deskside operation holds the lock.
    Locked = "DS0301" => Failed,
    /// The plan no longer fits the machine.
    PlanStale = "DS0302" => Refused,
    /// The plan needs root, which this command does not ask for.
    NeedsRoot = "DS0303" => Refused,
    /// A step was carried out and its proof failed.
    VerifyFailed = "DS0304" => Failed,
    /// Nothing to undo, or it can't be undone.
    UndoImpossible = "DS0305" => Failed,
    /// The journal is damaged or from a newer version.
    JournalUnreadable = "DS0306" => Failed,
    /// Something that asks before it is done was not confirmed.
    NotConfirmed = "DS0308" => Refused,
    /// No plans are made for this distribution.
    PlatformUnknown = "DS0309" => Failed,
    /// A step needs a person's hands first.
    NeedsHands = "DS0307" => Refused,
    /// The project can't be read or has nothing to set up.
    ProjectUnreadable = "DS0401" => Failed,
    /// uv could not be had.
    UvUnavailable = "DS0402" => Failed,
    /// No package index answered.
    IndexUnreachable = "DS0403" => Failed,
    /// A downloaded file is not what the index promised.
    HashMismatch = "DS0404" => Failed,
    /// No framework build fits this machine.
    NoFittingBuild = "DS0405" => Failed,
    /// The environment is broken.
    EnvironmentBroken = "DS0406" => Failed,
    /// The project has no command to train with.
    NothingToTrain = "DS0407" => Failed,
    /// The requirements can't be satisfied together, or not on this Python.
    Unsatisfiable = "DS0408" => Failed,
    /// The lock file can't be used: damaged, edited by hand, of another platform, or older than `pyproject.toml`.
    LockUnusable = "DS0409" => Failed,
    /// There is no environment or project here.
    EnvironmentMissing = "DS0410" => Failed,
    /// Unknown snapshot, or more than one fits.
    SnapshotUnknown = "DS0411" => Failed,
    /// Packages of a snapshot can be had nowhere any more.
    SnapshotUnavailable = "DS0412" => Failed,
    /// Two frameworks can't live in one environment.
    FrameworksConflict = "DS0413" => Failed,
    /// A requirement, an extra or a date can't be understood.
    RequirementInvalid = "DS0414" => Usage,
    /// Unknown run, or more than one fits.
    RunUnknown = "DS0501" => Failed,
    /// The run folder can't be written.
    RunFolder = "DS0502" => RunFailed,
    /// The command is not there.
    CommandNotFound = "DS0503" => NotFound,
    /// The command can't be executed.
    CommandNotExecutable = "DS0504" => NotExecutable,
    /// The index of runs can't be opened or written.
    IndexBroken = "DS0505" => Failed,
    /// A run folder was written by a newer version or is damaged.
    RunUnreadable = "DS0506" => Failed,
    /// The training command of a project failed.
    TrainingFailed = "DS0507" => Failed,
    /// The queue's file can't be opened, read or written.
    QueueBroken = "DS0801" => Failed,
    /// The queue's file was written by a newer version.
    QueueNewer = "DS0802" => Failed,
    /// No job of the queue is called that.
    JobUnknown = "DS0803" => Failed,
    /// What was asked can't be done to a job in its state.
    JobState = "DS0804" => Failed,
    /// A job asks for what this machine can't give: cards, memory.
    ClaimImpossible = "DS0805" => Failed,
    /// Jobs wait for each other in a circle, or for one that failed.
    Dependency = "DS0806" => Failed,
    /// A time, a span or a list of jobs can't be understood.
    QueueUsage = "DS0807" => Usage,
    /// The supervisor of a job could not do its work.
    Supervision = "DS0808" => Failed,
    /// The code could not be kept as it is.
    CodeNotKept = "DS0809" => Failed,
    /// The queue is another machine's.
    QueueElsewhere = "DS0810" => Failed,
    /// The model is not known and nothing says its size.
    ModelUnknown = "DS0601" => Failed,
    /// A model's file can't be read: damaged, hostile, or of a form that is not known.
    ModelUnreadable = "DS0602" => Failed,
    /// Options that contradict each other, or a table that can't be read.
    FitContradictory = "DS0603" => Usage,
    /// A cost scenario has a key that is not known, a value that can't be, or lacks one that nothing stands in for.
    ScenarioInvalid = "DS0604" => Usage,
    /// A parameter of a sweep can't be understood.
    SweepParameter = "DS1701" => Usage,
    /// The command of a sweep and its parameters don't fit together.
    SweepCommand = "DS1702" => Usage,
    /// No sweep is called that, or several are.
    SweepUnknown = "DS1703" => Failed,
    /// What was asked can't be done to a sweep in its state, or with its method.
    SweepState = "DS1704" => Failed,
    /// A sweep's folder can't be read.
    SweepBroken = "DS1705" => Failed,
    /// Optuna can't be had or does not answer.
    OptunaUnavailable = "DS1706" => Failed,
    /// A sweep's file can't be understood.
    SweepFile = "DS1707" => Usage,
    /// What a person does can't be understood, so nothing can be chosen for it.
    ChoiceUnclear = "DS1601" => Usage,
    /// Offers were not taken: a source can't be read or failed the checks, a price of one's own is odd, or nothing is kept to go back to.
    OffersRefused = "DS1602" => Failed,
    /// Nothing could be measured on this machine.
    CalibrationFailed = "DS1603" => Failed,
    /// There is no text to explain.
    NothingToExplain = "DS0701" => Usage,
    /// The machine's sampler can't be switched on here, or runs already.
    SamplerUnavailable = "DS1801" => Failed,
    /// A span, a policy or a size of what watches the machine can't be understood.
    WatchUsage = "DS1802" => Usage,
    /// A view that needs a terminal was asked for without one.
    NoTerminal = "DS1803" => Usage,
    /// What takes space could not be looked at.
    SpaceUnreadable = "DS1804" => Failed,
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.text().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(
                code.text().len() == 6 && code.text().starts_with("DS"),
                "{code}"
            );
            assert!(seen.insert(code.text()), "{code} stands twice");
            assert_eq!(code.text().parse(), Ok(*code));
        }
    }
}
