//! The rooms of the planner: each looks at one part of the machine and adds the steps that part needs.

pub(crate) mod access;
pub(crate) mod apple;
pub(crate) mod archive;
pub(crate) mod clean;
pub(crate) mod driver;
pub(crate) mod entered;
pub(crate) mod fetch;
pub(crate) mod hold;
pub(crate) mod line;
pub(crate) mod reinstall;
pub(crate) mod repair;
pub(crate) mod sources;
pub(crate) mod toolkit;
