//! The simulated and the real machine do alike.

#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::host::Host;
use deskside_testkit::{Sim, conformance};
use std::path::Path;

#[test]
fn the_simulated_machine_conforms() {
    let sim = Sim::linux();
    conformance::check(&sim, Path::new("/home/user/checks"));
}

#[test]
fn the_simulated_machine_conforms_for_root() {
    let sim = Sim::linux();
    sim.change(|state| {
        state.person.uid = 0;
        state.person.groups = vec![0];
    });
    conformance::check(&sim, Path::new("/var/checks"));
}

#[test]
fn the_real_machine_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&Host::new(), folder.path());
}
