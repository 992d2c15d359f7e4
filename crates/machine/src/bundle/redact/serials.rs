//! Serial numbers and identities of devices, disks and machines.

use super::scan::{before, is_word, replace as replace_found, run};
use std::collections::BTreeMap;
use std::path::Path;

/// What stands in a serial number's place.
const SERIAL: &str = "redacted";
/// How an identity of an NVIDIA GPU, or of a part of one, begins.
const GPU_PREFIXES: [&str; 2] = ["GPU-", "MIG-"];
/// Files that hold nothing but a serial number or a machine's identity.
const SERIAL_FILES: [&str; 10] = [
    "product_serial",
    "board_serial",
    "chassis_serial",
    "product_uuid",
    "serial",
    "serial_number",
    "serial-number",
    "wwid",
    "machine-id",
    "unique_id",
];

/// Stand-ins given out so far.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    given: BTreeMap<String, u64>,
    highest: u64,
}

impl Numbers {
    fn of(&mut self, identity: &str) -> u64 {
        let next = self.highest + 1;
        let number = *self
            .given
            .entry(identity.to_ascii_lowercase())
            .or_insert(next);
        self.highest = self.highest.max(number);
        number
    }

    /// A stand-in that was there already: its number is taken.
    fn met(&mut self, number: u64) {
        self.highest = self.highest.max(number);
    }
}

/// Replaces identities in a text.
pub(super) fn replace(text: &str, numbers: &mut Numbers) -> String {
    let text = if GPU_PREFIXES.iter().any(|prefix| text.contains(prefix)) {
        gpus(text, numbers)
    } else {
        text.to_string()
    };
    let lower = text.to_ascii_lowercase();
    if ["serial", "uuid", "udid", "unique_id", "unique id"]
        .iter()
        .any(|word| lower.contains(word))
    {
        named(&text, numbers)
    } else {
        text
    }
}

/// The length of a UUID (RFC 9562) at a place.
fn uuid(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    for (place, digits) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if place > 0 {
            (bytes.get(end) == Some(&b'-')).then_some(())?;
            end += 1;
        }
        let start = end;
        end = run(bytes, start.min(bytes.len()), |byte| {
            byte.is_ascii_hexdigit()
        });
        (end - start == digits).then_some(())?;
    }
    Some(end)
}

fn gpus(text: &str, numbers: &mut Numbers) -> String {
    let bytes = text.as_bytes();
    replace_found(text, |at| {
        let prefix = GPU_PREFIXES
            .iter()
            .find(|prefix| bytes[at..].starts_with(prefix.as_bytes()))?;
        if before(bytes, at).is_some_and(is_word) {
            return None;
        }
        let start = at + prefix.len();
        let end = uuid(bytes, start)?;
        Some((
            end,
            format!("{prefix}{}", stand_in(&text[start..end], numbers)),
        ))
    })
}

/// The numbered stand-in of a UUID; a stand-in is its own.
fn stand_in(identity: &str, numbers: &mut Numbers) -> String {
    if let Some(number) = identity
        .strip_prefix("00000000-0000-0000-0000-")
        .and_then(|tail| tail.parse::<u64>().ok())
    {
        numbers.met(number);
        return identity.to_string();
    }
    format!("00000000-0000-0000-0000-{:012}", numbers.of(identity))
}

/// The numbered stand-in of a number in hex or decimal digits, as long as it is.
fn number_stand_in(digits: &str, numbers: &mut Numbers) -> String {
    let (front, tail) = digits
        .strip_prefix("0x")
        .map_or(("", digits), |tail| ("0x", tail));
    let plain = tail.trim_start_matches('0');
    if plain.is_empty() {
        return digits.to_string();
    }
    if tail.len() >= 8
        && plain.len() <= 4
        && let Ok(number) = plain.parse()
    {
        numbers.met(number);
        return digits.to_string();
    }
    format!(
        "{front}{:0width$}",
        numbers.of(digits),
        width = tail.len().max(8)
    )
}

/// What a serial number's place holds when there is none.
fn is_nothing(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    lower.chars().all(|letter| letter == '0')
        || lower == SERIAL
        || [
            "n/a",
            "[n/a]",
            "none",
            "null",
            "not",
            "unknown",
            "default",
            "to",
            "system",
            "empty",
            "unspecified",
        ]
        .contains(&lower.as_str())
}

/// Whether a JSON key names a serial number or identity.
pub(super) fn is_serial_name(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower.contains("serial")
        || lower.contains("udid")
        || lower == "unique_id"
        || lower.ends_with("platform_uuid")
        || lower == "machine_id"
}

