//! NVIDIA's CUDA libraries as wheels: two CUDA majors in one environment.

use super::distributions::in_site;
use super::lock;
use super::requirements::Graph;
use super::scene::{Dist, Scene};
use super::{Finding, Rank, Severity};
use deskside_knowledge::environment;
use std::collections::{BTreeMap, BTreeSet};

/// The CUDA major of one of NVIDIA's wheels; none when it is none of them.
pub(crate) fn major(scene: &Scene<'_>, dist: &Dist) -> Option<u32> {
    major_of(&dist.name, &dist.version, |name| scene.version_of(name))
}

/// The same of a name and a version, where `version_of` tells those of others beside it.
pub(crate) fn major_of<'a>(
    name: &str,
    version: &str,
    version_of: impl Fn(&str) -> Option<&'a str>,
) -> Option<u32> {
    let rest = name.strip_prefix("nvidia-")?;
    if let Some((_, digits)) = rest.rsplit_once("-cu") {
        return digits
            .parse()
            .ok()
            .filter(|major| (10..100).contains(major));
    }
    let known = environment::cuda();
    // Names that NVIDIA only reserved on the index have versions such as 0.0.1.
    if !known.unsuffixed.iter().any(|own| own == name) || version.starts_with("0.") {
        return None;
    }
    let told = known
        .of_cuda_version
        .iter()
        .find_map(|name| first(version_of(name)?));
    Some(told.unwrap_or(13))
}

fn first(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

pub(crate) fn findings(scene: &Scene<'_>, graph: &Graph) -> Vec<Finding> {
    let mut majors: BTreeMap<u32, Vec<&Dist>> = BTreeMap::new();
    for dist in &scene.distributions {
        if let Some(major) = major(scene, dist) {
            majors.entry(major).or_default().push(dist);
        }
    }
    if majors.len() < 2 {
        return Vec::new();
    }
    let frameworks = &environment::cuda().frameworks;
    let mut evidence = Vec::new();
    let mut unwanted: Vec<&str> = Vec::new();
    let mut wanting = Vec::new();
    for (major, dists) in &majors {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for dist in dists {
            let askers = graph.askers(&dist.name, frameworks);
            names.extend(
                askers
                    .into_iter()
                    .filter(|name| !name.starts_with("nvidia-")),
            );
        }
        let who = if names.is_empty() {
            unwanted.extend(dists.iter().map(|dist| dist.name.as_str()));
            "nothing installed asks for them".to_string()
        } else {
            wanting.push(format!(
                "{} CUDA {major}",
                names.iter().cloned().collect::<Vec<_>>().join(" and ")
            ));
            format!(
                "asked for by {}",
                names.into_iter().collect::<Vec<_>>().join(", ")
            )
        };
        let shown: Vec<String> = dists
            .iter()
            .take(3)
            .map(|dist| format!("{} {}", dist.name, dist.version))
            .collect();
        let more = dists.len().saturating_sub(3);
        evidence.push(format!(
            "CUDA {major}: {}{}; {who}",
            shown.join(", "),
            if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            }
        ));
    }
    evidence.extend(
        majors
            .values()
            .filter_map(|dists| dists.first())
            .map(|dist| in_site(scene, &dist.folder)),
    );
    let shown: Vec<String> = majors.keys().map(ToString::to_string).collect();
    let cause = if wanting.len() > 1 {
        format!(
            "libraries of CUDA {} are installed at once: {}",
            shown.join(" and "),
            wanting.join(", ")
        )
    } else {
        format!(
            "libraries of CUDA {} are installed at once",
            shown.join(" and ")
        )
    };
    let finding = Finding::new(Rank::Family, "cuda-mixed", Severity::WillBreak, cause)
        .evidences(evidence)
        .meaning("both unpack into the same nvidia/ folders and overwrite each other's files; a library of the wrong CUDA may be loaded")
        .about(majors.values().flatten().map(|dist| dist.name.as_str()));
    // A lock file that names libraries of one CUDA only, or none, says which is meant.
    let locked = majors
        .values()
        .filter(|dists| {
            let names: Vec<&str> = dists.iter().map(|dist| dist.name.as_str()).collect();
            !lock::decides(scene, &[], &names)
        })
        .count();
    let decided = locked <= 1 && lock::decides(scene, &[], &[]);
    let finding = if decided {
        finding.mend("deskside env sync")
    } else if unwanted.is_empty() {
        finding
            .mend("deskside env why torch")
            .mend(scene.sync_command())
    } else {
        finding
            .mend(format!("{} {}", scene.uv("uninstall"), unwanted.join(" ")))
            .mend("deskside env rebuild")
    };
    vec![finding]
}
