//! The diagnosis: candidates, proof, roots, rank.

use crate::explain::{reach, roots};
use crate::failure::failure;
use crate::judge::{Judged, applies, clean, filled, judge, matched, not_seen, take};
use crate::offer::offer;
use crate::report::{
    Confidence, Consequence, Diagnosis, Finding, NotSeen, RuledOut, Suspect, Unexplained,
};
use crate::scene::{Document, EXIT, OUTPUT, Scene};
use deskside_knowledge::breakages::{Breakage, Certainty, LookAlike, Severity, breakages};
use serde_json::Value;
use std::collections::BTreeSet;

/// Judges every breakage over a scene.
pub fn diagnose(scene: &Scene) -> Diagnosis {
    diagnose_by(breakages(), scene)
}

/// Judges these breakages over a scene.
pub(crate) fn diagnose_by(known: &'static [Breakage], scene: &Scene) -> Diagnosis {
    let mut root = scene.root().clone();
    let judged: Vec<Judged> = known
        .iter()
        .filter(|one| applies(one, scene))
        .map(|one| judge(one, scene, &mut root))
        .collect();
    let asked = scene.is_asked();
    let told: Vec<String> = [OUTPUT, EXIT]
        .iter()
        .flat_map(|item| scene.documents(item))
        .map(|document| document.source)
        .collect();
    let ending = Ending::of(scene);
    let mut found: Vec<&Judged> = judged.iter().filter(|one| one.holds()).collect();
    found.sort_by_key(|one| place(one));
    let explained = explained(known, &found);
    let mut findings: Vec<Finding> = found
        .iter()
        .filter(|one| !explained.iter().any(|(id, _)| *id == one.breakage.id))
        .map(|one| {
            let mut finding = finding(one, &judged, &mut root);
            finding.related = !asked || is_related(known, one, &judged, &told);
            if let Some(ending) = ending.as_ref().filter(|_| finding.related)
                && !ending.tells_of(known, one, &judged, &told)
            {
                finding.say_aside(&ending.error);
            }
            finding.consequences = consequences(one.breakage, &explained, &judged, &root);
            finding
        })
        .collect();
    in_order(&mut findings);
    Diagnosis {
        unexplained: unexplained(known, &findings, &judged, &told, ending.as_ref(), &mut root)
            // Where nobody asks about an error, an error that is found is enough to begin with.
            .filter(|_| asked || !findings.iter().any(|one| one.severity == Severity::Error)),
        not_seen: overall(&judged),
        considered: judged.len(),
        findings,
    }
}

/// The failure that what was asked about ends with, where it can be told from what was said before it.
struct Ending {
    error: String,
    /// What was asked about, without what was said before.
    output: Vec<Document>,
    /// The scene's value with only that.
    root: Value,
}

impl Ending {
    fn of(scene: &Scene) -> Option<Self> {
        if !scene.is_asked() {
            return None;
        }
        let mut error = None;
        let output: Vec<Document> = scene
            .documents(OUTPUT)
            .into_iter()
            .map(|document| match &document.text {
                Ok(text) => match failure(text) {
                    Some(failure) => {
                        error = Some(failure.error.to_string());
                        Document::text(document.source, failure.lines.join("\n"))
                    }
                    None => document,
                },
                Err(_) => document,
            })
            .collect();
        let error = error?;
        let mut cut = scene.clone();
        cut.put(OUTPUT, output.clone());
        Some(Self {
            error,
            output,
            root: cut.root().clone(),
        })
    }

    /// Whether it speaks of a breakage: a symptom of it, or of what it explains, is there; or what is told there, or how
    /// the command ended, is part of its proof.
    fn tells_of(
        &self,
        known: &'static [Breakage],
        one: &Judged,
        judged: &[Judged],
        told: &[String],
    ) -> bool {
        let reached = reach(known, &one.breakage.id);
        let shows = judged
            .iter()
            .filter(|other| !other.matched.is_empty())
            .filter(|other| {
                other.breakage.id == one.breakage.id || reached.contains(other.breakage.id.as_str())
            })
            .any(|other| !matched(other.breakage, &self.output).is_empty());
        if shows {
            return true;
        }
        let mut root = self.root.clone();
        take(one.breakage, &mut root);
        let (truth, lines) = one.breakage.proof.trace(&root);
        truth.holds() && lines.iter().any(|line| told.contains(&line.source))
    }
}

/// The order of mending; a cause before what has none.
fn place(one: &Judged) -> (bool, u8, Severity, &'static str) {
    (
        one.breakage.certainty == Certainty::CauseUnknown,
        one.breakage.mended_at(),
        one.severity,
        &one.breakage.id,
    )
}

