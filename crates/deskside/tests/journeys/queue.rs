//! The queue, as a person uses it.

use crate::person::{Person, Said, said};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A person whose queue is ended with them, whatever a test comes to.
pub struct Queuer {
    pub person: Person,
}

impl Drop for Queuer {
    fn drop(&mut self) {
        for _ in 0..3 {
            for pid in self.processes("") {
                kill(pid, "KILL");
            }
        }
    }
}

impl Queuer {
    pub fn new() -> Self {
        Self {
            person: Person::new(),
        }
    }

    /// Queues a shell command; its number.
    pub fn queue(&self, options: &[&str], script: &str) -> i64 {
        let arguments = [&["run", "--queue"], options, &["--", "sh", "-c", script]].concat();
        let report = self.person.json(&arguments);
        report["jobs"][0]["number"].as_i64().unwrap()
    }

    /// What is listed of a job.
    pub fn job(&self, number: i64) -> serde_json::Value {
        let report = self.person.json(&["queue", "--ended", "--all"]);
        ["running", "waiting", "ended"]
            .iter()
            .flat_map(|list| report[list].as_array().unwrap().clone())
            .find(|job| job["number"] == number)
            .unwrap_or_else(|| panic!("job {number} is not listed: {report}"))
    }

    pub fn state(&self, number: i64) -> String {
        self.job(number)["state"].as_str().unwrap().to_string()
    }

    pub fn wait(&self, numbers: &[i64]) -> Said {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let mut arguments = vec!["wait"];
        arguments.extend(numbers.iter().map(String::as_str));
        self.person.says(&arguments)
    }

    /// Living processes of this person's home, whose command line holds a text: supervisors, keepers, jobs.
    pub fn processes(&self, text: &str) -> Vec<u32> {
        let home = format!("HOME={}", self.person.home().display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let read =
                |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let environment = read("environ");
            let is_theirs = environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == home.as_bytes());
            let words = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            if is_theirs && words.contains(text) && !words.is_empty() {
                found.push(pid);
            }
        }
        found
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.person.work().join(name)
    }
}

