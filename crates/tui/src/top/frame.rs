//! A grid of letters, each with a meaning; drawn whole as text, or as what changed since the last one.

use crate::palette::{Meaning, paint};
use unicode_width::UnicodeWidthChar;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    letter: char,
    meaning: Option<Meaning>,
    /// In reverse: the row that is chosen.
    marked: bool,
}

/// Behind a letter that is two cells wide.
const BEHIND_WIDE: char = '\0';

const EMPTY: Cell = Cell {
    letter: ' ',
    meaning: None,
    marked: false,
};

/// One picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    width: usize,
    cells: Vec<Cell>,
}

impl Frame {
    /// An empty one.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            cells: vec![EMPTY; width * height],
        }
    }

    /// Its columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its rows.
    pub fn height(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// Writes a text; what goes beyond the edge is left out, and what would move a terminal is a blank. The column behind it.
    pub fn put(
        &mut self,
        row: usize,
        column: usize,
        text: &str,
        meaning: Option<Meaning>,
    ) -> usize {
        let mut at = column;
        if row >= self.height() {
            return at;
        }
        for letter in text.chars() {
            let letter = if letter.is_control() { ' ' } else { letter };
            let wide = letter.width().unwrap_or(0);
            if wide == 0 {
                continue;
            }
            if at + wide > self.width {
                break;
            }
            for behind in 0..wide {
                self.cells[row * self.width + at + behind] = Cell {
                    letter: if behind == 0 { letter } else { BEHIND_WIDE },
                    meaning,
                    marked: false,
                };
            }
            at += wide;
        }
        at
    }

    /// Writes a text that ends at a column.
    pub fn put_right(&mut self, row: usize, end: usize, text: &str, meaning: Option<Meaning>) {
        let wide: usize = text.chars().filter_map(char::width).sum();
        self.put(row, end.saturating_sub(wide), text, meaning);
    }

    /// Shows a row in reverse.
    pub fn mark(&mut self, row: usize) {
        let width = self.width;
        for cell in self.cells.iter_mut().skip(row * width).take(width) {
            cell.marked = true;
        }
    }

    /// As text, without colour: a line a row, without blanks at its end.
    pub fn text(&self) -> String {
        let rows = self.cells.chunks(self.width.max(1));
        let lines: Vec<String> = rows
            .map(|row| {
                let letters = row.iter().map(|cell| cell.letter);
                let line: String = letters.filter(|letter| *letter != BEHIND_WIDE).collect();
                line.trim_end().to_string()
            })
            .collect();
        lines.join("\n").trim_end().to_string()
    }

    /// What a terminal is sent so that it shows this one, where it showed another; rows that are the same are left alone.
    pub fn since(&self, before: Option<&Self>, colour: bool) -> String {
        let before = before
            .filter(|before| before.cells.len() == self.cells.len() && before.width == self.width);
        let mut sent = String::new();
        if before.is_none() {
            sent.push_str("\x1b[2J");
        }
        for (row, cells) in self.cells.chunks(self.width.max(1)).enumerate() {
            let same = before
                .is_some_and(|before| before.cells[row * self.width..][..cells.len()] == *cells);
            if same {
                continue;
            }
            sent.push_str(&format!("\x1b[{};1H", row + 1));
            let mut at = 0;
            while at < cells.len() {
                let Cell {
                    meaning, marked, ..
                } = cells[at];
                let alike = |cell: &&Cell| cell.meaning == meaning && cell.marked == marked;
                let run = cells[at..].iter().take_while(alike).count();
                let letters = cells[at..at + run].iter().map(|cell| cell.letter);
                let text: String = letters.filter(|letter| *letter != BEHIND_WIDE).collect();
                match (marked, meaning) {
                    // Reverse is no colour: without it the chosen row would not be seen.
                    (true, _) => sent.push_str(&format!("\x1b[7m{text}\x1b[0m")),
                    (false, Some(meaning)) => sent.push_str(&paint(&text, meaning, colour)),
                    (false, None) => sent.push_str(&text),
                }
                at += run;
            }
            sent.push_str("\x1b[K");
        }
        sent
    }
}
