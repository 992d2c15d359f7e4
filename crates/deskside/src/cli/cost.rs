//! `deskside cost`: the command line's shape.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Question {
    /// Buy a machine, or rent for the same use
    Buy,
    /// Keep the machine that is owned, or sell it and rent
    Keep,
    /// One job: on the machine that is owned, or rented
    Job,
}

/// How the answer is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// As a scenario that gives the same answer again
    Toml,
}

/// Arguments of `cost`. Numbers may be ranges: `2200..2800`; shares may be percents: `5%`.
#[derive(Debug, Args)]
pub struct Cost {
    /// The question; with --scenario it may stand in the file
    #[arg(value_enum, conflicts_with = "since")]
    pub question: Option<Question>,
    /// A file with inputs; options win over it
    #[arg(long, value_name = "FILE.toml", value_hint = clap::ValueHint::FilePath)]
    pub scenario: Option<PathBuf>,
    /// Add up what the runs since then took: 30d, 12h, 2w, or a day
    #[arg(long, value_name = "SPAN", conflicts_with = "emit")]
    pub since: Option<String>,
    /// Print the whole scenario instead of the answer
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub emit: Option<Emit>,
    /// The accelerator that is owned or would be bought; without it this machine's
    #[arg(long, value_name = "NAME")]
    pub gpu: Option<String>,
    /// How many
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true)]
    pub gpus: Option<String>,
    /// What the whole machine costs
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub price: Option<String>,
    /// What the owned machine would sell for today
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub sells_for: Option<String>,
    /// What it will sell for at the end
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub resale: Option<String>,
    /// Years it is used
    #[arg(long, value_name = "YEARS", allow_hyphen_values = true)]
    pub years: Option<String>,
    /// What money costs or earns elsewhere, a year: 5%
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub capital: Option<String>,
    /// Hours a day it works; without it measured from your runs
    #[arg(long, value_name = "HOURS", allow_hyphen_values = true)]
    pub hours: Option<String>,
    /// Hours a day it is on
    #[arg(long, value_name = "HOURS", allow_hyphen_values = true)]
    pub on_hours: Option<String>,
    /// Watts inside the case while it works
    #[arg(long, value_name = "WATTS", allow_hyphen_values = true)]
    pub watts: Option<String>,
    /// Watts inside the case while it is on and idle
    #[arg(long, value_name = "WATTS", allow_hyphen_values = true)]
    pub idle_watts: Option<String>,
    /// What you pay for a kWh
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub tariff: Option<String>,
    /// Take a country's or a state's tariff: DE, US, US-CA
    #[arg(long, value_name = "CODE", conflicts_with = "tariff")]
    pub country: Option<String>,
    /// The currency of all sums
    #[arg(long, value_name = "LETTERS")]
    pub currency: Option<String>,
    /// What one unit of another currency is in it: EUR=1.10
    #[arg(long, value_name = "LETTERS=RATE", value_parser = super::pair)]
    pub exchange: Vec<(String, String)>,
    /// What the rented machine costs an hour; without it the best offer known
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub rent: Option<String>,
    /// The accelerator that would be rented; without it the same
    #[arg(long, value_name = "NAME")]
    pub rent_gpu: Option<String>,
    /// Only offers of this provider
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// How many times as fast the rented machine does the work
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true)]
    pub speed: Option<String>,
    /// The kind of work, which decides how fast the rented machine is
    #[arg(long, value_name = "KIND", value_parser = ["decode", "prompt", "training"])]
    pub work: Option<String>,
    /// Of a job: hours it takes on the owned machine
    #[arg(long, value_name = "HOURS", allow_hyphen_values = true)]
    pub job_hours: Option<String>,
    /// Of a job: hours until the owned machine is free
    #[arg(long, value_name = "HOURS", allow_hyphen_values = true)]
    pub wait_hours: Option<String>,
    /// Of a job: what an hour sooner is worth
    #[arg(long, value_name = "MONEY", allow_hyphen_values = true)]
    pub hour_value: Option<String>,
}

impl Cost {
    /// What was given, by the keys of a scenario.
    pub fn set(&self) -> Vec<(String, String)> {
        [
            ("machine.gpu", &self.gpu),
            ("machine.gpus", &self.gpus),
            ("machine.price", &self.price),
            ("machine.sells_for", &self.sells_for),
            ("machine.resale", &self.resale),
            ("machine.years", &self.years),
            ("money.cost_of_capital", &self.capital),
            ("use.busy_hours_a_day", &self.hours),
            ("use.on_hours_a_day", &self.on_hours),
            ("machine.busy_watts", &self.watts),
            ("machine.idle_watts", &self.idle_watts),
            ("electricity.per_kwh", &self.tariff),
            ("electricity.country", &self.country),
            ("currency", &self.currency),
            ("rent.per_hour", &self.rent),
            ("rent.gpu", &self.rent_gpu),
            ("rent.provider", &self.provider),
            ("rent.speed", &self.speed),
            ("rent.work", &self.work),
            ("job.hours", &self.job_hours),
            ("job.wait_hours", &self.wait_hours),
            ("job.value_of_an_hour", &self.hour_value),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_string(), value.clone()?)))
        .chain(
            self.exchange
                .iter()
                .map(|(currency, rate)| (format!("exchange.{currency}"), rate.clone())),
        )
        .collect()
    }
}
