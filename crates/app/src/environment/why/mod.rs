//! `deskside env why`: which build of a framework fits a machine, and how that is decided.

mod assume;
mod blank;
mod first;
mod gpus;

use crate::{Answer, Context};
use deskside_envs::build::{
    self, Better, Build, CompanionChoice, Flavour, RuledOut, UvAuto, Wish, admission, specifier,
};
use deskside_knowledge::frameworks;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use deskside_types::spelling::nearest;
use deskside_types::{Code, Problem, Result};
pub use first::First;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhyRequest {
    /// The framework, or a package that follows its builds.
    pub framework: String,
    /// The version wanted, as specifiers.
    pub version: Option<String>,
    /// The Python wanted.
    pub python: Option<String>,
    /// Another machine, in words.
    pub assume: Option<String>,
}

/// The machine that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MachineMeant {
    /// `this`, `recorded`, `assumed`
    pub origin: String,
    /// What of it counts, in a line: `NVIDIA GeForce RTX 4090 · driver 580.95.05 · Ubuntu 22.04 · x86_64`.
    pub shown: Vec<String>,
    /// Of an assumed machine: what was not named and is taken.
    pub taken: Vec<String>,
}

/// The answer of `env why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhyReport {
    /// The package that was asked for.
    pub package: String,
    /// The machine.
    pub machine: MachineMeant,
    /// The choice in a line.
    pub choice: String,
    /// It computes on a GPU of the machine, or the machine has none.
    pub is_best: bool,
    /// What has to be mended before the GPU can be used with it; empty where nothing has.
    pub first: Vec<First>,
    /// What was looked at before it and does not serve, in order.
    pub ruled_out: Vec<RuledOut>,
    /// Why it is this one, a sentence each.
    pub why: Vec<String>,
    /// The framework's build.
    pub build: Build,
    /// The Pythons that serve: `3.11 to 3.15`.
    pub pythons: String,
    /// The address the packages come from; `default` for the index that is set up.
    pub index: String,
    /// The commands that give it, as a person types them.
    pub commands: Vec<String>,
    /// The command that makes a project with it; none where the question was for another machine or a certain version.
    pub project: Option<String>,
    /// Variables that training needs: set, or taken away where none.
    pub variables: BTreeMap<String, Option<String>>,
    /// What `uv pip install --torch-backend auto` would take; none for frameworks it does not know.
    pub uv_auto: Option<UvAuto>,
    /// What would give a better build.
    pub better: Vec<Better>,
}

impl Answer for WhyReport {
    const SCHEMA: &'static str = "deskside.env.why";
}

/// What a name on the command line is.
enum Asked {
    Framework(Flavour),
    Companion,
}

/// Answers which build fits.
///
/// # Errors
/// [`Code::NoFittingBuild`] with the nearest thing that works; [`Code::Usage`] for names that nobody knows.
pub fn why(context: &Context, request: &WhyRequest) -> Result<WhyReport> {
    context.heeding(|context| answered(context, request))
}

fn answered(context: &Context, request: &WhyRequest) -> Result<WhyReport> {
    let (facts, python, origin, taken) = match &request.assume {
        Some(text) => {
            let assumed = assume::assume(text)?;
            (assumed.facts, assumed.python, "assumed", assumed.taken)
        }
        None => (
            deskside_probe::collect(&*context.machine),
            None,
            if context.recorded { "recorded" } else { "this" },
            Vec::new(),
        ),
    };
    let wish = build::with_mirror(
        &*context.projects,
        Wish {
            python: request.python.clone().or(python),
            ..Wish::default()
        },
    );
    let machine = MachineMeant {
        origin: origin.into(),
        shown: shown(&facts),
        taken,
    };
    answer(&facts, request, wish, machine)
}

/// The answer for facts.
fn answer(
    facts: &Facts,
    request: &WhyRequest,
    wish: Wish,
    machine: MachineMeant,
) -> Result<WhyReport> {
    let (framework, version) = taken_apart(request);
    if !build::is_version_wish(&version) {
        return Err(Problem::new(
            Code::RequirementInvalid,
            format!("`{version}` is no version, and no version specifiers"),
        )
        .hint("write 2.10, ==2.10.*, or '>=2.9,<2.11'"));
    }
    let package = deskside_knowledge::python::normalised_name(&framework);
    match asked(&package)? {
        Asked::Framework(flavour) => {
            let wish = Wish {
                flavour: Some(flavour),
                framework: version,
                ..wish
            };
            let build =
                build::choose(facts, flavour, &wish).map_err(|problem| said(problem, &machine))?;
            let requirements = vec![requirement(&build, &wish)];
            Ok(report(
                facts,
                &wish,
                package,
                machine,
                build,
                &requirements,
                None,
            ))
        }
        Asked::Companion => {
            let choice = build::choose_companion(facts, &package, &version, &wish)
                .map_err(|problem| said(problem, &machine))?;
            let wish = Wish {
                flavour: Some(Flavour::Torch),
                framework: format!("=={}.*", choice.build.release),
                ..wish
            };
            Ok(report(
                facts,
                &wish,
                package,
                machine,
                choice.build.clone(),
                &choice.requirements,
                Some(&choice),
            ))
        }
    }
}

