//! RECORD: the files of an installed distribution with their hashes and sizes.
//!
//! Source: packaging.python.org, "Recording installed projects" (`*.dist-info/RECORD`): CSV of path relative to
//! `site-packages`, `algorithm=urlsafe-base64-without-padding`, size.

use sha2::{Digest, Sha256};

/// One file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Its path, relative to `site-packages`, or absolute.
    pub path: String,
    /// `sha256=…`; empty where it is not stated (RECORD itself, compiled files).
    pub hash: String,
    /// Its size in bytes, where it is stated.
    pub size: Option<u64>,
}

/// Reads a RECORD. A line that can't be read is left out.
pub fn parse(text: &str) -> Vec<RecordedFile> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .filter_map(line)
        .collect()
}

/// One line: three fields, of which the first may be quoted.
fn line(text: &str) -> Option<RecordedFile> {
    let text = text.trim_end_matches('\r');
    let (path, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            let mut end = None;
            let bytes = quoted.as_bytes();
            let mut place = 0;
            while place < bytes.len() {
                if bytes[place] == b'"' {
                    if bytes.get(place + 1) == Some(&b'"') {
                        place += 1;
                    } else {
                        end = Some(place);
                        break;
                    }
                }
                place += 1;
            }
            let end = end?;
            (
                quoted[..end].replace("\"\"", "\""),
                quoted[end + 1..].strip_prefix(',')?,
            )
        }
        None => {
            // Hash and size hold no comma, a path may.
            let (rest, size) = text.rsplit_once(',')?;
            let (path, hash) = rest.rsplit_once(',')?;
            return Some(RecordedFile {
                path: path.to_string(),
                hash: hash.to_string(),
                size: size.parse().ok(),
            });
        }
    };
    let (hash, size) = rest.split_once(',')?;
    Some(RecordedFile {
        path,
        hash: hash.to_string(),
        size: size.parse().ok(),
    })
}

/// Whether a file is the installer's own and not the distribution's: who installed it, on whose wish, compiled files.
pub fn is_installers_own(path: &str) -> bool {
    let in_information = path
        .split_once('/')
        .filter(|(folder, _)| folder.ends_with(".dist-info"))
        .map(|(_, name)| name);
    path.ends_with(".pyc")
        || in_information.is_some_and(|name| {
            [
                "RECORD",
                "INSTALLER",
                "REQUESTED",
                "direct_url.json",
                "uv_cache.json",
                "uv_build.json",
            ]
            .contains(&name)
        })
}

/// The names of the programs that an installer makes of a distribution's `entry_points.txt`. Their text is the
/// installer's (uv's and pip's differ), so they are no part of the distribution's own contents.
///
/// Source: packaging.python.org, "Entry points specification", `console_scripts` and `gui_scripts`.
pub fn generated_programs(entry_points: &str) -> Vec<&str> {
    let mut programs = Vec::new();
    let mut in_scripts = false;
    for line in entry_points.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_scripts = ["console_scripts]", "gui_scripts]"].contains(&section);
        } else if in_scripts
            && !line.starts_with(['#', ';'])
            && let Some((name, _)) = line.split_once('=')
        {
            programs.push(name.trim());
        }
    }
    programs
}

/// Leaves out the programs that the installer made of entry points.
pub fn without_generated<'a>(
    files: &'a [RecordedFile],
    entry_points: &str,
) -> Vec<&'a RecordedFile> {
    let generated = generated_programs(entry_points);
    files
        .iter()
        .filter(|file| {
            let program = file.path.rsplit_once("/bin/").filter(|(before, _)| {
                before.split('/').all(|part| part == "..") || before.starts_with('/')
            });
            program.is_none_or(|(_, name)| !generated.contains(&name))
        })
        .collect()
}

/// SHA-256 over paths and hashes of the distribution's own files, sorted: equal where the files are equal.
pub fn contents<'a>(files: impl IntoIterator<Item = &'a RecordedFile>) -> String {
    let mut lines: Vec<(&str, &str)> = files
        .into_iter()
        .filter(|file| !is_installers_own(&file.path))
        .map(|file| (file.path.as_str(), file.hash.as_str()))
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (path, value) in lines {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        hash.update([0]);
    }
    crate::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let files = parse(
            "six.py,sha256=abc,34703\n\"odd,name \"\"x\"\".py\",sha256=def,1\r\na/b,c.txt,sha256=x,2\nx.dist-info/RECORD,,\nbroken\n\n",
        );
        let shown: Vec<(&str, &str, Option<u64>)> = files
            .iter()
            .map(|file| (file.path.as_str(), file.hash.as_str(), file.size))
            .collect();
        assert_eq!(
            shown,
            [
                ("six.py", "sha256=abc", Some(34703)),
                ("odd,name \"x\".py", "sha256=def", Some(1)),
                ("a/b,c.txt", "sha256=x", Some(2)),
                ("x.dist-info/RECORD", "", None),
            ]
        );
    }

    #[test]
    fn programs_made_of_entry_points_do_not_count() {
        let points = "[console_scripts]\nf2py = numpy.f2py:main\n# x = y\n[array_api]\nnumpy = numpy\n[gui_scripts]\nidle=idlelib:main\n";
        assert_eq!(generated_programs(points), ["f2py", "idle"]);
        let files = parse(
            "../../../bin/f2py,sha256=a,1\n../../../bin/real,sha256=b,2\nx/bin/f2py,sha256=c,3\n",
        );
        let left: Vec<String> = without_generated(&files, points)
            .into_iter()
            .map(|file| file.path.clone())
            .collect();
        assert_eq!(left, ["../../../bin/real", "x/bin/f2py"]);
    }

    #[test]
    fn the_installer_does_not_count() {
        let uv =
            parse("a.py,sha256=1,1\na-1.dist-info/INSTALLER,sha256=2,2\na-1.dist-info/RECORD,,\n");
        let pip = parse(
            "a-1.dist-info/RECORD,,\na-1.dist-info/INSTALLER,sha256=3,4\n__pycache__/a.cpython-312.pyc,,\na.py,sha256=1,1\n",
        );
        assert_eq!(contents(&uv), contents(&pip));
        assert_ne!(contents(&uv), contents(&parse("a.py,sha256=9,1\n")));
    }
}
