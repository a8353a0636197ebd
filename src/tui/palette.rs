//! The command palette: every action by name. Typed words filter the list, enter runs the chosen
//! action.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::content::{Action, Content, actions};
use super::line_edit::LineEdit;
use super::popup::{Popup, Reaction, frame};
use super::theme::Theme;

/// The open palette.
#[derive(Debug, Default)]
pub(super) struct Palette {
    filter: LineEdit,
    chosen: usize,
}

impl Palette {
    /// The actions whose names contain every typed word.
    fn matches<C: Content>(&self) -> Vec<&'static Action<C>> {
        let filter = self.filter.text().to_lowercase();
        let matches = |action: &&Action<C>| {
            let name = name(action).to_lowercase();
            filter.split_whitespace().all(|word| name.contains(word))
        };
        actions::<C>().filter(matches).collect()
    }
}

impl<C: Content> Popup<C> for Palette {
    fn title(&self) -> &'static str {
        "actions"
    }

    fn key(&mut self, key: KeyEvent) -> Reaction<C> {
        let matches = self.matches::<C>();
        let last = matches.len().saturating_sub(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Reaction::Close,
            KeyCode::Enter => {
                let Some(&action) = matches.get(self.chosen) else { return Reaction::Stay };
                return Reaction::Act(Box::new(|content| action.perform(content)));
            }
            KeyCode::Down | KeyCode::Tab => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Char('n') if control => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Up | KeyCode::BackTab => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Char('p') if control => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::PageDown => self.chosen = (self.chosen + 10).min(last),
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(10),
            _ => {
                self.filter.key(key);
                self.chosen = 0;
            }
        }
        Reaction::Stay
    }

    fn paste(&mut self, text: &str) {
        self.filter.paste(text);
        self.chosen = 0;
    }

    fn render(&self, content: &C, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let size = (72, actions::<C>().count() as u16 + 1);
        let inner = frame("actions", "enter runs, esc closes", size, theme, area, buffer);
        let Some(top) = inner.rows().next() else { return };
        let mut input = Line::from(Span::styled(": ", theme.muted));
        input.extend(self.filter.line(inner.width.saturating_sub(2), theme.text).spans);
        input.render(top, buffer);
        let matches = self.matches::<C>();
        let room = usize::from(inner.height) - 1;
        let first = (self.chosen + 1).saturating_sub(room);
        for (i, row) in (first..).zip(inner.rows().skip(1)) {
            let Some(action) = matches.get(i) else { break };
            let obstacle = (action.obstacle)(content);
            let style = match obstacle {
                _ if i == self.chosen => theme.selected,
                Some(_) => theme.muted,
                None => theme.text,
            };
            let name = name(action);
            let keys = obstacle.map_or_else(|| action.key_names(), |why| format!("({why})"));
            let width = usize::from(row.width);
            let gap = width.saturating_sub(name.chars().count() + keys.chars().count()).max(1);
            let line = format!("{name}{:gap$}{keys}", "");
            Line::styled(line, style).render(row, buffer);
        }
        if let (true, Some(row)) = (matches.is_empty(), inner.rows().nth(1)) {
            Line::styled("no action has these words", theme.muted).render(row, buffer);
        }
    }
}

/// Name of an action: its description, with its key if others have the same one.
fn name<C: Content>(action: &Action<C>) -> String {
    let same = actions::<C>().filter(|other| other.description == action.description);
    match action.keys.first() {
        Some(key) if same.count() > 1 => format!("{} {key}", action.description),
        _ => action.description.into(),
    }
}
