//! Whether what a recipe needs can be had, found out before anything is changed.

use super::Snapshot;
use super::origin::{MODULE, Origin};
use super::recipe::{Package, Recipe};
use crate::environment::uv::command;
use crate::index::settings;
use deskside_machine::{Durability, ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What has to be fetched for a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetching {
    /// Distributions that uv's cache lacks, by normalised name.
    pub names: Vec<String>,
    /// Their sizes together, as far as they are stated.
    pub bytes: u64,
}

/// Where and with what it is found out.
pub struct Asking<'a> {
    /// The environment's folder.
    pub environment: &'a Path,
    /// The uv program.
    pub uv: &'a str,
    /// The Python, as uv takes it; it must be installed.
    pub python: &'a str,
    /// A folder of Deskside's own for what uv reads.
    pub scratch: PathBuf,
}

/// Servers are asked by that many threads.
const KNOCKING: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

/// What uv's cache lacks. Everything, where uv can't say.
pub fn fetching(machine: &dyn Machine, asking: &Asking<'_>, recipe: &Recipe) -> Fetching {
    let all: Vec<&Package> = from_indexes(recipe).collect();
    let mut lacking = Vec::new();
    lack(machine, asking, recipe, &all, &mut lacking);
    let mut fetching = Fetching::default();
    for package in lacking {
        fetching.add(package);
    }
    fetching
}

fn from_indexes(recipe: &Recipe) -> impl Iterator<Item = &Package> {
    let all = recipe.packages.iter();
    all.filter(|package| matches!(package.origin, Origin::Files { .. }))
}

impl Fetching {
    /// Everything that comes from an index.
    pub fn everything(recipe: &Recipe) -> Self {
        let mut fetching = Self::default();
        from_indexes(recipe).for_each(|package| fetching.add(package));
        fetching
    }

    /// Also these, whatever the cache has of them.
    pub fn anew(&mut self, recipe: &Recipe, names: &[String]) {
        let wanted = from_indexes(recipe).filter(|package| names.contains(&package.name));
        wanted.for_each(|package| self.add(package));
    }

    fn add(&mut self, package: &Package) {
        if self.names.contains(&package.name) {
            return;
        }
        self.names.push(package.name.clone());
        if let Origin::Files { wheels, sdist } = &package.origin {
            let size = wheels.iter().chain(sdist).find_map(|file| file.size);
            self.bytes += size.unwrap_or(0);
        }
    }
}

/// Halves the packages until it is known which are not in the cache: most often one question is enough.
fn lack<'a>(
    machine: &dyn Machine,
    asking: &Asking<'_>,
    recipe: &Recipe,
    packages: &[&'a Package],
    lacking: &mut Vec<&'a Package>,
) {
    if packages.is_empty() {
        return;
    }
    match missing(machine, asking, &recipe.only(packages)) {
        Some(0) => {}
        Some(count) if count < packages.len() => {
            let (left, right) = packages.split_at(packages.len() / 2);
            lack(machine, asking, recipe, left, lacking);
            lack(machine, asking, recipe, right, lacking);
        }
        _ => lacking.extend(packages),
    }
}

/// How many packages of a recipe uv would download; none when it does not say.
fn missing(machine: &dyn Machine, asking: &Asking<'_>, recipe: &Recipe) -> Option<usize> {
    use deskside_machine::Acting;
    let file = asking.scratch.join("pylock.toml");
    machine
        .write_file(&file, recipe.text(), 0o600, Durability::Process)
        .ok()?;
    let mut argv: Vec<String> = sync(asking.uv);
    argv.extend(
        [
            "--dry-run",
            "--offline",
            "--python",
            asking.python,
            "--target",
        ]
        .map(String::from),
    );
    argv.push(asking.scratch.display().to_string());
    argv.push(file.display().to_string());
    let command = command(machine, asking.environment, argv).deadline(Duration::from_secs(120));
    let output = machine
        .command(command)
        .ok()
        .filter(|output| output.succeeded())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &output.text();
    let count = |beginning: &str| {
        said.lines()
            .find_map(|line| line.trim().strip_prefix(beginning))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
    };
    match count("Would download ") {
        Some(count) => Some(count),
        // It spoke of an install, so it knows, and nothing is to be downloaded.
        None => count("Would install ").map(|_: usize| 0),
    }
}

