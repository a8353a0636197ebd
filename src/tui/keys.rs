//! Keys as tables of actions name them.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key and its modifiers, without those that are part of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// A character, regardless of the modifiers needed to type it.
    pub(super) const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// A key without modifiers.
    pub(super) const fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// A key with control.
    pub(super) const fn ctrl(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::CONTROL }
    }

    /// A key other than a character, with shift.
    pub(super) const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }
}

#[cfg(test)]
impl Key {
    /// Event that the terminal reports for this key.
    pub(super) fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        // Shift is part of a character, and of the backward tab.
        let modifiers = match event.code {
            KeyCode::Char(_) | KeyCode::BackTab => event.modifiers - KeyModifiers::SHIFT,
            _ => event.modifiers,
        };
        Self { code: event.code, modifiers }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            write!(f, "ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            write!(f, "shift-")?;
        }
        match self.code {
            KeyCode::Char(' ') => write!(f, "space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::BackTab => write!(f, "shift-tab"),
            code => write!(f, "{}", format!("{code:?}").to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_belongs_to_characters_but_not_to_arrows() {
        let key = |code, modifiers| Key::from(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('K'), KeyModifiers::SHIFT), Key::char('K'));
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::SHIFT), Key::plain(KeyCode::BackTab));
        assert_eq!(key(KeyCode::Left, KeyModifiers::SHIFT), Key::shift(KeyCode::Left));
        assert_ne!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Key::char('c'));
    }

    #[test]
    fn keys_are_called_what_is_written_on_them() {
        let names = [
            Key::char(' '),
            Key::char('K'),
            Key::ctrl(KeyCode::Char('c')),
            Key::shift(KeyCode::Left),
            Key::plain(KeyCode::BackTab),
            Key::plain(KeyCode::Enter),
        ];
        let names = names.map(|key| key.to_string());
        assert_eq!(names, ["space", "K", "ctrl-c", "shift-left", "shift-tab", "enter"]);
    }
}
