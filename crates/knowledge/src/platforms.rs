//! Platforms of the system layer: what each archive holds, who makes what, and what each step of a plan is for.

use crate::predicate::Predicate;
use regex_lite::Regex;
use serde::Deserialize;
use std::sync::OnceLock;

/// A platform: a distribution's release, or a kind of machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Its stable identity: `ubuntu-22.04`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The release's code name.
    pub codename: String,
    /// When it was released, `YYYY-MM-DD`: no clock of such a machine can be before.
    pub released: String,
    /// When a machine is one.
    pub when: Predicate,
    /// NVIDIA's driver there.
    pub nvidia: Option<NvidiaPlatform>,
    /// The CUDA toolkit there.
    pub cuda: Option<CudaPlatform>,
    /// AMD there.
    pub amd: Option<AmdPlatform>,
    /// Where this is known from.
    pub source: String,
}

/// NVIDIA's driver on a platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NvidiaPlatform {
    /// Who builds the driver packages that are taken.
    pub origin: String,
    /// The same for people.
    pub origin_name: String,
    /// The component of the distribution's archive they are in.
    pub component: Option<String>,
    /// The maker's archive they come from, where it is not the distribution's own.
    pub repository: Option<String>,
    /// The package that builds the modules on the machine.
    pub dkms: String,
    /// The package of prebuilt, signed modules.
    pub modules: Option<String>,
    /// The package of kernel headers.
    pub headers: String,
    /// `headers` is named after each kernel's release.
    #[serde(default)]
    pub headers_by_release: bool,
    /// The public half of the machine's own module key.
    pub key: String,
    /// What a person types to enrol it.
    pub enrol: String,
    /// The branches, the preferred first.
    pub branches: Vec<Branch>,
    /// Kernel flavours with prebuilt modules.
    pub module_sets: Vec<ModuleSet>,
}

/// A driver branch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// `580-open`
    pub name: String,
    /// The packages that bring it.
    pub packages: Vec<String>,
    /// Its version when the archive was read; the archive only goes up.
    pub version: String,
    /// What kind of branch it is.
    pub support: String,
    /// Another builder than the platform's.
    pub origin: Option<String>,
    /// The same for people.
    pub origin_name: Option<String>,
    /// A component of the distribution's archive that must be switched on.
    pub component: Option<String>,
}

impl Branch {
    /// Its number.
    pub fn number(&self) -> u32 {
        branch_number(&self.name)
    }

    /// Its kernel modules are the open ones.
    pub fn is_open(&self) -> bool {
        self.name.ends_with("-open")
    }
}

/// The number at the head of a branch's name; 0 where there is none.
pub fn branch_number(name: &str) -> u32 {
    name.split(|letter: char| !letter.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

/// Prebuilt modules for one kernel flavour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSet {
    /// `generic-hwe-22.04`
    pub flavour: String,
    /// The series of its kernels: `6.8`.
    pub kernel: String,
    /// The package that follows its kernels.
    pub image: String,
    /// The branches there are modules of.
    pub branches: Vec<String>,
}

/// The CUDA toolkit on a platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CudaPlatform {
    /// The place in NVIDIA's archive; the distribution's own archive when absent.
    pub repository: Option<String>,
    /// The package.
    pub package: String,
    /// The component of the distribution's archive it is in.
    pub component: Option<String>,
    /// The only version there is.
    pub only: Option<String>,
    /// The oldest toolkit whose compiler takes the platform's own gcc.
    pub oldest: String,
}

/// AMD on a platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmdPlatform {
    /// Packages of the card's firmware.
    pub firmware: Vec<String>,
    /// The component of the distribution's archive they are in.
    pub firmware_component: Option<String>,
    /// The place in AMD's archive; the distribution's own archive when absent.
    pub rocm_repository: Option<String>,
    /// Packages of ROCm.
    pub rocm_packages: Vec<String>,
    /// Its version.
    pub rocm_version: String,
}

