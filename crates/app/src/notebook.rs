//! `deskside notebook`: JupyterLab on the project's environment, on this machine only and behind a token.
//!
//! The environment itself is not changed: without ipykernel and JupyterLab in it, they come from an environment of their
//! own (`<data>/tools/jupyter/<Python>`), which a kernel looks into after all that the project has.
//! Formats: jupyter-client's documentation, "Making kernels for Jupyter" (`kernel.json`), "Data files" (the folders).

use crate::environment::{Place, change, project};
use crate::up::Everything;
use crate::{Answer, Context};
use deskside_envs::build::specifier::series_of;
use deskside_envs::environment::venv::{self, State};
use deskside_machine::{Child, ErrorKind, Launch, Machine, Reading};
use deskside_operate::{Event, Workshop, apply};
use deskside_types::facts::OsKind;
use deskside_types::plan::{Action, Check, FileContents, Risk, Step, Undo};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long JupyterLab may take to answer; uv may have to fetch it first.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct NotebookRequest {
    /// The project's folder; the nearest one when none.
    pub project: Option<PathBuf>,
    /// Only write the kernel specification.
    pub kernel_only: bool,
    /// The port; a free one when none.
    pub port: Option<u16>,
    /// Open no browser.
    pub no_browser: bool,
}

/// The answer of `notebook`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotebookReport {
    /// The project's folder.
    pub project: String,
    /// The kernel specification that Jupyter lists the environment by.
    pub kernel: String,
    /// ipykernel is in the environment; else it comes from Jupyter's own.
    pub kernel_in_environment: bool,
    /// JupyterLab's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// JupyterLab's exit code, once it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

impl Answer for NotebookReport {
    const SCHEMA: &'static str = "deskside.notebook";
}

/// JupyterLab that was started.
pub struct Started {
    child: Box<dyn Child>,
    /// Its address, with the token: for the person at this terminal only.
    pub address: String,
    report: NotebookReport,
}

/// A project whose kernel is known to Jupyter.
pub struct Kernel {
    place: Place,
    tools: PathBuf,
    name: String,
    /// The answer so far.
    pub report: NotebookReport,
}

