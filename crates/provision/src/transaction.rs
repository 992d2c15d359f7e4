//! What apt says a transaction would be: `apt-get -s`, and `apt-get --print-uris` for its size (apt-get(8)).

use deskside_operate::system::apt::{self, Simulated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What apt would do, by its own simulation.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transaction {
    /// What comes, `name version`.
    pub installs: Vec<String>,
    /// What moves to another version, `name old → new`.
    pub upgrades: Vec<String>,
    /// What goes.
    pub removes: Vec<String>,
    /// What is held and moves or goes all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// Bytes to be downloaded, where apt named the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
}

impl Transaction {
    /// Reads the lines of `apt-get -s`: `Inst P [old] (new Release [arch])`, `Remv P [version]`, `Purg P [version]`.
    pub fn parse(simulated: &str) -> Self {
        let mut transaction = Self {
            held: held(simulated),
            ..Self::default()
        };
        for line in apt::simulated(simulated) {
            match line {
                Simulated::Comes {
                    name,
                    from: Some(old),
                    to,
                } => transaction.upgrades.push(format!("{name} {old} → {to}")),
                Simulated::Comes { name, to, .. } => transaction
                    .installs
                    .push(format!("{name} {to}").trim_end().to_string()),
                Simulated::Goes { name } => transaction.removes.push(name.to_string()),
            }
        }
        transaction
    }

    /// Adds the sizes that `apt-get --print-uris` names: `'uri' file size hash`.
    #[must_use]
    pub fn with_sizes(mut self, listed: &str) -> Self {
        let sizes: Vec<u64> = listed
            .lines()
            .filter(|line| line.starts_with('\''))
            .filter_map(|line| {
                line.rsplit_once("' ")?
                    .1
                    .split_whitespace()
                    .nth(1)?
                    .parse()
                    .ok()
            })
            .collect();
        if !sizes.is_empty() {
            self.download_bytes = Some(sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)));
        } else if self.installs.is_empty() && self.upgrades.is_empty() {
            self.download_bytes = Some(0);
        }
        self
    }

    /// Packages that go although the plan does not name them.
    pub fn unplanned_removals<'a>(&'a self, planned: &[String]) -> Vec<&'a str> {
        self.removes
            .iter()
            .map(String::as_str)
            .filter(|name| {
                let bare = name.split(':').next().unwrap_or(name);
                !planned.iter().any(|one| one == bare)
            })
            .collect()
    }
}

/// The packages below `The following held packages will be changed:`, each line of them behind two blanks.
fn held(simulated: &str) -> Vec<String> {
    simulated
        .lines()
        .skip_while(|line| !line.starts_with("The following held packages will be changed"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .flat_map(str::split_whitespace)
        .map(str::to_string)
        .collect()
}

/// Why apt refused, in its own words: the lines that begin with `E:`, and those of unmet dependencies.
pub fn refusal(output: &str) -> Vec<String> {
    output
        .lines()
        .map(str::trim)
        .filter(|line| {
            line.starts_with("E: ")
                || line.contains(" : Depends: ")
                || line.contains(" : Conflicts: ")
        })
        .take(8)
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_lines_are_read() {
        let said = "NOTE: This is only a simulation!\nReading package lists...\nRemv nvidia-driver-535 [535.183.01-0ubuntu0~gpu22.04.1] []\nPurg old:i386 [1]\nInst libnvidia-compute-580 (580.178.04-0ubuntu0.22.04.1 Ubuntu:22.04/jammy-updates [amd64]) []\nInst dkms [2.8.7-2] (2.8.7-3 Ubuntu:22.04/jammy [all])\nConf dkms (2.8.7-3 Ubuntu:22.04/jammy [all])\nodd\nInst\n";
        let listed = "Reading package lists...\n'http://h/pool/libnvidia-compute-580_580.deb' libnvidia-compute-580_580.deb 50123456 SHA256:ab\n'http://h/pool/dkms.deb' dkms.deb 1000 SHA256:cd\n";
        let transaction = Transaction::parse(said).with_sizes(listed);
        assert_eq!(
            transaction.installs,
            ["libnvidia-compute-580 580.178.04-0ubuntu0.22.04.1"]
        );
        assert_eq!(transaction.upgrades, ["dkms 2.8.7-2 → 2.8.7-3"]);
        assert_eq!(transaction.removes, ["nvidia-driver-535", "old:i386"]);
        assert_eq!(transaction.download_bytes, Some(50_124_456));
        assert_eq!(
            transaction.unplanned_removals(&["nvidia-driver-535".into()]),
            ["old:i386"]
        );
        assert_eq!(
            Transaction::parse("").with_sizes("").download_bytes,
            Some(0)
        );
    }

    #[test]
    fn what_is_held_and_moves_is_read() {
        let said = "The following additional packages will be installed:\n  dkms\nThe following held packages will be changed:\n  libnvidia-compute-580 nvidia-kernel-common-580\n  nvidia-driver-580-open\n0 upgraded, 1 newly installed.\nInst dkms (3 Ubuntu:24.04/noble [all])\n";
        assert_eq!(
            Transaction::parse(said).held,
            [
                "libnvidia-compute-580",
                "nvidia-kernel-common-580",
                "nvidia-driver-580-open"
            ]
        );
        assert!(
            Transaction::parse("Inst dkms (3 x [all])\n")
                .held
                .is_empty()
        );
    }

    #[test]
    fn a_refusal_is_told_in_apts_words() {
        let said = "The following packages have unmet dependencies:\n nvidia-open : Depends: libnvidia-compute-570 (= 570.133.20-0ubuntu1) but 570.211.01 is to be installed\nE: Unable to correct problems, you have held broken packages.\n";
        assert_eq!(refusal(said).len(), 2);
        assert!(refusal("fine").is_empty());
    }
}
