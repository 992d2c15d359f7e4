//! Starting states: scripts in `lab/states` that bring a fresh machine into a state by real apt and dpkg actions, and the words that
//! apt or dpkg then really says.
//!
//! A script's head says what it is: `# what:` a line, `# platforms:` prefixes of system names, `# machine:` the machine that the self-test
//! takes, `# check:` a command, `# says:` a text that its output has (more than one line: all), `# exits:` its exit code, `# reboot: yes` boots
//! after the script.

use super::data;
use super::machine::Machine;
use anyhow::{Context, Result, bail};

/// A state.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub what: String,
    /// Prefixes of the systems it is for.
    pub platforms: Vec<String>,
    /// The machine that the self-test takes.
    pub machine: String,
    check: String,
    says: Vec<String>,
    exits: Option<i32>,
    reboot: bool,
    script: String,
}

/// All states, by name.
pub fn all() -> Result<Vec<State>> {
    let mut states = Vec::new();
    for entry in std::fs::read_dir(data().join("states"))? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        states.push(parse(name, std::fs::read_to_string(&path)?));
    }
    states.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(states)
}

/// The state of a name.
pub fn named(name: &str) -> Result<State> {
    all()?
        .into_iter()
        .find(|state| state.name == name)
        .with_context(|| format!("there is no state {name}"))
}

fn parse(name: String, script: String) -> State {
    let lines = |field: &str| -> Vec<String> {
        let head = format!("# {field}: ");
        script
            .lines()
            .filter_map(|line| line.strip_prefix(&head))
            .map(|text| text.trim().to_string())
            .collect()
    };
    let line = |field: &str| lines(field).into_iter().next().unwrap_or_default();
    State {
        what: line("what"),
        platforms: line("platforms")
            .split_whitespace()
            .map(str::to_string)
            .collect(),
        machine: line("machine"),
        check: line("check"),
        says: lines("says"),
        exits: line("exits").parse().ok(),
        reboot: line("reboot") == "yes",
        name,
        script,
    }
}

impl State {
    /// Brings a fresh machine into it.
    ///
    /// # Errors
    /// When the state is not for its system, or the script failed.
    pub fn make(&self, machine: &mut Machine) -> Result<()> {
        let platform = machine.description().platform().to_string();
        if !self
            .platforms
            .iter()
            .any(|prefix| platform.starts_with(prefix.as_str()))
        {
            bail!(
                "the state {} is for {}, not for {platform}",
                self.name,
                self.platforms.join(", ")
            );
        }
        let output = machine.shell(&format!("set -e\n{}", self.script))?;
        if output.code != 0 {
            bail!(
                "the state {} could not be made (exit code {}):\n{}",
                self.name,
                output.code,
                output.text()
            );
        }
        if self.reboot {
            machine.reboot()?;
        }
        Ok(())
    }

    /// Runs its check; the error says what was missing.
    pub fn check(&self, machine: &Machine) -> Result<()> {
        let output = machine.shell(&self.check)?;
        let text = output.text();
        for words in &self.says {
            if !text.contains(words.as_str()) {
                bail!(
                    "`{}` did not say `{words}` but (exit code {}):\n{text}",
                    self.check,
                    output.code
                );
            }
        }
        match self.exits {
            Some(code) if code != output.code => bail!(
                "`{}` ended with {}, not {code}:\n{text}",
                self.check,
                output.code
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_says_what_it_is_and_how_it_is_checked() {
        let states = all().unwrap();
        assert!(states.len() >= 12);
        for state in states {
            assert!(
                !state.what.is_empty() && !state.check.is_empty() && !state.platforms.is_empty(),
                "{}",
                state.name
            );
            assert!(
                !state.says.is_empty() || state.exits.is_some(),
                "{} checks nothing",
                state.name
            );
        }
    }
}