/// The stand-in of a JSON value.
pub(super) fn serial_value(
    key: &str,
    value: &serde_json::Value,
    numbers: &mut Numbers,
) -> serde_json::Value {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), ToString::to_string);
    match () {
        () if is_nothing(&text) => value.clone(),
        () if key.eq_ignore_ascii_case("unique_id") => number_stand_in(&text, numbers).into(),
        () => SERIAL.into(),
    }
}

/// `Serial Number: …`, `"IOPlatformSerialNumber" = "…"`, `Hardware UUID: …`, `UUID=…`, `unique_id …`.
fn named(text: &str, numbers: &mut Numbers) -> String {
    let bytes = text.as_bytes();
    let mut value_at: Option<(usize, bool)> = None;
    replace_found(text, |at| {
        if let Some((place, is_number)) = value_at.filter(|(place, _)| *place == at) {
            value_at = None;
            let end = run(bytes, place, |byte| {
                !byte.is_ascii_whitespace()
                    && !matches!(byte, b'"' | b'\'' | b',' | b';' | b')' | b'}' | b'<')
            });
            let value = &text[place..end];
            return match () {
                () if value.is_empty() || is_nothing(value) => None,
                () if uuid(bytes, place) == Some(end) => Some((end, stand_in(value, numbers))),
                () if GPU_PREFIXES.iter().any(|prefix| value.starts_with(prefix)) => None,
                () if is_number => {
                    let digits = value.strip_prefix("0x").unwrap_or(value);
                    digits
                        .bytes()
                        .all(|byte| byte.is_ascii_hexdigit())
                        .then(|| (end, number_stand_in(value, numbers)))
                }
                () => Some((end, SERIAL.to_string())),
            };
        }
        if before(bytes, at).is_some_and(is_word)
            || !(bytes[at].is_ascii_alphabetic() || bytes[at] == b'_')
        {
            return None;
        }
        // A name: words, with spaces between only where it is `Serial Number` and the like.
        let end = run(bytes, at, |byte| is_word(byte) || byte == b'-');
        let name = text[at..end].to_ascii_lowercase();
        let is_serial = name == "serial"
            || name.ends_with("serial")
            || name.ends_with("serialnumber")
            || name.ends_with("serial_number")
            || name.ends_with("serial_num")
            || name.ends_with("serial-number");
        let is_number = name == "unique_id" || name == "unique";
        let is_uuid = matches!(
            name.as_str(),
            "uuid" | "partuuid" | "udid" | "ioplatformuuid"
        );
        if !(is_serial || is_number || is_uuid) {
            return None;
        }
        let mut next = end;
        for word in [" Number", " number", " ID", " id", " (system)"] {
            if bytes[next..].starts_with(word.as_bytes()) {
                next += word.len();
            }
        }
        if name == "unique" && next == end {
            return None;
        }
        next = run(bytes, next, |byte| {
            matches!(byte, b'"' | b'\'' | b' ' | b'\t')
        });
        if matches!(bytes.get(next), Some(b':' | b'=')) {
            next = run(bytes, next + 1, |byte| {
                matches!(byte, b'"' | b'\'' | b' ' | b'\t')
            });
        } else if !(is_number && next > end) {
            return None;
        }
        value_at = Some((next, is_number));
        None
    })
}

/// A disk's name under `/dev/disk/by-id`: what follows its model is its serial number.
pub(super) fn disk_name(path: &str) -> String {
    let Some(place) = path.find("/by-id/") else {
        return path.to_string();
    };
    let (front, name) = path.split_at(place + "/by-id/".len());
    format!("{front}{}", disk_id(name))
}

