//! Where the snapshots of a project's environment lie, with what belongs to this machine alone.
//!
//! `<data>/environments/<key>/`: `environment.json` (this machine's choices), `snapshots/<id>/snapshot.json`
//! and `pylock.toml` (how it was last brought back), `objects/<sha256>` (contents of project files),
//! `wheels/<sha256>/<file>` (wheels that are kept, each once for all snapshots).

use super::{Kept, SNAPSHOT_VERSION, Snapshot, numbering};
use deskside_machine::{Acting, Directories, Durability, ErrorKind, FileKind, Machine, Reading};
use deskside_types::run::RunId;
use deskside_types::{Code, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A snapshot's file is not read beyond this.
const LARGEST: u64 = 64 << 20;

/// The snapshots of one project's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// What belongs to this machine alone and never stands in the project's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Local {
    /// The format's version.
    #[serde(default)]
    pub version: u32,
    /// The project's folder.
    #[serde(default)]
    pub project: String,
    /// The framework build that is installed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// What is installed here beside the framework build.
    #[serde(flatten)]
    pub parts: Parts,
    /// A person named the extra, so that it is not chosen anew.
    #[serde(default)]
    pub pinned: bool,
}

/// Extras and dependency groups of a project's own, as they are installed on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Parts {
    /// The project's own extras, beside the one of the framework build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// The dependency groups, beside uv's default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Groups that uv installs where nobody asks for others, and that are left out here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl Parts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.extras.is_empty() && self.groups.is_empty() && self.without.is_empty()
    }

    /// uv's arguments for them.
    pub fn arguments(&self) -> Vec<String> {
        let named = |option: &str, names: &[String]| -> Vec<String> {
            let pairs = names.iter().map(|name| [option.to_string(), name.clone()]);
            pairs.flatten().collect()
        };
        [
            named("--extra", &self.extras),
            named("--group", &self.groups),
            named("--no-group", &self.without),
        ]
        .concat()
    }

    /// In words: `the extra dev`, `the groups test and lint`, `all but the group dev`; a phrase each.
    pub fn shown(&self) -> Vec<String> {
        [
            ("the extra", &self.extras),
            ("the group", &self.groups),
            ("all but the group", &self.without),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| {
            let many = if names.len() > 1 { "s" } else { "" };
            format!("{word}{many} {}", names.join(", "))
        })
        .collect()
    }
}

impl Local {
    /// As its file has it.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// A framework build as it was chosen for this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// `torch`, `jax`, `mlx`, `tensorflow`.
    pub framework: String,
    /// The extra of the project that stands for it; empty where the project has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extra: String,
    /// The build: `cu126`, `rocm7.2`, `metal`, `cpu`.
    pub variant: String,
    /// Why, a sentence each.
    #[serde(default)]
    pub why: Vec<String>,
    /// Variables for what runs in the environment: set, or taken away where none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Option<String>>,
}

impl Choice {
    /// In words: `torch cu126`.
    pub fn shown(&self) -> String {
        let words = [self.framework.as_str(), self.variant.as_str()];
        words.join(" ").trim().to_string()
    }
}

/// Snapshots that could be read, oldest first, and those that could not, in sentences.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listed {
    /// Oldest first.
    pub snapshots: Vec<Snapshot>,
    /// A sentence each.
    pub unreadable: Vec<String>,
}

/// What lies in a store that no snapshot needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unreferenced {
    /// Contents of project files.
    pub objects: Vec<PathBuf>,
    /// Folders with a wheel each.
    pub wheels: Vec<PathBuf>,
}

impl Store {
    /// The store of a project's environment. `project` is the folder's real path.
    pub fn of(directories: &Directories, project: &Path) -> Self {
        Self {
            folder: directories.data.join("environments").join(key(project)),
        }
    }

    /// A store by its folder.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of its folder, as an environment's marker has it.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The file with this machine's choices.
    pub fn local_path(&self) -> PathBuf {
        self.folder.join("environment.json")
    }

    /// This machine's choices; none where nothing was chosen yet or the file can't be read.
    pub fn local(&self, machine: &dyn Machine) -> Local {
        let mut local: Local = machine
            .file(self.local_path(), 1 << 20)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        // Earlier versions noted an extra of a project without a framework as its build.
        if local
            .choice
            .as_ref()
            .is_some_and(|choice| choice.framework.is_empty())
        {
            let extra = local.choice.take().map(|choice| choice.extra);
            local.parts.extras.extend(extra);
        }
        local
    }

    /// The folder of a snapshot.
    pub fn snapshot_folder(&self, id: &str) -> PathBuf {
        self.folder.join("snapshots").join(id)
    }

    /// Where a wheel is kept. Snapshots that need the same wheel share it.
    pub fn wheel_path(&self, kept: &Kept) -> PathBuf {
        self.folder
            .join("wheels")
            .join(&kept.sha256)
            .join(&kept.file)
    }

    /// The recipe by which a snapshot is brought back.
    pub fn recipe_path(&self, id: &str) -> PathBuf {
        self.snapshot_folder(id).join("pylock.toml")
    }

    /// The store and the snapshot behind a snapshot's folder.
    ///
    /// # Errors
    /// [`Code::SnapshotUnknown`] when there is none, or it can't be read.
    pub fn behind(machine: &dyn Machine, folder: &Path) -> Result<(Self, Snapshot), Problem> {
        let unknown = |why: String| {
            Problem::new(
                Code::SnapshotUnknown,
                format!("{} is no snapshot", folder.display()),
            )
            .because(why)
            .hint("`deskside env history` lists the snapshots there are")
        };
        let store = folder
            .parent()
            .and_then(Path::parent)
            .ok_or_else(|| unknown("it is in no store".into()))?;
        match read(machine, folder) {
            Ok(Some(snapshot)) => Ok((Self::at(store), snapshot)),
            Ok(None) => Err(unknown("it has no snapshot.json".into())),
            Err(why) => Err(unknown(why)),
        }
    }

