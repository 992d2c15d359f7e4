//! The parts of the developer's tool that tests use too.

pub mod lab;
pub mod needs;
pub mod shell;
