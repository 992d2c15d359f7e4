//! `deskside notebook`: a kernel of the project's environment for Jupyter and its like, and JupyterLab in it.
//!
//! The environment itself is not changed: what it lacks (`ipykernel`, `jupyterlab`) uv lays over it for the one call.

use crate::environment::Place;
use crate::up::Everything;
use crate::{Answer, Context};
use deskside_envs::environment::venv;
use deskside_envs::index::settings;
use deskside_envs::uv;
use deskside_machine::{Acting, ErrorKind, Launch, Machine, Reading};
use deskside_operate::{Event, Workshop, apply, check as holding, sha256_hex};
use deskside_types::plan::{Action, Check, FileContents, PLAN_VERSION, Plan, Step};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// JupyterLab answers by then, a first download of it included.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks whether it answers.
const PAUSE: Duration = Duration::from_millis(200);
/// Once it has written where it listens, the address is told after that time even when a proxy keeps us from asking.
const TRUST: Duration = Duration::from_secs(5);

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotebookRequest {
    /// The project's folder; the nearest one when none.
    pub project: Option<PathBuf>,
    /// The port; a free one when none.
    pub port: Option<u16>,
    /// Let Jupyter open a browser.
    pub browser: bool,
}

/// The answer of `notebook --kernel-only`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KernelReport {
    /// The project's folder.
    pub project: String,
    /// The kernel's name, as `jupyter kernelspec list` has it.
    pub name: String,
    /// What it is called in Jupyter's menus.
    pub display_name: String,
    /// The specification's file.
    pub file: String,
    /// What Jupyter starts.
    pub argv: Vec<String>,
    /// `ipykernel` is in the environment; otherwise uv lays it over.
    pub in_environment: bool,
    /// The operation in the history; none when the file was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl Answer for KernelReport {
    const SCHEMA: &'static str = "deskside.notebook-kernel";
}

/// JupyterLab, prepared to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What is started. No secret is in it.
    pub argv: Vec<String>,
    /// Variables for it; the token is one of them.
    pub variables: BTreeMap<String, Option<String>>,
    /// The folder it runs in: the project's.
    pub directory: PathBuf,
    /// Where it writes what it says.
    pub log: PathBuf,
    /// Where it writes where it listens.
    pub runtime: PathBuf,
    /// The token.
    pub token: String,
    /// The port that was asked for; a free one is looked for when none.
    pub port: Option<u16>,
}

