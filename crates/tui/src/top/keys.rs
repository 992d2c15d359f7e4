//! Keys: what is typed, and what is wanted by it.

use super::state::{Over, State};

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A letter.
    Letter(char),
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// To the first.
    Home,
    /// To the last.
    End,
    /// Enter.
    Enter,
    /// Escape.
    Escape,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing, or it was only something about the view.
    Nothing,
    /// To leave.
    Quit,
    /// To end a job.
    Stop(String),
    /// To keep a job from starting.
    Hold(String),
    /// To let it start.
    Release(String),
    /// To move a job before another.
    Before(String, String),
    /// To move a job behind another.
    Behind(String, String),
}

/// The keys in bytes from a terminal (ECMA-48, and xterm's control sequences).
pub fn read(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'\r' | b'\n' => keys.push(Key::Enter),
            0x1b => {
                let Some((b'[' | b'O', tail)) = rest.split_first() else {
                    keys.push(Key::Escape);
                    continue;
                };
                let end = tail.iter().position(|byte| (0x40..=0x7e).contains(byte));
                let Some(end) = end else { break };
                let key = match (&tail[..end], tail[end]) {
                    (_, b'A') => Some(Key::Up),
                    (_, b'B') => Some(Key::Down),
                    (_, b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
                    (_, b'F') | (b"4" | b"8", b'~') => Some(Key::End),
                    (b"5", b'~') => Some(Key::PageUp),
                    (b"6", b'~') => Some(Key::PageDown),
                    _ => None,
                };
                keys.extend(key);
                rest = &tail[end + 1..];
            }
            letter if letter.is_ascii_graphic() || *letter == b' ' => {
                keys.push(Key::Letter(char::from(*letter)));
            }
            _ => {}
        }
    }
    keys
}

/// Changes the state, and says what is wanted beyond it.
pub fn press(state: &mut State, key: Key) -> Wanted {
    state.message = None;
    match std::mem::take(&mut state.over) {
        Over::None => {}
        Over::Help => return Wanted::Nothing,
        Over::Stop(job, _) => {
            return match key {
                Key::Letter('y' | 'Y') => Wanted::Stop(job),
                _ => Wanted::Nothing,
            };
        }
    }
    let rows = state.rows();
    let last = rows.len().saturating_sub(1);
    let row = rows.get(state.chosen);
    match key {
        Key::Letter('q' | 'Q') => return Wanted::Quit,
        Key::Escape if state.open => state.open = false,
        Key::Escape => {}
        Key::Letter('?') => state.over = Over::Help,
        Key::Up | Key::Letter('k') => state.chosen = state.chosen.saturating_sub(1),
        Key::Down | Key::Letter('j') => state.chosen = (state.chosen + 1).min(last),
        Key::PageUp => state.chosen = state.chosen.saturating_sub(10),
        Key::PageDown => state.chosen = (state.chosen + 10).min(last),
        Key::Home => state.chosen = 0,
        Key::End => state.chosen = last,
        Key::Enter => state.open = !state.open && row.is_some(),
        Key::Letter('s') => {
            if let Some(row) = row {
                state.over = Over::Stop(row.job.clone(), row.name.clone());
            }
        }
        Key::Letter('h') => match row {
            Some(row) if row.state == "held" => return Wanted::Release(row.job.clone()),
            Some(row) if row.waits => return Wanted::Hold(row.job.clone()),
            Some(_) => state.message = Some("only a job that waits can be held".into()),
            None => {}
        },
        Key::Letter('+' | '-') => match row {
            Some(row) if row.waits => {
                let up = key == Key::Letter('+');
                let other = if up {
                    state.chosen.checked_sub(1)
                } else {
                    Some(state.chosen + 1)
                };
                let other = other
                    .and_then(|at| rows.get(at))
                    .filter(|other| other.waits);
                if let Some(other) = other {
                    let (job, other) = (row.job.clone(), other.job.clone());
                    return if up {
                        Wanted::Before(job, other)
                    } else {
                        Wanted::Behind(job, other)
                    };
                }
                state.message = Some(
                    if up {
                        "it is the first already"
                    } else {
                        "it is the last already"
                    }
                    .into(),
                );
            }
            Some(_) => state.message = Some("only a job that waits can be moved".into()),
            None => {}
        },
        Key::Letter(_) => {}
    }
    Wanted::Nothing
}
