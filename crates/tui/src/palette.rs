//! One palette by meaning. No other place names a colour.

use anstyle::{AnsiColor, Style};

/// What a piece of text means; the colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Done, in order.
    Good,
    /// Failed.
    Bad,
    /// Worth a look.
    Warning,
    /// A command to type, a path.
    Hint,
    /// What a line is about.
    Subject,
    /// Less important.
    Quiet,
}

/// A text in the colour of its meaning, or as it is when colour is off.
pub fn paint(text: &str, meaning: Meaning, colour: bool) -> String {
    if !colour || text.is_empty() {
        return text.to_string();
    }
    let style = match meaning {
        Meaning::Good => AnsiColor::Green.on_default(),
        Meaning::Bad => AnsiColor::Red.on_default().bold(),
        Meaning::Warning => AnsiColor::Yellow.on_default(),
        Meaning::Hint => AnsiColor::Cyan.on_default(),
        Meaning::Subject => Style::new().bold(),
        Meaning::Quiet => Style::new().dimmed(),
    };
    format!("{style}{text}{style:#}")
}
