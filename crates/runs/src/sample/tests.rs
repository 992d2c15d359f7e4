//! Sampling on a simulated machine: what is read, what is written, what a hung or absent library does.

use super::history::{buckets, read_buckets, roll_up};
use super::*;
use deskside_machine::{Directories, Reading};
use deskside_testkit::Sim;
use deskside_track::segment::{Everything, RunMetrics};
use deskside_track::{Folder, measured};
use deskside_types::metric::{Point, Series};
use serde_json::json;
use std::time::Duration;

const RUN: &str = "/home/user/runs/20261125-150102-k7mq";

fn process(sim: &Sim, pid: u32, parent: u32, ticks: u64, pages: u64, children: &str) {
    let put = |name: &str, text: String| {
        sim.put_file(format!("/proc/{pid}/{name}"), text);
    };
    put(
        "stat",
        format!("{pid} (python) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 5 0 0"),
    );
    put("statm", format!("1000 {pages} 10 1 0 90 0"));
    put("status", "VmSize:\t    4000 kB\n".into());
    put("io", "read_bytes: 1048576\nwrite_bytes: 2097152\n".into());
    put(&format!("task/{pid}/children"), children.into());
}

fn machine() -> Sim {
    let sim = Sim::linux();
    sim.put_file("/proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n");
    sim.put_file("/proc/net/dev", "a\nb\neth0: 1000 0 0 0 0 0 0 0 1000 0\n");
    sim.put_file(
        "/proc/meminfo",
        "MemTotal: 4096000 kB\nMemAvailable: 2048000 kB\n",
    );
    process(&sim, 50, 1, 0, 20, "51 ");
    process(&sim, 51, 50, 100, 1010, "52");
    process(&sim, 52, 51, 0, 510, "");
    sim
}

fn device(sim: &Sim, pid: u32, used: u64, utilization: u32) {
    let answer = json!({ "devices": [
        { "index": 0, "uuid": "GPU-a", "name": "Card", "memory_total": 8 << 30, "memory_used": used + 1000, "utilization": utilization,
          "power_watts": 200.0, "temperature": 70, "throttle_reasons": 0x24, "processes": [{ "pid": pid, "used": used }] },
        { "index": 1, "uuid": "GPU-b", "name": "Card", "memory_used": 5, "utilization": 7, "processes": [] },
    ]});
    sim.change(|state| {
        state.devices.insert("nvml-live".into(), Ok(answer));
    });
}

fn sampler(sim: &Sim, cards: &[&str]) -> Sampler {
    let subject = Subject {
        folder: Folder::at(RUN).unwrap(),
        root: Root::ChildrenOf(50),
        cards: cards.iter().map(ToString::to_string).collect(),
    };
    Sampler::new(subject, EVERY, sim.now().unwrap().monotonic)
}

fn series(sim: &Sim) -> Vec<Series> {
    let mut segments = RunMetrics::new(format!("{RUN}/system"), Everything::default());
    assert!(segments.refresh(sim).unwrap().is_none());
    segments.collected.into_series()
}

fn last(series: &[Series], name: &str) -> Option<f64> {
    series.iter().find(|one| one.name == name)?.last()
}

#[test]
fn a_run_is_sampled_with_its_tree_and_the_card_it_is_seen_on() {
    let sim = machine();
    let mut sampler = sampler(&sim, &[]);
    device(&sim, 52, 1 << 30, 40);
    for second in 1..=3_u64 {
        sim.advance(Duration::from_secs(1));
        process(&sim, 51, 50, 100 + 150 * second, 1010, "52");
        device(&sim, 52, (4 - second) << 30, 40);
        sampler.take(&sim);
    }
    sampler.finish(&sim);
    let series = series(&sim);
    // Page 4096: 1000 and 500 pages of their own, and ten that are shared.
    let memory = (1510 * 4096) as f64;
    assert_eq!(
        last(&series, "memory/bytes"),
        Some((memory / 1_048_576.0).floor() * 1_048_576.0)
    );
    assert_eq!(last(&series, "cpu/percent"), Some(150.0));
    assert_eq!(last(&series, "processes"), Some(2.0));
    assert_eq!(
        last(&series, "gpu0/memory_of_run"),
        Some(f64::from(1 << 30))
    );
    assert_eq!(last(&series, "gpu0/power_watts"), Some(200.0));
    assert_eq!(
        last(&series, "gpu1/utilization"),
        None,
        "nothing of the run is on it"
    );
    assert_eq!(
        last(&series, "host/memory_used"),
        Some(2_048_000.0 * 1024.0)
    );
    let measured = measured::read(&sim, &Folder::at(RUN).unwrap()).unwrap();
    assert_eq!(measured.samples, 3);
    assert_eq!(measured.memory_peak, Some(1510 * 4096));
    assert_eq!(
        measured.vram_peak(),
        Some(3 << 30),
        "the peak is not the end"
    );
    assert_eq!(measured.gpus[0].throttled_share, Some(1.0));
    assert_eq!(
        (measured.read_bytes, measured.written_bytes),
        (Some(2 << 20), Some(4 << 20))
    );
}

