//! The header: what is trained and its progress, in two lines, or in three on a high screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::state::App;
use crate::experiment::WrapperName;
use crate::run::RunState;
use crate::session::Playback;
use crate::train::{Phase, Reason, Started};
use crate::tui::format;
use crate::tui::row::{Part, row};
use crate::tui::theme::Theme;

/// Number of lines in a view whose body is `area`.
pub(super) fn height(area: Rect) -> u16 {
    if area.height >= 28 { 3 } else { 2 }
}

pub(super) fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let run = app.shown();
    let mut rows = area.rows();
    let mut draw = |line: Line| rows.next().map(|row| line.render(row, buffer));
    draw(row(identity(app, run, theme), area.width));
    match area.height {
        0..3 => {
            let values = values(run, theme, false);
            draw(progress(app, run, theme, values, area.width));
        }
        _ => {
            draw(progress(app, run, theme, Vec::new(), area.width));
            draw(row(values(run, theme, true), area.width));
        }
    };
}

/// The first line: the run and its state.
fn identity(app: &App, run: &RunState, theme: &Theme) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(started) = &run.started {
        parts.push(Part::new(0, started.name.clone(), theme.accent));
        let what = format!("{} on {}", started.network, started.dataset);
        parts.push(Part::new(4, what, theme.muted));
    }
    if let Some(playback) = &app.playback {
        let (state, style) = played(playback, theme);
        parts.push(Part::new(0, "REPLAY ", theme.mark).and(state, style));
    }
    let (state, style) = state(run, app.not_steered().is_none(), theme);
    parts.push(Part::new(u8::from(app.playback.is_some()), state, style));
    if app.frozen.is_some() {
        parts.push(Part::new(0, format!("view frozen at step {}", run.step), theme.mark));
    }
    if let Some((_, accuracy)) = run.best() {
        let best = format::percent(accuracy.into(), 2);
        parts.push(Part::new(1, "best ", theme.muted).and(best, theme.text));
    }
    parts.push(Part::new(5, format::duration(run.seconds), theme.text));
    if let Some(left) = run.seconds_left() {
        parts.push(Part::new(2, format::duration(left), theme.text).and(" left", theme.muted));
    }
    if let Some(rate) = run.images_per_second().filter(|_| run.phase == Phase::Running) {
        parts.push(Part::new(3, format::short(rate), theme.text).and(" images/s", theme.muted));
    }
    parts
}

/// State of the run, in a word or two.
fn state(run: &RunState, steerable: bool, theme: &Theme) -> (&'static str, Style) {
    match (run.phase, run.reason) {
        (Phase::Starting, _) => ("preparing …", theme.mark),
        (Phase::Running, _) => ("▶ running", theme.accent),
        (Phase::Paused, _) => ("■ paused", theme.mark),
        (Phase::Diverged, _) if steerable => ("■ diverged, space resumes", theme.warning),
        (Phase::Diverged, _) => ("■ diverged", theme.warning),
        (Phase::Finished, Some(Reason::Failed)) => ("■ failed", theme.warning),
        (Phase::Finished, Some(Reason::Diverged)) => ("■ diverged", theme.warning),
        (Phase::Finished, Some(Reason::Stopped)) => ("■ stopped", theme.mark),
        (Phase::Finished, _) => ("■ finished", theme.accent),
    }
}

/// State of the playback of a recorded run, in a word or two.
fn played(playback: &Playback, theme: &Theme) -> (String, Style) {
    match playback {
        Playback { playing: true, speed, .. } => (format!("▶ {speed}x"), theme.accent),
        Playback { at_end: true, living: true, .. } => ("▶ follows".into(), theme.accent),
        Playback { at_end: true, .. } => ("■ at the end".into(), theme.text),
        Playback { speed, .. } => (format!("■ stopped, {speed}x"), theme.text),
    }
}

