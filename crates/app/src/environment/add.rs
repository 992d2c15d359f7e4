//! `deskside env add` and `deskside env remove`.

use super::extra::{self, ExtraWish};
use super::parts::PartsWish;
use super::project::{Project, Resolution};
use super::sync::explained;
use super::variants::{self, Reach};
use super::{Place, Prepared, era, markers, named, paths};
use crate::Context;
use deskside_envs::build::Flavour;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::Manifest;
use deskside_machine::command::without_credentials;
use deskside_operate::Event;
use deskside_types::{Code, Problem, Result};

/// What is to be added or removed.
#[derive(Debug, Clone, Default)]
pub struct AddRequest {
    /// The project's folder; the nearest one when none.
    pub project: Option<std::path::PathBuf>,
    /// Requirements, or names.
    pub requirements: Vec<String>,
    /// The dependency group; the project's own dependencies when none.
    pub group: Option<String>,
    /// Nothing is to be changed: only the plan is wanted.
    pub only_plan: bool,
}

/// Plans adding packages. A framework comes as one extra for each of its builds.
///
/// # Errors
/// When a requirement can't be understood, or nothing satisfies all of them together.
pub fn add(
    context: &Context,
    request: &AddRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    context.heeding(|context| adding(context, request, listen))
}

fn adding(
    context: &Context,
    request: &AddRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, request.only_plan, listen)?;
    let mut manifest = project.existing()?.clone();
    if request.group.is_none() {
        project.require_own_dependencies()?;
    }
    let reach = Reach::new(context);
    let mut plain = Vec::new();
    let mut warnings = Vec::new();
    let mut why = Vec::new();
    let names: Vec<String> = request
        .requirements
        .iter()
        .filter_map(|text| requirement(text).map(|(name, _)| name))
        .collect();
    let mut given = extra::framework_of(&manifest.extras()).map(|(framework, _)| framework);
    for name in &names {
        given = given.or_else(|| name.parse().ok());
    }
    let mut along = false;
    for text in &request.requirements {
        refuse_what_is_no_requirement(text)?;
        if let Some(taken) = paths::take(context, &project.place, text)? {
            manifest.add_local(&taken, request.group.as_deref());
            why.extend(taken.notes);
            continue;
        }
        let Some((name, bounds)) = requirement(text) else {
            plain.push(text.clone());
            continue;
        };
        // What comes in the framework's builds comes from the same index as the framework.
        let is_companion =
            given.is_some_and(|framework| variants::companions(framework).contains(&name.as_str()));
        if is_companion && request.group.is_none() {
            manifest.add_dependency(text);
            along = true;
            continue;
        }
        match name.parse::<Flavour>() {
            // `jax[cuda13]` names a build itself, and a group is a person's own affair.
            // PyTorch's extras are none of its builds.
            Ok(framework)
                if request.group.is_none()
                    && (framework == Flavour::Torch || !text.contains('[')) =>
            {
                let newest = era::newest(&project, &manifest, framework, &bounds, None)?;
                // A marker and extras go along as those of a plain dependency do.
                let is_plain = markers::marker_of(text).is_none() && !text.contains('[');
                if !is_plain {
                    manifest.add_dependency(text);
                }
                let bounds = if is_plain { bounds.as_str() } else { "" };
                let told =
                    variants::give(&mut manifest, framework, bounds, newest.as_deref(), &reach)?;
                warnings.extend(told);
                why.push(format!(
                    "{} comes as an extra for each of its builds; this machine's is chosen here and noted outside the project",
                    framework.word()
                ));
            }
            _ => plain.push(text.clone()),
        }
    }
    if let (true, Some(framework)) = (along, given) {
        warnings.extend(variants::give(&mut manifest, framework, "", None, &reach)?);
    }
    let mut commands = Vec::new();
    if plain.is_empty() {
        commands.push(("resolve the project's packages", vec!["lock".to_string()]));
    } else {
        let mut words = vec!["add".to_string(), "--no-sync".into()];
        if let Some(group) = &request.group {
            words.extend(["--group".into(), group.clone()]);
        }
        words.extend(plain.iter().cloned());
        commands.push(("add packages", words));
    }
    let list = request.requirements.join(" ");
    let prepared = project.prepare(Resolution {
        reason: format!("env add {list}"),
        wish: format!("add {list} to {}", project.place.project.display()),
        manifest,
        commands,
        forget_lock: false,
        extra: ExtraWish::Noted,
        python: None,
        parts: PartsWish::group(request.group.as_deref()),
        files: Vec::new(),
        why,
        warnings,
    });
    prepared.map_err(|problem| {
        let problem = explained(context, &project.place, &project.uv, problem);
        named::explain(problem, &project, &names)
    })
}

