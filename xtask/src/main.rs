//! The developer's commands: `cargo xtask test | bench | dist | lab | gen`.
//!
//! Each works on a fresh clone of a fresh machine and installs what it needs.

mod bench;
mod count;
mod deb;
mod dist;
mod generate;
mod gpu;
mod test;

use anyhow::{Result, bail};
use xtask::{lab, needs, shell};

const HELP: &str = "The developer's commands

  cargo xtask test [--quick | --full]
                                install what the tests need and run them all; --quick leaves real installs and the lab out,
                                --full adds what takes hours or gigabytes: every machine and state of the lab, real PyTorch
  cargo xtask bench [NAME…]     measure the bars: help, info, run, up, check, rebuild, plan, doctor, log, size, packages (all when none is named)
  cargo xtask bench fit --table FILE.csv [--program PATH]
                                predict a table of measurements and print the errors by family against their bars
  cargo xtask dist              make the tarball and the .deb in target/packages
  cargo xtask lab …             real apt and dpkg roots for the system layer, without a GPU (docs/lab.md)
  cargo xtask gpu [--program PATH] [--python PATH] [--out FOLDER] [GROUP…]
                                on a machine with a card: kernels, samples, claims, errors, measurements (docs/gpu-checks.md)
  cargo xtask gen [--check]     write the generated reference pages and schemas; --check only compares
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("test") => test::test(rest),
        Some("bench") => bench::bench(rest),
        Some("dist") => dist::dist(),
        Some("lab") => lab::lab(rest),
        Some("gpu") => gpu::gpu(rest),
        Some("gen") => generate::generate(rest.iter().any(|argument| argument == "--check")),
        None | Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("there is no `cargo xtask {other}`\n\n{HELP}"),
    }
}
