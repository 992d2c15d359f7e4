//! How much of an accelerator's memory a model may use.

use deskside_types::facts::{Gpu, Memory, Vendor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The share of unified memory that Metal lets a process use, as seen in reports: a 32 GB machine
/// gave 21 GB (66 %), a 24 GB machine 19 to 20 GB (about 80 %), a 64 GB machine 48 GB (75 %).
/// Metal's own `recommendedMaxWorkingSetSize` decides; it can't be asked without starting Metal.
const UNIFIED_SHARE: (f64, f64) = (0.66, 0.84);

/// The memory a model may use, in bytes, from the surely usable to the most that may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelMemory {
    /// Bytes that may surely be used.
    pub low_bytes: u64,
    /// Bytes that may be usable at the most.
    pub high_bytes: u64,
    /// What it rests on.
    pub because: String,
}

/// The memory a model may use on one accelerator; none when it is not known.
pub fn model_memory(gpu: &Gpu, main: &Memory) -> Option<ModelMemory> {
    if gpu.vendor == Vendor::Apple {
        if let Some(limit) = gpu
            .apple
            .as_ref()
            .and_then(|apple| apple.wired_limit_bytes.value())
        {
            return Some(ModelMemory {
                low_bytes: *limit,
                high_bytes: *limit,
                because: "the limit set with iogpu.wired_limit_mb".into(),
            });
        }
        let total = *main.total_bytes.value()? as f64;
        return Some(ModelMemory {
            low_bytes: (total * UNIFIED_SHARE.0) as u64,
            high_bytes: (total * UNIFIED_SHARE.1) as u64,
            because: "66 to 84 % of unified memory; Metal decides".into(),
        });
    }
    let total = *gpu.memory.total_bytes.value()?;
    Some(ModelMemory {
        low_bytes: total,
        high_bytes: total,
        because: "the card's own memory".into(),
    })
}
