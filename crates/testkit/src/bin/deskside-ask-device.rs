//! Answers the hidden subcommand `__device NAME` as the product does; for tests of the door.
#![allow(clippy::print_stdout, reason = "its answer goes to stdout")]

fn main() {
    let name = std::env::args().nth(2).unwrap_or_default();
    println!("{}", deskside_machine::device::answer(&name));
}