/// An archive of a maker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// `nvidia`
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// A pattern for its addresses.
    pub matches: String,
    /// The fingerprint of its key.
    pub fingerprint: Option<String>,
    /// Names of keys it no longer uses, as they stand in keyring files.
    pub old_keys: Vec<String>,
    /// How files of its key are called beside [`Self::keyring_file`], where a tool chooses the name: a part of it.
    #[serde(default)]
    pub key_names: Vec<String>,
    /// The package that brings key, source and pin.
    pub keyring_package: Option<String>,
    /// Where its key lies.
    pub keyring_file: Option<String>,
    /// The keyring package's file.
    pub keyring_name: Option<String>,
    /// Where its pin lies.
    pub pin_file: Option<String>,
    /// A pin that keeps its drivers out, and the file it is written to.
    pub fence: Option<String>,
    /// The file of that pin.
    pub fence_file: Option<String>,
    /// The pin, where no package brings it.
    pub pin: Option<String>,
    /// The pin's priority.
    pub pin_priority: Option<i32>,
    /// Where this is known from.
    pub source: String,
    /// Its places, by distribution and architecture.
    pub place: Vec<Place>,
}

/// One place of an archive.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// `ubuntu2204`
    pub name: String,
    /// Its address.
    pub url: String,
    /// The machine's architecture it is for, as `uname -m` has it.
    pub architecture: String,
    /// SHA-256 of its keyring package.
    pub keyring_sha256: Option<String>,
    /// Where its key is, where there is no keyring package.
    pub key_url: Option<String>,
    /// The suite, where there is no keyring package.
    pub suite: Option<String>,
    /// The components.
    #[serde(default)]
    pub components: Vec<String>,
}

/// What a step is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its identity.
    pub id: String,
    /// What it does, with names in braces.
    pub title: String,
    /// Why.
    pub why: String,
    /// `low`, `moderate`, `severe`
    pub risk: String,
    /// It counts only after a reboot.
    #[serde(default)]
    pub reboot: bool,
    /// `exact`, `none: why`, or what stays.
    pub undo: String,
    /// Where this is known from.
    pub source: String,
}

#[derive(Deserialize)]
struct PackageFile {
    #[expect(dead_code, reason = "read by people, and required by the test")]
    source: String,
    matters: Vec<String>,
    settings: Vec<String>,
    kind: Vec<Kind>,
    origin: Vec<Origin>,
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    pattern: String,
}

#[derive(Deserialize)]
struct Origin {
    name: String,
    version: Option<String>,
    maintainer: Option<String>,
}

const PLATFORMS: &[(&str, &str)] = &[
    // What a machine is comes before which distribution it bears.
    ("apple", include_str!("../data/platforms/apple.toml")),
    ("wsl2", include_str!("../data/platforms/wsl2.toml")),
    (
        "debian-12",
        include_str!("../data/platforms/debian-12.toml"),
    ),
    (
        "debian-13",
        include_str!("../data/platforms/debian-13.toml"),
    ),
    (
        "pop-22.04",
        include_str!("../data/platforms/pop-22.04.toml"),
    ),
    (
        "pop-24.04",
        include_str!("../data/platforms/pop-24.04.toml"),
    ),
    (
        "ubuntu-22.04",
        include_str!("../data/platforms/ubuntu-22.04.toml"),
    ),
    (
        "ubuntu-24.04",
        include_str!("../data/platforms/ubuntu-24.04.toml"),
    ),
    (
        "ubuntu-26.04",
        include_str!("../data/platforms/ubuntu-26.04.toml"),
    ),
];
const PACKAGES: &str = include_str!("../data/platforms/packages.toml");
const REPOSITORIES: &str = include_str!("../data/platforms/repositories.toml");
const RECIPES: &str = include_str!("../data/platforms/recipes.toml");

/// All platforms; the first whose condition holds is a machine's. The files are part of the program and a test reads each.
pub fn platforms() -> &'static [Platform] {
    static ALL: OnceLock<Vec<Platform>> = OnceLock::new();
    ALL.get_or_init(|| {
        PLATFORMS
            .iter()
            .filter_map(|(_, text)| toml::from_str(text).ok())
            .collect()
    })
}

/// All archives of makers.
pub fn repositories() -> &'static [Repository] {
    #[derive(Deserialize)]
    struct File {
        repository: Vec<Repository>,
    }
    static ALL: OnceLock<Vec<Repository>> = OnceLock::new();
    ALL.get_or_init(|| {
        toml::from_str::<File>(REPOSITORIES)
            .map(|file| file.repository)
            .unwrap_or_default()
    })
}

/// The archive of that identity.
pub fn repository(id: &str) -> Option<&'static Repository> {
    repositories().iter().find(|one| one.id == id)
}

