//! Everything a check looks at, read once: the environment's layout, its Python, its distributions.

use super::Place;
use super::header::{self, Header};
use super::program::{self, Program};
use crate::snapshot::record::{self, RecordedFile};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Answer, DoorError, Entry, ErrorKind, FileKind, Machine, Question, Reading};
use deskside_types::shell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest METADATA that is read, in bytes.
const LARGEST_METADATA: u64 = 1 << 20;
/// The largest RECORD that is read, in bytes.
const LARGEST_RECORD: u64 = 256 << 20;
/// The largest of the small files of a `dist-info` folder that is read, in bytes.
const SMALL: u64 = 64 << 10;
/// Threads that read at once, at the most.
const THREADS: usize = 8;
/// Sentences on what could not be looked at, at the most.
const SENTENCES: usize = 12;

/// What looking for something came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen<T> {
    /// It is there.
    Yes(T),
    /// It is surely not there.
    No,
    /// It could not be looked at; the scene knows why.
    Unknown,
}

impl<T> Seen<T> {
    pub fn yes(self) -> Option<T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::No | Self::Unknown => None,
        }
    }

    pub fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Yes(value) => Seen::Yes(value),
            Self::No => Seen::No,
            Self::Unknown => Seen::Unknown,
        }
    }

    pub fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }
}

/// The environment's interpreter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interpreter {
    /// The program behind all links.
    pub real: Option<PathBuf>,
    /// The first link of the chain that leads nowhere, and where it leads.
    pub broken: Option<(PathBuf, PathBuf)>,
    /// Nothing of that name is there, not even a link.
    pub absent: bool,
    /// What its first bytes say.
    pub program: Option<Program>,
    /// `3.12`, `3.13t`, by the program's name or its library.
    pub series: Option<String>,
    /// The folder of its standard library.
    pub library: Option<PathBuf>,
}

/// An installed distribution.
#[derive(Debug, Clone)]
pub(crate) struct Dist {
    /// Its normalised name.
    pub name: String,
    /// Its version; empty where nothing says it.
    pub version: String,
    /// The name of its folder: `numpy-2.1.3.dist-info`.
    pub folder: String,
    /// Its metadata. [`Seen::No`] where the file is missing or says nothing.
    pub header: Seen<Header>,
    /// Its files. [`Seen::No`] where RECORD is missing.
    pub record: Seen<Vec<RecordedFile>>,
    /// When RECORD was written.
    pub recorded_at: i64,
    /// The tags of its wheel.
    pub tags: Vec<String>,
    /// The folder it is installed from, editable: `direct_url.json`.
    pub editable: Option<String>,
    /// The folder or address it is installed from.
    pub direct: Option<String>,
    /// What installed it.
    pub installer: String,
    /// It is an egg-info and no dist-info: it has no RECORD by its form.
    pub egg: bool,
}

/// What was read of an environment.
pub struct Scene<'a> {
    pub(crate) machine: &'a dyn Machine,
    pub(crate) project: PathBuf,
    pub(crate) environment: PathBuf,
    pub(crate) extras: Vec<String>,
    pub(crate) groups: Vec<String>,
    /// What is at the environment's path.
    pub(crate) folder: Seen<Vec<Entry>>,
    /// `pyvenv.cfg`, keys in lower case.
    pub(crate) settings: Seen<BTreeMap<String, String>>,
    pub(crate) is_conda: bool,
    pub(crate) interpreter: Interpreter,
    /// All folders of packages by their Python's series.
    pub(crate) sites: BTreeMap<String, PathBuf>,
    /// The one that is looked at, with its series.
    pub(crate) site: Option<PathBuf>,
    pub(crate) series: Option<String>,
    pub(crate) listing: Vec<Entry>,
    pub(crate) distributions: Vec<Dist>,
    /// Distributions outside that this environment sees too, with their folders.
    pub(crate) outside: BTreeMap<String, (String, PathBuf)>,
    unseen: Mutex<BTreeSet<String>>,
}

