//! Files against RECORD: missing, of another size, changed since they were installed.

use super::distributions::in_site;
use super::overlap::Overlaps;
use super::program::{self, Program};
use super::scene::{Dist, Scene, parallel};
use super::{Depth, Finding, LookedAt, Rank, Severity};
use crate::snapshot::record::{RecordedFile, is_installers_own};
use deskside_machine::{Answer, DoorError, ErrorKind, Question, Reading};
use deskside_types::units;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of changed files that are hashed without `--hashes`.
const BUDGET: u64 = 256 << 20;
/// Bytes that are read at once.
const PART: u64 = 4 << 20;
/// Files that are handed to a thread at once.
const HANDFUL: usize = 256;
/// Files of a distribution that are named.
const NAMED: usize = 5;
/// Findings of single distributions; of more one is made of all.
const SINGLE: usize = 5;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    Missing,
    /// Size now, size then, and whether its end is cut off.
    Size {
        now: u64,
        then: u64,
        cut: bool,
    },
    Contents,
    /// It can't be looked at, and why.
    Unknown(String),
    /// It changed and was too large to be hashed.
    NotHashed(u64),
}

/// A file with what is wrong.
struct Damaged<'a> {
    file: &'a RecordedFile,
    wrong: Wrong,
    links: Option<u64>,
}

pub(crate) fn findings(
    scene: &Scene<'_>,
    depth: Depth,
    overlaps: &Overlaps,
    looked_at: &mut LookedAt,
) -> Vec<Finding> {
    let Some(site) = &scene.site else {
        return Vec::new();
    };
    let mut all: Vec<(usize, &RecordedFile)> = Vec::new();
    for (place, dist) in scene.distributions.iter().enumerate() {
        let files = dist.record.as_ref().yes().into_iter().flatten();
        all.extend(
            files
                .filter(|file| !is_installers_own(&file.path))
                .map(|file| (place, file)),
        );
    }
    looked_at.files = all.len();
    let handfuls: Vec<&[(usize, &RecordedFile)]> = all.chunks(HANDFUL).collect();
    let budget = AtomicU64::new(match depth {
        Depth::Sizes => BUDGET,
        Depth::Hashes => u64::MAX,
    });
    let hashed = AtomicU64::new(0);
    let looks = parallel(scene.machine, &handfuls, |handful| {
        let questions: Vec<Question> = handful
            .iter()
            .map(|(_, file)| Question::Stat {
                path: site.join(&file.path),
            })
            .collect();
        let stats = scene.machine.ask_all(&questions);
        handful
            .iter()
            .zip(stats)
            .filter_map(|((place, file), stat)| {
                let dist = &scene.distributions[*place];
                let (wrong, links) = look(
                    scene, site, dist, file, stat, depth, overlaps, &budget, &hashed,
                )?;
                Some((*place, Damaged { file, wrong, links }))
            })
            .collect::<Vec<_>>()
    });
    looked_at.hashed = usize::try_from(hashed.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let mut by_dist: Vec<Vec<Damaged<'_>>> =
        scene.distributions.iter().map(|_| Vec::new()).collect();
    let (mut unread, mut unhashed) = (0_usize, (0_usize, 0_u64));
    let mut why = String::new();
    for (place, damaged) in looks.into_iter().flatten() {
        match &damaged.wrong {
            Wrong::Unknown(reason) => {
                unread += 1;
                why.clone_from(reason);
            }
            Wrong::NotHashed(size) => {
                unhashed.0 += 1;
                unhashed.1 += size;
            }
            _ => by_dist[place].push(damaged),
        }
    }
    if unread > 0 {
        scene.unseen_because(format!(
            "{unread} files of distributions could not be looked at: {why}"
        ));
    }
    if unhashed.0 > 0 {
        scene.unseen_because(format!(
            "{} files ({}) changed after they were installed, and their contents were not compared: --hashes does",
            unhashed.0,
            units::bytes(unhashed.1)
        ));
    }
    let damaged: Vec<(&Dist, Vec<Damaged<'_>>)> = scene
        .distributions
        .iter()
        .zip(by_dist)
        .filter(|(_, files)| !files.is_empty())
        .collect();
    let mut findings: Vec<Finding> = damaged
        .iter()
        .map(|(dist, files)| finding(scene, dist, files))
        .collect();
    if findings.len() > SINGLE {
        findings = together(findings);
    }
    findings
}

#[allow(
    clippy::too_many_arguments,
    reason = "the one place where a file is judged"
)]
fn look(
    scene: &Scene<'_>,
    site: &Path,
    dist: &Dist,
    file: &RecordedFile,
    stat: Result<Answer, DoorError>,
    depth: Depth,
    overlaps: &Overlaps,
    budget: &AtomicU64,
    hashed: &AtomicU64,
) -> Option<(Wrong, Option<u64>)> {
    let path = site.join(&file.path);
    let stat = match stat {
        Ok(Answer::Stat(stat)) => stat,
        Ok(_) => return None,
        Err(error) if error.kind == ErrorKind::Absent => return Some((Wrong::Missing, None)),
        Err(error) => return Some((Wrong::Unknown(error.detail), None)),
    };
    // What another distribution wrote over it is told as that.
    let others = overlaps.files.get(&file.path);
    if others.is_some() {
        return None;
    }
    if let Some(then) = file.size
        && then != stat.size
    {
        let cut = stat.size < then && is_cut(scene, &path, stat.size);
        let wrong = Wrong::Size {
            now: stat.size,
            then,
            cut,
        };
        return Some((wrong, stat.links));
    }
    let expected = file.hash.strip_prefix("sha256=")?;
    if depth == Depth::Sizes && stat.modified <= dist.recorded_at {
        return None;
    }
    let enough = budget
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(stat.size)
        })
        .is_ok();
    if !enough {
        return Some((Wrong::NotHashed(stat.size), None));
    }
    hashed.fetch_add(1, Ordering::Relaxed);
    match hash(scene, &path) {
        Ok(hash) if hash == expected.trim_end_matches('=') => None,
        Ok(_) => Some((Wrong::Contents, stat.links)),
        Err(why) => Some((Wrong::Unknown(why), None)),
    }
}

