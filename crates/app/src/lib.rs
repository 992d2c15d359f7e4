//! Use cases: one function for each thing a person asks for, one report struct for each answer.
//!
//! Invariant: nothing here prints, and no report is made twice: text and JSON come from one struct.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

pub mod answer;
pub mod apply;
pub mod choose;
pub mod context;
pub mod cost;
pub mod doctor;
pub mod environment;
pub mod explain;
pub mod fit;
pub mod history;
pub mod info;
mod live;
pub mod notebook;
pub mod offers;
pub mod plan;
pub mod queue;
pub mod run;
pub mod runs;
pub mod sampler;
pub mod schemas;
pub mod space;
pub mod sweep;
pub mod top;
pub mod undo;
pub mod up;
pub mod usage;

pub use answer::Answer;
pub use context::Context;
pub use deskside_advise::ModelMemory;
pub use deskside_machine::{self as machine, Directories, Host, Machine, Progress, interrupt};
pub use deskside_operate::Event;