/// Writes the kernel specification of a project's environment, as an operation that `undo` takes back.
///
/// # Errors
/// When there is no environment, or the file can't be written.
pub fn kernel(
    context: &Context,
    request: &NotebookRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Kernel> {
    context.require_live("notebook")?;
    let machine = &*context.machine;
    let place = Place::find(context, request.project.as_deref())?;
    if !change::environment_is_there(machine, &place)? {
        return Err(Problem::new(
            Code::EnvironmentMissing,
            format!("{} has no environment", place.project.display()),
        )
        .hint("make it first: deskside env sync"));
    }
    let facts = deskside_probe::collect(machine);
    let uv = project::ready_uv(context, &facts, listen)?;
    let there = venv::distributions(machine, &place.environment);
    let own = there.contains_key("ipykernel");
    let State::Whole(found) = venv::look(machine, &place.environment)? else {
        return Err(Problem::new(
            Code::EnvironmentBroken,
            format!("the environment {} is broken", place.environment.display()),
        )
        .hint("see what is wrong: deskside env check")
        .hint("make it anew: deskside env rebuild"));
    };
    let series = series_of(found.version.as_deref().unwrap_or("3.12"));
    let tools = context.directories.data.join("tools/jupyter").join(&series);
    let name = kernel_name(&place);
    let folder = data_folder(context, facts.system.kind)
        .join("kernels")
        .join(&name);
    let path = folder.join("kernel.json");
    let packages = tools.join(format!("lib/python{series}/site-packages"));
    let text = specification(&place, (!own).then_some(packages.as_path()), context);
    let check = vec![Check::FileIs {
        path: path.display().to_string(),
        sha256: deskside_envs::environment::sha256(text.as_bytes()),
    }];
    let step = Step {
        id: "kernel".into(),
        title: format!("Tell Jupyter of the environment ({name})"),
        why: "Jupyter and VS Code list environments by their kernel specifications".into(),
        check: check.clone(),
        actions: vec![Action::WriteFile {
            path: path.display().to_string(),
            contents: FileContents::Text(text),
            mode: 0o644,
        }],
        verify: check,
        undo: Undo::Exact,
        root: false,
        reboot: false,
        hands_needed: None,
        download_bytes: Some(0),
        risk: Risk::Low,
    };
    let wish = format!("show {} to Jupyter", place.project.display());
    let mut steps = Vec::new();
    if !own || (!request.kernel_only && !there.contains_key("jupyterlab")) {
        steps.extend(deskside_envs::plan::tool_steps(
            machine,
            &tools,
            &uv,
            &series,
            &["jupyterlab", "ipykernel"],
            "Jupyter has an environment of its own, so that the project's stays as it is",
        )?);
    }
    steps.push(step);
    let plan = change::plan(context, &place, wish, steps, &[])?;
    let workshop = Workshop {
        machine,
        domain: &Everything,
        state: context.directories.state.clone(),
    };
    apply(&workshop, &plan, listen)?;
    Ok(Kernel {
        report: NotebookReport {
            project: place.project.display().to_string(),
            kernel: path.display().to_string(),
            kernel_in_environment: own,
            log: None,
            exit: None,
        },
        place,
        tools,
        name,
    })
}

/// Starts JupyterLab and waits until it answers.
///
/// # Errors
/// When it ends before it answers, with the last lines of its log.
pub fn start(context: &Context, kernel: Kernel, request: &NotebookRequest) -> Result<Started> {
    let machine = &*context.machine;
    let token = format!(
        "{:016x}{:016x}{:016x}",
        machine.random()?,
        machine.random()?,
        machine.random()?
    );
    let port = match request.port {
        Some(port) => port,
        None => free_port(machine)?,
    };
    let log = context.directories.state.join("notebook.log");
    let own = venv::distributions(machine, &kernel.place.environment).contains_key("jupyterlab");
    let home = if own {
        &kernel.place.environment
    } else {
        &kernel.tools
    };
    let mut argv: Vec<OsString> = vec![
        home.join("bin/python").into(),
        "-m".into(),
        "jupyterlab".into(),
    ];
    argv.extend(
        [
            "--ServerApp.ip=127.0.0.1".to_string(),
            format!("--ServerApp.port={port}"),
            "--ServerApp.port_retries=0".into(),
            format!("--ServerApp.root_dir={}", kernel.place.project.display()),
            format!("--MultiKernelManager.default_kernel_name={}", kernel.name),
        ]
        .map(OsString::from),
    );
    if !own {
        // The Python of Jupyter's own environment knows nothing of the project.
        argv.push(format!("--KernelSpecManager.allowed_kernelspecs={}", kernel.name).into());
        argv.push("--KernelSpecManager.ensure_native_kernel=False".into());
    }
    if machine.person()?.uid == 0 {
        argv.push("--allow-root".into());
    }
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| machine.variable(name).is_some());
    if request.no_browser || !(screen || cfg!(target_os = "macos")) {
        argv.push("--no-browser".into());
    }
    // The token goes by a variable: arguments are seen by everybody on the machine.
    let mut variables: BTreeMap<String, Option<OsString>> = BTreeMap::new();
    variables.insert("JUPYTER_TOKEN".into(), Some(token.clone().into()));
    variables.insert("VIRTUAL_ENV".into(), None);
    let child = machine.launch(&Launch {
        argv,
        directory: Some(kernel.place.project.clone()),
        variables,
        log: log.clone(),
        foreground: false,
    })?;
    let mut report = kernel.report;
    report.log = Some(log.display().to_string());
    let mut started = Started {
        child,
        address: format!("http://127.0.0.1:{port}/lab?token={token}"),
        report,
    };
    wait_for_answer(machine, &mut started, port, &log)?;
    Ok(started)
}

impl Started {
    /// Waits for JupyterLab's end: Ctrl-C is passed on to it.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn wait(mut self) -> Result<NotebookReport> {
        let ended = self.child.wait().map_err(Problem::from)?;
        self.report.exit = Some(ended.exit.shell_code());
        Ok(self.report)
    }
}

