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
    /// Lines that are no text, each with its place and the reason.
    pub unreadable: Vec<String>,
    /// Why the file itself was not read, where it was not.
    first: Option<String>,
}

impl Requirements {
    /// Why the file itself was not read; none where it was.
    pub fn of_the_first(&self) -> Option<&str> {
        self.first.as_deref()
    }
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
        Err(error) => return unread(path, &error.detail, depth, all),
    };
    let Some(text) = text(&bytes) else {
        return unread(path, "it is no text", depth, all);
    };
    seen.push(this);
    if all.files.iter().all(|(known, _)| known != path) {
        all.files.push((path.to_path_buf(), bytes.clone()));
    }
    lines(machine, path, &text, bounds, depth, all, seen);
}

/// Notes a file that is named and was not read.
fn unread(path: &Path, why: &str, depth: usize, all: &mut Requirements) {
    if depth == 0 {
        all.first = Some(why.to_string());
    }
    all.unread.push(format!("{} ({why})", path.display()));
}

/// A file's bytes as text, by the mark they begin with: Windows' own tools write UTF-16 (`pip freeze > requirements.txt`
/// in PowerShell), its editors UTF-8 with a mark. None where they are no text.
///
/// Source: Unicode 15, section 23.8, "Byte Order Mark (BOM)".
fn text(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2);
        let is_whole = pairs.remainder().is_empty();
        let units: Vec<u16> = pairs.map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().filter(|_| is_whole)
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        // What is no UTF-8 is told line by line: a comment in an older encoding hurts nobody.
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    (!text.contains('\0')).then_some(text)
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
    for (at, line) in text.lines().enumerate() {
        if without_comment(line).contains(char::REPLACEMENT_CHARACTER) {
            let (at, path) = (at + 1, path.display());
            all.unreadable
                .push(format!("{path}:{at}: it is no UTF-8 text"));
        }
    }
    // A line that ends in a backslash goes on in the next.
    let text = text.replace("\\\r\n", "").replace("\\\n", "");
    for line in text
        .lines()
        .map(without_comment)
        .filter(|line| !line.is_empty() && !line.contains(char::REPLACEMENT_CHARACTER))
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
pub(crate) fn plain(path: &Path) -> PathBuf {
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

    #[test]
    fn files_are_text_by_their_mark_and_nothing_is_lost() {
        let wide = |mark: &[u8], unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let units = "numpy==1.26.4\r\nsix\r\n".encode_utf16();
            let units = units.flat_map(unit);
            mark.iter().copied().chain(units).collect()
        };
        for (bytes, wanted, unreadable) in [
            (b"\xef\xbb\xbfnumpy==1.26.4\nsix\n".to_vec(), 2, 0),
            (wide(b"\xff\xfe", u16::to_le_bytes), 2, 0),
            (wide(b"\xfe\xff", u16::to_be_bytes), 2, 0),
            (b"numpy==1.26.4\nsix # f\xfcr alt\n".to_vec(), 2, 0),
            (b"numpy==1.26.4\nsi\xfc\nsix\n".to_vec(), 2, 1),
        ] {
            let sim = Sim::linux();
            sim.put_file("/p/r.txt", bytes.clone());
            let read = read(&sim, Path::new("/p/r.txt"));
            assert_eq!(read.of_the_first(), None, "{bytes:?}");
            assert_eq!(read.wanted.len(), wanted, "{bytes:?}");
            assert_eq!(
                (&*read.wanted[0], &*read.wanted[1]),
                ("numpy==1.26.4", "six")
            );
            assert_eq!(read.unreadable.len(), unreadable, "{:?}", read.unreadable);
        }
        for bytes in [
            &b"PK\x03\x04\x00\x00numpy"[..],
            &b"\xff\xfen"[..],
            &b"n\x00u\x00"[..],
        ] {
            let sim = Sim::linux();
            sim.put_file("/p/r.txt", bytes.to_vec());
            let read = read(&sim, Path::new("/p/r.txt"));
            assert_eq!(read.of_the_first(), Some("it is no text"), "{bytes:?}");
            assert!(read.wanted.is_empty() && read.files.is_empty());
        }
    }
}