/// The same for the bare name.
pub(super) fn disk_id(name: &str) -> String {
    let (name, part) = match name.rfind("-part") {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let cut = name
        .rfind(['_', '.'])
        .or_else(|| name.find("-0x").map(|at| at + 2))
        .or_else(|| name.rfind('-'));
    match cut {
        Some(at) if !name[at + 1..].is_empty() => format!("{}{SERIAL}{part}", &name[..=at]),
        _ => format!("{name}{part}"),
    }
}

/// A file that is private as a whole, with its stand-in.
pub(super) fn whole_file(path: &Path, bytes: &[u8], numbers: &mut Numbers) -> Option<Vec<u8>> {
    let name = path.file_name()?.to_str()?;
    if !SERIAL_FILES.contains(&name) {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let value = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    if is_nothing(value) {
        return Some(bytes.to_vec());
    }
    let shown = match name {
        "unique_id" => number_stand_in(value, numbers),
        "product_uuid" => stand_in(value, numbers),
        "machine-id" => number_stand_in(value, numbers),
        _ => SERIAL.to_string(),
    };
    let end = if text.ends_with('\n') { "\n" } else { "" };
    Some(format!("{shown}{end}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_get_numbered_stand_ins() {
        let mut numbers = Numbers::default();
        let (first, second) = (
            "GPU-5f3b1c2d-1234-abcd-ef01-0123456789ab",
            "GPU-6f3b1c2d-1234-abcd-ef01-0123456789ab",
        );
        let text = format!("{first} {second} {first}");
        let one = "GPU-00000000-0000-0000-0000-000000000001";
        let two = "GPU-00000000-0000-0000-0000-000000000002";
        assert_eq!(replace(&text, &mut numbers), format!("{one} {two} {one}"));
        let mut fresh = Numbers::default();
        assert_eq!(
            replace(&format!("{two} {first}"), &mut fresh),
            format!("{two} GPU-00000000-0000-0000-0000-000000000003")
        );
    }

    #[test]
    fn named_serials_go_and_look_alikes_stay() {
        for (text, shown) in [
            (
                "      Serial Number (system): C02XK0AAJHCC\n",
                "      Serial Number (system): redacted\n",
            ),
            (
                "    \"IOPlatformSerialNumber\" = \"C02XK0AAJHCC\"",
                "    \"IOPlatformSerialNumber\" = \"redacted\"",
            ),
            (
                "Serial Number                         : 1320922012345",
                "Serial Number                         : redacted",
            ),
            (
                "\"_spdisplays_display-serial-number\" : \"fd626d62\",",
                "\"_spdisplays_display-serial-number\" : \"redacted\",",
            ),
            ("Serial Number : N/A", "Serial Number : N/A"),
            (
                "Hardware UUID: 12345678-ABCD-ABCD-ABCD-0123456789AB",
                "Hardware UUID: 00000000-0000-0000-0000-000000000001",
            ),
            (
                "root=UUID=12345678-abcd-abcd-abcd-0123456789ab ro",
                "root=UUID=00000000-0000-0000-0000-000000000001 ro",
            ),
            (
                "unique_id 13045678901234567890\nvendor_id 4098",
                "unique_id 00000000000000000001\nvendor_id 4098",
            ),
            (
                "Unique ID: 0x9f8e7d6c5b4a3210",
                "Unique ID: 0x0000000000000001",
            ),
            (
                "serial8250: ttyS0 at I/O 0x3f8",
                "serial8250: ttyS0 at I/O 0x3f8",
            ),
            (
                "efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
                "efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            ),
            ("unique values: 3", "unique values: 3"),
        ] {
            assert_eq!(replace(text, &mut Numbers::default()), shown);
            assert_eq!(
                replace(shown, &mut Numbers::default()),
                shown,
                "twice is once"
            );
        }
    }

    #[test]
    fn files_of_identity_go_whole() {
        for (path, text, shown) in [
            ("/sys/class/dmi/id/board_serial", "MB-1234\n", "redacted\n"),
            (
                "/sys/class/drm/card0/device/unique_id",
                "9f8e7d6c5b4a3210\n",
                "0000000000000001\n",
            ),
            ("/sys/class/dmi/id/chassis_serial", "Default\n", "Default\n"),
        ] {
            let bytes =
                whole_file(Path::new(path), text.as_bytes(), &mut Numbers::default()).unwrap();
            assert_eq!(String::from_utf8(bytes.clone()).unwrap(), shown);
            assert_eq!(
                whole_file(Path::new(path), &bytes, &mut Numbers::default()).unwrap(),
                bytes
            );
        }
        assert_eq!(
            whole_file(Path::new("/etc/os-release"), b"x", &mut Numbers::default()),
            None
        );
    }

    #[test]
    fn disks_keep_their_model() {
        for (name, shown) in [
            (
                "nvme-Samsung_SSD_990_PRO_2TB_S6Z2NJ0W123456A-part1",
                "nvme-Samsung_SSD_990_PRO_2TB_redacted-part1",
            ),
            ("wwn-0x5002538e00000000", "wwn-0xredacted"),
            ("nvme-eui.0025385b21404321", "nvme-eui.redacted"),
        ] {
            assert_eq!(disk_id(name), shown);
            assert_eq!(disk_id(shown), shown);
        }
    }
}
