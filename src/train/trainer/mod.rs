//! The training loop. It owns its thread, obeys commands between two steps, and reports everything
//! that happens to a [`Recorder`].

mod begin;
mod evaluation;
mod finish;
mod obey;
mod parts;
mod recorder;
mod resume;

use std::sync::Arc;

use parts::{Examples, GoodState, Orders, Pace, Progress, RunClock, State};

use crate::data::DataError;
use crate::experiment::Experiment;
use crate::model::{self, Draw};
use crate::train::learner::{Learner, attended_if};
use crate::train::monitor::Monitors;
use crate::train::wrapper::{NotFinite, Wrapper};
use crate::train::{Event, EventKind, Phase, Weights};

pub(in crate::train) use parts::loader;
pub(crate) use recorder::Recorder;

/// A run in progress.
pub(crate) struct Trainer<R> {
    experiment: Experiment,
    /// CRC-32 of the initial values of all parameters.
    initial: u32,
    examples: Examples,
    learner: Learner,
    wrapper: Box<dyn Wrapper>,
    pace: Pace,
    monitors: Monitors,
    orders: Orders,
    recorder: R,
    state: State,
    progress: Progress,
    clock: RunClock,
    good: GoodState,
}

/// Interval, in steps, at which the state is checked without a wrapper that permutes. LaPerm needs
/// no check between its syncs, which find values that are not finite.
const CHECK_EVERY: u64 = 100;

impl<R: Recorder> Trainer<R> {
    /// Trains until all steps are taken or a command stops it.
    pub(crate) fn run(&mut self) {
        self.record(EventKind::Schedule(self.pace.schedule));
        self.enter(Phase::Running);
        let mut failure = None;
        loop {
            self.repeat_script();
            if self.progress.step >= self.progress.total_steps {
                break;
            }
            self.listen();
            if self.state.stopped {
                break;
            }
            if let Err(error) = self.train_step() {
                failure = Some(error.to_string());
                break;
            }
            if self.is_checkpoint_due() && self.recorder.ready_for_checkpoint() {
                self.take_checkpoint();
            }
        }
        self.finish(failure);
    }

    /// Takes one step, and does everything that is due before and after it.
    fn train_step(&mut self) -> Result<(), DataError> {
        attended_if(self.learner.computes_here(), || self.train_step_attended())
    }

    fn train_step_attended(&mut self) -> Result<(), DataError> {
        let step = self.progress.step + 1;
        self.follow_schedule(self.examples.plan.epoch_of(step));
        let batch = self.examples.loader.next_batch()?;
        self.monitors.distance.before_step(step, &mut self.learner, &*self.wrapper);
        let draw = Draw { seed: self.experiment.seed, step };
        let lr = self.pace.schedule.lr;
        let outcome = self.learner.step(batch.images, &batch.labels, lr, draw);
        self.progress.step = step;
        self.record(EventKind::Step { loss: outcome.loss, accuracy: outcome.accuracy });
        if outcome.loss.is_finite() {
            self.after_step(step);
        } else {
            self.diverged("the loss".into());
        }
        Ok(())
    }

    /// Measures, synchronizes and evaluates after a step with a finite loss, as far as that is due.
    fn after_step(&mut self, step: u64) {
        let distance = &mut self.monitors.distance;
        if let Some(layers) = distance.after_step(&mut self.learner, &*self.wrapper) {
            self.record(EventKind::RankingDistance { layers });
        }
        self.sample_distribution();
        let sync_due = self.pace.schedule.active && self.pace.clock.tick();
        let epoch_ends = step.is_multiple_of(self.examples.plan.steps_per_epoch());
        let evaluation_due = self.is_evaluation_due(sync_due, epoch_ends);
        if evaluation_due && self.experiment.evaluate.before_sync && self.permutes_now() {
            let weights = self.learner.weights().clone();
            self.evaluate(&weights, Weights::Inner);
        }
        if sync_due {
            self.synchronize();
        } else if self.monitors.frames.due(false) {
            self.take_frame();
        }
        if !self.wrapper.permutes() && step.is_multiple_of(CHECK_EVERY) {
            self.keep_if_finite();
        }
        if evaluation_due && self.state.phase != Phase::Diverged {
            self.evaluate_as_synced();
        }
        if epoch_ends {
            let epoch = step / self.examples.plan.steps_per_epoch();
            self.record(EventKind::Epoch { epoch });
        }
        if self.state.single_step && self.state.phase == Phase::Running {
            self.state.single_step = false;
            self.enter(Phase::Paused);
        }
    }

