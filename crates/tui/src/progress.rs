//! Progress of a plan's steps on stderr: a line that moves on a terminal, a line a step elsewhere.

use crate::palette::Meaning;
use crate::table::clip;
use crate::ui::Ui;
use deskside_types::units;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Draws the steps of a plan as they go on.
pub struct Steps<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
    title: String,
    waiting: String,
}

impl<'a> Steps<'a> {
    /// Nothing is drawn yet.
    pub fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            bar: None,
            title: String::new(),
            waiting: String::new(),
        }
    }

    /// A step begins.
    pub fn begin(&mut self, title: &str, place: usize, of: usize) {
        self.title = self.ui.short(title);
        self.waiting.clear();
        let title = &self.title;
        if !self.ui.repaint {
            self.ui.talk(&format!("[{place}/{of}] {title}"));
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant, so a failure to parse it only costs the decoration.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed}") {
            bar.set_style(style.tick_strings(if self.ui.unicode {
                &["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", " "]
            } else {
                &["-", "\\", "|", "/", " "]
            }));
        }
        bar.set_prefix(format!("[{place}/{of}] {title}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        self.bar = Some(bar);
    }

    /// Bytes of a download arrived.
    pub fn bytes(&self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            bar.set_message(match total {
                Some(total) if total > 0 => format!(
                    "{} of {} ({} %)",
                    units::bytes(done),
                    units::bytes(total),
                    done * 100 / total
                ),
                _ => units::bytes(done),
            });
        }
    }

    /// A command said a line.
    pub fn line(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(clip(
                line.trim(),
                self.ui.width.saturating_sub(self.title.len() + 24).max(10),
            ));
        }
    }

    /// Somebody else is waited for: said whole, once for each, above whatever moves.
    pub fn waiting(&mut self, who: &str) {
        if self.waiting == who {
            return;
        }
        self.waiting = who.to_string();
        let text = self.ui.wrapped(&format!("      {who}"), 6);
        match &self.bar {
            Some(bar) => bar.suspend(|| self.ui.talk(&text)),
            None => self.ui.talk(&text),
        }
    }

    /// The step is done and stays as a line.
    pub fn done(&mut self, span: Duration) {
        self.clear();
        let mark = self.ui.tint(self.ui.letter("✓", "ok"), Meaning::Good);
        if !self.ui.repaint {
            self.ui
                .talk(&format!("      {mark} {}", units::duration(span)));
            return;
        }
        self.ui.talk(&format!(
            "{mark} {} {}",
            self.title,
            self.ui
                .tint(&format!("({})", units::duration(span)), Meaning::Quiet)
        ));
    }

    /// Whatever moves is taken off the screen.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}
