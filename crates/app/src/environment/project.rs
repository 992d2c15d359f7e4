//! What the commands that change a project's files share: resolve in a mirror, choose the extra, plan.

use super::change::{self, Prepared};
use super::extra::{self, ExtraWish};
use super::parts::{self, PartsWish};
use super::python::Interpreter;
use super::restoring::Survey;
use super::space::{self, Installing};
use super::{Place, era, majors, restoring, settle, uv_state};
use crate::Context;
use crate::up::Everything;
use deskside_envs::check::made_at;
use deskside_envs::environment::own::Edited;
use deskside_envs::environment::venv::{self, State};
use deskside_envs::environment::{in_the_way, mend, moved_aside};
use deskside_envs::index::wheel::Platform;
use deskside_envs::manifest::Manifest;
use deskside_envs::manifest::resolve::{DrySync, Scratch, refuse_member};
use deskside_envs::manifest::steps::{Wanted, steps};
use deskside_envs::plan::Module;
use deskside_envs::snapshot::compare::{Changed, Difference, Named};
use deskside_envs::snapshot::origin::MODULE;
use deskside_envs::snapshot::take::installed;
use deskside_envs::snapshot::{Choice, Local, Parts};
use deskside_envs::uv::{self, UvSource, UvState};
use deskside_knowledge::version::order;
use deskside_machine::{ErrorKind, Progress, Reading};
use deskside_operate::{Event, Workshop, apply, check, premise};
use deskside_types::facts::Tool;
use deskside_types::plan::{PLAN_VERSION, Plan, Premise};
use deskside_types::{Code, Facts, Known, Problem, Result};
use std::cmp::Ordering;

/// The oldest Python that Deskside's module runs on (its `Requires-Python`).
const MODULE_PYTHON: &str = "3.9";
/// The files that plans are made from.
const RESTING_ON: [&str; 5] = [
    "pyproject.toml",
    "uv.lock",
    "requirements.txt",
    ".gitignore",
    ".python-version",
];

/// A project that is about to be changed.
pub(super) struct Project<'a> {
    pub context: &'a Context,
    pub place: Place,
    pub facts: Facts,
    /// The uv that looks and resolves.
    pub uv: String,
    /// The uv of the plan's steps: another place of the same, where it is fetched by the plan itself.
    uv_state: UvState,
    /// What a person should know of how it was opened.
    notes: Vec<String>,
    /// `pyproject.toml` as it stands; none where there is none yet.
    pub manifest: Option<Manifest>,
    /// The files the plan will rest on, as they were when they were read: resolving may take long.
    premises: Vec<Premise>,
}

