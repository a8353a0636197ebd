//! The time axis of all panels: linear in training steps, with labels in the unit of the view.

use crate::figure::{Tick, round_up, short};
use crate::run::RunState;
use crate::run::TimeUnit;
use crate::train::Phase;
use crate::tui::format::grouped;
use crate::tui::view::View;

/// A time axis over the steps `from..to`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeAxis<'a> {
    /// The step at the left end.
    pub from: u64,
    /// The step at the right end; greater than `from`.
    pub to: u64,
    /// The step of readouts; `None` is the latest.
    pub cursor: Option<u64>,
    unit: TimeUnit,
    ruler: Ruler<'a>,
}

/// Converts steps to epochs and seconds.
#[derive(Debug, Clone, Copy)]
enum Ruler<'a> {
    /// By the log of a run.
    Run(&'a RunState),
    /// By a constant number of positions per unit, for runs on a common axis whose positions are
    /// not steps of one run.
    Even(f64),
}

impl<'a> TimeAxis<'a> {
    /// Creates the axis of a run.
    pub(crate) fn new(state: &'a RunState, view: &View) -> Self {
        let (from, to) = match view.window {
            Some((from, to)) => (from, to.max(from.saturating_add(1))),
            None => (0, whole_run(state)),
        };
        let from = from.min(to - 1);
        TimeAxis { from, to, cursor: view.cursor, unit: view.unit, ruler: Ruler::Run(state) }
    }

    /// Creates an axis from position `from` to `to` with `per_unit` positions per unit of the view.
    pub(crate) fn even((from, to): (u64, u64), view: &View, per_unit: f64) -> Self {
        let ruler = Ruler::Even(per_unit);
        TimeAxis {
            from,
            to: to.max(from.saturating_add(1)),
            cursor: view.cursor,
            unit: view.unit,
            ruler,
        }
    }

    /// Returns the position of a step: 0 at the left end and 1 at the right end; steps outside the
    /// axis are outside 0 to 1.
    pub(crate) fn position(&self, step: u64) -> f64 {
        (step as f64 - self.from as f64) / (self.to - self.from) as f64
    }

    /// Returns the name of the unit of the labels.
    pub(crate) fn unit(&self) -> &'static str {
        match self.effective_unit() {
            TimeUnit::Steps => "steps",
            TimeUnit::Epochs => "epochs",
            TimeUnit::Seconds => "time",
        }
    }

    /// Returns about `most` ticks at round values.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        let value = |step| self.value(step);
        // The seconds of future steps are unknown.
        let last = match (self.effective_unit(), self.ruler) {
            (TimeUnit::Seconds, Ruler::Run(state)) => self.to.min(state.step.max(self.from)),
            _ => self.to,
        };
        let (low, high) = (value(self.from), value(last));
        if (high - low).is_nan() || high <= low {
            return Vec::new();
        }
        let share = self.position(last).clamp(0.05, 1.0);
        let rough = (high - low) / (most as f64 * share).max(1.0);
        let interval = match self.effective_unit() {
            TimeUnit::Seconds => round_seconds(rough),
            TimeUnit::Epochs => round_up(rough),
            TimeUnit::Steps => round_up(rough).max(1.0),
        };
        let (first, last) =
            ((low / interval).ceil() as u64, (high / interval + 1e-9).floor() as u64);
        let tick = |i: u64| {
            let value = i as f64 * interval;
            Tick { position: self.position_of(value), label: self.label(value) }
        };
        (first..=last.min(first.saturating_add(100))).map(tick).collect()
    }

    /// Formats a step precisely in the unit of the axis, for a readout.
    pub(crate) fn readout(&self, step: u64) -> String {
        match self.effective_unit() {
            TimeUnit::Steps => grouped(step),
            TimeUnit::Epochs => format!("{:.2}", self.value(step)),
            TimeUnit::Seconds => match self.value(step) {
                seconds if seconds < 60.0 => format!("{seconds:.1}s"),
                seconds => clock(seconds),
            },
        }
    }

    /// Returns the unit of the view, or steps as long as the length of an epoch is unknown.
    fn effective_unit(&self) -> TimeUnit {
        match self.unit {
            TimeUnit::Epochs if self.steps_per_epoch().is_none() => TimeUnit::Steps,
            unit => unit,
        }
    }

    fn steps_per_epoch(&self) -> Option<f64> {
        match self.ruler {
            Ruler::Even(per_unit) => Some(per_unit),
            Ruler::Run(state) => {
                let started = state.started.as_ref()?;
                (started.steps_per_epoch > 0).then_some(started.steps_per_epoch as f64)
            }
        }
    }

    fn seconds(&self, step: u64) -> f64 {
        match self.ruler {
            Ruler::Even(per_unit) => step as f64 / per_unit,
            Ruler::Run(state) => state.seconds_at(step),
        }
    }

    fn value(&self, step: u64) -> f64 {
        match self.effective_unit() {
            TimeUnit::Steps => step as f64,
            TimeUnit::Epochs => step as f64 / self.steps_per_epoch().unwrap_or(1.0),
            TimeUnit::Seconds => self.seconds(step),
        }
    }

    fn label(&self, value: f64) -> String {
        match self.effective_unit() {
            TimeUnit::Seconds => clock(value),
            _ => short(value),
        }
    }

    /// Returns the position of a value in the axis' unit. The step at a number of seconds is found
    /// by bisection, because the seconds of steps never decrease.
    fn position_of(&self, value: f64) -> f64 {
        let step = match self.effective_unit() {
            TimeUnit::Steps => value,
            TimeUnit::Epochs => value * self.steps_per_epoch().unwrap_or(1.0),
            TimeUnit::Seconds => {
                let (mut low, mut high) = (self.from, self.to);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if self.seconds(middle) < value {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                low as f64
            }
        };
        (step - self.from as f64) / (self.to - self.from) as f64
    }
}

