//! Keys and what they do: one table per screen feeds dispatch, footer, help and palette, so that
//! none of them can tell another story.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with the modifiers that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// A character as typed, whatever it takes to type it.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// A key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// A key with control.
    pub const fn ctrl(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::CONTROL }
    }

    /// A key that is no character, with shift.
    pub const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }
}

#[cfg(test)]
impl Key {
    /// The press of this key.
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

/// A line of the table: an action, its keys, and when it can be done. `C` is the screen it acts on.
pub struct Binding<A: 'static, C> {
    /// What is done.
    pub action: A,
    /// The keys that do it; the first is the one to advertise.
    pub keys: &'static [Key],
    /// What it does, as help and palette say it.
    pub description: &'static str,
    /// The heading that help puts it under.
    pub group: &'static str,
    /// One word for the footer; neighbours with the same word share it.
    pub hint: Option<&'static str>,
    /// Why it cannot be done now; `None` when it can.
    pub obstacle: fn(&C) -> Option<&'static str>,
}

/// The group whose hints are always shown.
pub(super) const PROGRAM: &str = "program";

/// No obstacle.
pub(super) fn free<C>(_: &C) -> Option<&'static str> {
    None
}

impl<A, C> Binding<A, C> {
    /// A line, in the order in which tables are read.
    pub(super) const fn new(
        group: &'static str,
        action: A,
        keys: &'static [Key],
        description: &'static str,
        hint: Option<&'static str>,
        obstacle: fn(&C) -> Option<&'static str>,
    ) -> Self {
        Binding { action, keys, description, group, hint, obstacle }
    }

    /// A line about the program itself: it can always be done.
    pub(super) const fn program(
        action: A,
        keys: &'static [Key],
        description: &'static str,
        hint: Option<&'static str>,
    ) -> Self {
        Self::new(PROGRAM, action, keys, description, hint, free)
    }

    /// All its keys, as help writes them.
    pub fn key_names(&self) -> String {
        let names: Vec<_> = self.keys.iter().map(Key::to_string).collect();
        names.join(" ")
    }
}

/// The line of `table` for `key`.
pub fn find<A, C>(table: &[Binding<A, C>], key: Key) -> Option<&Binding<A, C>> {
    table.iter().find(|binding| binding.keys.contains(&key))
}

/// The line of `table` for `key` that can be done on `screen` now, or else the first for it: that one says why not.
pub fn find_possible<'a, A, C>(
    table: &'a [Binding<A, C>],
    screen: &C,
    key: Key,
) -> Option<&'a Binding<A, C>> {
    let mut lines = table.iter().filter(|binding| binding.keys.contains(&key));
    lines.clone().find(|binding| (binding.obstacle)(screen).is_none()).or_else(|| lines.next())
}

/// The footer's hints of what can be done on `screen` now: keys and a word.
pub fn hints<A, C>(table: &[Binding<A, C>], screen: &C) -> Vec<(String, &'static str)> {
    let mut hints: Vec<(String, &'static str)> = Vec::new();
    for binding in table {
        let (Some(hint), Some(key)) = (binding.hint, binding.keys.first()) else { continue };
        if (binding.obstacle)(screen).is_some() {
            continue;
        }
        match hints.last_mut() {
            Some((keys, last)) if *last == hint => *keys = format!("{keys} {key}"),
            _ => hints.push((key.to_string(), hint)),
        }
    }
    hints
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
