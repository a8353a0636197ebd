//! Marks over the curves: manual changes and the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::axes::width;
use super::plot::Chart;
use super::raster::put;
use crate::run::Mark;

impl Chart<'_> {
    pub(super) fn mark_lines(&self, plot: Rect, buffer: &mut Buffer) {
        let line = if self.theme.unicode { "┊" } else { ":" };
        for x in self.marks.iter().filter_map(|mark| self.column(mark.step, plot)) {
            for y in plot.top()..plot.bottom() {
                buffer.set_string(x, y, line, self.theme.mark);
            }
        }
    }

    /// Writes each label beside its line, in the first row where it covers nothing. Of several
    /// changes of one quantity in a column, only the last is labelled.
    pub(super) fn mark_labels(&self, plot: Rect, buffer: &mut Buffer) {
        let quantity = |mark: &Mark| mark.label.split('=').next().map(str::to_owned);
        for (index, mark) in self.marks.iter().enumerate() {
            let Some(x) = self.column(mark.step, plot) else { continue };
            let again = |later: &Mark| {
                quantity(later) == quantity(mark) && self.column(later.step, plot) == Some(x)
            };
            if self.marks[index + 1..].iter().any(again) {
                continue;
            }
            let width = width(&mark.label);
            // To the right of the line, or to its left at the right edge.
            let start = if x + 1 + width <= plot.right() {
                x + 1
            } else {
                x.saturating_sub(width).max(plot.left())
            };
            let free = |&y: &u16| {
                let mut cells = (start..start + width).map(|x| Position::new(x, y));
                cells.all(|cell| buffer.cell(cell).is_some_and(|c| c.symbol() == " "))
            };
            if let Some(y) = (plot.top()..plot.bottom()).find(free) {
                buffer.set_string(start, y, &mark.label, self.theme.mark);
            }
        }
    }

    /// Draws the cursor, and its step on the time axis.
    pub(super) fn cursor(&self, area: Rect, plot: Rect, buffer: &mut Buffer) {
        let Some((step, x)) = self.time.cursor.and_then(|s| Some((s, self.column(s, plot)?)))
        else {
            return;
        };
        let line = if self.theme.unicode { '│' } else { '|' };
        for y in plot.top()..plot.bottom() {
            put(buffer, Position::new(x, y), line, self.theme.cursor);
        }
        if plot.bottom() < area.bottom() {
            let text = self.time.readout(step);
            let start = x.saturating_sub(width(&text) / 2);
            let start = start.min(plot.right().saturating_sub(width(&text))).max(plot.x);
            let end = (start + width(&text)).min(plot.right());
            // The rest of a label that it covers would look like part of the number.
            let label = |x: &u16| buffer[(*x, plot.bottom())].symbol() != " ";
            let before = (plot.x..start).rev().take_while(label).count() as u16;
            let after = (end..plot.right()).take_while(label).count() as u16;
            for x in start - before..end + after {
                buffer[(x, plot.bottom())].reset();
            }
            buffer.set_stringn(start, plot.bottom(), &text, plot.width.into(), self.theme.cursor);
        }
    }
}
