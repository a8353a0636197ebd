//! What lies over the panels and takes the keys: help, palette, a prompt or a question.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use super::actions::Action;
use super::app::App;
use super::help::Help;
use super::palette::Palette;
use super::prompt::Prompt;
use super::question::Question;
use super::theme::Theme;
use crate::train::Command;

/// Something over the panels.
#[derive(Debug)]
pub(super) enum Popup {
    Help(Help),
    Palette(Palette),
    Prompt(Prompt),
    Question(Question),
}

/// What a key makes of a popup.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reaction {
    /// It stays open.
    Stay,
    /// It closes.
    Close,
    /// It closes, and an action is done.
    Run(Action),
    /// It closes, and the run is asked for something.
    Send(Command),
    /// The person leaves, and the run stops and saves.
    Stop,
    /// Leave, and let the run go on.
    Detach,
}

impl Popup {
    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        match self {
            Popup::Help(help) => help.key(key),
            Popup::Palette(palette) => palette.key(key),
            Popup::Prompt(prompt) => prompt.key(key),
            Popup::Question(question) => question.key(key),
        }
    }

    pub fn paste(&mut self, text: &str) {
        match self {
            Popup::Palette(palette) => palette.paste(text),
            Popup::Prompt(prompt) => prompt.paste(text),
            Popup::Help(_) | Popup::Question(_) => {}
        }
    }

    pub fn render(&self, app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        match self {
            Popup::Help(help) => help.render(theme, area, buffer),
            Popup::Palette(palette) => palette.render(app, theme, area, buffer),
            Popup::Prompt(prompt) => prompt.render(theme, area, buffer),
            Popup::Question(question) => question.render(theme, area, buffer),
        }
    }
}

/// Clears a box in the middle of `area` for so much content, and draws its frame. Returns the room
/// inside.
pub(super) fn frame(
    title: &str,
    keys: &str,
    (width, height): (u16, u16),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let outer = area.centered(
        ratatui::layout::Constraint::Length(width.saturating_add(4).min(area.width)),
        ratatui::layout::Constraint::Length(height.saturating_add(2).min(area.height)),
    );
    Clear.render(outer, buffer);
    let block = Block::bordered()
        .border_type(BorderType::Thick)
        .border_style(theme.focus)
        .padding(Padding::horizontal(1))
        .title(Line::styled(format!(" {title} "), theme.accent))
        .title_bottom(Line::styled(format!(" {keys} "), theme.muted).alignment(Alignment::Right));
    let inner = block.inner(outer);
    block.render(outer, buffer);
    inner
}