pub fn kill(pid: u32, signal: &str) {
    // One that ended meanwhile is as good as killed.
    let _ = std::process::Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// Waits until something holds; fails after a span.
pub fn until(span: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < span, "after {span:?} still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Much longer than anything takes; other work may share the machine.
pub const SOON: Duration = Duration::from_secs(40);

/// Whether a process lives: one that ended and that nobody has collected yet does not.
pub fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn jobs_run_one_after_the_other_and_nothing_stays_behind() {
    let queuer = Queuer::new();
    let first = queuer.queue(
        &["--name", "first", "--tag", "a=b"],
        "echo one; while [ ! -e go ]; do sleep 0.05; done; echo $DESKSIDE_JOB",
    );
    let second = queuer.queue(&[], "echo two; echo err >&2; exit 3");
    assert_eq!(
        (queuer.state(first), queuer.state(second)),
        ("running".into(), "waiting".into())
    );
    assert!(queuer.person.says(&["ps"]).out.contains("first"));
    std::fs::write(queuer.path("go"), "").unwrap();
    assert_eq!(queuer.wait(&[first]).code, 0);
    assert_eq!(queuer.wait(&[second]).code, 3, "one job's own exit code");
    assert_eq!(queuer.wait(&[first, second]).code, 1);
    assert_eq!(queuer.person.says(&["logs", "1"]).out, "one\n1\n");
    assert_eq!(queuer.person.says(&["logs", "#2"]).out, "two\nerr\n");
    let show = queuer.person.json(&["show", "1"]);
    assert_eq!(show["run"]["tags"]["a"], "b");
    assert_eq!(show["state"]["state"], "finished");
    assert_eq!(queuer.person.json(&["runs"])["total"], 2);
    until(SOON, "no process of the queue is left", || {
        queuer.processes("__").is_empty()
    });
    let trouble = queuer
        .person
        .home()
        .join(".local/state/deskside/queue/trouble.log");
    assert_eq!(text(&trouble), "");
}

#[test]
fn everything_a_job_started_ends_with_it() {
    let queuer = Queuer::new();
    let pids = queuer.path("pids");
    // A in the background, B out of the session, C deaf to TERM, D forked twice, M waiting for them.
    let script = queuer.person.write(
        "tree.sh",
        r#"sleep 1000 & echo "A $!" >> pids
           setsid sh -c 'echo "B $$" >> pids; exec sleep 1001' &
           sh -c 'trap "" TERM; echo "C $$" >> pids; while :; do sleep 0.2; done' &
           ( ( sh -c 'echo "D $$" >> pids; exec sleep 1002' & ) & )
           echo "M $$" >> pids; wait"#,
    );
    for end in ["stopped", "by itself"] {
        let _ = std::fs::remove_file(&pids);
        let script = if end == "stopped" {
            format!("exec sh {}", script.display())
        } else {
            // The main process ends at once; what it left behind is ended, too.
            format!("sh {} & sleep 1", script.display())
        };
        let number = queuer.queue(&["--grace", "1s"], &script);
        until(SOON, "all five are there", || {
            text(&pids).lines().count() == 5
        });
        if end == "stopped" {
            assert_eq!(queuer.person.says(&["stop", &number.to_string()]).code, 0);
            assert_eq!(queuer.state(number), "stopped");
        } else {
            assert_eq!(queuer.wait(&[number]).code, 0);
        }
        for line in text(&pids).lines() {
            let (name, pid) = line.split_once(' ').unwrap();
            assert!(!lives(pid), "{name} still lives ({end})");
        }
    }
}

#[test]
fn a_job_waits_for_a_job_a_time_and_a_release() {
    let queuer = Queuer::new();
    let first = queuer.queue(&[], "sleep 0.3; exit 1");
    let needs = queuer.queue(&["--after", &first.to_string()], "true");
    let any = queuer.queue(&["--after-any", &first.to_string()], "echo any");
    let later = queuer.queue(&["--at", "+2"], "date +%s > later");
    let held = queuer.queue(&["--hold", "--name", "held one"], "echo held");
    let queued_at = std::time::SystemTime::now();
    assert_eq!(queuer.wait(&[any]).code, 0);
    assert_eq!(queuer.state(needs), "skipped");
    assert_eq!(
        queuer.wait(&[later]).code,
        0,
        "nobody called anything, and it has begun"
    );
    let ran_at = std::fs::metadata(queuer.path("later"))
        .unwrap()
        .modified()
        .unwrap();
    let waited = ran_at.duration_since(queued_at).unwrap();
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(6)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(queuer.state(held), "held");
    assert_eq!(
        queuer.person.says(&["queue", "release", "held one"]).code,
        0
    );
    assert_eq!(queuer.wait(&[held]).code, 0);
    let stays = queuer.queue(&["--hold"], "true");
    assert_eq!(queuer.person.says(&["stop", &stays.to_string()]).code, 0);
    assert_eq!(queuer.state(stays), "removed");
    let refused = queuer
        .person
        .says(&["run", "--queue", "--after", "99", "--", "true"]);
    assert_eq!(refused.code, 1, "{}", refused.talk);
    assert!(refused.talk.contains("DS0803"), "{}", refused.talk);
}

#[test]
fn retries_timeouts_and_what_runs_out_of_memory() {
    let queuer = Queuer::new();
    let fails = queuer.queue(&["--retries", "2"], "echo x >> tries; exit 7");
    let slow = queuer.queue(
        &["--timeout", "1s", "--grace", "1s"],
        "trap '' TERM; sleep 30",
    );
    let oom = queuer.person.json(&[
        "run", "--queue", "--on-oom", "batch-size/2", "--", "sh", "-c",
        "echo $2 >> sizes; [ $2 -gt 8 ] && echo torch.OutOfMemoryError: CUDA out of memory && exit 1; true",
        "train", "--batch-size", "32",
    ])["jobs"][0]["number"].as_i64().unwrap();
    assert_eq!(queuer.wait(&[fails]).code, 7);
    assert_eq!(text(&queuer.path("tries")).lines().count(), 3);
    assert_eq!(queuer.job(fails)["attempts"], 3);
    assert_eq!(queuer.wait(&[slow]).code, 137);
    let slow = queuer.job(slow);
    assert_eq!(
        (slow["state"].as_str(), slow["reason"].as_str()),
        (Some("stopped"), Some("it ran longer than its timeout"))
    );
    assert_eq!(queuer.wait(&[oom]).code, 0);
    assert_eq!(text(&queuer.path("sizes")), "32\n16\n8\n");
    // A job that waits for another may name a program that only comes with that one.
    let after = oom.to_string();
    let arguments = [
        "run",
        "--queue",
        "--after",
        &after,
        "--",
        "no-such-program-anywhere",
    ];
    let never = queuer.person.json(&arguments)["jobs"][0]["number"]
        .as_i64()
        .unwrap();
    assert_eq!(queuer.wait(&[never]).code, 1);
    assert_eq!(queuer.state(never), "failed");
}

#[test]
fn a_paused_job_stands_still() {
    let queuer = Queuer::new();
    let number = queuer.queue(&[], "while :; do echo x >> ticks; sleep 0.05; done");
    let name = number.to_string();
    let size = || text(&queuer.path("ticks")).len();
    until(SOON, "it ticks", || size() > 2);
    assert_eq!(queuer.person.says(&["pause", &name]).code, 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(queuer.state(number), "paused");
    let stands = size();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(size(), stands);
    assert_eq!(queuer.person.says(&["resume", &name]).code, 0);
    until(SOON, "it ticks again", || size() > stands);
    assert_eq!(queuer.person.says(&["pause", &name]).code, 0);
    assert_eq!(
        queuer.person.says(&["stop", &name]).code,
        0,
        "a paused one can be stopped"
    );
    assert_eq!(queuer.state(number), "stopped");
    assert_eq!(queuer.person.says(&["pause", &name]).code, 1);
}

#[test]
fn secrets_reach_a_job_and_no_file() {
    let queuer = Queuer::new();
    let secret = "hf_abcdefghijklmnopqrstuvwxyz0123456789";
    let output = queuer
        .person
        .command(&["run", "--queue", "--env", "PLAIN=seen", "--env", "HF_TOKEN", "--", "sh", "-c",
            r#"test "$HF_TOKEN" = hf_"abcdefghijklmnopqrstuvwxyz0123456789" && test "$OTHER" = of-"the-shell" && echo $PLAIN > plain"#])
        .env("HF_TOKEN", secret)
        .env("OTHER", "of-the-shell")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output).talk);
    assert_eq!(queuer.wait(&[1]).code, 0);
    assert_eq!(text(&queuer.path("plain")), "seen\n");
    let mut folders = vec![queuer.person.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::metadata(&path).and_then(|data| {
                if data.is_file() {
                    std::fs::read(&path)
                } else {
                    Ok(Vec::new())
                }
            }) {
                let text = String::from_utf8_lossy(&bytes);
                for hidden in [secret, "of-the-shell"] {
                    assert!(
                        !text.contains(hidden),
                        "{hidden} lies in {}",
                        path.display()
                    );
                }
            }
        }
    }
    let unset = queuer
        .person
        .says(&["run", "--queue", "--env", "NOT_SET_HERE", "--", "true"]);
    assert_eq!(unset.code, 2, "{}", unset.talk);
}

#[test]
fn the_code_is_as_it_was_when_it_was_queued() {
    let queuer = Queuer::new();
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
            .current_dir(queuer.person.work())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !git(&["init"]) {
        deskside_testkit::skip("the_code_is_as_it_was_when_it_was_queued: no git");
        return;
    }
    let person = &queuer.person;
    person.write("say.sh", "echo committed\n");
    person.write(".gitignore", "data\n");
    person.write("data/big", "ignored\n");
    person.write("sub/inner.sh", "cat ../say.sh\n");
    assert!(git(&["add", "."]) && git(&["commit", "-m", "x"]));
    person.write("say.sh", "echo changed\n");
    person.write("new.txt", "untracked\n");
    person.write(".env", "TOKEN=secret\n");
    let script =
        "sh say.sh; cat new.txt data/big .env; echo out > result; sh -c 'cd sub && sh inner.sh'";
    let kept = queuer.queue(&["--hold"], script);
    let live = queuer.queue(&["--hold", "--live"], "sh say.sh");
    person.write("say.sh", "echo later\n");
    std::fs::remove_file(queuer.path("new.txt")).unwrap();
    let status = std::process::Command::new("git")
        .args(["status", "--short"])
        .current_dir(person.work())
        .output()
        .unwrap();
    person.says(&["queue", "release", &kept.to_string(), &live.to_string()]);
    assert_eq!(queuer.wait(&[kept]).code, 0);
    assert_eq!(queuer.wait(&[live]).code, 0);
    assert_eq!(
        person.says(&["logs", &kept.to_string()]).out,
        "changed\nuntracked\nignored\nTOKEN=secret\necho changed\n"
    );
    assert_eq!(person.says(&["logs", &live.to_string()]).out, "later\n");
    assert!(
        !queuer.path("result").exists(),
        "what it writes is its run's"
    );
    assert_eq!(
        String::from_utf8_lossy(&status.stdout),
        " M say.sh\n?? .env\n",
        "git's own index is untouched"
    );
    let diff = person.says(&["show", &kept.to_string(), "--diff"]).out;
    assert!(diff.contains("+echo changed"), "{diff}");
    let again = person.json(&["rerun", &kept.to_string()])["jobs"][0]["number"]
        .as_i64()
        .unwrap();
    assert_eq!(queuer.wait(&[again]).code, 0);
    assert!(
        person
            .says(&["logs", &again.to_string()])
            .out
            .starts_with("changed\nuntracked\n")
    );
    let run = person.json(&["show", &kept.to_string()]);
    assert_eq!(run["run"]["code"]["dirty"], true);
    let patch = text(&Path::new(run["folder"].as_str().unwrap()).join("code/diff.patch"));
    assert!(patch.contains("+echo changed"), "{patch}");
    let kept_code = person.home().join(".local/state/deskside/queue/code/trees");
    assert_eq!(
        std::fs::read_dir(kept_code).unwrap().count(),
        1,
        "equal code is kept once"
    );
}

#[test]
fn a_job_that_queues_a_job_does_not_take_it_along() {
    let queuer = Queuer::new();
    assert_eq!(queuer.person.says(&["queue", "slots", "2"]).code, 0);
    let program = crate::person::program();
    let outer = queuer.queue(
        &[],
        &format!(
            "{} run --queue --name inner -- sh -c 'sleep 0.5; echo inner > inner'; sleep 0.2",
            program.display()
        ),
    );
    assert_eq!(queuer.wait(&[outer]).code, 0);
    assert_eq!(queuer.person.says(&["wait", "inner"]).code, 0);
    assert_eq!(text(&queuer.path("inner")), "inner\n");
}

/// On a stand-in for NVIDIA's library, whose state is the file beside it.
#[test]
fn cards_are_claimed_and_bound_by_their_identities() {
    if !cfg!(target_os = "linux") {
        deskside_testkit::skip("the stand-in for NVIDIA's library is for Linux");
        return;
    }
    let queuer = Queuer::new();
    let folder = queuer.path("library");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(
        crate::devices::library().join("libnvidia-ml.so.1"),
        folder.join("libnvidia-ml.so.1"),
    )
    .unwrap();
    let gpu = |rest: &str| format!("gpu name=Made_Up total=25769803776 {rest}\n");
    let state = |first: &str, second: &str| {
        let text = format!(
            "driver=580.95.05\ncuda=13000\n{}{}",
            gpu(first),
            gpu(second)
        );
        // Replaced whole: it is read at any moment.
        std::fs::write(folder.join("fresh"), text).unwrap();
        std::fs::rename(folder.join("fresh"), folder.join("state")).unwrap();
    };
    let identity = |place: usize| format!("GPU-00000000-0000-0000-0000-{place:012x}");
    let call = |arguments: &[&str]| {
        let mut command = queuer.person.command(arguments);
        said(&command.env("LD_LIBRARY_PATH", &folder).output().unwrap())
    };
    state("used=0", "used=0");
    let job =
        "echo $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER; while [ ! -e go ]; do sleep 0.05; done";
    for _ in 0..3 {
        let said = call(&["run", "--queue", "--gpus", "1", "--", "sh", "-c", job]);
        assert_eq!(said.code, 0, "{}", said.talk);
    }
    let cpu = call(&["run", "--queue", "--", "true"]);
    assert_eq!(cpu.code, 0);
    assert_eq!(call(&["wait", "4"]).code, 0, "a job without a claim passes");
    until(SOON, "both cards are taken", || {
        [1, 2]
            .iter()
            .all(|number| call(&["logs", &number.to_string()]).out.contains("GPU-"))
    });
    let logs = [1, 2].map(|number| call(&["logs", &number.to_string()]).out);
    assert_eq!(logs[0], format!("{} PCI_BUS_ID\n", identity(0)));
    assert_eq!(logs[1], format!("{} PCI_BUS_ID\n", identity(1)));
    assert_eq!(queuer.state(3), "waiting");
    std::fs::write(queuer.path("go"), "").unwrap();
    assert_eq!(call(&["wait", "1", "2", "3"]).code, 0);
    // A stranger's process on the first card: the second is taken, although the first is preferred.
    let mut stranger = std::process::Command::new("sleep")
        .arg("100")
        .spawn()
        .unwrap();
    state(
        &format!("used=0 processes={}:1048576", stranger.id()),
        "used=0",
    );
    assert_eq!(call(&["queue", "cards", "0,1"]).code, 0);
    let said = call(&["run", "--queue", "--gpus", "1", "--", "sh", "-c", job]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert_eq!(call(&["wait", "5"]).code, 0);
    assert!(call(&["logs", "5"]).out.starts_with(&identity(1)));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    // Parts are packed on the fullest card on which they fit.
    state("used=4294967296", "used=0");
    let part = [
        "run",
        "--queue",
        "--vram",
        "15G",
        "--share",
        "--",
        "sh",
        "-c",
        "echo $CUDA_VISIBLE_DEVICES; while [ ! -e go-on ]; do sleep 0.05; done",
    ];
    for _ in 0..2 {
        assert_eq!(call(&part).code, 0);
    }
    until(SOON, "both run", || {
        queuer.state(6) == "running" && queuer.state(7) == "running"
    });
    std::fs::write(queuer.path("go-on"), "").unwrap();
    assert_eq!(call(&["wait", "6", "7"]).code, 0);
    assert!(
        call(&["logs", "6"]).out.starts_with(&identity(0)),
        "the fullest"
    );
    assert!(
        call(&["logs", "7"]).out.starts_with(&identity(1)),
        "its claim counts before it is allocated"
    );
    let refused = call(&[
        "run", "--queue", "--gpus", "1", "--vram", "30G", "--", "true",
    ]);
    assert!(
        refused.talk.contains("DS0805") && refused.talk.contains("24"),
        "{}",
        refused.talk
    );
}

#[test]
fn the_machine_is_kept_awake_while_jobs_run() {
    use std::os::unix::fs::PermissionsExt;
    let queuer = Queuer::new();
    let program = queuer.person.write(
        "bin/systemd-inhibit",
        "#!/bin/sh\necho \"$@\" > held\ncat\necho let go > let-go\n",
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // Written where it is started: a keeper stands in the root folder.
    let text_of = text(&program).replace("held", &queuer.path("held").display().to_string());
    let text_of = text_of.replace("let-go", &queuer.path("let-go").display().to_string());
    std::fs::write(&program, text_of).unwrap();
    let queued = queuer
        .person
        .command(&["run", "--queue", "--", "sleep", "1"])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(queued.status.success());
    until(SOON, "it is held", || {
        text(&queuer.path("held")).contains("--mode=block cat")
    });
    assert_eq!(queuer.wait(&[1]).code, 0);
    until(SOON, "it is let go", || queuer.path("let-go").exists());
}

#[test]
fn ten_thousand_in_one_call() {
    let queuer = Queuer::new();
    let list: String = (0..10_000)
        .map(|seed| format!("true --seed {seed}\n"))
        .collect();
    queuer.person.write("list", &list);
    let said = queuer
        .person
        .says(&["queue", "add", "--file", "list", "--at", "+9h"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert_eq!(said.out, "queued 10000 jobs, 1 to 10000\n");
    assert_eq!(queuer.person.json(&["queue"])["total"], 10_000);
    assert_eq!(
        queuer.person.says(&["queue", "--all"]).out.lines().count(),
        10_001
    );
    let bad = queuer.person.write("bad", "true\necho 'open\n");
    let said = queuer
        .person
        .says(&["queue", "add", "--file", bad.to_str().unwrap()]);
    assert_eq!(said.code, 2, "{}", said.talk);
    assert!(said.talk.contains("line 2"), "{}", said.talk);
    assert_eq!(
        queuer.person.json(&["queue"])["total"],
        10_000,
        "all or none"
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let queuer = Queuer::new();
    for (arguments, code) in [
        (
            &["run", "--queue", "--gpus", "64", "--", "true"][..],
            "DS0805",
        ),
        (
            &["run", "--queue", "--at", "noonish", "--", "true"],
            "DS0807",
        ),
        (&["run", "--queue", "--", "nosuchcommand"], "DS0503"),
        (&["queue", "cards", "7"], "DS0805"),
        (&["run", "--priority", "3", "--", "true"], "DS0003"),
        (&["stop", "nothing-like-that"], "DS0501"),
        (&["wait", "17"], "DS0803"),
        (&["queue", "move", "17", "--first"], "DS0803"),
        (&["rerun", "17"], "DS0803"),
    ] {
        let said = queuer.person.says(arguments);
        assert_ne!(said.code, 0, "{arguments:?}");
        assert!(
            said.talk.contains(code) && said.talk.contains("hint"),
            "{arguments:?}: {}",
            said.talk
        );
    }
    assert_eq!(queuer.person.json(&["queue"])["total"], 0);
    assert_eq!(
        queuer.person.json(&["ps"])["running"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
