//! Peers of `fit`, asked by their own programs where they are there.
//!
//! llmfit answers offline from a database of its own. hf-mem and accelerate read a model from the hub, which a bench does not
//! do: what they would say is counted by their published formulas (weights alone; bytes a parameter times 1 or 4).

use super::fit::Row;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The environment of peers.
pub(super) struct Peers {
    llmfit: Option<PathBuf>,
    version: String,
    asked: RefCell<BTreeMap<(String, String, u64), Option<f64>>>,
}

impl Peers {
    /// That in a folder, else in `DESKSIDE_BENCH_PEERS`.
    pub fn of(folder: Option<PathBuf>) -> Self {
        let folder = folder.or_else(|| std::env::var_os("DESKSIDE_BENCH_PEERS").map(PathBuf::from));
        let llmfit = folder
            .map(|folder| folder.join("bin/llmfit"))
            .filter(|path| path.is_file());
        let version = llmfit
            .as_ref()
            .and_then(|path| {
                Command::new(path)
                    .arg("--version")
                    .stderr(Stdio::null())
                    .output()
                    .ok()
            })
            .map_or(String::new(), |output| {
                String::from_utf8_lossy(&output.stdout).trim().to_string()
            });
        Self {
            llmfit,
            version,
            asked: RefCell::default(),
        }
    }

    /// What llmfit says that a row needs, in bytes; none where it does not know the model or the format.
    pub fn llmfit(&self, row: &Row) -> Option<f64> {
        let program = self.llmfit.as_ref()?;
        let format = format(row.text("weights"))?;
        // It knows no batches and counts one process on one card.
        if !matches!(row.text("batch"), "" | "1") || !matches!(row.text("n_gpu"), "" | "1") {
            return None;
        }
        let number = |column: &str| row.text(column).parse::<f64>().unwrap_or(0.0);
        let context = (number("prompt_len") + number("gen_len"))
            .max(number("seq_len"))
            .max(1.0) as u64;
        let model = row.text("model").to_string();
        *self
            .asked
            .borrow_mut()
            .entry((model.clone(), format.to_string(), context))
            .or_insert_with(|| {
                let output = Command::new(program)
                    .args([
                        "plan",
                        &model,
                        "--context",
                        &context.to_string(),
                        "--quant",
                        format,
                        "--json",
                    ])
                    .stderr(Stdio::null())
                    .output()
                    .ok()?;
                let value: Value = serde_json::from_slice(&output.stdout).ok()?;
                // A part of a name finds another model: only the same one counts.
                let last =
                    |text: &str| text.rsplit('/').next().unwrap_or(text).to_ascii_lowercase();
                if last(value["model_name"].as_str()?) != last(&model) {
                    return None;
                }
                value["minimum"]["vram_gb"]
                    .as_f64()
                    .map(|gigabytes| gigabytes * 1e9)
            })
    }

    /// Says which peers could not be asked.
    pub fn say(&self) {
        match &self.llmfit {
            Some(_) => println!(
                "peers: {} was asked, {} questions",
                self.version,
                self.asked.borrow().len()
            ),
            None => {
                println!("peers: llmfit is not there (--peers FOLDER names an environment with it)")
            }
        }
        println!(
            "peers: accelerate and hf-mem read models from the hub and were not run; their lines are their formulas"
        );
    }
}

/// A row's format by llmfit's names.
fn format(weights: &str) -> Option<&'static str> {
    match weights {
        "bf16" => Some("BF16"),
        "fp16" => Some("F16"),
        "fp32" => Some("F32"),
        "gptq-int8" => Some("GPTQ-Int8"),
        name if name.starts_with("gptq-int4") => Some("GPTQ-Int4"),
        name if name.starts_with("awq-int4") => Some("AWQ-4bit"),
        name if name.starts_with("mlx-q4") => Some("mlx-4bit"),
        name if name.starts_with("mlx-q8") => Some("mlx-8bit"),
        _ => None,
    }
}
