//! The picture of a file's weight matrices.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;
use strum::VariantArray;

use super::state::{ProfilePanel, Profiles, Reading};
use crate::tui::border::bordered;
use crate::tui::chart::significant;
use crate::tui::format::{grouped, wrap};
use crate::tui::matrix_table::{MatrixTable, share, small_title};
use crate::tui::profile_chart::{ProfileChart, multiples};
use crate::tui::row::{Part, row};
use crate::tui::theme::Theme;
use crate::weights::{MatrixSummary, PERCENTILES};

/// Columns and rows of the smallest view that shows all panels at once.
const LARGE: (u16, u16) = (110, 30);

pub(super) fn render(profiles: &Profiles, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let [title, middle] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    row(about(profiles, theme), title.width).render(title, buffer);
    panels(profiles, theme, middle, buffer);
}

/// The first line: the file, and how much of it was read.
fn about(profiles: &Profiles, theme: &Theme) -> Vec<Part> {
    let mut parts = vec![Part::new(0, profiles.title.clone(), theme.accent)];
    let matrices = &profiles.matrices;
    if !matrices.is_empty() {
        let count = grouped(matrices.len() as u64);
        let noun = if matrices.len() == 1 { "matrix" } else { "matrices" };
        parts.push(Part::new(1, count, theme.text).and(format!(" {noun}"), theme.muted));
        let weights = |matrix: &MatrixSummary| matrix.vectors.saturating_mul(matrix.length);
        let all = matrices.iter().map(weights).fold(0, usize::saturating_add);
        let zeros = matrices.iter().map(|matrix| matrix.zeros).fold(0, usize::saturating_add);
        parts.push(Part::new(2, grouped(all as u64), theme.text).and(" weights", theme.muted));
        if zeros > 0 {
            let zeros = share(zeros as f64 / all.max(1) as f64);
            parts.push(Part::new(3, "zeros ", theme.muted).and(zeros, theme.text));
        }
    }
    if let Reading::At(what) = &profiles.reading {
        let what =
            if what.is_empty() { "reading …".into() } else { format!("reading {what} …") };
        parts.push(Part::new(0, what, theme.mark));
    }
    parts
}

/// The last action, or else what went wrong, or else the filter, or else a remark on the file.
pub(super) fn status(profiles: &Profiles, theme: &Theme, width: u16) -> Line<'static> {
    let status = profiles.chrome.status_line(theme).or_else(|| match &profiles.reading {
        Reading::Failed(why) => Some(Line::styled(why.clone(), theme.warning)),
        _ => profiles.filter.line(width, theme),
    });
    let notice = || Line::styled(profiles.notice.clone().unwrap_or_default(), theme.muted);
    status.unwrap_or_else(notice)
}

/// Draws the panels. On a small screen these are the table and, below it, the other panel that was
/// focused last.
fn panels(profiles: &Profiles, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut draw = |index: usize, area: Rect| panel(profiles, index, theme, area, buffer);
    if profiles.chrome.zoomed {
        return draw(profiles.chrome.focus, area);
    }
    if area.width >= LARGE.0 && area.height >= LARGE.1 {
        let [table, profile] =
            Layout::horizontal([Constraint::Fill(2), Constraint::Fill(3)]).areas(area);
        let [profile, all] = Layout::vertical([Constraint::Fill(1); 2]).areas(profile);
        [table, profile, all].into_iter().enumerate().for_each(|(i, area)| draw(i, area));
    } else {
        let [table, below] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
        draw(0, table);
        draw(profiles.chrome.focus.max(1), below);
    }
}

