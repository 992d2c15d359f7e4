//! Answers the hidden subcommand `__device NAME` as the product does; for tests of the door.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program's main: it reads its arguments and answers on stdout"
)]

fn main() {
    let name = std::env::args_os().nth(2).unwrap_or_default();
    let every = std::env::args().nth(3).and_then(|text| text.parse().ok());
    if let Some(every) = every.map(std::time::Duration::from_millis) {
        return deskside_machine::device::tell(
            &name.to_string_lossy(),
            every,
            &mut std::io::stdout(),
        );
    }
    println!(
        "{}",
        deskside_machine::device::answer(&name.to_string_lossy())
    );
}
