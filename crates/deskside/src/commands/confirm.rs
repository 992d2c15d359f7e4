//! Asking before something goes.

use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// Shows what would go and asks; without a terminal it is refused. `nothing` says what was left undone, `json` is what
/// is shown where answers are JSON, `show` draws it otherwise, `question` is asked.
///
/// # Errors
/// [`Code::NotConfirmed`] when it is not confirmed.
pub fn confirm(
    ui: &Ui,
    nothing: &str,
    json: &Value,
    show: impl FnOnce(),
    question: &str,
) -> Result<()> {
    let refused = || {
        Problem::new(
            Code::NotConfirmed,
            format!("{nothing}: it was not confirmed"),
        )
    };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(
            refused().hint("without a terminal to ask on, add --yes; --plan shows what would go")
        );
    }
    if ui.json {
        ui.insist(&json.to_string());
    } else {
        show();
    }
    // A prompt is no line, and nobody is there to tell where it can't be written.
    let _ = write!(
        std::io::stderr(),
        "{} [y/N] ",
        ui.tint(question, Meaning::Subject)
    );
    let _ = std::io::stderr().flush();
    let mut reply = String::new();
    let read = std::io::stdin().read_line(&mut reply);
    let yes = matches!(reply.trim().to_lowercase().as_str(), "y" | "yes");
    if read.is_ok() && yes {
        Ok(())
    } else {
        Err(refused())
    }
}
