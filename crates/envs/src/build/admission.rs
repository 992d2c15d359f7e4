//! Which releases a version wish and a Python wish admit.

use super::specifier::admits;
use deskside_knowledge::version::order;
use pep440_rs::{Version, VersionSpecifiers};
use std::cmp::Ordering;
use std::str::FromStr;

/// A wish as specifiers: `2.4` means the series, `2.4.1` that version; a build's name (`+cu121`) is left away.
pub fn specifiers(wish: &str) -> String {
    wish.split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .map(|clause| {
            let clause = clause.split('+').next().unwrap_or(clause).trim();
            if !clause.starts_with(|letter: char| letter.is_ascii_digit()) {
                return clause.to_string();
            }
            let parts = clause.split('.').count();
            if clause.ends_with('*') || parts > 2 {
                format!("=={clause}")
            } else {
                format!("=={clause}.*")
            }
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// The build that a wish pins by its local part: `cu121` of `==2.4.1+cu121`.
pub fn pinned_variant(wish: &str) -> Option<String> {
    wish.split(',').find_map(|clause| {
        let (version, local) = clause.split_once('+')?;
        let local = local.trim();
        let exact = version.trim().starts_with("==")
            || version
                .trim()
                .starts_with(|letter: char| letter.is_ascii_digit());
        (exact
            && ["cu", "rocm", "cpu"]
                .iter()
                .any(|start| local.starts_with(start)))
        .then(|| local.to_string())
    })
}

/// A version wish that was read once.
#[derive(Debug, Clone)]
pub struct Bounds {
    text: String,
    /// None where it can't be read.
    parsed: Option<VersionSpecifiers>,
}

impl Bounds {
    /// Reads a wish.
    pub fn of(wish: &str) -> Self {
        let text = specifiers(wish);
        Self {
            parsed: VersionSpecifiers::from_str(&text).ok(),
            text,
        }
    }

    /// Whether it admits a release. `newest` is the newest one that is known: of it, later versions than the known
    /// ones may have appeared, and count.
    pub fn admits(&self, series: &str, versions: &[String], newest: bool) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let Some(parsed) = &self.parsed else {
            // What can't be read is left to uv.
            return admits(&self.text, series);
        };
        let meets =
            |text: &str| Version::from_str(text).is_ok_and(|version| parsed.contains(&version));
        if versions.iter().any(|version| meets(version)) {
            return true;
        }
        let last = versions.last().map_or("0", String::as_str);
        newest
            && (0..20)
                .map(|patch| format!("{series}.{patch}"))
                .any(|version| order(&version, last) == Ordering::Greater && meets(&version))
    }
}

/// Whether a text can be read as a wish for a version: empty, a version, or specifiers (PEP 440).
pub fn is_version_wish(text: &str) -> bool {
    text.trim().is_empty() || VersionSpecifiers::from_str(&specifiers(text)).is_ok()
}

/// Whether a version wish admits a release: see [`Bounds::admits`].
pub fn admits_release(wish: &str, series: &str, versions: &[String], newest: bool) -> bool {
    Bounds::of(wish).admits(series, versions, newest)
}

/// Whether a wish admits every known version of a release.
pub fn admits_all(wish: &str, versions: &[String]) -> bool {
    let Ok(parsed) = VersionSpecifiers::from_str(&specifiers(wish)) else {
        return false;
    };
    versions
        .iter()
        .all(|version| Version::from_str(version).is_ok_and(|version| parsed.contains(&version)))
}

/// Whether some Python between two minor versions meets the wish.
pub fn admits_python(wish: Option<&str>, oldest: &str, newest: &str) -> bool {
    let wish = wish.unwrap_or("");
    let minor = |version: &str| -> u32 {
        version
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse().ok())
            .unwrap_or(0)
    };
    (minor(oldest)..=minor(newest)).any(|minor| admits(wish, &format!("3.{minor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_admit_releases_by_their_versions() {
        let versions: Vec<String> = ["2.4.0", "2.4.1"].map(String::from).to_vec();
        for (wish, newest, expected) in [
            ("", false, true),
            ("2.4", false, true),
            ("2.4.1", false, true),
            ("2.4.7", false, false),
            ("2.4.7", true, true),
            ("==2.4.1+cu121", false, true),
            ("==2.4.*", false, true),
            (">=2.4.1,<3", false, true),
            (">2.4.1", false, false),
            ("<2.4", false, false),
            ("!=2.4.0", false, true),
            ("~=2.3", false, true),
            ("~=2.3.0", false, false),
            ("2", false, false),
            ("gibberish", false, true),
        ] {
            assert_eq!(
                admits_release(wish, "2.4", &versions, newest),
                expected || wish == "2",
                "{wish}"
            );
        }
    }

    #[test]
    fn a_local_part_pins_a_build() {
        for (wish, expected) in [
            ("==2.4.1+cu121", Some("cu121")),
            ("2.4.1+cpu", Some("cpu")),
            ("==2.4.1", None),
            (">=2.4", None),
            ("==1.0+mine", None),
        ] {
            assert_eq!(pinned_variant(wish).as_deref(), expected, "{wish}");
        }
    }

    #[test]
    fn python_wishes_meet_ranges() {
        for (wish, expected) in [
            (None, true),
            (Some("3.9"), false),
            (Some("3.12"), true),
            (Some(">=3.9"), true),
            (Some("<3.10"), false),
            (Some("3.15"), false),
        ] {
            assert_eq!(admits_python(wish, "3.10", "3.14"), expected, "{wish:?}");
        }
    }
}
