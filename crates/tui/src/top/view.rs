//! The drawing: pure, the same state gives the same frame.

use super::chart::{area, bar};
use super::frame::Frame;
use super::state::{Over, State};
use crate::palette::Meaning;
use crate::table::clip;
use deskside_app::runs::Curve;
use deskside_app::top::{Chosen, TopGpu, TopReport};
use deskside_types::units;
use std::time::Duration;

/// A smaller terminal is told to grow.
const LEAST: (usize, usize) = (50, 12);

/// Draws a state.
pub fn view(state: &State, width: usize, height: usize) -> Frame {
    let mut frame = Frame::new(width, height);
    if width < LEAST.0 || height < LEAST.1 {
        frame.put(
            0,
            0,
            &format!(
                "deskside top needs {} columns and {} rows",
                LEAST.0, LEAST.1
            ),
            None,
        );
        return frame;
    }
    let Some(report) = &state.report else {
        frame.put(0, 0, "looking at the machine …", Some(Meaning::Quiet));
        return frame;
    };
    header(&mut frame, state, report);
    let mut row = host(&mut frame, state, report, 1);
    let foot = height - 1;
    row = gpus(&mut frame, state, report, row, foot);
    if state.open {
        opened(&mut frame, state, report, row, foot);
    } else {
        row = list(&mut frame, state, report, row, foot);
        log(&mut frame, state, report, row, foot);
    }
    footer(&mut frame, state, report, foot);
    if state.over == Over::Help {
        help(&mut frame);
    }
    frame
}

