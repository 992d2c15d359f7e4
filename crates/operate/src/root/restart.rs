//! Going on after a restart: a one-shot unit that starts a copy of this program which only root can write.
//!
//! Source: `systemd.service(5)` (`Type=oneshot`), `systemd.unit(5)` (a unit is enabled by a link below `.wants`).

use super::STATE;
use crate::{OperationId, sha256_hex};
use deskside_machine::{Acting, Command, Durability, ErrorKind, Machine, Reading};
use deskside_types::plan::Plan;
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The argument with which the unit starts this program.
pub const RESUME_COMMAND: &str = "__resume";
/// The variable that tells the person's process that root is at the other end of its input and output.
pub const CHANNEL: &str = "DESKSIDE_ROOT_CHANNEL";
/// The variable that tells the person's process which operation goes on: a newer one may have begun before the restart.
pub const OPERATION: &str = "DESKSIDE_RESUMED_OPERATION";

const UNIT: &str = "/etc/systemd/system/deskside-resume.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/deskside-resume.service";
/// The largest program that is copied.
const LARGEST_PROGRAM: u64 = 256 << 20;

/// Whose plan it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account's number.
    pub uid: u32,
    /// Its name.
    pub name: String,
    /// Its home folder.
    pub home: String,
}

impl Person {
    /// Who started this process with `sudo`; root itself where nobody did.
    ///
    /// # Errors
    /// When the account is not in `/etc/passwd`.
    pub fn asking(machine: &dyn Machine) -> Result<Self> {
        let uid = machine
            .variable("SUDO_UID")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let accounts = machine.text("/etc/passwd")?;
        accounts
            .lines()
            .filter_map(|line| {
                // passwd(5): name, password, number, group, comment, home, shell.
                let fields: Vec<&str> = line.split(':').collect();
                let [name, _, number, _, _, home, ..] = fields.as_slice() else {
                    return None;
                };
                (number.parse() == Ok(uid)).then(|| Self {
                    uid,
                    name: (*name).to_string(),
                    home: (*home).to_string(),
                })
            })
            .next()
            .ok_or_else(|| {
                Problem::new(
                    Code::Missing,
                    format!("the account {uid} is not in /etc/passwd"),
                )
            })
    }
}

/// What waits for the restart. Only root writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The operation that goes on.
    pub operation: OperationId,
    /// The plan that was approved.
    pub plan: Plan,
    /// Whose it is.
    pub person: Person,
    /// The person's `DESKSIDE_HOME`, where it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// The boot in which it was arranged.
    pub boot_id: String,
    /// The copy's SHA-256 in hex.
    pub program_sha256: String,
}

/// The copy of this program.
pub fn program() -> PathBuf {
    Path::new(STATE).join("bin/deskside")
}

fn record() -> PathBuf {
    Path::new(STATE).join("resume.json")
}

/// Arranges that the plan goes on after the restart. Says whether it will by itself: only systemd starts it.
pub(crate) fn arrange(
    machine: &dyn Machine,
    person: &Person,
    operation: &OperationId,
    plan: &Plan,
    home: Option<&str>,
) -> Result<Value> {
    if !machine.exists("/run/systemd/system")? {
        return Ok(json!({ "by_itself": false }));
    }
    let bytes = own_program(machine)?;
    let pending = Pending {
        operation: operation.clone(),
        plan: plan.clone(),
        person: person.clone(),
        home: home.map(ToString::to_string),
        boot_id: machine.boot_id(),
        program_sha256: sha256_hex(&bytes),
    };
    let text = serde_json::to_string(&pending).map_err(|error| {
        Problem::new(
            Code::Bug,
            "what goes on after the restart could not be written",
        )
        .because(error)
    })?;
    machine.write_file(program(), bytes, 0o755, Durability::Power)?;
    machine.write_file(record(), text, 0o600, Durability::Power)?;
    machine.write_file(UNIT, unit(), 0o644, Durability::Power)?;
    machine.effect(&deskside_machine::Effect::MakeLink {
        path: WANTED.into(),
        target: UNIT.into(),
    })?;
    Ok(json!({ "by_itself": true }))
}

