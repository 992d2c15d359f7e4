//! Bytes of one segment to points, a chunk at a time.

use super::{
    Collect, KIND_KEY, KIND_KEY_MORE, KIND_SCALAR, KIND_TIME_BASE, LONGEST_NAME, MAGIC, NAME_FIRST,
    NAME_MORE, RECORD, SYNC, VERSION,
};
use deskside_types::metric::Point;
use std::collections::HashMap;

/// What could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes on the grid that are no record.
    pub skipped_bytes: u64,
    /// Points whose name was never given.
    pub unnamed_points: u64,
    /// Bytes behind the last whole record: the record being written, or one torn by a full disk or a power cut.
    pub torn_bytes: u64,
    /// Files that are no segment at all, and why.
    pub unreadable: Vec<String>,
}

impl Damage {
    /// Everything was read. A torn tail counts as read: it is what a kill leaves.
    pub fn is_none(&self) -> bool {
        self.skipped_bytes == 0 && self.unnamed_points == 0 && self.unreadable.is_empty()
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.skipped_bytes += other.skipped_bytes;
        self.unnamed_points += other.unnamed_points;
        self.torn_bytes += other.torn_bytes;
        self.unreadable.extend(other.unreadable.iter().cloned());
    }

    /// In a sentence for a person; none when there is nothing to say.
    pub fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.skipped_bytes > 0 {
            parts.push(format!("{} damaged bytes were skipped", self.skipped_bytes));
        }
        if self.unnamed_points > 0 {
            parts.push(format!(
                "{} points without a name were left out",
                self.unnamed_points
            ));
        }
        parts.extend(self.unreadable.iter().cloned());
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A key's name while its records come in.
#[derive(Debug, Default)]
struct Key {
    length: usize,
    name: Vec<u8>,
    /// The collector's number of the series, once the name is whole.
    series: Option<usize>,
}

/// Decodes one segment. It is fed what the file holds from [`Decoder::position`] on.
#[derive(Debug, Default)]
pub struct Decoder {
    position: u64,
    base_ms: i64,
    pid: u32,
    keys: HashMap<u16, Key>,
    damage: Damage,
    refused: bool,
}

impl Decoder {
    /// Bytes of the file that were taken in; reading goes on there.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The process that wrote it; 0 before its header was read.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What could not be read so far.
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// The file is no segment of a known version; feeding more is of no use.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Takes whole records in. Bytes of an unfinished record are left: they are to be fed again when more is there.
    pub fn feed(&mut self, bytes: &[u8], into: &mut dyn Collect) {
        let mut records = bytes.chunks_exact(RECORD);
        if self.refused {
            return;
        }
        if self.position == 0 {
            match records.next() {
                Some(header) => self.header(header),
                None => {
                    self.damage.torn_bytes = bytes.len() as u64;
                    return;
                }
            }
        }
        if self.refused {
            return;
        }
        for record in records.by_ref() {
            self.record(record, into);
            self.position += RECORD as u64;
        }
        self.damage.torn_bytes = records.remainder().len() as u64;
    }

    fn header(&mut self, record: &[u8]) {
        if record[..8] != MAGIC {
            self.refused = true;
            self.damage
                .unreadable
                .push("no metric segment: its first bytes are not the format's".into());
            return;
        }
        let version = u16_at(record, 8);
        if version > VERSION {
            self.refused = true;
            self.damage.unreadable.push(format!(
                "written by a newer version of the format ({version}; this program reads {VERSION})"
            ));
            return;
        }
        self.pid = u32_at(record, 12);
        self.base_ms = i64_at(record, 16).div_euclid(1_000_000);
        self.position = RECORD as u64;
    }

    fn record(&mut self, record: &[u8], into: &mut dyn Collect) {
        let key = u16_at(record, 2);
        match (record[1], record[0]) {
            (SYNC, KIND_SCALAR) => match self.keys.get(&key).and_then(|key| key.series) {
                Some(series) => {
                    let time_ms = self.base_ms.saturating_add(i64::from(u32_at(record, 4)));
                    into.point(
                        series,
                        Point {
                            step: i64_at(record, 8),
                            time_ms,
                            value: f64::from_bits(i64_at(record, 16) as u64),
                        },
                    );
                }
                None => self.damage.unnamed_points += 1,
            },
            (SYNC, KIND_KEY) => {
                let length = usize::from(u16_at(record, 4));
                if (1..=LONGEST_NAME).contains(&length) {
                    let name = record[8..8 + length.min(NAME_FIRST)].to_vec();
                    self.keys.insert(
                        key,
                        Key {
                            length,
                            name,
                            series: None,
                        },
                    );
                    self.name_when_whole(key, into);
                } else {
                    self.skip();
                }
            }
            (SYNC, KIND_KEY_MORE) => match self.keys.get_mut(&key) {
                Some(known) if known.name.len() < known.length => {
                    let more = (known.length - known.name.len()).min(NAME_MORE);
                    known.name.extend_from_slice(&record[4..4 + more]);
                    self.name_when_whole(key, into);
                }
                _ => self.skip(),
            },
            (SYNC, KIND_TIME_BASE) => self.base_ms = i64_at(record, 8).div_euclid(1_000_000),
            _ => self.skip(),
        }
    }

    fn name_when_whole(&mut self, key: u16, into: &mut dyn Collect) {
        let Some(known) = self.keys.get_mut(&key) else {
            return;
        };
        if known.name.len() < known.length {
            return;
        }
        match std::str::from_utf8(&known.name) {
            Ok(name) => known.series = Some(into.series(name)),
            Err(_) => self.skip(),
        }
    }

    fn skip(&mut self) {
        self.damage.skipped_bytes += RECORD as u64;
    }
}

fn u16_at(record: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([record[at], record[at + 1]])
}

fn u32_at(record: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

fn i64_at(record: &[u8], at: usize) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&record[at..at + 8]);
    i64::from_le_bytes(bytes)
}
