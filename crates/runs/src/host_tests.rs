//! Foreground runs on the real machine.

use crate::{Finished, Request, foreground};
use deskside_machine::host::Host;
use deskside_machine::{Directories, Reading};
use deskside_track::index::Filter;
use deskside_track::summary::SummaryValue;
use deskside_track::{Folder, Store, truth};
use deskside_types::Code;
use deskside_types::run::{RunExit, RunState};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn directories(home: &Path) -> Directories {
    let under = |name: &str| home.join(name);
    Directories {
        home: home.into(),
        config: under("config"),
        data: under("data"),
        state: under("state"),
        cache: under("cache"),
        projects: under("projects"),
    }
}

fn go(home: &Path, argv: &[&str]) -> deskside_types::Result<Finished> {
    // Outside any repository.
    let directory = Some(std::env::temp_dir());
    let request = Request {
        argv: argv.iter().map(OsString::from).collect(),
        directory,
        ..Request::default()
    };
    foreground(Arc::new(Host::new()), &directories(home), request)
}

#[test]
fn a_command_runs_and_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let finished = go(home.path(), &["sh", "-c", "echo hello; exit 7"]).unwrap();
    assert_eq!(finished.exit, RunExit::ExitCode(7));
    let host = Host::new();
    let directories = directories(home.path());
    let folder = Folder::of(&directories, &finished.id);
    assert_eq!(
        truth(&host, &folder).unwrap().state,
        RunState::Finished {
            exit: RunExit::ExitCode(7)
        }
    );
    assert!(host.text(folder.log()).unwrap().contains("hello"));
    let listing = Store::new(&host, &directories)
        .list(&Filter::default())
        .unwrap();
    assert_eq!(
        (listing.runs.len(), listing.warnings.len()),
        (1, 0),
        "{listing:?}"
    );
    assert_eq!(
        Store::new(&host, &directories).find("latest").unwrap(),
        finished.id
    );
}

#[test]
fn what_is_not_there_or_cannot_be_executed_has_its_own_code() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(
        go(home.path(), &["no-such-command-anywhere"])
            .unwrap_err()
            .code,
        Code::CommandNotFound
    );
    let file = home.path().join("train.py");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(
        go(home.path(), &[file.to_str().unwrap()]).unwrap_err().code,
        Code::CommandNotExecutable
    );
    let problem = go(&home.path().join("train.py"), &["true"]).unwrap_err();
    assert_eq!(problem.code, Code::RunFolder, "{problem:?}");
}

