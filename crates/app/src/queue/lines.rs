//! A list of jobs as text: one command a line, as a shell would split it, or one JSON object a line. Pure.

use deskside_runs::queue::{New, Word};
use deskside_runs::schedule::Claim;
use deskside_types::shell::split;
use deskside_types::{Code, Problem, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Jobs of one list.
const MOST: usize = 1_000_000;

/// A job as a JSON object has it; what it does not say holds as it was said on the command line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    argv: Option<Vec<String>>,
    command: Option<String>,
    name: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    priority: Option<i32>,
    retries: Option<u32>,
    gpus: Option<u32>,
    vram: Option<String>,
    share: Option<bool>,
    /// Names of jobs of this list, or numbers of jobs in the queue.
    #[serde(default)]
    after: Vec<String>,
    #[serde(default)]
    after_any: Vec<String>,
}

/// A job, its line, and the names of those it waits for, with whether their good end is needed.
type Wanted = (usize, usize, Vec<(String, bool)>);

/// Reads a list. Empty lines, and lines that begin with `#`, are passed over.
///
/// # Errors
/// [`Code::QueueUsage`] with the first line that can't be understood.
pub(super) fn parse(text: &str, base: &New) -> Result<Vec<New>> {
    let mut jobs: Vec<New> = Vec::new();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut wanted: Vec<Wanted> = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: String| wrong(place, &why);
        if jobs.len() == MOST {
            return Err(wrong(format!("a list holds at most {MOST} jobs")));
        }
        let mut job = base.clone();
        if line.starts_with('{') {
            let said: Line =
                serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let after = said.after.iter().map(|name| (name.clone(), true));
            let after = after.chain(said.after_any.iter().map(|name| (name.clone(), false)));
            wanted.push((jobs.len(), place, after.collect()));
            apply(&mut job, said).map_err(wrong)?;
        } else {
            job.spec.argv = split(line)
                .ok_or_else(|| wrong("a quote is not closed".into()))?
                .into_iter()
                .map(Word::Text)
                .collect();
        }
        if job.spec.argv.is_empty() {
            return Err(wrong("there is no command".into()));
        }
        if let Some(name) = &job.spec.name {
            named.insert(name.clone(), jobs.len());
        }
        jobs.push(job);
    }
    if jobs.is_empty() {
        return Err(Problem::new(Code::QueueUsage, "the list holds no job")
            .hint("one command a line, for example `python train.py --seed 1`"));
    }
    for (job, place, after) in wanted {
        for (name, good) in after {
            let of = match (
                named.get(&name),
                name.trim_start_matches('#').parse::<i64>(),
            ) {
                (Some(other), _) => -i64::try_from(*other).unwrap_or(i64::MAX - 1) - 1,
                (None, Ok(number)) if number > 0 => number,
                _ => {
                    return Err(wrong(
                        place,
                        &format!(
                            "`{name}` is neither the name of a job in this list nor a job's number"
                        ),
                    ));
                }
            };
            jobs[job].after.push((of, good));
        }
    }
    Ok(jobs)
}

fn apply(job: &mut New, said: Line) -> std::result::Result<(), String> {
    let words = match (said.argv, said.command) {
        (Some(argv), None) => argv,
        (None, Some(command)) => split(&command).ok_or("a quote in `command` is not closed")?,
        _ => return Err("say either `argv`, a list of words, or `command`, a text".into()),
    };
    job.spec.argv = words.into_iter().map(Word::Text).collect();
    job.spec.name = said.name.or_else(|| job.spec.name.take());
    job.spec.params.extend(said.params);
    job.spec.tags.extend(said.tags);
    job.priority = said.priority.unwrap_or(job.priority);
    job.spec.retries = said.retries.unwrap_or(job.spec.retries);
    let vram = match said.vram {
        Some(text) => Some(bytes(&text).ok_or_else(|| format!("`{text}` is no size such as 20G"))?),
        None => None,
    };
    job.claim = Claim {
        gpus: said.gpus.unwrap_or(job.claim.gpus),
        vram: vram.unwrap_or(job.claim.vram),
        share: said.share.unwrap_or(job.claim.share),
    };
    Ok(())
}

fn wrong(place: usize, why: &str) -> Problem {
    Problem::new(
        Code::QueueUsage,
        format!("line {} of the list can't be understood", place + 1),
    )
    .because(why)
    .hint("one command a line, or one JSON object a line: {\"argv\": [\"python\", \"train.py\"], \"name\": \"a\"}; nothing was queued")
}

/// `20G`, `512M`, `24GiB`, `1.5T` as bytes, each letter 1024 times the one before; a bare number is bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits =
        text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let unit = text[digits.len()..].trim().to_ascii_lowercase();
    let power = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    let bytes = number * 1024_f64.powi(power);
    (bytes.is_finite() && (1.0..1e18).contains(&bytes)).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_what_is_wrong_with_it() {
        let base = New::default();
        let jobs = parse(
            "# seeds\npython t.py --seed 1\n\n{\"argv\": [\"true\"], \"name\": \"a\", \"after\": [\"b\", \"7\"], \"vram\": \"20G\", \"share\": true}\n\
             {\"command\": \"echo 'x y'\", \"name\": \"b\", \"priority\": -3}\n",
            &base,
        )
        .unwrap();
        assert_eq!(jobs.len(), 3);
        assert_eq!(jobs[1].after, [(-3, true), (7, true)]);
        assert_eq!((jobs[1].claim.vram, jobs[1].claim.share), (20 << 30, true));
        assert_eq!(
            (jobs[2].spec.shown().join("|"), jobs[2].priority),
            ("echo|x y".into(), -3)
        );
        for (wrong, words) in [
            ("", "no job"),
            ("echo 'a", "line 1"),
            ("true\n{\"argv\": []}", "line 2"),
            ("{\"argv\": [\"a\"], \"command\": \"b\"}", "line 1"),
            ("{\"argv\": [\"a\"], \"colour\": 1}", "line 1"),
            ("{\"argv\": [\"a\"], \"after\": [\"z\"]}", "line 1"),
            ("{\"argv\": [\"a\"], \"vram\": \"much\"}", "line 1"),
        ] {
            let problem = parse(wrong, &base).unwrap_err();
            assert!(problem.message.contains(words), "{wrong}: {problem}");
        }
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("20G", 20 << 30),
            ("512M", 512 << 20),
            ("24GiB", 24 << 30),
            ("1.5 t", 3 << 39),
            ("100", 100),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for wrong in ["", "G", "0", "-1G", "20X", "nan", "1e300G"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