/// Draws one panel in its border.
fn panel(profiles: &Profiles, index: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let panel = ProfilePanel::VARIANTS[index];
    let title = format!("{} {}", index + 1, panel.title());
    let caption = Line::styled(caption(profiles, panel), theme.text);
    let inner = bordered(&title, caption, index == profiles.chrome.focus, theme, area, buffer);
    if inner.is_empty() {
        return;
    }
    let order = profiles.order();
    if order.is_empty() {
        return nothing(profiles, theme, inner, buffer);
    }
    match panel {
        ProfilePanel::Matrices => {
            MatrixTable {
                matrices: &profiles.rows(),
                order: &order,
                selected: Some(profiles.chosen),
                sort: profiles.sort,
                theme,
            }
            .render(inner, buffer);
        }
        ProfilePanel::Profile => profile(profiles, theme, inner, buffer),
        ProfilePanel::All => all(profiles, &order, theme, inner, buffer),
    }
}

fn caption(profiles: &Profiles, panel: ProfilePanel) -> String {
    match (panel, profiles.chosen()) {
        (ProfilePanel::Matrices, _) => {
            let order = profiles.order();
            let place = order.iter().position(|&index| index == profiles.chosen);
            place.map_or(String::new(), |place| format!("{} of {}", place + 1, order.len()))
        }
        (ProfilePanel::Profile, Some(matrix)) => {
            let similarity = significant(f64::from(matrix.profile.similarity));
            format!("{} · SoWP {similarity}", matrix.name)
        }
        (ProfilePanel::All, Some(_)) => profiles.sort.words().to_owned(),
        (_, None) => String::new(),
    }
}

/// Says why there is no matrix to show.
fn nothing(profiles: &Profiles, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (text, style) = match &profiles.reading {
        Reading::Failed(why) => (why.as_str(), theme.warning),
        _ if !profiles.matrices.is_empty() => ("nothing matches the filter", theme.muted),
        Reading::At(_) => ("the first weight matrix is being read", theme.muted),
        Reading::Done => ("there is no weight matrix here", theme.muted),
    };
    for (line, row) in wrap(text, area.width.into()).into_iter().zip(area.rows()) {
        Line::styled(line, style).render(row, buffer);
    }
}

/// The profile of the selected matrix, and below it the statistics of all its weights.
fn profile(profiles: &Profiles, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(matrix) = profiles.chosen() else { return };
    let facts = u16::from(area.height >= 8);
    let [above, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(facts)]).areas(area);
    ProfileChart { cursor: profiles.rank, ..chart(matrix, theme) }.render(above, buffer);
    row(numbers(matrix, theme), below.width).render(below, buffer);
}

fn chart<'a>(matrix: &'a MatrixSummary, theme: &'a Theme) -> ProfileChart<'a> {
    ProfileChart {
        theme,
        positions: &matrix.profile.positions,
        bands: &matrix.profile.bands,
        lines: &matrix.profile.vectors,
        initial: &[],
        vector: None,
        cursor: None,
    }
}

/// Statistics of all weights of a matrix.
fn numbers(matrix: &MatrixSummary, theme: &Theme) -> Vec<Part> {
    let fact = |rank, name: String, value: f32| {
        Part::new(rank, format!("{name} "), theme.muted)
            .and(significant(f64::from(value)), theme.text)
    };
    let mut parts = vec![fact(0, "mean".into(), matrix.mean), fact(0, "SD".into(), matrix.sd)];
    for (percent, value) in PERCENTILES.into_iter().zip(matrix.percentiles) {
        let percent = f64::from(percent);
        parts.push(match percent {
            0.0 => fact(1, "min".into(), value),
            100.0 => fact(1, "max".into(), value),
            50.0 => fact(2, "50 %".into(), value),
            _ => fact(3, format!("{percent} %"), value),
        });
    }
    parts
}

/// The profiles of all matrices, in the order of the table.
fn all(profiles: &Profiles, order: &[usize], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let rows = profiles.rows();
    let selected = order.iter().position(|&index| index == profiles.chosen).unwrap_or(0);
    let item = |place: usize, width| {
        let index = order[place];
        let title = small_title(&rows[index], index == profiles.chosen, width, theme);
        (title, Some(chart(&profiles.matrices[index], theme)))
    };
    multiples(order.len(), selected, item, area, buffer);
}
