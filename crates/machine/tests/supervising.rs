//! The gate, the tree, the bell and the lock of supervisors, on the real machine.
//!
//! One test: a supervisor collects every child of its process, so that nothing else may run in it meanwhile.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "this test looks from outside"
)]

use deskside_machine::supervise::{Asked, Command, Happened, Supervision};
use deskside_machine::{ErrorKind, Host, Machine, Moment, Reading};
use deskside_types::run::{ProcessIdentity, RunExit};
use std::path::Path;
use std::time::{Duration, Instant};

fn command(folder: &Path, script: &str) -> Command {
    Command {
        argv: ["sh", "-c", script].map(Into::into).to_vec(),
        directory: folder.into(),
        environment: [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("ONLY", "this")]
            .map(|(name, value)| (name.to_string(), value.into()))
            .into(),
        log: folder.join("log"),
        begun: folder.join("begun"),
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_supervisor_of_its_own_children() {
    let host = Host::new();
    let control: &dyn Supervision = host.supervision().unwrap();
    control.become_supervisor().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    gate(&host, control, folder);
    tree(control, folder);
    asked(control, folder);
    bell(&host, control, folder);
    lock(&host, control, folder);
}

fn gate(host: &Host, control: &dyn Supervision, folder: &Path) {
    let shut = control.prepare(&command(folder, "echo ran > ran")).unwrap();
    assert!(host.is_alive(shut.process()).unwrap(), "it waits");
    let process = shut.process().clone();
    drop(shut);
    assert!(!host.is_alive(&process).unwrap());
    assert!(!folder.join("ran").exists() && !folder.join("log").exists());
    assert!(!folder.join("begun").exists());

    let opened = control
        .prepare(&command(folder, "echo $ONLY $HOME; pwd; exit 7"))
        .unwrap();
    let process = opened.process().clone();
    assert!(!folder.join("log").exists(), "no log before it begins");
    let mut tree = opened.open().unwrap();
    assert_eq!(
        tree.wait(None).unwrap(),
        Happened::Ended(RunExit::ExitCode(7))
    );
    assert!(tree.is_over());
    assert!(folder.join("begun").exists());
    assert_eq!(
        text(&folder.join("log")),
        format!("this\n{}\n", folder.display()),
        "only its own environment"
    );
    assert!(!host.is_alive(&process).unwrap());

    let missing = Command {
        argv: vec!["no-such-program-anywhere".into()],
        ..command(folder, "")
    };
    assert_eq!(
        control.prepare(&missing).err().unwrap().kind,
        ErrorKind::Absent
    );
    let broken = folder.join("broken");
    std::fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&broken, mode).unwrap();
    let broken = Command {
        argv: vec![broken.into()],
        ..command(folder, "")
    };
    let error = control.prepare(&broken).unwrap().open().err().unwrap();
    assert_eq!(error.kind, ErrorKind::Absent, "{error}");
    let no_log = Command {
        log: folder.join("there/is/a/folder"),
        ..command(folder, "true")
    };
    std::fs::create_dir_all(&no_log.log).unwrap();
    let error = control.prepare(&no_log).unwrap().open().err().unwrap();
    assert!(error.detail.starts_with("its log"), "{error}");
}

fn tree(control: &dyn Supervision, folder: &Path) {
    let script = "setsid sleep 100 & ( ( sleep 100 & ) & ); sh -c 'trap \"\" TERM; sleep 100 & wait; sleep 100' & sleep 0.2; exit 0";
    let mut tree = control
        .prepare(&command(folder, script))
        .unwrap()
        .open()
        .unwrap();
    let begun = Instant::now();
    while tree.wait(Some(Duration::from_secs(5))).unwrap() != Happened::Ended(RunExit::ExitCode(0))
    {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert!(!tree.is_over());
    assert!(tree.signal(15) >= 4, "all of it is found");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!tree.is_over(), "one is deaf");
    while !tree.is_over() {
        tree.signal(9);
        tree.wait(Some(Duration::from_millis(20))).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

fn asked(control: &dyn Supervision, folder: &Path) {
    let mut tree = control
        .prepare(&command(folder, "exec sleep 100"))
        .unwrap()
        .open()
        .unwrap();
    assert_eq!(
        tree.wait(Some(Duration::from_millis(30))).unwrap(),
        Happened::TimeOver
    );
    for asked in [Asked::Pause, Asked::Resume, Asked::Look, Asked::Stop] {
        assert!(!control.is_asked_to_end());
        let signal = rustix::process::Signal::from_named_raw(asked.signal()).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
        assert_eq!(
            tree.wait(Some(Duration::from_secs(5))).unwrap(),
            Happened::Asked(asked)
        );
    }
    assert!(control.is_asked_to_end(), "and stays so");
    tree.signal(9);
    assert_eq!(
        tree.wait(None).unwrap(),
        Happened::Ended(RunExit::Signal(9))
    );
    assert!(tree.is_over());
}

fn bell(host: &Host, control: &dyn Supervision, folder: &Path) {
    let path = folder.join("in/a/bell");
    assert!(!control.ring(&path).unwrap(), "nobody listens");
    let mut bell = control.bell(&path).unwrap();
    let quick = |begun: Instant| {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        )
    };
    for _ in 0..100_000 {
        assert!(
            control.ring(&path).unwrap(),
            "also when it is full of rings"
        );
    }
    let begun = Instant::now();
    bell.wait(&[], None).unwrap();
    quick(begun);
    let until = |span: Duration| {
        let now = host.now().unwrap();
        Some(Moment {
            wall: now.wall + jiff::SignedDuration::try_from(span).unwrap(),
            monotonic: span,
        })
    };
    let begun = Instant::now();
    bell.wait(&[], until(Duration::from_millis(200))).unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(190),
        "no ring is left, and the time is kept"
    );
    quick(begun);
    bell.wait(&[], until(Duration::ZERO)).unwrap();
    let child = control.prepare(&command(folder, "sleep 0.2")).unwrap();
    let process = child.process().clone();
    let mut tree = child.open().unwrap();
    let begun = Instant::now();
    bell.wait(std::slice::from_ref(&process), None).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(100));
    quick(begun);
    tree.wait(None).unwrap();
    let another = ProcessIdentity {
        start_time: 1,
        ..host.own_process().unwrap()
    };
    bell.wait(&[another], None).unwrap();
    drop(bell);
    assert!(!control.ring(&path).unwrap(), "nobody listens any more");
    std::fs::write(folder.join("file"), "").unwrap();
    assert!(
        control.bell(&folder.join("file")).is_err(),
        "a file is no bell"
    );
}

fn lock(host: &Host, control: &dyn Supervision, folder: &Path) {
    let path = folder.join("lock");
    let held = host.lock(&path, Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let held = control.await_lock(&path);
            held.is_ok()
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(held);
        assert!(waiting.join().unwrap());
    });
}