/// Whether any line of a text is a symptom of anything: whether it is worth looking at a machine for it.
pub fn recognises(text: &str) -> bool {
    text.lines().any(|line| {
        breakages()
            .iter()
            .flat_map(|one| &one.symptoms)
            .any(|symptom| symptom.is_match(line))
    })
}

/// Puts findings in order: what was asked about, how bad, how sure, the order of mending.
pub fn in_order(findings: &mut [Finding]) {
    findings.sort_by_key(rank);
}

fn rank(finding: &Finding) -> (bool, bool, Severity, Confidence, u8, String) {
    let order = breakages()
        .iter()
        .find(|one| one.id == finding.id)
        .map_or_else(|| finding.area.order(), Breakage::mended_at);
    (
        !finding.related,
        finding.aside.is_some(),
        finding.severity,
        finding.confidence,
        order,
        // The check of an environment has an order of its own, which is kept.
        if finding.id.starts_with("environment-") {
            "environment-".to_string()
        } else {
            finding.id.clone()
        },
    )
}

/// Which findings are consequences, each with its root. Only what is there explains anything. Where something is surely
/// broken and its cause unknown, any error that is there in the same layer is the cause.
fn explained(known: &'static [Breakage], found: &[&Judged]) -> Vec<(&'static str, &'static str)> {
    let sure: Vec<&'static str> = found
        .iter()
        .filter(|one| one.holds())
        .map(|one| one.breakage.id.as_str())
        .collect();
    let mut explained: Vec<(&str, &str)> = roots(known, &sure).into_iter().collect();
    for one in found {
        let id = one.breakage.id.as_str();
        if explained.iter().any(|(other, _)| *other == id) {
            continue;
        }
        let accounts = |root: &&&Judged| {
            root.breakage.id != one.breakage.id
                && root.breakage.certainty != Certainty::CauseUnknown
                && root.severity == Severity::Error
                && root.breakage.area == one.breakage.area
        };
        if one.breakage.certainty == Certainty::CauseUnknown
            && let Some(root) = found.iter().find(accounts)
        {
            explained.push((id, &root.breakage.id));
        }
    }
    explained
}

fn consequences(
    root: &Breakage,
    explained: &[(&'static str, &'static str)],
    judged: &[Judged],
    scene_root: &Value,
) -> Vec<Consequence> {
    let mut consequences: Vec<Consequence> = explained
        .iter()
        .filter(|(_, by)| *by == root.id)
        .filter_map(|(id, _)| judged.iter().find(|one| one.breakage.id == *id))
        .filter(|one| one.holds())
        .map(|one| Consequence {
            id: one.breakage.id.clone(),
            title: filled(&one.breakage.title, &one.values, scene_root),
        })
        .collect();
    consequences.sort_by(|one, other| one.id.cmp(&other.id));
    consequences
}

/// Whether it is about what was asked: a symptom of its own was met, or one of what it explains, or what was told (by these
/// sources) is part of its proof.
fn is_related(
    known: &'static [Breakage],
    one: &Judged,
    judged: &[Judged],
    told: &[String],
) -> bool {
    if one.beside {
        return false;
    }
    let by_proof = one.evidence.iter().any(|line| told.contains(&line.source));
    if !one.matched.is_empty() || by_proof {
        return true;
    }
    let reached = reach(known, &one.breakage.id);
    judged
        .iter()
        .any(|other| !other.matched.is_empty() && reached.contains(other.breakage.id.as_str()))
}

fn confidence(one: &Judged) -> Confidence {
    match one.breakage.certainty {
        Certainty::CauseUnknown => Confidence::CauseUnknown,
        Certainty::Proven if one.doubt.is_empty() && !one.unsure => Confidence::Proven,
        Certainty::Proven | Certainty::Likely => Confidence::Likely,
    }
}

fn finding(one: &Judged, judged: &[Judged], root: &mut Value) -> Finding {
    let breakage = one.breakage;
    // The values that its texts and recipes name.
    take(breakage, root);
    let text = |template: &str| filled(template, &one.values, root);
    let confidence = confidence(one);
    let mut evidence = one.matched.clone();
    for line in &one.evidence {
        if !evidence.iter().any(|seen| seen.text == line.text) {
            evidence.push(line.clone());
        }
    }
    Finding {
        id: breakage.id.clone(),
        title: text(&breakage.title),
        area: breakage.area,
        severity: one.severity,
        confidence,
        cause: text(&breakage.cause),
        meaning: text(&breakage.meaning),
        related: true,
        aside: None,
        evidence,
        consequences: Vec::new(),
        ruled_out: breakage
            .look_alikes
            .iter()
            .map(|alike| alike_of(alike, judged, root, &text))
            .collect(),
        not_seen: not_seen(one.unseen()),
        fix: offer(
            breakage,
            &one.values,
            root,
            confidence == Confidence::Proven && one.severity != Severity::Notice,
        ),
        verify: breakage
            .verify
            .as_ref()
            .map(|verify| (text(&verify.run), text(&verify.expect))),
        sources: breakage.sources.clone(),
    }
}

