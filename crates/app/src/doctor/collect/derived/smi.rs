//! What `nvidia-smi` says, as lines that rules can read for each GPU: processes, power limits with what slows the clocks.
//!
//! Its tables have had several forms; values are told by their names, never by their place on the screen.

use deskside_doctor::{Document, Scene};

pub(super) fn add(scene: &mut Scene) {
    let tables = scene.documents("nvidia-smi");
    let details = scene.documents("nvidia-smi-details");
    let queries = scene.documents("nvidia-smi-queries");
    let mut processes: Vec<Document> = tables
        .iter()
        .filter_map(|document| rows(document, processes_of_table))
        .collect();
    processes.extend(
        queries
            .iter()
            .filter_map(|document| rows(document, |text| queried(text, &document.source))),
    );
    put(scene, "gpu-processes", processes, &tables);
    let mut limits: Vec<Document> = details
        .iter()
        .filter_map(|document| rows(document, limits_of_details))
        .collect();
    limits.extend(
        queries
            .iter()
            .filter_map(|document| rows(document, |text| limits_of_query(text, &document.source))),
    );
    put(scene, "power-limits", limits, &details);
}

/// Puts what was found; where nothing was, why it could not be seen.
fn put(scene: &mut Scene, item: &str, found: Vec<Document>, from: &[Document]) {
    if found.is_empty() {
        let unseen = from.iter().filter(|document| document.text.is_err());
        scene.put(item, unseen.cloned().collect::<Vec<_>>());
    } else {
        scene.put(item, found);
    }
}

fn rows(document: &Document, read: impl Fn(&str) -> Vec<String>) -> Option<Document> {
    let text = document.text.as_ref().ok()?;
    let lines = read(text);
    (!lines.is_empty()).then(|| Document::text(document.source.clone(), lines.join("\n")))
}

/// `gpu=0 pid=31794 type=C name=python mib=5371` for each row of the table of processes.
fn processes_of_table(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
            let words: Vec<&str> = inner.split_whitespace().collect();
            let gpu: u32 = words.first()?.parse().ok()?;
            // Between GPU and process stand the two numbers of a MIG instance, on newer drivers.
            let rest: Vec<&&str> = words[1..].iter().filter(|word| **word != "N/A").collect();
            let pid: u32 = rest.first()?.parse().ok()?;
            let kind = *rest.get(1)?;
            let mib: u64 = rest.last()?.strip_suffix("MiB")?.parse().ok()?;
            if !["C", "G", "C+G", "M+C"].contains(kind) {
                return None;
            }
            let name = rest[2..rest.len() - 1]
                .iter()
                .map(|word| **word)
                .collect::<Vec<_>>()
                .join(" ");
            Some(format!(
                "gpu={gpu} pid={pid} type={kind} name={name} mib={mib}"
            ))
        })
        .collect()
}

/// The columns that a query asked for: the words behind `--query-…=`.
fn columns(source: &str) -> Vec<&str> {
    source
        .split_whitespace()
        .find_map(|word| word.strip_prefix("--query-")?.split_once('='))
        .map(|(_, columns)| columns.split(',').map(str::trim).collect())
        .unwrap_or_default()
}

/// The rows of a query's answer, each value with its column; the heading is passed over.
fn answered<'a>(text: &'a str, source: &'a str) -> Vec<Vec<(&'a str, &'a str)>> {
    let columns = columns(source);
    text.lines()
        .map(|line| line.split(',').map(str::trim).collect::<Vec<_>>())
        .filter(|values| values.len() == columns.len() && !values.is_empty())
        .filter(|values| values[0] != columns[0])
        .map(|values| columns.iter().copied().zip(values).collect())
        .collect()
}

fn value<'a>(row: &[(&str, &'a str)], names: &[&str]) -> Option<&'a str> {
    row.iter()
        .find(|(column, _)| names.contains(column))
        .map(|(_, value)| *value)
}

/// Digits and a point at the beginning: `5371 MiB`, `315.00 W`.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace()
        .next()?
        .trim_end_matches("MiB")
        .parse()
        .ok()
}

fn queried(text: &str, source: &str) -> Vec<String> {
    if !source.contains("--query-compute-apps") {
        return Vec::new();
    }
    answered(text, source)
        .iter()
        .filter_map(|row| {
            let pid: u32 = value(row, &["pid"])?.parse().ok()?;
            let name = value(row, &["process_name", "name"]).unwrap_or("unknown");
            let mib = number(value(row, &["used_memory", "used_gpu_memory"])?)?;
            Some(format!("gpu=? pid={pid} type=C name={name} mib={mib:.0}"))
        })
        .collect()
}