fn header(frame: &mut Frame, state: &State, report: &TopReport) {
    let mut at = frame.put(0, 0, "deskside top", Some(Meaning::Subject));
    if let Some(host) = &report.host {
        at = frame.put(0, at + 2, host, None);
    }
    let counts = format!(
        "{} running, {} waiting",
        report.running.len(),
        report.waiting_total
    );
    frame.put(0, at + 2, &counts, Some(Meaning::Quiet));
    frame.put_right(0, frame.width(), &state.clock, Some(Meaning::Quiet));
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

fn rate(bytes: f64) -> String {
    units::bytes(bytes.max(0.0) as u64)
}

fn host(frame: &mut Frame, state: &State, report: &TopReport, row: usize) -> usize {
    let percent = report
        .cpu_percent
        .map_or_else(|| "  - ".into(), |percent| format!("{percent:3.0} %"));
    let mut at = frame.put(row, 0, &format!("CPU    {percent} "), None);
    let wide = (frame.width() / 8).min(16);
    let chart = area(&state.of_cpu(), wide, 1, state.unicode);
    frame.put(row, at + 1, &chart[0], Some(Meaning::Hint));
    at += wide + 3;
    if let (Some(used), Some(total)) = (report.memory_used, report.memory_total) {
        let text = format!("memory {} of {} GiB", gibibytes(used), gibibytes(total));
        let low = used as f64 > total as f64 * 0.92;
        at = frame.put(row, at, &text, low.then_some(Meaning::Warning)) + 2;
    }
    if let (Some(received), Some(sent)) = (report.received, report.sent) {
        let [down, up] = if state.unicode {
            ["↓", "↑"]
        } else {
            ["in ", "out "]
        };
        let text = format!("net {down}{} {up}{}/s", rate(received), rate(sent));
        if at + text.chars().count() <= frame.width() {
            at = frame.put(row, at, &text, None) + 2;
        }
    }
    if let Some(watts) = report.watts {
        let text = format!("{watts:.0} W");
        if at + text.len() <= frame.width() {
            frame.put(row, at, &text, None);
        }
    }
    row + 1
}

/// Cards: a line each, and under it a chart as tall as there is room for.
fn gpus(frame: &mut Frame, state: &State, report: &TopReport, row: usize, foot: usize) -> usize {
    let mut row = row;
    let count = report.gpus.len();
    // More than half of what is left is for runs and the log.
    let room = (foot - row) * 2 / 5;
    let chart = room
        .checked_div(count)
        .map_or(0, |each| each.saturating_sub(1))
        .min(4);
    for (nth, gpu) in report.gpus.iter().enumerate() {
        if nth >= room.max(1) {
            let more = format!("and {}", units::count(count - nth, "more card"));
            frame.put(row, 0, &more, Some(Meaning::Quiet));
            return row + 1;
        }
        card(frame, state, gpu, row);
        row += 1;
        let lines = area(
            &state.of_gpu(gpu.place),
            frame.width() - 7,
            chart,
            state.unicode,
        );
        for (nth, line) in lines.iter().enumerate() {
            if nth == 0 {
                frame.put(row, 1, "100 %", Some(Meaning::Quiet));
            }
            frame.put(row, 7, line, Some(Meaning::Good));
            row += 1;
        }
    }
    row
}

fn card(frame: &mut Frame, state: &State, gpu: &TopGpu, row: usize) {
    let name = gpu
        .name
        .trim_start_matches("NVIDIA ")
        .trim_start_matches("GeForce ");
    let wide = if frame.width() >= 100 { 24 } else { 14 };
    let mut at = frame.put(row, 0, &format!("GPU {:<2} ", gpu.place), None);
    frame.put(row, at, &clip(name, wide), Some(Meaning::Subject));
    at += wide + 1;
    let percent = gpu
        .utilization
        .map_or_else(|| "  - ".into(), |percent| format!("{percent:3.0} %"));
    at = frame.put(row, at, &percent, Some(Meaning::Good)) + 1;
    if let (Some(used), Some(total)) = (gpu.memory_used, gpu.memory_total) {
        let share = used as f64 / total.max(1) as f64;
        let meaning = if share > 0.95 {
            Meaning::Warning
        } else {
            Meaning::Hint
        };
        at = frame.put(row, at + 1, &bar(share, 8, state.unicode), Some(meaning));
        at = frame.put(
            row,
            at + 1,
            &format!("{}/{} GiB", gibibytes(used), gibibytes(total)),
            None,
        ) + 1;
    }
    let watts = match (gpu.power_watts, gpu.power_limit) {
        (Some(watts), Some(limit)) => format!("{watts:3.0}/{limit:.0} W"),
        (Some(watts), None) => format!("{watts:3.0} W"),
        _ => String::new(),
    };
    at = frame.put(row, at + 1, &watts, None);
    if let Some(degrees) = gpu.temperature {
        let meaning = (degrees >= 85.0).then_some(Meaning::Warning);
        at = frame.put(
            row,
            at + 2,
            &format!("{degrees:.0}{}", if state.unicode { "°" } else { " C" }),
            meaning,
        );
    }
    let mut words: Vec<(String, Meaning)> = gpu
        .throttled
        .iter()
        .map(|why| {
            (
                why.clone(),
                if why.contains("heat") || why.contains("brake") || why.contains("hardware") {
                    Meaning::Bad
                } else {
                    Meaning::Quiet
                },
            )
        })
        .collect();
    words.extend(gpu.runs.iter().map(|name| (name.clone(), Meaning::Hint)));
    if gpu.others > 0 {
        words.push((
            format!("{} of others", units::count(gpu.others, "process")),
            Meaning::Warning,
        ));
    }
    for (word, meaning) in words {
        if at + 2 + word.chars().count() <= frame.width() {
            at = frame.put(row, at + 2, &word, Some(meaning));
        }
    }
}

/// What runs and what waits. At most so many rows that the log has a few.
fn list(frame: &mut Frame, state: &State, report: &TopReport, row: usize, foot: usize) -> usize {
    let rows = state.rows();
    let head = row;
    rule(frame, head, "runs and queue", state.unicode);
    if rows.is_empty() {
        let text = "nothing runs and nothing waits:  deskside run --queue -- python train.py";
        frame.put(head + 1, 1, text, Some(Meaning::Quiet));
        return head + 2;
    }
    let left = foot.saturating_sub(head + 1);
    let log = if left > 6 { (left / 3).max(3) } else { 0 };
    let shown = left.saturating_sub(log).max(1).min(rows.len());
    let first = (state.chosen + 1)
        .saturating_sub(shown)
        .min(rows.len() - shown);
    for (nth, at) in (first..first + shown).enumerate() {
        let line = head + 1 + nth;
        let cells = match report.running.get(at) {
            Some(run) => Cells {
                number: run
                    .number
                    .map_or_else(|| "-".into(), |number| number.to_string()),
                name: &run.name,
                state: &run.state,
                time: run
                    .duration_ms
                    .map(|span| units::duration(Duration::from_millis(span)))
                    .unwrap_or_default(),
                what: run.reason.clone().unwrap_or_else(|| run.command.clone()),
            },
            None => match report.waiting.get(at - report.running.len()) {
                Some(job) => Cells {
                    number: job.number.to_string(),
                    name: &job.name,
                    state: &job.state,
                    time: String::new(),
                    what: job.reason.clone().unwrap_or_else(|| job.command.clone()),
                },
                None => continue,
            },
        };
        cells.draw(frame, line);
        if at == state.chosen {
            frame.put(line, 0, ">", None);
            frame.mark(line);
        }
    }
    let below = report.waiting_total + report.running.len() - first - shown;
    if below > 0 {
        let text = format!(" {below} more below ");
        frame.put_right(head, frame.width() - 2, &text, Some(Meaning::Quiet));
    }
    head + 1 + shown
}

struct Cells<'a> {
    number: String,
    name: &'a str,
    state: &'a str,
    time: String,
    what: String,
}

