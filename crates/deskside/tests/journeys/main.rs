//! Journeys through the real program, as a person walks them.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "these tests are the person outside: they start the program and look at its files"
)]

mod added;
mod advice;
mod breakages;
mod command_line;
mod cost;
mod devices;
mod doctor;
mod environments;
mod fit;
mod frameworks;
mod person;
mod project;
mod pytorch_index;
mod queue;
mod queue_asked;
mod queue_faults;
mod queue_left;
mod queue_reboot;
mod recorded;
mod snapshots;
mod sweep;
mod tracked;
mod trouble;
mod up;
mod watching;
mod why;