fn alike_of(
    alike: &LookAlike,
    judged: &[Judged],
    root: &Value,
    text: &dyn Fn(&str) -> String,
) -> RuledOut {
    let other = alike
        .id
        .as_ref()
        .and_then(|id| judged.iter().find(|one| one.breakage.id == *id));
    match other {
        Some(other) => RuledOut {
            why: text(&alike.apart),
            ..ruled_out(other, root)
        },
        None => RuledOut {
            id: alike.id.clone(),
            title: alike.title.clone().unwrap_or_else(|| {
                alike
                    .id
                    .as_deref()
                    .and_then(deskside_knowledge::breakages::breakage)
                    .map_or_else(
                        || alike.id.clone().unwrap_or_default(),
                        |one| filled(&one.title, &Default::default(), root),
                    )
            }),
            why: text(&alike.apart),
            surely: false,
            evidence: Vec::new(),
        },
    }
}

fn ruled_out(one: &Judged, root: &Value) -> RuledOut {
    let (why, evidence) = match &one.disproof {
        Some((why, lines)) => (why.clone(), lines.clone()),
        None => (
            "what would prove it is not there".to_string(),
            if one.fails() {
                one.evidence.clone()
            } else {
                Vec::new()
            },
        ),
    };
    RuledOut {
        id: Some(one.breakage.id.clone()),
        title: filled(&one.breakage.title, &one.values, root),
        why,
        surely: one.fails(),
        evidence,
    }
}

impl Finding {
    /// What was said on the way to another error makes nothing sure.
    fn say_aside(&mut self, error: &str) {
        self.aside = Some(format!(
            "what ended the program is another error, and this was said before it: {}",
            clean(error)
        ));
        if self.confidence == Confidence::Proven {
            self.confidence = Confidence::Likely;
        }
        if let Some(fix) = &mut self.fix {
            fix.by_itself = false;
        }
    }
}

/// An error was recognised, and nothing that is there accounts for it.
fn unexplained(
    known: &'static [Breakage],
    findings: &[Finding],
    judged: &[Judged],
    told: &[String],
    ending: Option<&Ending>,
    root: &mut Value,
) -> Option<Unexplained> {
    let accounted = judged.iter().any(|one| {
        findings
            .iter()
            .any(|finding| finding.id == one.breakage.id && finding.aside.is_none())
            && is_related(known, one, judged, told)
    });
    if accounted {
        return None;
    }
    // What was said on the way to another error is not the error.
    let met = |one: &Judged| match ending {
        Some(ending) if !one.matched.is_empty() => matched(one.breakage, &ending.output),
        _ => one.matched.clone(),
    };
    let mut candidates = Vec::new();
    let mut lines = Vec::new();
    for one in judged {
        let met = met(one);
        if !met.is_empty() {
            candidates.push(one);
        }
        for line in met {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    if candidates.is_empty() {
        return None;
    }
    let mut possible = Vec::new();
    let mut out = Vec::new();
    // What is there stands among the findings, and is neither possible nor ruled out.
    for one in candidates.into_iter().filter(|one| !one.holds()) {
        take(one.breakage, root);
        let title = filled(&one.breakage.title, &one.values, root);
        if one.fails() {
            out.push(ruled_out(one, root));
        } else {
            possible.push(Suspect {
                id: one.breakage.id.clone(),
                title,
                not_seen: not_seen(one.unseen()),
            });
        }
    }
    Some(Unexplained {
        lines,
        possible,
        ruled_out: out,
    })
}

/// What could not be seen and would decide something, each once.
fn overall(judged: &[Judged]) -> Vec<NotSeen> {
    let unseen: Vec<_> = judged
        .iter()
        .filter(|one| !one.fails())
        .flat_map(|one| one.unseen().iter().cloned())
        .filter(|one| !one.reason.starts_with("not asked"))
        .collect();
    let mut list = not_seen(&unseen);
    let mut told = BTreeSet::new();
    list.retain(|one| told.insert((one.what.clone(), one.reason.clone())));
    list
}

#[cfg(test)]
mod tests;
