//! Keeping a bounded part of what a command says: the first half and the last half.

use std::collections::VecDeque;

/// What was kept of a stream.
pub(crate) struct Capture {
    first: Vec<u8>,
    last: VecDeque<u8>,
    head: usize,
    tail: usize,
    lost: u64,
}

impl Capture {
    /// Keeps up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let tail = limit / 2;
        Self {
            first: Vec::new(),
            last: VecDeque::new(),
            head: limit - tail,
            tail,
            lost: 0,
        }
    }

    /// Takes more in.
    pub fn take(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.head - self.first.len()));
        self.first.extend_from_slice(first);
        // Of more than the tail holds only its end can stay.
        let (skipped, rest) = rest.split_at(rest.len().saturating_sub(self.tail));
        let over = (self.last.len() + rest.len()).saturating_sub(self.tail);
        self.last.drain(..over);
        self.last.extend(rest);
        self.lost += (skipped.len() + over) as u64;
    }

    /// All of it, with a line in the middle that says how much was left out.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.first;
        if self.lost > 0 {
            bytes.extend_from_slice(
                format!("\n[... {} bytes left out ...]\n", self.lost).as_bytes(),
            );
        }
        bytes.extend(self.last);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_kept_however_the_bytes_come() {
        let whole: Vec<u8> = (0..100).collect();
        for piece in [1, 3, 7, 50, 100] {
            for limit in [0, 1, 10, 99, 100, 101] {
                let mut capture = Capture::new(limit);
                whole.chunks(piece).for_each(|bytes| capture.take(bytes));
                let kept = capture.into_bytes();
                if limit >= 100 {
                    assert_eq!(kept, whole);
                } else {
                    let tail = limit / 2;
                    let middle = format!("\n[... {} bytes left out ...]\n", 100 - limit);
                    let wanted = [
                        &whole[..limit - tail],
                        middle.as_bytes(),
                        &whole[100 - tail..],
                    ]
                    .concat();
                    assert_eq!(kept, wanted, "limit {limit}, pieces of {piece}");
                }
            }
        }
    }
}
