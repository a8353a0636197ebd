//! A filter of lines by the words in them, typed under `/`.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::text::{Line, Span};

use super::line_edit::LineEdit;
use super::theme::Theme;

/// What is typed, and whether it is being typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    edit: LineEdit,
    typing: bool,
}

/// What came of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// The filter may let other lines through now.
    Changed,
    /// It was the filter's, and nothing has changed.
    Taken,
    /// It is for somebody else.
    Passed,
}

impl Filter {
    /// Letters belong to the filter from now on.
    pub fn begin(&mut self) {
        self.typing = true;
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn is_empty(&self) -> bool {
        self.edit.is_empty()
    }

    #[cfg(test)]
    pub fn text(&self) -> String {
        self.edit.text()
    }

    /// Whether every word of it is in `text`.
    pub fn lets_through(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.edit.text().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// A key was pressed. While it is typed, letters belong to the filter; moving in the list ends that.
    pub fn key(&mut self, event: KeyEvent) -> Typed {
        if !self.typing {
            return Typed::Passed;
        }
        match event.code {
            KeyCode::Esc => self.clear(),
            // What was found is there to be acted on.
            KeyCode::Enter => {
                self.typing = false;
                return Typed::Taken;
            }
            KeyCode::Tab | KeyCode::Up | KeyCode::Down => {
                self.typing = false;
                return Typed::Passed;
            }
            KeyCode::Backspace if self.edit.is_empty() => self.typing = false,
            KeyCode::Home | KeyCode::End => return Typed::Passed,
            _ if !self.edit.key(event) => return Typed::Passed,
            _ => {}
        }
        Typed::Changed
    }

    /// Text was pasted. It is taken where something is typed, and never as keys. Whether it was.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.typing {
            self.edit.paste(text);
        }
        self.typing
    }

    /// What it says, in `width` cells; nothing while there is no filter.
    pub fn line(&self, width: u16, theme: &Theme) -> Option<Line<'static>> {
        const NAME: &str = "filter: ";
        if !self.typing && self.is_empty() {
            return None;
        }
        let mut line = Line::from(Span::styled(NAME, theme.muted));
        match self.typing {
            true => {
                let room = width.saturating_sub(NAME.len() as u16);
                line.extend(self.edit.line(room, theme.text).spans);
            }
            false => line.push_span(Span::styled(self.edit.text(), theme.text)),
        }
        Some(line)
    }
}
