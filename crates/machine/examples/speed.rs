//! Measures what the door costs: `cargo run --release -p deskside-machine --example speed`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring tool, never shipped"
)]

use deskside_machine::{Host, Launch, Machine, Reading};
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() {
    let host = Host::new();
    for path in [
        "/etc/hostname",
        "/proc/self/status",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/none",
    ] {
        let begun = Instant::now();
        for _ in 0..500 {
            let _ = host.text(path);
        }
        let through = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..500 {
            let _ = std::fs::read(path);
        }
        println!(
            "500 reads of {path}: {through:?}, without the door {:?}",
            begun.elapsed()
        );
    }
    let folder = std::env::temp_dir().join(format!("deskside-speed-{}", std::process::id()));
    for foreground in [true, false] {
        let launch = Launch {
            argv: vec!["true".into()],
            directory: None,
            variables: Default::default(),
            log: folder.join("log"),
            foreground,
            to_stderr: false,
        };
        let begun = Instant::now();
        for _ in 0..200 {
            host.launch(&launch).unwrap().wait().unwrap();
        }
        let launched = begun.elapsed() / 200;
        let begun = Instant::now();
        for _ in 0..200 {
            Command::new("true")
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
                .wait()
                .unwrap();
        }
        println!(
            "launch `true`, foreground {foreground}: {launched:?}, bare spawn {:?}",
            begun.elapsed() / 200
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}