impl<'a> Scene<'a> {
    /// Reads an environment.
    pub fn read(machine: &'a dyn Machine, place: &Place<'_>) -> Self {
        let mut scene = Self {
            machine,
            project: place.project.into(),
            environment: place.environment.into(),
            extras: place.extras.to_vec(),
            groups: place.groups.to_vec(),
            folder: Seen::Unknown,
            settings: Seen::Unknown,
            is_conda: false,
            interpreter: Interpreter::default(),
            sites: BTreeMap::new(),
            site: None,
            series: None,
            listing: Vec::new(),
            distributions: Vec::new(),
            outside: BTreeMap::new(),
            unseen: Mutex::default(),
        };
        scene.folder = scene.look(machine.entries(&scene.environment));
        if !matches!(scene.folder, Seen::Yes(_)) {
            return scene;
        }
        scene.settings = match scene.look(machine.text(scene.environment.join("pyvenv.cfg"))) {
            Seen::Yes(text) => Seen::Yes(settings(&text)),
            Seen::No => Seen::No,
            Seen::Unknown => Seen::Unknown,
        };
        scene.is_conda = scene.settings.is_no()
            && machine
                .exists(scene.environment.join("conda-meta"))
                .unwrap_or(false);
        scene.interpreter = scene.interpreter();
        scene.choose_site();
        if let Some(site) = scene.site.clone() {
            scene.listing = scene.look(machine.entries(&site)).yes().unwrap_or_default();
            scene.distributions = scene.read_distributions(&site);
            if scene.sees_outside() {
                scene.outside = scene.read_outside();
            }
        }
        scene
    }

    /// Whether the environment's folder could be looked at, or is surely not there. Otherwise nothing can be said of it.
    pub fn was_seen(&self) -> bool {
        !matches!(self.folder, Seen::Unknown)
    }

    /// Turns a failure into a sentence for the answer.
    pub(crate) fn look<T>(&self, result: Result<T, DoorError>) -> Seen<T> {
        match result {
            Ok(value) => Seen::Yes(value),
            Err(error) if error.kind == ErrorKind::Absent => Seen::No,
            Err(error) => {
                self.unseen_because(error.reason());
                Seen::Unknown
            }
        }
    }

    /// Notes something that could not be looked at.
    pub(crate) fn unseen_because(&self, sentence: impl Into<String>) {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        unseen.insert(sentence.into());
    }

    /// What could not be looked at, a sentence each.
    pub(crate) fn unseen(&self) -> Vec<String> {
        let unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sentences: Vec<String> = unseen.iter().take(SENTENCES).cloned().collect();
        if unseen.len() > SENTENCES {
            sentences.push(format!(
                "and {} more of this kind",
                unseen.len() - SENTENCES
            ));
        }
        sentences
    }

