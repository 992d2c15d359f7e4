//! Arguments of `clean` and `reinstall`.

use super::plan::Form;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `clean`.
///
/// Names exactly what goes: packages one by one, and what lies beside them: the `.run` installer, folders of CUDA, stray
/// sources, keys and pins, paths in shell profiles, module leftovers. Environments, caches and projects stay.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  deskside clean driver --plan     what would go
  deskside clean cuda              the toolkits; asks for this machine's name first
  deskside clean all               driver and toolkits")]
pub struct Clean {
    /// What goes
    pub part: Part,
    /// How it is shown and asked for.
    #[command(flatten)]
    pub shown: Shown,
}

impl Clean {
    /// The wish, in the words that `plan --wish` takes.
    pub fn wishes(&self) -> Vec<String> {
        vec![format!("clean={}", self.part.word())]
    }
}

/// Arguments of `reinstall`.
///
/// For what is damaged, mixed from several archives, of the wrong branch, or installed past the packages: it goes, and the
/// right one comes, in one plan with at most one restart. What could not be brought back is not taken away.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  deskside reinstall driver --plan             what would be done
  deskside reinstall driver --branch 595-open  another branch
  deskside reinstall cuda --cuda 13.0          another toolkit")]
pub struct Reinstall {
    /// What goes and comes back
    pub part: Part,
    /// The driver's branch; the one that is there where it fits the cards, else the one that fits
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// The CUDA toolkit's version; those that are there when none
    #[arg(long, value_name = "VERSION")]
    pub cuda: Option<String>,
    /// How it is shown and asked for.
    #[command(flatten)]
    pub shown: Shown,
}

impl Reinstall {
    /// The wish, in the words that `plan --wish` takes.
    pub fn wishes(&self) -> Vec<String> {
        let branch = self.branch.iter().map(|branch| format!("driver={branch}"));
        let cuda = self.cuda.iter().map(|version| format!("cuda={version}"));
        std::iter::once(format!("reinstall={}", self.part.word()))
            .chain(branch)
            .chain(cuda)
            .collect()
    }
}

/// How such a plan is shown and asked for.
#[derive(Debug, Args)]
pub struct Shown {
    /// Only show the plan
    #[arg(long, visible_alias = "dry-run")]
    plan: bool,
    /// Print the plan in another form
    #[arg(long, value_enum, value_name = "FORM")]
    pub emit: Option<Form>,
    /// Keep the plan as a file, for `deskside apply FILE`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// With --plan: exit with 3 when something would be done
    #[arg(long, requires = "plan")]
    pub exit_code: bool,
    /// Don't ask where little can go wrong
    #[arg(long, short)]
    pub yes: bool,
    /// This machine's name, instead of typing it
    #[arg(long, value_name = "NAME")]
    pub machine_name: Option<String>,
    /// Restart the machine without asking when the plan needs it
    #[arg(long)]
    pub restart: bool,
}

impl Shown {
    /// Whether the plan is only shown, printed or kept.
    pub fn plan(&self) -> bool {
        self.plan || self.emit.is_some() || self.out.is_some()
    }
}

/// A part of the system layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// NVIDIA's driver
    Driver,
    /// The CUDA toolkits
    Cuda,
    /// ROCm
    Rocm,
    /// MLX: what of it is in the system
    Mlx,
    /// The driver and all toolkits
    All,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Mlx => "mlx",
            Self::All => "all",
        }
    }
}
