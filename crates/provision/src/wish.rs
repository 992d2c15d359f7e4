//! What a person wishes of the system layer: from the command line, or from `[system]` in a project's `deskside.toml`.

use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wished. The empty wish: what this machine's accelerators need to train, and nothing more.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wish {
    /// An NVIDIA driver branch: `580`, `595-open`. The one that fits is chosen when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// A CUDA toolkit with its compiler: `13.0`. None is needed to train.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// ROCm with its compiler. It is not needed to train.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rocm: bool,
    /// The driver's newest version within its branch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub upgrade: bool,
    /// How much of a Mac's memory Metal may use, in MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wired_limit_mb: Option<u64>,
    /// What is to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean: Option<Part>,
    /// What is to go and to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reinstall: Option<Part>,
    /// Upgrades that nobody asks for leave the driver alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hold_driver: bool,
    /// They may touch it again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub release_driver: bool,
    /// A change of another tool's that is to be taken back: its identity or the beginning of it, or its day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert: Option<String>,
}

/// A part of the system layer that goes, or goes and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// NVIDIA's driver.
    Driver,
    /// The CUDA toolkits.
    Cuda,
    /// ROCm.
    Rocm,
    /// MLX, which has nothing in the system.
    Mlx,
    /// The driver and all toolkits.
    All,
}

impl Part {
    /// Whether this part takes another in.
    pub(crate) fn takes(self, other: Self) -> bool {
        self == other || self == Self::All
    }

