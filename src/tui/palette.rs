//! Every action by name: type some of its words, enter does it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::actions::{ACTIONS, Action};
use super::app::App;
use super::keys::Binding;
use super::line_edit::LineEdit;
use super::panels::Panel;
use super::popup::{Reaction, frame};
use super::theme::Theme;

/// The open palette.
#[derive(Debug, Default)]
pub(super) struct Palette {
    filter: LineEdit,
    chosen: usize,
}

impl Palette {
    /// The actions whose names hold every word that was typed.
    fn matches(&self) -> Vec<&'static Binding<Action, App>> {
        let filter = self.filter.text().to_lowercase();
        let holds = |binding: &&Binding<Action, App>| {
            let name = name(binding).to_lowercase();
            let exists =
                !matches!(binding.action, Action::Focus(panel) if panel >= Panel::ALL.len());
            exists && filter.split_whitespace().all(|word| name.contains(word))
        };
        ACTIONS.iter().filter(holds).collect()
    }

    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        let matches = self.matches();
        let last = matches.len().saturating_sub(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Reaction::Close,
            KeyCode::Enter => {
                return matches
                    .get(self.chosen)
                    .map_or(Reaction::Stay, |it| Reaction::Run(it.action));
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

    pub fn paste(&mut self, text: &str) {
        self.filter.paste(text);
        self.chosen = 0;
    }

    pub fn render(&self, app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let keys = "enter does it, esc closes";
        let inner = frame("actions", keys, (62, ACTIONS.len() as u16 + 1), theme, area, buffer);
        let Some(top) = inner.rows().next() else { return };
        let mut input = Line::from(Span::styled(": ", theme.muted));
        input.extend(self.filter.line(inner.width.saturating_sub(2), theme.text).spans);
        input.render(top, buffer);
        let matches = self.matches();
        let room = usize::from(inner.height) - 1;
        let first = (self.chosen + 1).saturating_sub(room);
        for (i, row) in (first..).zip(inner.rows().skip(1)) {
            let Some(binding) = matches.get(i) else { break };
            let obstacle = (binding.obstacle)(app);
            let style = match obstacle {
                _ if i == self.chosen => theme.selected,
                Some(_) => theme.muted,
                None => theme.text,
            };
            let name = name(binding);
            let keys = obstacle.map_or_else(|| binding.key_names(), |why| format!("({why})"));
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

/// What the palette calls an action.
fn name(binding: &Binding<Action, App>) -> String {
    match binding.action {
        Action::Focus(panel) => format!("{} {}", binding.description, panel + 1),
        _ => binding.description.into(),
    }
}
