//! The state of a run: the fold of its events, and the only input of panels, figures and headless
//! output.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Distribution, List, Series, SharpRises};
use crate::experiment::WrapperName;
use crate::train::{
    Event, EventKind, Frame, LayerSync, Phase, Reason, Schedule, Score, Started, Weights,
};

/// The state of a run after some of its events. A clone shares the history, so that its cost does
/// not depend on the length of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunState {
    /// The first event; `None` until the run has started.
    pub started: Option<Arc<Started>>,
    /// Whether the training runs, is paused or has ended.
    pub phase: Phase,
    /// Training steps finished.
    pub step: u64,
    /// Seconds since the run began, at the latest event.
    pub seconds: f64,
    /// lr, k and p in effect.
    pub schedule: Schedule,
    /// Batch loss.
    pub loss: Series,
    /// Batch accuracy.
    pub batch_accuracy: Series,
    /// Test scores of the synchronized weights; without LaPerm, of the only weights there are.
    pub test: Scores,
    /// Test scores of the inner optimizer's weights, just before a sync.
    pub before_sync: Scores,
    /// Scores on a sample of the train set, right after a sync.
    pub train: Scores,
    /// Ranking distance per layer, in the order of [`Started::layers`]; empty if not monitored.
    pub distance: Vec<Distance>,
    /// Distribution of the inner optimizer's weights; empty if not monitored.
    pub distribution: Distribution,
    /// Number of syncs (or lookahead moves).
    pub syncs: u64,
    /// Step of the latest sync.
    pub last_sync: Option<u64>,
    /// Duration of the latest sync.
    pub sync_milliseconds: f64,
    /// Statistics of the latest sync, per layer.
    pub layer_syncs: Vec<LayerSync>,
    /// Duration of the latest sync for each layer, in milliseconds, by the layer's index.
    pub layer_milliseconds: BTreeMap<usize, f64>,
    /// The latest frame, and its step.
    pub frame: Option<(u64, Arc<Frame>)>,
    /// Manual changes, marked on every time axis.
    pub marks: List<Mark>,
    /// Messages to the user, oldest first.
    pub notices: List<Notice>,
    /// Files of saved snapshots, relative to the run folder.
    pub snapshots: List<String>,
    /// Seconds since the run began, by step; a few points a second.
    pub clock: Series,
    /// Why the run ended.
    pub reason: Option<Reason>,
    /// The error, if the run failed.
    pub failure: Option<String>,
    /// SHA-256 over all parameters at the end.
    pub weights_checksum: Option<String>,
    /// Seconds for which the trainer waited for batches, since the run was last started or resumed;
    /// known at its end.
    pub data_wait_seconds: Option<f64>,
    pace: Pace,
}

/// Accuracy and loss over steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Share classified correctly, 0 to 1.
    pub accuracy: Series,
    /// Mean cross-entropy.
    pub loss: Series,
}

impl Scores {
    fn push(&mut self, step: u64, score: &Score) {
        self.accuracy.push(step, score.accuracy);
        self.loss.push(step, score.loss);
    }
}

/// The ranking distance of one layer over steps, in ranks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distance {
    /// Mean of D_t.
    pub mean: Series,
    /// Standard deviation of D_t.
    pub sd: Series,
    /// Sharp rises of the mean in a saturated phase.
    pub rises: SharpRises,
}

impl Distance {
    fn push(&mut self, step: u64, mean: f32, sd: f32) {
        self.mean.push(step, mean);
        self.sd.push(step, sd);
        self.rises.push(step, mean);
    }
}

/// A manual change.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub step: u64,
    /// A few characters, such as `k = 100`.
    pub label: String,
}

/// A message to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Training step at which it was given.
    pub step: u64,
    /// Seconds since the run began.
    pub seconds: f64,
    /// The text, in a sentence.
    pub message: String,
}