/// The archive that an address belongs to.
pub fn repository_of(uri: &str) -> Option<&'static Repository> {
    static PATTERNS: OnceLock<Vec<(Regex, &'static Repository)>> = OnceLock::new();
    PATTERNS
        .get_or_init(|| {
            repositories()
                .iter()
                .filter_map(|one| Some((Regex::new(&one.matches).ok()?, one)))
                .collect()
        })
        .iter()
        .find(|(pattern, _)| pattern.is_match(uri))
        .map(|(_, one)| *one)
}

/// All recipes.
pub fn recipes() -> &'static [Recipe] {
    #[derive(Deserialize)]
    struct File {
        recipe: Vec<Recipe>,
    }
    static ALL: OnceLock<Vec<Recipe>> = OnceLock::new();
    ALL.get_or_init(|| {
        toml::from_str::<File>(RECIPES)
            .map(|file| file.recipe)
            .unwrap_or_default()
    })
}

struct PackageTable {
    matters: Vec<String>,
    settings: Vec<String>,
    kinds: Vec<(String, Regex)>,
    origins: Vec<(String, Option<Regex>, Option<Regex>)>,
}

fn packages() -> &'static PackageTable {
    static TABLE: OnceLock<PackageTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let file = toml::from_str::<PackageFile>(PACKAGES).ok();
        let pattern = |text: &Option<String>| text.as_ref().and_then(|text| Regex::new(text).ok());
        file.map_or_else(
            || PackageTable {
                matters: Vec::new(),
                settings: Vec::new(),
                kinds: Vec::new(),
                origins: Vec::new(),
            },
            |file| PackageTable {
                kinds: file
                    .kind
                    .into_iter()
                    .filter_map(|kind| Some((kind.name, Regex::new(&kind.pattern).ok()?)))
                    .collect(),
                origins: file
                    .origin
                    .into_iter()
                    .map(|one| {
                        let (version, maintainer) =
                            (pattern(&one.version), pattern(&one.maintainer));
                        (one.name, version, maintainer)
                    })
                    .collect(),
                matters: file.matters,
                settings: file.settings,
            },
        )
    })
}

/// Whether any recipe can care about a package of that name.
pub fn matters(name: &str) -> bool {
    packages()
        .matters
        .iter()
        .any(|head| name.starts_with(head.as_str()))
}

/// Settings files that packages bring and take away themselves, so that nobody else edits them.
pub fn settings_of_packages() -> &'static [String] {
    &packages().settings
}

/// What kind of package a name is: `nvidia-modules`, `nvidia-driver`, `nvidia-archive`, `cuda-toolkit`, `rocm`.
pub fn package_kind(name: &str) -> Option<&'static str> {
    packages()
        .kinds
        .iter()
        .find(|(_, pattern)| pattern.is_match(name))
        .map(|(kind, _)| kind.as_str())
}

