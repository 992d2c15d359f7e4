//! Collects this machine's facts and says how long each group of sources took; with a
//! folder, those of the system in it: `cargo run --release -p deskside-probe --example collect [FOLDER]`.
#![allow(clippy::print_stdout, reason = "an example that a person runs")]

use deskside_machine::Machine;
use deskside_machine::host::{Host, Root};
use deskside_probe::collect_timed;

fn main() {
    // With a folder: the system in it, as it is seen without running it.
    #[allow(clippy::disallowed_methods, reason = "an example's only argument")]
    let host: Box<dyn Machine> = match std::env::args_os().nth(1) {
        Some(folder) => match Root::new(folder) {
            Ok(root) => Box::new(root),
            Err(error) => return println!("{error}"),
        },
        None => Box::new(Host::new()),
    };
    for round in ["cold", "warm"] {
        let (facts, timings) = collect_timed(host.as_ref());
        let total: f64 = timings
            .iter()
            .map(|(_, span)| span.as_secs_f64() * 1e3)
            .sum();
        println!("{round}: {total:.1} ms");
        for (name, span) in &timings {
            println!("  {:8.3} ms  {name}", span.as_secs_f64() * 1e3);
        }
        if round == "warm" {
            println!(
                "{}",
                serde_json::to_string_pretty(&facts).unwrap_or_default()
            );
        }
    }
}
