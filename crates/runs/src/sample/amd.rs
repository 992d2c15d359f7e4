//! AMD's cards, by the files of their driver (kernel documentation, "GPU drivers: amdgpu", and the hwmon interface).

use super::cards::CardReading;
use super::proc;
use deskside_machine::{Machine, Reading};

const CARDS: &str = "/sys/class/drm";
const NODES: &str = "/sys/class/kfd/kfd/topology/nodes";
const HOLDERS: &str = "/sys/class/kfd/kfd/proc";

/// AMD's cards that were found.
#[derive(Debug, Default)]
pub(super) struct Amd {
    cards: Vec<Card>,
}

#[derive(Debug)]
struct Card {
    folder: String,
    sensors: Option<String>,
    uuid: String,
    name: String,
    /// The compute driver's number of it.
    number: Option<u64>,
}

impl Amd {
    pub fn find(machine: &dyn Machine) -> Self {
        let entries = machine.entries(CARDS).unwrap_or_default();
        let mut cards = Vec::new();
        for entry in entries {
            let is_card = entry.name.strip_prefix("card").is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
            });
            let folder = format!("{CARDS}/{}/device", entry.name);
            if !is_card || read(machine, &format!("{folder}/vendor")).as_deref() != Some("0x1002") {
                continue;
            }
            let sensors = machine
                .entries(format!("{folder}/hwmon"))
                .ok()
                .and_then(|entries| Some(format!("{folder}/hwmon/{}", entries.first()?.name)));
            let address = machine
                .real_path(&folder)
                .ok()
                .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
            // As ROCR_VISIBLE_DEVICES names them: `GPU-` and the sixteen digits of the card's own number.
            let uuid = match read(machine, &format!("{folder}/unique_id")) {
                Some(unique) => format!("GPU-{unique}"),
                None => address.clone().unwrap_or_else(|| entry.name.clone()),
            };
            cards.push(Card {
                number: address.and_then(|address| number_of(machine, &address)),
                name: read(machine, &format!("{folder}/product_name"))
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| "AMD GPU".into()),
                uuid,
                sensors,
                folder,
            });
        }
        Self { cards }
    }

    pub fn look(&self, machine: &dyn Machine) -> Vec<CardReading> {
        self.cards.iter().map(|card| card.look(machine)).collect()
    }
}

impl Card {
    fn look(&self, machine: &dyn Machine) -> CardReading {
        let number = |folder: &str, name: &str| {
            let bytes = machine.file(format!("{folder}/{name}"), 64).ok()?;
            proc::number(&bytes)
        };
        let own = |name: &str| number(&self.folder, name);
        let sensor = |name: &str| number(self.sensors.as_deref()?, name);
        let scaled = |name: &str, by: f64| sensor(name).map(|number| number as f64 / by);
        CardReading {
            place: 0,
            uuid: self.uuid.clone(),
            name: self.name.clone(),
            utilization: own("gpu_busy_percent").map(|percent| percent.min(100) as f64),
            memory_used: own("mem_info_vram_used"),
            memory_total: own("mem_info_vram_total"),
            // Microwatts; newer chips tell only the present value.
            power_watts: scaled("power1_average", 1e6).or_else(|| scaled("power1_input", 1e6)),
            power_limit: scaled("power1_cap", 1e6),
            sm_clock_mhz: scaled("freq1_input", 1e6),
            memory_clock_mhz: scaled("freq2_input", 1e6),
            temperature: scaled("temp1_input", 1000.0),
            throttle: None,
            bus_received: None,
            bus_sent: None,
            processes: self.holders(machine),
        }
    }

    /// Processes that compute on it, by the compute driver: a folder each, with a file of the bytes they hold on each card.
    fn holders(&self, machine: &dyn Machine) -> Vec<(u32, Option<u64>)> {
        let Some(number) = self.number else {
            return Vec::new();
        };
        let entries = machine.entries(HOLDERS).unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| {
                let pid: u32 = entry.name.parse().ok()?;
                let path = format!("{HOLDERS}/{pid}/vram_{number}");
                let held = proc::number(&machine.file(path, 64).ok()?)?;
                (held > 0).then_some((pid, Some(held)))
            })
            .collect()
    }
}

/// The compute driver's number of the card at an address on the bus.
fn number_of(machine: &dyn Machine, address: &str) -> Option<u64> {
    let entries = machine.entries(NODES).ok()?;
    entries.iter().find_map(|entry| {
        let folder = format!("{NODES}/{}", entry.name);
        let properties = read(machine, &format!("{folder}/properties"))?;
        let value = |name: &str| {
            properties.lines().find_map(|line| {
                let (key, value) = line.split_once(' ')?;
                (key == name).then(|| value.trim().parse::<u32>().ok())?
            })
        };
        let location = value("location_id").filter(|_| value("simd_count").unwrap_or(0) > 0)?;
        let (bus, device, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
        let domain = value("domain").unwrap_or(0);
        let own = format!("{domain:04x}:{bus:02x}:{device:02x}.{function}");
        (own == address).then(|| read(machine, &format!("{folder}/gpu_id"))?.parse().ok())?
    })
}

fn read(machine: &dyn Machine, path: &str) -> Option<String> {
    let bytes = machine.file(path, 64 << 10).ok()?;
    Some(proc::text(&bytes).trim().to_string())
}
