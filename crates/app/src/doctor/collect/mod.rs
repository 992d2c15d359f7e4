//! Collecting evidence: every item of `knowledge/data/evidence` is asked once, side by side, each question with its own
//! bound, and becomes a text in the scene that the doctor judges.

mod ask;
mod derived;
mod environment;
mod paths;
mod root;

pub use environment::Checked;

use deskside_doctor::{Document, Scene};
use deskside_knowledge::evidence::{Item, Take, items};
use deskside_machine::{Machine, Output, Reading};
use deskside_types::Facts;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Questions that are asked at the same time: most wait for a program.
const TOGETHER: usize = 8;

/// How deeply is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Within seconds.
    Usual,
    /// What takes longer, too.
    Deep,
}

/// Folders that questions name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The person's home.
    pub home: Option<String>,
    /// The current project.
    pub project: Option<String>,
    /// The project's environment.
    pub environment: Option<String>,
    /// The environment's `site-packages`.
    pub site: Option<String>,
    /// The project's extras that are chosen for this machine.
    pub extras: Vec<String>,
}

impl Places {
    /// The places of a machine without a project.
    pub fn of(machine: &dyn Machine, facts: &Facts) -> Self {
        let home = machine
            .variable("HOME")
            .filter(|home| home.starts_with('/'));
        let environment = facts
            .environments
            .iter()
            .find(|environment| environment.active)
            .or_else(|| facts.environments.first())
            .map(|environment| environment.path.clone());
        let site = environment
            .as_deref()
            .and_then(|environment| site_packages(machine, environment));
        Self {
            home,
            project: None,
            environment,
            site,
            extras: Vec::new(),
        }
    }
}

/// The `site-packages` of an environment.
pub fn site_packages(machine: &dyn Machine, environment: &str) -> Option<String> {
    paths::expand(
        machine,
        &format!("{environment}/lib/python3*/site-packages"),
    )
    .ok()?
    .into_iter()
    .next()
}

/// What a question is asked with.
pub(crate) struct Asker<'a> {
    machine: &'a dyn Machine,
    names: BTreeMap<&'static str, String>,
    facts: &'a Value,
    recorded: &'a [(String, Output)],
}

/// What was collected.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Facts and evidence.
    pub scene: Scene,
    /// The environment that was checked.
    pub checked: Option<Checked>,
}

/// Looks at everything that breakages are judged by.
///
/// `root`: what only root may read is read with root, after everything else.
pub fn collect(
    machine: &dyn Machine,
    facts: &Facts,
    places: &Places,
    depth: Depth,
    root: bool,
) -> Collected {
    let mut scene = Scene::new(facts);
    let recorded: Vec<(String, Output)> = machine
        .recorded_commands()
        .into_iter()
        .map(|(argv, output)| (argv.join(" "), output))
        .collect();
    let facts_value = scene.root().clone();
    let mut names = BTreeMap::new();
    let mut name = |key: &'static str, value: Option<String>| {
        if let Some(value) = value {
            names.insert(key, value);
        }
    };
    name("home", places.home.clone());
    name("project", places.project.clone());
    name("environment", places.environment.clone());
    name("site", places.site.clone());
    name("conda", machine.variable("CONDA_PREFIX"));
    name(
        "uid",
        machine.person().ok().map(|person| person.uid.to_string()),
    );
    let asker = Asker {
        machine,
        names,
        facts: &facts_value,
        recorded: &recorded,
    };
    let system = match facts.system.kind {
        deskside_types::facts::OsKind::Linux => "linux",
        deskside_types::facts::OsKind::MacOs => "macos",
    };
    let wsl = facts.system.wsl.value().is_some();
    let wanted: Vec<&Item> = items()
        .iter()
        .filter(|item| !item.ask.is_empty())
        .filter(|item| {
            item.platforms.is_empty()
                || item
                    .platforms
                    .iter()
                    .any(|platform| platform == system || (wsl && platform == "wsl"))
        })
        .filter(|item| !item.deep || depth == Depth::Deep)
        .collect();
    // Reading an environment and asking programs have nothing to do with each other.
    let (answers, checked) = std::thread::scope(|scope| {
        let checked = scope.spawn(|| environment::checked(machine, facts, places));
        let answers = side_by_side(&wanted, |item| asker.item(item));
        (answers, checked.join().ok().flatten())
    });
    for (item, documents) in answers {
        let documents = if root {
            root::again(machine, item, documents)
        } else {
            documents
        };
        scene.put(&item.name, documents);
    }
    unknown_commands(&mut scene, &recorded);
    derived::add(machine, facts, places, &mut scene);
    scene.put(
        "environment-check",
        environment::documents(checked.as_ref()),
    );
    Collected { scene, checked }
}

