//! The accelerator builds of a framework that a project names as extras, and which of them this machine takes.

use super::{Index, Variant};
use crate::build::specifier::admits;
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;

/// A framework as projects name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// PyTorch.
    Torch,
    /// JAX.
    Jax,
    /// MLX.
    Mlx,
    /// TensorFlow.
    Tensorflow,
}

impl Framework {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Torch, Self::Jax, Self::Mlx, Self::Tensorflow];

    /// The distribution's name, which is also the word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Mlx => "mlx",
            Self::Tensorflow => "tensorflow",
        }
    }

    /// Distributions that come from the same index as the framework's build.
    pub fn companions(self) -> &'static [&'static str] {
        match self {
            Self::Torch => &["torch", "torchvision", "torchaudio"],
            _ => &[],
        }
    }
}

impl std::str::FromStr for Framework {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|framework| framework.word() == text)
            .ok_or_else(|| {
                format!("`{text}` is no framework; there are torch, jax, mlx and tensorflow")
            })
    }
}

/// The name of a build's extra: letters and digits only, as `cu126`, `rocm72`.
pub fn extra_name(variant: &str) -> String {
    variant
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

/// The builds of a framework for a portable project. `bounds` are the project's own specifiers; `companions` are
/// requirements that go along with it; `pytorch` is the root of PyTorch's own indexes, with the names of those that
/// are to be named.
pub fn variants(
    framework: Framework,
    bounds: &str,
    companions: &[String],
    pytorch: &str,
    reachable: &dyn Fn(&str) -> bool,
) -> Vec<Variant> {
    let plain = |extra: &str, requirement: String| Variant {
        extra: extra.into(),
        requirements: vec![requirement],
        index: None,
        marker: None,
    };
    match framework {
        Framework::Torch => torch(bounds, companions, pytorch, reachable),
        Framework::Jax => vec![
            plain("cpu", format!("jax{bounds}")),
            plain("cuda12", format!("jax[cuda12]{bounds}")),
            plain("cuda13", format!("jax[cuda13]{bounds}")),
        ],
        Framework::Mlx => vec![
            plain("metal", format!("mlx{bounds}; sys_platform == 'darwin'")),
            plain("cpu", format!("mlx[cpu]{bounds}; sys_platform == 'linux'")),
            plain(
                "cuda12",
                format!("mlx[cuda12]{bounds}; sys_platform == 'linux'"),
            ),
            plain(
                "cuda13",
                format!("mlx[cuda13]{bounds}; sys_platform == 'linux'"),
            ),
        ],
        Framework::Tensorflow => vec![
            plain("cpu", format!("tensorflow{bounds}")),
            plain(
                "cuda12",
                format!("tensorflow[and-cuda]{bounds}; sys_platform == 'linux'"),
            ),
        ],
    }
}

fn torch(
    bounds: &str,
    companions: &[String],
    pytorch: &str,
    reachable: &dyn Fn(&str) -> bool,
) -> Vec<Variant> {
    let known = frameworks::torch();
    let releases: Vec<_> = known
        .releases
        .iter()
        .filter(|release| admits(bounds, &release.version))
        .collect();
    let with = |requirement: String| {
        let mut all = vec![requirement];
        all.extend(companions.iter().cloned());
        all
    };
    let mut variants = Vec::new();
    let mut from_index = |name: &str| {
        if !reachable(name) {
            return;
        }
        variants.push(Variant {
            extra: extra_name(name),
            requirements: with(format!("torch{bounds}")),
            index: Some(Index {
                name: format!("pytorch-{}", extra_name(name)),
                url: format!("{}/{name}", pytorch.trim_end_matches('/')),
            }),
            // Macs take the default index's build, which computes on Metal.
            marker: Some("sys_platform != 'darwin'".into()),
        });
    };
    from_index("cpu");
    let mut cudas: Vec<&String> = Vec::new();
    for release in releases.iter().take(2) {
        for cuda in &release.cuda {
            if !cudas.contains(&cuda) {
                cudas.push(cuda);
            }
        }
    }
    cudas.sort_by(|left, right| order(left, right));
    for cuda in &cudas {
        from_index(&format!("cu{}", cuda.replace('.', "")));
    }
    let backends = &frameworks::indexes().uv.rocm_backends;
    let rocm = releases
        .iter()
        .filter_map(|release| release.rocm.as_ref())
        .find(|rocm| backends.contains(rocm));
    if let Some(rocm) = rocm {
        from_index(&format!("rocm{rocm}"));
    }
    // The default index's own build: CUDA on Linux, Metal on a Mac.
    if let Some(newest) = releases.first() {
        let extra = format!("cu{}", newest.default_cuda.replace('.', ""));
        if !variants
            .iter()
            .any(|variant: &Variant| variant.extra == extra)
        {
            let bounds = if bounds.is_empty() {
                format!(">={}", newest.version)
            } else {
                bounds.to_string()
            };
            variants.push(Variant {
                extra,
                requirements: with(format!("torch{bounds}")),
                index: None,
                marker: None,
            });
        }
    } else {
        variants.push(Variant {
            extra: "default".into(),
            requirements: with(format!("torch{bounds}")),
            index: None,
            marker: None,
        });
    }
    variants
}

/// Which of a project's extras serves where the best build is `variant`: that one, else the nearest that the same
/// machine runs, else the one for processors, else the default index's.
pub fn nearest<'a>(variant: &str, extras: &[&'a str]) -> Option<&'a str> {
    let wanted = extra_name(variant);
    let find = |name: &str| extras.iter().copied().find(|extra| *extra == name);
    if let Some(same) = find(&wanted) {
        return Some(same);
    }
    if wanted == "mps" {
        // On a Mac each of torch's extras is the default index's build.
        return find("cpu")
            .or_else(|| extras.iter().copied().find(|extra| extra.starts_with("cu")));
    }
    let cuda = |extra: &str| {
        extra
            .strip_prefix("cu")
            .and_then(|digits| digits.parse::<u32>().ok())
    };
    if let Some(version) = cuda(&wanted) {
        // A build of an older CUDA runs on a newer driver; of the same major version also the other way round.
        let mut fitting: Vec<&str> = extras
            .iter()
            .copied()
            .filter(|extra| cuda(extra).is_some_and(|own| own / 10 <= version / 10))
            .collect();
        fitting.sort_by_key(|extra| cuda(extra));
        if let Some(newest) = fitting.pop() {
            return Some(newest);
        }
    }
    find("cpu")
        .or_else(|| extras.iter().copied().find(|extra| cuda(extra).is_some()))
        .or_else(|| extras.first().copied())
}
