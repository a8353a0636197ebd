//! Help: every key and what it does, from the table that dispatches them.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::content::{Content, actions};
use super::popup::{Popup, Reaction, frame};
use super::theme::Theme;

/// The open help.
pub(super) struct Help {
    lines: Vec<HelpLine>,
    /// Counted modulo the number of pages, which depends on the size of the screen.
    page: i64,
}

enum HelpLine {
    Group(&'static str),
    Keys(String, &'static str),
}

/// Width of the keys.
pub(super) const KEYS: usize = 13;

/// Width of a whole entry.
const COLUMN: u16 = 38;

impl Help {
    /// Help for all actions of a view. Neighbours with the same description share a line.
    pub(super) fn new<C: Content>() -> Self {
        let mut lines: Vec<HelpLine> = Vec::new();
        let mut group = "";
        for action in actions::<C>() {
            if action.group != group {
                group = action.group;
                lines.push(HelpLine::Group(group));
            }
            let keys = action.key_names();
            match lines.last_mut() {
                Some(HelpLine::Keys(all, description)) if *description == action.description => {
                    let first = all.split('-').next().unwrap_or_default();
                    *all = format!("{first}-{keys}");
                }
                _ => lines.push(HelpLine::Keys(keys, action.description)),
            }
        }
        Self { lines, page: 0 }
    }
}

impl<C> Popup<C> for Help {
    fn title(&self) -> &'static str {
        "keys"
    }

    fn key(&mut self, key: KeyEvent) -> Reaction<C> {
        match key.code {
            KeyCode::Right | KeyCode::Down | KeyCode::PageDown | KeyCode::Tab => self.page += 1,
            KeyCode::Char(' ' | 'j' | 'l') => self.page += 1,
            KeyCode::Left | KeyCode::Up | KeyCode::PageUp | KeyCode::BackTab => self.page -= 1,
            KeyCode::Char('k' | 'h') => self.page -= 1,
            _ => return Reaction::Close,
        }
        Reaction::Stay
    }

    fn render(&self, _: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let room = (area.width.saturating_sub(4), area.height.saturating_sub(2).max(1));
        let columns =
            (room.0 / COLUMN).clamp(1, 4).min(self.lines.len().div_ceil(room.1.into()) as u16);
        let columns = columns.max(1);
        let per_page = usize::from(columns) * usize::from(room.1);
        let pages = self.lines.len().div_ceil(per_page);
        let page = self.page.rem_euclid(pages as i64) as usize;
        // Columns of equal height, rather than full ones and a short last one.
        let height = self.lines.len().div_ceil(pages * usize::from(columns));
        let keys = match pages {
            1 => "any key closes".into(),
            _ => format!("page {} of {pages}: arrows turn, esc closes", page + 1),
        };
        let size = (columns * COLUMN, height as u16);
        let inner = frame("keys", &keys, size, theme, area, buffer);
        let lines = self.lines.iter().skip(page * height * usize::from(columns));
        for (i, line) in lines.take(height * usize::from(columns)).enumerate() {
            let x = (i / height) as u16 * COLUMN;
            let cell =
                Rect { x: inner.x + x, y: inner.y + (i % height) as u16, width: COLUMN, height: 1 };
            line.line(theme).render(cell.intersection(inner), buffer);
        }
    }
}

impl HelpLine {
    fn line(&self, theme: &Theme) -> Line<'_> {
        match self {
            HelpLine::Group(name) => Line::styled(*name, theme.muted),
            HelpLine::Keys(keys, description) => Line::from(vec![
                Span::styled(format!("{keys:<KEYS$} "), theme.accent),
                Span::styled(*description, theme.text),
            ]),
        }
    }
}
