//! The whole picture of a run's screen: header, panels, footer, and what lies over them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Paragraph, Widget, Wrap};

use super::app::App;
use super::panels::{Panel, Scene};
use super::theme::Theme;
use super::{ascii, footer, grid, header};

/// The smallest terminal that shows anything useful.
pub(super) const SMALLEST: (u16, u16) = (60, 18);

/// Draws `app`.
pub fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small("Training goes on. Ctrl-C twice stops and saves.", theme, area, buffer);
    } else {
        let header = Constraint::Length(header::height(area));
        let footer = Constraint::Length(footer::HEIGHT);
        let [top, middle, bottom] =
            Layout::vertical([header, Constraint::Fill(1), footer]).areas(area);
        header::render(app, theme, top, buffer);
        let page = panels(app, theme, middle, buffer);
        footer::render(app, page, theme, bottom, buffer);
        if let Some(popup) = app.popups.last() {
            popup.render(app, theme, area, buffer);
        }
    }
    if !theme.unicode {
        ascii::replace(buffer);
    }
}

/// Draws the panels of the page that the focused one is on. Returns the page and how many there
/// are.
fn panels(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> (usize, usize) {
    if app.zoomed {
        panel(app, app.focus, theme, area, buffer);
        return (0, 1);
    }
    let per_page = grid::per_page(Panel::ALL.len(), area);
    let page = app.focus / per_page;
    let first = page * per_page;
    let count = per_page.min(Panel::ALL.len() - first);
    let shown = &Panel::ALL[first..first + count];
    let needs: Vec<_> = shown.iter().map(|panel| panel.needs(app.shown())).collect();
    for (index, place) in (first..).zip(grid::places(&needs, area)) {
        panel(app, index, theme, place, buffer);
    }
    (page, Panel::ALL.len().div_ceil(per_page))
}

/// Draws one panel in its border.
fn panel(app: &App, index: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(&panel) = Panel::ALL.get(index) else { return };
    let scene = Scene { state: app.shown(), view: &app.view, theme, zoomed: app.zoomed };
    let title = format!("{} {}", index + 1, panel.title());
    let inner = bordered(&title, panel.caption(&scene), index == app.focus, theme, area, buffer);
    if !inner.is_empty() {
        panel.render(&scene, inner, buffer);
    }
}

/// Draws the border of a part of the screen; what is inside is for its content.
pub(super) fn bordered(
    title: &str,
    caption: Line<'static>,
    focused: bool,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    // The focused one also differs by its line and a mark, for terminals without colours.
    let (border, style, title_style, mark) = match focused {
        true => (BorderType::Thick, theme.focus, theme.accent, "▸"),
        false => (BorderType::Plain, theme.border, theme.text, ""),
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

/// As much of `line` as there is room for.
pub(super) fn shortened(line: Line<'static>, room: usize) -> Line<'static> {
    if line.width() <= room {
        // Its own style goes with its spans, wherever they are put.
        let spans = line.spans.into_iter().map(|span| span.patch_style(line.style));
        return spans.collect();
    }
    if room < 4 {
        return Line::default();
    }
    let text = line.to_string().chars().take(room - 1).chain(['…']).collect::<String>();
    Line::styled(text, line.style)
}

/// Says that the terminal is too small, and what it takes.
pub(super) fn too_small(advice: &str, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "laperm needs {} columns and {} rows; this terminal has {} and {}. {advice}",
        SMALLEST.0, SMALLEST.1, area.width, area.height
    );
    Paragraph::new(text).style(theme.text).wrap(Wrap { trim: true }).render(area, buffer);
}
