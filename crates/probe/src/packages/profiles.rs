//! Lines of settings that decide about drivers and toolkits: `modprobe.d` and shell profiles.

use crate::look::{known, names};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::SettingLine;

/// Lines of `/etc/modprobe.d` about GPU modules (modprobe.d(5)).
pub(crate) fn module_lines(machine: &dyn Machine) -> Known<Vec<SettingLine>> {
    let folder = "/etc/modprobe.d";
    let mut lines = Vec::new();
    match names(machine, folder) {
        Known::Value(names) => {
            for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
                let file = format!("{folder}/{name}");
                match known(machine.text(&file)) {
                    Known::Value(text) => lines.extend(picked(&file, &text, |line| {
                        ["nvidia", "nouveau", "amdgpu", "radeon"]
                            .iter()
                            .any(|module| line.contains(module))
                    })),
                    Known::Absent => {}
                    Known::Unknown { unknown } => return Known::unknown(unknown),
                }
            }
            Known::Value(lines)
        }
        Known::Absent => Known::Value(lines),
        Known::Unknown { unknown } => Known::unknown(unknown),
    }
}

/// Shell profiles of a person.
const OF_HOME: [&str; 4] = [".bashrc", ".profile", ".bash_profile", ".zshrc"];
/// Those of the system.
const OF_SYSTEM: [&str; 3] = [
    "/etc/environment",
    "/etc/profile.d/cuda.sh",
    "/etc/profile.d/rocm.sh",
];

/// Whether a path is one of the profiles that are read.
pub(crate) fn is_profile(path: &str) -> bool {
    OF_SYSTEM.contains(&path)
        || path
            .rsplit_once('/')
            .is_some_and(|(_, name)| OF_HOME.contains(&name))
}

/// A profile with every line empty that is not read: lines keep their places, what goes on over several lines still does,
/// and nothing else is told.
pub(crate) fn thinned(text: &str) -> String {
    let mut reader = Reader::default();
    text.lines()
        .map(|line| {
            let read = reader.next(line);
            if is_wanted(line) {
                return line.to_string();
            }
            match read {
                Read::Opens(word) => format!(": <<-{word}"),
                Read::Closes => line.trim().to_string(),
                Read::GoesOn => "\\".to_string(),
                Read::Bound | Read::Alone => String::new(),
            }
        })
        .flat_map(|line| [line, "\n".to_string()])
        .collect()
}

fn is_wanted(line: &str) -> bool {
    ["PATH=", "PATH =", "CUDA_HOME=", "ROCM_HOME="]
        .iter()
        .any(|setting| line.contains(setting))
        && (line.contains("cuda") || line.contains("rocm"))
}

/// Lines of the person's and the system's shell profiles that set paths to CUDA or ROCm.
pub(crate) fn profile_lines(machine: &dyn Machine, home: Option<&str>) -> Vec<SettingLine> {
    home.into_iter()
        .flat_map(|home| OF_HOME.map(|name| format!("{home}/{name}")))
        .chain(OF_SYSTEM.map(str::to_string))
        .filter_map(|file| Some((machine.text(&file).ok()?, file)))
        .flat_map(|(text, file)| picked(&file, &text, is_wanted))
        .collect()
}

/// How a line stands among the others of its file.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// By itself.
    Alone,
    /// It goes on in the next line (`\`).
    GoesOn,
    /// A part of what began before it.
    Bound,
    /// It begins a here-document, which this word ends.
    Opens(String),
    /// It ends a here-document.
    Closes,
}

/// Reads lines one after the other as a shell joins them (POSIX shell, 2.2.1 and 2.7.4). What is not a here-document but
/// looks like one binds more lines than it must, never fewer.
#[derive(Default)]
struct Reader {
    goes_on: bool,
    ends_with: Option<String>,
}