fn wait_for_answer(
    machine: &dyn Machine,
    started: &mut Started,
    port: u16,
    log: &Path,
) -> Result<()> {
    let began = machine.now()?.monotonic;
    let page = format!("http://127.0.0.1:{port}/api");
    let process = started.child.started().process.clone();
    loop {
        match machine.fetch(&page, "application/json", 1 << 16, Duration::from_secs(2)) {
            Ok(_) => return Ok(()),
            // It is there and asks for the token.
            Err(error) if error.kind == ErrorKind::Denied => return Ok(()),
            Err(_) => {}
        }
        let late = machine.now()?.monotonic.saturating_sub(began) > PATIENCE;
        if late || !machine.is_alive(&process).unwrap_or(true) {
            let ended = started.child.wait();
            let mut problem = Problem::new(Code::CommandFailed, "JupyterLab did not start");
            for line in machine
                .text(log)
                .unwrap_or_default()
                .lines()
                .rev()
                .take(6)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
            {
                problem = problem.because(line.trim());
            }
            if ended.is_err() {
                problem = problem.because("its end could not be waited for");
            }
            return Err(problem.hint(format!("its whole log is in {}", log.display())));
        }
        use deskside_machine::{Acting, Effect};
        machine.effect(&Effect::Sleep {
            span: Duration::from_millis(150),
        })?;
    }
}

/// A port that nobody answers on, among those that are nobody's own (RFC 6335: 49152 to 65535).
fn free_port(machine: &dyn Machine) -> Result<u16> {
    for _ in 0..16 {
        let port = 49152 + (machine.random()? % 16384) as u16;
        let page = format!("http://127.0.0.1:{port}/");
        match machine.fetch(&page, "text/html", 16, Duration::from_millis(300)) {
            Err(error) if error.kind != ErrorKind::TooLarge && error.kind != ErrorKind::Denied => {
                return Ok(port);
            }
            _ => {}
        }
    }
    Err(Problem::new(Code::Network, "no free port was found").hint("name one: --port 8888"))
}

/// `deskside-` and the project's key, in the letters that kernel names may have.
fn kernel_name(place: &Place) -> String {
    let key = place
        .store
        .folder()
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    format!("deskside-{key}")
}

/// Where Jupyter looks for a person's own files.
fn data_folder(context: &Context, system: OsKind) -> PathBuf {
    let machine = &*context.machine;
    if let Some(folder) = machine
        .variable("JUPYTER_DATA_DIR")
        .filter(|text| !text.is_empty())
    {
        return PathBuf::from(folder);
    }
    match system {
        OsKind::MacOs => context.directories.home.join("Library/Jupyter"),
        OsKind::Linux => machine
            .variable("XDG_DATA_HOME")
            .filter(|text| text.starts_with('/'))
            .map_or_else(
                || context.directories.home.join(".local/share"),
                PathBuf::from,
            )
            .join("jupyter"),
    }
}

/// `kernel.json`. Without ipykernel in the environment it is looked for in `packages`, behind everything the project has.
fn specification(place: &Place, packages: Option<&Path>, context: &Context) -> String {
    let python = place.environment.join("bin/python").display().to_string();
    let mut argv = vec![python];
    match packages {
        None => argv.extend(["-m".to_string(), "ipykernel_launcher".into()]),
        Some(folder) => argv.extend([
            "-c".to_string(),
            format!(
                "import sys; sys.path.append({:?}); from ipykernel import kernelapp; kernelapp.launch_new_instance()",
                folder.display().to_string()
            ),
        ]),
    }
    argv.extend(["-f".to_string(), "{connection_file}".into()]);
    let name = place
        .project
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    variables.insert(
        "VIRTUAL_ENV".into(),
        place.environment.display().to_string(),
    );
    let choice = place.store.local(&*context.machine).choice;
    for (key, value) in choice.map(|choice| choice.variables).unwrap_or_default() {
        // A kernel specification can set variables and take none away.
        variables.insert(key, value.unwrap_or_default());
    }
    let mut text = serde_json::to_string_pretty(&json!({
        "argv": argv,
        "display_name": format!("{name} (deskside)"),
        "language": "python",
        "env": variables,
        "metadata": { "debugger": true },
    }))
    .unwrap_or_default();
    text.push('\n');
    text
}
