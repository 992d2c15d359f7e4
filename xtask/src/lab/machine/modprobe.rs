//! Loading a module while the machine runs: its stand-in for modprobe leaves a request, and what loading does to /sys, /proc and
//! /dev is done here.

use super::{ENROLLED, Machine, description::Description, hardware};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Answers requests until it is dropped.
pub struct Loader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Machine {
    /// Lets modules be loaded in this machine as long as the answer lives.
    pub fn loader(&self) -> Loader {
        let stop = Arc::new(AtomicBool::new(false));
        let (root, description, ended) =
            (self.root.clone(), self.description.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let _ = answered(&root, &description);
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        Loader {
            stop,
            thread: Some(thread),
        }
    }
}

fn answered(root: &Path, description: &Description) -> Result<()> {
    let request = root.join(".lab/modprobe");
    let Ok(text) = std::fs::read_to_string(&request) else {
        return Ok(());
    };
    std::fs::remove_file(&request)?;
    let mut fields = text.trim_end_matches('\n').split('\t').map(str::to_string);
    let mut field = || fields.next().unwrap_or_default();
    let (name, version, license, signer) = (field(), field(), field(), field());
    let unsigned = description.secure_boot
        && !super::boot::is_trusted(&signer)
        && !root.join(ENROLLED.trim_start_matches('/')).exists();
    let refused = if unsigned {
        Some("Key was rejected by service")
    } else {
        load(root, description, &name, &version, license.contains("GPL"))?
    };
    let answer = root.join(".lab/modprobe-answer");
    let half: PathBuf = root.join(".lab/modprobe-answer.new");
    std::fs::write(&half, refused.unwrap_or_default())?;
    Ok(std::fs::rename(half, answer)?)
}

/// Loads it; the kernel's words where it refuses.
fn load(
    root: &Path,
    description: &Description,
    name: &str,
    version: &str,
    open: bool,
) -> Result<Option<&'static str>> {
    let cards: Vec<_> = description.cards.iter().enumerate().collect();
    match name {
        "nvidia" => {
            let served: Vec<_> = cards
                .into_iter()
                .filter(|(place, card)| {
                    card.nvidia()
                        && card.served_by(version, open)
                        && !hardware::is_bound(root, *place)
                })
                .collect();
            if served.is_empty() {
                return Ok(Some("No such device"));
            }
            hardware::nvidia(root, &served, version, open)?;
        }
        "amdgpu" => {
            let version = (!version.is_empty()).then_some(version);
            for (place, _) in cards.iter().filter(|(_, card)| !card.nvidia()) {
                hardware::amdgpu(root, *place, version)?;
            }
        }
        "nvidia_uvm" | "nvidia-uvm" => hardware::memory_manager(root, version)?,
        _ => {}
    }
    Ok(None)
}
