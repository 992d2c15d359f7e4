//! Pins: `/etc/apt/preferences` and `preferences.d` (apt_preferences(5)).

use crate::look::{field, known, names, text};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::Pin;

/// All pins.
pub(crate) fn all(machine: &dyn Machine) -> Known<Vec<Pin>> {
    let mut pins = Vec::new();
    let single = "/etc/apt/preferences";
    if let Known::Value(text) = text(machine, single) {
        pins.extend(parse(single, &text));
    }
    match names(machine, "/etc/apt/preferences.d") {
        Known::Value(names) => {
            for name in names {
                let extension = name.rsplit_once('.').map(|(_, extension)| extension);
                if !matches!(extension, None | Some("pref")) {
                    continue;
                }
                let file = format!("/etc/apt/preferences.d/{name}");
                match known(machine.text(&file)) {
                    Known::Value(text) => pins.extend(parse(&file, &text)),
                    Known::Absent => {}
                    Known::Unknown { unknown } => return Known::unknown(unknown),
                }
            }
        }
        Known::Absent => {}
        Known::Unknown { unknown } => return Known::unknown(unknown),
    }
    Known::Value(pins)
}

fn parse(file: &str, text: &str) -> Vec<Pin> {
    text.split("\n\n")
        .filter_map(|paragraph| {
            Some(Pin {
                file: file.into(),
                packages: field(paragraph, "Package", ':')?.to_string(),
                pin: field(paragraph, "Pin", ':')?.to_string(),
                priority: field(paragraph, "Pin-Priority", ':')?.parse().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read() {
        let pins = parse(
            "/p",
            "Package: *\nPin: release o=NVIDIA\nPin-Priority: 600\n\nPackage: x\nPin: odd\n\nExplanation: y\nPackage: nvidia-*\nPin: origin developer.download.nvidia.com\nPin-Priority: -1\n",
        );
        assert_eq!(pins.len(), 2);
        assert_eq!(
            (pins[0].pin.as_str(), pins[0].priority),
            ("release o=NVIDIA", 600)
        );
        assert_eq!(pins[1].priority, -1);
    }
}
