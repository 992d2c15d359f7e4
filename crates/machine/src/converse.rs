//! Talking with another process, a line at a time: the child that was started as root.

use crate::error::DoorError;
use std::time::Duration;

/// The longest line that is heard.
pub const LONGEST_LINE: usize = 64 << 20;

/// A conversation with another process. Lines are UTF-8 and end with a newline, which is not part of them. It ends when
/// it is dropped: the other side then hears nothing more.
pub trait Conversation: Send {
    /// Says a line.
    ///
    /// # Errors
    /// When the other side is gone.
    fn say(&mut self, line: &str) -> Result<(), DoorError>;

    /// Hears the next line; none when the other side has ended. A requested stop (Ctrl-C) does not cut it short: the
    /// other side is told when there is a clean edge.
    ///
    /// # Errors
    /// When nothing is heard for that long, or what is heard is no line.
    fn hear(&mut self, patience: Duration) -> Result<Option<String>, DoorError>;
}
