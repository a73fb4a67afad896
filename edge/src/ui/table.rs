//! Rows of text in columns.
//!
//! Pure. Widths are those a terminal uses (UAX 11), so wide and combining characters
//! stay in line. Only the last column is cut to fit, and a cut is shown by `…`.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::ui::safe;

/// Space between columns.
const GAP: &str = "  ";
/// The last column is never cut below this many terminal columns.
const LEAST: usize = 20;

/// A table with a heading.
#[derive(Clone, Debug)]
pub struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self {
            heading: heading.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; each cell is shown on one line.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(safe::one_line).to_vec());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines of the table, the last column cut to fit `columns`.
    pub fn lines(&self, columns: Option<u16>) -> Vec<String> {
        let widths = self.widths();
        std::iter::once(&self.heading)
            .chain(&self.rows)
            .map(|row| set(row, &widths, columns))
            .collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.heading.len()];
        for row in std::iter::once(&self.heading).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }
}

fn set(row: &[String], widths: &[usize], columns: Option<u16>) -> String {
    let mut line = String::new();
    let last = row.len().saturating_sub(1);
    for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
        if i == last {
            let room = columns.map(|c| usize::from(c).saturating_sub(line.width()).max(LEAST));
            line.push_str(&cut(cell, room));
        } else {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width())));
            line.push_str(GAP);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text within `room` columns, its end cut where it does not fit.
fn cut(text: &str, room: Option<usize>) -> String {
    let Some(room) = room.filter(|room| text.width() > *room) else {
        return text.to_owned();
    };
    let mut used = 1; // the mark of the cut
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line_in_wide_scripts_too() {
        let mut table = Table::new(["name", "text"]);
        table.row(["日本", "wide"]);
        table.row(["plain", "narrow"]);
        assert_eq!(
            table.lines(None),
            ["name   text", "日本   wide", "plain  narrow"]
        );
    }

    #[test]
    fn the_last_column_is_cut_to_the_terminal_and_says_so() {
        let mut table = Table::new(["id", "text"]);
        table.row(["1", "a text that is longer than the terminal is wide"]);
        let lines = table.lines(Some(30));
        assert_eq!(lines[1], "1   a text that is longer tha…");
        assert_eq!(lines[1].width(), 30);
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let mut table = Table::new(["text"]);
        let long = "x".repeat(500);
        table.row([&long]);
        assert_eq!(table.lines(None)[1], long);
    }
}
