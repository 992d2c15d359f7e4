//! Asking before something goes.

use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// Shows what would be done and asks; without a terminal it is refused. `nothing` says what was left undone, `json` is
/// what is shown where answers are JSON, `show` draws it otherwise, `question` is asked.
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
    if !has_terminal() {
        return Err(refused(nothing)
            .hint("without a terminal to ask on, add --yes; --plan shows what would go"));
    }
    shown(ui, json, show);
    if asked(ui, question) {
        Ok(())
    } else {
        Err(refused(nothing))
    }
}

/// Shows what would be done and has this machine's name typed: for what can't simply be taken back.
///
/// # Errors
/// [`Code::NotConfirmed`] when another name is typed, or there is no terminal.
pub fn type_name(
    ui: &Ui,
    nothing: &str,
    json: &Value,
    show: impl FnOnce(),
    name: &str,
) -> Result<()> {
    if !has_terminal() {
        return Err(refused(nothing).hint(format!(
            "without a terminal to ask on, add --machine-name {}",
            deskside_types::shell::quoted(name)
        )));
    }
    shown(ui, json, show);
    let question = format!("This is a deep change. Type this machine's name ({name}):");
    if reply(ui, &question) == name {
        Ok(())
    } else {
        Err(refused(nothing))
    }
}

/// Whether the answer to a question is yes; no where there is no terminal to ask on.
pub fn asked(ui: &Ui, question: &str) -> bool {
    has_terminal()
        && matches!(
            reply(ui, &format!("{question} [y/N]"))
                .to_lowercase()
                .as_str(),
            "y" | "yes"
        )
}

/// Somebody can be asked.
pub fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn refused(nothing: &str) -> Problem {
    Problem::new(
        Code::NotConfirmed,
        format!("{nothing}: it was not confirmed"),
    )
}

fn shown(ui: &Ui, json: &Value, show: impl FnOnce()) {
    if ui.json {
        ui.insist(&json.to_string());
    } else {
        show();
    }
}

/// What is typed; nothing where it can't be read.
pub fn reply(ui: &Ui, question: &str) -> String {
    // A prompt is no line, and nobody is there to tell where it can't be written.
    let _ = write!(
        std::io::stderr(),
        "{} ",
        ui.tint(question, Meaning::Subject)
    );
    let _ = std::io::stderr().flush();
    let mut reply = String::new();
    match std::io::stdin().read_line(&mut reply) {
        Ok(_) => reply.trim().to_string(),
        Err(_) => String::new(),
    }
}