/// Whether a library ends before its own headers say.
fn is_cut(scene: &Scene<'_>, path: &Path, size: u64) -> bool {
    if size == 0 {
        return true;
    }
    match scene
        .machine
        .file(path, 64 << 10)
        .map(|bytes| program::parse(&bytes))
    {
        Ok(Program::Elf { end, .. }) => end > size,
        _ => false,
    }
}

/// SHA-256 as RECORD has it: base64 for addresses, without padding.
fn hash(scene: &Scene<'_>, path: &PathBuf) -> Result<String, String> {
    let mut hash = Sha256::new();
    let mut offset = 0;
    loop {
        let part = scene
            .machine
            .file_part(path, offset, PART)
            .map_err(|error| error.detail)?;
        hash.update(&part);
        offset += part.len() as u64;
        if (part.len() as u64) < PART {
            return Ok(base64(&hash.finalize()));
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        for place in 0..=chunk.len() {
            text.push(char::from(
                LETTERS[(number >> (18 - 6 * place) & 63) as usize],
            ));
        }
    }
    text
}

/// Whether Python or the loader reads a file as code.
fn is_library(path: &str) -> bool {
    path.ends_with(".so") || path.contains(".so.") || path.ends_with(".dylib")
}

fn severity(damaged: &Damaged<'_>) -> Severity {
    let path = damaged.file.path.as_str();
    let is_code = path.ends_with(".py") || is_library(path);
    match &damaged.wrong {
        Wrong::Missing if is_code => Severity::Broken,
        Wrong::Missing => Severity::WillBreak,
        Wrong::Size { .. } | Wrong::Contents if is_library(path) => Severity::Broken,
        Wrong::Size { now: 0, .. } => Severity::Broken,
        Wrong::Size { now, then, .. } if now < then && is_code => Severity::WillBreak,
        // Longer or rewritten source: somebody edited it.
        _ => Severity::Suspicious,
    }
}

fn finding(scene: &Scene<'_>, dist: &Dist, files: &[Damaged<'_>]) -> Finding {
    let missing = files
        .iter()
        .filter(|one| one.wrong == Wrong::Missing)
        .count();
    let worst = files
        .iter()
        .map(severity)
        .min()
        .unwrap_or(Severity::Suspicious);
    let all = dist.record.as_ref().yes().map_or(0, |files| {
        files
            .iter()
            .filter(|file| !is_installers_own(&file.path))
            .count()
    });
    let shared = files
        .iter()
        .any(|one| one.wrong != Wrong::Missing && one.links.is_some_and(|links| links > 1));
    let (id, cause, meaning) = if missing == files.len() {
        (
            "files-missing",
            format!(
                "{missing} of {all} files of {} {} are missing",
                dist.name, dist.version
            ),
            "its metadata say that it is installed, and importing it fails or does half of it",
        )
    } else if files
        .iter()
        .any(|one| is_library(&one.file.path) && one.wrong != Wrong::Missing)
    {
        (
            "library-damaged",
            format!(
                "compiled files of {} {} are damaged",
                dist.name, dist.version
            ),
            "loading them fails, or ends the program by a signal",
        )
    } else if worst == Severity::Suspicious {
        (
            "files-changed",
            format!(
                "{} of {all} files of {} {} were changed after the install",
                files.len(),
                dist.name,
                dist.version
            ),
            "it is not what its version says; the next install of it takes the changes away",
        )
    } else {
        (
            "files-damaged",
            format!(
                "{} of {all} files of {} {} are missing or cut off",
                files.len(),
                dist.name,
                dist.version
            ),
            "importing it fails, or it does other things than it should",
        )
    };
    let cause = if missing == 1 && id == "files-missing" {
        cause
            .replace("1 of", "one of")
            .replace(" are missing", " is missing")
    } else {
        cause
    };
    let mut sorted: Vec<&Damaged<'_>> = files.iter().collect();
    sorted.sort_by_key(|one| (severity(one), one.file.path.clone()));
    let mut finding = Finding::new(Rank::Files, id, worst, cause)
        .evidences(
            sorted
                .iter()
                .take(NAMED)
                .map(|one| format!("{}: {}", in_site(scene, &one.file.path), words(&one.wrong))),
        )
        .meaning(meaning)
        .about([dist.name.as_str()]);
    if files.len() > NAMED {
        finding = finding.evidence(format!("and {} more", files.len() - NAMED));
    }
    if shared {
        finding = finding.evidence(SHARED);
    }
    finding.mend("deskside env rebuild")
}

