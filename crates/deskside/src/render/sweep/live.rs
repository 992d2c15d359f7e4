//! A sweep while somebody looks on.

use super::{best_line, standing, table, value};
use deskside_app::sweep::{SweepReport, TrialRow};
use deskside_tui::Ui;
use deskside_tui::table::clip;

/// A sweep while it goes on: on a terminal a few lines that are drawn over, else a line for every trial that ended.
pub struct Live<'a> {
    ui: &'a Ui,
    drawn: usize,
    told: Vec<u64>,
}

impl<'a> Live<'a> {
    /// Nothing is drawn yet.
    pub fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            drawn: 0,
            told: Vec::new(),
        }
    }

    /// Draws how it is now.
    pub fn draw(&mut self, report: &SweepReport) {
        if self.ui.repaint {
            let mut lines = vec![standing(report)];
            lines.extend(best_line(self.ui, report));
            let live = report
                .trials
                .iter()
                .filter(|trial| trial.state == "running");
            let others = report
                .trials
                .iter()
                .filter(|trial| trial.state != "running");
            let shown: Vec<&TrialRow> = live.chain(others).take(12).collect();
            if !shown.is_empty() {
                lines.extend(
                    table(self.ui, report, &shown).lines(self.ui.width, self.ui.talk_colour),
                );
            }
            self.clear();
            self.drawn = lines.len();
            for (at, line) in lines.iter().enumerate() {
                // A line that the terminal breaks would be two; those of the table fit, and hold colours.
                let fits = if at < 2 {
                    clip(line, self.ui.width)
                } else {
                    line.clone()
                };
                self.ui.talk(&fits);
            }
            return;
        }
        let over = |trial: &&TrialRow| !["running", "waiting"].contains(&trial.state.as_str());
        let mut ended: Vec<&TrialRow> = report
            .trials
            .iter()
            .filter(over)
            .filter(|trial| !self.told.contains(&trial.trial))
            .collect();
        ended.sort_by_key(|trial| trial.trial);
        for trial in ended {
            self.told.push(trial.trial);
            let values: Vec<String> = report
                .parameters
                .iter()
                .filter_map(|name| Some(format!("{name}={}", trial.values.get(name)?)))
                .collect();
            let why = trial
                .why
                .as_ref()
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            self.ui.talk(&format!(
                "trial {} {} {} {}{why}",
                trial.trial,
                trial.state,
                value(self.ui, trial),
                values.join(" ")
            ));
        }
    }

    /// Takes away what was drawn.
    pub fn clear(&mut self) {
        self.ui.erase(self.drawn);
        self.drawn = 0;
    }
}
