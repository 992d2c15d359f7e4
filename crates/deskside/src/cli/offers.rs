//! `deskside offers`: the command line's shape.

use clap::{Args, Subcommand};

/// Arguments of `offers`.
#[derive(Debug, Args)]
pub struct Offers {
    /// What is done; without it they are listed
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Only offers of this accelerator
    #[arg(long, value_name = "NAME")]
    pub gpu: Option<String>,
    /// Only offers of this provider
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
}

/// What is done with offers.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Bring prices up to date from public catalogues; every row is checked, what was before is kept
    Refresh(Refresh),
    /// Bring back what was before the last refresh
    Undo,
    /// Add a price of your own: it wins over every catalogue
    Add(Add),
}

/// Arguments of `offers refresh`.
#[derive(Debug, Args)]
pub struct Refresh {
    /// Only this catalogue
    #[arg(long, value_name = "CATALOGUE", value_parser = ["gpuhunt", "gpu-pricing", "skypilot"])]
    pub from: Option<String>,
    /// Where it lies instead: a mirror of it
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    pub url: Option<String>,
    /// Only show what would change
    #[arg(long)]
    pub plan: bool,
}

/// Arguments of `offers add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The accelerator
    #[arg(long, value_name = "NAME")]
    pub gpu: String,
    /// Who rents it out
    #[arg(long, value_name = "NAME")]
    pub provider: String,
    /// What one costs an hour
    #[arg(long, value_name = "MONEY", allow_negative_numbers = true)]
    pub price: f64,
    /// The currency
    #[arg(long, value_name = "LETTERS", default_value = "USD")]
    pub currency: String,
    /// Its memory in GB; without it as other offers of it have
    #[arg(long, value_name = "GB")]
    pub memory: Option<f64>,
    /// on-demand, secure, community, spot, …
    #[arg(long, value_name = "WORD", default_value = "on-demand")]
    pub tier: String,
    /// The day it is of; without it today
    #[arg(long, value_name = "DAY")]
    pub as_of: Option<String>,
}
