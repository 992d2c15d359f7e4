//! Everything a simulated machine is, as one value that can be kept and put back.

use super::files::SimNode;
use super::network::SimResponse;
use super::processes::SimProcess;
use deskside_machine::{DoorError, PersonIdentity};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The state of a simulated machine.
#[derive(Debug, Clone)]
pub struct SimState {
    /// Files, folders, links and devices by absolute path.
    pub(crate) files: BTreeMap<PathBuf, SimNode>,
    /// The environment of this process.
    pub variables: BTreeMap<String, String>,
    /// The wall clock; moves only by sleeping and by [`SimState::advance`].
    pub wall: jiff::Timestamp,
    /// The monotonic clock.
    pub monotonic: Duration,
    /// Who this process is.
    pub person: PersonIdentity,
    /// Where this process stands.
    pub working_directory: PathBuf,
    /// This program's own file.
    pub executable: PathBuf,
    /// Size of the one disk, in bytes.
    pub disk_total: u64,
    /// Bytes free on it; a write that needs more fails with `Full`.
    pub disk_free: u64,
    /// Folders that are mounted read-only.
    pub read_only: BTreeSet<PathBuf>,
    /// Processes by number, the ended ones too.
    pub processes: BTreeMap<u32, SimProcess>,
    /// Which boot this is; the first is 1.
    pub boot: u64,
    /// Whether the network is there.
    pub network: bool,
    /// What servers answer, by address.
    pub urls: BTreeMap<String, SimResponse>,
    /// What device libraries answer, by name.
    pub devices: BTreeMap<String, Result<serde_json::Value, DoorError>>,
    /// The next random number is made of it.
    pub seed: u64,
    pub(crate) next_pid: u32,
    pub(crate) locks: BTreeMap<PathBuf, u64>,
    pub(crate) next_lock: u64,
}

impl SimState {
    pub(crate) fn new() -> Self {
        let mut state = Self {
            files: BTreeMap::new(),
            variables: BTreeMap::new(),
            // A moment like any other, the same in every test: 2026-11-25T15:00:00Z.
            wall: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_795_618_800),
            monotonic: Duration::from_secs(1000),
            person: PersonIdentity {
                uid: 1000,
                groups: vec![1000],
                name: Some("user".into()),
                host: Some("machine".into()),
                processors: 4,
            },
            working_directory: "/".into(),
            executable: "/usr/bin/deskside".into(),
            disk_total: 500 << 30,
            disk_free: 200 << 30,
            read_only: BTreeSet::new(),
            processes: BTreeMap::new(),
            boot: 1,
            network: true,
            urls: BTreeMap::new(),
            devices: BTreeMap::new(),
            seed: 1,
            next_pid: 1000,
            locks: BTreeMap::new(),
            next_lock: 0,
        };
        state
            .files
            .insert("/".into(), SimNode::directory(0o755, 0, 0, state.seconds()));
        state
    }

    /// The wall clock in seconds of the Unix epoch.
    pub fn seconds(&self) -> i64 {
        self.wall.as_second()
    }

    /// Lets time pass on both clocks.
    pub fn advance(&mut self, span: Duration) {
        self.monotonic += span;
        self.wall = self
            .wall
            .saturating_add(
                jiff::SignedDuration::try_from(span).unwrap_or(jiff::SignedDuration::MAX),
            )
            .unwrap_or(jiff::Timestamp::MAX);
    }

    /// The next random number: splitmix64 (Steele, Lea and Flood 2014), the same sequence in every test.
    pub(crate) fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.seed;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// Starts the machine anew.
    pub fn reboot(&mut self) {
        self.boot += 1;
        self.processes.clear();
        self.locks.clear();
        self.next_pid = 1000;
        self.advance(Duration::from_secs(60));
        self.monotonic = Duration::from_secs(60);
        for volatile in ["/tmp", "/run"] {
            let below: Vec<PathBuf> = self
                .files
                .keys()
                .filter(|path| path.starts_with(volatile) && *path != Path::new(volatile))
                .cloned()
                .collect();
            for path in below {
                self.files.remove(&path);
            }
        }
        if self
            .files
            .contains_key(Path::new("/proc/sys/kernel/random/boot_id"))
        {
            self.put_boot_id();
        }
    }

    pub(crate) fn put_boot_id(&mut self) {
        let boot = self.boot;
        self.put_file(
            "/proc/sys/kernel/random/boot_id",
            format!("00000000-0000-4000-8000-{boot:012}\n"),
        );
    }
}
