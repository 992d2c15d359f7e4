//! Running a command as a run: its folder, its code and environment as they are, its end.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests make their own files and processes"
    )
)]

mod awake;
mod build;
mod code;
mod command;
mod environment;
mod foreground;
pub mod keeper;
mod params;
mod patch;
mod program;
pub mod queue;
mod request;
pub mod sample;
pub mod schedule;
pub mod session;
pub mod snapshot;
pub mod stop;
pub mod submit;
pub mod supervise;
pub mod sweep;

pub use command::{params_of, run_name};
pub use deskside_track::secrets::{shown_command, shown_value};
pub use foreground::{foreground, foreground_with};
pub use params::parse as parse_params;
pub use request::{BuildRecord, Event, Finished, Request};

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod host_tests;
