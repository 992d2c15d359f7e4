//! Collecting evidence: every item of `knowledge/data/evidence` is asked once, side by side, each question with its own
//! bound, and becomes a text in the scene that the doctor judges.

mod ask;
mod derived;
mod environment;
mod failed;
mod paths;
mod root;

pub use environment::Checked;
pub use root::{LOOK_COMMAND, look};

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
    /// The dependency groups that are installed on this machine.
    pub groups: Vec<String>,
    /// The folder of the Python that failed, with what says so, where that is known.
    pub failed: Option<(String, String)>,
    /// The environment that was to be looked at before another one turned out to be the one that failed.
    pub expected: Option<String>,
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
            ..Self::default()
        }
    }
}

impl Places {
    /// The environment that a failed program ran in, where its command or its traceback names one that is there: not every
    /// program runs in the environment that is active.
    pub(super) fn of_the_failure(&mut self, machine: &dyn Machine, command: &str, text: &str) {
        self.failed = failed::python(machine, command, text);
        let program = command.split(' ').next().unwrap_or_default();
        let by_program = program
            .split_once("/bin/python")
            .map(|(environment, _)| environment.to_string());
        let in_traceback = text.lines().rev().find_map(|line| {
            let (_, path) = line.split_once("File \"/")?;
            let (environment, _) = path.split_once("/lib/python")?;
            path.contains("/site-packages/")
                .then(|| format!("/{environment}"))
        });
        let candidates = by_program.into_iter().chain(in_traceback);
        for candidate in candidates {
            let absolute = if candidate.starts_with('/') {
                candidate
            } else {
                let Ok(here) = machine.working_directory() else {
                    continue;
                };
                here.join(candidate).display().to_string()
            };
            let is_environment = ["pyvenv.cfg", "conda-meta"].iter().any(|sign| {
                machine
                    .exists(format!("{absolute}/{sign}"))
                    .unwrap_or(false)
            });
            if is_environment && self.environment.as_deref() != Some(&absolute) {
                self.site = site_packages(machine, &absolute);
                self.expected = self.environment.replace(absolute);
                self.extras = Vec::new();
                self.groups = Vec::new();
                return;
            }
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
/// `root`: what only root may read is read with root, after everything else. `output`: what was asked about, by item.
pub fn collect(
    machine: &dyn Machine,
    facts: &Facts,
    places: &Places,
    depth: Depth,
    root: bool,
    output: &[(&str, Document)],
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
    let eyes = root.then(|| root::Eyes::open(machine, &answers));
    for (item, documents) in answers {
        let documents = match &eyes {
            Some(eyes) => eyes.over(&item.name, documents),
            None => documents,
        };
        scene.put(&item.name, documents);
    }
    complaints(&mut scene, &wanted, &recorded);
    // What was asked about stands for itself: programs' complaints beside it are no part of it.
    for (item, document) in output {
        scene.put(item, [document.clone()]);
        scene.ask();
    }
    derived::add(machine, facts, places, &mut scene);
    if let Some(eyes) = &eyes {
        let seen = eyes.of(root::HOLDERS);
        if !seen.is_empty() {
            scene.put(root::HOLDERS, seen);
        }
    }
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

/// Adds to the output what programs complained of. Those that are asked anyway complain on a living machine, too; what else
/// was recorded and failed is what somebody wants explained.
fn complaints(scene: &mut Scene, asked: &[&Item], recorded: &[(String, Output)]) {
    let own = || asked.iter().flat_map(|item| &item.ask);
    let commands: Vec<String> = own()
        .filter(|ask| !ask.command.is_empty())
        .map(|ask| ask.command.join(" "))
        .collect();
    let mut failed = Vec::new();
    for item in asked {
        for document in scene.documents(&item.name) {
            let complains = commands.contains(&document.source)
                && is_complaint(&document.source)
                && document
                    .text
                    .as_ref()
                    .is_ok_and(|text| text.trim_end().ends_with(']') && text.contains("[exit "));
            if complains && !failed.contains(&document) {
                failed.push(document);
            }
        }
    }
    for document in failed {
        scene.add(deskside_doctor::OUTPUT, document);
    }
    for (argv, output) in recorded {
        let ours = commands.contains(argv)
            || PROBES.iter().any(|probe| argv.starts_with(probe))
            || (own().any(|ask| ask.said.as_ref().is_some_and(|said| said.is_match(argv)))
                && !is_complaint(argv));
        if !output.succeeded() && !ours {
            scene.add(
                deskside_doctor::OUTPUT,
                Document::text(argv.clone(), ask::said(output)),
            );
            scene.ask();
        }
    }
}

/// Beginnings of commands that facts are collected with.
const PROBES: &[&str] = &[
    "uname ",
    "getconf ",
    "stat ",
    "/usr/sbin/modinfo ",
    "/sbin/modinfo ",
    "modinfo ",
    "/usr/sbin/ioreg ",
    "/usr/sbin/sysctl ",
    "/usr/bin/vm_stat",
    "/sbin/mount",
    "/usr/bin/xcode-select",
    "/usr/bin/xcrun",
];

/// Programs whose failure is what a person sees first.
fn is_complaint(argv: &str) -> bool {
    const PROGRAMS: &[&str] = &[
        "nvidia-smi",
        "rocminfo",
        "rocm-smi",
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
        "insmod",
        "rmmod",
        "nvcc",
        "make",
        "gcc",
    ];
    let mut words = argv.split(' ').filter(|word| *word != "sudo");
    let program = words.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    PROGRAMS.contains(&program) || program.starts_with("python")
}