/// This program's own bytes: those that run as root now, and not whatever lies at the path they were started from, which
/// a person may be able to write (proc_pid_exe(5)).
fn own_program(machine: &dyn Machine) -> Result<Vec<u8>> {
    match machine.file("/proc/self/exe", LARGEST_PROGRAM) {
        Err(error) if error.kind == ErrorKind::Absent => {
            Ok(machine.file(machine.executable()?, LARGEST_PROGRAM)?)
        }
        read => Ok(read?),
    }
}

fn unit() -> String {
    format!(
        "# Written by deskside, and removed by it once the plan has gone on.\n\
         [Unit]\n\
         Description=Deskside goes on with its plan after the restart\n\
         Wants=network-online.target\n\
         After=network-online.target multi-user.target\n\
         ConditionPathExists={}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         KillMode=process\n\
         ExecStart={} {RESUME_COMMAND}\n\
         TimeoutStartSec=infinity\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        record().display(),
        program().display()
    )
}

/// Takes away what waits for a restart; nothing there is fine. The copy itself goes last.
///
/// # Errors
/// When something can't be removed.
pub fn forget(machine: &dyn Machine) -> Result<()> {
    for path in [PathBuf::from(WANTED), UNIT.into(), record()] {
        machine.remove_file(path)?;
    }
    machine.remove_tree(Path::new(STATE).join("bin"))?;
    Ok(())
}

/// Takes away what waits for a restart where it is that operation; another's stays.
///
/// # Errors
/// When it can't be read or removed.
pub fn forget_of(machine: &dyn Machine, operation: &OperationId) -> Result<()> {
    // A record that can't be read goes with whichever operation is taken back: nothing can go on by it.
    match pending(machine) {
        Ok(Some(pending)) if pending.operation != *operation => Ok(()),
        _ => forget(machine),
    }
}

/// What waits; none when nothing does.
fn pending(machine: &dyn Machine) -> Result<Option<Pending>> {
    let bytes = match machine.file(record(), LARGEST_PROGRAM) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Problem::new(Code::JournalUnreadable, "what was to go on can't be read").because(error)
    })
}

/// What waits, for the unit: read once, with the unit removed, so that it never starts twice.
///
/// # Errors
/// When the copy is not the one that was kept. None when nothing waits, or the machine has not been restarted.
pub fn take(machine: &dyn Machine) -> Result<Option<Pending>> {
    let Some(pending) = pending(machine)? else {
        return Ok(None);
    };
    if pending.boot_id == machine.boot_id() {
        return Ok(None);
    }
    machine.remove_file(WANTED)?;
    machine.remove_file(UNIT)?;
    let own = own_program(machine)?;
    if sha256_hex(&own) != pending.program_sha256 {
        return Err(Problem::new(
            Code::HashMismatch,
            "this program is not the one that was kept for after the restart",
        )
        .hint("run `deskside apply --resume` by hand"));
    }
    Ok(Some(pending))
}

/// How the person's part is started: in the person's own account, with root at the other end of its input and output.
pub fn command(pending: &Pending) -> Command {
    let person = &pending.person;
    let program = program().display().to_string();
    let mut argv = vec!["runuser", "-u", &person.name, "--"];
    if person.uid == 0 {
        argv.clear();
    }
    argv.extend([program.as_str(), "apply", "--resume"]);
    let mut command = Command::new(argv)
        .directory("/")
        .variable("HOME", &person.home)
        .variable("USER", &person.name)
        .variable("LOGNAME", &person.name)
        .variable(OPERATION, &pending.operation.0)
        .variable(CHANNEL, "stdio");
    if let Some(home) = &pending.home {
        command = command.variable("DESKSIDE_HOME", home);
    }
    command
}
