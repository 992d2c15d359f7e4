//! Adding jobs: one, or ten thousand in one transaction. Durable before the first number is told.

use super::{New, Queue, Surroundings, broken};
use crate::run_name;
use deskside_machine::Reading;
use deskside_track::secrets::shown_value;
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A job that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its number.
    pub number: i64,
    /// Its identity.
    pub id: RunId,
}

/// The bits of an identity that are random.
const TAILS: u32 = 1 << 20;

impl Queue<'_> {
    /// Adds jobs that share their surroundings, all or none.
    ///
    /// # Errors
    /// [`Code::Dependency`] when one waits for a job that is not there, that failed, or in a circle; [`Code::QueueBroken`].
    pub fn add(&mut self, surroundings: &Surroundings, jobs: &[New]) -> Result<Vec<Added>> {
        self.add_and(surroundings, jobs, || Ok(()))
    }

    /// As [`Queue::add`], and calls something when all is written and not yet valid: who is woken by it waits for the queue, and
    /// finds the jobs or, when this process dies here, none.
    ///
    /// # Errors
    /// As [`Queue::add`], and as the call; then nothing was added.
    pub fn add_and(
        &mut self,
        surroundings: &Surroundings,
        jobs: &[New],
        before: impl FnOnce() -> Result<()>,
    ) -> Result<Vec<Added>> {
        no_circles(jobs)?;
        let now = self.machine.now()?.wall;
        let (key, json) = keyed(surroundings);
        // An odd stride visits every tail once: identities of one call never meet each other.
        let random = self.machine.random()?;
        let (mut tail, stride) = (random as u32 % TAILS, (random >> 32) as u32 | 1);
        let fail = |error: rusqlite::Error| broken("write the queue", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        let mut added: Vec<Added> = Vec::with_capacity(jobs.len());
        transaction
            .execute(
                "INSERT INTO surroundings VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [&key, &json],
            )
            .map_err(fail)?;
        for job in jobs {
            let shown = job.spec.shown();
            let name = job
                .spec
                .name
                .as_deref()
                .map_or_else(|| run_name(&shown), shown_value);
            let spec = serde_json::to_string(&job.spec).unwrap_or_default();
            let state = if job.held { "held" } else { "waiting" };
            let id = loop {
                let id = RunId::new(now, tail);
                tail = tail.wrapping_add(stride) % TAILS;
                let inserted = transaction
                    .prepare_cached(
                        "INSERT INTO jobs (id, state, priority, rank, waits, ready_at, window, gpus, vram, share, name, \
                         shown, spec, surroundings, submitted_at) \
                         VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
                    )
                    .and_then(|mut insert| {
                        insert.execute(params![
                            id.0,
                            state,
                            job.priority,
                            job.ready_at,
                            job.window.map(|window| window.to_string()),
                            job.claim.gpus,
                            job.claim.vram.cast_signed(),
                            job.claim.share,
                            name,
                            deskside_types::shell::command(&shown),
                            spec,
                            key,
                            now.as_millisecond(),
                        ])
                    })
                    .map_err(fail)?;
                if inserted == 1 {
                    break id;
                }
            };
            let number = transaction.last_insert_rowid();
            added.push(Added { number, id });
        }
        if let (Some(first), Some(last)) = (added.first(), added.last()) {
            // A job's place is its number until it is moved.
            transaction
                .execute(
                    "UPDATE jobs SET rank = number WHERE number BETWEEN ?1 AND ?2",
                    [first.number, last.number],
                )
                .map_err(fail)?;
        }
        for (place, job) in jobs.iter().enumerate() {
            depend(&transaction, &added, place, job)?;
        }
        before()?;
        transaction.commit().map_err(fail)?;
        Ok(added)
    }
}