/// Writes the kernel's specification; when it is there already nothing is done.
///
/// # Errors
/// [`Code::EnvironmentMissing`] without an environment, [`Code::UvUnavailable`] when it is needed and not here.
pub fn kernel(
    context: &Context,
    request: &NotebookRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<KernelReport> {
    context.require_live("notebook")?;
    let machine = &*context.machine;
    let mut report =
        context.heeding(|context| specification(context, &place(context, request)?))?;
    let text = contents(&report)?;
    let sha256 = sha256_hex(text.as_bytes());
    let is_there = Check::FileIs {
        path: report.file.clone(),
        sha256,
    };
    let step = Step {
        id: "kernel".into(),
        title: format!("write the kernel specification {}", report.name),
        why: "Jupyter lists the environment by it".into(),
        check: vec![is_there.clone()],
        actions: vec![Action::WriteFile {
            path: report.file.clone(),
            contents: FileContents::Text(text),
            mode: 0o644,
        }],
        verify: vec![is_there],
        download_bytes: None,
        ..Step::simple()
    };
    if holding::all_hold(machine, &Everything, &step.check)? {
        return Ok(report);
    }
    let plan = Plan {
        version: PLAN_VERSION,
        wish: format!("notebook {}", report.project),
        made_at: machine.now()?.wall,
        premises: Vec::new(),
        steps: vec![step],
        satisfied: Vec::new(),
    };
    let workshop = Workshop {
        machine,
        domain: &Everything,
        state: context.directories.state.clone(),
        root: None,
    };
    let applied = apply(&workshop, &plan, listen)?;
    report.operation = applied.operation.map(|id| id.0);
    Ok(report)
}

/// Prepares JupyterLab: in the environment where it is there, else laid over it by uv.
///
/// # Errors
/// As [`kernel`].
pub fn server(context: &Context, request: &NotebookRequest) -> Result<Server> {
    context.heeding(|context| prepared(context, request))
}

fn prepared(context: &Context, request: &NotebookRequest) -> Result<Server> {
    context.require_live("notebook")?;
    let machine = &*context.machine;
    let place = place(context, request)?;
    let has_lab = venv::distributions(machine, &place.environment).contains_key("jupyterlab");
    let (mut argv, mut variables) = if has_lab {
        let python = place.environment.join("bin/python").display().to_string();
        (
            vec![python, "-m".into(), "jupyterlab".into()],
            without_others(),
        )
    } else {
        let mut argv = overlay(context, &place, "jupyterlab")?;
        argv.extend(["python", "-m", "jupyterlab"].map(String::from));
        let mut variables = settings::read(machine).variables(machine);
        variables.extend(without_others());
        (argv, variables)
    };
    argv.extend([
        "--ip=127.0.0.1".to_string(),
        "--ServerApp.answer_yes=True".into(),
    ]);
    match request.port {
        Some(port) => argv.extend([format!("--port={port}"), "--port-retries=0".into()]),
        None => argv.extend(["--port=8888".to_string(), "--port-retries=100".into()]),
    }
    if machine.person()?.uid == 0 {
        // In a container or on a rented machine one is root; it listens on this machine only and asks for the token.
        argv.push("--allow-root".into());
    }
    if !request.browser {
        argv.push("--no-browser".into());
    }
    let mut token = String::new();
    for _ in 0..3 {
        token.push_str(&format!("{:016x}", machine.random()?));
    }
    let state = context
        .directories
        .state
        .join("notebook")
        .join(place.store.folder().file_name().unwrap_or_default());
    let runtime = state.join(&token[..8]);
    variables.insert("JUPYTER_TOKEN".into(), Some(token.clone()));
    variables.insert(
        "JUPYTER_RUNTIME_DIR".into(),
        Some(runtime.display().to_string()),
    );
    Ok(Server {
        argv,
        variables,
        directory: place.project,
        log: state.join("jupyterlab.log"),
        runtime,
        token,
        port: request.port,
    })
}

/// Starts JupyterLab and stays with it to its end; `answers` is told its address once it answers.
///
/// # Errors
/// [`Code::CommandNotFound`] when it can't be started, [`Code::Effect`] with its last lines when it ends by itself with an error.
pub fn serve(context: &Context, server: &Server, answers: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let machine = &*context.machine;
    // Of the last start; what it said is only of use while it runs or when it failed.
    machine.remove_file(&server.log)?;
    let launch = Launch {
        argv: server.argv.iter().map(OsString::from).collect(),
        directory: Some(server.directory.clone()),
        variables: server
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_ref().map(OsString::from)))
            .collect(),
        log: server.log.clone(),
        foreground: false,
        to_stderr: false,
    };
    machine.create_directory(&server.runtime)?;
    let (ended, answered) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut child = machine.launch(&launch).map_err(|error| {
        let problem = match error.kind {
            ErrorKind::Absent | ErrorKind::Denied => {
                Problem::new(Code::CommandNotFound, "JupyterLab can't be started")
            }
            _ => Problem::from(error.clone()).within("JupyterLab can't be started"),
        };
        problem
            .because(error.detail)
            .hint("look at the environment: deskside env check")
    })?;
    let exit = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for_answer(machine, server, &ended, &|address| {
                answered.store(true, Ordering::Relaxed);
                answers(address);
            });
        });
        let exit = child.wait();
        ended.store(true, Ordering::Relaxed);
        exit
    });
    // Its own files say where it listened; nobody needs them now.
    let _ = machine.remove_tree(&server.runtime);
    let exit = exit.map_err(Problem::from)?;
    // It also ends with 0 when it gave up before it listened.
    if exit.forwarded.is_some() || (exit.exit.shell_code() == 0 && answered.load(Ordering::Relaxed))
    {
        return Ok(());
    }
    let log = machine
        .text(&server.log)
        .unwrap_or_default()
        .replace(&server.token, "***");
    let lines: Vec<&str> = log
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    if let Some(port) = server.port
        && is_in_use(&lines, port)
    {
        return Err(Problem::new(Code::Effect, format!("port {port} is in use"))
            .because("another program on this machine listens there")
            .hint("name another port, or leave --port away: then a free one is taken"));
    }
    let mut problem = Problem::new(Code::Effect, "JupyterLab ended by itself");
    for line in &lines[lines.len().saturating_sub(4)..] {
        problem = problem.because(*line);
    }
    Err(problem.hint(format!("everything it said: {}", server.log.display())))
}