    /// A path as findings show it: relative to the project where it lies in it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.project)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// A setting of `pyvenv.cfg`.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        match &self.settings {
            Seen::Yes(settings) => settings.get(key).map(String::as_str),
            Seen::No | Seen::Unknown => None,
        }
    }

    /// Whether packages outside the environment are imported too.
    pub(crate) fn sees_outside(&self) -> bool {
        self.is_conda
            || self
                .setting("include-system-site-packages")
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The distributions of a name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Dist> {
        self.distributions
            .iter()
            .filter(move |dist| dist.name == name)
    }

    /// The version of a distribution, the environment's own first.
    pub(crate) fn version_of(&self, name: &str) -> Option<&str> {
        self.named(name).next().map(|dist| dist.version.as_str())
    }

    /// A file of the project.
    pub(crate) fn project_file(&self, name: &str) -> Seen<String> {
        let bytes = self.machine.file(self.project.join(name), 64 << 20);
        match self.look(bytes) {
            Seen::Yes(bytes) => Seen::Yes(String::from_utf8_lossy(&bytes).into_owned()),
            Seen::No => Seen::No,
            Seen::Unknown => Seen::Unknown,
        }
    }

    /// The command that brings the environment's packages to what the project says.
    pub(crate) fn sync_command(&self) -> &'static str {
        if self
            .machine
            .exists(self.project.join("uv.lock"))
            .unwrap_or(false)
        {
            "deskside env sync"
        } else {
            "deskside env rebuild"
        }
    }

    /// A uv command on this environment.
    pub(crate) fn uv(&self, what: &str) -> String {
        format!(
            "uv pip {what} --python {}",
            shell::quoted(&self.shown(&self.environment.join("bin/python")))
        )
    }

    fn interpreter(&self) -> Interpreter {
        let path = self.environment.join("bin/python");
        let mut found = Interpreter::default();
        match self.look(self.machine.stat(&path)) {
            Seen::Yes(_) => {
                found.real = self.look(self.machine.real_path(&path)).yes();
                let real = found.real.as_deref().unwrap_or(&path);
                if let Seen::Yes(bytes) = self.look(self.machine.file(real, 64 << 10)) {
                    found.program = Some(program::parse(&bytes));
                }
            }
            Seen::No => {
                let mut at = path.clone();
                for step in 0..40 {
                    let Ok(target) = self.machine.link(&at) else {
                        found.absent = step == 0;
                        break;
                    };
                    let next = at.parent().unwrap_or(Path::new("/")).join(target);
                    found.broken = Some((at, next.clone()));
                    at = next;
                }
            }
            Seen::Unknown => {}
        }
        // An interpreter that was copied in says nothing by its path; the folder it came from does.
        let base = found
            .real
            .clone()
            .filter(|real| !real.starts_with(&self.environment) || self.is_conda)
            .or_else(|| {
                let home = Path::new(self.setting("home")?);
                self.machine.real_path(home.join("python3")).ok()
            });
        if let Some(base) = base {
            let prefix = base.parent().and_then(Path::parent);
            found.series = base
                .file_name()
                .and_then(|name| series(&name.to_string_lossy()));
            if let Some(prefix) = prefix {
                let mut libraries = self.machine.entries(prefix.join("lib")).unwrap_or_default();
                libraries.retain(|entry| entry.kind != FileKind::File);
                let mut named = libraries.iter().filter_map(|entry| {
                    let series = series(&entry.name)?;
                    let folder = prefix.join("lib").join(&entry.name);
                    let wanted = found.series.as_ref().is_none_or(|known| *known == series);
                    (wanted && self.machine.exists(folder.join("os.py")).unwrap_or(false))
                        .then_some((series, folder))
                });
                if let (Some((series, folder)), None) = (named.next(), named.next()) {
                    found.series = Some(series);
                    found.library = Some(folder);
                }
            }
        }
        found
    }

    fn choose_site(&mut self) {
        let lib = self.environment.join("lib");
        for entry in self
            .look(self.machine.entries(&lib))
            .yes()
            .unwrap_or_default()
        {
            if entry.kind == FileKind::File {
                continue;
            }
            if let Some(series) = series(&entry.name) {
                let folder = lib.join(&entry.name).join("site-packages");
                if self.look(self.machine.stat(&folder)).yes().is_some() {
                    self.sites.insert(series, folder);
                }
            }
        }
        let told = self
            .setting("version_info")
            .or_else(|| self.setting("version"))
            .map(crate::build::specifier::series_of);
        let wanted = [self.interpreter.series.clone(), told];
        let full = |folder: &PathBuf| {
            let entries = self.machine.entries(folder).unwrap_or_default();
            entries
                .iter()
                .any(|entry| entry.name.ends_with(".dist-info"))
        };
        let chosen = wanted
            .iter()
            .flatten()
            .find_map(|series| {
                self.sites
                    .get_key_value(series)
                    .or_else(|| self.sites.get_key_value(&format!("{series}t")))
                    .filter(|(_, folder)| self.sites.len() == 1 || full(folder))
            })
            .or_else(|| self.sites.iter().find(|(_, folder)| full(folder)))
            .or_else(|| self.sites.iter().next_back());
        if let Some((series, folder)) = chosen {
            self.series = Some(series.clone());
            self.site = Some(folder.clone());
        }
    }

    fn read_distributions(&self, site: &Path) -> Vec<Dist> {
        let informations: Vec<&Entry> = self
            .listing
            .iter()
            .filter(|entry| {
                !entry.name.starts_with('~')
                    && (entry.name.ends_with(".dist-info") || entry.name.ends_with(".egg-info"))
            })
            .collect();
        let mut all = parallel(self.machine, &informations, |entry| {
            if entry.name.ends_with(".dist-info") {
                self.dist_info(site, &entry.name)
            } else {
                self.egg_info(site, entry)
            }
        });
        all.sort_by(|left, right| (&left.name, &left.folder).cmp(&(&right.name, &right.folder)));
        all
    }

    fn dist_info(&self, site: &Path, folder: &str) -> Dist {
        let information = site.join(folder);
        let stem = folder.trim_end_matches(".dist-info");
        let (name, version) = stem.split_once('-').unwrap_or((stem, ""));
        let file = |name: &str, limit| Question::File {
            path: information.join(name),
            limit,
        };
        let mut answers = self
            .machine
            .ask_all(&[
                file("METADATA", LARGEST_METADATA),
                file("RECORD", LARGEST_RECORD),
                file("WHEEL", SMALL),
                file("INSTALLER", SMALL),
                file("direct_url.json", SMALL),
                Question::Stat {
                    path: information.join("RECORD"),
                },
            ])
            .into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Answer::Done));
        let header = match self.look(next()) {
            Seen::Yes(answer) => match header::parse(&text(answer)) {
                Some(header) => Seen::Yes(header),
                None => Seen::No,
            },
            Seen::No => Seen::No,
            Seen::Unknown => Seen::Unknown,
        };
        let told = header.as_ref().yes();
        let record = match self.look(next()) {
            Seen::Yes(answer) => Seen::Yes(record::parse(&text(answer))),
            Seen::No => Seen::No,
            Seen::Unknown => Seen::Unknown,
        };
        let mut small = || next().ok().map(text);
        let (wheel, installer, direct) = (small(), small(), small());
        let recorded_at = match next() {
            Ok(Answer::Stat(stat)) => stat.modified,
            _ => i64::MAX,
        };
        let direct: Option<serde_json::Value> =
            direct.and_then(|text| serde_json::from_str(&text).ok());
        let url = |value: &serde_json::Value| Some(value.get("url")?.as_str()?.to_string());
        let is_editable = direct
            .as_ref()
            .and_then(|value| value.get("dir_info")?.get("editable")?.as_bool())
            .unwrap_or(false);
        let direct = direct.as_ref().and_then(url);
        Dist {
            name: normalised_name(told.map_or(name, |header| &header.name)),
            version: told.map_or(version, |header| &header.version).to_string(),
            folder: folder.into(),
            recorded_at,
            record,
            tags: wheel
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.strip_prefix("Tag:"))
                .map(|tag| tag.trim().to_string())
                .collect(),
            editable: direct.clone().filter(|_| is_editable),
            direct,
            installer: installer.unwrap_or_default().trim().to_string(),
            egg: false,
            header,
        }
    }

    fn egg_info(&self, site: &Path, entry: &Entry) -> Dist {
        let stem = entry.name.trim_end_matches(".egg-info");
        let mut parts = stem.splitn(3, '-');
        let name = parts.next().unwrap_or(stem);
        let version = parts.next().unwrap_or_default();
        let path = site.join(&entry.name);
        let header = if entry.kind == FileKind::File {
            self.header(&path)
        } else {
            self.header(&path.join("PKG-INFO"))
        };
        let told = header.as_ref().yes();
        Dist {
            name: normalised_name(told.map_or(name, |header| &header.name)),
            version: told.map_or(version, |header| &header.version).to_string(),
            folder: entry.name.clone(),
            header,
            record: Seen::Unknown,
            recorded_at: i64::MAX,
            tags: Vec::new(),
            editable: None,
            direct: None,
            installer: String::new(),
            egg: true,
        }
    }

    fn header(&self, path: &Path) -> Seen<Header> {
        match self.look(self.machine.file(path, LARGEST_METADATA)) {
            Seen::Yes(bytes) => match header::parse(&String::from_utf8_lossy(&bytes)) {
                Some(header) => Seen::Yes(header),
                None => Seen::No,
            },
            Seen::No => Seen::No,
            Seen::Unknown => Seen::Unknown,
        }
    }

    /// The person's own folder of packages for this Python.
    pub(crate) fn user_site(&self) -> Option<PathBuf> {
        let set = |name: &str| {
            self.machine
                .variable(name)
                .filter(|value| !value.is_empty())
        };
        if set("PYTHONNOUSERSITE").is_some() {
            return None;
        }
        let base = set("PYTHONUSERBASE")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&set("HOME")?).join(".local")))?;
        let series = self.series.as_deref()?;
        Some(base.join(format!("lib/python{series}/site-packages")))
    }

    fn read_outside(&self) -> BTreeMap<String, (String, PathBuf)> {
        let series = self.series.clone().unwrap_or_default();
        let mut folders: Vec<PathBuf> = self.user_site().into_iter().collect();
        if let Some(library) = self.interpreter.library.as_ref().filter(|_| !self.is_conda) {
            folders.push(library.join("site-packages"));
            folders.push(library.join("dist-packages"));
            if library.starts_with("/usr/lib") {
                folders.push(format!("/usr/local/lib/python{series}/dist-packages").into());
                folders.push("/usr/lib/python3/dist-packages".into());
            }
        }
        let mut outside = BTreeMap::new();
        for folder in folders {
            for entry in self.machine.entries(&folder).unwrap_or_default() {
                let stem = entry
                    .name
                    .strip_suffix(".dist-info")
                    .or_else(|| entry.name.strip_suffix(".egg-info"));
                if let Some((name, version)) = stem.and_then(|stem| stem.split_once('-')) {
                    let version = version.split("-py").next().unwrap_or(version);
                    outside
                        .entry(normalised_name(name))
                        .or_insert((version.to_string(), folder.clone()));
                }
            }
        }
        outside
    }
}

