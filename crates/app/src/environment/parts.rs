//! Extras and dependency groups of a project's own: which of them are installed here, beside the framework build.

use super::Place;
use super::extra::{ExtraWish, framework_of};
use deskside_envs::manifest::Manifest;
use deskside_envs::snapshot::Parts;
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Machine, Reading};
use deskside_types::spelling::closest;
use deskside_types::{Code, Problem, Result};

/// Which of them are to be installed from now on, and which no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PartsWish {
    /// Those that come.
    pub more: Parts,
    /// Those that go.
    pub less: Parts,
}

impl PartsWish {
    /// A group that comes.
    pub fn group(name: Option<&str>) -> Self {
        let mut wish = Self::default();
        wish.more.groups.extend(name.map(String::from));
        wish
    }
}

/// Tells the extra of a framework build from extras of the project's own, among those that a person named.
///
/// # Errors
/// [`Code::RequirementInvalid`] for an extra that the project has not, and for two builds at once.
pub(super) fn sorted(manifest: &Manifest, names: &[String]) -> Result<(ExtraWish, Vec<String>)> {
    let extras = manifest.extras();
    let builds = framework_of(&extras).map_or_else(Vec::new, |(_, names)| names);
    let (mut build, mut own) = (ExtraWish::Noted, Vec::new());
    let mut named: Vec<String> = Vec::new();
    for name in names {
        if name == "auto" && !extras.contains_key(name) {
            build = ExtraWish::Best;
            named.push(name.clone());
            continue;
        }
        let Some(known) = same(extras.keys(), name) else {
            return Err(no_extra(name, extras.keys(), !builds.is_empty()));
        };
        if builds.contains(&known) {
            build = ExtraWish::Named(known.clone());
            named.push(known);
        } else {
            own.push(known);
        }
    }
    named.dedup();
    if let [first, second, ..] = &named[..] {
        return Err(Problem::new(
            Code::RequirementInvalid,
            format!("{first} and {second} are two builds of one framework"),
        )
        .because("an environment has one of them")
        .hint("name one of them; extras of the project's own may stand beside it"));
    }
    Ok((build, own))
}

/// What is installed here afterwards: what was noted and is still in the project, with what comes and without what goes.
///
/// # Errors
/// [`Code::RequirementInvalid`] for what the project has not.
pub(super) fn parts(manifest: &Manifest, noted: &Parts, wish: &PartsWish) -> Result<Parts> {
    let extras = manifest.extras();
    let builds = framework_of(&extras).map_or_else(Vec::new, |(_, names)| names);
    let own = extras.keys().filter(|name| !builds.contains(name));
    let groups = manifest.groups();
    let mut without: Vec<String> = manifest
        .default_groups()
        .into_iter()
        .filter(|name| {
            let is_in = |list: &[String]| same(list.iter(), name).is_some();
            is_in(&wish.less.groups) || is_in(&noted.without) && !is_in(&wish.more.groups)
        })
        .collect();
    without.dedup();
    Ok(Parts {
        without,
        extras: list(
            own.clone(),
            &noted.extras,
            &wish.more.extras,
            &wish.less.extras,
        )
        .map_err(|name| no_extra(&name, extras.keys(), !builds.is_empty()))?,
        groups: list(
            groups.iter(),
            &noted.groups,
            &wish.more.groups,
            &wish.less.groups,
        )
        .map_err(|name| no_group(&name, &groups))?,
    })
}

/// One of the two lists; a name that is not there as the error.
fn list<'a>(
    there: impl Iterator<Item = &'a String> + Clone,
    noted: &[String],
    more: &[String],
    less: &[String],
) -> std::result::Result<Vec<String>, String> {
    let mut all: Vec<String> = Vec::new();
    for name in noted {
        all.extend(same(there.clone(), name));
    }
    for name in more {
        all.push(same(there.clone(), name).ok_or_else(|| name.clone())?);
    }
    for name in less {
        let gone = same(there.clone(), name).ok_or_else(|| name.clone())?;
        all.retain(|own| *own != gone);
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    Ok(all)
}

/// What is noted for this machine and still in the project; all that is noted where the project's file can't be read.
pub(crate) fn noted(machine: &dyn Machine, place: &Place) -> Parts {
    let noted = place.store.local(machine).parts;
    let path = place.project.join("pyproject.toml");
    let text = machine.text(&path).unwrap_or_default();
    Manifest::parse(&path.display().to_string(), &text)
        .and_then(|manifest| parts(&manifest, &noted, &PartsWish::default()))
        .unwrap_or(noted)
}

/// The name as the project writes it: packaging holds `Dev_Test` and `dev-test` for the same (PEP 685, PEP 735).
fn same<'a>(mut names: impl Iterator<Item = &'a String>, wanted: &str) -> Option<String> {
    let wanted = normalised_name(wanted);
    names.find(|name| normalised_name(name) == wanted).cloned()
}

