//! Whole journeys in the lab: a person with sudo, a restart that goes on by itself, being killed anywhere.

use super::{ADA, BOB, REFUSED, ROOT, deskside, planned, prepared, reach, seen};
use crate::lab::machine::{Description, Machine, differences};
use crate::lab::state;
use anyhow::{Result, ensure};

/// A journey by its name.
pub type Journey = (&'static str, fn(&[u8]) -> Result<String>);

/// Those proved on every change.
pub const JOURNEYS: &[Journey] = &[
    (
        "a person with sudo, going on by itself after the restart",
        by_itself,
    ),
    (
        "`up` goes on by itself after the driver's restart",
        up_goes_on,
    ),
    ("interrupted while apt works", interrupted),
    ("a person whom sudo refuses", sudo_refuses),
    (
        "plans that were edited to hold something else",
        super::edited::refused,
    ),
    (
        "an edited plan that says less than it does",
        super::edited::says_less,
    ),
    (
        "taken back while the restart is due",
        undone_before_the_restart,
    ),
    (
        "taken back and restarted while somebody else is at work",
        locked,
    ),
    ("a lock that somebody holds is named, once", named_once),
    ("a plan that is stale", stale),
    (
        "scripts of --emit, run by themselves",
        super::scripts::quick,
    ),
];

/// Those proved with `--full`.
pub const LONG: &[Journey] = &[
    ("killed before, in and after each effect of root's", killed),
    (
        "more scripts of --emit, run by themselves",
        super::scripts::long,
    ),
];

fn bare(program: &[u8]) -> Result<Machine> {
    let description = Description::named("ubuntu-22.04-rtx-4090")?;
    let machine = prepared(program, &description, &state::named("bare")?)?;
    // The lab's base has ada, who may use sudo without a password; bob may not.
    machine.shell("useradd -m -s /bin/sh bob")?;
    Ok(machine)
}

fn by_itself(program: &[u8]) -> Result<String> {
    let mut machine = bare(program)?;
    machine.shell("mkdir -p /run/systemd/system")?;
    let (text, code) = deskside(&machine, ADA, "apply --yes")?;
    ensure!(
        code == 0 && text.contains("by itself"),
        "exit code {code}:\n{text}"
    );
    let copy = machine
        .shell("stat -c '%U %a' /var/lib/deskside/bin/deskside /var/lib/deskside/resume.json")?;
    ensure!(copy.stdout == "root 755\nroot 600\n", "{}", copy.stdout);
    machine.reboot()?;
    let (text, _) = deskside(&machine, ADA, "history --json")?;
    ensure!(
        text.contains("\"outcome\": \"done\""),
        "it did not go on by itself:\n{text}"
    );
    let (text, code) = deskside(&machine, ADA, "apply --yes")?;
    ensure!(
        code == 0 && text.contains("computes: a kernel ran"),
        "no kernel ran: {code}\n{text}"
    );
    let left = machine.shell("ls /var/lib/deskside/bin /var/lib/deskside/resume.json /etc/systemd/system/deskside-resume.service /etc/systemd/system/multi-user.target.wants/deskside-resume.service 2>/dev/null")?;
    ensure!(left.stdout.trim().is_empty(), "it stayed: {}", left.stdout);
    let (text, code) = deskside(&machine, ADA, "plan --exit-code")?;
    ensure!(code == 0, "something is left to do:\n{text}");
    let (text, code) = deskside(&machine, ADA, "undo --yes")?;
    ensure!(code == 0, "undo ended with {code}:\n{text}");
    let list = machine.packages()?;
    ensure!(
        !list.contains_key("nvidia-driver-580-open"),
        "the driver stayed"
    );
    Ok(
        "the unit started a copy of root's own, which went on in the person's account and is gone"
            .into(),
    )
}

/// The lab has no package index, so that `up` itself can only be seen to have begun: it asks for uv there.
fn up_goes_on(program: &[u8]) -> Result<String> {
    let mut machine = bare(program)?;
    machine.shell("mkdir -p /run/systemd/system")?;
    let (text, code) = deskside(&machine, ADA, "up --yes --no-train --flavour jax")?;
    ensure!(
        code == 0 && text.contains("by itself"),
        "exit code {code}:\n{text}"
    );
    let waiting = "/home/ada/.local/state/deskside/up-after-apply.json";
    ensure!(machine.text(waiting).is_some(), "no `up` waits:\n{text}");
    machine.reboot()?;
    ensure!(machine.text(waiting).is_none(), "the `up` still waits");
    let (text, _) = deskside(&machine, ADA, "history --json")?;
    ensure!(
        text.contains("\"outcome\": \"done\""),
        "the driver's plan did not go on:\n{text}"
    );
    Ok("driver, restart, the rest of the plan, then `up`, which has no package index here".into())
}

/// SIGTERM, which counts as Ctrl-C, in the middle of apt's work.
fn interrupted(program: &[u8]) -> Result<String> {
    let mut machine = bare(program)?;
    let script = "export HOME=/root; deskside apply --yes >/root/out 2>&1 & it=$!\n\
        until grep -q '\\[1/2\\]' /root/out; do sleep 0.01; done; sleep 0.3; kill -TERM $it; wait $it; code=$?\n\
        cat /root/out; exit $code";
    let output = machine.shell(script)?;
    ensure!(
        output.code == 130 && output.stdout.contains("interrupted between two steps"),
        "exit code {}:\n{}",
        output.code,
        output.stdout
    );
    let half: Vec<String> = machine
        .packages()?
        .into_iter()
        .filter(|(_, state)| !state.starts_with("ii") && !state.starts_with("rc"))
        .map(|(name, state)| format!("{name} {state}"))
        .collect();
    ensure!(half.is_empty(), "half installed: {half:?}");
    reach(&mut machine, ROOT, "plan", 1)?;
    Ok("apt finished, exit code 130, and the next call arrives".into())
}

fn sudo_refuses(program: &[u8]) -> Result<String> {
    let machine = bare(program)?;
    let before = seen(&machine)?;
    let (text, code) = deskside(&machine, BOB, "apply --yes")?;
    ensure!(
        code != 0 && text.contains("[DS0303]"),
        "exit code {code}:\n{text}"
    );
    let changed = differences(&before, &seen(&machine)?);
    ensure!(changed.is_empty(), "{changed:?}");
    Ok(format!("exit code {code}, nothing changed"))
}

/// Whatever was arranged for the restart is gone, and the boot starts nothing.
fn undone_before_the_restart(program: &[u8]) -> Result<String> {
    let mut machine = bare(program)?;
    machine.shell("mkdir -p /run/systemd/system")?;
    let before = seen(&machine)?;
    let (text, code) = deskside(&machine, ADA, "up --yes --no-train --flavour jax")?;
    ensure!(
        code == 0 && text.contains("by itself"),
        "exit code {code}:\n{text}"
    );
    let (text, code) = deskside(&machine, ADA, "undo --yes")?;
    ensure!(code == 0, "`deskside undo` ended with {code}:\n{text}");
    ensure!(
        !text.contains("Restart this machine"),
        "a restart is told as taken back, or as left:\n{text}"
    );
    let nothing_waits = |machine: &Machine| -> Result<()> {
        let left = machine.shell("ls -d /var/lib/deskside/bin /var/lib/deskside/resume.json /etc/systemd/system/deskside-resume.service /etc/systemd/system/multi-user.target.wants/deskside-resume.service /home/ada/.local/state/deskside/up-after-apply.json 2>/dev/null")?;
        ensure!(left.stdout.trim().is_empty(), "it stayed: {}", left.stdout);
        Ok(())
    };
    nothing_waits(&machine)?;
    let differs: Vec<String> = differences(&before, &seen(&machine)?)
        .into_iter()
        .filter(|line| !super::made_by_the_machine(line))
        .collect();
    ensure!(differs.is_empty(), "it differs from before: {differs:?}");
    machine.reboot()?;
    nothing_waits(&machine)?;
    let (text, _) = deskside(&machine, ADA, "history --json")?;
    ensure!(
        text.matches("\"outcome\": \"undone\"").count() == 1
            && text.matches("\"outcome\":").count() == 1,
        "something went on after the boot:\n{text}"
    );
    let (text, code) = deskside(&machine, ADA, "apply --resume --yes")?;
    ensure!(code != 0, "`apply --resume` found something:\n{text}");
    Ok("unit, copy, record and the waiting `up` are gone, before the boot and after it".into())
}

/// Root's lock is somebody else's: nothing is taken back and nothing restarts.
fn locked(program: &[u8]) -> Result<String> {
    let machine = bare(program)?;
    machine.shell("mkdir -p /run/systemd/system")?;
    let (text, code) = deskside(&machine, ADA, "apply --yes")?;
    ensure!(code == 0, "exit code {code}:\n{text}");
    let before = seen(&machine)?;
    let output = machine.shell(
        "flock -o /var/lib/deskside/lock sleep 30 >/dev/null 2>&1 & it=$!; sleep 0.3\nrunuser -l ada -c 'deskside undo --yes'; code=$?; kill $it; exit $code",
    )?;
    ensure!(
        output.code != 0 && output.text().contains("[DS0301]"),
        "exit code {}:\n{}",
        output.code,
        output.text()
    );
    let changed = differences(&before, &seen(&machine)?);
    ensure!(changed.is_empty(), "{changed:?}");
    let (text, code) = deskside(&machine, ADA, "undo --yes")?;
    ensure!(code == 0, "afterwards it ended with {code}:\n{text}");
    Ok("refused with nothing changed, and done once the lock was free".into())
}

/// Another package manager at work, without a terminal: it is named in full, once, and a stop names it too.
fn named_once(program: &[u8]) -> Result<String> {
    let description = Description::named("ubuntu-22.04-rtx-4090")?;
    let machine = prepared(program, &description, &state::named("lock-held")?)?;
    let script = "cd /home/ada; runuser -l ada -c 'echo $$ >pid; exec deskside apply --yes >out 2>&1' & sleep 0.1\n\
        for i in $(seq 300); do grep -q 'waiting for' out 2>/dev/null && break; sleep 0.1; done; sleep 17\n\
        kill -TERM $(cat pid); wait; cat out";
    let text = machine.shell(script)?.text();
    let waiting: Vec<&str> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("waiting for"))
        .collect();
    ensure!(
        waiting.len() == 1 && waiting[0].contains("process "),
        "the holder is named {} times:\n{text}",
        waiting.len()
    );
    ensure!(
        text.contains("interrupted while waiting for") && !text.contains("DS0109"),
        "the stop does not say for whom, or root's process complains:\n{text}"
    );
    Ok(waiting[0].trim().to_string())
}

