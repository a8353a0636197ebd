//! The border of a panel, with its title and caption.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Widget};

use super::theme::Theme;

/// Draws the border of a panel. Returns the room inside.
pub(super) fn bordered(
    title: &str,
    caption: Line<'static>,
    focused: bool,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    // The focused panel also differs by its line and a mark, for terminals without colours.
    let (border, style, title_style, mark) = if focused {
        (BorderType::Thick, theme.focus, theme.accent, "▸")
    } else {
        (BorderType::Plain, theme.border, theme.text, "")
    };
    let title = Line::styled(format!(" {mark}{title} "), title_style);
    let room = usize::from(area.width).saturating_sub(title.width() + 6);
    let caption = shortened(caption, room);
    let mut block = Block::bordered().border_type(border).border_style(style).title(title);
    if caption.width() > 0 {
        let mut padded = Line::raw(" ");
        padded.extend(caption);
        padded.push_span(" ");
        block = block.title(padded.alignment(Alignment::Right));
    }
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// As much of `line` as fits into `room` cells.
fn shortened(line: Line<'static>, room: usize) -> Line<'static> {
    if line.width() <= room {
        // The style of the line moves into its spans, which are put into another line.
        let spans = line.spans.into_iter().map(|span| span.patch_style(line.style));
        return spans.collect();
    }
    if room < 4 {
        return Line::default();
    }
    let text = line.to_string().chars().take(room - 1).chain(['…']).collect::<String>();
    Line::styled(text, line.style)
}