/// An answer's bytes as text; bytes that are no UTF-8 are shown as U+FFFD.
fn text(answer: Answer) -> String {
    match answer {
        Answer::Bytes(bytes) => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        _ => String::new(),
    }
}

/// The keys of a `pyvenv.cfg` in lower case.
fn settings(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_lowercase(), value.trim().to_string()))
        .collect()
}

/// The series in a name: `python3.12` is `3.12`, `python3.13t` is `3.13t`, `pypy3.10` is `3.10`; none in `python3`.
pub(crate) fn series(name: &str) -> Option<String> {
    let rest = name
        .strip_prefix("python")
        .or_else(|| name.strip_prefix("pypy"))?;
    let (major, minor) = rest.split_once('.')?;
    let digits = minor.strip_suffix('t').unwrap_or(minor);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(major) && number(digits)).then(|| rest.to_string())
}

/// Does something with many things on several threads; the answers are in order.
pub(crate) fn parallel<T: Sync, U: Send>(
    machine: &dyn Machine,
    things: &[T],
    work: impl Fn(&T) -> U + Sync,
) -> Vec<U> {
    let processors = machine
        .person()
        .map_or(1, |person| person.processors as usize);
    let threads = processors.clamp(1, THREADS).min(things.len().max(1));
    if threads == 1 {
        return things.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut answers: Vec<(usize, U)> = std::thread::scope(|scope| {
        let work = &work;
        let next = &next;
        let hands: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let mut own = Vec::new();
                    loop {
                        let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        match things.get(place) {
                            Some(thing) => own.push((place, work(thing))),
                            None => return own,
                        }
                    }
                })
            })
            .collect();
        hands
            .into_iter()
            .flat_map(|hand| match hand.join() {
                Ok(own) => own,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
