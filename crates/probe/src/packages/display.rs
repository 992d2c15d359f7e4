//! Settings of the X server that name NVIDIA's driver (xorg.conf(5)): without the driver, X does not start with them.

use super::profiles::picked;
use crate::look::{known, names};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::SettingLine;

/// Lines of `/etc/X11/xorg.conf` and `/etc/X11/xorg.conf.d` that choose NVIDIA's driver.
pub(crate) fn lines(machine: &dyn Machine) -> Known<Vec<SettingLine>> {
    let folder = "/etc/X11/xorg.conf.d";
    let mut files = vec!["/etc/X11/xorg.conf".to_string()];
    match names(machine, folder) {
        Known::Value(names) => files.extend(
            names
                .into_iter()
                .filter(|name| name.ends_with(".conf"))
                .map(|name| format!("{folder}/{name}")),
        ),
        Known::Absent => {}
        Known::Unknown { unknown } => return Known::unknown(unknown),
    }
    let mut lines = Vec::new();
    for file in files {
        match known(machine.text(&file)) {
            Known::Value(text) => lines.extend(picked(&file, &text, names_driver)),
            Known::Absent => {}
            Known::Unknown { unknown } => return Known::unknown(unknown),
        }
    }
    Known::Value(lines)
}

/// `Driver "nvidia"`, in any case.
fn names_driver(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("driver"))
        && words
            .next()
            .is_some_and(|word| word.trim_matches('"').eq_ignore_ascii_case("nvidia"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_choice_of_the_driver_is_picked() {
        for (line, chosen) in [
            ("    Driver         \"nvidia\"", true),
            ("driver \"NVIDIA\"", true),
            ("    Driver \"modesetting\"", false),
            ("    VendorName \"NVIDIA Corporation\"", false),
            ("Driver", false),
            ("", false),
        ] {
            assert_eq!(names_driver(line), chosen, "{line}");
        }
    }
}
