//! Watching a machine: samples of runs, `usage`, `top` on a terminal, `space`.

use crate::devices::library;
use crate::person::said;
use crate::queue::{Queuer, SOON, until};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

/// A program on a terminal of its own.
struct OnTerminal {
    child: Child,
    master: OwnedFd,
    /// Kept open, so that the terminal's settings can be looked at after the program's end.
    slave: OwnedFd,
    shown: Vec<u8>,
}

impl OnTerminal {
    fn start(queuer: &Queuer, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        resize(&slave, columns, rows);
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = queuer.person.command(arguments);
        command
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end());
        // SAFETY: only system calls between fork and exec: a session of its own, with this terminal.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(std::io::stdin())?;
                Ok(())
            });
        }
        Self {
            child: command.spawn().unwrap(),
            master,
            slave,
            shown: Vec::new(),
        }
    }

    fn types(&self, keys: &str) {
        rustix::io::write(&self.master, keys.as_bytes()).unwrap();
    }

    /// Everything that was shown so far.
    fn shows(&mut self) -> String {
        let mut piece = [0_u8; 65_536];
        while let Ok(count @ 1..) = rustix::io::read(&self.master, &mut piece) {
            self.shown.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    fn until_it_shows(&mut self, text: &str) {
        until(SOON, &format!("it shows {text}"), || {
            self.shows().contains(text)
        });
    }

    /// Its exit code, once it has ended and given the terminal back.
    fn ends(&mut self) -> Option<i32> {
        let mut code = None;
        until(SOON, "it ends", || {
            // A terminal that nobody reads keeps a program from ending.
            self.shows();
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let shown = self.shows();
        assert!(
            shown.contains("\x1b[?1049l") && shown.contains("\x1b[?25h"),
            "the screen is not given back"
        );
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        assert!(
            modes.contains(LocalModes::ECHO | LocalModes::ICANON),
            "it is still raw: {modes:?}"
        );
        code.unwrap().code()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(terminal: &OwnedFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn top_shows_what_runs_stops_it_when_asked_and_gives_the_terminal_back() {
    let queuer = Queuer::new();
    let job = queuer.queue(&["--name", "first"], "echo a line of its log; sleep 600");
    let held = queuer.queue(&["--name", "second"], "true");
    until(SOON, "it runs", || queuer.state(job) == "running");
    let mut top = OnTerminal::start(&queuer, &["top"], 80, 24);
    top.until_it_shows("deskside top");
    top.until_it_shows("a line of its log");
    assert!(top.shows().contains("second"));
    // The job that waits: one down.
    top.types("\x1b[Bh");
    until(SOON, "it is held", || queuer.state(held) == "held");
    resize(&top.slave, 100, 30);
    top.until_it_shows("\x1b[30;1H");
    top.types("\x1b[A");
    top.types("s");
    top.until_it_shows("stop 1 first? y/N");
    top.types("n");
    top.types("s");
    top.types("y");
    until(SOON, "it is stopped", || queuer.state(job) == "stopped");
    top.types("q");
    assert_eq!(top.ends(), Some(0));
}

#[test]
fn top_gives_the_terminal_back_on_ctrl_c_and_on_sigterm() {
    let queuer = Queuer::new();
    for signal in ["\x03", "TERM"] {
        let mut top = OnTerminal::start(&queuer, &["top", "--color", "never"], 80, 24);
        top.until_it_shows("nothing runs and nothing waits");
        match signal {
            "TERM" => crate::queue::kill(top.child.id(), "TERM"),
            keys => top.types(keys),
        }
        assert_eq!(top.ends(), Some(130), "{signal:?}");
        assert!(!top.shows().contains("\x1b[32m"), "colour was not wanted");
    }
}

#[test]
fn top_without_a_terminal_says_how_to_ask_for_one_frame() {
    let queuer = Queuer::new();
    let refused = queuer.person.says(&["top"]);
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("--once"), "{}", refused.talk);
    let once = queuer.person.says(&["top", "--once"]);
    assert_eq!(once.code, 0, "{}", once.talk);
    assert!(
        once.out.contains("CPU") && !once.out.contains('\x1b'),
        "{}",
        once.out
    );
    let json = queuer.person.json(&["top"]);
    assert_eq!(json["schema"], "deskside.top");
    assert!(json["memory_total"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn a_run_knows_what_it_took_also_of_cards_and_a_hung_library_stops_nothing() {
    if !cfg!(target_os = "linux") {
        deskside_testkit::skip("the stand-in for NVIDIA's library is for Linux");
        return;
    }
    let folder = library();
    let queuer = Queuer::new();
    let gpu = "gpu name=Fake_GPU total=25757220864 used=2147483648 util=37 temp=61 mw=215500 limit=450000 sm=2520 throttle=4 processes=4194303:1048576\n";
    let run = |state: &str, arguments: &[&str]| {
        std::fs::write(folder.join("state"), state).unwrap();
        let output = queuer
            .person
            .command(arguments)
            .env("LD_LIBRARY_PATH", &folder)
            .output()
            .unwrap();
        let said = said(&output);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.talk);
    };
    run(
        gpu,
        &[
            "run",
            "--sample",
            "1s",
            "--name",
            "seen",
            "--",
            "sh",
            "-c",
            "sleep 5 & wait",
        ],
    );
    let show = queuer.person.json(&["show", "seen"]);
    let measured = &show["measured"];
    assert!(measured["samples"].as_u64().unwrap() >= 3, "{measured}");
    assert!(measured["memory_peak"].as_u64().unwrap() > 0, "{measured}");
    let card = &measured["gpus"][0];
    assert_eq!(
        (&card["name"], card["whole_card"].as_bool()),
        (&"Fake GPU".into(), Some(true)),
        "{measured}"
    );
    assert_eq!(card["memory_peak"], 2_147_483_648_u64);
    assert_eq!(card["power_watts"], 215.5);
    assert!(
        show["cost"]["measured"].as_bool().unwrap(),
        "its energy is measured: {show}"
    );
    let text = queuer.person.says(&["show", "seen"]).out;
    assert!(text.contains("busy 37 %"), "{text}");
    run(
        &format!("hang=1\n{gpu}"),
        &[
            "run", "--sample", "1s", "--name", "hung", "--", "sleep", "3",
        ],
    );
    run(
        gpu,
        &["run", "--no-sample", "--name", "unseen", "--", "true"],
    );
    assert!(queuer.person.json(&["show", "unseen"])["measured"].is_null());
    std::fs::remove_dir_all(folder).unwrap();
    let usage = queuer.person.json(&["usage", "--since", "1d"]);
    assert_eq!(usage["runs"], 3);
    assert!(usage["on_hours"].is_null(), "no sampler, no hours");
}

#[test]
fn the_sampler_keeps_a_history_and_only_one_does() {
    let queuer = Queuer::new();
    let person = &queuer.person;
    assert_eq!(person.json(&["sampler", "status"])["running"], false);
    let mut first = person
        .command(&["sampler", "run"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(SOON, "it samples", || {
        person.json(&["sampler", "status"])["days"] == 1
    });
    assert_eq!(person.json(&["sampler", "status"])["running"], true);
    let second = person.says(&["sampler", "run"]);
    assert_eq!(second.code, 1);
    assert!(second.talk.contains("DS1801"), "{}", second.talk);
    crate::queue::kill(first.id(), "TERM");
    assert_eq!(first.wait().unwrap().code(), Some(130));
    assert_eq!(person.json(&["sampler", "status"])["running"], false);
}

#[test]
fn space_says_what_is_there_and_checkpoints_come_back() {
    let queuer = Queuer::new();
    let person = &queuer.person;
    let script = "for s in 1 2 3; do mkdir -p $DESKSIDE_RUN/artifacts/checkpoint-$s; head -c 5000000 /dev/zero > $DESKSIDE_RUN/artifacts/checkpoint-$s/w; done";
    assert_eq!(
        person
            .says(&["run", "--name", "trained", "--", "sh", "-c", script])
            .code,
        0
    );
    let space = person.json(&["space"]);
    let lines = space["lines"].as_array().unwrap();
    let checkpoints = lines
        .iter()
        .find(|line| line["kind"] == "checkpoints")
        .unwrap();
    assert_eq!(checkpoints["count"], 3);
    let dry = person.says(&["space", "keep", "--last", "1", "--plan"]);
    assert!(dry.out.contains("2 checkpoints"), "{}", dry.out);
    assert_eq!(
        person.says(&["space", "keep", "--last", "1"]).code,
        5,
        "it asks"
    );
    let kept = person.json(&["space", "keep", "--last", "1", "--yes"]);
    assert_eq!(kept["going"], 2);
    assert_eq!(person.json(&["space", "gc", "--plan"])["count"], 2);
    let operation = kept["operation"].as_str().unwrap();
    assert_eq!(person.says(&["undo", "--yes", operation]).code, 0);
    assert_eq!(person.json(&["space", "gc", "--plan"])["count"], 0);
    assert_eq!(
        person.says(&["space", "keep"]).code,
        2,
        "a policy is needed"
    );
    let text = person.says(&["space"]).out;
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}
