//! Measures what the door costs: `cargo run --release -p deskside-machine --example speed`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool, never shipped")]

use deskside_machine::{Host, Reading};
use std::time::Instant;

fn main() {
    let host = Host::new();
    for path in ["/etc/hostname", "/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled", "/none"] {
        let begun = Instant::now();
        for _ in 0..500 {
            let _ = host.text(path);
        }
        let through = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..500 {
            let _ = std::fs::read(path);
        }
        println!("500 reads of {path}: {through:?}, without the door {:?}", begun.elapsed());
    }
}
