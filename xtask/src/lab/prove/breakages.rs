//! Breakages made for real: the doctor must name each first, `doctor --fix` must mend what it can mend by itself, and the doctor
//! must then be silent about it. What only a person can mend must be left alone, with the reason said.

use super::{ADA, Proof, deskside, made_by_the_machine, seen};
use crate::lab::breakage::Recreation;
use crate::lab::machine::{Description, ENROLLED, Machine, differences};
use crate::lab::state;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Restarts that one mend may want.
const RESTARTS: usize = 2;

/// What is counted over all cases.
#[derive(Default)]
pub struct Count {
    recreated: usize,
    first: usize,
    mended: usize,
    undone: usize,
    hands: Vec<(String, String)>,
    silent: usize,
    distinct: std::collections::BTreeSet<String>,
    mended_ids: std::collections::BTreeSet<String>,
}

impl Count {
    /// The table at the end; nothing where no case ran.
    pub fn table(&self) -> String {
        use std::fmt::Write;
        if self.recreated + self.silent == 0 {
            return String::new();
        }
        let mut text = format!(
            "\nbreakages\n  recreated          {:3}   ({} of the catalogue)\n  found first        {:3}\n  mended and proven  {:3}   ({} of the catalogue)\n  mend taken back    {:3}\n  controls, silent   {:3}\n  a person's hands   {:3}\n",
            self.recreated,
            self.distinct.len(),
            self.first,
            self.mended,
            self.mended_ids.len(),
            self.undone,
            self.silent,
            self.hands.len()
        );
        for (name, why) in &self.hands {
            let _ = writeln!(text, "    {name}: {why}");
        }
        text
    }
}

/// Makes a breakage, and holds the doctor against it.
pub fn prove(program: &[u8], case: &Recreation, count: &mut Count) -> Result<Proof> {
    let mut machine = made(program, case)?;
    let Some(id) = &case.breakage else {
        let found = findings(&machine, case)?;
        ensure!(
            found.iter().all(|one| case.beside.contains(one)),
            "the doctor is not silent: {found:?}"
        );
        count.silent += 1;
        return proof("the doctor is silent, as it should be".into());
    };
    count.recreated += 1;
    count.distinct.insert(id.clone());
    if case.root {
        let usual = Recreation {
            root: false,
            ..case.clone()
        };
        let claimed = findings(&machine, &usual)?;
        ensure!(
            !claimed.contains(id),
            "it is claimed without what proves it: {claimed:?}"
        );
    }
    let found = findings(&machine, case)?;
    ensure!(
        found.first() == Some(id),
        "the first finding is not {id}: {found:?}\n{}",
        deskside(&machine, ADA, &words(case, "doctor -v"))?.0
    );
    ensure!(
        case.all.is_empty() || found == case.all,
        "not all is found, or in another order: {found:?}"
    );
    count.first += 1;
    if let Some(why) = &case.hands {
        left_alone(&machine, case)?;
        count.hands.push((case.name.clone(), why.clone()));
        return proof(format!("found first, left alone: {why}"));
    }
    let (restarts, text) = {
        let _loader = machine.loader();
        let (mut restarts, mut text) = mend(&mut machine, case)?;
        // What is left behind a restart is mended after it.
        if !case.all.is_empty() && restarts > 0 {
            let (more, said) = mend(&mut machine, case)?;
            restarts += more;
            text.push_str(&said);
        }
        (restarts, text)
    };
    let after = findings(&machine, case)?;
    let stays = |one: &String| case.all.contains(one) && !case.beside.contains(one);
    ensure!(
        !after.contains(id) && !after.iter().any(stays),
        "it was not mended: {after:?}\n{text}\n{}",
        deskside(&machine, ADA, &words(case, "doctor -v"))?.0
    );
    let strange: Vec<&String> = after
        .iter()
        .filter(|one| !case.beside.contains(one) && !found.contains(one))
        .collect();
    ensure!(
        strange.is_empty(),
        "the mend brought others: {strange:?}\n{text}"
    );
    count.mended += 1;
    count.mended_ids.insert(id.clone());
    let mut outcome = match restarts {
        0 => "found first, mended, silent".to_string(),
        _ => format!("found first, mended over {restarts} restart(s), silent"),
    };
    if case.undo {
        let (text, code) = deskside(&machine, ADA, "undo --yes")?;
        ensure!(code == 0, "`deskside undo` ended with {code}:\n{text}");
        if restarts > 0 {
            machine.reboot()?;
        }
        let again = findings(&machine, case)?;
        ensure!(
            again.contains(id),
            "it was taken back, and the doctor no longer finds it: {again:?}"
        );
        count.undone += 1;
        outcome.push_str(", taken back and found again");
    }
    proof(outcome)
}