/// What uv is told.
pub(super) struct Resolution<'a> {
    /// The command in a phrase: `env add numpy`.
    pub reason: String,
    /// The plan's aim: `add numpy to ~/resnet`.
    pub wish: String,
    /// `pyproject.toml` with what is done to it before uv sees it.
    pub manifest: Manifest,
    /// uv's subcommands, in order, each with its aim as a phrase.
    pub commands: Vec<(&'a str, Vec<String>)>,
    /// Resolve anew, whatever stood in the lock.
    pub forget_lock: bool,
    /// The extra.
    pub extra: ExtraWish,
    /// The Python wanted, beside `requires-python`.
    pub python: Option<String>,
    /// Extras and groups of the project's own that are installed here from now on, or no longer.
    pub parts: PartsWish,
    /// Further files to write.
    pub files: Vec<(String, String)>,
    /// Why, in sentences.
    pub why: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl<'a> Project<'a> {
    /// Opens the project of a place, with uv at hand. Where it is not there yet it is fetched: as an operation of its
    /// own, or, where only the plan is wanted, into the cache folder, so that nothing is changed.
    pub fn open(
        context: &'a Context,
        mut place: Place,
        only_plan: bool,
        listen: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self> {
        let machine = &*context.machine;
        let mut notes = settle::settle(context, &mut place, only_plan)?;
        let facts = deskside_probe::collect(machine);
        refuse_member(machine, &place.project)?;
        let premises = RESTING_ON
            .iter()
            .map(|name| premise::file(machine, &place.project.join(name)))
            .collect();
        let path = place.project.join("pyproject.toml");
        let manifest = match machine.text(&path) {
            Ok(text) => Some(Manifest::parse(&path.display().to_string(), &text)?),
            Err(error) if error.kind == ErrorKind::Absent => None,
            Err(error) => return Err(error.into()),
        };
        let uv_state = match uv_state(context, &facts)? {
            UvState::Fetch(_) if !only_plan => {
                UvState::Here(tool(ready_uv(context, &facts, listen)?))
            }
            other => other,
        };
        let uv = match &uv_state {
            UvState::Here(tool) => tool.path.clone(),
            UvState::Fetch(source) => {
                let uv = borrowed_uv(context, source, listen)?;
                notes.push(format!(
                    "uv is not here yet: for this plan alone it lies at {uv}, in the cache folder"
                ));
                uv
            }
        };
        Ok(Self {
            uv_state,
            notes,
            context,
            place,
            facts,
            uv,
            manifest,
            premises,
        })
    }

    /// Refuses to change dependencies that do not stand in `pyproject.toml`.
    pub fn require_own_dependencies(&self) -> Result<()> {
        let manifest = self.existing()?;
        if !manifest.is_dynamic("dependencies") {
            return Ok(());
        }
        Err(Problem::new(
            Code::RequirementInvalid,
            "the project's dependencies do not stand in its pyproject.toml",
        )
        .because("it names them as dynamic: what builds the project reads them from elsewhere")
        .hint("change them there (requirements.txt, setup.py, …), then: deskside env lock")
        .hint("or take \"dependencies\" out of `dynamic`, and list them under [project]"))
    }

    /// The manifest, or that there is none.
    pub fn existing(&self) -> Result<&Manifest> {
        self.manifest
            .as_ref()
            .filter(|manifest| manifest.has_project())
            .ok_or_else(|| {
                Problem::new(
                    Code::EnvironmentMissing,
                    format!(
                        "{} has no pyproject.toml with a [project] table",
                        self.place.project.display()
                    ),
                )
                .hint("make it a project first: deskside env init")
            })
    }

    /// Resolves, and plans what follows. Nothing of the project's is changed.
    pub fn prepare(&self, resolution: Resolution<'_>) -> Result<Prepared> {
        let machine = &*self.context.machine;
        let scratch = Scratch::make(
            machine,
            &self.context.directories.cache,
            &self.uv,
            &self.place.project,
            &resolution.manifest,
        )?;
        let moment = resolution.manifest.exclude_newer().map(String::from);
        let prepared = self.resolved(&scratch, resolution);
        scratch.remove();
        prepared.map_err(|problem| match &moment {
            Some(moment) => era::explain(problem, moment),
            None => problem,
        })
    }

    fn resolved(&self, scratch: &Scratch<'_>, resolution: Resolution<'_>) -> Result<Prepared> {
        if resolution.forget_lock {
            scratch.forget_lock()?;
        }
        let mut quiet = |_: Progress<'_>| {};
        let python = self.python(
            &resolution.manifest,
            resolution.python.as_deref(),
            &mut Vec::new(),
        )?;
        for (what, words) in &resolution.commands {
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            // Else uv takes the newest that `requires-python` admits, and fetches it only to resolve.
            words.extend(["--python", &python.request]);
            scratch.uv(what, &words, &mut quiet)?;
        }
        let text = scratch.file("pyproject.toml")?.unwrap_or_default();
        let shown = self.place.project.join("pyproject.toml");
        let manifest = Manifest::parse(&shown.display().to_string(), &text)?;
        let mut files = vec![("pyproject.toml".to_string(), text)];
        if let Some(lock) = scratch.file("uv.lock")? {
            files.push(("uv.lock".to_string(), lock));
        }
        files.extend(resolution.files);
        let mut why = resolution.why;
        let chosen = extra::choose(
            self.context,
            &self.place,
            &self.facts,
            &manifest,
            &resolution.extra,
            &mut why,
        )?;
        let python = self.python(&manifest, resolution.python.as_deref(), &mut why)?;
        let noted = self.place.store.local(&*self.context.machine).parts;
        let parts = parts::parts(&manifest, &noted, &resolution.parts)?;
        let arguments = arguments(chosen.as_ref(), &parts);
        let lock = files.iter().find(|(name, _)| name == "uv.lock");
        let lock = lock.map(|(_, text)| text.as_str()).unwrap_or_default();
        let mut warnings = resolution.warnings;
        let before = self.lock_text();
        let two = majors::refuse_two(
            &manifest,
            &before,
            lock,
            chosen.as_ref().map(|choice| choice.extra.as_str()),
            &parts,
            &python.series,
        )?;
        warnings.extend(two);
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = scratch.dry_sync(
            &self.place.environment,
            &[words, vec!["--python", &python.request]].concat(),
        );
        let said = said?;
        let needs = said.as_ref().map(|said| self.needs(said, lock));
        let expected = said.map(|said| expected(&said.lines));
        self.planned(Planned {
            reason: resolution.reason,
            wish: resolution.wish,
            files,
            python,
            arguments,
            parts,
            chosen,
            pinned: matches!(resolution.extra, ExtraWish::Named(_)),
            expected,
            needs: needs.unwrap_or_default(),
            why,
            warnings,
        })
    }

    /// The free space that a sync needs at the least, as premises.
    pub fn needs(&self, said: &DrySync, lock: &str) -> Vec<Premise> {
        let platform = Platform::of(&self.facts);
        let difference = expected(&said.lines);
        let installing = Installing::of(&difference, lock, platform.as_ref(), said.downloads);
        let (machine, environment) = (&*self.context.machine, &self.place.environment);
        let cache = space::cache(machine, &self.uv, environment);
        space::premises(machine, cache, environment, &installing)
    }

    /// The lock file as it stands; empty where there is none that can be read.
    fn lock_text(&self) -> String {
        let path = self.place.project.join("uv.lock");
        let bytes = self.context.machine.file(path, 64 << 20);
        String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    /// The plan of files and an environment that are known.
    pub fn planned(&self, planned: Planned) -> Result<Prepared> {
        let machine = &*self.context.machine;
        let module = module(self.context);
        let runs_module = order(&planned.python.series, MODULE_PYTHON) != Ordering::Less;
        let mut warnings = self.notes.clone();
        warnings.extend(planned.warnings);
        if !runs_module {
            warnings.push(format!(
                "Deskside's own module needs Python {MODULE_PYTHON}: with {} a run keeps what it prints, and metrics can't be logged by it",
                planned.python.series
            ));
        }
        let existing = venv::look(machine, &self.place.environment)?;
        if let Some(problem) =
            in_the_way(&existing, &self.place.environment, &planned.python.request)
        {
            return Err(problem);
        }
        let survey = match &existing {
            State::Whole(_) => {
                let there = installed(machine, &self.place.environment);
                Survey::of(machine, &self.place, &there)
            }
            _ => Survey::default(),
        };
        let (damaged, edited) = (&survey.damaged, &survey.own.edited);
        let mut again: Vec<String> = damaged
            .iter()
            .filter(|file| !restoring::is_work(file, &self.place, edited))
            .map(|file| file.distribution.clone())
            .filter(|name| name != MODULE)
            .collect();
        again.dedup();
        let mut why = planned.why;
        why.extend(restoring::described(damaged, &self.place, edited));
        warnings.extend(moved_aside(
            machine,
            &self.place.environment,
            &planned.python.request,
        )?);
        let edited = edited_files(&self.place, edited);
        if let Some(old) = made_at(machine, &self.place.environment) {
            warnings.push(format!(
                "the environment was made at {}, and its programs start the Python there: make it anew: {}",
                old.display(),
                settle::rebuild(self.context, &self.place)
            ));
        }
        let foreign = matches!(&existing, State::Whole(venv) if venv.marker.is_none());
        let local = self.place.store.local(machine);
        let noted = Local {
            version: 1,
            project: self.place.project.display().to_string(),
            choice: planned.chosen.clone(),
            parts: planned.parts.clone(),
            pinned: planned.pinned
                || (local.pinned
                    && local.choice.as_ref().map(|one| &one.extra)
                        == planned.chosen.as_ref().map(|one| &one.extra)),
        };
        let steps = steps(
            machine,
            &self.place.store,
            &self.uv_state,
            Wanted {
                project: &self.place.project,
                environment: &self.place.environment,
                files: planned.files,
                python: planned.python.request,
                fetches_python: planned.python.fetches,
                arguments: [planned.arguments, mend::arguments(&again)].concat(),
                module: runs_module.then_some(&module),
                // What was noted before is noted anew, else it would hold for ever.
                local: (noted.choice.is_some()
                    || !noted.parts.is_empty()
                    || local.choice.is_some()
                    || !local.parts.is_empty())
                .then_some(noted),
                download_bytes: None,
            },
        )?;
        let mut plan = change::plan(self.context, &self.place, planned.wish, steps, &[])?;
        if foreign && !plan.is_empty() {
            warnings.push(format!(
                "{} was made by somebody else: it stays, and what the lock file does not name goes out of it; `deskside env rollback` brings that back",
                self.place.environment.display()
            ));
        }
        plan.premises.extend(self.premises.iter().cloned());
        if !plan.is_empty() {
            plan.premises.extend(planned.needs);
            warnings.extend(edited);
        }
        Ok(Prepared {
            place: self.place.clone(),
            plan,
            why,
            expected: planned.expected.filter(|difference| !difference.is_empty()),
            warnings,
            reason: planned.reason,
            goes_back: false,
            choice: planned.chosen,
            facts: self.facts.clone(),
        })
    }
}

/// Files that a person edited, where packages are installed over them, in sentences.
fn edited_files(place: &Place, edited: &[Edited]) -> Vec<String> {
    let told = |works: bool, one: &str, more: &str| {
        let all = edited.iter().filter(|file| file.works == works);
        let shown: Vec<String> = all.map(|file| file.path.display().to_string()).collect();
        let words = match shown.len() {
            0 => return None,
            1 => one,
            _ => more,
        };
        Some(format!(
            "{} {words} in {}.kept-… where its package is installed again",
            restoring::listed(&shown),
            place.environment.display()
        ))
    };
    [
        told(
            true,
            "was edited after its install: it stays, and a copy of it",
            "were edited after their install: they stay, and copies of them",
        ),
        told(
            false,
            "is shorter than it was, and may be your work: a copy of it is kept",
            "are shorter than they were, and may be your work: copies of them are kept",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// uv's arguments for a framework build and for what is installed beside it.
pub(crate) fn arguments(chosen: Option<&Choice>, parts: &Parts) -> Vec<String> {
    [extra::arguments(chosen), parts.arguments()].concat()
}

/// What a plan is made of once it is resolved.
pub(super) struct Planned {
    pub reason: String,
    pub wish: String,
    pub files: Vec<(String, String)>,
    pub python: Interpreter,
    pub arguments: Vec<String>,
    pub parts: Parts,
    pub chosen: Option<Choice>,
    pub pinned: bool,
    pub expected: Option<Difference>,
    /// Free space that is needed at the least.
    pub needs: Vec<Premise>,
    pub why: Vec<String>,
    pub warnings: Vec<String>,
}

/// Deskside's own module as plans name it.
pub(super) fn module(context: &Context) -> Module {
    let wheel = deskside_track::module::wheel();
    deskside_envs::plan::module(
        deskside_track::module::VERSION,
        &wheel.file_name,
        &wheel.bytes,
        &context.directories.cache,
    )
}

/// uv's program; it is fetched, as an operation of its own, where it is not there yet.
pub(crate) fn ready_uv(
    context: &Context,
    facts: &Facts,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<String> {
    context.require_live("env")?;
    match uv_state(context, facts)? {
        UvState::Here(tool) => Ok(tool.path),
        UvState::Fetch(source) => {
            let machine = &*context.machine;
            let plan = Plan {
                version: PLAN_VERSION,
                wish: "get uv".into(),
                made_at: machine.now()?.wall,
                premises: Vec::new(),
                steps: vec![uv::step(&source)],
                satisfied: Vec::new(),
            };
            apply(&change::workshop(context), &plan, listen)?;
            Ok(source.path)
        }
    }
}

fn tool(path: String) -> Tool {
    Tool {
        name: "uv".into(),
        path,
        version: Known::Absent,
    }
}

/// A uv in the cache folder, for planning where none is there: fetched by the mechanism, with a journal of its own beside
/// it, so that the person's history says nothing of it.
fn borrowed_uv(
    context: &Context,
    source: &UvSource,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<String> {
    let machine = &*context.machine;
    let folder = context.directories.cache.join("planning");
    let source = UvSource {
        path: folder
            .join("uv")
            .join(&source.version)
            .join("uv")
            .display()
            .to_string(),
        ..source.clone()
    };
    let step = uv::step(&source);
    if !check::all_hold(machine, &Everything, &step.check)? {
        let plan = Plan {
            version: PLAN_VERSION,
            wish: "get uv for planning".into(),
            made_at: machine.now()?.wall,
            premises: Vec::new(),
            steps: vec![step],
            satisfied: Vec::new(),
        };
        let workshop = Workshop {
            machine,
            domain: &Everything,
            state: folder,
            root: None,
        };
        apply(&workshop, &plan, listen)?;
    }
    Ok(source.path)
}

/// uv's lines (`+ numpy==2.4.6`, `- numpy==2.3`) as a difference.
pub(super) fn expected(lines: &[String]) -> Difference {
    let mut difference = Difference::default();
    let mut removed: Vec<Named> = Vec::new();
    for line in lines {
        let Some((mark, rest)) = line.split_once(' ') else {
            continue;
        };
        let from = rest.split_once(" @ ");
        let (name, version) = match from {
            // What is built here lies in the mirror just now: its place and version say nothing.
            Some((name, _)) => (name, ""),
            None => rest.split_once("==").unwrap_or((rest, "")),
        };
        let named = Named {
            name: name.trim().to_string(),
            version: version
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_string(),
        };
        match mark {
            "+" => difference.added.push(named),
            "-" if named.name != "deskside" => removed.push(named),
            "~" => difference.rebuilt.push(named),
            _ => {}
        }
    }
    for old in removed {
        match difference.added.iter().position(|new| new.name == old.name) {
            Some(place) => {
                let new = difference.added.remove(place);
                if new.version.is_empty() {
                    continue;
                }
                difference.changed.push(Changed {
                    name: old.name,
                    from: old.version,
                    to: new.version,
                });
            }
            None => difference.removed.push(old),
        }
    }
    difference
}
