//! A breakage that is made, found, recorded and mended.

use crate::person::{Said, said};
use crate::project::Project;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Who mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `doctor --fix --yes` does.
    Fix,
    /// `doctor --fix` would, with gigabytes or an index that tests do not ask: its plan is shown, and no more.
    Planned,
    /// A person does; `doctor --fix` leaves it and says why.
    Person,
}

/// What came of one.
#[derive(Debug)]
pub struct Outcome {
    pub id: String,
    pub case: String,
    pub way: Way,
    /// It was the first finding.
    pub found: bool,
    /// The recording gives the same findings.
    pub replayed: bool,
    /// Nothing is found afterwards.
    pub mended: bool,
    /// Where a person must act, that was said.
    pub told: bool,
    pub complaint: String,
}

/// uv's cache for all of these projects: files are copied out of it, so that none damages another's.
fn cache() -> &'static Path {
    static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
    CACHE
        .get_or_init(|| {
            tempfile::Builder::new()
                .prefix("deskside-breakages-")
                .tempdir()
                .unwrap()
        })
        .path()
}

/// A project with these dependencies, whole.
pub fn project(dependencies: &[&str]) -> Project {
    let mut project = Project::empty();
    project.variables = vec![
        (
            "UV_CACHE_DIR".into(),
            cache().join("uv").display().to_string(),
        ),
        ("UV_LINK_MODE".into(), "copy".into()),
    ];
    if !dependencies.is_empty() {
        project.person.write(
            "pyproject.toml",
            &format!("[project]\nname = \"p\"\nversion = \"0.1\"\nrequires-python = \">=3.11\"\ndependencies = {dependencies:?}\n"),
        );
        project.uv(&["sync", "--quiet"]);
    }
    project
}

/// An environment without a lock file, with these packages.
pub fn plain(packages: &[&str]) -> Project {
    let project = project(&[]);
    project.uv(&["venv", "--quiet"]);
    if !packages.is_empty() {
        project.uv(&[&["pip", "install", "--quiet", "--no-deps"], packages].concat());
    }
    project
}

/// A wheel made here that stands in for one of that name: only its metadata and these files are in it.
pub fn stand_in(name: &str, version: &str, files: &[(&str, &str)], requires: &[&str]) -> String {
    let folder = cache().join("wheels");
    std::fs::create_dir_all(&folder).unwrap();
    let plain = name.replace('-', "_");
    let path = folder.join(format!("{plain}-{version}-py3-none-any.whl"));
    let script = r#"
import sys, json, zipfile, hashlib, base64
path, name, version, files, requires = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), json.loads(sys.argv[5])
folder = name.replace('-', '_') + '-' + version + '.dist-info'
files = dict(files)
files[folder + '/METADATA'] = 'Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: a stand-in made by a test\n' % (name, version) + ''.join('Requires-Dist: %s\n' % one for one in requires)
files[folder + '/WHEEL'] = 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
record = ''.join('%s,sha256=%s,%d\n' % (one, digest(text), len(text.encode())) for one, text in files.items())
files[folder + '/RECORD'] = record + folder + '/RECORD,,\n'
with zipfile.ZipFile(path, 'w') as wheel:
    for one, text in files.items():
        wheel.writestr(one, text)
"#;
    let done = Command::new("python3")
        .args(["-c", script, &path.display().to_string(), name, version])
        .arg(serde_json::to_string(files).unwrap())
        .arg(serde_json::to_string(requires).unwrap())
        .status()
        .unwrap();
    assert!(done.success());
    // Also an index of these wheels, for what is to be installed again.
    let index = cache().join("index").join(name.to_lowercase());
    std::fs::create_dir_all(&index).unwrap();
    let page = index.join("index.html");
    let link = format!(
        "<a href=\"../../wheels/{0}\">{0}</a>\n",
        path.file_name().unwrap().to_string_lossy()
    );
    let mut text = std::fs::read_to_string(&page).unwrap_or_default();
    if !text.contains(&link) {
        text.push_str(&link);
        std::fs::write(page, text).unwrap();
    }
    path.display().to_string()
}

/// The address of the index of stand-ins.
pub fn index() -> String {
    format!("file://{}", cache().join("index").display())
}

/// What somebody asks the doctor about.
pub struct Question<'a> {
    pub id: &'a str,
    pub case: &'a str,
    pub way: Way,
    /// The command that fails, if one shows it.
    pub command: &'a [&'a str],
}

impl<'a> Question<'a> {
    pub fn of(id: &'a str, case: &'a str, way: Way) -> Self {
        Self {
            id,
            case,
            way,
            command: &[],
        }
    }

