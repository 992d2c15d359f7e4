//! Kernel specifications, and how JupyterLab is started.

use super::*;
use deskside_testkit::Sim;

const SITE: &str = "/home/user/My Project/.venv/lib/python3.12/site-packages";

fn project(packages: &[&str]) -> (Sim, Context) {
    let sim = Sim::linux();
    sim.put_program("/usr/bin/python3.12", "python")
        .put_link(
            "/home/user/My Project/.venv/bin/python",
            "/usr/bin/python3.12",
        )
        .put_file(
            "/home/user/My Project/.venv/pyvenv.cfg",
            "home = /usr/bin\nversion = 3.12.4\n",
        )
        .put_file(
            "/home/user/My Project/pyproject.toml",
            "[project]\nname = \"p\"\nversion = \"0\"\n",
        )
        .put_directory(SITE);
    for package in packages {
        sim.put_file(format!("{SITE}/{package}-1.0.dist-info/METADATA"), "");
    }
    let context = Context::here(sim.shared()).unwrap();
    (sim, context)
}

fn request() -> NotebookRequest {
    NotebookRequest {
        project: Some("/home/user/My Project".into()),
        ..NotebookRequest::default()
    }
}

#[test]
fn the_kernel_is_written_once_and_taken_back() {
    let (sim, context) = project(&["ipykernel", "jupyterlab"]);
    let report = kernel(&context, &request(), &mut |_| {}).unwrap();
    assert_eq!(report.name, "deskside-my-project");
    assert_eq!(
        report.file,
        "/home/user/.local/share/jupyter/kernels/deskside-my-project/kernel.json"
    );
    assert!(report.in_environment && report.operation.is_some());
    let text = context.machine.text(&report.file).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["argv"][0], "/home/user/My Project/.venv/bin/python");
    assert_eq!(
        value["argv"].as_array().unwrap().last().unwrap(),
        "{connection_file}"
    );
    let before = sim.tree();
    let again = kernel(&context, &request(), &mut |_| {}).unwrap();
    assert_eq!((again.operation, sim.tree()), (None, before));
    let workshop = Workshop {
        machine: &*context.machine,
        domain: &Everything,
        state: context.directories.state.clone(),
        root: None,
    };
    deskside_operate::undo(&workshop, None, &mut |_| {}).unwrap();
    assert!(!context.machine.exists(&report.file).unwrap());
}

#[test]
fn another_project_of_the_same_name_keeps_its_kernel() {
    let (sim, context) = project(&["ipykernel"]);
    let file = "/home/user/.local/share/jupyter/kernels/deskside-my-project/kernel.json";
    sim.put_file(
        file,
        r#"{"argv":["x"],"metadata":{"deskside":{"project":"/elsewhere/My Project"}}}"#,
    );
    let report = kernel(&context, &request(), &mut |_| {}).unwrap();
    assert!(
        report.name.starts_with("deskside-my-project-") && report.file != file,
        "{report:?}"
    );
    // Menus show the name alone.
    assert_eq!(report.display_name, "My Project in user (deskside)");
    assert!(context.machine.text(file).unwrap().contains("elsewhere"));
}

#[test]
fn a_port_that_is_taken_is_told_as_that() {
    let (sim, context) = project(&["ipykernel", "jupyterlab"]);
    let log = "[I ServerApp] jupyterlab | extension was successfully linked.\n[I ServerApp] The port 9999 is already in use.\n[C ServerApp] ERROR: the Jupyter server could not be started because port 9999 is not available.\n";
    sim.on_launch(
        |_| true,
        move |_, _| Ok(deskside_testkit::SimLaunched::exit(1, log)),
    );
    let wanted = |port| NotebookRequest { port, ..request() };
    let taken = server(&context, &wanted(Some(9999))).unwrap();
    let problem = serve(&context, &taken, &|_| {}).unwrap_err();
    assert_eq!(problem.message, "port 9999 is in use");
    assert!(problem.hints[0].contains("another port"), "{problem:?}");
    // Of a port that nobody named, Jupyter takes the next by itself: then it ended for another reason.
    let any = server(&context, &wanted(None)).unwrap();
    let problem = serve(&context, &any, &|_| {}).unwrap_err();
    assert_eq!(problem.message, "JupyterLab ended by itself");
}

#[test]
fn the_token_is_in_a_variable_and_never_in_the_command() {
    let (_, context) = project(&["ipykernel", "jupyterlab"]);
    let one = server(
        &context,
        &NotebookRequest {
            port: Some(9999),
            ..request()
        },
    )
    .unwrap();
    let two = server(
        &context,
        &NotebookRequest {
            browser: true,
            ..request()
        },
    )
    .unwrap();
    assert!(one.token.len() == 48 && one.token != two.token);
    for server in [&one, &two] {
        assert!(
            server.argv.iter().all(|word| !word.contains(&server.token)),
            "{:?}",
            server.argv
        );
        assert_eq!(
            server.variables["JUPYTER_TOKEN"].as_ref(),
            Some(&server.token)
        );
        assert!(server.argv.contains(&"--ip=127.0.0.1".to_string()));
        assert_eq!(server.variables["PYTHONPATH"], None);
        assert_eq!(server.argv[0], "/home/user/My Project/.venv/bin/python");
    }
    assert!(one.argv.contains(&"--port=9999".into()) && one.argv.contains(&"--no-browser".into()));
    assert!(!two.argv.contains(&"--no-browser".into()));
}

#[test]
fn without_what_is_needed_it_says_what_to_do() {
    let (sim, context) = project(&[]);
    let problem = kernel(&context, &request(), &mut |_| {}).unwrap_err();
    assert_eq!(problem.code, Code::UvUnavailable, "{problem}");
    sim.change(|state| {
        state.remove("/usr/bin/python3.12");
    });
    let problem = kernel(&context, &request(), &mut |_| {}).unwrap_err();
    assert_eq!(problem.code, Code::EnvironmentMissing, "{problem}");
}

#[test]
fn names_are_as_kernels_may_have_them() {
    for (name, expected) in [
        ("My Project", "my-project"),
        ("résumé", "r-sum"),
        ("a.b_c-1", "a.b_c-1"),
        ("日本", "project"),
        ("", "project"),
    ] {
        assert_eq!(plain(name), expected);
    }
}
