//! Requirements files, with those they name: `-r` takes another file in, `-c` bounds versions.
//!
//! The form is pip's: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>. A file that is named is
//! looked for relative to the one that names it. Addresses are left to uv.

use deskside_machine::{Machine, Reading};
use std::path::{Component, Path, PathBuf};

/// How deep files are followed.
const DEEPEST: usize = 8;
/// How many files are read in all.
const MOST: usize = 64;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// What a requirements file and those it names say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// The requirements, in order.
    pub wanted: Vec<String>,
    /// Bounds for what is wanted anyway.
    pub constraints: Vec<String>,
    /// All other lines that begin with a dash, and files that are named by an address.
    pub options: Vec<String>,
    /// Every file that was read, with its bytes, in the order they are named.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Files that are named and were not read, with the reason, in phrases.
    pub unread: Vec<String>,
}

/// Reads a requirements file and those it names; each once.
pub fn read(machine: &dyn Machine, path: &Path) -> Requirements {
    let mut all = Requirements::default();
    follow(machine, &plain(path), false, 0, &mut all, &mut Vec::new());
    all
}

/// Reads lines of that form that stand elsewhere; `path` is the file they stand in.
pub fn read_text(machine: &dyn Machine, path: &Path, text: &str) -> Requirements {
    let mut all = Requirements::default();
    let path = plain(path);
    let mut seen = vec![(path.clone(), false)];
    lines(machine, &path, text, false, 0, &mut all, &mut seen);
    all
}

/// Follows one file. `seen` are those that were followed, and whether as bounds: a file may be named as both.
fn follow(
    machine: &dyn Machine,
    path: &Path,
    bounds: bool,
    depth: usize,
    all: &mut Requirements,
    seen: &mut Vec<(PathBuf, bool)>,
) {
    let this = (path.to_path_buf(), bounds);
    if seen.contains(&this) {
        return;
    }
    if depth > DEEPEST || seen.len() >= MOST {
        all.unread.push(format!(
            "{} (more than {DEEPEST} levels or {MOST} files)",
            path.display()
        ));
        return;
    }
    let bytes = match machine.file(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) => {
            all.unread
                .push(format!("{} ({})", path.display(), error.detail));
            return;
        }
    };
    seen.push(this);
    if all.files.iter().all(|(known, _)| known != path) {
        all.files.push((path.to_path_buf(), bytes.clone()));
    }
    let text = String::from_utf8_lossy(&bytes);
    lines(machine, path, &text, bounds, depth, all, seen);
}

fn lines(
    machine: &dyn Machine,
    path: &Path,
    text: &str,
    bounds: bool,
    depth: usize,
    all: &mut Requirements,
    seen: &mut Vec<(PathBuf, bool)>,
) {
    // A line that ends in a backslash goes on in the next.
    let text = text.replace("\\\r\n", "").replace("\\\n", "");
    for line in text
        .lines()
        .map(without_comment)
        .filter(|line| !line.is_empty())
    {
        match option(line) {
            Some((constraint, named)) if !named.contains("://") => {
                let named = plain(&path.parent().unwrap_or(path).join(named));
                follow(machine, &named, bounds || constraint, depth + 1, all, seen);
            }
            Some(_) => all.options.push(line.to_string()),
            None if line.starts_with('-') => all.options.push(line.to_string()),
            None if bounds => all.constraints.push(line.to_string()),
            None => all.wanted.push(line.to_string()),
        }
    }
}

/// The line without its comment, which begins the line or follows white space.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') {
        return "";
    }
    let comment = line
        .char_indices()
        .find(|(at, letter)| *letter == '#' && line[..*at].ends_with(char::is_whitespace));
    comment.map_or(line, |(at, _)| line[..at].trim_end())
}

/// `-r FILE` and `-c FILE` in all their forms: whether it is a constraint, and the file.
fn option(line: &str) -> Option<(bool, &str)> {
    [
        ("--requirement", false),
        ("--constraint", true),
        ("-r", false),
        ("-c", true),
    ]
    .into_iter()
    .find_map(|(word, constraint)| {
        let rest = line.strip_prefix(word)?;
        let long = word.starts_with("--");
        if long && !rest.starts_with(['=', ' ', '\t']) {
            return None;
        }
        let named = rest.trim_start_matches(['=', ' ', '\t']).trim();
        let named = named.trim_matches(['"', '\'']);
        (!named.is_empty()).then_some((constraint, named))
    })
}

/// The path without `.` and, as far as names go, `..`, so that a file is known again.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    fn sim(files: &[(&str, &str)]) -> Sim {
        let sim = Sim::linux();
        for (name, text) in files {
            sim.put_file(format!("/p/{name}"), *text);
        }
        sim
    }

    #[test]
    fn named_files_are_followed_from_where_they_are_named() {
        let sim = sim(&[
            (
                "requirements.txt",
                "-r more/base.txt\n--constraint=bounds.txt\nnumpy # fast\n--index-url https://x.example\n-r https://x.example/r.txt",
            ),
            (
                "more/base.txt",
                "-rdeep.txt\ntorch>=2.9,\\\n  <3\n--requirement ../requirements.txt\n",
            ),
            ("more/deep.txt", "tqdm"),
            ("bounds.txt", "torch<2.11\n-r more/extra.txt"),
            ("more/extra.txt", "six==1.0"),
        ]);
        let read = read(&sim, Path::new("/p/requirements.txt"));
        assert_eq!(read.wanted, ["tqdm", "torch>=2.9,  <3", "numpy"]);
        assert_eq!(read.constraints, ["torch<2.11", "six==1.0"]);
        assert_eq!(
            read.options,
            [
                "--index-url https://x.example",
                "-r https://x.example/r.txt"
            ]
        );
        assert_eq!(read.files.len(), 5);
        assert_eq!(read.unread, Vec::<String>::new());
    }

    #[test]
    fn depth_count_and_missing_files_are_told() {
        let sim = Sim::linux();
        for number in 0..20 {
            let next = number + 1;
            sim.put_file(
                format!("/p/{number}.txt"),
                format!("-r {next}.txt\na{number}"),
            );
        }
        let deep = read(&sim, Path::new("/p/0.txt"));
        assert_eq!((deep.files.len(), deep.unread.len()), (9, 1));
        let many: String = (0..100)
            .map(|number| format!("-r m{number}.txt\n"))
            .collect();
        sim.put_file("/p/many.txt", many);
        for number in 0..100 {
            sim.put_file(format!("/p/m{number}.txt"), "x");
        }
        let many = read(&sim, Path::new("/p/many.txt"));
        assert_eq!((many.files.len(), many.unread.len()), (64, 37));
        sim.put_file(
            "/p/round.txt",
            "-r ./round.txt\n-c ../p/round.txt\n-r none.txt\nb",
        );
        let round = read(&sim, Path::new("/p/round.txt"));
        assert_eq!(round.wanted, ["b"]);
        assert!(round.unread[0].contains("none.txt"), "{:?}", round.unread);
    }
}
