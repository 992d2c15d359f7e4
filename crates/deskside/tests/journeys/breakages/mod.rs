//! Breakages made for real, in real environments, file systems and processes: the doctor names each first, says the same
//! from a recording, and mends it or says why that is a person's to do.
//!
//! `DESKSIDE_TEST_REAL=1 cargo test -p deskside --test journeys breakages -- --nocapture` prints the table of counts.

#![expect(
    clippy::print_stdout,
    reason = "the table of what was recreated is what a person runs these for"
)]

mod environments;
mod errors;
mod hostile;
mod limits;
mod scene;

use scene::{Outcome, Way};

/// Prints what was recreated, and fails where one was not named first, not mended where it can be, or told otherwise by its
/// recording.
fn table(family: &str, outcomes: &[Outcome]) {
    let mended = outcomes.iter().filter(|one| one.mended).count();
    let found = outcomes.iter().filter(|one| one.found).count();
    println!(
        "breakages of {family}: made for real, found first, the same from the recording, mended"
    );
    for one in outcomes {
        let mark = |yes: bool| if yes { "yes" } else { "NO " };
        let way = match one.way {
            Way::Fix => mark(one.mended),
            Way::Planned => "planned",
            Way::Person => "a person's",
        };
        println!(
            "  {:<42} {:<24} {} {} {way}",
            one.id,
            one.case,
            mark(one.found),
            mark(one.replayed)
        );
    }
    println!(
        "BREAKAGES {family} recreated={} found={found} mended={mended} planned={} left-to-the-person={}",
        outcomes.len(),
        outcomes
            .iter()
            .filter(|one| one.way == Way::Planned)
            .count(),
        outcomes.iter().filter(|one| one.way == Way::Person).count()
    );
    let wrong: Vec<String> = outcomes
        .iter()
        .filter(|one| {
            !one.found || !one.replayed || (one.way == Way::Fix && !one.mended) || !one.told
        })
        .map(|one| format!("{} ({}): {}", one.id, one.case, one.complaint))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