    fn named(text: &str) -> Option<Self> {
        Some(match text {
            "driver" => Self::Driver,
            "cuda" => Self::Cuda,
            "rocm" => Self::Rocm,
            "mlx" => Self::Mlx,
            "all" => Self::All,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Mlx => "mlx",
            Self::All => "all",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Driver => "the NVIDIA driver",
            Self::Cuda => "the CUDA toolkits",
            Self::Rocm => "ROCm",
            Self::Mlx => "MLX",
            Self::All => "drivers and toolkits",
        }
    }
}

/// The words there are, for a person who typed another.
const WORDS: &str = "driver=595-open, cuda=13.0, rocm, upgrade, wired=49152, clean=driver|cuda|rocm|mlx|all, reinstall=driver|cuda|rocm|all, hold-driver, release-driver, revert=ID";

impl Wish {
    /// The wish with one more word of the command line: `cuda=13.0`, `rocm`, `driver=595-open`, `upgrade`,
    /// `wired=49152`, `clean=cuda`.
    ///
    /// # Errors
    /// [`Code::Usage`] when it is no wish.
    pub fn with(mut self, word: &str) -> Result<Self> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (word.trim(), None),
        };
        match (name, value) {
            ("driver", Some(branch)) if is_branch(branch) => self.driver = Some(branch.into()),
            ("cuda", Some(version)) if version_parts(version).is_some() => {
                self.cuda = Some(version.into());
            }
            ("rocm", None) => self.rocm = true,
            ("upgrade", None) => self.upgrade = true,
            ("wired", Some(megabytes)) if megabytes.parse::<u64>().is_ok() => {
                self.wired_limit_mb = megabytes.parse().ok();
            }
            ("clean", Some(part)) if Part::named(part).is_some() => {
                self.clean = Part::named(part);
            }
            ("reinstall", Some(part)) if Part::named(part).is_some() => {
                self.reinstall = Part::named(part);
            }
            ("hold-driver", None) => self.hold_driver = true,
            ("release-driver", None) => self.release_driver = true,
            ("revert", Some(change)) if is_change(change) => self.revert = Some(change.into()),
            _ => {
                return Err(Problem::new(Code::Usage, format!("`{word}` is no wish")).hint(WORDS));
            }
        }
        match self.contradiction() {
            None => Ok(self),
            Some((one, other)) => Err(Problem::new(
                Code::Usage,
                format!("`{one}` and `{other}` are no wish together"),
            )
            .hint(format!(
                "one after the other: deskside apply --wish {one}    then    deskside apply --wish {other}"
            ))),
        }
    }

    /// Two words of it that no one plan can do both of: what goes does not come, and what is taken back stands alone.
    fn contradiction(&self) -> Option<(String, String)> {
        let words = self.words();
        let is = |word: &str, head: &str| word.split('=').next() == Some(head);
        let against = |head: &str, others: &[&str]| {
            let one = words.iter().find(|word| is(word, head))?;
            let other = words
                .iter()
                .find(|word| others.iter().any(|other| is(word, other)))?;
            Some((one.clone(), other.clone()))
        };
        against(
            "clean",
            &[
                "reinstall",
                "revert",
                "driver",
                "cuda",
                "rocm",
                "upgrade",
                "wired",
                "hold-driver",
            ],
        )
        .or_else(|| {
            against(
                "revert",
                &[
                    "reinstall",
                    "driver",
                    "cuda",
                    "rocm",
                    "upgrade",
                    "wired",
                    "hold-driver",
                    "release-driver",
                ],
            )
        })
        .or_else(|| against("hold-driver", &["release-driver"]))
    }

    /// The wish in `[system]` of a project's `deskside.toml`; the empty one where the file has no such table. A project
    /// says what it needs and no more: what takes away, holds or takes back is asked for by a person.
    ///
    /// # Errors
    /// [`Code::ProjectUnreadable`] when it can't be understood, or asks for more.
    pub fn of_project(text: &str) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Needs {
            driver: Option<String>,
            cuda: Option<String>,
            rocm: bool,
            wired_limit_mb: Option<u64>,
        }
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            system: Needs,
        }
        let unreadable = |cause: &dyn std::fmt::Display| {
            Problem::new(
                Code::ProjectUnreadable,
                "[system] of deskside.toml can't be understood",
            )
            .because(cause)
            .hint("it may hold driver, cuda, rocm and wired_limit_mb: [system] cuda = \"13.0\"")
            .hint("what takes away, holds or takes back is asked for by name: deskside plan --wish clean=cuda")
        };
        let needs = toml::from_str::<File>(text)
            .map_err(|error| unreadable(&error.message()))?
            .system;
        if let Some(cuda) = &needs.cuda
            && version_parts(cuda).is_none()
        {
            return Err(unreadable(&format!("cuda = \"{cuda}\" is no version")));
        }
        if let Some(driver) = &needs.driver
            && !is_branch(driver)
        {
            return Err(unreadable(&format!("driver = \"{driver}\" is no branch")));
        }
        Ok(Self {
            driver: needs.driver,
            cuda: needs.cuda,
            rocm: needs.rocm,
            wired_limit_mb: needs.wired_limit_mb,
            ..Self::default()
        })
    }

    /// The words that make this wish, as `plan --wish` and `apply --wish` take them.
    pub fn words(&self) -> Vec<String> {
        let named = |name: &str, value: Option<&str>| value.map(|value| format!("{name}={value}"));
        let plain = |name: &str, wished: bool| wished.then(|| name.to_string());
        let megabytes = self.wired_limit_mb.map(|megabytes| megabytes.to_string());
        [
            named("clean", self.clean.map(Part::word)),
            named("reinstall", self.reinstall.map(Part::word)),
            named("revert", self.revert.as_deref()),
            named("driver", self.driver.as_deref()),
            named("cuda", self.cuda.as_deref()),
            plain("rocm", self.rocm),
            plain("upgrade", self.upgrade),
            named("wired", megabytes.as_deref()),
            plain("hold-driver", self.hold_driver),
            plain("release-driver", self.release_driver),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The wish in a phrase.
    pub fn phrase(&self) -> String {
        let mut parts = Vec::new();
        parts.push(
            match (self.clean, self.reinstall, &self.revert, &self.driver) {
                (Some(part), ..) => format!("remove {}", part.phrase()),
                (_, Some(part), _, None) => format!("install {} anew", part.phrase()),
                (_, Some(part), _, Some(branch)) => {
                    format!("install {} anew, with driver {branch}", part.phrase())
                }
                (_, _, Some(change), _) => format!("take back the change {change}"),
                (.., Some(branch)) => {
                    format!("this machine's accelerators ready, with driver {branch}")
                }
                _ => "this machine's accelerators ready".into(),
            },
        );
        if self.hold_driver {
            parts.push("the driver left alone by unattended upgrades".into());
        }
        if self.release_driver {
            parts.push("the driver upgraded by unattended upgrades again".into());
        }
        if self.upgrade {
            parts.push("the driver's newest version".into());
        }
        if let Some(cuda) = &self.cuda {
            parts.push(format!("the CUDA toolkit {cuda}"));
        }
        if self.rocm {
            parts.push("ROCm".into());
        }
        if let Some(megabytes) = self.wired_limit_mb {
            parts.push(format!("{megabytes} MB for Metal"));
        }
        parts.join(", ")
    }
}

/// `13.0` as its two numbers; a third is taken and left out.
pub(crate) fn version_parts(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    parts
        .all(|part| part.parse::<u32>().is_ok())
        .then_some((major, minor))
}

/// `apt-20261102-064112`, or the beginning of it, or a day: `2026-11-02`
fn is_change(text: &str) -> bool {
    (4..=40).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:T".contains(&byte)
        })
}

