//! Which jobs start now, on which cards, and when to look again. Pure: the same queue and the same machine give the same answer.
//!
//! **Order.** Jobs come by priority, then by their place. A job whose time has not come is passed over.
//!
//! **Slots** bound the jobs that claim no card. **Cards** bound those that do: a job that claims cards needs no slot.
//!
//! **Fairness.** The first job that waits for cards holds back every later one that wants any, so that a job for four cards is
//! not overtaken for ever by jobs for one. Jobs without a claim pass it.

mod cards;
mod clock;

pub use cards::{Card, Claim, Holder, impossible};
pub use clock::{Window, moment, span, zone};

use jiff::{Timestamp, tz::TimeZone};

/// A job that could be next, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its number.
    pub number: i64,
    /// Not before this moment.
    pub ready_at: Timestamp,
    /// Hours of the day in which it must not start.
    pub window: Option<Window>,
    /// What it takes.
    pub claim: Claim,
}

/// The machine and what goes on on it.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// Now.
    pub now: Timestamp,
    /// The person's time zone, for hours of the day.
    pub zone: &'a TimeZone,
    /// How many jobs without a claim may run at once.
    pub slots: u32,
    /// Jobs that run, and lost ones of which a process goes on.
    pub holders: &'a [Holder],
    /// The cards, in the order in which they are taken; none where they could not be read.
    pub cards: Option<&'a [Card]>,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Jobs that start now, and the cards they get, in order.
    pub starts: Vec<(i64, Vec<String>)>,
    /// The earliest moment at which a job that waits for a time can start.
    pub wake_at: Option<Timestamp>,
    /// A job waits for cards that no job of the queue holds: other programs use them, or they could not be read.
    pub waits_for_others: bool,
}

/// Decides. Jobs without a claim and jobs with one don't compete, so that each are a list of their own, in their order; no more
/// is taken of a list than is needed.
pub fn plan(
    unclaiming: impl IntoIterator<Item = Candidate>,
    claiming: impl IntoIterator<Item = Candidate>,
    situation: &Situation<'_>,
) -> Plan {
    let mut plan = Plan::default();
    let used = situation
        .holders
        .iter()
        .filter(|holder| !holder.claim.any());
    let mut free_slots = u64::from(situation.slots).saturating_sub(used.count() as u64);
    let mut unclaiming = unclaiming.into_iter();
    // A job's time does not matter while there is no slot for it: the end of a job is looked at anyway.
    while free_slots > 0 {
        let Some(candidate) = unclaiming.next() else {
            break;
        };
        if plan.may_start(&candidate, situation) {
            free_slots -= 1;
            plan.starts.push((candidate.number, Vec::new()));
        }
    }
    let mut taken = situation.holders.to_vec();
    for candidate in claiming {
        if !plan.may_start(&candidate, situation) {
            continue;
        }
        let (claim, cards) = (candidate.claim, situation.cards.unwrap_or_default());
        let Some(chosen) = cards::place(&claim, cards, &taken) else {
            // With nothing of ours on the cards, only other programs are in the way.
            plan.waits_for_others =
                situation.cards.is_none() || cards::place(&claim, cards, &[]).is_none();
            break;
        };
        taken.push(Holder {
            number: candidate.number,
            claim,
            cards: chosen.clone(),
            is_settled: false,
        });
        plan.starts.push((candidate.number, chosen));
    }
    plan
}

impl Plan {
    /// Whether a job's time has come; where not, when to look again.
    fn may_start(&mut self, candidate: &Candidate, situation: &Situation<'_>) -> bool {
        let at = not_before(candidate, situation);
        if let Some(at) = at {
            self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
        at.is_none()
    }
}

/// The moment from which a job may start, where that is not now.
fn not_before(candidate: &Candidate, situation: &Situation<'_>) -> Option<Timestamp> {
    let earliest = candidate.ready_at.max(situation.now);
    let allowed = candidate.window.map_or(earliest, |window| {
        window.next_outside(earliest, situation.zone)
    });
    (allowed > situation.now).then_some(allowed)
}

#[cfg(test)]
mod tests;