    /// What no snapshot needs any more: objects, and wheels' folders.
    ///
    /// # Errors
    /// When a folder can't be listed.
    pub fn unreferenced(
        &self,
        machine: &dyn Machine,
        staying: &[Snapshot],
    ) -> Result<Unreferenced, Problem> {
        let objects: BTreeSet<&str> = staying
            .iter()
            .flat_map(|one| one.files.values())
            .map(String::as_str)
            .collect();
        let wheels: BTreeSet<&str> = staying
            .iter()
            .flat_map(|one| &one.distributions)
            .filter_map(|one| one.kept.as_ref())
            .map(|kept| kept.sha256.as_str())
            .collect();
        let rest = |name: &str, needed: &BTreeSet<&str>| -> Result<Vec<PathBuf>, Problem> {
            let folder = self.folder.join(name);
            let entries = match machine.entries(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind == ErrorKind::Absent => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let is_hash =
                |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            Ok(entries
                .into_iter()
                .filter(|entry| is_hash(&entry.name) && !needed.contains(entry.name.as_str()))
                .map(|entry| folder.join(entry.name))
                .collect())
        };
        Ok(Unreferenced {
            objects: rest("objects", &objects)?,
            wheels: rest("wheels", &wheels)?,
        })
    }

    /// All snapshots.
    ///
    /// # Errors
    /// When the folder can't be listed for another reason than that it is not there.
    pub fn list(&self, machine: &dyn Machine) -> Result<Listed, Problem> {
        let entries = match machine.entries(self.folder.join("snapshots")) {
            Ok(entries) => entries,
            Err(error) if error.kind == ErrorKind::Absent => return Ok(Listed::default()),
            Err(error) => return Err(error.into()),
        };
        let mut listed = Listed::default();
        for entry in entries {
            if entry.kind != FileKind::Directory || !RunId::is_valid(&entry.name) {
                continue;
            }
            match read(machine, &self.snapshot_folder(&entry.name)) {
                Ok(Some(snapshot)) => listed.snapshots.push(snapshot),
                // Cut off before its file was written: it is nothing yet.
                Ok(None) => {}
                Err(why) => listed.unreadable.push(why),
            }
        }
        listed
            .snapshots
            .sort_by(|left, right| (left.taken_at, &left.id).cmp(&(right.taken_at, &right.id)));
        Ok(listed)
    }

    /// The snapshot a person means, where nothing is known of the state that is there now: see [`numbering::find`].
    ///
    /// # Errors
    /// As [`numbering::find`].
    pub fn find(&self, machine: &dyn Machine, wanted: &str) -> Result<Snapshot, Problem> {
        numbering::find(&self.list(machine)?.snapshots, None, wanted).cloned()
    }

    /// Keeps a snapshot and the contents of its project files.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn keep(
        &self,
        machine: &dyn Machine,
        snapshot: &Snapshot,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), Problem> {
        for contents in files.values() {
            let path = self.object_path(&sha256(contents));
            if !machine.exists(&path)? {
                machine.write_file(path, contents.clone(), 0o600, Durability::Power)?;
            }
        }
        let mut text = serde_json::to_string_pretty(snapshot).unwrap_or_default();
        text.push('\n');
        let path = self.snapshot_folder(&snapshot.id).join("snapshot.json");
        Ok(machine.write_file(path, text, 0o600, Durability::Power)?)
    }

    /// Where the contents with that hash lie.
    pub fn object_path(&self, sha256: &str) -> PathBuf {
        self.folder.join("objects").join(sha256)
    }

    /// The contents with that hash.
    ///
    /// # Errors
    /// When they are not there, or are not what they should be.
    pub fn object(&self, machine: &dyn Machine, wanted: &str) -> Result<Vec<u8>, Problem> {
        let path = self.object_path(wanted);
        let contents = machine.file(&path, LARGEST)?;
        if sha256(&contents) == wanted {
            Ok(contents)
        } else {
            Err(Problem::new(
                Code::SnapshotUnavailable,
                format!("{} is not what was kept", path.display()),
            )
            .because("its contents no longer have the hash they were kept under"))
        }
    }
}

/// Reads the snapshot in a folder; none where it has no file yet, a sentence where it can't be read.
fn read(machine: &dyn Machine, folder: &Path) -> Result<Option<Snapshot>, String> {
    let path = folder.join("snapshot.json");
    let bytes = match machine.file(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let snapshot: Snapshot = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{} is damaged: {error}", path.display()))?;
    if snapshot.version > SNAPSHOT_VERSION {
        return Err(format!(
            "{} was written by a newer Deskside",
            path.display()
        ));
    }
    if folder
        .file_name()
        .is_none_or(|name| name.to_string_lossy() != snapshot.id)
    {
        return Err(format!("{} calls itself {}", path.display(), snapshot.id));
    }
    Ok(Some(snapshot))
}

/// A project's key: its folder's name, and 12 hex digits of its path's SHA-256.
pub(super) fn key(project: &Path) -> String {
    let name: String = project
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let hash = sha256(project.to_string_lossy().as_bytes());
    format!("{}-{}", name.trim_start_matches('.'), &hash[..12])
}

fn sha256(bytes: &[u8]) -> String {
    crate::hex(&Sha256::digest(bytes))
}