/// The name and the version wish: `torch==2.10` names both, and a wish beside it counts as well.
fn taken_apart(request: &WhyRequest) -> (String, String) {
    let own = request.version.clone().unwrap_or_default();
    let Some((name, bounds)) = specifier::requirement(&request.framework) else {
        return (request.framework.clone(), own);
    };
    let both = [own, bounds].map(|text| text.trim().to_string());
    let both: Vec<String> = both.into_iter().filter(|text| !text.is_empty()).collect();
    (name, both.join(","))
}

fn report(
    facts: &Facts,
    wish: &Wish,
    package: String,
    machine: MachineMeant,
    mut build: Build,
    requirements: &[String],
    companion: Option<&CompanionChoice>,
) -> WhyReport {
    let flavour = build.flavour;
    let first = first::first(facts, &build);
    if !first.is_empty() {
        build.accelerated = false;
    }
    let from = match (&build.index, companion) {
        (Some(_), _) if build.variant == "cpu" => "from PyTorch's CPU index".to_string(),
        (Some(index), _) if index.name.starts_with("pytorch-") => {
            format!("from PyTorch's index {}", build.variant)
        }
        (Some(_), _) => "from AMD's index for many targets".to_string(),
        (None, _) => "from the default index".to_string(),
    };
    let on = if build.accelerated {
        String::new()
    } else if build.variant == "cpu" {
        ", on the processor".into()
    } else {
        ", not accelerated yet".into()
    };
    let choice = match companion {
        None => format!(
            "{} {} ({}) {from}{on}",
            flavour.name(),
            build.release,
            build.variant
        ),
        Some(companion) => format!(
            "{} beside {} {} ({}) {from}{on}",
            companion.requirements.last().unwrap_or(&package),
            flavour.name(),
            build.release,
            build.variant
        ),
    };
    let arguments = companion.map_or(&build.arguments, |companion| &companion.arguments);
    let needs = companion.map_or(&[][..], |companion| &companion.build_needs);
    let commands = commands(&build, requirements, needs, arguments);
    WhyReport {
        choice,
        is_best: build.accelerated || !has_accelerator(facts),
        project: (companion.is_none() && wish.framework.is_empty() && machine.origin == "this")
            .then(|| format!("deskside env init --flavour {}", flavour.word())),
        index: build
            .index
            .as_ref()
            .map_or_else(|| "default".into(), |index| index.url.clone()),
        pythons: build::python::range_in_words(&build.own_python_range()),
        ruled_out: build.ruled_out.clone(),
        // What was ruled out stands in a list of its own.
        why: companion
            .map_or(&[][..], |companion| &companion.why)
            .iter()
            .chain(&build.why)
            .filter(|line| {
                build.ruled_out.is_empty()
                    || (!line.starts_with("the newest build (")
                        && build.ruled_out.iter().all(|row| !line.ends_with(&row.why)))
            })
            // What is to be mended first stands above, and of an assumed machine no Python is known.
            .filter(|line| first.is_empty() || !line.contains("raining runs on the processor"))
            .filter(|line| machine.origin != "assumed" || !line.contains("no Python was found"))
            .cloned()
            .collect(),
        commands,
        variables: build.variables.clone(),
        uv_auto: (flavour == Flavour::Torch).then(|| build::uv_auto(facts, wish, &build)),
        better: build::better(facts, flavour, wish, &build),
        first,
        package,
        machine,
        build,
    }
}

/// Whether the machine has a GPU that frameworks compute on.
fn has_accelerator(facts: &Facts) -> bool {
    facts.gpus.value().is_none() || facts.known_gpus().iter().any(Gpu::is_accelerator)
}

