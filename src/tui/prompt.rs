//! A prompt for a value, which is checked while it is typed.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::line_edit::LineEdit;
use super::popup::{Popup, Reaction, frame};
use super::theme::Theme;

/// A kind of value that can be typed, for a view whose state is `C`.
pub(super) trait Quantity<C> {
    fn title(&self) -> &'static str;

    /// The values that may be typed, with an example.
    fn rule(&self) -> &'static str;

    /// Parses a value.
    ///
    /// # Errors
    /// The error in it, as a sentence.
    fn parse(&self, text: &str) -> Result<Entry<C>, String>;
}

/// A value that was typed.
pub(super) struct Entry<C> {
    /// Effect of enter, in words.
    pub preview: String,
    pub effect: Box<dyn FnOnce(&mut C)>,
}

/// The box to type in.
pub(super) struct Prompt<Q> {
    quantity: Q,
    /// The present value, as text.
    now: String,
    edit: LineEdit,
}

impl<Q> Prompt<Q> {
    pub(super) fn new(quantity: Q, now: String) -> Self {
        Self { quantity, now, edit: LineEdit::default() }
    }
}

impl<C, Q: Quantity<C>> Popup<C> for Prompt<Q> {
    fn title(&self) -> &'static str {
        self.quantity.title()
    }

    fn key(&mut self, key: KeyEvent) -> Reaction<C> {
        match key.code {
            KeyCode::Esc => return Reaction::Close,
            KeyCode::Enter if self.edit.is_empty() => return Reaction::Close,
            KeyCode::Enter => {
                if let Ok(entry) = self.quantity.parse(&self.edit.text()) {
                    return Reaction::Act(entry.effect);
                }
            }
            _ => drop(self.edit.key(key)),
        }
        Reaction::Stay
    }

    fn paste(&mut self, text: &str) {
        self.edit.paste(text);
    }

    fn render(&self, _: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let title = self.quantity.title();
        let inner = frame(title, "enter sets, esc closes", (54, 3), theme, area, buffer);
        let answer = if self.edit.is_empty() {
            Line::styled(self.quantity.rule(), theme.muted)
        } else {
            match self.quantity.parse(&self.edit.text()) {
                Ok(entry) => Line::styled(entry.preview, theme.accent),
                Err(problem) => Line::styled(problem, theme.warning),
            }
        };
        let mut input = Line::from(Span::styled("> ", theme.muted));
        input.extend(self.edit.line(inner.width.saturating_sub(2), theme.text).spans);
        let lines = [Line::styled(format!("now {}", self.now), theme.muted), input, answer];
        for (line, row) in lines.into_iter().zip(inner.rows()) {
            line.render(row, buffer);
        }
    }
}
