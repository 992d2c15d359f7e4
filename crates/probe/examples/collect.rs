//! Collects this machine's facts and says how long each group of sources took: `cargo run --release -p deskside-probe --example collect`.
#![allow(clippy::print_stdout, reason = "an example that a person runs")]

use deskside_machine::host::Host;
use deskside_probe::collect_timed;

fn main() {
    let host = Host::new();
    for round in ["cold", "warm"] {
        let (facts, timings) = collect_timed(&host);
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
