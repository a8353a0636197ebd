//! A line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// The text and its cursor.
#[derive(Debug, Clone, Default)]
pub(super) struct LineEdit {
    characters: Vec<char>,
    cursor: usize,
}

impl LineEdit {
    /// Bounds pasted text. Longer than any text that is typed.
    const LONGEST: usize = 200;

    pub(super) fn text(&self) -> String {
        self.characters.iter().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// Handles a key. Returns false if it does not edit text.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.characters.len(),
            KeyCode::Char('u') if control => self.delete_from(0),
            KeyCode::Char('w') if control => self.delete_word(),
            KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => {
                return false;
            }
            KeyCode::Char(c) => self.insert(c),
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.characters.remove(self.cursor);
            }
            KeyCode::Delete if self.cursor < self.characters.len() => {
                self.characters.remove(self.cursor);
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.characters.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.characters.len(),
            KeyCode::Backspace | KeyCode::Delete => {}
            _ => return false,
        }
        true
    }

    /// Inserts the first line of pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        text.lines().next().unwrap_or_default().chars().for_each(|c| self.insert(c));
    }

    /// The text and its cursor in `width` cells, scrolled so that the cursor is visible.
    pub(super) fn line(&self, width: u16, style: Style) -> Line<'static> {
        let width = usize::from(width).max(1);
        let start = (self.cursor + 1).saturating_sub(width);
        let part = |range: &[char]| Span::styled(range.iter().collect::<String>(), style);
        let end = self.characters.len().min(start + width);
        let under = self.characters.get(self.cursor).copied().unwrap_or(' ');
        let mut spans = vec![part(&self.characters[start..self.cursor])];
        spans.push(Span::styled(under.to_string(), style.add_modifier(Modifier::REVERSED)));
        if self.cursor + 1 < end {
            spans.push(part(&self.characters[self.cursor + 1..end]));
        }
        Line::from(spans)
    }

    fn insert(&mut self, c: char) {
        if !c.is_control() && self.characters.len() < Self::LONGEST {
            self.characters.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    fn delete_word(&mut self) {
        let before = &self.characters[..self.cursor];
        let end = before.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1);
        let start = before[..end].iter().rposition(|c| *c == ' ').map_or(0, |space| space + 1);
        self.delete_from(start);
    }

    /// Deletes the text from `start` to the cursor.
    fn delete_from(&mut self, start: usize) {
        self.characters.drain(start..self.cursor);
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(edit: &mut LineEdit, code: KeyCode, modifiers: KeyModifiers) {
        assert!(edit.key(KeyEvent::new(code, modifiers)), "{code:?}");
    }

    #[test]
    fn typing_deleting_and_moving() {
        let mut edit = LineEdit::default();
        edit.paste("one two  three\nfour");
        press(&mut edit, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(edit.text(), "one two  ");
        press(&mut edit, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(edit.text(), "one ");
        press(&mut edit, KeyCode::Home, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Delete, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Char('O'), KeyModifiers::SHIFT);
        assert_eq!(edit.text(), "One ");
        press(&mut edit, KeyCode::Right, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Char('u'), KeyModifiers::CONTROL);
        assert_eq!(edit.text(), "e ");
        press(&mut edit, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(edit.text(), "e ");
        assert!(!edit.key(KeyEvent::from(KeyCode::Enter)));
    }

    #[test]
    fn a_long_line_scrolls_to_its_cursor() {
        let mut edit = LineEdit::default();
        edit.paste("abcdef");
        assert_eq!(edit.line(4, Style::new()).to_string(), "def ");
        press(&mut edit, KeyCode::Home, KeyModifiers::NONE);
        assert_eq!(edit.line(4, Style::new()).to_string(), "abcd");
    }
}
