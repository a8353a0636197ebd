//! The charts: one quantity of every visible run, on one axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::align::{per_unit, place};
use super::member::{Member, Quantity};
use super::state::Compare;
use crate::run::Mark;
use crate::tui::chart::{Chart, Curve, Look, Scale, TimeAxis, extent, significant};
use crate::tui::theme::Theme;

/// Formats a value for the legend of a chart and for the results.
pub(super) fn number(quantity: Quantity) -> fn(f64) -> String {
    match quantity {
        Quantity::Accuracy => |percentage| {
            if percentage.is_finite() { format!("{percentage:.2}") } else { "-".into() }
        },
        Quantity::Loss | Quantity::Distance => significant,
    }
}

/// Caption of a chart.
pub(super) fn caption(compare: &Compare, quantity: Quantity) -> String {
    match quantity {
        Quantity::Accuracy => best(compare).unwrap_or_default(),
        Quantity::Loss if compare.view.smoothing > 0.0 => "smoothed".into(),
        Quantity::Loss => String::new(),
        Quantity::Distance => compare.layer.clone(),
    }
}

/// The best test accuracy, and the letter of its run.
fn best(compare: &Compare) -> Option<String> {
    let best = |member: &Member| member.run.best().map(|(_, best)| (best, member.letter()));
    let best = compare.shown().filter_map(best).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!("best {} {:.2} %", best.1, best.0 * 100.0))
}

/// Draws the chart of a quantity.
pub(super) fn render(
    compare: &Compare,
    quantity: Quantity,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let names: Vec<String> = compare.members.iter().map(Member::name).collect();
    let of = compare.shown().count() as u16;
    // Drawn in reverse, so that the first run covers all others.
    let curve = |(turn, member): (usize, &'_ Member)| {
        Some(Curve {
            series: compare.members[member.index].series(quantity)?,
            factor: member.factor(quantity),
            style: member.style(theme),
            look: Look::Marked(turn as u16, of),
            symbol: member.letter().chars().next().unwrap_or(' '),
            names: [&names[member.index], ""],
            smoothing: if quantity == Quantity::Accuracy { 0.0 } else { compare.view.smoothing },
        })
    };
    let shown: Vec<&Member> = compare.shown().collect();
    let curves: Vec<Curve> =
        shown.iter().enumerate().rev().filter_map(|(turn, member)| curve((turn, member))).collect();
    if curves.is_empty() {
        return nothing(compare, quantity, theme, area, buffer);
    }
    let time = time(compare);
    let scale = match (quantity, extent(&curves, time.from, &time).unwrap_or((0.0, 1.0))) {
        (Quantity::Accuracy, (_, high)) => Scale::percentages(later(&curves, &time), high),
        (_, (low, high)) if compare.view.log => Scale::logarithmic(low, high),
        (_, (low, high)) => Scale::around(0f64.min(low), high),
    };
    let marks = marks(compare);
    Chart {
        title: "",
        theme,
        time,
        scale,
        curves: &curves,
        marks: if quantity == Quantity::Accuracy { &marks } else { &[] },
        highlight: None,
        number: number(quantity),
        labels_below: true,
    }
    .render(area, buffer);
}

/// The least value in the later half of any curve, in percent. The climb at the beginning may be
/// cut off, but every run stays visible.
fn later(curves: &[Curve], time: &TimeAxis) -> f64 {
    let low = |curve: &Curve| {
        let last = curve.series.last()?.0.min(time.to);
        let half = time.from + last.saturating_sub(time.from) / 2;
        Some(extent(std::slice::from_ref(curve), half, time)?.0)
    };
    curves.iter().filter_map(low).fold(100.0, f64::min)
}

/// The time axis of all charts.
pub(super) fn time(compare: &Compare) -> TimeAxis<'static> {
    TimeAxis::even(compare.span(), &compare.view, per_unit(compare.view.unit) as f64)
}

/// The changes made by hand, each with the letter of its run.
fn marks(compare: &Compare) -> Vec<Mark> {
    let of = |member: &Member| -> Vec<Mark> {
        let mark = |mark: &Mark| {
            let step = place(&member.run, compare.view.unit, mark.step)?;
            Some(Mark { step, label: format!("{} {}", member.letter(), mark.label) })
        };
        member.run.marks.iter().filter_map(mark).collect()
    };
    compare.shown().flat_map(of).collect()
}

fn nothing(compare: &Compare, quantity: Quantity, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let text = match quantity {
        _ if compare.shown().next().is_none() => "All runs are hidden.",
        _ if compare.shown().any(|member| !member.caught_up) => "The runs are being read.",
        Quantity::Accuracy => "No run was evaluated yet.",
        Quantity::Loss => "No run has taken a step yet.",
        Quantity::Distance => "Not measured for this layer.",
    };
    let middle = area.y + area.height / 2;
    if area.height > 0 {
        let row = Rect { y: middle, height: 1, ..area };
        let line = Line::styled(text, theme.muted).centered();
        ratatui::widgets::Widget::render(line, row, buffer);
    }
}
