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

/// A profile with every line empty that is not read: lines keep their places, and nothing else is told.
pub(crate) fn thinned(text: &str) -> String {
    text.lines()
        .map(|line| if is_wanted(line) { line } else { "" })
        .flat_map(|line| [line, "\n"])
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

/// The lines that are wanted and are no comments.
pub(super) fn picked(file: &str, text: &str, wanted: impl Fn(&str) -> bool) -> Vec<SettingLine> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#') && wanted(line))
        .map(|(place, line)| SettingLine {
            file: file.into(),
            line: u32::try_from(place + 1).unwrap_or(u32::MAX),
            text: line.trim_end().into(),
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
}
