//! What a machine is: its system, cards, kernel packages and Secure Boot.

use crate::lab::{data, stanza, stanza::Stanza};
use crate::shell::root;
use anyhow::{Context, Result, bail};

/// A graphics card.
#[derive(Clone, Debug)]
pub struct Card {
    /// PCI vendor, four hexadecimal digits.
    pub vendor: String,
    /// PCI device, four hexadecimal digits.
    pub device: String,
    /// PCI revision, two hexadecimal digits.
    pub revision: String,
    /// Its name.
    pub name: String,
    /// Its compute capability; empty for AMD.
    pub capability: String,
    /// Ubuntu's driver branches that list it; empty for AMD.
    pub branches: Vec<String>,
    /// Whether the open kernel modules serve it.
    pub open: bool,
    /// Whether no others do.
    pub open_only: bool,
}

impl Card {
    /// The card of `VENDOR:DEVICE[:REVISION]`, from the product's own tables.
    ///
    /// # Errors
    /// When the tables don't have it.
    pub fn of(id: &str) -> Result<Self> {
        let mut parts = id.split(':');
        let vendor = parts.next().unwrap_or_default().to_lowercase();
        let device = parts.next().unwrap_or_default().to_lowercase();
        let revision = parts.next().unwrap_or("a1").to_lowercase();
        let table = match vendor.as_str() {
            "10de" => "nvidia/devices.tsv",
            "1002" => "amd/devices.tsv",
            _ => bail!("{id}: no NVIDIA (10de) or AMD (1002) card"),
        };
        let text = std::fs::read_to_string(root().join("crates/knowledge/data").join(table))?;
        let row: Vec<&str> = text
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .find(|row| {
                row.first() == Some(&device.as_str())
                    && (vendor == "10de" || row.get(1) == Some(&revision.as_str()))
            })
            .with_context(|| format!("{id} is in no row of {table}"))?;
        let column = |index: usize| row.get(index).copied().unwrap_or_default();
        Ok(if vendor == "10de" {
            Self {
                name: column(7).split(';').next().unwrap_or_default().to_string(),
                capability: column(3).to_string(),
                branches: column(4).split(',').map(str::to_string).collect(),
                open: column(5) == "open",
                open_only: column(2) == "Blackwell",
                vendor,
                device,
                revision,
            }
        } else {
            Self {
                name: column(2).to_string(),
                capability: String::new(),
                branches: Vec::new(),
                open: true,
                open_only: false,
                vendor,
                device,
                revision,
            }
        })
    }

    /// Whether it is NVIDIA's.
    pub fn nvidia(&self) -> bool {
        self.vendor == "10de"
    }

    /// Whether a driver serves it: its version and module flavour against the branches that list the card. A branch that no table
    /// has is taken to serve what both neighbours serve.
    pub fn served_by(&self, version: &str, open: bool) -> bool {
        let number = |text: &str| {
            text.split(['.', '-'])
                .next()
                .and_then(|text| text.parse::<u32>().ok())
        };
        let Some(branch) = number(version) else {
            return false;
        };
        if (open && !self.open) || (!open && self.open_only) {
            return false;
        }
        let branches: Vec<u32> = self
            .branches
            .iter()
            .filter_map(|text| number(text))
            .collect();
        let (oldest, newest) = (branches.iter().min(), branches.iter().max());
        oldest.zip(newest).is_some_and(|(oldest, newest)| {
            // 390 to 470 listed, then nothing until 580 is read: a card in 580 is in 510 to 575 too, as far as its own oldest branch goes.
            let oldest = if *oldest == 580 { 515 } else { *oldest };
            (oldest..=*newest).contains(&branch)
        })
    }
}

/// A machine by its name.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its cards.
    pub cards: Vec<Card>,
    /// Kernel packages that are installed.
    pub kernel: Vec<String>,
    /// Whether Secure Boot is on.
    pub secure_boot: bool,
    /// Its system: a stanza of `lab/platforms.conf`.
    pub platform: Stanza,
}

impl Description {
    /// All machines of `lab/machines.conf`.
    pub fn all() -> Result<Vec<Self>> {
        let platforms = stanza::read(&data().join("platforms.conf"))?;
        stanza::read(&data().join("machines.conf"))?
            .into_iter()
            .map(|machine| {
                let platform = platforms
                    .iter()
                    .find(|platform| platform.get("Platform") == machine.get("Platform"))
                    .with_context(|| format!("no platform {}", machine.get("Platform")))?;
                Ok(Self {
                    name: machine.get("Machine").to_string(),
                    cards: machine
                        .get("Cards")
                        .split_whitespace()
                        .map(Card::of)
                        .collect::<Result<_>>()?,
                    kernel: machine
                        .get("Kernel")
                        .split_whitespace()
                        .map(str::to_string)
                        .collect(),
                    secure_boot: machine.get("Secure-Boot") == "on",
                    platform: platform.clone(),
                })
            })
            .collect()
    }

    /// A machine of that file.
    pub fn named(name: &str) -> Result<Self> {
        let all = Self::all()?;
        let names: Vec<String> = all.iter().map(|machine| machine.name.clone()).collect();
        all.into_iter()
            .find(|machine| machine.name == name)
            .with_context(|| {
                format!(
                    "there is no machine {name}; there are: {}",
                    names.join(", ")
                )
            })
    }

    /// The system's name, `ubuntu-24.04`.
    pub fn platform(&self) -> &str {
        self.platform.get("Platform")
    }

    /// A line about it.
    pub fn in_words(&self) -> String {
        let cards: Vec<&str> = self.cards.iter().map(|card| card.name.as_str()).collect();
        format!(
            "{}, {}{}",
            self.platform.get("PRETTY_NAME"),
            if cards.is_empty() {
                "no GPU".to_string()
            } else {
                cards.join(" and ")
            },
            if self.secure_boot {
                ", Secure Boot"
            } else {
                ""
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_served_as_the_tables_say() {
        let pascal = Card::of("10de:1b80").unwrap();
        assert!(
            pascal.served_by("580.178.04", false)
                && !pascal.served_by("580.178.04", true)
                && !pascal.served_by("595.99.02", false)
        );
        assert!(pascal.served_by("535.309.01", false));
        let ada = Card::of("10de:2684").unwrap();
        assert!(
            ada.served_by("535.261.03", true)
                && ada.served_by("615.71.09", true)
                && !ada.served_by("470.256.02", false)
        );
    }

    #[test]
    fn every_machine_can_be_described() {
        assert!(Description::all().unwrap().len() > 10);
    }
}
