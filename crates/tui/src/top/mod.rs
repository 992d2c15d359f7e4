//! The view of `deskside top`: a state, keys that change it, and a pure drawing of it.
//!
//! `frame` is a grid of letters with meanings; `view` draws a state into one; `keys` reads what is typed and says what is
//! wanted; `terminal` holds the real one: raw, on its other screen, and given back on every way out.

mod chart;
mod frame;
mod keys;
mod state;
mod terminal;
mod view;

#[cfg(test)]
mod tests;

pub use frame::Frame;
pub use keys::{Key, Wanted, press, read};
pub use state::State;
pub use terminal::{Terminal, restore};
pub use view::view;
