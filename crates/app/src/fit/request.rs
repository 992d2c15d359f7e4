//! What a person asked, checked for contradictions, and made a case.

use super::model::{Reach, Read};
use deskside_advise::fit::case::{
    Attention, Case, Checkpointing, Inference, Level, Loss, Method, Optimizer, Spread, Training,
    Weights, Work,
};
use deskside_advise::fit::row::optimizer_of;
use deskside_knowledge::models::{FormatRow, weight_format, weight_formats};
use deskside_knowledge::runtimes::{Runtime, runtime_named, runtimes};
use deskside_types::{Code, Problem, Result};

/// A question about one model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FitRequest {
    /// The model: a folder, a file, a name, a count of parameters.
    pub model: String,
    /// Whether the hub may be asked for it.
    pub reach: Reach,
    /// The weights' format; none: as they are stored, else what is usual.
    pub format: Option<String>,
    /// The framework; none: what is usual for the format and the machine.
    pub framework: Option<String>,
    /// Sequences at once.
    pub batch: Option<u32>,
    /// Tokens of a sequence: prompt and answer together, or a training sequence.
    pub context: Option<u32>,
    /// Tokens of it that are generated.
    pub generate: Option<u32>,
    /// Bits a value in the cache.
    pub cache_bits: Option<u32>,
    /// Attention scores are written out.
    pub eager: bool,
    /// Another accelerator than this machine's.
    pub on: Option<String>,
    /// How many accelerators.
    pub gpus: Option<u32>,
    /// Tokens of the whole job: time and energy are said for it.
    pub tokens: Option<f64>,
    /// Training, and how.
    pub train: Option<TrainRequest>,
}

/// How it would be trained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainRequest {
    /// `full`, `lora`, `qlora`.
    pub method: String,
    /// The optimizer.
    pub optimizer: Option<String>,
    /// Rank of adapters.
    pub rank: Option<u32>,
    /// Which linear layers get adapters.
    pub targets: Option<String>,
    /// `none`, `selective`, `full`.
    pub checkpointing: Option<String>,
    /// `default`, `chunked`, `fused`.
    pub loss: Option<String>,
    /// Micro-batches a step.
    pub accumulate: Option<u32>,
    /// Compiled.
    pub compiled: bool,
}

impl FitRequest {
    /// Nothing but a model.
    pub fn of(model: &str) -> Self {
        Self {
            model: model.into(),
            ..Self::default()
        }
    }

    /// Refuses what can't be meant together.
    ///
    /// # Errors
    /// [`Code::FitContradictory`].
    pub fn check(&self) -> Result<()> {
        let refuse =
            |text: &str, hint: &str| Err(Problem::new(Code::FitContradictory, text).hint(hint));
        if let (Some(context), Some(generate)) = (self.context, self.generate)
            && generate > context
        {
            return refuse(
                "more tokens are to be generated than the context has",
                "raise --context or lower --generate",
            );
        }
        if self
            .tokens
            .is_some_and(|tokens| !(tokens.is_finite() && tokens > 0.0))
        {
            return refuse(
                "a job of so many tokens can't be",
                "give --tokens above zero: `--tokens 1e9`",
            );
        }
        let Some(train) = &self.train else {
            return Ok(());
        };
        if self.generate.is_some() || self.cache_bits.is_some() {
            return refuse(
                "--generate and --cache-bits are about running a model, not about training it",
                "leave them or --train away",
            );
        }
        if train.method == "full" && (train.rank.is_some() || train.targets.is_some()) {
            return refuse(
                "--rank and --targets belong to adapters, and --train full trains everything",
                "use --train lora",
            );
        }
        let bits = self
            .format
            .as_deref()
            .and_then(format_named)
            .map(|format| format.linear_bits);
        if train.method == "qlora" && bits.is_some_and(|bits| bits >= 12.0) {
            return refuse(
                "QLoRA keeps the base weights quantised, and the format asked for is not",
                "use --train lora, or --format nf4",
            );
        }
        if train.method == "full" && bits.is_some_and(|bits| bits < 12.0) {
            return refuse(
                "quantised weights can't be trained whole",
                "use --train qlora, or --format bf16",
            );
        }
        Ok(())
    }

    /// The case.
    ///
    /// # Errors
    /// [`Code::Usage`] when a format, a framework or an optimizer is not known.
    pub(crate) fn case(&self, read: &Read, apple: bool) -> Result<Case> {
        let (format, kept) = self.weights(read)?;
        let runtime = self.runtime(read, &format, apple)?;
        if self.train.is_some() && format.kind == "gguf" && format.linear_bits < 16.0 {
            return Err(Problem::new(
                Code::FitContradictory,
                "GGUF weights are for running: no trainer takes them quantised",
            )
            .hint("give the folder the file was made from, or the model's name"));
        }
        let work = match &self.train {
            Some(train) => Work::Training(Training {
                mixed: format.kind == "float32",
                ..self.training(train)?
            }),
            None => Work::Inference(self.running()),
        };
        Ok(Case {
            shape: read.shape.clone(),
            weights: Weights {
                format,
                head_quantised: runtime.quantise_while_loading,
                counted_bytes: read.counted.filter(|_| kept),
            },
            runtime,
            work,
            devices: 1.0,
            spread: Spread::Copies,
            summed: false,
            level: Level::Device,
            device: None,
        })
    }

