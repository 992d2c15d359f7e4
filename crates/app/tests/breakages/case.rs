//! Cases: a machine among the fixtures with something broken on top, in one file that a person writes.

use deskside_app::doctor::Severity;
use deskside_machine::bundle::{Bundle, CommandRecord, Node, Outcome, SpaceRecord, StatRecord};
use deskside_machine::{Entry, ErrorKind, FileKind, Output, Space};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A case as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is, and where its texts are from.
    pub notes: String,
    /// The machine it stands on, of `fixtures/machines`.
    #[serde(default = "usual_base")]
    pub base: String,
    /// The findings: the first is the first finding, all must be there. The folder's breakage when left out.
    pub expect: Option<Vec<String>>,
    /// Findings that are true here, too, and need not be there.
    #[serde(default)]
    pub also: Vec<String>,
    /// The first finding is only possible, because what proves it can't be seen here.
    #[serde(default)]
    pub only_possible: bool,
    /// Breakages that must be a consequence of the first finding.
    #[serde(default)]
    pub consequences: Vec<String>,
    /// How bad the first finding is: `error`, `warning`, `notice`.
    pub severity: Option<Severity>,
    /// How sure it is: `proven`, `likely`, `cause-unknown`.
    pub confidence: Option<String>,
    /// Whether `--fix` would carry out its mend.
    pub by_itself: Option<bool>,
    /// Texts that the first finding says.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that its title and cause must not hold.
    #[serde(default)]
    pub says_not: Vec<String>,
    /// Texts that nothing in the diagnosis says.
    #[serde(default)]
    pub never_says: Vec<String>,
    /// What the failed command said.
    pub output: Option<String>,
    /// The failed command's exit code.
    pub exit: Option<i32>,
    /// The kernel's log: what `dmesg` says.
    pub dmesg: Option<String>,
    /// Files with their texts; they replace the machine's.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Texts added to the end of files.
    #[serde(default)]
    append: BTreeMap<String, String>,
    /// Texts replaced in files: the old one must be there.
    #[serde(default)]
    replace: BTreeMap<String, Vec<(String, String)>>,
    /// Files with their bytes as hexadecimal numbers.
    #[serde(default)]
    hex: BTreeMap<String, String>,
    /// Programs that are there.
    #[serde(default)]
    programs: Vec<String>,
    /// Links and where they lead.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Empty folders.
    #[serde(default)]
    folders: Vec<String>,
    /// Files and folders that the machine has and this one has not, with all below.
    #[serde(default)]
    gone: Vec<String>,
    /// Paths that could not be seen: `denied`, `timeout`, `not-asked`.
    #[serde(default)]
    outcomes: BTreeMap<String, String>,
    /// Kind, mode and owner of paths, as in `stats.toml`.
    #[serde(default)]
    stat: BTreeMap<String, StatRecord>,
    /// Space of file systems.
    #[serde(default)]
    space: BTreeMap<String, Space>,
    /// Folders that were listed and not read: names.
    #[serde(default)]
    listing: BTreeMap<String, Vec<String>>,
    /// Commands and what they said.
    #[serde(default)]
    command: Vec<CommandCase>,
    /// Environment variables.
    #[serde(default)]
    variables: BTreeMap<String, String>,
    /// Variables that the machine has and this one has not.
    #[serde(default)]
    unset: Vec<String>,
    /// NVML's answer, whole.
    nvml: Option<serde_json::Value>,
    /// The numbers of the person's groups.
    groups: Option<Vec<u32>>,
    /// An environment made for the case: packages with their versions. It is active.
    environment: Option<EnvironmentCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandCase {
    argv: Vec<String>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    outcome: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentCase {
    #[serde(default = "usual_environment")]
    path: String,
    #[serde(default = "usual_python")]
    python: String,
    packages: BTreeMap<String, String>,
    /// Files below `site-packages`.
    #[serde(default)]
    files: BTreeMap<String, String>,
}

fn usual_base() -> String {
    "ubuntu-22.04-rtx-4090".into()
}

fn usual_environment() -> String {
    "/home/user/project/.venv".into()
}

fn usual_python() -> String {
    "3.12".into()
}

fn kind(word: &str) -> ErrorKind {
    match word {
        "absent" => ErrorKind::Absent,
        "denied" => ErrorKind::Denied,
        "timeout" => ErrorKind::Timeout,
        "not-asked" => ErrorKind::NotAsked,
        other => panic!("`{other}` is no outcome"),
    }
}

impl Case {
    /// The machine of the case. `machines` is where the bases lie.
    pub fn bundle(&self, machines: &Path) -> Bundle {
        let mut bundle = Bundle::load(machines.join(&self.base)).unwrap();
        for gone in &self.gone {
            bundle.tree.retain(|path, _| !path.starts_with(gone));
            bundle.stats.retain(|path, _| !path.starts_with(gone));
            bundle.listings.retain(|path, _| !path.starts_with(gone));
            if let Some((above, name)) = gone.rsplit_once('/')
                && let Some(entries) = bundle.listings.get_mut(Path::new(above))
            {
                entries.retain(|entry| entry.name != name);
            }
        }
        for (path, text) in &self.files {
            place(&mut bundle, path, Node::file(text.as_bytes()));
        }
        for (path, text) in &self.append {
            let old = contents(&bundle, path).unwrap_or_default();
            place(&mut bundle, path, Node::file(old + text));
        }
        for (path, changes) in &self.replace {
            let mut text = contents(&bundle, path).unwrap_or_else(|| panic!("{path} is not there"));
            for (old, new) in changes {
                assert!(text.contains(old), "{path} does not hold {old}");
                text = text.replace(old, new);
            }
            place(&mut bundle, path, Node::file(text));
        }
        for (path, digits) in &self.hex {
            let digits: String = digits.split_whitespace().collect();
            let bytes: Vec<u8> = (0..digits.len() / 2)
                .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            place(&mut bundle, path, Node::file(bytes));
        }
        for path in &self.programs {
            let program = Node::File {
                contents: Vec::new(),
                executable: true,
            };
            place(&mut bundle, path, program);
        }
        for (path, target) in &self.links {
            place(&mut bundle, path, Node::Link(target.into()));
        }
        for path in &self.folders {
            place(&mut bundle, path, Node::Directory);
        }
        for (path, word) in &self.outcomes {
            bundle.outcomes.insert(path.into(), Outcome::of(kind(word)));
        }
        for (path, stat) in &self.stat {
            bundle.stats.insert(path.into(), stat.clone());
        }
        for (path, space) in &self.space {
            bundle
                .spaces
                .insert(path.into(), SpaceRecord::Space(*space));
        }
        for (path, names) in &self.listing {
            let entries = names.iter().map(|name| Entry {
                name: name.clone(),
                kind: FileKind::File,
            });
            bundle.listings.insert(path.into(), entries.collect());
        }
        for command in &self.command {
            let record = match &command.outcome {
                Some(word) => CommandRecord::Outcome(Outcome::of(kind(word))),
                None => CommandRecord::Output(Output {
                    code: command.exit,
                    stdout: command.stdout.clone().into_bytes(),
                    stderr: command.stderr.clone().into_bytes(),
                }),
            };
            bundle.commands.insert(command.argv.clone(), record);
        }
        if let Some(log) = &self.dmesg {
            let output = Output {
                code: 0,
                stdout: log.clone().into_bytes(),
                stderr: Vec::new(),
            };
            bundle
                .commands
                .insert(vec!["dmesg".into()], CommandRecord::Output(output));
        }
        for name in &self.unset {
            bundle.variables.values.remove(name);
        }
        for (name, value) in &self.variables {
            bundle.variables.values.insert(name.clone(), value.clone());
        }
        if let Some(nvml) = &self.nvml {
            bundle.devices.insert("nvml".into(), nvml.clone());
        }
        if let Some(groups) = &self.groups {
            bundle.header.person.groups = Some(groups.clone());
        }
        if let Some(environment) = &self.environment {
            environment.place(&mut bundle);
        }
        bundle
    }
}

impl EnvironmentCase {
    fn place(&self, bundle: &mut Bundle) {
        let root = &self.path;
        let site = format!("{root}/lib/python{}/site-packages", self.python);
        let home = "/home/user/.local/share/uv/python/case/bin";
        let interpreter = format!("{home}/python{}", self.python);
        let program = Node::File {
            contents: Vec::new(),
            executable: true,
        };
        place(bundle, &interpreter, program);
        for name in ["python", "python3"] {
            place(
                bundle,
                &format!("{root}/bin/{name}"),
                Node::Link(interpreter.clone().into()),
            );
        }
        let settings = format!(
            "home = {home}\nimplementation = CPython\nuv = 0.11.0\nversion_info = {}.0\ninclude-system-site-packages = false\n",
            self.python
        );
        place(bundle, &format!("{root}/pyvenv.cfg"), Node::file(settings));
        for (name, version) in &self.packages {
            let folder = format!("{}-{version}.dist-info", name.replace('-', "_"));
            let text = format!("Metadata-Version: 2.3\nName: {name}\nVersion: {version}\n");
            let record = format!("{folder}/METADATA,,\n{folder}/RECORD,,\n{folder}/INSTALLER,,\n");
            place(
                bundle,
                &format!("{site}/{folder}/METADATA"),
                Node::file(text),
            );
            place(
                bundle,
                &format!("{site}/{folder}/INSTALLER"),
                Node::file("uv\n"),
            );
            place(
                bundle,
                &format!("{site}/{folder}/RECORD"),
                Node::file(record),
            );
        }
        for (path, text) in &self.files {
            place(
                bundle,
                &format!("{site}/{path}"),
                Node::file(text.as_bytes()),
            );
        }
        bundle
            .variables
            .values
            .insert("VIRTUAL_ENV".into(), root.clone());
    }
}

fn contents(bundle: &Bundle, path: &str) -> Option<String> {
    match bundle.tree.get(Path::new(path)) {
        Some(Node::File { contents, .. }) => Some(String::from_utf8_lossy(contents).into_owned()),
        _ => None,
    }
}

/// Puts something at a path, with the folders above it.
fn place(bundle: &mut Bundle, path: &str, node: Node) {
    assert!(path.starts_with('/'), "{path} is no absolute path");
    let path = PathBuf::from(path);
    for above in path.ancestors().skip(1) {
        bundle
            .tree
            .entry(above.to_path_buf())
            .or_insert(Node::Directory);
        // A listed folder has what lies in it.
        if let Some(name) = path
            .strip_prefix(above)
            .ok()
            .and_then(|rest| rest.iter().next())
            && let Some(entries) = bundle.listings.get_mut(above)
        {
            let name = name.to_string_lossy().into_owned();
            if !entries.iter().any(|entry| entry.name == name) {
                entries.push(Entry {
                    name,
                    kind: FileKind::Directory,
                });
            }
        }
    }
    bundle.tree.insert(path, node);
}
