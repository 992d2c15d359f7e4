//! Verdicts: does it fit, and what would make it fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether something fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It fits, the upper end of the interval included.
    Fits,
    /// It should fit, but the upper end of the interval does not.
    Tight,
    /// It does not fit.
    TooLarge,
}

impl Verdict {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "tight",
            Self::TooLarge => "too-large",
        }
    }
}

/// The verdict for an estimate, its upper end, and the room there is.
pub fn of(bytes: f64, high: f64, room: f64) -> Verdict {
    if high <= room {
        Verdict::Fits
    } else if bytes <= room {
        Verdict::Tight
    } else {
        Verdict::TooLarge
    }
}

/// The share of unified memory that Metal lets a process use, by the memory in GB, where nobody set a limit.
///
/// Observed: 16 GB 11.84 GiB (74 %), 24 GB 17.76 (74 %), 128 GB 107.52 GiB (84 %); 32 GB about 70 %, larger about 78 %
/// on older systems. Metal's recommendedMaxWorkingSetSize decides.
pub fn unified_share(gigabytes: f64) -> f64 {
    if gigabytes <= 36.0 {
        0.70
    } else if gigabytes <= 96.0 {
        0.76
    } else {
        0.84
    }
}