    /// Puts the schedules' values for `epoch`, counted from 0, into effect.
    fn follow_schedule(&mut self, epoch: u64) {
        self.pace.epoch = epoch;
        let schedule = self.pace.control.at(epoch);
        if schedule == self.pace.schedule {
            return;
        }
        self.pace.set(schedule);
        let network = self.learner.network();
        let pruned = self.wrapper.prune(network, &self.pace.control, &schedule);
        self.record(EventKind::Schedule(schedule));
        if pruned {
            self.monitors.frames.reservoir_changed(&*self.wrapper);
            self.synchronize();
        }
    }

    fn synchronize(&mut self) {
        if self.monitors.frames.due(true) {
            self.take_frame();
        }
        self.monitors.frames.before_sync(self.progress.last_sync, &*self.wrapper);
        let event = match self.wrapper.sync(self.progress.syncs + 1, &mut self.learner) {
            Ok(event) => event,
            Err(NotFinite { parameter }) => {
                self.diverged(parameter);
                return self.wrapper.rank(&self.learner);
            }
        };
        self.pace.clock.reset();
        self.progress.syncs += 1;
        self.progress.last_sync = self.progress.step;
        self.keep();
        if let Some(event) = event {
            self.record(event);
        }
    }

    /// Whether the network is one that LaPerm permutes at this moment.
    fn permutes_now(&self) -> bool {
        self.wrapper.permutes() && self.pace.schedule.active
    }

    /// σ_θ(θ_sorted) while LaPerm is active, otherwise the current weights.
    fn synced_weights(&self) -> (model::Weights, Weights) {
        if !self.permutes_now() {
            return (self.learner.weights().clone(), Weights::Inner);
        }
        let weights = if self.progress.step == self.progress.last_sync {
            // Nothing has moved since that sync.
            self.learner.weights().clone()
        } else {
            self.learner.weights_with(self.wrapper.synced(&self.learner))
        };
        (weights, Weights::Synced)
    }

    fn sample_distribution(&mut self) {
        let distribution = &mut self.monitors.distribution;
        if let Some(layers) = distribution.sample(self.progress.step, &mut self.learner) {
            self.record(EventKind::Distribution { layers });
        }
    }

    fn take_frame(&mut self) {
        let Progress { step, last_sync, .. } = self.progress;
        let frame = self.monitors.frames.take(step, last_sync, &mut self.learner, &*self.wrapper);
        self.record(EventKind::Frame { at: None, frame: Some(Arc::new(frame)) });
    }

    /// Keeps the current state as the one that a divergence falls back to.
    fn keep(&mut self) {
        self.good = GoodState { step: self.progress.step, learner: self.learner.clone() };
    }

    fn keep_if_finite(&mut self) {
        let count = self.learner.network().parameters().len();
        match (0..count).find(|&index| !self.learner.is_finite(index)) {
            Some(index) => {
                self.diverged(self.learner.network().parameters()[index].name.clone());
            }
            None => self.keep(),
        }
    }

    /// Falls back to the latest good state, and waits for a command.
    fn diverged(&mut self, place: String) {
        self.learner = self.good.learner.clone();
        self.state.phase = Phase::Diverged;
        self.record(EventKind::Diverged { place, good_step: self.good.step });
    }

    fn enter(&mut self, phase: Phase) {
        self.state.phase = phase;
        self.record(EventKind::Phase { phase });
    }

    fn record(&mut self, kind: EventKind) {
        let (step, seconds) = (self.progress.step, self.clock.seconds());
        self.recorder.record(Event { step, seconds, kind });
    }
}