    /// The format, and whether it is the one that is stored.
    pub(super) fn weights(&self, read: &Read) -> Result<(FormatRow, bool)> {
        if let Some(name) = &self.format {
            let format = format_named(name).ok_or_else(|| {
                let known: Vec<&str> = weight_formats().map(|format| format.name).collect();
                Problem::new(Code::Usage, format!("the format {name:?} is not known"))
                    .hint(format!("known are: {}", known.join(", ")))
            })?;
            let kept = read.format.as_deref() == Some(format.name);
            return Ok((format, kept));
        }
        let qlora = self
            .train
            .as_ref()
            .is_some_and(|train| train.method == "qlora");
        let stored = read.format.as_deref().and_then(weight_format);
        let usual = if qlora { "nf4" } else { "bf16" };
        let quantised = stored
            .as_ref()
            .is_some_and(|format| format.linear_bits < 12.0);
        match stored {
            // Adapters go onto quantised weights as they are stored; what is not quantised is quantised when it is loaded.
            Some(format) if !qlora || quantised => Ok((format, true)),
            _ => Ok((
                weight_format(usual)
                    .ok_or_else(|| Problem::new(Code::Bug, "a usual format is not in the table"))?,
                false,
            )),
        }
    }

    fn runtime(&self, read: &Read, format: &FormatRow, apple: bool) -> Result<&'static Runtime> {
        let name = match &self.framework {
            Some(name) => name.as_str(),
            None if read.gguf || format.kind == "gguf" => "llama.cpp",
            None if format.kind == "mlx" || apple => "mlx",
            None => "transformers",
        };
        runtime_named(name).ok_or_else(|| {
            let known: Vec<&str> = runtimes()
                .iter()
                .map(|runtime| runtime.name.as_str())
                .collect();
            Problem::new(Code::Usage, format!("the framework {name:?} is not known"))
                .hint(format!("known are: {}", known.join(", ")))
        })
    }

    fn running(&self) -> Inference {
        let generate = self
            .generate
            .unwrap_or(256)
            .min(self.context.unwrap_or(u32::MAX));
        let context = self.context.unwrap_or(4096).max(generate);
        Inference {
            batch: f64::from(self.batch.unwrap_or(1).max(1)),
            prompt: f64::from(context - generate),
            generate: f64::from(generate),
            cache_bits: self.cache_bits.map_or(16.0, |bits| {
                if bits == 16 {
                    16.0
                } else {
                    f64::from(bits) + 0.5
                }
            }),
            beams: 1.0,
            attention: if self.eager {
                Attention::Eager
            } else {
                Attention::Flash
            },
            only_load: false,
        }
    }

    fn training(&self, train: &TrainRequest) -> Result<Training> {
        let method = match train.method.as_str() {
            "full" => Method::Full,
            "qlora" => Method::Qlora,
            _ => Method::Lora,
        };
        let optimizer = match train.optimizer.as_deref() {
            None => Optimizer::Adamw,
            Some(name) => optimizer_of(name),
        };
        Ok(Training {
            method,
            optimizer,
            rank: f64::from(train.rank.unwrap_or(16).max(1)),
            targets: train.targets.clone().unwrap_or_default(),
            whole_embeddings: false,
            batch: f64::from(self.batch.unwrap_or(1).max(1)),
            sequence: f64::from(self.context.unwrap_or(1024).max(1)),
            typical: None,
            checkpointing: match train.checkpointing.as_deref() {
                Some("full") => Checkpointing::Full,
                Some("selective") => Checkpointing::Selective,
                _ => Checkpointing::None,
            },
            attention: if self.eager {
                Attention::Eager
            } else {
                Attention::Flash
            },
            loss: match train.loss.as_deref() {
                Some("chunked") => Loss::Chunked,
                Some("fused") => Loss::Fused,
                _ => Loss::Default,
            },
            compiled: train.compiled,
            in_backward: false,
            offload: false,
            mixed: false,
            float8: false,
            scales_outputs: false,
            accumulate: f64::from(train.accumulate.unwrap_or(1).max(1)),
            context_parallel: 1.0,
            tensor_parallel: 1.0,
        })
    }

    /// What was assumed because nobody said it.
    pub fn assumptions(&self, case: &Case) -> Vec<String> {
        let mut assumed = Vec::new();
        if !case.shape.is_counted_whole() {
            assumed.push(format!(
                "activations of a {} are not known and not counted: the sum is a lower bound",
                case.shape.kind
            ));
        }
        if self.framework.is_none() {
            assumed.push(format!("the framework: {}", case.runtime.name));
        }
        let context = match &case.work {
            Work::Inference(work) => work.prompt + work.generate,
            Work::Training(work) => work.sequence,
        };
        if case.shape.max_context > 0.0
            && context > case.shape.max_context
            && case.shape.is_counted_whole()
        {
            assumed.push(format!(
                "{context:.0} tokens are beyond the longest context that the model was made for ({:.0})",
                case.shape.max_context
            ));
        }
        if self.context.is_none() && case.shape.is_counted_whole() {
            assumed.push(match &case.work {
                Work::Inference(_) => "the context: 4096 tokens, 256 of them generated".into(),
                Work::Training(_) => "the sequence: 1024 tokens".into(),
            });
        }
        let read = matches!(case.weights.counted_bytes, Some(bytes) if bytes > 0.0);
        if self.format.is_none() && !read {
            assumed.push(format!("the weights' format: {}", case.weights.format.name));
        }
        if let Work::Training(work) = &case.work
            && work.method == Method::Full
            && case.runtime.is_hugging_face()
        {
            let sharded = case.devices > 1.0 && case.runtime.state_bytes_sharded > 0.0;
            assumed.push(if sharded || case.runtime.state_bytes >= 19.0 {
                "training with DeepSpeed's bf16 engine (20 bytes a parameter with AdamW); other trainers: --framework torchtune, torchtitan"
            } else if work.mixed {
                "weights in fp32, a step under bf16 autocast (16 bytes a parameter with AdamW, and 2 for copies)"
            } else {
                "weights in bf16, as checkpoints have them (8 bytes a parameter with AdamW); loaded in fp32 and trained under autocast they take 18: --format fp32"
            }.into());
        }
        if case.runtime.preallocates > 0.0 {
            assumed.push(format!(
                "{} takes {:.0} % of the card at once for its cache: the terms are what it needs at the least",
                case.runtime.name,
                case.runtime.preallocates * 100.0
            ));
        }
        assumed
    }

    /// What is known to slow this down on one of these cards, in words.
    pub fn slowed(&self, case: &Case, cards: &[&str]) -> Option<String> {
        // Seen on this one; its relatives were not tried.
        let is_seen = cards.iter().any(|card| card.contains("H100"));
        (matches!(case.work, Work::Inference(_)) && case.runtime.is_transformers_5() && is_seen).then(|| {
            "attention without cuDNN's kernels: PyTorch 2.11 picks them on this card and plans anew for each length, so that generating takes 2.7 to 2.9 times as long (measured on an H100); torch.backends.cuda.enable_cudnn_sdp(False) leaves them out".into()
        })
    }

    /// The work in words.
    pub fn work_in_words(&self, case: &Case) -> String {
        match &case.work {
            Work::Inference(_) if !case.shape.is_counted_whole() => {
                format!("holding a {} in memory", case.shape.kind)
            }
            Work::Inference(work) => format!(
                "running {} of {:.0} tokens ({:.0} read, {:.0} generated)",
                sequences(work.batch),
                work.prompt + work.generate,
                work.prompt,
                work.generate
            ),
            Work::Training(work) => format!(
                "training ({}) {} of {:.0} tokens a step, {}{}",
                match work.method {
                    Method::Full => "all parameters".into(),
                    Method::Lora => format!("LoRA, rank {:.0}", work.rank),
                    Method::Qlora => format!("QLoRA, rank {:.0}", work.rank),
                    Method::Adapter => "adapters".into(),
                },
                sequences(work.batch),
                work.sequence,
                work.optimizer.name(),
                match work.checkpointing {
                    Checkpointing::None => "",
                    Checkpointing::Selective => ", some activations checkpointed",
                    Checkpointing::Full => ", activations checkpointed",
                }
            ),
        }
    }
}