/// `580`, `580-open`
fn is_branch(text: &str) -> bool {
    let digits = text.strip_suffix("-open").unwrap_or(text);
    digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_say_the_same() {
        let words = ["cuda=13.0", "rocm", "driver=595-open", "wired=49152"]
            .into_iter()
            .try_fold(Wish::default(), Wish::with)
            .unwrap();
        let file = Wish::of_project(
            "[run]\nx = 1\n[system]\ncuda = \"13.0\"\nrocm = true\ndriver = \"595-open\"\nwired_limit_mb = 49152\n",
        )
        .unwrap();
        assert_eq!(words, file);
        assert_eq!(Wish::of_project("[run]\n").unwrap(), Wish::default());
        for odd in [
            "",
            "cuda",
            "cuda=x",
            "cuda=13",
            "driver=58",
            "clean=disk",
            "rocm=7",
            "reinstall=*",
            "reinstall",
            "revert=../x",
            "revert=*",
            "hold-driver=1",
            "*",
        ] {
            assert_eq!(
                Wish::default().with(odd).unwrap_err().code,
                Code::Usage,
                "{odd}"
            );
        }
        // The words of a wish make the same wish.
        for words in [
            &[
                "cuda=13.0",
                "rocm",
                "driver=595-open",
                "upgrade",
                "wired=49152",
            ][..],
            &["clean=all", "release-driver"],
            &["reinstall=cuda", "hold-driver"],
            &["revert=apt-20261102-064112"],
            &[],
        ] {
            let wish = |words: Vec<String>| {
                words
                    .iter()
                    .try_fold(Wish::default(), |wish, word| wish.with(word))
                    .unwrap()
            };
            let made = wish(words.iter().map(ToString::to_string).collect());
            assert_eq!(wish(made.words()), made, "{words:?}");
        }
        for odd in [
            "[system]\nclean = \"cuda\"\n",
            "[system]\nreinstall = \"driver\"\n",
            "[system]\nrevert = \"apt-20261102-064112\"\n",
            "[system]\nhold_driver = true\n",
            "[system]\nrelease_driver = true\n",
            "[system]\nupgrade = true\n",
            "[system]\nclean = \"cuda\"\nreinstall = \"cuda\"\n",
            "[system]\nrevert = \"/etc\"\n",
            "[system]\ncuda = 13\n",
            "[system]\ncudda = \"13.0\"\n",
            "[system]\ncuda = \"13; rm\"\n",
            "[",
        ] {
            assert!(Wish::of_project(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_no_one_plan_can_do_is_no_wish() {
        for (one, other) in [
            ("clean=cuda", "cuda=13.0"),
            ("clean=driver", "driver=595-open"),
            ("clean=driver", "hold-driver"),
            ("clean=all", "rocm"),
            ("clean=cuda", "driver=580"),
            ("clean=cuda", "reinstall=driver"),
            ("reinstall=driver", "revert=2026-11-02"),
            ("revert=2026-11-02", "upgrade"),
            ("hold-driver", "release-driver"),
        ] {
            for (first, second) in [(one, other), (other, one)] {
                let problem = Wish::default()
                    .with(first)
                    .unwrap()
                    .with(second)
                    .unwrap_err();
                assert_eq!(problem.code, Code::Usage);
                assert!(
                    problem.message.contains(first) && problem.message.contains(second),
                    "{problem}"
                );
            }
        }
        for both in [
            ["reinstall=driver", "driver=595-open"],
            ["reinstall=cuda", "cuda=13.0"],
            ["clean=driver", "release-driver"],
        ] {
            assert!(
                both.into_iter()
                    .try_fold(Wish::default(), Wish::with)
                    .is_ok()
            );
        }
    }
}
