//! Tables that fit the terminal: columns are dropped by priority, never wrapped into rubble.

use crate::palette::{Meaning, paint};
use unicode_width::UnicodeWidthStr;

/// A cell is never wider: one long name must not take the other columns away.
const WIDEST: usize = 48;

/// A table being filled.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    head: String,
    priority: u8,
    right: bool,
}

impl Table {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column. The lowest priority stays longest; 0 is never dropped.
    #[must_use]
    pub fn column(mut self, head: &str, priority: u8) -> Self {
        self.columns.push(Column {
            head: head.into(),
            priority,
            right: false,
        });
        self
    }

    /// Adds a column of numbers, set to the right.
    #[must_use]
    pub fn numbers(mut self, head: &str, priority: u8) -> Self {
        self.columns.push(Column {
            head: head.into(),
            priority,
            right: true,
        });
        self
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells
            .into_iter()
            .map(|cell| match is_plain(&cell) {
                true if cell.len() <= WIDEST => cell,
                _ => clip(&cell.replace(char::is_control, " "), WIDEST),
            })
            .collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// The lines, fitted to `width` characters.
    pub fn lines(&self, width: usize, colour: bool) -> Vec<String> {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                self.rows
                    .iter()
                    .map(|row| width_of(&row[place]))
                    .chain([width_of(&column.head)])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let kept = self.fitting(&widths, width);
        let head = self.line(&kept, &widths, width, |place| &self.columns[place].head);
        std::iter::once(paint(&head, Meaning::Quiet, colour))
            .chain(
                self.rows
                    .iter()
                    .map(|row| self.line(&kept, &widths, width, |place| &row[place])),
            )
            .collect()
    }

    fn line<'a>(
        &self,
        kept: &[usize],
        widths: &[usize],
        width: usize,
        cell: impl Fn(usize) -> &'a str,
    ) -> String {
        let mut text = String::with_capacity(width + 8);
        for (nth, &place) in kept.iter().enumerate() {
            let cell = cell(place);
            let space = std::iter::repeat_n(' ', widths[place].saturating_sub(width_of(cell)));
            if nth > 0 {
                text.push_str("  ");
            }
            if self.columns[place].right {
                text.extend(space);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.extend(space);
            }
        }
        text.truncate(text.trim_end().len());
        if width_of(&text) <= width {
            text
        } else {
            clip(&text, width)
        }
    }

    fn fitting(&self, widths: &[usize], width: usize) -> Vec<usize> {
        // A column whose cells are all empty says nothing.
        let mut kept: Vec<usize> = (0..self.columns.len())
            .filter(|&place| {
                self.columns[place].priority == 0
                    || self.rows.iter().any(|row| !row[place].is_empty())
            })
            .collect();
        while kept.iter().map(|&place| widths[place] + 2).sum::<usize>() > width + 2 {
            let Some(worst) = kept
                .iter()
                .enumerate()
                .max_by_key(|(_, place)| self.columns[**place].priority)
                .map(|(nth, _)| nth)
            else {
                break;
            };
            if self.columns[kept[worst]].priority == 0 {
                break;
            }
            kept.remove(worst);
        }
        kept
    }
}

/// Letters that take one column each, and nothing else: most texts there are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn width_of(text: &str) -> usize {
    if is_plain(text) {
        text.len()
    } else {
        text.width()
    }
}

/// A text cut to a width, with an ellipsis where something was cut.
pub fn clip(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_string();
    }
    let mut clipped = String::new();
    for letter in text.chars() {
        clipped.push(letter);
        if width_of(&clipped) + 1 > width {
            clipped.pop();
            break;
        }
    }
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_priority_when_it_gets_narrow() {
        let mut table = Table::new()
            .column("run", 0)
            .column("command", 2)
            .numbers("loss", 1);
        table.row(["a1".into(), "python train.py".into(), "0.5".into()]);
        assert_eq!(
            table.lines(80, false),
            ["run  command          loss", "a1   python train.py   0.5"]
        );
        assert_eq!(table.lines(20, false), ["run  loss", "a1    0.5"]);
        assert_eq!(table.lines(4, false), ["run", "a1"]);
    }

    #[test]
    fn empty_columns_are_left_out_and_wide_letters_counted() {
        let mut table = Table::new().column("name", 0).column("tags", 1);
        table.row(["日本語".into()]);
        assert_eq!(table.lines(80, false), ["name", "日本語"]);
        assert_eq!(clip("日本語", 5), "日本…");
    }
}
