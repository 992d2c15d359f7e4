//! A small measurement of the processor that needs nothing but this program: copying and multiplying on all its threads.
//!
//! It is compiled for every processor of its kind and for size, so its FLOP/s are a lower bound of what a library reaches.

use deskside_machine::{Machine, Reading};
use std::hint::black_box;
use std::time::Duration;

/// Bytes that all threads copy together in a round.
const BLOCK: usize = 128 << 20;
/// Numbers that a thread keeps in its registers.
const LANES: usize = 32;
/// Rounds of a thread's loop.
const TURNS: usize = 500_000;
/// Rounds; the quickest counts.
const ROUNDS: usize = 3;

/// Bytes a second read and written together, and FLOP/s; none where the clock does not move.
pub(super) fn measure(machine: &dyn Machine, threads: usize) -> (Option<f64>, Option<f64>) {
    let threads = threads.clamp(1, 256);
    let each = BLOCK / threads;
    let mut blocks: Vec<(Vec<u8>, Vec<u8>)> = (0..threads)
        .map(|_| (vec![1; each], vec![0; each]))
        .collect();
    let copied = best(machine, || {
        std::thread::scope(|scope| {
            for (from, to) in &mut blocks {
                scope.spawn(move || {
                    to.copy_from_slice(from);
                    black_box(&to);
                });
            }
        });
    })
    .map(|seconds| 2.0 * (each * threads) as f64 / seconds);
    let done = best(machine, || {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| black_box(multiplied(black_box(0.999_9), TURNS)));
            }
        });
    })
    .map(|seconds| (2 * LANES * TURNS * threads) as f64 / seconds);
    (copied, done)
}

/// A product and a sum a lane and turn.
fn multiplied(factor: f32, turns: usize) -> f32 {
    let mut lanes = [1.0_f32; LANES];
    for _ in 0..turns {
        for lane in &mut lanes {
            *lane = *lane * factor + 0.000_1;
        }
    }
    lanes.iter().sum()
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
