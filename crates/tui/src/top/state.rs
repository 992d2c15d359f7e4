//! What the view is drawn from: the newest report, what came before, and what is chosen.

use deskside_app::top::TopReport;
use std::collections::{BTreeMap, VecDeque};

/// Values that are kept for charts.
const KEPT: usize = 800;

/// What is shown over everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Over {
    /// Nothing.
    #[default]
    None,
    /// What the keys do.
    Help,
    /// A question: the job, its name.
    Stop(String, String),
}

/// The state of the view.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The newest report; none before the first.
    pub report: Option<TopReport>,
    /// The row that is chosen, among those that run and then those that wait.
    pub chosen: usize,
    /// The chosen run is shown alone.
    pub open: bool,
    /// What is shown over everything.
    pub over: Over,
    /// What was done or could not be done.
    pub message: Option<String>,
    /// Letters beyond ASCII may be used.
    pub unicode: bool,
    /// The time of day, as it is shown.
    pub clock: String,
    gpus: BTreeMap<u32, VecDeque<f64>>,
    cpu: VecDeque<f64>,
}

/// A row that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What `stop` and the others call it: its number, or its run.
    pub job: String,
    /// Its name.
    pub name: String,
    /// Its run, where it has one.
    pub run: Option<String>,
    /// Its state in a word.
    pub state: String,
    /// It waits: it can be moved and held.
    pub waits: bool,
}

impl State {
    /// Nothing is known yet.
    pub fn new(unicode: bool) -> Self {
        Self {
            unicode,
            ..Self::default()
        }
    }

    /// Takes a report; the choice stays with its job.
    pub fn take(&mut self, report: TopReport) {
        let chosen = self.row().map(|row| row.job);
        let push = |series: &mut VecDeque<f64>, value: Option<f64>| {
            series.push_back(value.unwrap_or(0.0) / 100.0);
            if series.len() > KEPT {
                series.pop_front();
            }
        };
        push(&mut self.cpu, report.cpu_percent);
        for gpu in &report.gpus {
            push(self.gpus.entry(gpu.place).or_default(), gpu.utilization);
        }
        self.report = Some(report);
        let rows = self.rows();
        self.chosen = chosen
            .and_then(|job| rows.iter().position(|row| row.job == job))
            .unwrap_or(self.chosen)
            .min(rows.len().saturating_sub(1));
    }

    /// All rows that can be chosen.
    pub fn rows(&self) -> Vec<Row> {
        let Some(report) = &self.report else {
            return Vec::new();
        };
        let running = report.running.iter().map(|row| Row {
            job: row
                .number
                .map_or_else(|| row.run.clone(), |number| number.to_string()),
            name: row.name.clone(),
            run: Some(row.run.clone()),
            state: row.state.clone(),
            waits: false,
        });
        let waiting = report.waiting.iter().map(|row| Row {
            job: row.number.to_string(),
            name: row.name.clone(),
            run: row.run.clone(),
            state: row.state.clone(),
            waits: true,
        });
        running.chain(waiting).collect()
    }

    /// The row that is chosen.
    pub fn row(&self) -> Option<Row> {
        self.rows().into_iter().nth(self.chosen)
    }

    /// The values of a card, oldest first, as shares.
    pub fn of_gpu(&self, place: u32) -> Vec<f64> {
        self.gpus
            .get(&place)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// The values of the processors.
    pub fn of_cpu(&self) -> Vec<f64> {
        self.cpu.iter().copied().collect()
    }
}
