//! `cargo xtask lab prove`: the program itself in the lab's machines, with real apt and dpkg. Each plan is applied, over
//! its restart, until nothing is left to do; then it is taken back, and what differs from before is listed.

mod breakages;
mod cleaned;
mod edited;
mod journeys;
mod program;
mod scripts;
mod unreachable;

use super::machine::{Description, Machine, differences};
use super::{base, state};
use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// What is proved on every change beside each state on a machine of its own: one of each platform.
const QUICK: &[(&str, &str)] = &[
    ("ubuntu-22.04-rtx-4090", "bare"),
    ("ubuntu-22.04-rtx-4090", "guide-old-recipe"),
    ("ubuntu-24.04-rtx-4090", "bare"),
    ("ubuntu-24.04-rx-7900-xtx", "bare"),
    ("ubuntu-26.04-rtx-5090", "bare"),
    ("pop-22.04-rtx-3090", "bare"),
    ("pop-24.04-rtx-3090", "bare"),
    ("debian-12-rtx-4090", "bare"),
    ("debian-13-rtx-4090", "bare"),
];

/// States in which a person or a network is needed first: the program must refuse and say why, and what it
/// began must be taken back whole.
const REFUSED: &[&str] = &["expired-release", "full-boot", "unreachable"];

/// Waited for, for twenty minutes: not for the lab.
const SKIPPED: &[&str] = &["lock-held"];

/// Where this file is, there is no network.
const UNREACHABLE: &str = "/.lab/unreachable";

/// An account of the lab's machines.
#[derive(Clone, Copy)]
struct Account {
    name: &'static str,
}

/// May use sudo without a password.
const ADA: Account = Account { name: "ada" };
/// May not use it.
const BOB: Account = Account { name: "bob" };
const ROOT: Account = Account { name: "root" };

/// How a machine was left.
struct Proof {
    /// In a few words.
    outcome: String,
    /// What differs from before once all was taken back.
    differs: Vec<String>,
}

/// How many proofs passed and failed, and how many were skipped by reason.
pub struct Proved {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped: the reason, and how often.
    pub skipped: Vec<(String, usize)>,
}

impl Proved {
    /// None was possible.
    pub fn skipped(why: String) -> Self {
        Self {
            passed: 0,
            failed: 0,
            skipped: vec![(why, 1)],
        }
    }
}

