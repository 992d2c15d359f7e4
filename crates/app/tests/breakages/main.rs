//! Every breakage over every case: the first finding is the case's own, nothing else is found, and nothing at all on
//! healthy machines.
//!
//! One case alone, with everything that was found: `DESKSIDE_CASE=dpkg-interrupted cargo test -p deskside-app --test breakages -- --nocapture`

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
#![allow(
    clippy::disallowed_methods,
    reason = "the cases are files of this repository, and which one is wanted is the tester's word"
)]

mod by_hand;
mod case;

use case::Case;
use deskside_app::doctor::{Asked, Depth, Diagnosis, DoctorRequest, Finding, Severity, examine};
use deskside_app::{Context, Host};
use deskside_knowledge::breakages::breakages;
use deskside_machine::bundle::Node;
use deskside_machine::{Bundle, Replay};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn look(bundle: Bundle, output: Option<&str>, exit: Option<i32>) -> Diagnosis {
    let context = Context::replay(Replay::new(bundle), Arc::new(Host::new())).unwrap();
    let asked = (output.is_some() || exit.is_some()).then(|| Asked {
        about: "output".into(),
        text: output.unwrap_or_default().into(),
        exit,
    });
    let request = DoctorRequest {
        depth: Depth::Deep,
        root: false,
        asked,
    };
    examine(&context, &request).diagnosis
}

/// Every case: its breakage, its name, what it is.
fn cases() -> Vec<(String, String, Case)> {
    let wanted = std::env::var("DESKSIDE_CASE").ok();
    let root = fixtures().join("breakages");
    let mut cases = Vec::new();
    for id in names(&root) {
        if !root.join(&id).is_dir()
            || wanted
                .as_ref()
                .is_some_and(|wanted| !id.contains(wanted.as_str()))
        {
            continue;
        }
        for file in names(&root.join(&id)) {
            let Some(name) = file.strip_suffix(".toml") else {
                continue;
            };
            let text = std::fs::read_to_string(root.join(&id).join(&file)).unwrap();
            let case = toml::from_str(&text).unwrap_or_else(|error| panic!("{id}/{file}: {error}"));
            cases.push((id.clone(), name.to_string(), case));
        }
    }
    cases
}

/// What is wrong with a diagnosis of a case, if anything.
fn complaint(id: &str, case: &Case, diagnosis: &Diagnosis) -> Option<String> {
    let whole = serde_json::to_string(diagnosis).unwrap();
    if let Some(said) = case.never_says.iter().find(|one| whole.contains(*one)) {
        return Some(format!("`{said}` is said"));
    }
    let own = vec![id.to_string()];
    let expected = case.expect.as_ref().unwrap_or(&own);
    let found: Vec<&str> = diagnosis
        .findings
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    let said = format!("expected {expected:?}, found {found:?}");
    if case.only_possible {
        let suspects: Vec<&str> = diagnosis
            .unexplained
            .iter()
            .flat_map(|one| &one.possible)
            .map(|suspect| suspect.id.as_str())
            .collect();
        let named = expected.iter().all(|id| suspects.contains(&id.as_str()));
        let claimed = found
            .iter()
            .any(|id| !case.also.iter().any(|also| also == id));
        return (!named || claimed).then(|| format!("{said}, possible {suspects:?}"));
    }
    if found.first().copied() != expected.first().map(String::as_str) {
        // Findings that are true here, too, may stand alone where none is expected.
        let only_also = expected.is_empty()
            && found
                .iter()
                .all(|id| case.also.iter().any(|also| also == id));
        if !only_also {
            return Some(said);
        }
    }
    if expected.iter().any(|id| !found.contains(&id.as_str())) {
        return Some(said);
    }
    if let Some(surplus) = found
        .iter()
        .find(|id| !expected.iter().chain(&case.also).any(|one| one == *id))
    {
        return Some(format!("{said}; {surplus} is too much"));
    }
    if let Some(first) = diagnosis.findings.first().filter(|_| !expected.is_empty()) {
        if first.severity != Severity::Notice && first.fix.is_none() {
            return Some("the first finding offers no way to mend it".into());
        }
        if let Some(complaint) = of_the_first(case, first) {
            return Some(complaint);
        }
        let text = serde_json::to_string(first).unwrap();
        if let Some(lacking) = case.says.iter().find(|one| !text.contains(*one)) {
            return Some(format!(
                "the first finding does not say `{lacking}`: {text}"
            ));
        }
        for id in &case.consequences {
            if !first.consequences.iter().any(|one| one.id == *id) {
                return Some(format!(
                    "{id} is no consequence of the first finding: {:?}",
                    first.consequences
                ));
            }
        }
    }
    None
}