fn depend(transaction: &Transaction<'_>, added: &[Added], place: usize, job: &New) -> Result<()> {
    let fail = |error: rusqlite::Error| broken("write the queue", &error);
    let mut waits = 0;
    let mut seen = BTreeSet::new();
    for (of, good) in &job.after {
        let inside = usize::try_from(-*of - 1)
            .ok()
            .and_then(|place| added.get(place));
        let of = inside.map_or(*of, |other| other.number);
        if !seen.insert(of) {
            continue;
        }
        let found: Option<(String, Option<String>, Option<i32>)> = transaction
            .prepare_cached("SELECT state, outcome, exit FROM jobs WHERE number = ?1")
            .and_then(|mut query| {
                query
                    .query_row([of], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .map_err(fail)?;
        let Some((state, outcome, exit)) = found else {
            return Err(Problem::new(
                Code::Dependency,
                format!("there is no job {of} to wait for"),
            )
            .hint("see what waits: `deskside queue`"));
        };
        if state == "ended" {
            let ended_well = outcome.as_deref() == Some("finished") && exit == Some(0);
            if *good && !ended_well {
                return Err(Problem::new(
                    Code::Dependency,
                    format!("job {of} did not end well, so that a job behind it would never start"),
                )
                .hint(format!(
                    "after its end of whatever kind: `--after-any {of}`"
                ))
                .hint(format!("queue it once more: `deskside rerun {of}`")));
            }
            continue;
        }
        waits += 1;
        transaction
            .prepare_cached("INSERT INTO dependencies VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![of, added[place].number, good]))
            .map_err(fail)?;
    }
    if waits > 0 {
        transaction
            .execute(
                "UPDATE jobs SET waits = ?2 WHERE number = ?1",
                params![added[place].number, waits],
            )
            .map_err(fail)?;
    }
    Ok(())
}

/// Jobs of one call may wait for each other, in any order, but not in a circle.
fn no_circles(jobs: &[New]) -> Result<()> {
    let inside = |of: i64| {
        usize::try_from(-of - 1)
            .ok()
            .filter(|place| *place < jobs.len())
    };
    // 0 not seen, 1 on the way, 2 done.
    let mut marks = vec![0_u8; jobs.len()];
    for start in 0..jobs.len() {
        let mut way = vec![(start, 0)];
        while let Some((place, at)) = way.pop() {
            if at == 0 {
                if marks[place] == 2 {
                    continue;
                }
                marks[place] = 1;
            }
            let Some((of, _)) = jobs[place].after.get(at) else {
                marks[place] = 2;
                continue;
            };
            way.push((place, at + 1));
            match inside(*of) {
                Some(next) if marks[next] == 1 => {
                    let mut names: Vec<String> = way
                        .iter()
                        .map(|(place, _)| *place)
                        .skip_while(|place| *place != next)
                        .map(|place| (place + 1).to_string())
                        .collect();
                    names.push((next + 1).to_string());
                    return Err(Problem::new(
                        Code::Dependency,
                        format!(
                            "jobs wait for each other in a circle: {}",
                            names.join(" waits for ")
                        ),
                    )
                    .hint("numbers are places in the list; take one `after` out"));
                }
                Some(next) if marks[next] == 0 => way.push((next, 0)),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Surroundings as they are kept, under a name made of them: jobs that share them keep them once.
pub(super) fn keyed(surroundings: &Surroundings) -> (String, String) {
    let json = serde_json::to_string(surroundings).unwrap_or_default();
    (hex(&Sha256::digest(&json)[..16]), json)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_chains_are_none() {
        let jobs = |after: &[&[i64]]| -> Vec<New> {
            after
                .iter()
                .map(|of| New {
                    after: of.iter().map(|of| (*of, true)).collect(),
                    ..New::default()
                })
                .collect()
        };
        for fine in [
            jobs(&[&[], &[-1], &[-1, -2]]),
            jobs(&[&[-3], &[-1], &[]]),
            jobs(&[&[7], &[-1, 9]]),
        ] {
            assert!(no_circles(&fine).is_ok());
        }
        for (circle, words) in [
            (jobs(&[&[-1]]), "1 waits for 1"),
            (
                jobs(&[&[-2], &[-3], &[-1]]),
                "1 waits for 2 waits for 3 waits for 1",
            ),
            (jobs(&[&[], &[-1, -3], &[-2]]), "2 waits for 3 waits for 2"),
        ] {
            let problem = no_circles(&circle).unwrap_err();
            assert!(problem.message.ends_with(words), "{}", problem.message);
        }
        let long: Vec<Vec<i64>> = (0..20_000).map(|place| vec![-(place + 2)]).collect();
        let long: Vec<&[i64]> = long.iter().map(Vec::as_slice).collect();
        assert!(no_circles(&jobs(&long)).is_ok(), "as deep as it may be");
    }
}