/// Returns the right end of an axis for the whole run. It moves in jumps, so that a new point
/// changes little on the screen. A finished run fills the axis.
fn whole_run(state: &RunState) -> u64 {
    let step = state.step.max(1);
    if state.phase == Phase::Finished {
        // Past the last step, so that its point is on the axis.
        return step.saturating_add(1);
    }
    let ladder = jump(step);
    match state.started.as_ref().map(|started| started.total_steps) {
        Some(total) if total >= step => ladder.min(total),
        _ => ladder,
    }
}

/// Returns the first rung above `step` of a ladder that leaves at most half of an axis empty.
pub(crate) fn jump(step: u64) -> u64 {
    let mut power = 10u64;
    loop {
        let rungs = [20, 30, 50, 70, 100].map(|tenths| power.saturating_mul(tenths) / 10);
        if let Some(rung) = rungs.into_iter().find(|&rung| rung > step) {
            return rung;
        }
        if power > u64::MAX / 100 {
            return u64::MAX;
        }
        power *= 10;
    }
}

/// Rounds up to a round number of seconds, minutes or hours.
fn round_seconds(seconds: f64) -> f64 {
    const ROUND: [f64; 14] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0,
    ];
    let round = ROUND.into_iter().find(|&r| r >= seconds);
    round.unwrap_or_else(|| round_up(seconds / 3600.0) * 3600.0)
}

/// Formats seconds as `9s`, `2:05` or `1:02:05`.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::train::Started;

    fn at(step: u64, total: u64) -> RunState {
        let started = Started { total_steps: total, steps_per_epoch: 40, ..Started::default() };
        let mut state = RunState::default();
        state.step = step;
        state.started = Some(Arc::new(started));
        state
    }

    fn labels(state: &RunState, unit: TimeUnit) -> Vec<String> {
        let view = View { unit, ..View::default() };
        TimeAxis::new(state, &view).ticks(5).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn the_whole_run_grows_in_jumps() {
        let ends: Vec<u64> = (0..1000).map(|step| whole_run(&at(step, 800))).collect();
        let mut jumps = ends.clone();
        jumps.dedup();
        assert_eq!(
            jumps,
            [20, 30, 50, 70, 100, 200, 300, 500, 700, 800, 1000, 2000][..jumps.len()]
        );
        assert!(ends.iter().enumerate().all(|(step, &end)| end >= step as u64));
        assert_eq!(jump(u64::MAX), u64::MAX);
    }

    #[test]
    fn an_ended_run_fills_the_axis() {
        let mut state = at(123, 800);
        state.phase = Phase::Finished;
        assert_eq!(whole_run(&state), 124);
    }

    #[test]
    fn units_share_the_places_of_their_steps() {
        let mut state = at(190, 200);
        assert_eq!(labels(&state, TimeUnit::Steps), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&state, TimeUnit::Epochs), ["0", "1", "2", "3", "4", "5"]);
        // 100 steps in the first 10 seconds, then ten times slower.
        state.clock.push(100, 10.0);
        state.clock.push(190, 100.0);
        let view = View { unit: TimeUnit::Seconds, ..View::default() };
        let ticks = TimeAxis::new(&state, &view).ticks(5);
        let half = ticks.iter().find(|tick| tick.label == "1:00").expect("a minute");
        assert_eq!(half.position, 0.75);
    }

    #[test]
    fn an_even_axis_needs_no_run() {
        let ticks = |unit, per_unit| {
            let view = View { unit, ..View::default() };
            let axis = TimeAxis::even((0, 200_000), &view, per_unit);
            let labels: Vec<String> = axis.ticks(5).into_iter().map(|tick| tick.label).collect();
            (labels.join(" "), axis.readout(50_500))
        };
        assert_eq!(ticks(TimeUnit::Steps, 1.0), ("0 50k 100k 150k 200k".into(), "50,500".into()));
        assert_eq!(ticks(TimeUnit::Epochs, 1e5), ("0 0.5 1 1.5 2".into(), "0.51".into()));
        assert_eq!(ticks(TimeUnit::Seconds, 1e3), ("0s 1:00 2:00 3:00".into(), "50.5s".into()));
    }

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!([9.0, 125.0, 3725.0].map(clock), ["9s", "2:05", "1:02:05"]);
    }
}