impl RunState {
    /// Applies the next event.
    pub fn apply(&mut self, event: &Event) {
        let step = event.step;
        self.step = step;
        self.seconds = self.seconds.max(event.seconds);
        match &event.kind {
            EventKind::Started(started) => {
                // Also resets the state of a reader that starts over.
                *self = RunState::default();
                self.distance = vec![Distance::default(); started.layers.len()];
                self.started = Some(Arc::new((**started).clone()));
            }
            EventKind::Step { loss, accuracy } => {
                self.loss.push(step, *loss);
                self.batch_accuracy.push(step, *accuracy);
                let seconds = event.seconds as f32;
                if self.clock.last().is_none_or(|(_, last)| seconds - last >= 0.25) {
                    self.clock.push(step, seconds);
                }
                self.pace.step(step, event.seconds);
            }
            EventKind::Schedule(schedule) => {
                if disturbs(&self.schedule, schedule) {
                    self.disturb();
                }
                self.schedule = *schedule;
            }
            EventKind::Sync { sync, milliseconds, layers, layer_milliseconds } => {
                self.syncs = *sync;
                self.last_sync = Some(step);
                self.sync_milliseconds = *milliseconds;
                self.layer_syncs.clone_from(layers);
                // Both lists are in the order of the synchronized layers.
                let took = layers.iter().zip(layer_milliseconds).map(|(l, &took)| (l.layer, took));
                self.layer_milliseconds = took.collect();
            }
            EventKind::Lookahead { sync } => {
                self.syncs = *sync;
                self.last_sync = Some(step);
            }
            EventKind::RankingDistance { layers } => {
                for layer in layers {
                    if let Some(distance) = self.distance.get_mut(layer.layer) {
                        distance.push(step, layer.mean, layer.sd);
                    }
                }
            }
            EventKind::Distribution { layers } => self.distribution.push(step, layers),
            EventKind::Evaluation { weights, test, train, took } => {
                self.evaluated(step, *weights, test, train.as_ref());
                self.pace.idle(*took);
            }
            EventKind::Frame { frame, .. } => {
                if let Some(frame) = frame {
                    self.frame = Some((step, frame.clone()));
                }
            }
            EventKind::Applied { command, .. } if command.steers() => {
                self.marks.push(Mark { step, label: command.to_string() });
                self.disturb();
            }
            EventKind::Refused { command, reason, .. } => {
                self.notice(event, format!("not done: {command}: {reason}"));
            }
            EventKind::Phase { phase } => {
                self.phase = *phase;
                self.pace.restart(step, event.seconds);
            }
            EventKind::Snapshot { file, .. } => {
                self.snapshots.push(file.clone());
                self.notice(event, format!("saved {file}"));
            }
            EventKind::Diverged { place, good_step } => {
                self.phase = Phase::Diverged;
                self.notice(
                    event,
                    format!(
                        "{place} is not a finite number; the state of step {good_step} is kept"
                    ),
                );
            }
            EventKind::Resumed { cut, total_steps } => {
                if let Some(started) = &mut self.started {
                    Arc::make_mut(started).total_steps = *total_steps;
                }
                (self.reason, self.failure, self.weights_checksum) = (None, None, None);
                self.data_wait_seconds = None;
                self.phase = Phase::Starting;
                let events = if *cut == 1 { "event" } else { "events" };
                self.notice(
                    event,
                    format!("resumed from step {step}; {cut} {events} after it were cut"),
                );
            }
            EventKind::Notice { message } => self.notice(event, message.clone()),
            EventKind::Finished { reason, message, weights_checksum, data_wait_seconds } => {
                self.phase = Phase::Finished;
                self.reason = Some(*reason);
                self.failure.clone_from(message);
                self.weights_checksum.clone_from(weights_checksum);
                self.data_wait_seconds = *data_wait_seconds;
            }
            EventKind::Applied { .. } | EventKind::Epoch { .. } | EventKind::Unknown => {}
        }
    }

    /// Epochs finished, including the fraction of the current one.
    pub fn epoch(&self) -> f64 {
        match &self.started {
            Some(started) if started.steps_per_epoch > 0 => {
                self.step as f64 / started.steps_per_epoch as f64
            }
            _ => 0.0,
        }
    }

