//! A table of text for any width: the least important columns are dropped, then the widest shrink.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// The style of the title.
    pub style: Style,
    /// Whether the cells are aligned at the right, as numbers are.
    pub right: bool,
    /// The width in cells down to which the column may shrink.
    pub least: usize,
    /// Columns with a higher rank are dropped first if there is no room; those with rank 0 stay.
    pub rank: u8,
}

/// Columns, and rows of cells with individual styles.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Style)>>,
}

/// Cells between two columns.
const GAP: usize = 2;

/// The least width that a column usually shrinks to.
pub(super) const NARROWEST: usize = 3;

/// Returns the width of a text in cells.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

impl Table {
    /// Creates a table; every row has a cell per column.
    pub(super) fn new(columns: Vec<Column>, rows: Vec<Vec<(String, Style)>>) -> Self {
        Table { columns, rows }
    }

    /// Returns the width of each column in a table `room` cells wide; `None` for a dropped column.
    pub(super) fn widths(&self, room: u16) -> Vec<Option<usize>> {
        let cells = |column| self.rows.iter().filter_map(move |row| row.get(column));
        let natural = |(index, column): (usize, &Column)| {
            let widest = cells(index).map(|(text, _)| width(text)).max().unwrap_or(0);
            Some(widest.max(width(column.title)))
        };
        let mut widths: Vec<Option<usize>> = self.columns.iter().enumerate().map(natural).collect();
        let missing = |widths: &[Option<usize>]| {
            let kept = || widths.iter().flatten();
            let gaps = GAP * kept().count().saturating_sub(1);
            (kept().sum::<usize>() + gaps).saturating_sub(usize::from(room))
        };
        while missing(&widths) > 0 {
            let kept = (0..widths.len()).filter(|&i| widths[i].is_some());
            let Some(least) = kept.max_by_key(|&i| self.columns[i].rank) else { break };
            if self.columns[least].rank == 0 {
                break;
            }
            widths[least] = None;
        }
        while missing(&widths) > 0 {
            let kept = self.columns.iter().zip(&mut widths);
            let yielding = kept.filter_map(|(column, width)| {
                width.as_mut().filter(|width| **width > column.least)
            });
            match yielding.max_by_key(|width| **width) {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    /// Returns the line of titles.
    pub(super) fn head(&self, widths: &[Option<usize>]) -> Line<'static> {
        let titles = self.columns.iter().map(|column| (column.title, column.style));
        self.line(titles, widths)
    }

    /// Returns the rows as lines.
    pub(super) fn lines(&self, widths: &[Option<usize>]) -> Vec<Line<'static>> {
        let cells = |row: &Vec<(String, Style)>| {
            self.line(row.iter().map(|(text, style)| (text.as_str(), *style)), widths)
        };
        self.rows.iter().map(cells).collect()
    }

    fn line<'a>(
        &self,
        cells: impl Iterator<Item = (&'a str, Style)>,
        widths: &[Option<usize>],
    ) -> Line<'static> {
        let mut line = Line::default();
        for ((text, style), (column, width)) in cells.zip(self.columns.iter().zip(widths)) {
            let Some(width) = *width else { continue };
            line.extend((!line.spans.is_empty()).then(|| Span::raw(" ".repeat(GAP))));
            line.push_span(Span::styled(fitted(text, width, column.right), style));
        }
        line
    }

    /// Draws the titles, and the rows from index `first` on, as many as fit.
    pub(super) fn render(&self, first: usize, area: Rect, buffer: &mut Buffer) {
        let widths = self.widths(area.width);
        let head = std::iter::once(self.head(&widths));
        let lines = head.chain(self.lines(&widths).into_iter().skip(first));
        for (line, row) in lines.zip(area.rows()) {
            buffer.set_line(row.x, row.y, &line, row.width);
        }
    }
}

/// Pads or cuts `text` to exactly `room` cells.
pub(super) fn fitted(text: &str, room: usize, right: bool) -> String {
    let mut text = text.to_owned();
    if width(&text) > room {
        while width(&text) + 1 > room && text.pop().is_some() {}
        text.extend((room > 0).then_some('…'));
    }
    let blank = " ".repeat(room.saturating_sub(width(&text)));
    if right { blank + &text } else { text + &blank }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column = |title, right, rank| Column {
            title,
            style: Style::new(),
            right,
            rank,
            least: NARROWEST,
        };
        let columns =
            vec![column("name", false, 0), column("state", false, 1), column("best", true, 0)];
        let row = |cells: [&str; 3]| cells.map(|text| (text.to_owned(), Style::new())).to_vec();
        Table::new(columns, vec![row(["conv7-k20", "running", "98.6"]), row(["f1", "-", "9.1"])])
    }

    fn drawn(width: u16) -> Vec<String> {
        let table = table();
        let widths = table.widths(width);
        let head = table.head(&widths);
        [head].into_iter().chain(table.lines(&widths)).map(|line| line.to_string()).collect()
    }

    #[test]
    fn columns_go_by_rank_and_then_the_widest_gives_way() {
        let whole =
            ["name       state    best", "conv7-k20  running  98.6", "f1         -         9.1"];
        assert_eq!(drawn(24), whole);
        assert_eq!(drawn(23), ["name       best", "conv7-k20  98.6", "f1          9.1"]);
        assert_eq!(drawn(12), ["name    best", "conv7…  98.6", "f1       9.1"]);
        // Columns do not shrink below their least width.
        assert_eq!(drawn(0)[1], "co…  98…");
        let mut table = table();
        table.columns[0].least = 8;
        assert_eq!(table.widths(13), [Some(8), None, Some(3)]);
    }
}
