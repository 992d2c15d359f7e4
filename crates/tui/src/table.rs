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
            .map(|cell| clip(&cell.replace(char::is_control, " "), WIDEST))
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
                    .map(|row| row[place].width())
                    .chain([column.head.width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let kept = self.fitting(&widths, width);
        let line = |cell: &dyn Fn(usize) -> String| -> String {
            let mut text = String::new();
            for (nth, &place) in kept.iter().enumerate() {
                let cell = cell(place);
                let space = widths[place].saturating_sub(cell.width());
                if nth > 0 {
                    text.push_str("  ");
                }
                if self.columns[place].right {
                    text.push_str(&" ".repeat(space));
                    text.push_str(&cell);
                } else {
                    text.push_str(&cell);
                    text.push_str(&" ".repeat(space));
                }
            }
            clip(text.trim_end(), width)
        };
        let head = line(&|place| self.columns[place].head.clone());
        std::iter::once(paint(&head, Meaning::Quiet, colour))
            .chain(
                self.rows
                    .iter()
                    .map(|row| line(&|place| row[place].clone())),
            )
            .collect()
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

/// A text cut to a width, with an ellipsis where something was cut.
pub fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut clipped = String::new();
    for letter in text.chars() {
        let mut next = clipped.clone();
        next.push(letter);
        if next.width() + 1 > width {
            break;
        }
        clipped = next;
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
