//! `deskside choose`: the command line's shape.

use super::pair;
use clap::Args;
use deskside_app::choose::Wish;
use std::path::PathBuf;

/// Arguments of `choose`.
#[derive(Debug, Args)]
pub struct Choose {
    /// A model you work with, as `fit` takes it: a name, a folder, a file, a count of parameters (again for more)
    #[arg(long, value_name = "MODEL")]
    pub model: Vec<String>,
    /// What you do with it (again for more)
    #[arg(long, value_name = "METHOD", value_parser = ["inference", "full", "lora", "qlora", "scratch"])]
    pub method: Vec<String>,
    /// The weights' format for running: bf16, fp8, nf4, Q4_K_M, …
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// The framework for running
    #[arg(long, value_name = "NAME")]
    pub framework: Option<String>,
    /// Tokens of a sequence
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub context: Option<u32>,
    /// Sequences at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch: Option<u32>,
    /// Hours a week that an accelerator works; without it measured from your runs
    #[arg(long, value_name = "HOURS")]
    pub hours: Option<f64>,
    /// The accelerator on which it takes these hours; without it this machine's
    #[arg(long, value_name = "ACCELERATOR")]
    pub hours_on: Option<String>,
    /// The most you can pay at once
    #[arg(long, value_name = "MONEY", allow_negative_numbers = true)]
    pub budget: Option<f64>,
    /// The most you can pay a month: rent, or electricity and repairs; not the price, spread over its years
    #[arg(long, value_name = "MONEY", allow_negative_numbers = true)]
    pub budget_month: Option<f64>,
    /// It must be quiet
    #[arg(long)]
    pub silent: bool,
    /// It must be usable from anywhere
    #[arg(long)]
    pub portable: bool,
    /// Software that your code rests on: flash-attn, bitsandbytes, vllm, triton, 'custom CUDA kernels', … (again for more)
    #[arg(long, value_name = "SOFTWARE")]
    pub code: Vec<String>,
    /// Find that in a project's files: pyproject.toml, requirements, locks, imports
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub project: Option<PathBuf>,
    /// Take a country's or a state's electricity tariff: DE, US, US-CA
    #[arg(long, value_name = "CODE", conflicts_with = "tariff")]
    pub country: Option<String>,
    /// What you pay for a kWh
    #[arg(long, value_name = "MONEY")]
    pub tariff: Option<f64>,
    /// The currency of all sums
    #[arg(long, value_name = "LETTERS")]
    pub currency: Option<String>,
    /// What a platform costs you at once: rtx-5090=2600 (again for more)
    #[arg(long, value_name = "PLATFORM=MONEY", value_parser = pair)]
    pub price: Vec<(String, String)>,
    /// A file that says all this; options win over it
    #[arg(long, value_name = "FILE.toml", value_hint = clap::ValueHint::FilePath)]
    pub scenario: Option<PathBuf>,
    /// Only this platform, with the reason of each cell
    #[arg(long, value_name = "PLATFORM")]
    pub why: Option<String>,
}

impl Choose {
    /// What was given.
    pub fn wish(&self) -> Wish {
        Wish {
            models: self.model.clone(),
            methods: self.method.clone(),
            work: Vec::new(),
            format: self.format.clone(),
            framework: self.framework.clone(),
            context: self.context,
            batch: self.batch,
            hours_a_week: self.hours,
            hours_on: self.hours_on.clone(),
            budget: self.budget,
            budget_a_month: self.budget_month,
            quiet: self.silent,
            portable: self.portable,
            code: self.code.clone(),
            project: self.project.clone(),
            country: self.country.clone(),
            tariff: self.tariff,
            currency: self.currency.clone(),
            // What is no number is refused with its name, as zero is.
            prices: self
                .price
                .iter()
                .map(|(id, money)| (id.clone(), money.parse().unwrap_or(f64::NAN)))
                .collect(),
        }
    }
}
