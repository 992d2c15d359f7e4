//! The processor, from `/proc/cpuinfo` (proc_cpuinfo(5)).

use crate::look::{field, text};
use crate::start::Start;
use deskside_knowledge::hardware::arm_processor;
use deskside_machine::Machine;
use deskside_types::Known;
use deskside_types::facts::Cpu;
use std::collections::BTreeSet;

/// The processor of a Linux machine.
pub(crate) fn linux(machine: &dyn Machine, start: &Start) -> Cpu {
    let absent = "there is no /proc/cpuinfo";
    let known = |read: fn(&str) -> Option<u32>, what: &str| match &start.cpuinfo {
        Known::Value(text) => read(text).map_or_else(
            || Known::unknown(format!("/proc/cpuinfo names no {what}")),
            Known::Value,
        ),
        Known::Absent => Known::unknown(absent),
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    let threads = known(count_threads, "processor");
    let mut cores = known(count_cores, "core");
    // Arm kernels list no cores there; the number of threads that share the first core tells.
    if cores.value().is_none()
        && let Some(threads) = threads.value()
        && let Known::Value(list) = text(
            machine,
            "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
        )
        && let Some(siblings) = list_length(&list)
    {
        cores = Known::Value((threads / siblings).max(1));
    }
    let model = match &start.cpuinfo {
        Known::Value(text) => model(text).map_or_else(
            || Known::unknown("/proc/cpuinfo names no model"),
            Known::Value,
        ),
        Known::Absent => Known::unknown(absent),
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    Cpu {
        model,
        cores,
        usable: usable(start, threads.value().copied()),
        threads,
        performance_cores: Known::Absent,
    }
}

/// Processors this process may use, never more than there are threads.
pub(crate) fn usable(start: &Start, threads: Option<u32>) -> Known<u32> {
    start
        .person
        .as_ref()
        .map(|person| threads.map_or(person.processors, |threads| person.processors.min(threads)))
}

fn model(text: &str) -> Option<String> {
    if let Some(name) = field(text, "model name", ':').filter(|name| !name.is_empty()) {
        return Some(name.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    arm_processor(
        field(text, "CPU implementer", ':')?,
        field(text, "CPU part", ':')?,
    )
    .map(str::to_string)
}

fn count_threads(text: &str) -> Option<u32> {
    let count = text
        .lines()
        .filter(|line| {
            line.split_once(':')
                .is_some_and(|(key, _)| key.trim() == "processor")
        })
        .count();
    u32::try_from(count).ok().filter(|count| *count > 0)
}

fn count_cores(text: &str) -> Option<u32> {
    let mut cores = BTreeSet::new();
    for block in text.split("\n\n") {
        if let Some(core) = field(block, "core id", ':') {
            cores.insert((field(block, "physical id", ':').unwrap_or("0"), core));
        }
    }
    u32::try_from(cores.len()).ok().filter(|count| *count > 0)
}

/// How many numbers a kernel list has: `0-1` and `0,64` have two (cpumask's list format).
pub(crate) fn list_length(list: &str) -> Option<u32> {
    let mut count: u32 = 0;
    for part in list.trim().split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u32, u32) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        count = count.checked_add(high.checked_sub(low)?.checked_add(1)?)?;
    }
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x86(processor: u32, socket: u32, core: u32) -> String {
        format!(
            "processor\t: {processor}\nmodel name\t: AMD  EPYC 7763 64-Core Processor\nphysical id\t: {socket}\ncore id\t\t: {core}\n\n"
        )
    }

    #[test]
    fn threads_cores_and_names_are_counted() {
        let two_sockets: String = [
            x86(0, 0, 0),
            x86(1, 0, 0),
            x86(2, 0, 1),
            x86(3, 1, 0),
            x86(4, 1, 1),
            x86(5, 1, 1),
        ]
        .concat();
        assert_eq!(
            (count_threads(&two_sockets), count_cores(&two_sockets)),
            (Some(6), Some(4))
        );
        assert_eq!(
            model(&two_sockets).as_deref(),
            Some("AMD EPYC 7763 64-Core Processor")
        );
        let arm = "processor\t: 0\nBogoMIPS\t: 2000.00\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd4f\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n";
        assert_eq!(
            (count_threads(arm), count_cores(arm), model(arm).as_deref()),
            (Some(2), None, Some("Arm Neoverse V2"))
        );
        assert_eq!(
            (count_threads(""), count_cores(""), model("")),
            (None, None, None)
        );
    }

    #[test]
    fn kernel_lists_are_counted() {
        for (list, length) in [
            ("0", Some(1)),
            ("0-1", Some(2)),
            ("0,64", Some(2)),
            ("0-3,8-11", Some(8)),
            ("", None),
            ("3-1", None),
            ("x", None),
            ("0-4294967295", None),
        ] {
            assert_eq!(list_length(list), length, "{list}");
        }
    }
}
