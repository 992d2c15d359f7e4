//! Whose account is meant, where root works for a person.

use super::names;
use deskside_machine::{Machine, Reading};
use deskside_types::{Code, Problem, Result};

/// The account that asked: this process's own, or where this is root, the one that became root (sudo(8), pkexec(1)).
///
/// # Errors
/// When nobody but root is known.
pub fn account(machine: &dyn Machine) -> Result<String> {
    let person = machine.person()?;
    let unknown = || {
        Problem::new(
            Code::Missing,
            "it is not known for whose account this is: nobody but root asks",
        )
        .hint("run the command as yourself: it asks for root by itself")
    };
    if person.uid != 0 {
        return person
            .name
            .ok_or_else(|| Problem::new(Code::Missing, "the name of this account is not known"));
    }
    let table = machine.text("/etc/passwd")?;
    let by_number = |variable: &str| {
        let number = machine.variable(variable)?;
        table.lines().find_map(|line| {
            let cells: Vec<&str> = line.split(':').collect();
            (cells.get(2) == Some(&number.as_str())).then(|| cells[0].to_string())
        })
    };
    let name = machine
        .variable("SUDO_USER")
        .or_else(|| by_number("SUDO_UID"))
        .or_else(|| by_number("PKEXEC_UID"))
        .ok_or_else(unknown)?;
    names::plain("account", &name)?;
    if name == "root" {
        Err(unknown())
    } else {
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn root_works_for_whoever_became_root() {
        let sim = Sim::linux();
        assert_eq!(account(&sim).unwrap(), "user");
        sim.change(|state| state.person.uid = 0);
        assert!(account(&sim).is_err());
        sim.set_variable("PKEXEC_UID", "1000");
        assert_eq!(account(&sim).unwrap(), "user");
        sim.set_variable("SUDO_USER", "ada");
        assert_eq!(account(&sim).unwrap(), "ada");
        for bad in ["root", "-g", ""] {
            sim.set_variable("SUDO_USER", bad);
            assert!(account(&sim).is_err(), "{bad}");
        }
    }
}
