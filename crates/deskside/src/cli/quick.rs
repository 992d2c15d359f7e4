//! The commands that are called by the hundred are parsed without building the shape of all others first, which takes longer than
//! what they do. Whatever is unusual about a call (help, a mistake, an option before the command) is left to the whole
//! command line, so that there is one truth about both.

use super::{Cli, Command, Global, queue};
use clap::{Args, FromArgMatches};
use std::ffi::OsString;

/// Parses such a call; none where the whole command line has to.
pub fn parse(arguments: &[OsString]) -> Option<Cli> {
    match arguments.get(1)?.to_str()? {
        "run" => only(arguments, "run", Command::Run),
        "queue" => only(arguments, "queue", Command::Queue),
        "wait" => only(arguments, "wait", |wait: Box<queue::Wait>| {
            Command::Wait(*wait)
        }),
        _ => None,
    }
}

fn only<T: Args>(
    arguments: &[OsString],
    name: &'static str,
    command: impl FnOnce(Box<T>) -> Command,
) -> Option<Cli> {
    // It has a version only so that `--version` is no word of the command to run.
    let own = T::augment_args(clap::Command::new(name).version("0"));
    let shape = Global::augment_args(clap::Command::new("deskside")).subcommand(own);
    let matches = shape.try_get_matches_from(arguments).ok()?;
    let global = Global::from_arg_matches(&matches).ok()?;
    let arguments = T::from_arg_matches(matches.subcommand_matches(name)?).ok()?;
    Some(Cli {
        global,
        command: command(Box::new(arguments)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn what_is_parsed_quickly_is_parsed_the_same() {
        for line in [
            "deskside run -- true",
            "deskside run true --version",
            "deskside run --queue --gpus 2 --json -- python train.py --lr 1e-3",
            "deskside run --queue --priority -3 -q x",
            "deskside queue",
            "deskside queue --all --json",
            "deskside queue move 3 --first",
            "deskside wait 3 4",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let quick = parse(&words).unwrap_or_else(|| panic!("{line}"));
            let whole = Cli::try_parse_from(&words).unwrap();
            assert_eq!(format!("{quick:?}"), format!("{whole:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_whole_command_line() {
        for line in [
            "deskside",
            "deskside --json run true",
            "deskside run",
            "deskside run --help",
            "deskside run --version",
            "deskside run -h",
            "deskside run --gpus many -- true",
            "deskside queue help",
            "deskside queue nonsense",
            "deskside info",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(parse(&words).is_none(), "{line}");
        }
    }
}
