//! Machines around machines: record, replay, audit, heed Ctrl-C, rehearse, fail.

mod audited;
mod dry_run;
mod faulty;
mod heeding;
mod recording;
mod replay;

pub use audited::{Audited, Heard};
pub use dry_run::DryRun;
pub use faulty::{Death, Died, Fault, Faulty, Mode};
pub use heeding::Heeding;
pub use recording::Recording;
pub use replay::Replay;