/// What files with several names mean. The commands that mend them forget the cache's copies themselves.
const SHARED: &str = "the damaged files have several names on this disk: uv links them from its cache, so the copy there and in every other environment is damaged too";

fn words(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Missing => "missing".into(),
        Wrong::Size { now: 0, then, .. } => format!("empty, and was {}", units::bytes(*then)),
        Wrong::Size {
            now,
            then,
            cut: true,
        } => format!("cut off: {now} of {then} bytes"),
        Wrong::Size { now, then, .. } => format!("{now} bytes, and RECORD says {then}"),
        Wrong::Contents => "other contents than RECORD says".into(),
        Wrong::Unknown(why) => why.clone(),
        Wrong::NotHashed(_) => "not compared".into(),
    }
}

/// Many damaged distributions have one cause: a full disk, a removed cache, a hand that deleted.
fn together(findings: Vec<Finding>) -> Vec<Finding> {
    let (soft, hard): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Suspicious);
    let one = |findings: Vec<Finding>, id: &str, what: &str, meaning: &str| {
        let worst = findings.iter().map(|finding| finding.severity).min()?;
        let mut finding = Finding::new(
            Rank::Files,
            id,
            worst,
            format!("files of {} distributions are {what}", findings.len()),
        )
        .evidences(findings.iter().take(8).map(|finding| finding.cause.clone()))
        .meaning(meaning);
        if findings.len() > 8 {
            finding = finding.evidence(format!("and {} more", findings.len() - 8));
        }
        let names: Vec<String> = findings.iter().flat_map(|one| one.about.clone()).collect();
        let mut evidence = findings.iter().flat_map(|one| &one.evidence);
        if evidence.any(|line| line == SHARED) {
            finding = finding.evidence(
                "damaged files are linked from uv's cache: the copies there are damaged too",
            );
        }
        Some(finding.mend("deskside env rebuild").about(names))
    };
    one(
        hard,
        "files-damaged",
        "missing or damaged",
        "so many at once come from a full disk, a copy that was cut off, or a hand that deleted; nothing that uses them works",
    )
    .into_iter()
    .chain(one(
        soft,
        "files-changed",
        "other than they were installed",
        "they are not what their versions say; the next install takes the changes away",
    ))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_record_has_them() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"\xff\xfe\xfd\xfc", "__79_A"),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }
}