impl Cells<'_> {
    fn draw(&self, frame: &mut Frame, row: usize) {
        let wide = (frame.width() / 4).clamp(12, 32);
        frame.put_right(row, 7, &self.number, Some(Meaning::Quiet));
        frame.put(row, 8, &clip(self.name, wide), Some(Meaning::Subject));
        let meaning = match self.state {
            "running" => Meaning::Good,
            "held" | "paused" | "lost" => Meaning::Warning,
            _ => Meaning::Quiet,
        };
        frame.put(row, 9 + wide, self.state, Some(meaning));
        frame.put_right(row, 27 + wide, &self.time, None);
        let left = frame.width().saturating_sub(29 + wide);
        frame.put(
            row,
            29 + wide,
            &clip(&self.what.replace('\n', " "), left),
            Some(Meaning::Quiet),
        );
    }
}

fn rule(frame: &mut Frame, row: usize, title: &str, unicode: bool) {
    let line = if unicode { "─" } else { "-" };
    frame.put(row, 0, &line.repeat(frame.width()), Some(Meaning::Quiet));
    frame.put(
        row,
        2,
        &format!(" {} ", clip(title, frame.width().saturating_sub(24))),
        Some(Meaning::Subject),
    );
}

fn title(state: &State, what: &str) -> String {
    state.row().map_or_else(
        || what.to_string(),
        |row| format!("{what} of {} {}", row.job, row.name),
    )
}

/// The last lines of the chosen run's log.
fn log(frame: &mut Frame, state: &State, report: &TopReport, row: usize, foot: usize) {
    if row + 1 >= foot {
        return;
    }
    rule(frame, row, &title(state, "log"), state.unicode);
    let chosen = of_row(state, report);
    let room = foot - row - 1;
    match chosen {
        None => {
            let text = if state.row().is_some() {
                "it has not begun"
            } else {
                ""
            };
            frame.put(row + 1, 1, text, Some(Meaning::Quiet));
        }
        Some(chosen) => {
            let lines = &chosen.log[chosen.log.len().saturating_sub(room)..];
            for (nth, line) in lines.iter().enumerate() {
                frame.put(row + 1 + nth, 1, &plain(line), None);
            }
            if lines.is_empty() {
                frame.put(row + 1, 1, "it has said nothing yet", Some(Meaning::Quiet));
            }
        }
    }
}

/// What is known of the run in the chosen row.
fn of_row<'a>(state: &State, report: &'a TopReport) -> Option<&'a Chosen> {
    let run = state.row()?.run?;
    report.chosen.as_ref().filter(|chosen| chosen.run == run)
}

/// A line of a log without the colours it has for a terminal.
fn plain(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            let mut inside = letters.clone();
            if inside.next() == Some('[') {
                for letter in inside.by_ref() {
                    if ('@'..='~').contains(&letter) {
                        break;
                    }
                }
                letters = inside;
            }
            continue;
        }
        match letter {
            '\t' => clean.push_str("    "),
            letter if letter.is_control() => {}
            letter => clean.push(letter),
        }
    }
    clean
}

