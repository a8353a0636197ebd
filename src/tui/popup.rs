//! Popups: boxes over a view that take the keys, such as help, palette, prompts and questions.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use super::theme::Theme;

/// A box over a view whose state is `C`.
pub(super) trait Popup<C> {
    /// Title of the box; also its identity.
    fn title(&self) -> &'static str;

    fn key(&mut self, key: KeyEvent) -> Reaction<C>;

    /// Takes pasted text; ignored by default.
    fn paste(&mut self, _text: &str) {}

    fn render(&self, content: &C, theme: &Theme, area: Rect, buffer: &mut Buffer);
}

/// Effect of a key on a popup.
pub(super) enum Reaction<C> {
    /// The popup stays open.
    Stay,
    /// The popup closes.
    Close,
    /// The popup closes, and then this is done.
    Act(Box<dyn FnOnce(&mut C)>),
}

/// Clears a box in the middle of `area` with room for `width` times `height` cells, and draws its
/// border. Returns the room inside, which is smaller if `area` is too small.
pub(super) fn frame(
    title: &str,
    keys: &str,
    (width, height): (u16, u16),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let outer = area.centered(
        Constraint::Length(width.saturating_add(4).min(area.width)),
        Constraint::Length(height.saturating_add(2).min(area.height)),
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
