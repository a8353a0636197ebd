//! The axes of a plot: labels on the left and below, and the area for the plot itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::figure::Tick;
use crate::tui::theme::Theme;

/// Columns to the left of a plot for labels and axis. Constant, so that plots above each other are
/// aligned.
pub(crate) const GUTTER: u16 = 6;

/// Returns the width of a text in cells.
pub(crate) fn width(text: &str) -> u16 {
    Span::raw(text).width().min(usize::from(u16::MAX)) as u16
}

/// Returns the area for the plot: without a gutter if `area` is narrow, without labels below if it
/// is low.
pub(crate) fn plot_area(area: Rect) -> Rect {
    let gutter = if area.width >= 3 * GUTTER { GUTTER } else { 0 };
    let below = u16::from(area.height >= 4);
    Rect { x: area.x + gutter, width: area.width - gutter, height: area.height - below, ..area }
}

/// Draws the vertical axis and its labels to the left of `plot`, if `area` has room for them.
pub(crate) fn vertical(area: Rect, plot: Rect, ticks: &[Tick], theme: &Theme, buffer: &mut Buffer) {
    if plot.x < area.x + GUTTER || plot.is_empty() {
        return;
    }
    let (line, notch) = if theme.unicode { ("│", "┤") } else { ("|", "+") };
    for y in plot.top()..plot.bottom() {
        buffer.set_string(plot.x - 1, y, line, theme.border);
    }
    let mut taken = None;
    for tick in ticks {
        let row = ((1.0 - tick.position) * f64::from(plot.height) - 0.5).round();
        let y = plot.y + row.clamp(0.0, f64::from(plot.height - 1)) as u16;
        if taken.replace(y) == Some(y) {
            continue;
        }
        let room = usize::from(GUTTER - 1);
        let label: String = tick.label.chars().take(room).collect();
        buffer.set_string(plot.x - GUTTER, y, format!("{label:>room$}"), theme.muted);
        buffer.set_string(plot.x - 1, y, notch, theme.border);
    }
}

/// Draws the labels and, at the right end, their unit below `plot`, if `area` has room for them.
pub(crate) fn horizontal(
    area: Rect,
    plot: Rect,
    ticks: &[Tick],
    unit: &str,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let y = plot.bottom();
    if y >= area.bottom() || plot.is_empty() {
        return;
    }
    let mut end = plot.right();
    if plot.width > 3 * width(unit) {
        end -= width(unit);
        buffer.set_string(end, y, unit, theme.muted);
    }
    let mut free = plot.x;
    for tick in ticks {
        let width = width(&tick.label);
        if !(-1e-6..=1.0 + 1e-6).contains(&tick.position) {
            continue;
        }
        let at = plot.x + (tick.position * f64::from(plot.width - 1)).round() as u16;
        let x = at.saturating_sub(width / 2).max(plot.x);
        if x >= free && x + width < end {
            buffer.set_string(x, y, &tick.label, theme.muted);
            free = x + width + 2;
        }
    }
}