    pub fn shown_by(mut self, command: &'a [&'a str]) -> Self {
        self.command = command;
        self
    }
}

/// Findings of the machine's packages: others work on it while these tests run.
fn of_others(id: &str) -> bool {
    id.starts_with("dpkg-") || id.starts_with("apt-")
}

fn findings(said: &Said) -> Vec<Value> {
    // What a command says stands before the answer.
    let text = said
        .out
        .find("{\"")
        .or_else(|| said.out.find("{\n"))
        .map_or("", |at| &said.out[at..]);
    let json: Value = serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.talk));
    let list = json["findings"].as_array().cloned().unwrap_or_default();
    list.into_iter()
        .filter(|one| !of_others(one["id"].as_str().unwrap_or_default()))
        .collect()
}

fn ids(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect()
}

/// What must be the same live and from a recording.
fn essence(findings: &[Value]) -> Vec<Value> {
    findings
        .iter()
        .map(|one| {
            serde_json::json!([
                one["id"],
                one["title"],
                one["cause"],
                one["confidence"],
                one["severity"],
                one["consequences"],
                one["fix"]["title"]
            ])
        })
        .collect()
}

/// Looks, records, replays, mends, looks again. The breakage was made in the project before.
pub fn ask(project: &Project, question: &Question<'_>) -> Outcome {
    ask_by(project, question, &|command| command)
}

/// The same, each command started by `within`: in a name space, under a limit.
pub fn ask_by(
    project: &Project,
    question: &Question<'_>,
    within: &dyn Fn(Command) -> Command,
) -> Outcome {
    let says = |arguments: &[&str]| {
        said(
            &within(project.prepared(project.person.command(arguments)))
                .output()
                .unwrap(),
        )
    };
    let asking: Vec<&str> = if question.command.is_empty() {
        Vec::new()
    } else {
        [&["--"], question.command].concat()
    };
    let first = says(&[&["doctor", "--json"], asking.as_slice()].concat());
    let before = findings(&first);
    let found = ids(&before).first() == Some(&question.id);
    let mut complaint = if found {
        String::new()
    } else {
        format!("found {:?}; {}", ids(&before), first.talk.trim())
    };

    // What a command said is no part of a recording of the machine.
    let replayed = !question.command.is_empty() || {
        let bundle = project.person.home().join(format!(
            "recorded-{}.tar.zst",
            question.case.replace(' ', "-")
        ));
        let path = bundle.to_str().unwrap();
        let live = essence(&findings(&says(&["doctor", "--json", "--record", path])));
        let again = essence(&findings(&says(&["doctor", "--json", "--machine", path])));
        if live != again {
            complaint.push_str(&format!(" recorded {live:?}, replayed {again:?}"));
        }
        live == again
    };

    let flag = if question.way == Way::Planned {
        "--plan"
    } else {
        "--yes"
    };
    let fix = says(&[&["doctor", "--fix", flag], asking.as_slice()].concat());
    let (mut mended, mut told) = (false, true);
    match question.way {
        Way::Fix => {
            let after = says(&[&["doctor", "--json"], asking.as_slice()].concat());
            mended = if question.command.is_empty() {
                let left = findings(&after);
                if !left.is_empty() {
                    complaint.push_str(&format!(" left {:?}", ids(&left)));
                }
                left.is_empty() && fix.code == 0
            } else {
                after.code == 0
            };
            if !mended {
                complaint.push_str(&format!(" fix said {}: {}", fix.code, fix.talk.trim()));
            }
        }
        Way::Planned => {
            told = fix.talk.contains("plan:") && fix.talk.contains("+ 1.");
            if !told {
                complaint.push_str(&format!(
                    " fix said {}: {}{}",
                    fix.code,
                    fix.out,
                    fix.talk.trim()
                ));
            }
        }
        Way::Person => {
            told = fix.talk.contains("left as it is:");
            if !told {
                complaint.push_str(&format!(" fix said {}: {}", fix.code, fix.talk.trim()));
            }
        }
    }
    Outcome {
        id: question.id.into(),
        case: question.case.into(),
        way: question.way,
        found,
        replayed,
        mended,
        told,
        complaint,
    }
}

/// Replaces a text in a file of the project.
pub fn replace(path: &Path, old: &str, new: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{} does not hold {old}", path.display());
    std::fs::write(path, text.replace(old, new)).unwrap();
}

/// The one file below a folder whose name begins and ends so.
pub fn file(folder: &Path, begin: &str, end: &str) -> PathBuf {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(begin) && name.ends_with(end)
        })
        .unwrap_or_else(|| panic!("no {begin}*{end} in {}", folder.display()))
}
