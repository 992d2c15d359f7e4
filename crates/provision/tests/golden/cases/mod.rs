//! The machines and wishes.

mod bare;
mod broken;
mod cleaning;
mod edges;
mod platforms;
mod present;
mod states;
mod toolkits;

use super::machine::*;
use deskside_provision::{Part, Wish};
use deskside_types::facts::*;
use deskside_types::{Facts, Known};

pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub facts: Facts,
    pub wish: Wish,
}

pub const ADA: &str = "2684";
pub const TURING: &str = "1eb8";
pub const PASCAL: &str = "1b06";
pub const VOLTA: &str = "1db4";
pub const KEPLER: &str = "102d";
pub const HOPPER: &str = "2330";
pub const BLACKWELL: &str = "2b85";

pub struct Table(Vec<Case>);

impl Table {
    pub fn wish(
        &mut self,
        group: &'static str,
        name: &str,
        wish: &[&str],
        mut facts: Facts,
        change: impl FnOnce(&mut Facts),
    ) {
        change(&mut facts);
        let wish = wish
            .iter()
            .try_fold(Wish::default(), |wish, word| wish.with(word))
            .unwrap();
        self.0.push(Case {
            group,
            name: format!("{group}: {name}"),
            facts,
            wish,
        });
    }

    pub fn plain(
        &mut self,
        group: &'static str,
        name: &str,
        facts: Facts,
        change: impl FnOnce(&mut Facts),
    ) {
        self.wish(group, name, &[], facts, change);
    }
}

pub fn all() -> Vec<Case> {
    let mut table = Table(Vec::new());
    bare::bare(&mut table);
    present::present(&mut table);
    broken::broken(&mut table);
    toolkits::toolkits(&mut table);
    platforms::pop(&mut table);
    platforms::debian(&mut table);
    platforms::amd(&mut table);
    platforms::others(&mut table);
    toolkits::cleaning(&mut table);
    cleaning::cleaning(&mut table);
    cleaning::holding(&mut table);
    edges::edges(&mut table);
    table.0
}

pub fn ubuntu(version: &str, card: &str, secure_boot: bool) -> Facts {
    machine("ubuntu", version, card, secure_boot)
}

pub fn healthy(version: &str, card: &str) -> Facts {
    let mut facts = ubuntu(version, card, true);
    driver(
        &mut facts,
        "580-open",
        &format!("580.178.04-0ubuntu0.{version}.1"),
    );
    modules(&mut facts, "580-open", &format!("generic-hwe-{version}"));
    answers(&mut facts, "580.178.04");
    facts
}

/// Other kernels; the last one runs.
pub fn kernel(facts: &mut Facts, releases: &[&str]) {
    facts.system.kernel = Known::Value(releases.last().unwrap().to_string());
    packages(facts).kernels = Known::Value(
        releases
            .iter()
            .map(|release| InstalledKernel {
                release: release.to_string(),
                headers: Known::Value(false),
            })
            .collect(),
    );
}

pub fn without(facts: &mut Facts, name: &str) {
    if let Known::Value(installed) = &mut packages(facts).installed {
        installed.retain(|package| package.name != name);
    }
}