/// Who built a package, told by its version and its maintainer; a part that is not given does not speak against it.
pub fn package_origin(version: &str, maintainer: Option<&str>) -> Option<&'static str> {
    let maintainer = maintainer.map(str::to_ascii_lowercase);
    packages()
        .origins
        .iter()
        .find(|(_, by_version, by_maintainer)| {
            by_version
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(version))
                && by_maintainer.as_ref().is_none_or(|pattern| {
                    maintainer
                        .as_ref()
                        .is_some_and(|maintainer| pattern.is_match(maintainer))
                })
        })
        .map(|(name, _, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_names_its_source() {
        for (name, text) in PLATFORMS {
            let platform: Platform =
                toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(platform.id, *name);
            assert!(!platform.source.is_empty(), "{name}");
            if let Some(nvidia) = &platform.nvidia {
                assert!(!nvidia.branches.is_empty(), "{name}");
                for set in &nvidia.module_sets {
                    for branch in &set.branches {
                        assert!(
                            nvidia.branches.iter().any(|one| one.name == *branch),
                            "{name}: {branch}"
                        );
                    }
                }
                if let Some(place) = &nvidia.repository {
                    assert!(
                        repository("nvidia")
                            .unwrap()
                            .place
                            .iter()
                            .any(|one| one.name == *place),
                        "{name}: {place}"
                    );
                }
            }
        }
        toml::from_str::<PackageFile>(PACKAGES).unwrap();
        assert!(toml::from_str::<toml::Table>(REPOSITORIES).is_ok());
        assert_eq!(repositories().len(), 4);
        for one in repositories() {
            assert!(Regex::new(&one.matches).is_ok() && !one.source.is_empty());
            for place in &one.place {
                assert!(place.keyring_sha256.is_some() || place.key_url.is_some());
                assert!(
                    place
                        .keyring_sha256
                        .as_ref()
                        .is_none_or(|hash| hash.len() == 64)
                );
            }
        }
        let table: toml::Table = toml::from_str(RECIPES).unwrap();
        assert_eq!(table["recipe"].as_array().unwrap().len(), recipes().len());
        for recipe in recipes() {
            assert!(
                ["low", "moderate", "severe"].contains(&recipe.risk.as_str())
                    && !recipe.undo.is_empty()
                    && !recipe.source.is_empty(),
                "{}",
                recipe.id
            );
        }
    }

    #[test]
    fn packages_are_of_their_kind() {
        for (name, kind) in [
            ("nvidia-driver-580-open", Some("nvidia-driver")),
            ("libnvidia-compute-580", Some("nvidia-driver")),
            ("nvidia-dkms-580-open", Some("nvidia-modules")),
            (
                "linux-modules-nvidia-580-open-6.8.0-87-generic",
                Some("nvidia-modules"),
            ),
            ("cuda-drivers-580", Some("nvidia-driver")),
            ("cuda", Some("cuda-toolkit")),
            ("cuda-repo-ubuntu2204-12-8-local", Some("nvidia-archive")),
            ("libcudnn9-cuda-12", Some("cuda-toolkit")),
            ("libnccl2", Some("cuda-toolkit")),
            ("cuda-toolkit-13-0", Some("cuda-toolkit")),
            ("cuda-nvcc-12-8", Some("cuda-toolkit")),
            ("libcublas-dev-12-8", Some("cuda-toolkit")),
            ("nvidia-cuda-toolkit", Some("cuda-toolkit")),
            ("rocm-hip-sdk", Some("rocm")),
            ("amdgpu-install", Some("rocm")),
            // Neither the keyring, nor containers, nor the distribution's own graphics libraries go with a driver.
            ("cuda-keyring", None),
            ("libnvidia-container1", None),
            ("nvidia-container-toolkit", None),
            ("nvidia-prime", Some("nvidia-switch")),
            ("libcudart11.0", None),
            ("linux-firmware", None),
            ("libdrm-amdgpu1", None),
        ] {
            assert_eq!(package_kind(name), kind, "{name}");
        }
        assert!(matters("nvidia-driver-470") && matters("dkms") && !matters("bash"));
    }

    #[test]
    fn builders_are_told_by_version_and_maintainer() {
        for (version, maintainer, origin) in [
            (
                "580.178.04-0ubuntu0.22.04.1",
                Some("Ubuntu Core Developers <x@ubuntu.com>"),
                Some("ubuntu"),
            ),
            (
                "535.54.03-0ubuntu0~gpu22.04.1",
                Some("Ubuntu Core Developers <x@ubuntu.com>"),
                Some("graphics-drivers"),
            ),
            (
                "570.133.20-0ubuntu1",
                Some("cudatools <cudatools@nvidia.com>"),
                Some("nvidia"),
            ),
            (
                "580.65.06-1",
                Some("NVIDIA <kitmaker@nvidia.com>"),
                Some("nvidia"),
            ),
            (
                "535.261.03-1~deb12u1",
                Some("Debian NVIDIA Maintainers <x@lists.alioth.debian.org>"),
                Some("debian"),
            ),
            (
                "580.119.02-1pop0~1765~22.04~abcdef0",
                Some("Pop <x@system76.com>"),
                Some("pop"),
            ),
            ("7.2.2.70202-81~24.04", None, Some("amd")),
            ("1.0", None, None),
        ] {
            assert_eq!(package_origin(version, maintainer), origin, "{version}");
        }
    }

    #[test]
    fn archives_are_told_by_their_address() {
        let id = |uri: &str| repository_of(uri).map(|one| one.id.as_str());
        assert_eq!(
            id("https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/"),
            Some("nvidia")
        );
        assert_eq!(
            id("https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/"),
            Some("graphics-drivers")
        );
        assert_eq!(id("http://archive.ubuntu.com/ubuntu"), None);
    }
}