/// Whether a framework comes as extras of the project.
fn is_in_extras(manifest: &Manifest, framework: Flavour) -> bool {
    let lines = manifest
        .extras()
        .into_values()
        .flatten()
        .collect::<Vec<_>>();
    let mut names = lines.iter().filter_map(|line| requirement(line));
    names.any(|(name, _)| name == framework.word())
}

/// Refuses what uv would take for an option, and what would carry a password into plans and journals.
fn refuse_what_is_no_requirement(text: &str) -> Result<()> {
    let invalid = |message: String| Problem::new(Code::RequirementInvalid, message);
    if text.trim_start().starts_with('-') {
        return Err(
            invalid(format!("`{text}` is an option, and no requirement"))
                .hint("name packages only: deskside env add numpy"),
        );
    }
    let shown = without_credentials(text);
    if shown != *text {
        return Err(invalid(format!("`{shown}` holds a user name or password"))
            .because("it would stand in the project's files and in the history")
            .hint("leave it away, and give it to uv by a variable or a keyring (UV_INDEX_NAME_PASSWORD, ~/.netrc)"));
    }
    Ok(())
}

/// Plans removing packages.
///
/// # Errors
/// When the project does not name one of them.
pub fn remove(
    context: &Context,
    request: &AddRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    context.heeding(|context| removing(context, request, listen))
}

fn removing(
    context: &Context,
    request: &AddRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, request.only_plan, listen)?;
    let mut manifest = project.existing()?.clone();
    if request.group.is_none() {
        project.require_own_dependencies()?;
    }
    let reach = Reach::new(context);
    let mut names = Vec::new();
    let mut plain = Vec::new();
    for text in &request.requirements {
        let Some((name, _)) = requirement(text) else {
            return Err(Problem::new(
                Code::RequirementInvalid,
                format!("`{text}` is no package's name"),
            )
            .hint("name packages as pyproject.toml does: deskside env remove numpy"));
        };
        if names.contains(&name) {
            continue;
        }
        let framework = name.parse::<Flavour>().ok();
        let is_frameworks = framework.is_some_and(|framework| is_in_extras(&manifest, framework));
        if !is_frameworks {
            named::require(&project, &manifest, &name, request.group.as_deref())?;
        }
        let taken = match framework {
            Some(framework) => variants::take(&mut manifest, framework, &reach)?,
            None => false,
        };
        if !taken {
            plain.push(name.clone());
        }
        names.push(name);
    }
    let commands = if plain.is_empty() {
        vec![("resolve the project's packages", vec!["lock".to_string()])]
    } else {
        let mut words = vec!["remove".to_string(), "--no-sync".into()];
        if let Some(group) = &request.group {
            words.extend(["--group".into(), group.clone()]);
        }
        words.extend(plain);
        vec![("remove packages", words)]
    };
    let list = names.join(" ");
    let prepared = project.prepare(Resolution {
        reason: format!("env remove {list}"),
        wish: format!("remove {list} from {}", project.place.project.display()),
        manifest,
        commands,
        forget_lock: false,
        extra: ExtraWish::Noted,
        python: None,
        parts: PartsWish::default(),
        files: Vec::new(),
        why: Vec::new(),
        warnings: Vec::new(),
    });
    prepared.map_err(|problem| explained(context, &project.place, &project.uv, problem))
}
