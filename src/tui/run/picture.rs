//! The picture of a run: header and panels.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::header;
use super::state::App;
use crate::train::Command;
use crate::tui::border::bordered;
use crate::tui::content::Pages;
use crate::tui::grid;
use crate::tui::panels::{Panel, Scene};
use crate::tui::theme::Theme;

pub(super) fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
    let header = Constraint::Length(header::height(area));
    let [top, middle] = Layout::vertical([header, Constraint::Fill(1)]).areas(area);
    header::render(app, theme, top, buffer);
    panels(app, theme, middle, buffer)
}

/// The commands that wait for an answer, or else the last action.
pub(super) fn status(app: &App, theme: &Theme) -> Line<'static> {
    if app.pending.is_empty() {
        return app.chrome.status_line(theme).unwrap_or_default();
    }
    let commands: Vec<_> = app.pending.iter().map(Command::to_string).collect();
    Line::styled(format!("asked for: {} …", commands.join(", ")), theme.muted)
}

/// Draws the panels of the page that contains the focused one.
fn panels(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
    if app.chrome.zoomed {
        panel(app, app.chrome.focus, theme, area, buffer);
        return Pages::ONE;
    }
    let per_page = grid::per_page(Panel::ALL.len(), area);
    let page = app.chrome.focus / per_page;
    let first = page * per_page;
    let count = per_page.min(Panel::ALL.len() - first);
    let shown = &Panel::ALL[first..first + count];
    let needs: Vec<_> = shown.iter().map(|panel| panel.needs(app.shown())).collect();
    for (index, place) in (first..).zip(grid::places(&needs, area)) {
        panel(app, index, theme, place, buffer);
    }
    Pages { page, count: Panel::ALL.len().div_ceil(per_page) }
}

/// Draws one panel in its border.
fn panel(app: &App, index: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(&panel) = Panel::ALL.get(index) else { return };
    let scene = Scene { state: app.shown(), view: &app.view, theme, zoomed: app.chrome.zoomed };
    let title = format!("{} {}", index + 1, panel.title());
    let inner =
        bordered(&title, panel.caption(&scene), index == app.chrome.focus, theme, area, buffer);
    if !inner.is_empty() {
        panel.render(&scene, inner, buffer);
    }
}
