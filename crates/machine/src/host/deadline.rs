//! A moment after which nobody waits any more.

use std::time::{Duration, Instant};

/// A moment on the monotonic clock; none when it lies beyond what the clock can say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// The moment a span from now.
    pub fn after(span: Duration) -> Self {
        Self(Instant::now().checked_add(span))
    }

    /// What is left; none when it has passed.
    pub fn left(self) -> Option<Duration> {
        match self.0 {
            None => Some(Duration::MAX),
            Some(at) => at
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero()),
        }
    }

    /// It has passed.
    pub fn passed(self) -> bool {
        self.left().is_none()
    }
}
