//! A filter of a list by words, typed after `/`.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::text::{Line, Span};

use super::line_edit::LineEdit;
use super::theme::Theme;

/// The words, and whether they are being typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    edit: LineEdit,
    typing: bool,
}

/// Effect of a key on a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// The filter took it, and may show other rows now.
    Changed,
    /// The filter took it, and shows the same rows.
    Taken,
    /// The filter did not take it.
    Passed,
}

impl Filter {
    /// Starts typing: from now on the filter takes letters.
    pub(super) fn begin(&mut self) {
        self.typing = true;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edit.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.edit.text()
    }

    /// Returns true if `text` contains every word. Case makes no difference.
    pub(super) fn lets_through(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.edit.text().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Handles a key. Enter and moving in the list end the typing.
    pub(super) fn key(&mut self, event: KeyEvent) -> Typed {
        if !self.typing {
            return Typed::Passed;
        }
        match event.code {
            KeyCode::Esc => self.clear(),
            // The next keys act on what was found.
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

    /// Takes pasted text, which is never interpreted as keys. Returns false if the filter is not
    /// being typed.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        if self.typing {
            self.edit.paste(text);
        }
        self.typing
    }

    /// The filter in `width` cells; `None` if there is none.
    pub(super) fn line(&self, width: u16, theme: &Theme) -> Option<Line<'static>> {
        const NAME: &str = "filter: ";
        if !self.typing && self.is_empty() {
            return None;
        }
        let mut line = Line::from(Span::styled(NAME, theme.muted));
        if self.typing {
            let room = width.saturating_sub(NAME.len() as u16);
            line.extend(self.edit.line(room, theme.text).spans);
        } else {
            line.push_span(Span::styled(self.edit.text(), theme.text))
        }
        Some(line)
    }
}
