//! Launching through the door. What happens between a launcher and its child in the foreground is
//! seen from outside: this test program starts itself as the launcher, with streams of its own.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests look from outside"
)]

mod skip;

use deskside_machine::{Ended, ErrorKind, Host, Launch, Machine, Reading, interrupt};
use deskside_types::run::RunExit;
use rustix::process::{Pid, Signal, kill_process};
use skip::skip;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn shell(script: &str, log: &Path, foreground: bool) -> Launch {
    Launch {
        argv: ["sh", "-c", script].into_iter().map(Into::into).collect(),
        directory: None,
        variables: BTreeMap::new(),
        log: log.into(),
        foreground,
        to_stderr: false,
    }
}

/// Not a test: the launcher, when another test starts this program for it.
#[test]
fn launcher() {
    let Ok(script) = std::env::var("LAUNCHER_SCRIPT") else {
        return;
    };
    let folder = std::path::PathBuf::from(std::env::var_os("LAUNCHER_FOLDER").unwrap());
    let foreground = std::env::var_os("LAUNCHER_BACKGROUND").is_none();
    let log = std::env::var_os("LAUNCHER_LOG").map_or(folder.join("log"), Into::into);
    let mut child = Host::new()
        .launch(&shell(&script, &log, foreground))
        .unwrap();
    fs::write(folder.join("pid"), child.started().process.pid.to_string()).unwrap();
    let ended = child.wait().unwrap();
    let shown = format!(
        "{:?} {:?} {:?} {}",
        ended.exit,
        ended.forwarded,
        ended.log_error,
        interrupt::requested()
    );
    fs::write(folder.join("ended"), shown).unwrap();
}

fn launcher_command(script: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "launcher", "--nocapture"]);
    command
        .env("LAUNCHER_SCRIPT", script)
        .env("LAUNCHER_FOLDER", folder);
    command
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{what} did not come"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn in_the_background_a_child_writes_its_own_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("made/log");
    let host = Host::new();
    for _ in 0..2 {
        let mut launch = shell(
            "echo out $ONE; echo err >&2; cat; ps -o sid= -p $$ | tr -d ' '; exit 7",
            &log,
            false,
        );
        launch.variables.insert("ONE".into(), Some("1".into()));
        let mut child = host.launch(&launch).unwrap();
        let pid = child.started().process.pid;
        assert!(
            child.started().process.start_time > 0 && !child.started().process.boot_id.is_empty()
        );
        let ended = child.wait().unwrap();
        assert_eq!(
            ended,
            Ended {
                exit: RunExit::ExitCode(7),
                forwarded: None,
                log_error: None
            }
        );
        assert_eq!(child.wait().unwrap(), ended, "asked again it says the same");
        assert!(
            text(&log).ends_with(&format!("out 1\nerr\n{pid}\n")),
            "{}",
            text(&log)
        );
    }
    assert_eq!(
        text(&log).matches("out 1\nerr\n").count(),
        2,
        "it is added to"
    );
    let mut child = host.launch(&shell("kill -9 $$", &log, false)).unwrap();
    assert_eq!(child.wait().unwrap().exit, RunExit::Signal(9));
}

#[test]
fn an_identity_is_that_of_the_living_child() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new();
    let mut child = host
        .launch(&shell("sleep 0.3", &folder.path().join("log"), false))
        .unwrap();
    let process = child.started().process.clone();
    assert!(host.is_alive(&process).unwrap());
    child.wait().unwrap();
    assert!(!host.is_alive(&process).unwrap());
}

#[test]
fn what_can_not_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = shell("", &folder.path().join("log"), true);
    for (program, kind) in [
        ("deskside-none", ErrorKind::Absent),
        ("/etc/passwd", ErrorKind::Denied),
    ] {
        launch.argv = vec![program.into()];
        let error = Host::new().launch(&launch).err().unwrap();
        assert_eq!(error.kind, kind);
        assert!(error.to_string().contains(program), "{error}");
    }
    assert!(!launch.log.exists(), "no log of what never ran");
}

