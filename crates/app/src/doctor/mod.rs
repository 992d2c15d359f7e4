//! `deskside doctor`: what is broken, why, and the way back.

pub mod collect;

pub use collect::{Depth, Places, collect};

/// How a command ended, as rules read it: `code=137 signal=9`. A shell says 128 and the signal; Python's subprocess says
/// the signal with a minus.
pub fn ending(code: i32) -> String {
    match code {
        129..=192 => format!("code={code} signal={}", code - 128),
        ..=-1 => format!("code={code} signal={}", -code),
        _ => format!("code={code}"),
    }
}
