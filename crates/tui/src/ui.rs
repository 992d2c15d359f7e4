//! The one object that decides what may be printed: stdout is the answer, stderr the talk.

use crate::palette::{Meaning, paint};
use deskside_types::{Code, Problem};
use jiff::tz::TimeZone;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// On a terminal that takes it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What of the environment decides about the screen.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `NO_COLOR` is set and not empty.
    pub no_colour: bool,
    /// `CLICOLOR_FORCE` is set and not `0`.
    pub force_colour: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
    /// The locale is UTF-8.
    pub unicode: bool,
    /// `COLUMNS`, where it is set.
    pub columns: Option<usize>,
    /// The person's home, which is shown as `~`.
    pub home: Option<String>,
    /// The person's time zone; UTC when it is not known.
    pub zone: Option<TimeZone>,
}

/// Where everything that a person sees goes through.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Colour on stdout.
    pub colour: bool,
    /// Colour on stderr.
    pub talk_colour: bool,
    /// Letters beyond ASCII may be used.
    pub unicode: bool,
    /// The width of stdout in characters; 100 when it is no terminal.
    pub width: usize,
    /// Answers are JSON.
    pub json: bool,
    /// No talk but errors.
    pub quiet: bool,
    /// stderr is a terminal that may be repainted.
    pub repaint: bool,
    home: Option<String>,
    zone: TimeZone,
    failed: Arc<Mutex<Option<String>>>,
    /// Answers are said beside another one, which stdout holds alone.
    beside: bool,
}

impl Ui {
    /// Decides from the flags, the environment and what stdout and stderr are.
    pub fn new(
        colour: When,
        json: bool,
        quiet: bool,
        no_progress: bool,
        around: &Surroundings,
    ) -> Self {
        let (out, talk) = (
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        );
        let decide = |terminal: bool| match colour {
            When::Always => true,
            When::Never => false,
            When::Auto => !around.no_colour && (around.force_colour || (terminal && !around.dumb)),
        };
        let terminal_width = if out {
            rustix::termios::tcgetwinsize(std::io::stdout())
                .ok()
                .map(|size| usize::from(size.ws_col))
        } else {
            None
        };
        Self {
            colour: decide(out),
            talk_colour: decide(talk),
            unicode: around.unicode,
            width: terminal_width
                .filter(|width| *width > 0)
                .or(around.columns)
                .unwrap_or(100)
                .clamp(20, 400),
            json,
            quiet,
            repaint: talk && !around.dumb && !no_progress && !quiet,
            home: around.home.clone().filter(|home| home.len() > 1),
            zone: around.zone.clone().unwrap_or(TimeZone::UTC),
            failed: Arc::default(),
            beside: false,
        }
    }

    /// The same for what is done beside an answer that is still to come: its own answers go to stderr.
    pub fn beside(&self) -> Self {
        Self {
            beside: true,
            ..self.clone()
        }
    }

