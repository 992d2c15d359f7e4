//! `deskside env add` and `deskside env remove`.

use super::extra::ExtraWish;
use super::project::{Project, Resolution};
use super::variants::{self, Reach};
use super::{Place, Prepared};
use crate::Context;
use deskside_envs::build::Flavour;
use deskside_envs::build::specifier::requirement;
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
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, listen)?;
    let mut manifest = project.existing()?.clone();
    let reach = Reach::new(context);
    let mut plain = Vec::new();
    let mut warnings = Vec::new();
    let mut why = Vec::new();
    for text in &request.requirements {
        let Some((name, bounds)) = requirement(text) else {
            plain.push(text.clone());
            continue;
        };
        match name.parse::<Flavour>() {
            // `jax[cuda13]` names a build itself, and a group is a person's own affair.
            Ok(framework) if !text.contains('[') && request.group.is_none() => {
                warnings.extend(variants::give(&mut manifest, framework, &bounds, &reach)?);
                why.push(format!(
                    "{} comes as an extra for each of its builds; this machine's is chosen here and noted outside the project",
                    framework.word()
                ));
            }
            _ => plain.push(text.clone()),
        }
    }
    let mut commands = Vec::new();
    if plain.is_empty() {
        commands.push(("resolve the project's packages", vec!["lock".to_string()]));
    } else {
        let mut words = vec!["add".to_string(), "--no-sync".into()];
        if let Some(group) = &request.group {
            words.extend(["--group".into(), group.clone()]);
        }
        words.push("--".into());
        words.extend(plain.iter().cloned());
        // uv takes options only before `--`; the mirror's folder is one.
        commands.push(("add packages", before_separator(words)));
    }
    let list = request.requirements.join(" ");
    project.prepare(Resolution {
        reason: format!("env add {list}"),
        wish: format!("add {list} to {}", project.place.project.display()),
        manifest,
        commands,
        forget_lock: false,
        extra: ExtraWish::Noted,
        python: None,
        files: Vec::new(),
        why,
        warnings,
    })
}

/// uv takes requirements as they are: one that begins with a dash would be an option.
fn before_separator(words: Vec<String>) -> Vec<String> {
    words.into_iter().filter(|word| word != "--").collect()
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
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, listen)?;
    let mut manifest = project.existing()?.clone();
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
        let framework = name.parse::<Flavour>().ok();
        let taken = framework.is_some_and(|framework| variants::take(&mut manifest, framework));
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
    project.prepare(Resolution {
        reason: format!("env remove {list}"),
        wish: format!("remove {list} from {}", project.place.project.display()),
        manifest,
        commands,
        forget_lock: false,
        extra: ExtraWish::Noted,
        python: None,
        files: Vec::new(),
        why: Vec::new(),
        warnings: Vec::new(),
    })
}