/// What a name is.
fn asked(package: &str) -> Result<Asked> {
    if let Ok(flavour) = package.parse::<Flavour>() {
        return Ok(Asked::Framework(flavour));
    }
    if package == "pytorch" {
        return Ok(Asked::Framework(Flavour::Torch));
    }
    if frameworks::companion(package).is_some() {
        return Ok(Asked::Companion);
    }
    let names: Vec<&str> = Flavour::EVERY
        .iter()
        .map(|flavour| flavour.word())
        .chain(
            frameworks::companions()
                .all
                .iter()
                .map(|companion| companion.name.as_str()),
        )
        .collect();
    let problem = Problem::new(
        Code::Usage,
        format!("`{package}` is no framework, and not known to follow the builds of one"),
    );
    Err(match nearest(package, names.iter().copied()) {
        Some(meant) => problem.hint(format!("did you mean: deskside env why {meant}")),
        None => problem.hint(format!("there are {}", names.join(", "))),
    })
}

/// A problem, with the machine it is about where that is not plain.
fn said(problem: Problem, machine: &MachineMeant) -> Problem {
    if machine.origin == "this" {
        return problem;
    }
    problem.because(format!("the machine: {}", machine.shown.join(", ")))
}

/// The requirement as a person types it: one release, within the wish.
fn requirement(build: &Build, wish: &Wish) -> String {
    let own = build
        .requirements
        .first()
        .cloned()
        .unwrap_or_else(|| build.flavour.word().to_string());
    if build.flavour != Flavour::Torch || own.contains('[') {
        return own;
    }
    let series = format!("torch=={}.*", build.release);
    let known = frameworks::torch().release(&build.release);
    if known.is_some_and(|known| admission::admits_all(&wish.framework, &known.versions)) {
        series
    } else {
        format!("torch{}", admission::specifiers(&wish.framework))
    }
}

/// The commands that give a build: an environment with the right Python, then the packages. A package that is built against
/// the framework, with what `needs` names, comes in a step of its own: its build looks at what is installed.
fn commands(
    build: &Build,
    requirements: &[String],
    needs: &[String],
    arguments: &[String],
) -> Vec<String> {
    let install = |words: &[&[String]]| -> String {
        ["uv", "pip", "install"]
            .map(String::from)
            .iter()
            .chain(words.iter().copied().flatten())
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let venv = format!("uv venv --python {}", quoted(&build.python));
    match requirements.split_last() {
        Some((last, before)) if !needs.is_empty() => vec![
            venv,
            install(&[before, &build.extra_packages, needs, arguments]),
            install(&[&[last.clone(), "--no-build-isolation".into()]]),
        ],
        _ => vec![
            venv,
            install(&[requirements, &build.extra_packages, arguments]),
        ],
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) && !word.contains("==") {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What of a machine counts for the choice.
fn shown(facts: &Facts) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut gpus: Vec<(String, usize)> = Vec::new();
    for gpu in facts.known_gpus().iter().filter(|gpu| gpu.is_accelerator()) {
        let name = gpu.name.value().cloned().unwrap_or_else(|| "a GPU".into());
        let target = gpu.compute_capability.value().or(gpu.gfx_target.value());
        let text = match target {
            Some(target) if !name.contains(target.as_str()) => format!("{name} ({target})"),
            _ => name,
        };
        match gpus.iter_mut().find(|(other, _)| *other == text) {
            Some((_, count)) => *count += 1,
            None => gpus.push((text, 1)),
        }
    }
    if gpus.is_empty() {
        let intel = facts
            .known_gpus()
            .iter()
            .find(|gpu| gpu.vendor == Vendor::Intel);
        parts.push(match (facts.gpus.reason(), intel) {
            (Some(reason), _) => format!("GPUs not known ({reason})"),
            (None, Some(gpu)) => gpu
                .name
                .value()
                .cloned()
                .unwrap_or_else(|| "Intel graphics".into()),
            (None, None) => "no GPU".into(),
        });
    }
    parts.extend(gpus.into_iter().map(|(text, count)| {
        if count > 1 {
            format!("{count} × {text}")
        } else {
            text
        }
    }));
    let nvidia = facts
        .known_gpus()
        .iter()
        .any(|gpu| gpu.vendor == Vendor::Nvidia);
    if nvidia {
        parts.push(build::driver_in_words(facts));
    }
    if let Some(os) = facts.system.os.value() {
        parts.push(os.name.clone());
    } else if facts.system.kind == OsKind::MacOs {
        parts.push("macOS".into());
    }
    if let Some(glibc) = facts.system.glibc.value() {
        parts.push(format!("glibc {glibc}"));
    }
    parts.extend(facts.system.architecture.value().cloned());
    parts
}

#[cfg(test)]
mod tests;
