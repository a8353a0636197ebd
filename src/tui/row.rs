//! A line of parts that drops the least important ones if it is too narrow.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// A part of a row. Parts with a higher rank are dropped first if there is no room.
#[derive(Debug, Clone)]
pub(super) struct Part {
    spans: Vec<Span<'static>>,
    rank: u8,
}

impl Part {
    pub(super) fn new(rank: u8, text: impl Into<String>, style: Style) -> Self {
        Self { spans: vec![Span::styled(text.into(), style)], rank }
    }

    /// Appends text without a gap.
    pub(super) fn and(mut self, text: impl Into<String>, style: Style) -> Self {
        self.spans.push(Span::styled(text.into(), style));
        self
    }

    fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum()
    }
}

const GAP: &str = "  ";

/// Returns the width of the parts side by side, in cells.
fn width(parts: &[Part]) -> usize {
    parts.iter().map(Part::width).sum::<usize>() + GAP.len() * parts.len().saturating_sub(1)
}

/// Returns the parts in their order, without those that do not fit.
pub(super) fn row(mut parts: Vec<Part>, room: u16) -> Line<'static> {
    while parts.len() > 1 && width(&parts) > usize::from(room) {
        let worst = parts.iter().map(|part| part.rank).max();
        let Some(last) = parts.iter().rposition(|part| Some(part.rank) == worst) else { break };
        parts.remove(last);
    }
    let mut line = Line::default();
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            line.push_span(GAP);
        }
        line.extend(part.spans);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_part_goes_first() {
        let part = |rank, text: &str| Part::new(rank, text, Style::new());
        let parts = || vec![part(0, "name"), part(2, "speed"), part(1, "best"), part(2, "time")];
        assert_eq!(row(parts(), 23).to_string(), "name  speed  best  time");
        assert_eq!(row(parts(), 22).to_string(), "name  speed  best");
        assert_eq!(row(parts(), 16).to_string(), "name  best");
        assert_eq!(row(parts(), 1).to_string(), "name");
    }
}