#[test]
fn a_bound_card_counts_whoever_is_on_it_and_no_other_does() {
    let sim = machine();
    device(&sim, 51, 7, 40);
    let mut sampler = sampler(&sim, &["GPU-b"]);
    sim.advance(Duration::from_secs(1));
    sampler.take(&sim);
    sampler.finish(&sim);
    let series = series(&sim);
    assert_eq!(last(&series, "gpu1/utilization"), Some(7.0));
    assert_eq!(last(&series, "gpu0/utilization"), None);
}

#[test]
fn where_the_driver_names_nobody_we_know_the_whole_card_is_told() {
    let sim = machine();
    // A container: the number is one of the machine outside.
    device(&sim, 987_654, 1 << 30, 40);
    let mut sampler = sampler(&sim, &[]);
    sim.advance(Duration::from_secs(1));
    sampler.take(&sim);
    sampler.finish(&sim);
    let measured = measured::read(&sim, &Folder::at(RUN).unwrap()).unwrap();
    assert!(measured.gpus[0].whole_card);
    assert_eq!(measured.vram_peak(), Some((1 << 30) + 1000));
}

#[test]
fn nothing_is_written_before_it_is_due_or_where_nothing_can_be_read() {
    let sim = machine();
    sampler(&sim, &[]).finish(&sim);
    assert!(!sim.exists(format!("{RUN}/system")).unwrap());
    let bare = Sim::linux();
    let mut sampler = sampler(&bare, &[]);
    bare.advance(Duration::from_secs(1));
    sampler.take(&bare);
    sampler.finish(&bare);
    let measured = measured::read(&bare, &Folder::at(RUN).unwrap()).unwrap();
    assert_eq!((measured.memory_peak, measured.gpus.len()), (None, 0));
}

#[test]
fn what_stays_the_same_is_written_now_and_then_and_the_line_stays_true() {
    let sim = machine();
    let mut sampler = sampler(&sim, &["GPU-a"]);
    device(&sim, 52, 1 << 30, 10);
    for second in 1..=30 {
        sim.advance(Duration::from_secs(1));
        if second == 25 {
            device(&sim, 52, 1 << 30, 90);
        }
        sampler.take(&sim);
    }
    sampler.finish(&sim);
    let all = series(&sim);
    let use_of_card = &all
        .iter()
        .find(|one| one.name == "gpu0/utilization")
        .unwrap()
        .points;
    let values: Vec<(i64, f64)> = use_of_card
        .iter()
        .map(|point| (point.step, point.value))
        .collect();
    assert_eq!(
        values,
        [
            (1, 10.0),
            (11, 10.0),
            (21, 10.0),
            (24, 10.0),
            (25, 90.0),
            (30, 90.0)
        ]
    );
}

#[test]
fn trees_are_found_without_lists_of_children_too() {
    let sim = machine();
    for pid in [50, 51, 52] {
        sim.change(|state| {
            state.remove(format!("/proc/{pid}/task"));
        });
    }
    for root in [Root::ChildrenOf(50), Root::Process(51)] {
        let mut tree = Tree::new(root);
        let reading = tree.look(&sim).unwrap();
        assert_eq!(
            (reading.processes, tree.members()),
            (2, &[51, 52][..]),
            "{root:?}"
        );
    }
    assert_eq!(Tree::new(Root::Process(4711)).look(&sim), None);
}

#[test]
fn amd_cards_and_their_holders_are_read_from_the_drivers_files() {
    let sim = machine();
    let card = "/sys/devices/pci0000:00/0000:03:00.0";
    sim.put_link("/sys/class/drm/card0/device", card);
    for (name, text) in [
        ("vendor", "0x1002\n"),
        ("unique_id", "0123456789abcdef\n"),
        ("gpu_busy_percent", "87\n"),
        ("mem_info_vram_used", "1000\n"),
        ("mem_info_vram_total", "9000\n"),
        ("hwmon/hwmon3/power1_average", "123000000\n"),
        ("hwmon/hwmon3/temp1_input", "65000\n"),
        ("hwmon/hwmon3/freq1_input", "2100000000\n"),
    ] {
        sim.put_file(format!("{card}/{name}"), text);
    }
    let node = "/sys/class/kfd/kfd/topology/nodes/1";
    sim.put_file(
        format!("{node}/properties"),
        "simd_count 96\nlocation_id 768\ndomain 0\n",
    );
    sim.put_file(format!("{node}/gpu_id"), "777\n");
    sim.put_file("/sys/class/kfd/kfd/proc/52/vram_777", "900\n");
    let cards = Cards::new(EVERY).look(&sim);
    let [card] = cards.as_slice() else {
        panic!("{cards:?}")
    };
    assert_eq!(
        (card.uuid.as_str(), card.utilization, card.power_watts),
        ("GPU-0123456789abcdef", Some(87.0), Some(123.0))
    );
    assert_eq!(
        (card.temperature, card.sm_clock_mhz, card.memory_used),
        (Some(65.0), Some(2100.0), Some(1000))
    );
    assert_eq!(card.processes, [(52, Some(900))]);
}