fn limit_line(gpu: &str, current: f64, default: f64, reasons: &str) -> String {
    let below = if current + 0.5 < default {
        " below"
    } else {
        ""
    };
    let reasons = if reasons.is_empty() { "none" } else { reasons };
    format!("{gpu} current={current:.0} default={default:.0}{below} reasons={reasons}")
}

fn limits_of_query(text: &str, source: &str) -> Vec<String> {
    answered(text, source)
        .iter()
        .enumerate()
        .filter_map(|(place, row)| {
            let current = number(value(row, &["power.limit", "enforced.power.limit"])?)?;
            let default = number(value(row, &["power.default_limit"])?)?;
            let gpu = value(row, &["pci.bus_id", "index"])
                .map_or_else(|| place.to_string(), String::from);
            Some(limit_line(&gpu, current, default, ""))
        })
        .collect()
}

/// `00000000:01:00.0 current=315 default=350 below reasons=sw-power-cap` for each GPU of `nvidia-smi -q`.
fn limits_of_details(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut gpu = String::new();
    let (mut current, mut default) = (None, None);
    let mut reasons: Vec<String> = Vec::new();
    let mut finish = |gpu: &str,
                      current: &mut Option<f64>,
                      default: &mut Option<f64>,
                      reasons: &mut Vec<String>| {
        if let (Some(current), Some(default)) = (current.take(), default.take()) {
            lines.push(limit_line(gpu, current, default, &reasons.join(",")));
        }
        reasons.clear();
    };
    for line in text.lines() {
        if let Some(address) = line.strip_prefix("GPU ") {
            finish(&gpu, &mut current, &mut default, &mut reasons);
            gpu = address.trim().to_string();
            continue;
        }
        let Some((name, value)) = line.split_once(" : ") else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        match name {
            // The module's limit stands under the same names further down, without values on these cards.
            "Current Power Limit" | "Power Limit" if current.is_none() => current = number(value),
            "Default Power Limit" if default.is_none() => default = number(value),
            "Enforced Power Limit" if current.is_none() => current = number(value),
            _ if value == "Active" && is_reason(name) => {
                reasons.push(name.to_lowercase().replace(' ', "-"));
            }
            _ => {}
        }
    }
    finish(&gpu, &mut current, &mut default, &mut reasons);
    lines
}

fn is_reason(name: &str) -> bool {
    [
        "SW Power Cap",
        "HW Slowdown",
        "HW Thermal Slowdown",
        "HW Power Brake Slowdown",
        "SW Thermal Slowdown",
        "Sync Boost",
        "Applications Clocks Setting",
    ]
    .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_read_from_every_form_of_the_table() {
        for (line, read) in [
            (
                "|    0   N/A  N/A     31794      C   python train.py                  5371MiB |",
                "gpu=0 pid=31794 type=C name=python train.py mib=5371",
            ),
            (
                "|    2     18243      G   /usr/bin/X                                   64MiB |",
                "gpu=2 pid=18243 type=G name=/usr/bin/X mib=64",
            ),
            (
                "|    0     31794    C   Unknown Error                                 5371MiB |",
                "gpu=0 pid=31794 type=C name=Unknown Error mib=5371",
            ),
        ] {
            assert_eq!(processes_of_table(line), [read], "{line}");
        }
        for none in [
            "|  No running processes found   |",
            "| 0%   30C  P8  20W / 450W | 1MiB / 24564MiB |",
            "",
        ] {
            assert!(processes_of_table(none).is_empty(), "{none}");
        }
        assert_eq!(
            queried(
                "pid, process_name, used_gpu_memory [MiB]\n42, python, 900 MiB\n",
                "nvidia-smi --query-compute-apps=pid,process_name,used_memory --format=csv"
            ),
            ["gpu=? pid=42 type=C name=python mib=900"]
        );
    }

    #[test]
    fn a_lowered_limit_is_told_from_the_default_for_each_gpu() {
        let details = "GPU 00000000:01:00.0\n    Clocks Event Reasons\n        SW Power Cap                      : Active\n    GPU Power Readings\n        Average Power Draw                : 314.20 W\n        Current Power Limit               : 315.00 W\n        Default Power Limit               : 350.00 W\n    Module Power Readings\n        Current Power Limit               : N/A\nGPU 00000000:02:00.0\n    Power Readings\n        Power Limit                       : 350.00 W\n        Default Power Limit               : 350.00 W\n";
        assert_eq!(
            limits_of_details(details),
            [
                "00000000:01:00.0 current=315 default=350 below reasons=sw-power-cap",
                "00000000:02:00.0 current=350 default=350 reasons=none",
            ]
        );
        assert_eq!(
            limits_of_query(
                "314.2, 315.00, 350.00\n",
                "nvidia-smi --query-gpu=power.draw,power.limit,power.default_limit --format=csv,noheader,nounits"
            ),
            ["0 current=315 default=350 below reasons=none"]
        );
    }
}