/// Proves the quick part, or with `full` every machine in every state that it can have.
///
/// # Errors
///
/// When the program can't be read, or the lab's own files are wrong.
pub fn prove(program: &Path, full: bool, filter: Option<&str>) -> Result<Proved> {
    if let Some(why) = base::hindrance() {
        return Ok(Proved::skipped(why));
    }
    let program = program::with_the_labs_proofs(program)?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (description, state) in cases(full)? {
        let name = format!("{} {}", description.name, state.name);
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        // Pop!_OS builds the module on the machine, and Ubuntu that of the branch for Kepler.
        let builds =
            description.platform().starts_with("pop") || description.name.ends_with("tesla-k80");
        if SKIPPED.contains(&state.name.as_str()) || builds && state.name == "half-configured" {
            skipped += 1;
            continue;
        }
        let start = Instant::now();
        let proof = one(&program, &description, &state);
        match tell(&name, start, proof) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    let long = if full { cleaned::LONG } else { &[] };
    for case in cleaned::QUICK.iter().chain(long) {
        let name = case.name();
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let start = Instant::now();
        let proof = cleaned::prove(&program, case);
        match tell(&name, start, proof) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    for case in unreachable::QUICK {
        let name = case.name();
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let start = Instant::now();
        let proof = unreachable::prove(&program, case);
        match tell(&name, start, proof) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    let long = if full { journeys::LONG } else { &[] };
    for (name, journey) in journeys::JOURNEYS.iter().chain(long) {
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let start = Instant::now();
        let proof = journey(&program).map(|outcome| Proof {
            outcome,
            differs: Vec::new(),
        });
        match tell(name, start, proof) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    let mut count = breakages::Count::default();
    for case in super::breakage::all()? {
        let name = format!("breakage {}", case.name);
        let wanted = full || case.quick || filter.is_some_and(|filter| filter == name);
        if !wanted || filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let start = Instant::now();
        let proof = breakages::prove(&program, &case, &mut count);
        match tell(&name, start, proof) {
            true => passed += 1,
            false => failed += 1,
        }
    }
    print!("{}", count.table());
    let why = "another process holds dpkg's lock for an hour, which is waited for; or every module for this card is built on the machine, and in this state each build fails and goes on failing";
    Ok(Proved {
        passed,
        failed,
        skipped: (skipped > 0)
            .then(|| (why.into(), skipped))
            .into_iter()
            .collect(),
    })
}

/// Prints how it went; answers whether it passed.
fn tell(name: &str, start: Instant, proof: Result<Proof>) -> bool {
    let took = start.elapsed().as_secs_f64();
    match proof {
        Ok(proof) => {
            println!("ok      {took:5.1} s  {name}: {}", proof.outcome);
            for line in proof.differs {
                println!("                   differs after undo: {line}");
            }
            true
        }
        Err(error) => {
            println!("FAILED  {took:5.1} s  {name}\n{error:#}\n");
            false
        }
    }
}

fn cases(full: bool) -> Result<Vec<(Description, state::State)>> {
    if !full {
        let mut cases = QUICK
            .iter()
            .map(|(machine, state)| Ok((Description::named(machine)?, state::named(state)?)))
            .collect::<Result<Vec<_>>>()?;
        for state in state::all()?
            .into_iter()
            .filter(|state| state.name != "bare")
        {
            cases.push((Description::named(&state.machine)?, state));
        }
        return Ok(cases);
    }
    let mut cases = Vec::new();
    for description in Description::all()? {
        for state in state::all()? {
            let platform = description.platform();
            if state
                .platforms
                .iter()
                .any(|one| platform.starts_with(one.as_str()))
            {
                cases.push((description.clone(), state));
            }
        }
    }
    Ok(cases)
}

/// A machine with the program in it, in a state.
fn prepared(program: &[u8], description: &Description, state: &state::State) -> Result<Machine> {
    let mut machine = Machine::start(description)?;
    machine.write("/usr/local/bin/deskside", program)?;
    machine.run(&["chmod", "755", "/usr/local/bin/deskside"])?;
    state.make(&mut machine)?;
    if machine.text(UNREACHABLE).is_none() {
        machine.serve_makers()?;
    }
    Ok(machine)
}

/// Runs the program in an account's home; answers its output and exit code.
fn deskside(machine: &Machine, account: Account, arguments: &str) -> Result<(String, i32)> {
    let output = machine.run(&[
        "runuser",
        "-l",
        account.name,
        "-c",
        &format!("deskside {arguments}"),
    ])?;
    Ok((format!("{}{}", output.stdout, output.stderr), output.code))
}

/// Plans by a command and applies it until nothing is left to do, over restarts (at most `restarts` of them) and a
/// person's hands. Answers how often it restarted and asked for hands.
fn reach(
    machine: &mut Machine,
    account: Account,
    planning: &str,
    restarts: usize,
) -> Result<(usize, usize)> {
    planned(machine, account, planning)?;
    let (mut restarted, mut hands, mut stale) = (0, 0, 0);
    let mut command = "apply plan.json --yes --machine-name lab";
    loop {
        let (text, code) = deskside(machine, account, command)?;
        command = "apply --resume --yes";
        if text.contains("[DS0307]") && hands < 1 {
            machine.write(super::machine::ENROLLED, b"")?;
            hands += 1;
            continue;
        }
        // While dpkg is interrupted, apt can't be asked what a plan would remove. Once it is mended, it can, and what no
        // plan named is asked for anew.
        if text.contains("[DS0302]") && stale < 1 {
            planned(machine, account, planning)?;
            command = "apply plan.json --yes --machine-name lab";
            stale += 1;
            continue;
        }
        ensure!(code == 0, "`deskside {command}` ended with {code}:\n{text}");
        if !text.contains("before the restart") {
            break;
        }
        ensure!(
            restarted < restarts,
            "it wants restart after restart:\n{text}"
        );
        machine.reboot()?;
        restarted += 1;
    }
    let after = look(planning);
    let (text, code) = deskside(machine, account, &after)?;
    ensure!(
        code == 0,
        "something is left to do: `{after}` ends with {code}:\n{text}"
    );
    Ok((restarted, hands))
}

/// The command that finds nothing left to do once another's plan was carried out.
fn look(planning: &str) -> String {
    match planning.split_once(' ') {
        Some(("clean", _)) => format!("{planning} --plan --exit-code"),
        Some(("reinstall", _)) => "plan --exit-code".into(),
        _ => format!("{planning} --exit-code"),
    }
}

/// Makes a plan by a command and keeps it as plan.json in the account's home.
fn planned(machine: &Machine, account: Account, command: &str) -> Result<()> {
    let (text, code) = deskside(machine, account, &format!("{command} --out plan.json"))?;
    ensure!(code == 0, "`deskside {command}` ended with {code}:\n{text}");
    Ok(())
}

fn one(program: &[u8], description: &Description, state: &state::State) -> Result<Proof> {
    let mut machine = prepared(program, description, state)?;
    let before = seen(&machine)?;
    if REFUSED.contains(&state.name.as_str()) {
        return refused(&machine, &before);
    }
    let (text, code) = deskside(&machine, ADA, "plan --exit-code")?;
    if code == 0 {
        return Ok(Proof {
            outcome: text.lines().last().unwrap_or_default().trim().to_string(),
            differs: Vec::new(),
        });
    }
    let (restarts, hands) = reach(&mut machine, ADA, "plan", 1)?;
    let changed = differences(&before, &seen(&machine)?).len();
    let (text, code) = deskside(&machine, ADA, "undo --yes")?;
    ensure!(code == 0, "`deskside undo` ended with {code}:\n{text}");
    Ok(Proof {
        outcome: format!(
            "{restarts} restart(s), {hands} time(s) hands, {changed} packages and files changed, taken back"
        ),
        differs: differences(&before, &seen(&machine)?)
            .into_iter()
            .filter(|line| !made_by_the_machine(line))
            .collect(),
    })
}

/// The program refuses or has nothing to do, says so, and has changed nothing.
fn refused(machine: &Machine, before: &BTreeMap<String, String>) -> Result<Proof> {
    let (text, code) = deskside(machine, ADA, "apply --yes --machine-name lab")?;
    let changed: Vec<String> = differences(before, &seen(machine)?)
        .into_iter()
        .filter(|line| !made_by_the_machine(line))
        .collect();
    let mut taken_back = "";
    if code != 0 && !changed.is_empty() {
        // It began: what it did is taken back whole.
        let (undone, code) = deskside(machine, ADA, "undo --yes")?;
        let left: Vec<String> = differences(before, &seen(machine)?)
            .into_iter()
            .filter(|line| !made_by_the_machine(line))
            .collect();
        if code != 0 || !left.is_empty() {
            bail!(
                "it failed, and undo (exit code {code}) left changes: {}\n{text}\n{undone}",
                left.join(", ")
            );
        }
        taken_back = "; what was begun is taken back whole";
    }
    let said = text
        .lines()
        .find(|line| line.contains("DS0"))
        .or_else(|| text.lines().last())
        .unwrap_or_default();
    Ok(Proof {
        outcome: format!("exit code {code}: {}{taken_back}", said.trim()),
        differs: Vec::new(),
    })
}

/// Packages and /etc in one.
fn seen(machine: &Machine) -> Result<BTreeMap<String, String>> {
    let mut seen = machine.packages()?;
    // What is left of a package's settings is shown by /etc.
    seen.retain(|_, state| !state.starts_with("rc"));
    seen.extend(machine.etc()?);
    Ok(seen)
}

/// Files that dpkg, the linker or a boot make anew, whose bytes depend on when.
fn made_by_the_machine(line: &str) -> bool {
    ["/etc/ld.so.cache", "/etc/.pwd.lock", "/etc/machine-id"]
        .iter()
        .any(|file| line.contains(file))
}