/// Asks all items, a few at a time; the answers are in order.
fn side_by_side<'a>(
    items: &[&'a Item],
    ask: impl Fn(&Item) -> Vec<Document> + Sync,
) -> Vec<(&'a Item, Vec<Document>)> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, Vec<Document>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    let documents = ask(item);
                    if let Ok(mut answers) = answers.lock() {
                        answers.push((place, documents));
                    }
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_default();
    answers.sort_by_key(|(place, _)| *place);
    answers
        .into_iter()
        .filter_map(|(place, documents)| Some((*items.get(place)?, documents)))
        .collect()
}

impl Asker<'_> {
    fn item(&self, item: &Item) -> Vec<Document> {
        if let Some(when) = &item.when
            && when.evaluate(self.facts).fails()
        {
            return Vec::new();
        }
        let mut documents = Vec::new();
        for ask in &item.ask {
            let answers = self.answers(ask);
            let found = answers.iter().any(|document| document.text.is_ok());
            documents.extend(answers);
            if found && item.take == Take::First {
                documents.retain(|document| document.text.is_ok());
                break;
            }
        }
        settle(&mut documents, item.take);
        if !item.keep.is_empty() || item.last_lines.is_some() {
            for document in &mut documents {
                if let Ok(text) = &mut document.text {
                    *text = kept(text, &item.keep, item.last_lines);
                }
            }
        }
        documents
    }
}

/// Leaves out reasons that say less than the rest: what people recorded in words of their own answers for what was not asked
/// in ours, and of several ways to see one thing the most telling reason is enough.
fn settle(documents: &mut Vec<Document>, take: Take) {
    let weak = |document: &Document| {
        matches!(&document.text, Err(reason) if reason == ask::NOT_RECORDED
            || (take == Take::First && reason.ends_with("is not installed")))
    };
    let seen = documents.iter().any(|document| document.text.is_ok());
    if seen || documents.iter().any(|document| !weak(document)) {
        documents.retain(|document| !weak(document));
    } else if take == Take::First {
        documents.truncate(1);
    }
}

/// The lines that hold one of the texts, the last `limit` of them.
fn kept(text: &str, keep: &[String], limit: Option<usize>) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| keep.is_empty() || keep.iter().any(|one| line.contains(one.as_str())))
        .collect();
    let from = limit.map_or(0, |limit| lines.len().saturating_sub(limit));
    lines[from..].join("\n")
}

/// What a recorded machine's other commands said and failed with is output that somebody wants explained.
fn unknown_commands(scene: &mut Scene, recorded: &[(String, Output)]) {
    let asked = |argv: &str| {
        items().iter().flat_map(|item| &item.ask).any(|ask| {
            ask.command.join(" ") == argv
                || (ask.said.as_ref().is_some_and(|said| said.is_match(argv)))
        })
    };
    let mine = ["uname ", "getconf ", "uv --version", "stat "];
    for (argv, output) in recorded {
        if output.succeeded() || mine.iter().any(|one| argv.starts_with(one)) {
            continue;
        }
        // What programs that people run complain of is what they want explained; our own questions are not.
        let ours = asked(argv) && !is_complaint(argv);
        if !ours {
            scene.add(
                deskside_doctor::OUTPUT,
                Document::text(argv.clone(), ask::said(output)),
            );
        }
    }
}

/// Programs whose failure is what a person sees first.
fn is_complaint(argv: &str) -> bool {
    let program = argv.split(' ').next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    [
        "nvidia-smi",
        "rocminfo",
        "apt",
        "apt-get",
        "dpkg",
        "dkms",
        "uv",
        "pip",
        "pip3",
        "conda",
        "ssh",
        "modprobe",
    ]
    .contains(&program)
        || program.starts_with("python")
}
