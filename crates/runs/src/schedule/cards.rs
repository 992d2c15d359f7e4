//! Which cards a job gets.
//!
//! **Whole cards** (`--gpus 2`): cards on which nothing of the queue runs and nothing of anybody else holds memory.
//! **A part of a card** (`--vram 20G`, with `--share`): the fullest card on which it fits, so that whole cards stay free for
//! those who need them. What a card has left is its memory less what is used on it and less what jobs of the queue claimed and
//! have not allocated yet: a job that has just been started counts at its claim.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Memory that a driver, a display and a context without tensors take; a card with no more than this in use is free.
const IDLE_BYTES: u64 = 1 << 30;

/// What a job takes of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// Cards; 0 with memory means one.
    pub gpus: u32,
    /// Bytes of memory on each card; 0 when they were not said.
    pub vram: u64,
    /// Others may be on its cards.
    pub share: bool,
}

impl Claim {
    /// It claims a card at all.
    pub fn any(&self) -> bool {
        self.gpus > 0 || self.vram > 0
    }

    /// How many cards.
    pub fn count(&self) -> usize {
        if self.any() {
            self.gpus.max(1) as usize
        } else {
            0
        }
    }
}

/// A card as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its identity: `GPU-…`, or of a slice of one, `MIG-…`. Never its place, which differs between libraries.
    pub uuid: String,
    /// Its name, for words.
    pub name: String,
    /// Bytes of memory.
    pub total: u64,
    /// Bytes in use, by whomever.
    pub used: u64,
    /// Bytes that jobs of the queue hold on it, by their numbers, where the driver tells that of each process.
    pub held: BTreeMap<i64, u64>,
    /// A process that is no job of the queue computes on it.
    pub others: bool,
    /// Its compute mode lets one process on it only.
    pub exclusive: bool,
}

/// A job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub number: i64,
    /// What it claimed.
    pub claim: Claim,
    /// The cards it was given.
    pub cards: Vec<String>,
    /// It was started a while ago: where the driver does not tell what it holds, its memory counts as allocated.
    pub is_settled: bool,
}

/// The cards a job gets; none where it must wait.
pub(super) fn place(claim: &Claim, cards: &[Card], holders: &[Holder]) -> Option<Vec<String>> {
    let mut fitting: Vec<(u64, &Card)> = cards
        .iter()
        .filter_map(|card| Some((room(claim, card, holders)?, card)))
        .collect();
    if claim.share {
        // The fullest first; the order of the cards decides between equals.
        fitting.sort_by_key(|(room, _)| *room);
    }
    let chosen: Vec<String> = fitting
        .into_iter()
        .take(claim.count())
        .map(|(_, card)| card.uuid.clone())
        .collect();
    (chosen.len() == claim.count()).then_some(chosen)
}

/// What a card has left for a claim; none where it can't take it.
fn room(claim: &Claim, card: &Card, holders: &[Holder]) -> Option<u64> {
    let mut claimed = 0_u64;
    let mut on_it = 0;
    for holder in holders
        .iter()
        .filter(|holder| holder.cards.contains(&card.uuid))
    {
        on_it += 1;
        if !holder.claim.share {
            return None;
        }
        let to_come = match card.held.get(&holder.number) {
            Some(held) => holder.claim.vram.saturating_sub(*held),
            None if holder.is_settled => 0,
            None => holder.claim.vram,
        };
        claimed = claimed.saturating_add(to_come);
    }
    let left = card.total.saturating_sub(card.used).saturating_sub(claimed);
    if claim.share {
        if card.exclusive && (on_it > 0 || card.others) {
            return None;
        }
        return (left >= claim.vram).then_some(left);
    }
    let held: u64 = card.held.values().sum();
    let idle = !card.others && card.used.saturating_sub(held) <= IDLE_BYTES;
    (on_it == 0 && idle && left >= claim.vram).then_some(left)
}

/// Why a claim can never be met here, and what would fit; none where it can.
pub fn impossible(claim: &Claim, cards: &[Card]) -> Option<String> {
    if !claim.any() {
        return None;
    }
    let largest = cards.iter().map(|card| card.total).max();
    let Some(largest) = largest else {
        return Some("this machine has no card that the queue can see".into());
    };
    if claim.count() > cards.len() {
        return Some(format!(
            "it asks for {} cards, and this machine has {}",
            claim.count(),
            cards.len()
        ));
    }
    let fitting = cards.iter().filter(|card| card.total >= claim.vram).count();
    (fitting < claim.count()).then(|| {
        format!(
            "it asks for {} on each of {}; the largest card has {}, and {fitting} have that much",
            deskside_types::units::bytes(claim.vram),
            claim.count(),
            deskside_types::units::bytes(largest)
        )
    })
}