fn stale(program: &[u8]) -> Result<String> {
    let mut machine = bare(program)?;
    planned(&machine, ROOT, "plan")?;
    machine.shell("apt-get -q -y install nvidia-driver-580-open")?;
    let (text, code) = deskside(&machine, ROOT, "apply /root/plan.json --yes")?;
    ensure!(
        code == 5 && text.contains("[DS0302]"),
        "exit code {code}:\n{text}"
    );
    ensure!(
        !REFUSED.is_empty() && text.contains("packages.installed"),
        "{text}"
    );
    machine.reboot()?;
    Ok(format!("exit code {code}, what changed is named"))
}

/// Dies at the n-th effect of root's process until there is none, in each of the three ways; each time the same command
/// again arrives at the same packages and the same /etc.
fn killed(program: &[u8]) -> Result<String> {
    let mut wanted = None;
    let mut deaths = 0;
    for mode in ["die-before", "half", "die-after"] {
        for effect in 1.. {
            let mut machine = bare(program)?;
            planned(&machine, ROOT, "plan")?;
            let script = format!(
                "HOME=/root DESKSIDE_ROOT_FAULT={mode}@{effect} deskside apply /root/plan.json --yes"
            );
            let output = machine.shell(&script)?;
            let died = output.code != 0;
            if died {
                deaths += 1;
                let (text, code) = deskside(&machine, ROOT, "apply --resume --yes")?;
                ensure!(
                    code == 0,
                    "{mode}@{effect}: going on ended with {code}:\n{text}"
                );
            }
            machine.reboot()?;
            let (text, code) = deskside(&machine, ROOT, "apply --resume --yes")?;
            ensure!(
                code == 0,
                "{mode}@{effect}: after the restart: {code}:\n{text}"
            );
            let (text, code) = deskside(&machine, ROOT, "plan --exit-code")?;
            ensure!(
                code == 0,
                "{mode}@{effect}: something is left to do:\n{text}"
            );
            let now = seen(&machine)?;
            let wanted = wanted.get_or_insert_with(|| now.clone());
            let differs: Vec<String> = differences(wanted, &now)
                .into_iter()
                .filter(|line| !super::made_by_the_machine(line))
                .collect();
            ensure!(differs.is_empty(), "{mode}@{effect}: {differs:?}");
            if !died {
                break;
            }
        }
    }
    let mut machine = bare(program)?;
    reach(&mut machine, ROOT, "plan", 1)?;
    Ok(format!(
        "{deaths} deaths, each time to the same packages and files"
    ))
}
