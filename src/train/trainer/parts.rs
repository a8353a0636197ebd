//! The parts of a trainer's state.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use crate::data::{BatchLoader, BatchMaker, BatchPlan, Images, Normalizer};
use crate::experiment::Experiment;
use crate::method::SyncClock;
use crate::train::control::Control;
use crate::train::learner::Learner;
use crate::train::{Order, Phase, Schedule, Script};

/// The examples, and the batches that training takes from them.
pub(super) struct Examples {
    pub(super) train: Arc<Images>,
    pub(super) test: Arc<Images>,
    pub(super) normalizer: Arc<Normalizer>,
    pub(super) plan: BatchPlan,
    pub(super) loader: BatchLoader,
}

/// lr, k and p: their schedules, the values in effect, and the count of steps until the next sync.
pub(super) struct Pace {
    pub(super) control: Control,
    pub(super) schedule: Schedule,
    /// The epoch that `schedule` belongs to, counted from 0.
    pub(super) epoch: u64,
    pub(super) clock: SyncClock,
}

impl Pace {
    pub(super) fn new(control: Control) -> Self {
        let schedule = control.at(0);
        let clock = SyncClock::new(period(&schedule));
        Pace { control, schedule, epoch: 0, clock }
    }

    /// Puts a schedule into effect.
    pub(super) fn set(&mut self, schedule: Schedule) {
        if schedule.active && !self.schedule.active {
            self.clock.reset();
        }
        self.schedule = schedule;
        self.apply_period();
    }

    /// Sets the clock's period to the k in effect.
    pub(super) fn apply_period(&mut self) {
        self.clock.set_period(period(&self.schedule));
    }
}

/// The sync period. Without a wrapper k is 0 and the period does not matter.
fn period(schedule: &Schedule) -> NonZeroU64 {
    NonZeroU64::new(schedule.k).unwrap_or(NonZeroU64::MIN)
}

/// Commands from outside, and those of a script.
pub(super) struct Orders {
    pub(super) receiver: Receiver<Order>,
    /// Received but not obeyed yet.
    pub(super) waiting: VecDeque<Order>,
    /// In a rerun: the commands to repeat.
    pub(super) script: Option<Script>,
}

impl Orders {
    pub(super) fn new(receiver: Receiver<Order>) -> Self {
        Orders { receiver, waiting: VecDeque::new(), script: None }
    }
}

/// Activity of the trainer.
#[derive(Default)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// Pause after the next step.
    pub(super) single_step: bool,
    pub(super) stopped: bool,
}

/// How far the training has come.
pub(super) struct Progress {
    /// Steps taken.
    pub(super) step: u64,
    pub(super) total_steps: u64,
    pub(super) syncs: u64,
    /// The step of the latest sync; 0 before the first.
    pub(super) last_sync: u64,
    /// The latest accuracy on the test set of the weights that the run is about.
    pub(super) accuracy: Option<f32>,
    /// The step at which that was measured.
    pub(super) evaluated_step: Option<u64>,
}

impl Progress {
    pub(super) fn new(total_steps: u64) -> Self {
        Progress {
            step: 0,
            total_steps,
            syncs: 0,
            last_sync: 0,
            accuracy: None,
            evaluated_step: None,
        }
    }
}

/// The time that a run has taken.
pub(super) struct RunClock {
    begun: Instant,
    /// Seconds that the run had taken before this process continued it.
    before: f64,
    /// When the latest checkpoint was taken.
    checkpointed: Instant,
}

impl RunClock {
    /// Starts with the seconds that a run has taken `before` this process.
    pub(super) fn new(before: f64) -> Self {
        RunClock { begun: Instant::now(), before, checkpointed: Instant::now() }
    }

    /// Seconds since the run began, pauses included, but without the time in which no process
    /// hosted it.
    pub(super) fn seconds(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }

    /// Seconds since the latest checkpoint.
    pub(super) fn since_checkpoint(&self) -> f64 {
        self.checkpointed.elapsed().as_secs_f64()
    }

    pub(super) fn note_checkpoint(&mut self) {
        self.checkpointed = Instant::now();
    }
}

/// The latest state known to be finite, which a divergence falls back to.
pub(super) struct GoodState {
    pub(super) step: u64,
    pub(super) learner: Learner,
}

/// The batches of an experiment from `first_step` on, for a learner.
pub(in crate::train) fn loader(
    train: &Arc<Images>,
    normalizer: &Arc<Normalizer>,
    experiment: &Experiment,
    plan: &BatchPlan,
    first_step: u64,
    learner: &Learner,
) -> BatchLoader {
    /// Number of batches made ahead: enough to hide an epoch's shuffle.
    const AHEAD: usize = 8;
    let augmentation = experiment.data.augmentation;
    let maker = BatchMaker::new(train.clone(), normalizer.clone(), augmentation, *plan);
    if learner.computes_here() {
        BatchLoader::on_demand(maker, first_step)
    } else {
        BatchLoader::ahead(maker, first_step, AHEAD)
    }
}