    /// Share of the planned steps that are finished, 0 to 1.
    pub fn progress(&self) -> f64 {
        match &self.started {
            Some(started) if started.total_steps > 0 => {
                (self.step as f64 / started.total_steps as f64).min(1.0)
            }
            _ => 0.0,
        }
    }

    /// Training images per second over the last seconds, without evaluations; `None` until known.
    pub fn images_per_second(&self) -> Option<f64> {
        let started = self.started.as_ref()?;
        if started.steps_per_epoch == 0 {
            return None;
        }
        let images_per_step = started.train_examples as f64 / started.steps_per_epoch as f64;
        Some(self.pace.steps_per_second()? * images_per_step)
    }

    /// Seconds until the planned end at the current pace; `None` unless the run is training.
    pub fn seconds_left(&self) -> Option<f64> {
        let started = self.started.as_ref().filter(|_| self.phase == Phase::Running)?;
        let steps = started.total_steps.saturating_sub(self.step) as f64;
        Some(steps / self.pace.steps_per_second()?)
    }

    /// Seconds since the run began at `step`, interpolated linearly between known moments.
    pub fn seconds_at(&self, step: u64) -> f64 {
        let next = self.clock.before(step);
        let known =
            |index: usize| self.clock.get(index).map(|(s, seconds)| (s, f64::from(seconds)));
        let before = next.checked_sub(1).and_then(known).unwrap_or((0, 0.0));
        let after = known(next).unwrap_or((self.step, self.seconds));
        if after.0 <= before.0 {
            return before.1;
        }
        let share = (step.min(after.0) - before.0) as f64 / (after.0 - before.0) as f64;
        before.1 + share * (after.1 - before.1)
    }

    /// Returns the best test accuracy right after a sync, and its step.
    pub fn best(&self) -> Option<(u64, f32)> {
        self.test.accuracy.max()
    }

    /// Returns true if an evaluation of these weights is one just before a sync, rather than of the
    /// only weights there are.
    pub(super) fn is_before_sync(&self, weights: Weights) -> bool {
        let permutes = self.started.as_ref().is_some_and(|s| s.wrapper == WrapperName::Laperm);
        weights == Weights::Inner && permutes && self.schedule.active
    }

    fn evaluated(&mut self, step: u64, weights: Weights, test: &Score, train: Option<&Score>) {
        if self.is_before_sync(weights) {
            self.before_sync.push(step, test);
            return;
        }
        self.test.push(step, test);
        if let Some(train) = train {
            self.train.push(step, train);
        }
    }

    /// Tells the detectors of sharp rises that a change may affect the ranking distance.
    fn disturb(&mut self) {
        self.distance.iter_mut().for_each(|distance| distance.rises.disturb());
    }

    fn notice(&mut self, event: &Event, message: String) {
        self.notices.push(Notice { step: event.step, seconds: event.seconds, message });
    }
}

/// Returns true if a new schedule may raise the ranking distance. A falling learning rate does not.
fn disturbs(old: &Schedule, new: &Schedule) -> bool {
    new.lr > old.lr || (new.k, new.p, new.active) != (old.k, old.p, old.active)
}

/// Steps per second over a sliding window, without pauses and evaluations.
#[derive(Debug, Clone, Default, PartialEq)]
struct Pace {
    /// (step, seconds of training time), oldest first.
    window: std::collections::VecDeque<(u64, f64)>,
    /// Seconds not spent training.
    idle: f64,
}

impl Pace {
    /// Long enough for a steady value, short enough to show the effect of a new k.
    const WINDOW_SECONDS: f64 = 8.0;

    fn step(&mut self, step: u64, seconds: f64) {
        let now = seconds - self.idle;
        // Ten points a second are enough, whatever the step rate.
        let fresh = match self.window.len() {
            0 | 1 => true,
            n => now - self.window[n - 2].1 >= 0.1,
        };
        if !fresh {
            self.window.pop_back();
        }
        self.window.push_back((step, now));
        while self.window.len() > 2 && now - self.window[1].1 > Self::WINDOW_SECONDS {
            self.window.pop_front();
        }
    }

    fn idle(&mut self, seconds: f64) {
        self.idle += seconds;
    }

