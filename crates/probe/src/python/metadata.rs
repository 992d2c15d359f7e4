//! Which distributions an environment holds, by the names of their metadata folders alone (PEP 376, PEP 427).

use deskside_knowledge::python::{is_shown, normalised_name};
use deskside_types::facts::Framework;

/// The frameworks among the names in a site-packages folder.
pub(crate) fn frameworks<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Framework> {
    let mut found: Vec<Framework> = names
        .into_iter()
        .filter_map(distribution)
        .filter(|(name, _)| is_shown(name))
        .map(|(name, version)| Framework { name, version })
        .collect();
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    found.dedup();
    found
}

/// Name and version of `torch-2.15.0+cu132.dist-info` or `numpy-1.21.5-py3.10.egg-info`.
fn distribution(folder: &str) -> Option<(String, String)> {
    let stem = match folder.strip_suffix(".dist-info") {
        Some(stem) => stem,
        None => {
            let stem = folder.strip_suffix(".egg-info")?;
            stem.rsplit_once("-py").map_or(stem, |(stem, _)| stem)
        }
    };
    let (name, version) = stem.rsplit_once('-')?;
    let plausible = !name.is_empty() && version.starts_with(|letter: char| letter.is_ascii_digit());
    plausible.then(|| (normalised_name(name), version.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_distributions_and_versions() {
        for (folder, name, version) in [
            ("torch-2.15.0+cu132.dist-info", "torch", "2.15.0+cu132"),
            (
                "jax_cuda13_plugin-0.10.2.dist-info",
                "jax-cuda13-plugin",
                "0.10.2",
            ),
            ("scikit_learn-1.7.2.dist-info", "scikit-learn", "1.7.2"),
            ("flash-attn-2.8.3.dist-info", "flash-attn", "2.8.3"),
            ("numpy-1.21.5.egg-info", "numpy", "1.21.5"),
            ("numpy-1.21.5-py3.10.egg-info", "numpy", "1.21.5"),
        ] {
            assert_eq!(
                distribution(folder),
                Some((name.to_string(), version.to_string())),
                "{folder}"
            );
        }
        for odd in [
            "torch",
            "torch.dist-info",
            "-1.0.dist-info",
            "~orch-2.0.dist-info.tmp",
            ".dist-info",
            "torch-x.dist-info",
        ] {
            assert_eq!(distribution(odd), None, "{odd}");
        }
        let names = [
            "requests-2.0.dist-info",
            "torch-2.15.0.dist-info",
            "jax-0.10.2.dist-info",
            "torch",
        ];
        let shown: Vec<String> = frameworks(names).into_iter().map(|one| one.name).collect();
        assert_eq!(shown, ["jax", "torch"]);
    }
}
