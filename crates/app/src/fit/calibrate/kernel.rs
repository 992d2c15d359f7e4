//! A small measurement of the processor that needs nothing but this program: copying on all its threads.
//!
//! Multiplying is not measured: compiled for every processor of its kind and for size, this program reaches a small part of what
//! a library does, and an estimate on that would be far too slow.

use deskside_machine::{Machine, Reading};
use std::hint::black_box;
use std::time::Duration;

/// Bytes that all threads copy together in a round.
const BLOCK: usize = 128 << 20;
/// Rounds; the quickest counts.
const ROUNDS: usize = 3;

/// Bytes a second read and written together; none where the clock does not move.
pub(super) fn copied(machine: &dyn Machine, threads: usize) -> Option<f64> {
    let threads = threads.clamp(1, 256);
    let each = BLOCK / threads;
    let mut blocks: Vec<(Vec<u8>, Vec<u8>)> = (0..threads)
        .map(|_| (vec![1; each], vec![0; each]))
        .collect();
    best(machine, || {
        std::thread::scope(|scope| {
            for (from, to) in &mut blocks {
                scope.spawn(move || {
                    to.copy_from_slice(from);
                    black_box(&to);
                });
            }
        });
    })
    .map(|seconds| 2.0 * (each * threads) as f64 / seconds)
}

fn best(machine: &dyn Machine, mut round: impl FnMut()) -> Option<f64> {
    let clock = || machine.now().map(|now| now.monotonic);
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = clock().ok()?;
        round();
        least = least.min(clock().ok()?.saturating_sub(start));
    }
    (least > Duration::ZERO).then_some(least.as_secs_f64())
}
