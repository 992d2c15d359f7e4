//! In what a model runs on each stack where nobody says it, and what that stands on.

use super::FitRequest;
use super::model::Read;
use deskside_advise::fit::case::Case;
use deskside_knowledge::models::FormatRow;
use deskside_types::Result;

impl FitRequest {
    /// The case on a stack (`cuda`, `rocm`, `metal`, `cpu`), in the engine that people take there: each platform is compared at
    /// its usual best, and none in another's.
    ///
    /// # Errors
    /// As [`Self::case`].
    pub(crate) fn case_on(&self, read: &Read, stack: &str) -> Result<Case> {
        let metal = stack == "metal";
        if self.framework.is_some() {
            return self.case(read, metal);
        }
        let mut asked = self.clone();
        let (format, kept) = self.weights(read)?;
        // MLX has formats of its own to train adapters on.
        let qlora = self
            .train
            .as_ref()
            .is_some_and(|train| train.method == "qlora");
        if metal && qlora && self.format.is_none() && !kept {
            asked.format = Some("mlx-q4-g64".into());
            asked.framework = Some("mlx".into());
        } else {
            asked.framework = Some(self.engine(read, &format, stack).into());
        }
        asked.case(read, metal)
    }

    /// The usual engine on a stack: vLLM on CUDA, llama.cpp elsewhere and for GGUF, MLX on Macs.
    fn engine(&self, read: &Read, format: &FormatRow, stack: &str) -> &'static str {
        let metal = stack == "metal";
        let plain = matches!(format.kind, "float16" | "float32");
        match format.kind {
            "gguf" => "llama.cpp",
            _ if read.gguf => "llama.cpp",
            "mlx" => "mlx",
            _ if metal && plain => "mlx",
            _ if self.train.is_some() => "peft",
            // Engines for generating text; bitsandbytes is transformers'.
            _ if read.shape.kind != "decoder" || of_bitsandbytes(format) => "transformers",
            _ if stack == "cuda" => "vllm",
            _ if plain => "llama.cpp",
            _ => "transformers",
        }
    }

    /// What a case rests on that is tied to an accelerator's maker, by the names of the table of software, and why.
    pub(crate) fn rests_on(&self, case: &Case) -> Vec<(&'static str, &'static str)> {
        let mut all = Vec::new();
        let runtime = case.runtime.name.as_str();
        let engine = match runtime {
            "MLX" => Some("MLX"),
            "vLLM" => Some("vllm"),
            "SGLang" => Some("sglang"),
            "Unsloth" => Some("unsloth"),
            "ExLlamaV2" => Some("exllamav2"),
            name if name.starts_with("AutoAWQ") => Some("autoawq"),
            _ => None,
        };
        // What nobody asked for is only taken where it runs.
        if let Some(engine) = engine.filter(|_| self.framework.is_some()) {
            all.push((engine, "the framework asked for"));
        }
        let format = &case.weights.format;
        let reads_all = matches!(runtime, "vLLM" | "SGLang");
        let of_format = match format.kind {
            "mlx" => Some("MLX"),
            "float8" => Some("fp8 weights"),
            _ if of_bitsandbytes(format) => Some("bitsandbytes"),
            _ if format.name.starts_with("awq") && !reads_all => Some("autoawq"),
            _ if format.name.starts_with("gptq") && !reads_all && runtime != "ExLlamaV2" => {
                Some("auto-gptq")
            }
            _ => None,
        };
        if let Some(software) = of_format
            && !all.iter().any(|(name, _)| *name == software)
        {
            all.push((software, "the weights' format"));
        }
        all
    }
}

/// A format that bitsandbytes makes and reads.
fn of_bitsandbytes(format: &FormatRow) -> bool {
    ["nf4", "fp4", "bnb", "int8"]
        .iter()
        .any(|head| format.name.starts_with(head))
}