#[test]
fn through_pipes_the_streams_stay_apart_and_both_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let script = "read line; echo out $line; echo err >&2; seq 1 50000; exit 3";
    let mut launcher = launcher_command(script, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    launcher
        .stdin
        .take()
        .unwrap()
        .write_all(b"typed\n")
        .unwrap();
    let output = launcher.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        out.contains("out typed\n") && out.contains("\n49999\n50000\n") && !out.contains("err\n")
    );
    assert!(err.contains("err\n") && !err.contains("out"), "{err}");
    let log = text(folder.path().join("log"));
    assert!(
        log.contains("out typed\n") && log.contains("err\n") && log.ends_with("49999\n50000\n")
    );
    assert_eq!(
        text(folder.path().join("ended")),
        "ExitCode(3) None None false"
    );
}

#[test]
fn a_reader_that_goes_away_harms_neither_child_nor_log() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo first; sleep 0.3; seq 1 50000; echo last";
    let mut launcher = launcher_command(script, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the child", || !text(folder.path().join("pid")).is_empty());
    drop(launcher.stdout.take());
    launcher.wait().unwrap();
    assert_eq!(
        text(folder.path().join("ended")),
        "ExitCode(0) None None false"
    );
    assert!(text(folder.path().join("log")).ends_with("50000\nlast\n"));
}

#[test]
fn children_of_the_child_do_not_hold_the_launcher() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = launcher_command("sleep 3 & echo done", folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("done\n"));
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_signal_to_the_launcher_alone_reaches_the_child_once_and_does_not_outlast_it() {
    for background in [false, true] {
        for (signal, name, number) in [
            (Signal::TERM, "TERM", 15),
            (Signal::INT, "INT", 2),
            (Signal::HUP, "HUP", 1),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let script = format!(
                "trap 'echo got' {name}; echo ready; for i in 1 2 3 4 5 6; do sleep 0.1; done; exit 4"
            );
            let mut command = launcher_command(&script, folder.path());
            if background {
                command.env("LAUNCHER_BACKGROUND", "1");
            }
            let mut launcher = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let log = folder.path().join("log");
            wait_for("the child", || text(&log).contains("ready"));
            send(&launcher, signal);
            assert!(launcher.wait().unwrap().success());
            assert_eq!(
                text(&log).matches("got\n").count(),
                1,
                "{name} {background}: {}",
                text(&log)
            );
            assert_eq!(
                text(folder.path().join("ended")),
                format!("ExitCode(4) Some({number}) None false")
            );
        }
    }
}

#[test]
fn a_child_in_the_background_outlives_a_launcher_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = launcher_command("echo ready; sleep 0.5; echo alive", folder.path());
    let mut launcher = command
        .env("LAUNCHER_BACKGROUND", "1")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.path().join("log");
    wait_for("the child", || text(&log).contains("ready"));
    send(&launcher, Signal::KILL);
    launcher.wait().unwrap();
    wait_for("its last word", || text(&log).contains("alive"));
}

#[test]
fn a_full_disk_stops_the_log_but_not_the_child() {
    if !rustix::process::geteuid().is_root() {
        skip("a small file system can be mounted by root only");
        return;
    }
    let (folder, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "none"])
        .arg(disk.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        skip("mounting is not allowed here");
        return;
    }
    let mut command = launcher_command("seq 1 50000; exit 5", folder.path());
    let output = command
        .env("LAUNCHER_LOG", disk.path().join("log"))
        .output();
    let ended = text(folder.path().join("ended"));
    assert!(
        Command::new("umount")
            .arg(disk.path())
            .status()
            .unwrap()
            .success()
    );
    assert!(String::from_utf8_lossy(&output.unwrap().stdout).contains("\n50000\n"));
    assert_eq!(ended, "ExitCode(5) None Some(\"no space left\") false");
}