/// Whether Jupyter says that the port it was given is taken: `The port 8888 is already in use.`
fn is_in_use(log: &[&str], port: u16) -> bool {
    let said = format!("port {port} is already in use");
    log.iter().any(|line| line.contains(&said))
}

/// Looks until it answers, and tells its address.
fn wait_for_answer(
    machine: &dyn Machine,
    server: &Server,
    ended: &AtomicBool,
    answers: &(dyn Fn(&str) + Sync),
) {
    let clock = || machine.now().map(|now| now.monotonic).unwrap_or_default();
    let begun = clock();
    let mut told_since = None;
    while !ended.load(Ordering::Relaxed) && clock().saturating_sub(begun) < PATIENCE {
        if let Some(base) = address(machine, &server.runtime) {
            let since = *told_since.get_or_insert_with(clock);
            // `/api` needs no token and says the server's version.
            let answer = machine.fetch(
                &format!("{base}api"),
                "application/json",
                1 << 16,
                Duration::from_secs(2),
            );
            if answer.is_ok() || clock().saturating_sub(since) > TRUST {
                answers(&format!("{base}lab?token={}", server.token));
                return;
            }
        }
        let pause = deskside_machine::Effect::Sleep { span: PAUSE };
        if machine.effect(&pause).is_err() {
            return;
        }
    }
}

/// Where the server listens, by the file it writes: `jpserver-<pid>.json` in its runtime folder.
fn address(machine: &dyn Machine, runtime: &Path) -> Option<String> {
    let entry = machine
        .entries(runtime)
        .ok()?
        .into_iter()
        .find(|entry| entry.name.starts_with("jpserver-") && entry.name.ends_with(".json"))?;
    let value: Value = serde_json::from_str(&machine.text(runtime.join(entry.name)).ok()?).ok()?;
    let port = value.get("port")?.as_u64()?;
    let base = value.get("base_url").and_then(Value::as_str).unwrap_or("/");
    Some(format!("http://127.0.0.1:{port}{base}"))
}

fn place(context: &Context, request: &NotebookRequest) -> Result<Place> {
    let place = Place::find(context, request.project.as_deref())?;
    if context
        .machine
        .exists(place.environment.join("bin/python"))?
    {
        return Ok(place);
    }
    Err(Problem::new(
        Code::EnvironmentMissing,
        format!(
            "{} has no environment that could be started",
            place.project.display()
        ),
    )
    .because(format!(
        "there is no {}",
        place.environment.join("bin/python").display()
    ))
    .hint(format!("make it: {}", place.making(&*context.machine)))
    .hint("see what is the matter: deskside env check"))
}