fn proof(outcome: String) -> Result<Proof> {
    Ok(Proof {
        outcome,
        differs: Vec::new(),
    })
}

/// A machine that is broken so.
fn made(program: &[u8], case: &Recreation) -> Result<Machine> {
    let description = Description::named(&case.machine)?;
    let start = state::named(case.state.as_deref().unwrap_or("bare"))?;
    let mut machine = super::prepared(program, &description, &start)?;
    let output = machine.shell(&format!("set -e\n{}", case.script))?;
    ensure!(
        output.code == 0,
        "it could not be made (exit code {}):\n{}",
        output.code,
        output.text()
    );
    if case.reboot {
        machine.reboot()?;
    }
    Ok(machine)
}

fn words(case: &Recreation, command: &str) -> String {
    let root = if case.root { " --root" } else { "" };
    match &case.asked {
        Some(asked) => format!("{command}{root} -- {asked}"),
        None => format!("{command}{root}"),
    }
}

/// The ids that the doctor finds, in its order.
fn findings(machine: &Machine, case: &Recreation) -> Result<Vec<String>> {
    let (text, code) = deskside(machine, ADA, &words(case, "doctor --json"))?;
    let begin = text.find("{\n").or_else(|| text.find('{'));
    let report = begin.and_then(|begin| {
        serde_json::Deserializer::from_str(&text[begin..])
            .into_iter::<Value>()
            .next()
    });
    let report = match report {
        Some(Ok(report)) => report,
        // A command that ends well needs no explanation.
        _ if code == 0 && case.asked.is_some() => return Ok(Vec::new()),
        _ => bail!("`deskside doctor --json` ended with {code}:\n{text}"),
    };
    let diagnosis = report.get("diagnosis").unwrap_or(&report);
    let list = diagnosis
        .get("findings")
        .and_then(Value::as_array)
        .with_context(|| format!("no findings in: {text}"))?;
    let mut ids: Vec<String> = list
        .iter()
        .filter_map(|one| one.get("id").and_then(Value::as_str).map(str::to_string))
        .collect();
    if let Some(one) = diagnosis.get("unexplained").filter(|one| !one.is_null()) {
        ids.push(format!("unexplained {one}"));
    }
    Ok(ids)
}

/// `doctor --fix` until nothing of its plans is due, over restarts and the hands that enrol a key.
fn mend(machine: &mut Machine, case: &Recreation) -> Result<(usize, String)> {
    let mut command = words(case, "doctor --fix --yes --machine-name lab");
    let (mut restarts, mut hands, mut said) = (0, 0, String::new());
    loop {
        let (text, _) = deskside(machine, ADA, &command)?;
        said.push_str(&text);
        if text.contains("[DS0307]") && hands < 1 {
            machine.write(ENROLLED, b"")?;
            hands += 1;
            command = "apply --resume --yes".into();
            continue;
        }
        let due = text.contains("restart when it suits you") || text.contains("before the restart");
        if !due {
            return Ok((restarts, said));
        }
        ensure!(
            restarts < RESTARTS,
            "it wants restart after restart:\n{said}"
        );
        machine.reboot()?;
        restarts += 1;
        command = "apply --resume --yes".into();
    }
}

/// `doctor --fix` says why it does nothing, and changes nothing.
fn left_alone(machine: &Machine, case: &Recreation) -> Result<()> {
    let before = seen(machine)?;
    let (text, _) = deskside(machine, ADA, &words(case, "doctor --fix --yes"))?;
    let changed: Vec<String> = differences(&before, &seen(machine)?)
        .into_iter()
        .filter(|line| !made_by_the_machine(line))
        .collect();
    ensure!(changed.is_empty(), "it changed {changed:?}:\n{text}");
    ensure!(
        text.contains("left as it is") || text.contains("nothing was done"),
        "it does not say why nothing is done:\n{text}"
    );
    Ok(())
}