/// By git itself: what the patterns and the renames come to.
#[test]
fn the_diff_is_without_what_holds_secrets() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("project");
    let git = |words: &[&str]| {
        std::process::Command::new("git")
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(words)
            .current_dir(&project)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let put = |path: &str, text: &str| {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    std::fs::create_dir(&project).unwrap();
    if !git(&["init"]) {
        deskside_testkit::skip("the_diff_is_without_what_holds_secrets: no git");
        return;
    }
    let secret = [
        ".env",
        "deploy/Prod.PEM",
        "deploy/my-secrets.yaml",
        "secrets/ä b.txt",
        "id_rsa",
    ];
    let long = "a line that stays\n".repeat(20);
    for path in secret.iter().chain(&["train.py", "deploy/plain.txt"]) {
        put(path, &long);
    }
    assert!(git(&["add", "."]) && git(&["commit", "-m", "x"]));
    assert!(git(&["mv", "id_rsa", "renamed.txt"]));
    for path in secret.iter().filter(|path| **path != "id_rsa") {
        put(path, &format!("{long}visible\n"));
    }
    put("renamed.txt", &format!("{long}visible\n"));
    put(
        "train.py",
        &format!("{long}lr = 2\nlogin('hf_abcdefghijklmnopqrstuv')\n"),
    );
    put("deploy/plain.txt", &format!("{long}seen\n"));
    assert!(git(&["add", "."]));
    let request = Request {
        argv: vec!["true".into()],
        directory: Some(project.join("deploy")),
        ..Request::default()
    };
    let finished = foreground(Arc::new(Host::new()), &directories(home.path()), request).unwrap();
    let folder = Folder::at(&finished.folder).unwrap();
    let diff = std::fs::read_to_string(folder.diff()).unwrap();
    assert!(
        diff.contains("+lr = 2") && diff.contains("+login('***')") && diff.contains("+seen"),
        "{diff}"
    );
    assert!(
        !diff.contains("visible") && !diff.contains("id_rsa"),
        "{diff}"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.diff()).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let mut left_out = deskside_track::record::read(&Host::new(), &folder)
        .unwrap()
        .code
        .unwrap()
        .left_out;
    left_out.sort();
    assert_eq!(
        left_out,
        [
            ".env",
            "deploy/Prod.PEM",
            "deploy/my-secrets.yaml",
            "id_rsa",
            "renamed.txt",
            "secrets/ä b.txt"
        ]
    );
    assert!(
        finished.warnings[0].contains("deploy/Prod.PEM"),
        "{:?}",
        finished.warnings
    );
}

#[test]
fn training_code_logs_into_the_run() {
    let home = tempfile::tempdir().unwrap();
    if !std::process::Command::new("python3")
        .arg("--version")
        .status()
        .is_ok_and(|status| status.success())
    {
        deskside_testkit::skip("training_code_logs_into_the_run: no python3");
        return;
    }
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../track/python");
    let script = format!(
        "import sys; sys.path.insert(0, {module:?})\nimport deskside\ndeskside.init(params={{'width': 64}}, tags={{'a': 'b'}})\n\
         for step in range(100): deskside.log({{'loss': 1 / (step + 1)}}, step=step)\ndeskside.summary['best'] = 0.5\n"
    );
    let finished = go(home.path(), &["python3", "-c", &script]).unwrap();
    assert_eq!(finished.exit, RunExit::ExitCode(0));
    let directories = directories(home.path());
    let run = Store::new(&Host::new(), &directories)
        .list(&Filter::default())
        .unwrap()
        .runs
        .remove(0);
    assert_eq!(
        (run.params["width"].as_str(), run.tags["a"].as_str()),
        ("64", "b")
    );
    assert_eq!(run.summary["loss"], SummaryValue::Number(0.01));
    assert_eq!(run.summary["best"], SummaryValue::Number(0.5));
    assert_eq!(
        run.state.state,
        RunState::Finished {
            exit: RunExit::ExitCode(0)
        }
    );
}

#[test]
fn a_log_is_followed_to_the_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_path_buf();
    let runner = std::thread::spawn(move || {
        go(
            &path,
            &["sh", "-c", "echo one; sleep 0.4; printf 'two\\377\\n'"],
        )
        .unwrap()
    });
    let host = Host::new();
    let directories = directories(home.path());
    let begun = Instant::now();
    let folder = loop {
        let running = Store::new(&host, &directories)
            .list(&Filter::default())
            .unwrap()
            .runs
            .into_iter()
            .find(|run| run.state.state.word() == "running");
        if let Some(run) = running {
            break Folder::of(&directories, &run.id);
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    };
    let mut heard = Vec::new();
    let state = deskside_track::logs::follow(
        &host,
        &folder,
        deskside_track::logs::Start::Beginning,
        &mut |bytes| {
            heard.extend_from_slice(bytes);
            std::ops::ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(
        state.unwrap().state,
        RunState::Finished {
            exit: RunExit::ExitCode(0)
        }
    );
    runner.join().unwrap();
    assert_eq!(heard, b"one\ntwo\xff\n");
}

/// Not a test of its own: the process that the next one kills.
#[test]
#[ignore = "started by the test below"]
fn a_process_to_be_killed() {
    let Some(home) = std::env::var_os("DESKSIDE_TEST_HOME") else {
        return;
    };
    let _ = go(Path::new(&home), &["sleep", "30"]);
}

#[test]
fn killing_what_watches_a_run_is_seen() {
    let home = tempfile::tempdir().unwrap();
    let mut watcher = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_tests::a_process_to_be_killed", "--ignored"])
        .env("DESKSIDE_TEST_HOME", home.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let host = Host::new();
    let directories = directories(home.path());
    let store = Store::new(&host, &directories);
    let begun = Instant::now();
    let running = loop {
        let runs = store.list(&Filter::default()).unwrap().runs;
        if let Some(run) = runs
            .into_iter()
            .find(|run| run.state.state.word() == "running")
        {
            break run;
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    };
    let RunState::Running { process, .. } = &running.state.state else {
        panic!("{running:?}")
    };
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    let folder = Folder::of(&directories, &running.id);
    let state = truth(&host, &folder).unwrap().state;
    let survivor = Some(process.clone());
    assert!(
        state == RunState::ExitUnknown { survivor }
            || state == RunState::ExitUnknown { survivor: None },
        "{state:?}"
    );
    let effect = deskside_machine::Effect::Signal {
        pid: process.pid,
        start_time: process.start_time,
        signal: 9,
    };
    let _ = deskside_machine::Acting::effect(&host, &effect);
    let begun = Instant::now();
    while truth(&host, &folder).unwrap().state != (RunState::ExitUnknown { survivor: None }) {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(
        store.list(&Filter::default()).unwrap().runs[0].state.state,
        RunState::ExitUnknown { survivor: None }
    );
}

/// The bar: 15 ms more than the bare command, in a release build on a quiet machine.
#[test]
fn a_run_costs_little_more_than_its_command() {
    let home = tempfile::tempdir().unwrap();
    go(home.path(), &["true"]).unwrap();
    let median = |mut call: Box<dyn FnMut()>| {
        let mut spans: Vec<Duration> = (0..15)
            .map(|_| {
                let begun = Instant::now();
                call();
                begun.elapsed()
            })
            .collect();
        spans.sort();
        spans[7]
    };
    let bare = median(Box::new(|| {
        assert!(
            std::process::Command::new("true")
                .status()
                .unwrap()
                .success()
        )
    }));
    let path = home.path().to_path_buf();
    let tracked = median(Box::new(move || drop(go(&path, &["true"]).unwrap())));
    println!("bare {bare:?}, tracked {tracked:?}");
    let bar = if cfg!(debug_assertions) { 150 } else { 15 };
    assert!(
        tracked.saturating_sub(bare) < Duration::from_millis(bar),
        "bare {bare:?}, tracked {tracked:?}"
    );
}