/// A terminal with the launcher in it, as a person has it.
struct Screen {
    master: fs::File,
    launcher: Child,
    seen: String,
    /// The terminal's modes before anything ran in it.
    before: rustix::termios::Termios,
}

impl Screen {
    fn new(script: &str, folder: &Path) -> Self {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        use std::os::unix::process::CommandExt;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        let slave = fs::File::from(rustix::fs::open(name, flags, 0.into()).unwrap());
        let size = rustix::termios::Winsize {
            ws_row: 20,
            ws_col: 70,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let mut command = launcher_command(script, folder);
        command
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave);
        // SAFETY: both calls are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        // The launcher may change them as soon as it runs.
        let before = rustix::termios::tcgetattr(&master).unwrap();
        let launcher = command.spawn().unwrap();
        Self {
            master: master.into(),
            launcher,
            seen: String::new(),
            before,
        }
    }

    /// Reads the screen until a text is on it.
    fn until(&mut self, wanted: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(wanted) {
            match self.master.read(&mut bytes) {
                Ok(count) if count > 0 => self
                    .seen
                    .push_str(&String::from_utf8_lossy(&bytes[..count])),
                end => panic!("{end:?} before {wanted:?} came: {}", self.seen),
            }
        }
    }
}

#[test]
fn in_a_terminal_the_child_has_a_terminal_of_the_same_size() {
    let folder = tempfile::tempdir().unwrap();
    let script = "stty size; trap 'stty size; exit 6' WINCH; test -t 0 && test -t 1 && test -t 2 && printf 'name? '; read name; \
                  echo hello $name; while :; do sleep 0.05; done";
    let mut screen = Screen::new(script, folder.path());
    screen.until("20 70");
    screen.until("name? ");
    let raw = rustix::termios::tcgetattr(&screen.master).unwrap();
    assert!(
        !raw.local_modes
            .contains(rustix::termios::LocalModes::ICANON),
        "keys go through one by one"
    );
    screen.master.write_all(b"ada\r").unwrap();
    screen.until("hello ada");
    let size = rustix::termios::Winsize {
        ws_row: 33,
        ws_col: 44,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&screen.master, size).unwrap();
    screen.until("33 44");
    screen.launcher.wait().unwrap();
    let after = rustix::termios::tcgetattr(&screen.master).unwrap();
    assert_eq!(
        format!("{:?}", after.local_modes),
        format!("{:?}", screen.before.local_modes),
        "the terminal is as before"
    );
    assert_eq!(
        text(folder.path().join("ended")),
        "ExitCode(6) None None false"
    );
    assert!(text(folder.path().join("log")).contains("hello ada\r\n"));
}

#[test]
fn ctrl_c_in_a_terminal_stops_the_child_and_restores_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut screen = Screen::new(
        "trap 'echo; echo stopped; exit 9' INT; echo ready; while :; do sleep 0.05; done",
        folder.path(),
    );
    screen.until("ready");
    screen.master.write_all(b"\x1a\x03").unwrap();
    screen.until("stopped");
    screen.launcher.wait().unwrap();
    assert_eq!(
        text(folder.path().join("ended")),
        "ExitCode(9) Some(2) None false"
    );
    let after = rustix::termios::tcgetattr(&screen.master).unwrap();
    assert!(
        after
            .local_modes
            .contains(rustix::termios::LocalModes::ICANON)
    );
    // And a kill from elsewhere.
    let folder = tempfile::tempdir().unwrap();
    let mut screen = Screen::new("echo ready; exec sleep 30", folder.path());
    screen.until("ready");
    send(&screen.launcher, Signal::TERM);
    screen.launcher.wait().unwrap();
    assert_eq!(
        text(folder.path().join("ended")),
        "Signal(15) Some(15) None false"
    );
    let after = rustix::termios::tcgetattr(&screen.master).unwrap();
    assert!(
        after
            .local_modes
            .contains(rustix::termios::LocalModes::ICANON)
    );
}
