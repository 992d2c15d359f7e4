//! What the check of an environment finds, as findings of the doctor: each that no breakage stands for already.

use super::collect::Checked;
use super::{Area, Confidence, Consequence, Diagnosis, EvidenceLine, Finding, FixOffer, Severity};
use deskside_doctor::failure;
use deskside_envs::check::{Finding as Checkup, Severity as Grade};
use deskside_knowledge::breakages::breakage;

/// Adds what the check found. What a breakage covers, as a finding or a consequence, is not said twice.
pub(super) fn add(diagnosis: &mut Diagnosis, checked: &Checked, asked: Option<&str>) {
    let named: Vec<String> = diagnosis
        .findings
        .iter()
        .flat_map(|finding| {
            std::iter::once(finding.id.clone())
                .chain(finding.consequences.iter().map(|one| one.id.clone()))
        })
        .collect();
    let covered = |id: &str| {
        named.iter().any(|name| {
            breakage(name).is_some_and(|one| one.covers.iter().any(|covered| covered == id))
        })
    };
    for found in &checked.check.findings {
        if !covered(&found.id) && found.severity != Grade::Suspicious {
            let related = asked.is_none_or(|text| may_be_of(found, text));
            diagnosis
                .findings
                .push(finding(found, &checked.environment, related));
        }
    }
    deskside_doctor::in_order(&mut diagnosis.findings);
    if diagnosis.findings.iter().any(Finding::accounts) {
        diagnosis.unexplained = None;
    }
}

/// Whether a program that failed in Python may have failed for this: it ended in words of imports, versions or compiled
/// code, or in the code of a package that the finding names.
fn may_be_of(found: &Checkup, text: &str) -> bool {
    const WORDS: &[&str] = &[
        "mport",
        "odule",
        "ymbol",
        "shared object",
        "ttribute",
        "argument",
        "version",
        "dtype size",
        "does not exist",
        "No such file",
        "abort",
        "core dumped",
    ];
    let python = text.contains("Traceback (most recent call last)")
        || text.contains("Error: ")
        || text.contains("import");
    let Some(failure) = failure(text) else {
        return python;
    };
    let told = |word: &str| {
        found.cause.contains(word) || found.evidence.iter().any(|line| line.contains(word))
    };
    let frames = failure.lines.iter();
    WORDS.iter().any(|word| failure.error.contains(word))
        || frames
            .filter_map(|line| line.split_once("-packages/")?.1.split(['/', '"']).next())
            .any(|package| told(package) || told(&package.replace('_', "-")))
}

fn finding(found: &Checkup, environment: &str, related: bool) -> Finding {
    // Of several commands of Deskside's own the first that mends is carried out; the check then finds what is left.
    let mends: Vec<&str> = found
        .mend
        .iter()
        .filter_map(|command| command.strip_prefix("deskside "))
        .filter(|own| super::fix::mends(own))
        .collect();
    let all_own = found
        .mend
        .iter()
        .all(|command| command.starts_with("deskside "));
    let deskside = mends.first().filter(|_| all_own).map(ToString::to_string);
    let fix = (!found.mend.is_empty()).then(|| FixOffer {
        title: "Mend the environment".into(),
        steps: Vec::new(),
        commands: if deskside.is_some() {
            Vec::new()
        } else {
            found.mend.clone()
        },
        by_hand: None,
        note: (deskside.is_some() && mends.len() > 1)
            .then(|| format!("and then: deskside {}", mends[1..].join(", deskside "))),
        by_itself: deskside.is_some() && found.severity == Grade::Broken,
        root: false,
        reboot: false,
        deskside,
    });
    Finding {
        id: format!("environment-{}", found.id),
        title: first_letter_small(found.cause.trim_end_matches('.')),
        area: Area::Environment,
        severity: match found.severity {
            Grade::Broken => Severity::Error,
            Grade::WillBreak => Severity::Warning,
            Grade::Suspicious => Severity::Notice,
        },
        confidence: Confidence::Proven,
        cause: found.cause.clone(),
        meaning: found.meaning.clone(),
        related,
        aside: None,
        evidence: found
            .evidence
            .iter()
            .map(|line| EvidenceLine {
                source: environment.to_string(),
                text: line.clone(),
            })
            .collect(),
        consequences: found
            .consequences
            .iter()
            .map(|title| Consequence {
                id: String::new(),
                title: title.clone(),
            })
            .collect(),
        ruled_out: Vec::new(),
        not_seen: Vec::new(),
        fix,
        verify: Some((
            "deskside env check".into(),
            "the environment is whole".into(),
        )),
        sources: Vec::new(),
    }
}

fn first_letter_small(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_string(),
    }
}