impl Reader {
    fn next(&mut self, line: &str) -> Read {
        if let Some(word) = &self.ends_with {
            if line.trim() == word {
                self.ends_with = None;
                return Read::Closes;
            }
            return Read::Bound;
        }
        let bound = std::mem::take(&mut self.goes_on);
        if is_comment(line) && !bound {
            return Read::Alone;
        }
        self.goes_on = line.ends_with('\\');
        if let Some(word) = here_document(line) {
            self.ends_with = Some(word.clone());
            return Read::Opens(word);
        }
        match (self.goes_on, bound) {
            (true, _) => Read::GoesOn,
            (_, true) => Read::Bound,
            _ => Read::Alone,
        }
    }
}

/// The word that ends the here-document which a line begins.
fn here_document(line: &str) -> Option<String> {
    line.match_indices("<<").find_map(|(place, _)| {
        // `<<<` is a text on the same line.
        if line[..place].ends_with('<') || line[place + 2..].starts_with('<') {
            return None;
        }
        let rest = line[place + 2..]
            .trim_start_matches('-')
            .trim_start()
            .trim_start_matches(['\'', '"', '\\']);
        let word: String = rest
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        word.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            .then_some(word)
    })
}

/// A comment, or a line that Deskside made one: `: # …` says nothing wherever a command may stand.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with(": #")
}

/// The lines that are wanted and are no comments.
pub(super) fn picked(file: &str, text: &str, wanted: impl Fn(&str) -> bool) -> Vec<SettingLine> {
    let mut reader = Reader::default();
    text.lines()
        .enumerate()
        .map(|(place, line)| (place, line, reader.next(line) != Read::Alone))
        .filter(|(_, line, _)| !is_comment(line) && wanted(line))
        .map(|(place, line, bound)| SettingLine {
            file: file.into(),
            line: u32::try_from(place + 1).unwrap_or(u32::MAX),
            text: line.into(),
            bound,
        })
        .take(32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_profile_tells_the_same_and_no_more() {
        let text = "export TOKEN=secret\nexport LD_LIBRARY_PATH=/usr/local/cuda/lib64\nalias x=y\n";
        let thin = thinned(text);
        assert!(!thin.contains("secret"));
        assert_eq!(
            picked("/f", &thin, is_wanted),
            picked("/f", text, is_wanted)
        );
        assert!(is_profile("/home/user/.bashrc") && !is_profile("/home/user/bashrc"));
    }

    #[test]
    fn comments_are_passed_over() {
        let lines = picked(
            "/f",
            "# blacklist nvidia\nblacklist nvidia\nother\n",
            |line| line.contains("nvidia"),
        );
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].line, lines[0].text.as_str()),
            (2, "blacklist nvidia")
        );
    }

    #[test]
    fn lines_that_are_parts_of_something_longer_are_told_from_those_that_stand_alone() {
        let text = "export PATH=/usr/local/cuda/bin:$PATH\n\
            export PATH=/usr/local/cuda/bin:\\\n$HOME/x:$PATH:PATH=/cuda\n\
            # export PATH=/usr/local/cuda/bin \\\nexport PATH=/usr/local/cuda-2/bin:$PATH\n\
            cat > notes <<-'END'\n\texport PATH=/usr/local/cuda/bin\n\tEND\n\
            grep x <<< \"$PATH=cuda\"\nexport PATH=/usr/local/cuda-3/bin:$PATH\n\
            : # switched off by deskside: export PATH=/usr/local/cuda/bin\n";
        let lines = picked("/f", text, is_wanted);
        let bound: Vec<(u32, bool)> = lines.iter().map(|line| (line.line, line.bound)).collect();
        assert_eq!(
            bound,
            [
                (1, false),
                (2, true),
                (3, true),
                (5, false),
                (7, true),
                (9, false),
                (10, false)
            ]
        );
        let thin = thinned(text);
        assert_eq!(picked("/f", &thin, is_wanted), lines);
        assert!(!thin.contains("notes") && !thin.contains("cat"));
    }
}