/// The kernel's specification for a project.
fn specification(context: &Context, place: &Place) -> Result<KernelReport> {
    let machine = &*context.machine;
    let project = place.project.display().to_string();
    let folder = place
        .project
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let has_kernel = venv::distributions(machine, &place.environment).contains_key("ipykernel");
    let mut argv = if has_kernel {
        vec![place.environment.join("bin/python").display().to_string()]
    } else {
        let mut argv = overlay(context, place, "ipykernel")?;
        argv.push("python".into());
        argv
    };
    argv.extend(["-m", "ipykernel_launcher", "-f", "{connection_file}"].map(String::from));
    let kernels = data_folder(machine)?.join("kernels");
    let mut name = format!("deskside-{}", plain(&folder));
    let mut called = folder.clone();
    // Another project of the same name keeps its kernel.
    let owner = |name: &str| -> Option<String> {
        let text = machine.text(kernels.join(name).join("kernel.json")).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        Some(
            value["metadata"]["deskside"]["project"]
                .as_str()
                .unwrap_or_default()
                .to_string(),
        )
    };
    if owner(&name).is_some_and(|owner| owner != project) {
        name = format!("{name}-{}", &sha256_hex(project.as_bytes())[..6]);
        // Menus show nothing else to tell the two apart by.
        if let Some(above) = place.project.parent().and_then(Path::file_name) {
            called = format!("{folder} in {}", above.to_string_lossy());
        }
    }
    Ok(KernelReport {
        display_name: format!("{called} (deskside)"),
        file: kernels
            .join(&name)
            .join("kernel.json")
            .display()
            .to_string(),
        in_environment: has_kernel,
        operation: None,
        argv,
        name,
        project,
    })
}

/// `kernel.json`. Source: jupyter-client's documentation, "Making kernels for Jupyter", kernel specs.
fn contents(report: &KernelReport) -> Result<String> {
    let value = json!({
        "argv": report.argv,
        "display_name": report.display_name,
        "language": "python",
        "metadata": { "debugger": true, "deskside": { "project": report.project } },
    });
    let text = serde_json::to_string_pretty(&value).map_err(|error| {
        Problem::new(Code::Bug, "the kernel specification can't be written")
            .because(error.to_string())
    })?;
    Ok(text + "\n")
}

/// A name as kernels may have it: ASCII letters, digits, `-`, `_`, `.`.
fn plain(name: &str) -> String {
    let text: String = name
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let text = text.trim_matches('-').to_string();
    if text.is_empty() {
        "project".into()
    } else {
        text
    }
}

/// uv with a package laid over the project's environment, which stays as it is.
fn overlay(context: &Context, place: &Place, package: &str) -> Result<Vec<String>> {
    let machine = &*context.machine;
    let tool = uv::locate(machine, &context.directories).ok_or_else(|| {
        Problem::new(
            Code::UvUnavailable,
            format!("{package} is not in the environment, and uv is not here to lay it over"),
        )
        .hint(format!("put it in: deskside env add {package}"))
    })?;
    let project = place.project.display().to_string();
    let mut argv = vec![tool.path, "run".into()];
    if machine.exists(place.project.join("pyproject.toml"))? {
        argv.extend(["--no-sync".into(), "--project".into(), project]);
    } else {
        let python = place.environment.join("bin/python").display().to_string();
        argv.extend(["--no-project".into(), "--python".into(), python]);
    }
    argv.extend(["--with".into(), package.into()]);
    Ok(argv)
}

/// Jupyter's data folder. Source: jupyter-core's documentation, "Jupyter's common directories and file locations".
fn data_folder(machine: &dyn Machine) -> Result<PathBuf> {
    let set = |name: &str| {
        machine
            .variable(name)
            .filter(|value| value.starts_with('/'))
    };
    if let Some(folder) = set("JUPYTER_DATA_DIR") {
        return Ok(folder.into());
    }
    let home = set("HOME").map(PathBuf::from).ok_or_else(|| {
        Problem::new(Code::Missing, "nothing says where your home is")
            .hint("set HOME, or JUPYTER_DATA_DIR=/some/folder")
    })?;
    let is_mac = machine
        .exists("/System/Library/CoreServices/SystemVersion.plist")
        .unwrap_or(false);
    Ok(match set("XDG_DATA_HOME") {
        _ if is_mac => home.join("Library/Jupyter"),
        Some(data) => Path::new(&data).join("jupyter"),
        None => home.join(".local/share/jupyter"),
    })
}

/// Variables that would lead the started program into another environment.
fn without_others() -> BTreeMap<String, Option<String>> {
    [
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "UV_PYTHON",
        "UV_PROJECT_ENVIRONMENT",
        "PYTHONHOME",
        "PYTHONPATH",
    ]
    .into_iter()
    .map(|name| (name.to_string(), None))
    .collect()
}

#[cfg(test)]
#[path = "notebook_tests.rs"]
mod tests;
