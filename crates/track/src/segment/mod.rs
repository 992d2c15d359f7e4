//! The metric segment, version 1: fixed records of 24 bytes, little endian, appended by one process.
//!
//! `docs/run-folder.md` describes every byte. A batch of records is added with one `write`, so that
//! what a logging call returned from survives the death of its process. A reader meets torn tails,
//! foreign bytes and growing files; it skips what is no record, counts it, and never fails for it.

mod collect;
mod decode;
mod run;
mod write;

pub use collect::{Brief, BriefSeries, Collect, Everything};
pub use decode::{Damage, Decoder};
pub use run::RunMetrics;
pub use write::{SegmentWriter, TooManyNames};

/// Bytes of every record.
pub const RECORD: usize = 24;
/// The version this program writes and the newest it reads.
pub const VERSION: u16 = 1;
/// Different names one segment can hold.
pub const MOST_KEYS: u16 = u16::MAX;
/// Bytes of the longest name: 250 characters of four bytes.
pub const LONGEST_NAME: usize = 1000;

/// The second byte of every record; a record without it is none.
const SYNC: u8 = 0xD5;
/// The first eight bytes of a segment: kind, sync, and six letters.
const MAGIC: [u8; 8] = [KIND_HEADER, SYNC, b'D', b'S', b'K', b'S', b'E', b'G'];
const KIND_HEADER: u8 = 1;
const KIND_SCALAR: u8 = 2;
const KIND_KEY: u8 = 3;
const KIND_KEY_MORE: u8 = 4;
const KIND_TIME_BASE: u8 = 5;
/// Bytes of a name in its first record, and in each that follows.
const NAME_FIRST: usize = 16;
const NAME_MORE: usize = 20;

#[cfg(test)]
mod tests;
