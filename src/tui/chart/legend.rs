//! The line above a chart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::curve::Curve;
use super::plot::Chart;

impl Chart<'_> {
    /// Draws the symbols, names and values, now or at the cursor: with long names if all fit,
    /// otherwise with short names and as many curves as fit, the most important first.
    pub(super) fn legend(&self, area: Rect, buffer: &mut Buffer) {
        let entry = |curve: &Curve, name: &str| {
            let point = match self.time.cursor {
                Some(step) => curve.series.at(step),
                None => curve.series.last(),
            };
            let value = point.map_or(f64::NAN, |(_, value)| f64::from(value) * curve.factor);
            let gap = if name.is_empty() { "" } else { " " };
            vec![
                Span::styled(format!("{} ", curve.symbol), curve.style),
                Span::styled(format!("{name}{gap}"), self.theme.muted),
                Span::styled((self.number)(value), self.theme.text),
            ]
        };
        let named = || self.curves.iter().filter(|curve| !curve.names[0].is_empty());
        let line = |length: usize, count: usize| {
            let mut line = Line::styled(self.title, self.theme.muted);
            for curve in named().rev().take(count) {
                line.spans.extend((line.width() > 0).then(|| Span::raw("  ")));
                line.spans.extend(entry(curve, curve.names[length]));
            }
            line
        };
        let count = named().count();
        let shorter = (1..=count).rev().map(|count| line(1, count));
        let mut fitting = std::iter::once(line(0, count)).chain(shorter);
        if let Some(line) = fitting.find(|line| line.width() <= usize::from(area.width)) {
            buffer.set_line(area.x, area.y, &line, area.width);
        }
    }
}
