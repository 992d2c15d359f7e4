//! A kernel parameter for the next boot: by GRUB's folder of settings, or by Pop!_OS's kernelstub.

use super::tools;
use crate::Workshop;
use crate::journal::OperationId;
use crate::kept::{FileBefore, clear_leftovers, keep_file, restore_file};
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(300);
/// kernelstub's settings, in JSON.
const KERNELSTUB: &str = "/etc/kernelstub/configuration";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
enum Was {
    Grub { file: FileBefore },
    Kernelstub { there: bool },
}

/// Letters that mean nothing to the shell that reads GRUB's settings, nor inside its double quotes.
fn check(parameter: &str) -> Result<()> {
    let good = !parameter.is_empty()
        && parameter.len() <= 256
        && !parameter.starts_with('-')
        && parameter
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-=,:/+@%".contains(&byte));
    if good {
        Ok(())
    } else {
        Err(Problem::new(
            Code::Bug,
            format!("`{parameter}` is no kernel parameter"),
        ))
    }
}

/// The file under `/etc/default/grub.d`, which Debian's and Ubuntu's grub-mkconfig read after `/etc/default/grub`.
fn file(parameter: &str) -> String {
    let name: String = parameter
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '_' {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!("/etc/default/grub.d/deskside-{name}.cfg")
}

fn contents(parameter: &str) -> String {
    format!("GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {parameter}\"\n")
}

fn is_in_kernelstub(machine: &dyn Machine, parameter: &str) -> Result<bool> {
    let text = tools::text(machine, KERNELSTUB)?;
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(value["user"]["kernel_options"]
        .as_array()
        .is_some_and(|options| options.iter().any(|option| option == parameter)))
}

/// Keeps what is replaced.
///
/// # Errors
/// When this machine's boot loader is none of those that are known.
pub fn prepare(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    place: &str,
    parameter: &str,
) -> Result<Value> {
    check(parameter)?;
    let machine = workshop.machine;
    if tools::is_there(machine, "kernelstub") {
        return tools::note(&Was::Kernelstub {
            there: is_in_kernelstub(machine, parameter)?,
        });
    }
    if !machine.exists("/etc/default/grub")? || !tools::is_there(machine, "update-grub") {
        return Err(Problem::new(
            Code::Missing,
            "this machine's boot loader is not known here: neither GRUB with update-grub nor kernelstub is there",
        )
        .hint(format!("add `{parameter}` to the kernel's parameters by hand")));
    }
    let path = file(parameter);
    tools::note(&Was::Grub {
        file: keep_file(
            machine,
            &workshop.state,
            operation,
            place,
            Path::new(&path),
            Some(contents(parameter).as_bytes()),
        )?,
    })
}

/// Sets it.
///
/// # Errors
/// When the file can't be written or the boot loader's own program fails.
pub fn perform(machine: &dyn Machine, parameter: &str, before: &Value) -> Result<Value> {
    match tools::noted(before, "the kernel's parameters")? {
        Was::Kernelstub { .. } => {
            tools::run(
                machine,
                &["kernelstub", "--add-options", parameter],
                DEADLINE,
            )?;
        }
        Was::Grub { .. } => {
            let path = file(parameter);
            clear_leftovers(machine, Path::new(&path))?;
            machine.write_file(&path, contents(parameter), 0o644, Durability::Power)?;
            tools::run(machine, &["update-grub"], DEADLINE)?;
        }
    }
    Ok(Value::Null)
}

/// Takes it out again.
///
/// # Errors
/// When the boot loader's own program fails.
pub fn revert(machine: &dyn Machine, parameter: &str, before: &Value) -> Result<Option<String>> {
    match tools::noted(before, "the kernel's parameters")? {
        Was::Kernelstub { there: true } => Ok(None),
        Was::Kernelstub { there: false } => {
            if is_in_kernelstub(machine, parameter)? {
                tools::run(
                    machine,
                    &["kernelstub", "--delete-options", parameter],
                    DEADLINE,
                )?;
            }
            Ok(None)
        }
        Was::Grub { file: was } => {
            let left = restore_file(machine, Path::new(&file(parameter)), &was)?;
            tools::run(machine, &["update-grub"], DEADLINE)?;
            Ok(left)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_one_word_without_meaning_to_a_shell() {
        assert!(check("nvidia-drm.modeset=1").is_ok() && check("pci=realloc,noaer").is_ok());
        for bad in ["", "a b", "a\"b", "$x", "`x`", "a\\b", "-x", "a;b"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(
            file("nvidia-drm.modeset=1"),
            "/etc/default/grub.d/deskside-nvidia-drm-modeset-1.cfg"
        );
    }
}