#[test]
fn power_of_processors_is_read_where_it_may_be() {
    let sim = machine();
    let zone = "/sys/class/powercap/intel-rapl:0";
    let set = |energy: u64| {
        sim.put_file(format!("{zone}/energy_uj"), format!("{energy}\n"));
    };
    sim.put_file(format!("{zone}/name"), "package-0\n");
    sim.put_file(format!("{zone}/max_energy_range_uj"), "1000000000\n");
    set(990_000_000);
    let mut host = HostReadings::default();
    assert_eq!(host.look(&sim).watts, None);
    sim.advance(Duration::from_secs(2));
    // It wrapped.
    set(90_000_000);
    sim.put_file("/proc/stat", "cpu  150 0 100 850 0 0 0 0 0 0\n");
    let reading = host.look(&sim);
    assert_eq!(
        (reading.watts, reading.cpu_percent),
        (Some(50.0), Some(50.0))
    );
}

fn points(name: &str, values: impl Iterator<Item = (i64, f64)>) -> Series {
    Series {
        name: name.into(),
        points: values
            .map(|(second, value)| Point {
                step: 0,
                time_ms: second * 1000,
                value,
            })
            .collect(),
    }
}

#[test]
fn a_gap_is_no_time_that_the_machine_was_on() {
    let on = points(
        "on",
        (0..=10).chain(100..=110).map(|minute| (minute * 60, 1.0)),
    );
    let busy = points(
        "gpu0/utilization",
        [(0, 0.0), (300, 0.0), (301, 100.0), (600, 100.0)].into_iter(),
    );
    let buckets = buckets(&[busy, on], "on");
    let sum = |of: fn(&Bucket) -> f64| buckets.iter().map(of).sum::<f64>();
    assert_eq!(sum(|bucket| bucket.on), 1200.0);
    assert_eq!(buckets.len(), 4, "two, twice: {buckets:?}");
    // Points that are too far apart say nothing of what lies between.
    assert_eq!(sum(|bucket| bucket.busy), 0.0);
}

#[test]
fn a_rolled_up_day_says_what_its_samples_said() {
    let sim = machine();
    let directories = Directories::of(&sim).unwrap();
    let folder = history::folder(&directories);
    let mut sampler = HistorySampler::new(&directories);
    let start = sim.now().unwrap().wall;
    for step in 0..400 {
        device(&sim, 52, 1 << 30, if step % 40 < 20 { 90 } else { 0 });
        sampler.take(&sim).unwrap();
        sim.advance(Duration::from_secs(10));
    }
    sampler.finish(&sim).unwrap();
    let now = sim.now().unwrap().wall;
    let (from, to) = (start.as_millisecond(), now.as_millisecond());
    let raw = read_buckets(&sim, &folder, from, to).unwrap();
    let busy: f64 = raw.iter().map(|bucket| bucket.busy).sum();
    let on: f64 = raw.iter().map(|bucket| bucket.on).sum();
    assert!(
        (on - 3990.0).abs() <= 10.0 && (1950.0..=2150.0).contains(&busy),
        "{on} {busy}"
    );
    assert_eq!(raw[1].gpus[&0].watts, Some(200.0));
    let count = |ending: &str| {
        let entries = sim.entries(&folder).unwrap();
        entries
            .iter()
            .filter(|entry| entry.name.ends_with(ending))
            .count()
    };
    let later = jiff::tz::Offset::UTC
        .to_datetime(now + jiff::SignedDuration::from_hours(24 * 30))
        .date();
    assert!(roll_up(&sim, &folder, later).unwrap() >= 1);
    assert_eq!(count(".day.seg"), count(".seg"), "nothing else is left");
    let rolled = read_buckets(&sim, &folder, from, to).unwrap();
    assert_eq!(rolled.len(), raw.len());
    assert_eq!(rolled, raw);
    assert_eq!(roll_up(&sim, &folder, later).unwrap(), 0, "once is enough");
    // A year of five minutes, every series of two cards.
    let bytes: u64 = sim
        .stats(&folder)
        .unwrap()
        .iter()
        .map(|(_, stat)| stat.size)
        .sum();
    let a_year = bytes as f64 / raw.len() as f64 * 288.0 * 365.0;
    assert!(a_year < 50e6, "{a_year}");
}
