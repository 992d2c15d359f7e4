//! Processes that hold the device files of GPUs, from `/proc`: also those that the device library does not list, because
//! their parent is gone.

use deskside_doctor::Document;
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;
use deskside_types::facts::Vendor;

/// Memory in use above which somebody must be holding it.
const NOTEWORTHY: u64 = 512 << 20;
/// Processes that are looked at.
const PROCESSES: usize = 2000;
/// Open files of one process that are looked at.
const FILES: usize = 400;

/// A line for each process: `pid=9 parent=1 parent-name=systemd state=S start=123 group=7 leader=gone name=python
/// devices=/dev/nvidia0,…`.
///
/// It is asked only where a GPU's memory is in use, or not known to be free.
pub(in crate::doctor::collect) fn holders(machine: &dyn Machine, facts: &Facts) -> Vec<Document> {
    let concerned = facts.known_gpus().iter().any(|gpu| {
        matches!(gpu.vendor, Vendor::Nvidia | Vendor::Amd)
            && gpu
                .memory
                .used_bytes
                .value()
                .is_none_or(|used| *used >= NOTEWORTHY)
    });
    if !concerned {
        return Vec::new();
    }
    let entries = match machine.entries("/proc") {
        Ok(entries) => entries,
        Err(error) => return vec![Document::unseen("/proc", error.reason())],
    };
    let mut lines = Vec::new();
    let mut hidden = 0_usize;
    let processes = entries
        .iter()
        .filter(|entry| entry.name.bytes().all(|byte| byte.is_ascii_digit()));
    for process in processes.take(PROCESSES) {
        let pid = &process.name;
        let Ok(files) = machine.entries(format!("/proc/{pid}/fd")) else {
            hidden += 1;
            continue;
        };
        let mut devices: Vec<String> = files
            .iter()
            .take(FILES)
            .filter_map(|file| machine.link(format!("/proc/{pid}/fd/{}", file.name)).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| {
                (target.starts_with("/dev/nvidia") && !target.starts_with("/dev/nvidiactl"))
                    || target == "/dev/kfd"
            })
            .collect();
        devices.sort();
        devices.dedup();
        if devices.is_empty() {
            continue;
        }
        lines.push(format!(
            "{} devices={}",
            described(machine, pid),
            devices.join(",")
        ));
    }
    let mut documents = vec![Document::text("/proc/*/fd", lines.join("\n"))];
    if lines.is_empty() && hidden > 0 {
        documents = vec![Document::unseen(
            "/proc/*/fd",
            format!("the files of {hidden} processes of other people can't be seen"),
        )];
    }
    documents
}

/// Number, parent, state, start and name, from `/proc/PID/stat` (proc_pid_stat(5)).
fn described(machine: &dyn Machine, pid: &str) -> String {
    let stat = machine
        .text(format!("/proc/{pid}/stat"))
        .unwrap_or_default();
    let name = stat
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or("", |(name, _)| name);
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let field = |place: usize| fields.get(place).copied().unwrap_or("?");
    // A worker whose group has lost its leader was left behind; a service is its own leader.
    let leader = match machine.exists(format!("/proc/{}", field(2))) {
        Ok(true) => "there",
        Ok(false) => "gone",
        Err(_) => "unknown",
    };
    let parent = machine
        .text(format!("/proc/{}/comm", field(1)))
        .unwrap_or_default();
    format!(
        "pid={pid} parent={} parent-name={} state={} start={} group={} leader={leader} name={name}",
        field(1),
        parent.trim(),
        field(0),
        field(19),
        field(2)
    )
}
