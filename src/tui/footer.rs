//! The last two lines: what was just done, and the keys that matter now.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::actions::ACTIONS;
use super::app::App;
use super::keys::{Binding, PROGRAM, hints};
use super::theme::Theme;
use crate::train::Command;

/// How many lines it takes.
pub(super) const HEIGHT: u16 = 2;

/// Draws it; `page` of how many is shown on the right where there are several.
pub(super) fn render(
    app: &App,
    page: (usize, usize),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut rows = area.rows();
    if let Some(row) = rows.next() {
        status(app, theme).render(row, buffer);
        if page.1 > 1 {
            let page = format!("page {} of {}", page.0 + 1, page.1);
            Line::styled(page, theme.muted).alignment(Alignment::Right).render(row, buffer);
        }
    }
    if let Some(row) = rows.next() {
        keys(ACTIONS, app, theme, row, buffer);
    }
}

/// What waits for an answer, or else what was just done.
fn status(app: &App, theme: &Theme) -> Line<'static> {
    if !app.pending.is_empty() {
        let wishes: Vec<_> = app.pending.iter().map(Command::to_string).collect();
        return Line::styled(format!("asked for: {} …", wishes.join(", ")), theme.muted);
    }
    match &app.status {
        Some(status) if status.warning => Line::styled(status.text.clone(), theme.warning),
        Some(status) => Line::styled(status.text.clone(), theme.text),
        None => Line::default(),
    }
}

/// As many hints as fit of what can be done on `screen`. Those about the program stand on the right.
pub(super) fn keys<A, C>(
    table: &[Binding<A, C>],
    screen: &C,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let split = table.iter().position(|row| row.group == PROGRAM).unwrap_or(table.len());
    let right = hint_line(hints(&table[split..], screen), area.width, theme);
    let room = area.width.saturating_sub(right.width() as u16 + 2);
    hint_line(hints(&table[..split], screen), room, theme).render(area, buffer);
    right.alignment(Alignment::Right).render(area, buffer);
}

fn hint_line(hints: Vec<(String, &'static str)>, room: u16, theme: &Theme) -> Line<'static> {
    let mut line = Line::default();
    for (keys, word) in hints {
        let gap = if line.spans.is_empty() { "" } else { "  " };
        if line.width() + gap.len() + keys.len() + 1 + word.len() > usize::from(room) {
            break;
        }
        line.push_span(gap);
        line.push_span(Span::styled(keys, theme.accent));
        line.push_span(Span::styled(format!(" {word}"), Style::patch(theme.text, theme.muted)));
    }
    line
}
