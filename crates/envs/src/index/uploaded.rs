//! When a project's files came to an index (PEP 700, `upload-time`).

use super::files_of;
use super::page::File;
use super::settings::Settings;
use deskside_machine::Machine;
use pep440_rs::{Version, VersionSpecifiers};
use std::str::FromStr;

/// The day on which the first wheel of a version within the bounds came to the index: `2023-12-05`. None where no index
/// answers, or none says it.
pub fn first(
    machine: &dyn Machine,
    settings: &Settings,
    project: &str,
    bounds: &str,
) -> Option<String> {
    first_of(files_of(machine, settings, project).ok()?, bounds)
}

fn first_of(files: Vec<File>, bounds: &str) -> Option<String> {
    let bounds = VersionSpecifiers::from_str(bounds).unwrap_or_default();
    let fits = |file: &File| {
        let stem = file.name.strip_suffix(".whl");
        let version = stem.and_then(|stem| Version::from_str(stem.split('-').nth(1)?).ok());
        version.is_some_and(|version| !version.any_prerelease() && bounds.contains(&version))
    };
    files
        .into_iter()
        .filter(|file| !file.yanked && fits(file))
        .filter_map(|file| Some(file.uploaded?.get(..10)?.to_string()))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::page;

    #[test]
    fn the_first_that_fits_is_found() {
        let file = |name: &str, day: &str| {
            format!(
                "{{\"filename\": \"{name}\", \"url\": \"{name}\", \"upload-time\": \"{day}T10:00:00.1Z\"}}"
            )
        };
        let body = [
            file("mlx-0.0.1a1-cp311-cp311-any.whl", "2023-10-01"),
            file("mlx-0.0.2.tar.gz", "2023-11-01"),
            file("mlx-0.1.0-cp311-cp311-any.whl", "2024-02-01"),
            file("mlx-0.0.2-cp311-cp311-any.whl", "2023-12-05"),
            "{\"filename\": \"mlx-0.0.3-cp311-cp311-any.whl\", \"url\": \"x\"}".to_string(),
        ];
        let body = format!("{{\"files\": [{}]}}", body.join(","));
        for (bounds, day) in [
            ("", Some("2023-12-05")),
            (">=0.1", Some("2024-02-01")),
            ("==0.0.3", None),
            (">=9", None),
        ] {
            let files = page::read(
                "https://i.example/mlx/",
                "application/json",
                body.as_bytes(),
            );
            assert_eq!(first_of(files.unwrap(), bounds).as_deref(), day, "{bounds}");
        }
    }
}
