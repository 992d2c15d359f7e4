//! Wheel file names (PEP 427) and the platforms they fit.

use deskside_knowledge::version::order;
use deskside_types::Facts;
use deskside_types::facts::OsKind;
use std::cmp::Ordering;

/// A wheel's file name in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName<'a> {
    /// The project as the file name has it.
    pub project: &'a str,
    /// The version.
    pub version: &'a str,
    /// The Python tags, compressed set as written.
    pub pythons: &'a str,
    /// The ABI tags, compressed set as written.
    pub abis: &'a str,
    /// The platform tags, compressed set as written.
    pub platforms: &'a str,
}

/// The parts of a wheel's file name.
pub fn parse(file_name: &str) -> Option<WheelName<'_>> {
    let parts: Vec<&str> = file_name.strip_suffix(".whl")?.split('-').collect();
    if !(5..=6).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    Some(WheelName {
        project: parts[0],
        version: parts[1],
        pythons: parts[parts.len() - 3],
        abis: parts[parts.len() - 2],
        platforms: parts[parts.len() - 1],
    })
}

impl WheelName<'_> {
    /// Every tag it stands for, as a `WHEEL` file lists them: `cp312-cp312-manylinux_2_28_x86_64`.
    pub fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for python in self.pythons.split('.') {
            for abi in self.abis.split('.') {
                for platform in self.platforms.split('.') {
                    tags.push(format!("{python}-{abi}-{platform}"));
                }
            }
        }
        tags
    }
}

/// The platform wheels are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The kernel family.
    pub os: OsKind,
    /// As wheels name it on Linux: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The C library's version on Linux with glibc.
    pub glibc: Option<String>,
    /// The release of macOS.
    pub macos: Option<String>,
}

impl Platform {
    /// The platform of a machine; none when its architecture is not known.
    pub fn of(facts: &Facts) -> Option<Self> {
        let architecture = facts.system.architecture.value()?;
        Some(Self {
            os: facts.system.kind,
            architecture: match architecture.as_str() {
                "arm64" => "aarch64".into(),
                "amd64" => "x86_64".into(),
                other => other.into(),
            },
            glibc: facts.system.glibc.value().cloned(),
            macos: facts
                .system
                .os
                .value()
                .filter(|_| facts.system.kind == OsKind::MacOs)
                .and_then(|os| os.version.clone()),
        })
    }

    /// In words for a person: `Linux x86_64, glibc 2.35`.
    pub fn shown(&self) -> String {
        match self.os {
            OsKind::Linux => format!(
                "Linux {}{}",
                self.architecture,
                self.glibc
                    .as_ref()
                    .map_or(String::new(), |glibc| format!(", glibc {glibc}"))
            ),
            OsKind::MacOs => format!(
                "macOS {} {}",
                self.macos.as_deref().unwrap_or("of unknown version"),
                self.architecture
            ),
        }
    }

    /// How well a wheel's platform tags fit: higher is better, none when they do not.
    ///
    /// A musllinux wheel of a static program also runs on glibc, where no manylinux one fits.
    pub fn fit(&self, platforms: &str) -> Option<u32> {
        platforms
            .split('.')
            .filter_map(|tag| self.fit_of_tag(tag))
            .max()
    }

    fn fit_of_tag(&self, tag: &str) -> Option<u32> {
        match self.os {
            OsKind::Linux => {
                let tag = tag.strip_suffix(&self.architecture)?.strip_suffix('_')?;
                let glibc = match tag {
                    "manylinux1" => "2.5".to_string(),
                    "manylinux2010" => "2.12".to_string(),
                    "manylinux2014" => "2.17".to_string(),
                    "linux" => return Some(1),
                    other if other.starts_with("musllinux_") => return Some(2),
                    other => other.strip_prefix("manylinux_")?.replace('_', "."),
                };
                let have = self.glibc.as_deref()?;
                (order(&glibc, have) != Ordering::Greater).then(|| 10 + number(&glibc))
            }
            OsKind::MacOs => {
                let rest = tag.strip_prefix("macosx_")?;
                let own = if self.architecture == "aarch64" {
                    "arm64"
                } else {
                    self.architecture.as_str()
                };
                let version = rest
                    .strip_suffix(own)
                    .or_else(|| rest.strip_suffix("universal2"))?
                    .strip_suffix('_')?
                    .replace('_', ".");
                let have = self.macos.as_deref().unwrap_or("11.0");
                (order(&version, have) != Ordering::Greater).then(|| 10 + number(&version))
            }
        }
    }
}

/// `2.17` as a number that grows with it.
fn number(version: &str) -> u32 {
    let mut parts = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0).min(999));
    parts.next().unwrap_or(0) * 1000 + parts.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux(architecture: &str, glibc: Option<&str>) -> Platform {
        Platform {
            os: OsKind::Linux,
            architecture: architecture.into(),
            glibc: glibc.map(Into::into),
            macos: None,
        }
    }

    fn macos(architecture: &str, version: &str) -> Platform {
        Platform {
            os: OsKind::MacOs,
            architecture: architecture.into(),
            glibc: None,
            macos: Some(version.into()),
        }
    }

    #[test]
    fn names_are_taken_apart() {
        let wheel =
            parse("uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl").unwrap();
        assert_eq!(
            (wheel.project, wheel.version, wheel.platforms),
            ("uv", "0.13.9", "manylinux_2_17_x86_64.manylinux2014_x86_64")
        );
        assert_eq!(parse("a-1-1-py3-none-any.whl").unwrap().version, "1");
        for name in [
            "uv-0.13.9.tar.gz",
            "uv.whl",
            "uv-1-py3-none.whl",
            "uv--py3-none-any.whl",
            ".whl",
            "a-b-c-d-e-f-g.whl",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn tags_fit_by_architecture_and_c_library() {
        let tags = "manylinux_2_17_x86_64.manylinux2014_x86_64";
        for (platform, tags, fits) in [
            (linux("x86_64", Some("2.35")), tags, true),
            (linux("x86_64", Some("2.12")), tags, false),
            (linux("x86_64", None), tags, false),
            (linux("x86_64", None), "musllinux_1_1_x86_64", true),
            (linux("aarch64", Some("2.35")), tags, false),
            (
                linux("aarch64", Some("2.35")),
                "manylinux_2_17_aarch64.musllinux_1_1_aarch64",
                true,
            ),
            (
                linux("x86_64", Some("2.27")),
                "manylinux_2_28_x86_64",
                false,
            ),
            (linux("x86_64", Some("2.35")), "win_amd64", false),
            (linux("x86_64", Some("2.35")), "macosx_10_12_x86_64", false),
            (linux("x86_64", Some("2.35")), "linux_armv6l", false),
            (macos("aarch64", "15.6"), "macosx_11_0_arm64", true),
            (macos("aarch64", "15.6"), "macosx_10_12_x86_64", false),
            (macos("x86_64", "10.15"), "macosx_10_12_x86_64", true),
            (macos("aarch64", "10.15"), "macosx_11_0_arm64", false),
            (macos("aarch64", "14"), "macosx_11_0_universal2", true),
        ] {
            assert_eq!(platform.fit(tags).is_some(), fits, "{platform:?} {tags}");
        }
        let here = linux("x86_64", Some("2.36"));
        assert!(here.fit("manylinux_2_28_x86_64") > here.fit("manylinux_2_17_x86_64"));
        assert!(here.fit("manylinux1_x86_64") > here.fit("musllinux_1_1_x86_64"));
    }
}
