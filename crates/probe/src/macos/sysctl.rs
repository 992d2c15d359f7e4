//! `sysctl`: one call for all keys. A key it does not know is complained of on stderr; the others are still printed.

use deskside_machine::{Command, Machine, Reading};
use deskside_types::Known;
use std::collections::BTreeMap;
use std::time::Duration;

/// The keys, in the order of the call; a bundle's command record has exactly these.
pub(crate) const KEYS: [&str; 12] = [
    "hw.memsize",
    "hw.model",
    "machdep.cpu.brand_string",
    "hw.physicalcpu",
    "hw.logicalcpu",
    "hw.perflevel0.physicalcpu",
    "hw.perflevel0.name",
    "iogpu.wired_limit_mb",
    "kern.osrelease",
    "hw.optional.arm64",
    "sysctl.proc_translated",
    "vm.swapusage",
];

/// The answers.
pub(crate) struct Sysctl {
    values: BTreeMap<String, String>,
    failure: Option<String>,
}

impl Sysctl {
    pub(crate) fn ask(machine: &dyn Machine) -> Self {
        let argv = std::iter::once("/usr/sbin/sysctl").chain(KEYS);
        match machine.command(Command::new(argv).deadline(Duration::from_secs(1))) {
            Ok(output) => Self {
                values: parse(&output.text()),
                failure: None,
            },
            Err(error) => Self {
                values: BTreeMap::new(),
                failure: Some(error.reason()),
            },
        }
    }

    /// A key's text; absent where this system has no such key.
    pub(crate) fn text(&self, key: &str) -> Known<String> {
        match (self.values.get(key), &self.failure) {
            (Some(value), _) => Known::Value(value.clone()),
            (None, Some(reason)) => Known::unknown(reason),
            (None, None) => Known::Absent,
        }
    }

    /// A key's number.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Known<T> {
        self.text(key).and_then(|text| match text.parse() {
            Ok(number) => Known::Value(number),
            Err(_) => Known::unknown(format!("sysctl {key} gave no number")),
        })
    }

    /// A key that must be there on a Mac.
    pub(crate) fn needed<T: std::str::FromStr>(&self, key: &str) -> Known<T> {
        match self.number(key) {
            Known::Absent => Known::unknown(format!("sysctl knows no {key}")),
            other => other,
        }
    }
}

/// `key: value` lines.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.trim().to_string(), value.trim().to_string()))
        .collect()
}

/// The total in `total = 2048.00M  used = 1004.25M  free = 1043.75M  (encrypted)`, in bytes.
pub(crate) fn swap_total(text: &str) -> Option<u64> {
    let number = text.split("total =").nth(1)?.split_whitespace().next()?;
    let (number, unit) = number.split_at(
        number
            .len()
            .checked_sub(1)
            .filter(|at| number.is_char_boundary(*at))?,
    );
    let factor = match unit {
        "K" => 1024.0,
        "M" => 1_048_576.0,
        "G" => 1_073_741_824.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    (0.0..1e9)
        .contains(&number)
        .then_some((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_read_and_unknown_ones_are_not_there() {
        let values = parse(
            "hw.memsize: 549755813888\nmachdep.cpu.brand_string: Apple M3 Ultra\nvm.swapusage: total = 0.00M  used = 0.00M\nodd\n",
        );
        assert_eq!(
            values.get("machdep.cpu.brand_string").map(String::as_str),
            Some("Apple M3 Ultra")
        );
        assert_eq!(values.len(), 3);
        let sysctl = Sysctl {
            values,
            failure: None,
        };
        assert_eq!(
            sysctl.number::<u64>("hw.memsize"),
            Known::Value(549_755_813_888)
        );
        assert_eq!(sysctl.text("sysctl.proc_translated"), Known::Absent);
        assert!(sysctl.needed::<u32>("hw.physicalcpu").reason().is_some());
        assert!(
            sysctl
                .number::<u32>("machdep.cpu.brand_string")
                .reason()
                .is_some()
        );
    }

    #[test]
    fn swap_has_units() {
        assert_eq!(
            swap_total("total = 2048.00M  used = 1004.25M  free = 1043.75M  (encrypted)"),
            Some(2_147_483_648)
        );
        for odd in [
            "",
            "total =",
            "total = x",
            "total = 5",
            "total = \u{fc}",
            "total = NaNM",
            "total = -1M",
        ] {
            assert_eq!(swap_total(odd), None, "{odd}");
        }
    }
}
