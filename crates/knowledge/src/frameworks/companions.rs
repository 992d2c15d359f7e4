//! Packages that follow a framework's build: which release of theirs goes with which release of it.

use serde::Deserialize;

/// How a companion finds its framework's build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// It has builds of its own on the framework's index, one for each of the framework's.
    SameIndex,
    /// One build on the default index, tied to one CUDA major version (or one build of the framework).
    DefaultIndex,
    /// It comes with the framework and is not asked for by itself.
    WithFramework,
    /// It has no wheels: it is compiled against the framework that is installed.
    Source,
    /// One build on the default index that serves every build of the framework.
    Any,
}

/// Which release goes with which release of the framework.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The framework's release (a minor series).
    pub framework: String,
    /// The companion's version specifiers that go with it.
    pub companion: String,
}

/// A package that follows a framework's build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The distribution's name.
    pub name: String,
    /// The framework: `torch`.
    pub framework: String,
    /// How it follows.
    pub follows: Follows,
    /// The CUDA major version of its default build, newest release; none where it does not depend on one.
    pub cuda_major: Option<u32>,
    /// The newest release for an older CUDA major: specifiers, for those who have CUDA 12.
    pub cuda12: Option<String>,
    /// It runs only on NVIDIA GPUs.
    #[serde(default)]
    pub nvidia_only: bool,
    /// The lowest compute capability, where one is known.
    pub compute_capability: Option<String>,
    /// What to do on a card below it.
    pub instead: Option<String>,
    /// Releases that go together, newest first; empty where any does.
    #[serde(default)]
    pub pairs: Vec<Pair>,
    /// The extra that brings the CUDA libraries, where there is one.
    pub extra: Option<String>,
    /// What has to be installed before it, where it is built against the framework that is installed.
    #[serde(default)]
    pub build_needs: Vec<String>,
    /// What else to say.
    pub note: String,
    /// Where this is known from.
    pub source: String,
}

/// All companions that are known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companions {
    /// The companions, by name.
    #[serde(rename = "companion")]
    pub all: Vec<Companion>,
}

file!(
    /// Packages that follow a framework's build.
    companions: Companions = "../../data/frameworks/companions.toml"
);

/// The companion of that name, normalised.
pub fn companion(name: &str) -> Option<&'static Companion> {
    let name = crate::python::normalised_name(name);
    companions()
        .all
        .iter()
        .find(|companion| companion.name == name)
}
