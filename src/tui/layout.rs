//! The picture of any view: its content, and around it what all views share: status line, the keys
//! that are useful now, and popups.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::ascii;
use super::content::{Action, Content, PROGRAM, actions};
use super::theme::Theme;

/// Columns and rows of the smallest terminal that shows anything useful.
const SMALLEST: (u16, u16) = (60, 18);

/// Draws a view.
pub(super) fn render<C: Content>(content: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(C::TOO_SMALL, theme, area, buffer);
    } else {
        whole(content, theme, area, buffer);
    }
    if !theme.unicode {
        ascii::replace(buffer);
    }
}

fn whole<C: Content>(content: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)];
    let [body, status, keys] = Layout::vertical(lines).areas(area);
    let pages = content.render(theme, body, buffer);
    content.status(theme, status.width).render(status, buffer);
    if pages.count > 1 {
        let page = format!("page {} of {}", pages.page + 1, pages.count);
        Line::styled(page, theme.muted).alignment(Alignment::Right).render(status, buffer);
    }
    footer(content, theme, keys, buffer);
    if let Some(popup) = content.chrome().popup() {
        popup.render(content, theme, area, buffer);
    }
}

/// Says that the terminal is too small, and how large it must be.
fn too_small(advice: &str, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "laperm needs {} columns and {} rows; this terminal has {} and {}. {advice}",
        SMALLEST.0, SMALLEST.1, area.width, area.height
    );
    Paragraph::new(text).style(theme.text).wrap(Wrap { trim: true }).render(area, buffer);
}

/// As many hints as fit of what is available now. Those of the program are on the right.
fn footer<C: Content>(content: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let program = |action: &&Action<C>| action.group == PROGRAM;
    let right = hint_line(hints(content, actions().filter(program)), area.width, theme);
    let room = area.width.saturating_sub(right.width() as u16 + 2);
    let others = actions().filter(|action| !program(action));
    hint_line(hints(content, others), room, theme).render(area, buffer);
    right.alignment(Alignment::Right).render(area, buffer);
}

/// Keys and hint of the actions that are available now.
fn hints<C: Content>(
    content: &C,
    actions: impl Iterator<Item = &'static Action<C>>,
) -> Vec<(String, &'static str)> {
    let mut hints: Vec<(String, &'static str)> = Vec::new();
    for action in actions {
        let (Some(hint), Some(key)) = (action.hint, action.keys.first()) else { continue };
        if (action.obstacle)(content).is_some() {
            continue;
        }
        match hints.last_mut() {
            Some((keys, last)) if *last == hint => *keys = format!("{keys} {key}"),
            _ => hints.push((key.to_string(), hint)),
        }
    }
    hints
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
