//! Apple's GPU, by the I/O registry, which needs no root. Its power is told to root only, and is left out.

use super::cards::CardReading;
use deskside_machine::{Command, Machine, Reading};
use std::time::Duration;

/// Starting a program each time costs twenty milliseconds: less often than files are read.
const EVERY: Duration = Duration::from_secs(10);

/// A Mac's GPU, where this is one.
#[derive(Debug, Default)]
pub(super) struct Apple {
    is_mac: bool,
    asked_at: Option<Duration>,
    newest: Option<CardReading>,
}

impl Apple {
    pub fn find(machine: &dyn Machine) -> Self {
        Self {
            is_mac: machine.exists("/usr/sbin/ioreg").unwrap_or(false),
            ..Self::default()
        }
    }

    pub fn look(&mut self, machine: &dyn Machine, now: Duration) -> Option<CardReading> {
        if !self.is_mac {
            return None;
        }
        let due = self
            .asked_at
            .is_none_or(|at| now.saturating_sub(at) >= EVERY);
        if due {
            self.asked_at = Some(now);
            let command = Command::new(["/usr/sbin/ioreg", "-rc", "AGXAccelerator", "-d1", "-w0"])
                .deadline(Duration::from_secs(1));
            let output = machine.command(command).ok();
            self.newest = output.and_then(|output| registry(&output.text()));
        }
        self.newest.clone()
    }
}

/// Reads the accelerator's entry: lines `"key" = value`, and statistics in one dictionary.
fn registry(text: &str) -> Option<CardReading> {
    let value = |key: &str| {
        let mark = format!("\"{key}\"");
        let at = text.find(&mark)? + mark.len();
        let rest = text[at..].trim_start().strip_prefix('=')?.trim_start();
        let end = rest.find(['\n', ',', '}']).unwrap_or(rest.len());
        Some(rest[..end].trim().trim_matches(['"', '<', '>']).to_string())
    };
    let number = |key: &str| value(key)?.parse::<u64>().ok();
    Some(CardReading {
        uuid: "apple".into(),
        name: value("model").filter(|model| !model.is_empty())?,
        utilization: number("Device Utilization %").map(|percent| percent.min(100) as f64),
        memory_used: number("In use system memory"),
        ..CardReading::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_tells_use_and_memory() {
        let text = "+-o AGXAcceleratorG15X\n  \"model\" = \"Apple M3 Ultra\"\n  \"PerformanceStatistics\" = {\"In use system memory\"=1234,\"Device Utilization %\"=7}\n";
        let card = registry(text).unwrap();
        assert_eq!(
            (card.utilization, card.memory_used),
            (Some(7.0), Some(1234))
        );
        assert_eq!(card.power_watts, None, "only root is told");
        for end in 0..text.len() {
            let _ = registry(&text[..end]);
        }
        assert_eq!(registry(""), None);
    }
}