    /// Prints a part of the answer. A reader that went away is no error of ours; anything else is told by [`Ui::finish`].
    pub fn answer(&self, text: &str) {
        if self.beside {
            return self.insist(text);
        }
        let mut out = std::io::stdout().lock();
        if let Err(error) = writeln!(out, "{}", cleaned(text))
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error.to_string());
        }
    }

    /// Whether the whole answer could be written.
    ///
    /// # Errors
    /// When it could not, for a reason other than a reader that went away.
    pub fn finish(&self) -> deskside_types::Result<()> {
        let flushed = std::io::stdout().flush();
        let failed = self
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let failed = failed.or_else(|| {
            flushed
                .err()
                .filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe)
                .map(|error| error.to_string())
        });
        match failed {
            None => Ok(()),
            Some(why) => {
                Err(Problem::new(Code::Effect, "could not write the whole answer").because(why))
            }
        }
    }

    /// Prints bytes of the answer as they are.
    pub fn answer_bytes(&self, bytes: &[u8]) -> std::io::Result<()> {
        if self.beside {
            return std::io::stderr().lock().write_all(bytes);
        }
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Prints a report as JSON: one object, or one a line in streams.
    pub fn answer_json(&self, value: &serde_json::Value, stream: bool) {
        let text = if stream {
            serde_json::to_string(value)
        } else {
            serde_json::to_string_pretty(value)
        };
        self.answer(&text.unwrap_or_default());
    }

    /// Says something beside the answer.
    pub fn talk(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// Says something also when quiet.
    pub fn insist(&self, text: &str) {
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "{}", cleaned(text));
    }

    /// Takes the last lines that were said away again, where stderr may be repainted.
    pub fn erase(&self, lines: usize) {
        if lines > 0 && self.repaint {
            // A closed stderr has nothing to take away.
            let _ = write!(std::io::stderr().lock(), "\x1b[{lines}A\x1b[J");
        }
    }

    /// A text in the colour of its meaning, for stdout.
    pub fn paint(&self, text: &str, meaning: Meaning) -> String {
        paint(text, meaning, self.colour)
    }

    /// A text in the colour of its meaning, for stderr.
    pub fn tint(&self, text: &str, meaning: Meaning) -> String {
        paint(text, meaning, self.talk_colour)
    }

    /// A moment in the person's own time, to the minute.
    pub fn moment(&self, at: jiff::Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }

    /// The time of day of a moment in the person's own time, to the second.
    pub fn moment_to_the_second(&self, at: jiff::Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.zone.clone());
        zoned.strftime("%H:%M:%S").to_string()
    }

    /// A text with paths in the person's home shortened to `~/…`.
    pub fn short(&self, text: &str) -> String {
        match &self.home {
            Some(home) => text.replace(&format!("{}/", home.trim_end_matches('/')), "~/"),
            None => text.to_string(),
        }
    }

    /// Words broken into lines that fit, those behind the first set in by `indent` spaces.
    pub fn wrapped(&self, text: &str, indent: usize) -> String {
        wrap(text, indent, self.width)
    }

    /// `rich` where letters beyond ASCII may be used, else `plain`.
    pub fn letter<'a>(&self, rich: &'a str, plain: &'a str) -> &'a str {
        if self.unicode { rich } else { plain }
    }

    /// Tells of a failure: what, why, what to type next, the code.
    pub fn problem(&self, problem: &Problem) {
        if self.json {
            let mut value = serde_json::to_value(problem).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("schema".into(), "deskside.error".into());
                object.insert("version".into(), 1.into());
                object.insert("exit".into(), problem.code.exit().number().into());
            }
            self.insist(&value.to_string());
            return;
        }
        let stopped = problem.code == Code::Interrupted;
        let head = if stopped {
            self.tint("stopped:", Meaning::Warning)
        } else {
            self.tint("error:", Meaning::Bad)
        };
        self.insist(&format!(
            "{head} {} {}",
            problem.message,
            self.tint(&format!("[{}]", problem.code), Meaning::Quiet)
        ));
        // What a stop interrupted did not fail.
        for cause in problem.causes.iter().filter(|_| !stopped) {
            self.insist(&format!(
                "  {} {cause}",
                self.tint("because:", Meaning::Quiet)
            ));
        }
        for hint in &problem.hints {
            self.insist(&format!("  {} {hint}", self.tint("hint:", Meaning::Hint)));
        }
    }
}

/// A text without anything that moves a terminal but our own colours: names, logs and bundles may come from anybody.
fn cleaned(text: &str) -> std::borrow::Cow<'_, str> {
    let foreign = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if !text.contains(foreign) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(foreign) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour = rest.strip_prefix("\u{1b}[").and_then(|tail| {
            let end = tail.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
            tail[end..].starts_with('m').then_some(end + 3)
        });
        let length = colour.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
        match colour {
            Some(length) => clean.push_str(&rest[..length]),
            None => clean.push('\u{fffd}'),
        }
        rest = &rest[length..];
    }
    clean.push_str(rest);
    clean.into()
}

fn wrap(text: &str, indent: usize, width: usize) -> String {
    let words = text.trim_start();
    let mut line = " ".repeat(text.len() - words.len());
    let mut begun = line.len();
    let mut lines = Vec::new();
    for word in words.split(' ') {
        let used = line.chars().count();
        if used > begun && used + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            begun = indent;
        } else if used > begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{cleaned, wrap};

    #[test]
    fn nothing_foreign_moves_the_terminal() {
        assert_eq!(cleaned("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(
            cleaned("a\u{1b}[1;31mred\u{1b}[0m"),
            "a\u{1b}[1;31mred\u{1b}[0m"
        );
        assert_eq!(
            cleaned("a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}d\r"),
            "a\u{fffd}]0;title\u{fffd}b\u{fffd}[2Jc\u{fffd}d\u{fffd}"
        );
        assert_eq!(cleaned("end\u{1b}"), "end\u{fffd}");
    }

    #[test]
    fn words_are_wrapped_and_set_in() {
        assert_eq!(wrap("  + one two three", 4, 11), "  + one two\n    three");
        assert_eq!(
            wrap("a-word-longer-than-the-line", 2, 5),
            "a-word-longer-than-the-line"
        );
        assert_eq!(wrap("", 2, 5), "");
    }
}
