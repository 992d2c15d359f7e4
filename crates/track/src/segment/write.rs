//! Points to bytes of a segment: for importers, samplers and tests. Training code has its own writer in Python.

use super::{
    KIND_KEY, KIND_KEY_MORE, KIND_SCALAR, KIND_TIME_BASE, LONGEST_NAME, MAGIC, MOST_KEYS,
    NAME_FIRST, NAME_MORE, SYNC, VERSION,
};
use deskside_types::metric::Point;
use std::collections::HashMap;

/// A segment holds no more than 65,535 different names; the next ones need a segment of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyNames;

/// Encodes one segment. The bytes are appended by the caller, each batch with one write.
#[derive(Debug)]
pub struct SegmentWriter {
    base_ms: i64,
    keys: HashMap<String, u16>,
}

impl SegmentWriter {
    /// The file name of a segment, unique by its random part.
    pub fn file_name(now_ms: i64, pid: u32, random: u32) -> String {
        format!("{now_ms}-{pid}-{random:08x}.seg")
    }

    /// A new segment, and its header.
    pub fn begin(pid: u32, base_ms: i64) -> (Self, Vec<u8>) {
        // A header's time is in nanoseconds of 64 bits: years 1678 to 2262.
        let base_ms = base_ms.clamp(i64::MIN / 1_000_000 + 1, i64::MAX / 1_000_000);
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&[0, 0]);
        header.extend_from_slice(&pid.to_le_bytes());
        header.extend_from_slice(&(base_ms * 1_000_000).to_le_bytes());
        (
            Self {
                base_ms,
                keys: HashMap::new(),
            },
            header,
        )
    }

    /// Adds a point's records to a batch: the name where it is new, a time base where the clock moved too far, the value.
    ///
    /// Names are cut to 1000 bytes; an empty one is written as `unnamed`.
    ///
    /// # Errors
    /// When a new name no longer fits; nothing was added then.
    pub fn add(
        &mut self,
        name: &str,
        point: Point,
        batch: &mut Vec<u8>,
    ) -> Result<(), TooManyNames> {
        let key = match self.keys.get(name) {
            Some(key) => *key,
            None => self.define(name, batch)?,
        };
        let time_ms = point
            .time_ms
            .clamp(i64::MIN / 1_000_000 + 1, i64::MAX / 1_000_000);
        let delta = match time_ms
            .checked_sub(self.base_ms)
            .and_then(|delta| u32::try_from(delta).ok())
        {
            Some(delta) => delta,
            None => {
                self.base_ms = time_ms;
                batch.extend_from_slice(&[KIND_TIME_BASE, SYNC, 0, 0, 0, 0, 0, 0]);
                batch.extend_from_slice(&(time_ms * 1_000_000).to_le_bytes());
                batch.extend_from_slice(&[0; 8]);
                0
            }
        };
        batch.extend_from_slice(&[KIND_SCALAR, SYNC]);
        batch.extend_from_slice(&key.to_le_bytes());
        batch.extend_from_slice(&delta.to_le_bytes());
        batch.extend_from_slice(&point.step.to_le_bytes());
        batch.extend_from_slice(&point.value.to_le_bytes());
        Ok(())
    }

    fn define(&mut self, name: &str, batch: &mut Vec<u8>) -> Result<u16, TooManyNames> {
        let key = u16::try_from(self.keys.len())
            .ok()
            .filter(|key| *key < MOST_KEYS)
            .ok_or(TooManyNames)?;
        let shown = if name.is_empty() {
            "unnamed"
        } else {
            &name[..name.floor_char_boundary(LONGEST_NAME)]
        };
        let bytes = shown.as_bytes();
        let (first, more) = bytes.split_at(bytes.len().min(NAME_FIRST));
        batch.extend_from_slice(&[KIND_KEY, SYNC]);
        batch.extend_from_slice(&key.to_le_bytes());
        batch.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        batch.extend_from_slice(&[0, 0]);
        padded(first, NAME_FIRST, batch);
        for part in more.chunks(NAME_MORE) {
            batch.extend_from_slice(&[KIND_KEY_MORE, SYNC]);
            batch.extend_from_slice(&key.to_le_bytes());
            padded(part, NAME_MORE, batch);
        }
        self.keys.insert(name.to_string(), key);
        Ok(key)
    }
}

fn padded(bytes: &[u8], to: usize, batch: &mut Vec<u8>) {
    batch.extend_from_slice(bytes);
    batch.resize(batch.len() + to - bytes.len(), 0);
}
