//! Two major versions of CUDA in one environment, told from what was resolved: however the packages were spelled.

use super::extra::framework_of;
use deskside_envs::build::Flavour;
use deskside_envs::check::lock::cuda_majors;
use deskside_envs::manifest::Manifest;
use deskside_envs::snapshot::Parts;
use deskside_knowledge::frameworks;
use deskside_types::{Code, Problem, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Who asks for libraries of which CUDA.
type Majors = BTreeMap<u32, BTreeSet<String>>;

/// Refuses a lock that brings libraries of two CUDA majors together: in the build that is chosen here whoever asks for
/// them, in the others where two frameworks do, since each of a project's builds has to serve somewhere. All else is told
/// as a warning, also what the lock that was there did already: this change is not what did it.
///
/// # Errors
/// [`Code::FrameworksConflict`].
pub(super) fn refuse_two(
    manifest: &Manifest,
    before: &str,
    lock: &str,
    chosen: Option<&str>,
    parts: &Parts,
    python: &str,
) -> Result<Vec<String>> {
    let builds = framework_of(&manifest.extras()).map_or_else(Vec::new, |(_, names)| names);
    let builds: Vec<Option<String>> = match builds.is_empty() {
        true => vec![None],
        false => builds.into_iter().map(Some).collect(),
    };
    let mut warnings = Vec::new();
    for build in builds {
        let extras: Vec<String> = build.iter().chain(&parts.extras).cloned().collect();
        let majors = |lock: &str| cuda_majors(lock, &extras, &parts.groups, python);
        let now = majors(lock);
        if now.len() < 2 {
            continue;
        }
        let is_ours = build.is_none() || build.as_deref() == chosen;
        let of_frameworks = now
            .values()
            .all(|names| names.iter().any(|name| name.parse::<Flavour>().is_ok()));
        if !(is_ours || of_frameworks) || majors(before).keys().eq(now.keys()) {
            warnings.push(format!(
                "{}: {}; they don't go into one environment",
                with(build.as_deref()),
                who(&now)
            ));
            continue;
        }
        return Err(conflict(build.as_deref(), &now));
    }
    Ok(warnings)
}

fn with(build: Option<&str>) -> String {
    build.map_or_else(
        || "what the lock file names".to_string(),
        |build| format!("with the extra {build}"),
    )
}

/// `torch brings CUDA 13 and tensorflow brings CUDA 12`.
fn who(majors: &Majors) -> String {
    let each: Vec<String> = majors
        .iter()
        .rev()
        .map(|(major, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let verb = if names.len() == 1 { "brings" } else { "bring" };
            format!("{} {verb} CUDA {major}", names.join(", "))
        })
        .collect();
    each.join(" and ")
}

fn conflict(build: Option<&str>, majors: &Majors) -> Problem {
    let names: BTreeSet<&str> = majors.values().flatten().map(String::as_str).collect();
    let shown: Vec<&str> = names.iter().copied().collect();
    let mut problem = Problem::new(
        Code::FrameworksConflict,
        format!("{} don't go into one environment", shown.join(" and ")),
    )
    .because(format!("{}: {}", with(build), who(majors)))
    .because("libraries of two CUDA majors unpack into the same folders, and only one of them can be loaded");
    // Of the older CUDA: that is the one to go elsewhere, or to be had for the newer one.
    for name in majors.values().next().into_iter().flatten() {
        if let Ok(framework) = name.parse::<Flavour>() {
            problem = problem.hint(format!(
                "use a project of its own for {name}: mkdir other && deskside env init other --flavour {}",
                framework.word()
            ));
        } else if frameworks::companion(name).is_some() {
            problem = problem.hint(format!(
                "ask for the {name} that goes with the build: deskside env why {name}"
            ));
        }
    }
    problem.hint("or leave one of them out of the project")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock of torch for CUDA 13 (its extra `cu132`) and 12 (`cu126`), with something beside it.
    fn lock(beside: &str, asks: &str) -> String {
        let package = |name: &str, version: &str, asks: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://i.example/simple\" }}\ndependencies = [{asks}]\n"
            )
        };
        let only = "sys_platform == 'linux'";
        format!(
            "version = 1\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = {{ virtual = \".\" }}\ndependencies = [{beside}]\n[package.optional-dependencies]\ncu126 = [{{ name = \"torch\", version = \"2.14.1\" }}]\ncu132 = [{{ name = \"torch\", version = \"2.15.0\" }}, {{ name = \"torchvision\" }}]\n[package.dev-dependencies]\ng = [{{ name = \"tensorflow\", extra = [\"and-cuda\"] }}]\n{}{}{}{}{}{}{}",
            package(
                "torch",
                "2.14.1",
                &format!("{{ name = \"nvidia-cublas-cu12\", marker = \"{only}\" }}")
            ),
            package(
                "torch",
                "2.15.0",
                &format!("{{ name = \"nvidia-cublas\", marker = \"{only}\" }}")
            ),
            package(
                "torchvision",
                "0.29.0",
                "{ name = \"torch\", version = \"2.15.0\" }"
            ),
            package("nvidia-cublas", "13.1.0", ""),
            package("nvidia-cublas-cu12", "12.6.4", ""),
            package("other", "1", asks),
            "[[package]]\nname = \"tensorflow\"\nversion = \"2.20\"\nsource = { registry = \"https://i.example/simple\" }\n[package.optional-dependencies]\nand-cuda = [{ name = \"nvidia-cublas-cu12\" }]\n",
        )
    }

    #[test]
    fn two_majors_are_refused_however_they_came() {
        let manifest = Manifest::parse(
            "p",
            "[project]\nname = \"p\"\n[project.optional-dependencies]\ncu126 = [\"torch\"]\ncu132 = [\"torch\"]\n",
        )
        .unwrap();
        let none = Parts::default();
        let group = Parts {
            groups: vec!["g".into()],
            ..Parts::default()
        };
        let tensorflow = "{ name = \"tensorflow\", extra = [\"and-cuda\"] }";
        let other = "{ name = \"other\" }";
        for (beside, asks, parts, names) in [
            ("", "", &none, None),
            ("{ name = \"tensorflow\" }", "", &none, None),
            (tensorflow, "", &none, Some("tensorflow and torch")),
            ("", "", &group, Some("tensorflow and torch")),
            (other, "", &none, None),
            (
                other,
                "{ name = \"nvidia-cublas-cu12\" }",
                &none,
                Some("other and torch"),
            ),
            (
                other,
                "{ name = \"nvidia-cublas-cu12\", marker = \"sys_platform == 'win32'\" }",
                &none,
                None,
            ),
        ] {
            let lock = lock(beside, asks);
            let judged = |before: &str, chosen| {
                refuse_two(&manifest, before, &lock, Some(chosen), parts, "3.12")
            };
            let refused = judged("", "cu132");
            match names {
                None => assert_eq!(refused.unwrap(), Vec::<String>::new(), "{beside} {asks}"),
                Some(names) => {
                    let problem = refused.unwrap_err();
                    assert_eq!(problem.code, Code::FrameworksConflict);
                    assert_eq!(
                        problem.message,
                        format!("{names} don't go into one environment")
                    );
                    assert!(
                        problem.causes[0].starts_with("with the extra cu132: torch brings CUDA 13"),
                        "{problem:?}"
                    );
                    // What was so before is told, and hinders nothing else.
                    let told = judged(&lock, "cu132").unwrap();
                    assert_eq!(told.len(), 1, "{told:?}");
                    // On a machine with another build two frameworks are refused all the same, others are told.
                    let elsewhere = judged("", "cu126");
                    assert_eq!(
                        elsewhere.is_err(),
                        names.starts_with("tensorflow"),
                        "{elsewhere:?}"
                    );
                    assert!(elsewhere.is_err() || elsewhere.unwrap().len() == 1);
                }
            }
        }
        assert_eq!(
            refuse_two(&manifest, "", "nonsense", None, &none, "3.12")
                .unwrap()
                .len(),
            0
        );
    }
}