/// Epoch, step, and a bar in the room that `after` leaves.
fn progress(
    app: &App,
    run: &RunState,
    theme: &Theme,
    after: Vec<Part>,
    width: u16,
) -> Line<'static> {
    let Some(started) = &run.started else {
        return Line::styled("the data and the network are being prepared", theme.muted);
    };
    // The length of a recorded run is known.
    let (total, done) = match &app.playback {
        Some(playback) => (playback.last_step, share(run.step, playback.last_step)),
        None => (started.total_steps, run.progress()),
    };
    let epochs = total as f64 / started.steps_per_epoch.max(1) as f64;
    let mut line = Line::from(vec![
        Span::styled("epoch ", theme.muted),
        Span::styled(epoch(run), theme.text),
        Span::styled(format!("/{}  step ", format::short(epochs)), theme.muted),
        Span::styled(run.step.to_string(), theme.text),
        Span::styled(format!("/{total}  "), theme.muted),
    ]);
    let percent = format!(" {:3.0} %", (done * 100.0).floor());
    const SHORTEST: usize = 6;
    let room = usize::from(width).saturating_sub(line.width() + percent.len());
    let after = row(after, room.saturating_sub(SHORTEST + 2) as u16);
    let gap = if after.width() > 0 { 2 } else { 0 };
    let bar = room.saturating_sub(after.width() + gap);
    let done = (done * bar as f64).round() as usize;
    line.push_span(Span::styled("━".repeat(done.min(bar)), theme.accent));
    line.push_span(Span::styled("─".repeat(bar.saturating_sub(done)), theme.muted));
    line.push_span(Span::styled(percent, theme.text));
    if gap > 0 {
        line.push_span("  ");
        line.extend(after.spans);
    }
    line
}

fn share(step: u64, last: u64) -> f64 {
    (step as f64 / last.max(1) as f64).min(1.0)
}

/// Epochs done, with one decimal, rounded down.
fn epoch(run: &RunState) -> String {
    format!("{:.1}", (run.epoch() * 10.0).floor() / 10.0)
}

/// k, p, lr and the number of syncs. `at_length` for a line of their own.
fn values(run: &RunState, theme: &Theme, at_length: bool) -> Vec<Part> {
    let Some(started) = &run.started else { return Vec::new() };
    let schedule = &run.schedule;
    let value = |rank, name: &str, value: String, by_hand| {
        let part = Part::new(rank, format!("{name} "), theme.muted);
        match (by_hand, at_length) {
            (false, _) => part.and(value, theme.text),
            (true, false) => part.and(format!("{value}*"), theme.mark),
            (true, true) => part.and(format!("{value} by hand"), theme.mark),
        }
    };
    let mut parts = Vec::new();
    if started.wrapper != WrapperName::None {
        parts.push(value(0, "k", schedule.k.to_string(), schedule.k_by_hand));
    }
    if started.wrapper == WrapperName::Laperm {
        parts.push(value(1, "p", format::ratio(schedule.p), schedule.p_by_hand));
    }
    parts.push(value(2, "lr", format::short(schedule.lr), schedule.lr_by_hand));
    if started.wrapper != WrapperName::None {
        parts.push(syncs(run, theme));
    }
    if at_length {
        parts.extend(details(run, started, theme));
    }
    parts
}

fn syncs(run: &RunState, theme: &Theme) -> Part {
    let part = Part::new(3, format::grouped(run.syncs), theme.text).and(" syncs", theme.muted);
    if run.schedule.active || run.syncs > 0 { part } else { part.and(" (not active)", theme.mark) }
}

/// Further facts, none of them urgent.
fn details(run: &RunState, started: &Started, theme: &Theme) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some((_, loss)) = run.loss.last() {
        parts.push(Part::new(4, "loss ", theme.muted).and(format::short(loss.into()), theme.text));
    }
    if run.sync_milliseconds > 0.0 {
        let took = format!("{} ms", format::short(run.sync_milliseconds));
        parts.push(Part::new(6, "a sync takes ", theme.muted).and(took, theme.text));
    }
    let optimizer = if started.wrapper == WrapperName::None {
        started.optimizer.to_string()
    } else {
        format!("{} around {}", started.wrapper, started.optimizer)
    };
    let parameters = format!("{} parameters", format::grouped(started.parameters as u64));
    let origin = format!("seed {}, {}", started.seed, started.backend);
    for (rank, text) in [(5, optimizer), (7, parameters), (8, origin)] {
        parts.push(Part::new(rank, text, theme.muted));
    }
    parts
}
