//! What holds for the whole queue: its slots, and the cards it may use.

use super::{Queue, broken};
use crate::schedule::Card;
use deskside_types::Result;
use rusqlite::{Connection, OptionalExtension};

impl Queue<'_> {
    /// How many jobs without a claim run at once.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn slots(&self) -> Result<u32> {
        slots(&self.connection).map_err(|error| broken("read the queue", &error))
    }

    /// Sets how many jobs without a claim run at once.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn set_slots(&mut self, slots: u32) -> Result<()> {
        self.connection
            .execute(
                "INSERT INTO settings VALUES ('slots', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
                [slots.to_string()],
            )
            .map(drop)
            .map_err(|error| broken("write the queue", &error))
    }

    /// Sets which cards the queue may use, in the order in which they are taken; all when none is named.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn set_cards(&mut self, uuids: &[String]) -> Result<()> {
        self.connection
            .execute(
                "INSERT INTO settings VALUES ('cards', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
                [uuids.join(" ")],
            )
            .map(drop)
            .map_err(|error| broken("write the queue", &error))
    }
}

pub(super) fn slots(connection: &Connection) -> rusqlite::Result<u32> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = 'slots'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// The cards that the queue may use, in the order a person gave them; all, as they come, where none is named.
pub(super) fn usable(connection: &Connection, cards: &[Card]) -> rusqlite::Result<Vec<Card>> {
    let named: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = 'cards'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let named = named.unwrap_or_default();
    if named.is_empty() {
        return Ok(cards.to_vec());
    }
    Ok(named
        .split_whitespace()
        .filter_map(|uuid| cards.iter().find(|card| card.uuid == uuid))
        .cloned()
        .collect())
}
