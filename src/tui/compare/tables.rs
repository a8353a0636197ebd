//! The tables: results of the runs, and the settings in which they differ.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::charts::number;
use super::member::{Member, Quantity};
use super::state::Compare;
use crate::tui::format;
use crate::tui::table::{Column, NARROWEST, Table};
use crate::tui::theme::Theme;

/// Draws the results of every run: accuracy, loss and distance at the cursor, or the latest.
pub(super) fn results(compare: &Compare, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let column =
        |title, right, rank| Column { title, style: theme.muted, right, rank, least: NARROWEST };
    let columns = vec![
        column("", false, 0),
        column("run", false, 7),
        column("state", false, 3),
        column("best %", true, 0),
        column("test %", true, 0),
        column("loss", true, 1),
        column("distance", true, 2),
        column("steps", true, 4),
        column("time", true, 5),
        column("images/s", true, 6),
    ];
    let rows = compare.members.iter().map(|member| result(compare, member, theme)).collect();
    Table::new(columns, rows).render(0, area, buffer);
}

/// Row of a run, muted if the run is hidden.
fn result(compare: &Compare, member: &Member, theme: &Theme) -> Vec<(String, Style)> {
    let summary = &member.summary;
    let (letter, text) =
        if member.hidden { (theme.muted, theme.muted) } else { (member.style(theme), theme.text) };
    let state = match &member.failure {
        Some(_) => ("unreadable".to_owned(), theme.warning),
        None if !member.caught_up && summary.name.is_empty() => ("reading".to_owned(), theme.muted),
        None => (summary.state.name().to_owned(), text),
    };
    let best = summary.best_test_accuracy.map_or(f64::NAN, f64::from) * 100.0;
    let value = |quantity| {
        let value = member.value(quantity, compare.view.cursor);
        (number(quantity)(value), text)
    };
    let images = summary.images_per_second.map_or("-".into(), format::short);
    vec![
        (member.letter().into(), letter),
        (member.name(), text),
        state,
        (number(Quantity::Accuracy)(best), text),
        value(Quantity::Accuracy),
        value(Quantity::Loss),
        value(Quantity::Distance),
        (format::grouped(summary.steps), text),
        (format::duration(summary.seconds), text),
        (images, text),
    ]
}

/// Draws the settings that differ, from the line that was scrolled to.
pub(super) fn differences(compare: &Compare, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = compare.difference_lines();
    if lines.is_empty() {
        let text = "Nothing differs but their names.";
        buffer.set_stringn(area.x, area.y, text, area.width.into(), theme.muted);
        return;
    }
    let column = |title, style, least| Column { title, style, right: false, rank: 0, least };
    let letters = compare.members.iter().map(|member| {
        let style = if member.hidden { theme.muted } else { member.style(theme) };
        column(member.letter(), style, NARROWEST)
    });
    let columns = std::iter::once(column("key", theme.muted, usize::from(area.width) * 2 / 5))
        .chain(letters)
        .collect();
    let style = |index: usize| match index.checked_sub(1).and_then(|i| compare.members.get(i)) {
        Some(member) if member.hidden => theme.muted,
        _ => theme.text,
    };
    let row = |cells: Vec<String>| {
        cells.into_iter().enumerate().map(|(index, text)| (text, style(index))).collect()
    };
    let rows = lines.into_iter().map(row).collect();
    Table::new(columns, rows).render(compare.scroll, area, buffer);
}