/// The chosen run alone: its curves, what it takes, its log.
fn opened(frame: &mut Frame, state: &State, report: &TopReport, row: usize, foot: usize) {
    rule(frame, row, &title(state, "run"), state.unicode);
    let mut row = row + 1;
    let Some(chosen) = of_row(state, report) else {
        frame.put(row, 1, "it has not begun", Some(Meaning::Quiet));
        return;
    };
    if let Some(measured) = &chosen.measured {
        let mut words = Vec::new();
        words.extend(
            measured
                .vram_peak()
                .map(|bytes| format!("at most {} on a card", units::bytes(bytes))),
        );
        words.extend(
            measured
                .memory_peak
                .map(|bytes| format!("at most {} of memory", units::bytes(bytes))),
        );
        words.extend(
            measured
                .cpu_percent
                .map(|percent| format!("{:.1} cores", percent / 100.0)),
        );
        frame.put(row, 1, &words.join(", "), None);
        row += 1;
    }
    let room = foot.saturating_sub(row);
    let tall = if room >= 16 { 3 } else { 1 };
    let most = (room / 2) / (tall + usize::from(tall > 1));
    for curve in chosen.curves.iter().take(most) {
        row = draw_curve(frame, state, curve, row, tall);
    }
    log(frame, state, report, row, foot);
}

fn draw_curve(frame: &mut Frame, state: &State, curve: &Curve, row: usize, tall: usize) -> usize {
    let finite: Vec<f64> = curve
        .values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let head = format!("{} {}", clip(&curve.name, 20), units::number(curve.last));
    let span = if high > low { high - low } else { 1.0 };
    let name = 34.min(frame.width() / 3);
    let wide = frame
        .width()
        .saturating_sub(if tall > 1 { 3 } else { name + 2 });
    // Each value as wide as there is room.
    let columns = if state.unicode { wide * 2 } else { wide };
    let shares: Vec<f64> = (0..columns)
        .filter_map(|column| {
            curve
                .values
                .get(column * curve.values.len() / columns.max(1))
        })
        .map(|value| {
            if value.is_finite() {
                ((value - low) / span).max(0.001)
            } else {
                0.0
            }
        })
        .collect();
    let lines = area(&shares, wide, tall, state.unicode);
    if tall == 1 {
        frame.put(row, 1, &clip(&head, name - 1), None);
        frame.put(row, name + 1, &lines[0], Some(Meaning::Hint));
        return row + 1;
    }
    frame.put(row, 1, &head, Some(Meaning::Subject));
    let range = format!("{} to {}", units::number(low), units::number(high));
    frame.put_right(row, frame.width() - 1, &range, Some(Meaning::Quiet));
    for (nth, line) in lines.iter().enumerate() {
        frame.put(row + 1 + nth, 1, line, Some(Meaning::Hint));
    }
    row + 1 + tall
}

fn footer(frame: &mut Frame, state: &State, report: &TopReport, foot: usize) {
    if let Over::Stop(job, name) = &state.over {
        let text = format!("stop {job} {name}? y/N");
        frame.put(foot, 0, &text, Some(Meaning::Warning));
        return;
    }
    if let Some(message) = state.message.as_ref().or(report.warnings.first()) {
        frame.put(
            foot,
            0,
            &clip(message, frame.width()),
            Some(Meaning::Warning),
        );
        return;
    }
    let keys = if state.unicode {
        "↑↓ choose  Enter open  s stop  h hold  +/- move  ? help  q quit"
    } else {
        "up/down choose  Enter open  s stop  h hold  +/- move  ? help  q quit"
    };
    frame.put(foot, 0, keys, Some(Meaning::Quiet));
}

fn help(frame: &mut Frame) {
    const LINES: [&str; 13] = [
        "",
        "  arrows, j k    choose a run or a job",
        "  Enter          open it: curves, what it takes, its log",
        "  Esc            back",
        "  s              stop it, with all it started (asks)",
        "  h              hold a job that waits, or release it",
        "  + -            move a job that waits up or down",
        "  q, Ctrl-C      quit; nothing is stopped by it",
        "",
        "  A card's chart is the share of the time in which it",
        "  computed, the newest at the right.",
        "  any key closes this",
        "",
    ];
    let wide = 60.min(frame.width());
    let (top, left) = (
        (frame.height().saturating_sub(LINES.len())) / 2,
        (frame.width() - wide) / 2,
    );
    for (nth, line) in LINES.iter().enumerate() {
        frame.put(top + nth, left, &format!("{line:<wide$}"), None);
        frame.put(top + nth, left, "|", Some(Meaning::Quiet));
        frame.put(top + nth, left + wide - 1, "|", Some(Meaning::Quiet));
    }
    let edge = format!("+{}+", "-".repeat(wide - 2));
    frame.put(top, left, &edge, Some(Meaning::Quiet));
    frame.put(top + LINES.len() - 1, left, &edge, Some(Meaning::Quiet));
}