fn no_extra<'a>(
    name: &str,
    there: impl Iterator<Item = &'a String> + Clone,
    has_builds: bool,
) -> Problem {
    let problem = Problem::new(
        Code::RequirementInvalid,
        format!("the project has no extra `{name}`"),
    );
    let names: Vec<&str> = there.map(String::as_str).collect();
    let problem = match closest(name, names.iter().copied()) {
        Some(meant) => problem.hint(format!("did you mean --extra {meant}?")),
        None if names.is_empty() => problem.hint(
            "it has none at all: extras stand under [project.optional-dependencies] of pyproject.toml",
        ),
        None => problem.hint(format!("it has: {}", names.join(", "))),
    };
    match has_builds {
        true => problem.hint("--extra auto chooses the framework build for this machine"),
        false => problem,
    }
}

fn no_group(name: &str, there: &[String]) -> Problem {
    let problem = Problem::new(
        Code::RequirementInvalid,
        format!("the project has no dependency group `{name}`"),
    );
    match closest(name, there.iter().map(String::as_str)) {
        Some(meant) => problem.hint(format!("did you mean --group {meant}?")),
        None if there.is_empty() => problem.hint(format!(
            "it has none at all; put a package into one: deskside env add --group {name} PACKAGE"
        )),
        None => problem.hint(format!("it has: {}", there.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(framework: bool) -> Manifest {
        let mut text = "[project]\nname = \"p\"\n[dependency-groups]\ntest = []\n\"Lint_All\" = []\n[project.optional-dependencies]\ndev = [\"idna\"]\n\"Plots_X\" = []\n".to_string();
        if framework {
            text.push_str("cpu = [\"torch\"]\ncu126 = [\"torch\"]\n");
        }
        Manifest::parse("p", &text).unwrap()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn builds_are_told_from_extras_of_the_projects_own() {
        for (framework, list, build, own) in [
            (true, &[][..], ExtraWish::Noted, &[][..]),
            (true, &["auto"], ExtraWish::Best, &[]),
            (
                true,
                &["cpu", "dev"],
                ExtraWish::Named("cpu".into()),
                &["dev"],
            ),
            (
                true,
                &["dev", "plots-x"],
                ExtraWish::Noted,
                &["dev", "Plots_X"],
            ),
            (true, &["cpu", "cpu"], ExtraWish::Named("cpu".into()), &[]),
            (false, &["dev"], ExtraWish::Noted, &["dev"]),
        ] {
            assert_eq!(
                sorted(&project(framework), &names(list)).unwrap(),
                (build, names(own)),
                "{list:?}"
            );
        }
        for (framework, list, words) in [
            (true, &["cpu", "cu126"][..], "name one"),
            (true, &["auto", "cu126"], "name one"),
            (true, &["nope"], "it has: Plots_X, cpu, cu126, dev"),
            (false, &["cpu"], "it has: Plots_X, dev"),
            (false, &["dve"], "did you mean --extra dev?"),
        ] {
            let problem = sorted(&project(framework), &names(list)).unwrap_err();
            assert_eq!(problem.code, Code::RequirementInvalid);
            assert!(problem.hints.join("\n").contains(words), "{problem:?}");
            assert!(
                !problem.hints.join("\n").contains("env add torch"),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn what_is_noted_stays_as_long_as_the_project_has_it() {
        let of = |extras: &[&str], groups: &[&str]| Parts {
            extras: names(extras),
            groups: names(groups),
            without: Vec::new(),
        };
        let wish = |more: Parts, less: Parts| PartsWish { more, less };
        for (noted, wish, after) in [
            (
                of(&["dev", "gone"], &["gone"]),
                wish(of(&[], &[]), of(&[], &[])),
                of(&["dev"], &[]),
            ),
            (
                of(&["dev"], &[]),
                wish(of(&["plots_x"], &["test"]), of(&[], &[])),
                of(&["dev", "Plots_X"], &["test"]),
            ),
            (
                of(&["dev"], &["test"]),
                wish(of(&["dev"], &["lint-all"]), of(&[], &["test"])),
                of(&["dev"], &["Lint_All"]),
            ),
            (
                of(&["dev", "cpu"], &[]),
                wish(of(&[], &[]), of(&["dev"], &[])),
                of(&[], &[]),
            ),
        ] {
            assert_eq!(parts(&project(true), &noted, &wish).unwrap(), after);
        }
        // A group that uv installs by itself has to be left out by name, until somebody wants it again.
        let manifest = "[project]\nname = \"p\"\n[dependency-groups]\ndev = []\ntest = []\n";
        let manifest = Manifest::parse("p", manifest).unwrap();
        let without = Parts {
            without: names(&["dev"]),
            ..Parts::default()
        };
        let nothing = of(&[], &[]);
        for (noted, wish, after) in [
            (&nothing, wish(of(&[], &[]), of(&[], &["dev"])), &without),
            (&nothing, wish(of(&[], &[]), of(&[], &["test"])), &nothing),
            (&without, wish(of(&[], &[]), of(&[], &[])), &without),
            (
                &without,
                wish(of(&[], &["dev"]), of(&[], &[])),
                &of(&[], &["dev"]),
            ),
        ] {
            assert_eq!(parts(&manifest, noted, &wish).unwrap(), *after);
        }
        assert_eq!(without.arguments(), ["--no-group", "dev"]);
        let unknown = wish(of(&[], &["tset"]), of(&[], &[]));
        let problem = parts(&project(true), &of(&[], &[]), &unknown).unwrap_err();
        assert!(problem.hints[0].contains("--group test"), "{problem:?}");
    }
}
