//! A second framework in a project: it joins the extras of the first, in the build for the same CUDA.

use super::extra::framework_of;
use super::markers;
use deskside_envs::build::specifier::requirement;
use deskside_envs::build::{self, Flavour, Wish};
use deskside_envs::manifest::Manifest;
use deskside_machine::Machine;
use std::collections::BTreeMap;

/// What an extra computes on, as far as two frameworks must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The major version of CUDA.
    Cuda(u32),
    /// Apple's GPU, or a processor of any maker.
    Other,
}

fn kind(extra: &str) -> Kind {
    let digits = |start: &str| extra.strip_prefix(start)?.parse::<u32>().ok();
    match (digits("cuda"), digits("cu")) {
        (Some(major), _) => Kind::Cuda(major),
        // `cu126` is CUDA 12.6.
        (None, Some(version)) => Kind::Cuda(version / 10),
        _ => Kind::Other,
    }
}

/// The frameworks in a project's extras beside this one, each with the bounds that all of its extras have.
pub(super) fn others(
    extras: &BTreeMap<String, Vec<String>>,
    framework: Flavour,
) -> Vec<(Flavour, String)> {
    let Some((_, names)) = framework_of(extras) else {
        return Vec::new();
    };
    Flavour::EVERY
        .into_iter()
        .filter(|other| *other != framework)
        .filter(|other| {
            names.iter().any(|name| {
                extras[name]
                    .iter()
                    .any(|line| requirement(line).is_some_and(|(own, _)| own == other.word()))
            })
        })
        .map(|other| (other, bounds_of_all(extras, other)))
        .collect()
}

/// The bounds of a framework that all of its extras have in common; empty where they differ.
pub(super) fn bounds_of_all(extras: &BTreeMap<String, Vec<String>>, framework: Flavour) -> String {
    let mut all: Vec<String> = extras
        .values()
        .flatten()
        .filter_map(|line| requirement(line))
        .filter(|(name, _)| name == framework.word())
        .map(|(_, bounds)| bounds)
        .collect();
    all.sort();
    all.dedup();
    match all.as_slice() {
        [one] => one.clone(),
        _ => String::new(),
    }
}

/// Puts a framework into the extras of the one that is there. None where one of them is for a CUDA that the framework has
/// no build for: then nothing is changed.
pub(super) fn join(
    machine: &dyn Machine,
    manifest: &mut Manifest,
    second: Flavour,
    bounds: &str,
) -> Option<()> {
    let (_, names) = framework_of(&manifest.extras())?;
    let wish = Wish {
        flavour: Some(second),
        python: manifest.requires_python().map(String::from),
        framework: bounds.to_string(),
        ..Wish::default()
    };
    let known = build::variants(second, &build::with_mirror(machine, wish));
    let own = own_marker(manifest, second, &known);
    let lines_for = |wanted: Kind| -> Vec<String> {
        known
            .iter()
            .filter(|variant| variant.index.is_none() && kind(&variant.extra) == wanted)
            .map(|variant| {
                let marker = variant.marker.as_deref();
                markers::marked(&variant.requirement, own.as_deref(), marker)
            })
            .collect()
    };
    let mut all = Vec::new();
    for name in names {
        let lines = lines_for(kind(&name));
        if lines.is_empty() {
            return None;
        }
        all.push((name, lines));
    }
    for (name, lines) in all {
        manifest.set_in_extra(&name, second.word(), &lines);
    }
    manifest.take_dependency(second.word());
    Some(())
}

/// The marker under which a framework is asked for: that of its dependency, or what stands in the extras beside the
/// builds' own.
fn own_marker(manifest: &Manifest, framework: Flavour, known: &[build::Variant]) -> Option<String> {
    let is_its =
        |line: &&String| requirement(line).is_some_and(|(name, _)| name == framework.word());
    let dependencies = manifest.dependencies();
    if let Some(line) = dependencies.iter().find(is_its) {
        return markers::marker_of(line).map(String::from);
    }
    let extras = manifest.extras();
    let mut lines = extras.values().flatten().filter(is_its);
    lines.find_map(|line| {
        known.iter().find_map(|variant| {
            let asked = markers::asked(line, variant.marker.as_deref());
            let own = markers::marker_of(&asked)?;
            (Some(own) != markers::marker_of(line)).then(|| own.to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_envs::manifest::Variant;
    use deskside_testkit::Sim;

    fn project(extras: &[(&str, &str)]) -> Manifest {
        let mut manifest = Manifest::new("p", ">=3.11");
        let variants: Vec<Variant> = extras
            .iter()
            .map(|(extra, line)| Variant {
                extra: (*extra).into(),
                requirements: vec![(*line).into()],
                index: None,
                marker: None,
            })
            .collect();
        manifest.set_variants(&variants, &["torch".into()]);
        manifest
    }

    #[test]
    fn each_extra_gets_the_build_for_its_cuda() {
        let torch = [
            ("cu132", "torch>=2.15; sys_platform == 'linux'"),
            ("cu126", "torch>=2.14; sys_platform == 'linux'"),
            ("rocm72", "torch>=2.13; sys_platform == 'linux'"),
            ("cpu", "torch; sys_platform == 'linux'"),
            ("mps", "torch; sys_platform == 'darwin'"),
        ];
        let mut manifest = project(&torch);
        join(&Sim::linux(), &mut manifest, Flavour::Jax, "").unwrap();
        let extras = manifest.extras();
        for (extra, start) in [
            ("cu132", "jax[cuda13]"),
            ("cu126", "jax[cuda12]"),
            ("rocm72", "jax"),
            ("cpu", "jax"),
            ("mps", "jax"),
        ] {
            assert_eq!(extras[extra].len(), 2, "{extras:?}");
            let joined = &extras[extra][1];
            let end = joined[start.len()..].chars().next();
            assert!(joined.starts_with(start) && end != Some('['), "{extras:?}");
        }
        assert_eq!(
            others(&extras, Flavour::Torch),
            [(Flavour::Jax, bounds_of_all(&extras, Flavour::Jax))]
        );
        // Once more changes nothing.
        let text = manifest.text();
        join(&Sim::linux(), &mut manifest, Flavour::Jax, "").unwrap();
        assert_eq!(manifest.text(), text);
        // A marker of its own stays, whoever asks again.
        let mut marked = project(&torch);
        marked.add_dependency("jax; python_version < '3.13'");
        join(&Sim::linux(), &mut marked, Flavour::Jax, "").unwrap();
        let line = marked.extras()["cu126"][1].clone();
        assert!(
            line.contains("; (python_version < '3.13') and (sys_platform == "),
            "{line}"
        );
        let before = marked.text();
        join(&Sim::linux(), &mut marked, Flavour::Jax, "").unwrap();
        assert_eq!(marked.text(), before);
        // TensorFlow has no build for CUDA 13.
        assert_eq!(
            join(&Sim::linux(), &mut manifest, Flavour::Tensorflow, ""),
            None
        );
        assert_eq!(manifest.text(), text);
        let mut old = project(&[torch[1], torch[3]]);
        join(&Sim::linux(), &mut old, Flavour::Tensorflow, "").unwrap();
        let extras = old.extras();
        assert!(
            extras["cu126"][1].starts_with("tensorflow[and-cuda]"),
            "{extras:?}"
        );
    }
}