    fn restart(&mut self, step: u64, seconds: f64) {
        self.window.clear();
        self.window.push_back((step, seconds - self.idle));
    }

    fn steps_per_second(&self) -> Option<f64> {
        let (&(first, start), &(last, end)) = (self.window.front()?, self.window.back()?);
        (last > first && end > start).then(|| (last - first) as f64 / (end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Command, LayerDistance, LayerDistribution, LayerInfo};

    fn started(wrapper: &str) -> EventKind {
        EventKind::Started(Box::new(Started {
            wrapper: wrapper.into(),
            train_examples: 100,
            steps_per_epoch: 10,
            total_steps: 40,
            layers: vec![LayerInfo::default(), LayerInfo::default()],
            ..Started::default()
        }))
    }

    fn fold(events: impl IntoIterator<Item = (u64, f64, EventKind)>) -> RunState {
        let mut state = RunState::default();
        for (step, seconds, kind) in events {
            state.apply(&Event { step, seconds, kind });
        }
        state
    }

    fn step() -> EventKind {
        EventKind::Step { loss: 1.0, accuracy: 0.5 }
    }

    #[test]
    fn pace_leaves_pauses_and_evaluations_out() {
        let evaluation = EventKind::Evaluation {
            weights: Weights::Synced,
            test: Score::default(),
            train: None,
            took: 5.0,
        };
        let state = fold([
            (0, 0.0, started("laperm")),
            (0, 0.0, EventKind::Phase { phase: Phase::Running }),
            (1, 1.0, step()),
            (1, 6.0, evaluation),
            (2, 7.0, step()),
        ]);
        // One step a second, ten images a step, 38 steps to go.
        assert_eq!(state.images_per_second(), Some(10.0));
        assert_eq!(state.seconds_left(), Some(38.0));
        assert_eq!(state.epoch(), 0.2);
        let paused = fold([
            (0, 0.0, started("laperm")),
            (1, 1.0, step()),
            (1, 100.0, EventKind::Phase { phase: Phase::Paused }),
        ]);
        assert_eq!(paused.seconds_left(), None);
    }

    #[test]
    fn accuracy_counts_right_after_a_sync() {
        let evaluation = |weights, accuracy| EventKind::Evaluation {
            weights,
            test: Score { accuracy, ..Score::default() },
            train: None,
            took: 0.0,
        };
        let active = Schedule { active: true, ..Schedule::default() };
        let state = fold([
            (0, 0.0, started("laperm")),
            (0, 0.0, EventKind::Schedule(active)),
            (10, 1.0, evaluation(Weights::Inner, 0.9)),
            (10, 1.0, evaluation(Weights::Synced, 0.8)),
        ]);
        assert_eq!(state.best(), Some((10, 0.8)));
        assert_eq!(state.before_sync.accuracy.last(), Some((10, 0.9)));
        let plain = fold([(0, 0.0, started("none")), (10, 1.0, evaluation(Weights::Inner, 0.9))]);
        assert_eq!(plain.best(), Some((10, 0.9)));
    }

    #[test]
    fn hand_made_changes_are_marked_and_distances_kept_per_layer() {
        let distance = LayerDistance { layer: 1, mean: 2.0, sd: 3.0 };
        let distribution = LayerDistribution { layer: 1, max: 0.5, ..Default::default() };
        let state = fold([
            (0, 0.0, started("laperm")),
            (5, 1.0, EventKind::Applied { command: Command::SetPeriod { k: 100 }, by: None }),
            (5, 1.0, EventKind::Applied { command: Command::Pause, by: None }),
            (6, 1.0, EventKind::RankingDistance { layers: vec![distance] }),
            (7, 1.0, EventKind::Distribution { layers: vec![distribution.clone()] }),
        ]);
        assert_eq!(state.marks, List::from_iter([Mark { step: 5, label: "k = 100".into() }]));
        assert!(state.distance[0].mean.is_empty());
        assert_eq!(state.distance[1].sd.last(), Some((6, 3.0)));
        assert_eq!(state.distribution.at(1, 9), Some((7, &distribution)));
    }
}