fn sequences(count: f64) -> String {
    if count == 1.0 {
        "one sequence".into()
    } else {
        format!("{count:.0} sequences")
    }
}

fn format_named(name: &str) -> Option<FormatRow> {
    weight_format(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let train = |method: &str, format: Option<&str>, rank: Option<u32>| FitRequest {
            format: format.map(Into::into),
            train: Some(TrainRequest {
                method: method.into(),
                rank,
                ..TrainRequest::default()
            }),
            ..FitRequest::of("8B")
        };
        for (request, good) in [
            (FitRequest::of("8B"), true),
            (train("lora", None, Some(8)), true),
            (train("qlora", Some("nf4"), None), true),
            (train("qlora", Some("bf16"), None), false),
            (train("full", Some("nf4"), None), false),
            (train("full", None, Some(8)), false),
            (
                FitRequest {
                    cache_bits: Some(8),
                    ..train("lora", None, None)
                },
                false,
            ),
            (
                FitRequest {
                    context: Some(100),
                    generate: Some(200),
                    ..FitRequest::of("8B")
                },
                false,
            ),
        ] {
            assert_eq!(request.check().is_ok(), good, "{request:?}");
            if let Err(problem) = request.check() {
                assert_eq!(problem.code, Code::FitContradictory);
                assert!(!problem.hints.is_empty());
            }
        }
    }
}