/// The beginning of `uv pip sync` with a `pylock.toml`.
pub(crate) fn sync(uv: &str) -> Vec<String> {
    let words = [
        "pip",
        "sync",
        "--preview-features",
        "pylock",
        "--allow-empty-requirements",
    ];
    std::iter::once(uv).chain(words).map(String::from).collect()
}

/// Refuses when something can't be had: gone from the index, not kept, or not reached.
///
/// # Errors
/// [`Code::SnapshotUnavailable`] with each distribution that can't be had; [`Code::IndexUnreachable`] when that is only
/// because the index does not answer.
pub fn require(
    machine: &dyn Machine,
    snapshot: &Snapshot,
    origins: &[Origin],
    fetching: &Fetching,
) -> Result<(), Problem> {
    let mut gone = Vec::new();
    let mut unheard = Vec::new();
    let mut knock = Vec::new();
    for (one, origin) in snapshot.distributions.iter().zip(origins) {
        let named = format!("{} {}", one.name, one.version);
        match origin {
            Origin::Gone { others } => {
                let others: Vec<&str> = others.iter().take(5).map(String::as_str).collect();
                gone.push(match others.as_slice() {
                    [] => format!("the index has no {} at all", one.name),
                    others => format!(
                        "the index no longer has {named}; it has {}",
                        others.join(", ")
                    ),
                });
            }
            Origin::NotKept if one.name == MODULE => {}
            Origin::NotKept => gone.push(format!("no wheel of {named} is kept")),
            Origin::Files { wheels, sdist } if fetching.names.contains(&one.name) => {
                let urls: Vec<&str> = wheels
                    .iter()
                    .chain(sdist)
                    .map(|file| file.url.as_str())
                    .collect();
                knock.push((named, urls));
            }
            _ => {}
        }
    }
    for (named, answer) in knocked(machine, &knock) {
        match answer {
            Knock::There => {}
            Knock::Gone(why) => gone.push(format!("{named} is no longer where it was: {why}")),
            Knock::Silent(why) => unheard.push(format!("{named}: {why}")),
        }
    }
    if gone.is_empty() && unheard.is_empty() {
        return Ok(());
    }
    let mut problem = if gone.is_empty() {
        Problem::new(
            Code::IndexUnreachable,
            format!(
                "what snapshot {} needs is not in uv's cache, and the index can't be reached",
                snapshot.id
            ),
        )
        .hint("check the network and any proxy (HTTPS_PROXY), then run the same command again")
    } else {
        Problem::new(
            Code::SnapshotUnavailable,
            format!(
                "snapshot {} can't be brought back: packages can't be had any more",
                snapshot.id
            ),
        )
        .hint("another snapshot may do: deskside env history")
        .hint("or take versions that are there: deskside env add 'NAME==VERSION'")
    };
    for cause in gone.into_iter().chain(unheard) {
        problem = problem.because(cause);
    }
    Err(problem)
}

/// What a server says of a file.
enum Knock {
    There,
    Gone(String),
    Silent(String),
}

fn knocked(machine: &dyn Machine, all: &[(String, Vec<&str>)]) -> Vec<(String, Knock)> {
    if all.is_empty() {
        return Vec::new();
    }
    let one = |(named, urls): &(String, Vec<&str>)| {
        let mut answer = Knock::Gone("nobody names a file of it".into());
        for url in urls {
            answer = knock(machine, url);
            if matches!(answer, Knock::There) {
                break;
            }
        }
        (named.clone(), answer)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = all
            .chunks(all.len().div_ceil(KNOCKING))
            .map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

/// Begins to fetch a file and stops at once: that it begins is the answer.
fn knock(machine: &dyn Machine, url: &str) -> Knock {
    if let Some(path) = crate::index::address::local_path(url) {
        return match machine.exists(&path) {
            Ok(true) => Knock::There,
            Ok(false) => Knock::Gone(format!("{path} is not there")),
            Err(error) => Knock::Silent(error.to_string()),
        };
    }
    match machine.fetch(&settings::address(machine, url), "*/*", 1, PATIENCE) {
        Ok(_) => Knock::There,
        Err(error) => match error.kind {
            ErrorKind::TooLarge => Knock::There,
            _ if error.is_gone() => Knock::Gone(error.detail),
            _ => Knock::Silent(error.detail),
        },
    }
}