/// What is wrong with the first finding, beside its name.
fn of_the_first(case: &Case, first: &Finding) -> Option<String> {
    let by_itself = deskside_app::doctor::fix::reason(first).is_none();
    if case.severity.is_some_and(|wanted| wanted != first.severity)
        || case
            .confidence
            .as_ref()
            .is_some_and(|wanted| serde_json::json!(wanted) != serde_json::json!(first.confidence))
        || case.by_itself.is_some_and(|wanted| wanted != by_itself)
    {
        return Some(format!(
            "it is {:?}, {:?}, mended by itself: {by_itself}",
            first.severity, first.confidence
        ));
    }
    let told = format!("{} {}", first.title, first.cause);
    let wrong = case.says_not.iter().find(|text| told.contains(*text));
    wrong.map(|text| format!("it says `{text}`: {told}"))
}

#[test]
fn every_case_is_named_for_what_it_is() {
    let mut wrong = Vec::new();
    let alone = std::env::var("DESKSIDE_CASE").is_ok();
    let cases = cases();
    assert!(!cases.is_empty(), "no such case");
    for (id, name, case) in &cases {
        let diagnosis = look(
            case.bundle(&fixtures().join("machines")),
            case.output.as_deref(),
            case.exit,
        );
        if alone {
            println!(
                "== {id}/{name}\n{}",
                serde_json::to_string_pretty(&diagnosis).unwrap()
            );
        }
        assert!(!case.notes.is_empty(), "{id}/{name}: say where it is from");
        if let Some(complaint) = complaint(id, case, &diagnosis) {
            wrong.push(format!("{id}/{name}: {complaint}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// A machine whose kernel's log is a file alone, as where neither dmesg nor the journal may be read.
fn with_kern_log(case: &Case, log: &str) -> Bundle {
    let mut bundle = case.bundle(&fixtures().join("machines"));
    bundle.commands.remove(&vec!["dmesg".to_string()]);
    let file = Node::file(log.as_bytes());
    bundle.tree.insert("/var/log/kern.log".into(), file);
    bundle
}

fn ids(diagnosis: &Diagnosis) -> Vec<&str> {
    let ids = diagnosis.findings.iter().map(|one| one.id.as_str());
    ids.collect()
}

/// Of every rule: what the kernel said before its last start is no evidence of now.
#[test]
fn what_an_earlier_start_wrote_counts_for_nothing() {
    let start = "Nov  3 08:00:00 desk kernel: [    0.000000] Linux version 6.8.0-87-generic (x) #1 SMP\nNov  3 08:00:09 desk kernel: [    9.1] NVRM: loading NVIDIA UNIX Open Kernel Module\n";
    let mut wrong = Vec::new();
    let mut count = 0;
    for (id, name, case) in cases() {
        let Some(log) = &case.dmesg else { continue };
        count += 1;
        let look = |log: &str| look(with_kern_log(&case, log), case.output.as_deref(), case.exit);
        let (old, new) = (look(&format!("{log}\n{start}")), look(start));
        if ids(&old) != ids(&new) {
            wrong.push(format!("{id}/{name}: {:?} for {:?}", ids(&old), ids(&new)));
        }
    }
    assert!(count > 20 || std::env::var("DESKSIDE_CASE").is_ok());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of every rule: a log that does not say of which start it is, beside GPUs that all answer, makes nothing an error.
#[test]
fn a_log_of_any_age_breaks_no_machine_that_works() {
    // Which GPU gives wrong results only a log over days tells.
    const BY_THE_LOG: &[&str] = &["xid-repeats-on-one-gpu"];
    let whole: Case = toml::from_str("notes = \"a machine that works\"").unwrap();
    let mut wrong = Vec::new();
    for (id, name, case) in cases() {
        let Some(log) = &case.dmesg else { continue };
        // The GPU that the lines are about is the one that is here.
        let log: Vec<String> = log
            .split("0000:")
            .map(|part| match (part.get(..2), part.get(2..5)) {
                (Some(_), Some(":00")) => format!("01{}", &part[2..]),
                _ => part.to_string(),
            })
            .collect();
        let log = log.join("0000:");
        let diagnosis = look(with_kern_log(&whole, &log), None, None);
        let claimed = |one: &&Finding| {
            one.severity == Severity::Error && !BY_THE_LOG.contains(&one.id.as_str())
        };
        if let Some(one) = diagnosis.findings.iter().find(claimed) {
            wrong.push(format!("{id}/{name}: {}", one.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const BESIDE: &str = "/sys/bus/pci/devices/0000:0b:00.0";

/// A GPU beside the RTX 4090 of the usual machine, in a slot of its own.
fn beside((vendor, device): (&str, &str), driver: Option<&str>, torch: &str) -> Bundle {
    let mut text = format!(
        "notes = \"a second GPU\"\n[environment]\npackages = {{ torch = \"{torch}\" }}\n[files]\n\"{BESIDE}/class\" = \"0x030000\\n\"\n\"{BESIDE}/vendor\" = \"{vendor}\\n\"\n\"{BESIDE}/device\" = \"{device}\\n\"\n"
    );
    if let Some(driver) = driver {
        text.push_str(&format!(
            "\"/sys/module/{driver}/initstate\" = \"live\"\n[links]\n\"{BESIDE}/driver\" = \"../../../../bus/pci/drivers/{driver}\"\n"
        ));
    }
    let case: Case = toml::from_str(&text).unwrap();
    case.bundle(&fixtures().join("machines"))
}

/// A GPU by the ids of its maker and of itself, with the drivers that may be bound to it.
type Second = (
    (&'static str, &'static str),
    &'static [Option<&'static str>],
);

/// Of every rule: a GPU that stands aside makes no machine broken whose other GPU works, whatever torch is there.
#[test]
fn a_gpu_that_stands_aside_breaks_no_machine() {
    const ASIDE: &[Option<&str>] = &[Some("vfio-pci"), Some("nouveau"), Some("pci-stub"), None];
    const SECOND: &[Second] = &[
        // A GTX 1080 Ti, a GT 710, a T1000, an RTX 5090; the graphics of Ryzen and Intel processors.
        (("0x10de", "0x1b06"), ASIDE),
        (("0x10de", "0x128b"), ASIDE),
        (("0x10de", "0x1fb0"), ASIDE),
        (("0x10de", "0x2b85"), ASIDE),
        (("0x1002", "0x164e"), &[Some("amdgpu"), None]),
        (("0x8086", "0xa780"), &[Some("i915"), None]),
    ];
    let mut wrong = Vec::new();
    for (gpu, drivers) in SECOND {
        for driver in *drivers {
            for torch in ["2.9.0+cu126", "2.9.0+cu128", "2.9.0+cu130"] {
                let diagnosis = look(beside(*gpu, *driver, torch), None, None);
                // Without any driver the GPU may be meant to have one: that is worth a word, and no more.
                let bad = |one: &&Finding| driver.is_some() || one.severity == Severity::Error;
                if let Some(one) = diagnosis.findings.iter().find(bad) {
                    wrong.push(format!("{gpu:?} {driver:?} {torch}: {}", one.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a program says in passing is not what ended it: the same words before another error make no cause sure.
#[test]
fn a_remark_before_another_error_is_no_proven_cause() {
    const ANOTHER: &str = "\nTraceback (most recent call last):\n  File \"/home/user/project/train.py\", line 7, in <module>\n    main()\nRuntimeError: The size of tensor a (3) must match the size of tensor b (4)\n";
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (id, name, case) in cases() {
        let Some(output) = case.output.as_ref().filter(|_| case.exit.is_none()) else {
            continue;
        };
        if case.expect.is_some() || !seen.insert(id.clone()) {
            continue;
        }
        let output = format!("{output}{ANOTHER}");
        let diagnosis = look(
            case.bundle(&fixtures().join("machines")),
            Some(&output),
            None,
        );
        wrong.extend(
            diagnosis
                .findings
                .iter()
                .filter(|one| one.accounts())
                .map(|one| format!("{id}/{name}: {}", one.id)),
        );
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        seen.len(),
        wrong.join("\n")
    );
}

/// An error that names a place is of that place: what is full or can't be written elsewhere did not stop it.
#[test]
fn no_other_file_system_is_the_cause_of_an_error_that_names_one() {
    let case: Case = toml::from_str(
        r#"
        notes = "Synthetic: everything is full and can't be written, but the place that the error names."
        space = { "/" = { total = 34359738368, free = 0 }, "/var" = { total = 34359738368, free = 0 }, "/tmp" = { total = 4080218931, free = 0 }, "/boot" = { total = 500000000, free = 0 }, "/home/user" = { total = 829000000000, free = 0, read_only = true }, "/data" = { total = 3900000000000, free = 1200000000000 } }
        [append]
        "/proc/self/mounts" = "/dev/nvme0n1p3 /boot ext4 rw,relatime 0 0\n"
        [[command]]
        argv = ["df", "-P", "-i"]
        stdout = "Filesystem      Inodes   IUsed    IFree IUse% Mounted on\n/dev/nvme0n1p2 61054976 61054976 0 100% /\n/dev/nvme1n1p1 61054976 1203344 59851632 2% /data\n"
        "#,
    )
    .unwrap();
    let bundle = || case.bundle(&fixtures().join("machines"));
    assert!(
        look(bundle(), None, None).findings.len() >= 3,
        "what is full is found where nobody asks about an error"
    );
    for error in [
        "OSError: [Errno 28] No space left on device: '/data/out/model.bin'",
        "OSError: [Errno 30] Read-only file system: '/data/out/model.bin'",
        "pip: cp: error writing '/data/out/model.bin': No space left on device",
        "error: failed to write to `/data/out/model.bin`: No space left on device (os error 28)",
    ] {
        let diagnosis = look(bundle(), Some(error), None);
        let claimed: Vec<&str> = diagnosis
            .findings
            .iter()
            .filter(|one| one.accounts())
            .map(|one| one.id.as_str())
            .collect();
        assert!(claimed.is_empty(), "{error}: {claimed:?}");
    }
}

#[test]
fn what_is_offered_is_what_root_does() {
    let mut wrong = Vec::new();
    for (id, name, case) in cases() {
        let diagnosis = look(
            case.bundle(&fixtures().join("machines")),
            case.output.as_deref(),
            case.exit,
        );
        for finding in &diagnosis.findings {
            let Some(fix) = &finding.fix else { continue };
            let plan = deskside_types::plan::Plan {
                version: deskside_types::plan::PLAN_VERSION,
                wish: finding.title.clone(),
                made_at: jiff::Timestamp::UNIX_EPOCH,
                premises: Vec::new(),
                steps: fix.steps.clone(),
                satisfied: Vec::new(),
            };
            if let Err(problem) =
                deskside_operate::root::require(&plan, &deskside_provision::rules())
            {
                wrong.push(format!("{id}/{name}: {}: {problem}", finding.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn healthy_machines_have_no_findings() {
    let text = std::fs::read_to_string(fixtures().join("breakages/machines.toml")).unwrap();
    let known: BTreeMap<String, Vec<String>> = toml::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for name in names(&fixtures().join("machines")) {
        let bundle = Bundle::load(fixtures().join("machines").join(&name)).unwrap();
        let diagnosis = look(bundle, None, None);
        let found: Vec<&str> = diagnosis
            .findings
            .iter()
            .map(|one| one.id.as_str())
            .collect();
        let expected = known.get(&name).cloned().unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_breakage_has_cases_that_match_and_that_stay_silent() {
    if std::env::var("DESKSIDE_CASE").is_ok() {
        return;
    }
    let cases = cases();
    let mut lacking = Vec::new();
    for one in breakages() {
        let own: Vec<&Case> = cases
            .iter()
            .filter(|(id, _, _)| *id == one.id)
            .map(|(_, _, case)| case)
            .collect();
        let matching = |case: &&&Case| {
            case.expect
                .as_ref()
                .is_none_or(|expect| expect.contains(&one.id))
        };
        if !own.iter().any(|case| matching(&case)) || own.iter().all(|case| matching(&case)) {
            lacking.push(one.id.as_str());
        }
    }
    assert!(
        lacking.is_empty(),
        "these lack a case that matches or one that stays silent: {lacking:?}"
    );
}
