//! A run in a few numbers: a line of `laperm runs`, the object that `--json` prints.

use serde::Serialize;

use super::{ReadError, RunFolder, RunState, read_outline};
use crate::train::{Phase, Reason};

/// What a run has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The run folder.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// Training steps.
    pub steps: u64,
    /// Epochs, with the fraction of the last.
    pub epochs: f64,
    /// Syncs.
    pub syncs: u64,
    /// Seconds from the first event to the last.
    pub seconds: f64,
    /// Training images per second at the end, evaluations left out.
    pub images_per_second: Option<f64>,
    /// Newest accuracy on the test set right after a sync, 0 to 1.
    pub test_accuracy: Option<f32>,
    /// The best of them.
    pub best_test_accuracy: Option<f32>,
    /// Newest loss on the test set.
    pub test_loss: Option<f32>,
    /// Newest accuracy on a sample of the train set.
    pub train_accuracy: Option<f32>,
    /// The sync period in effect.
    pub k: u64,
    /// The pruning ratio in effect.
    pub p: f64,
    /// Trainable parameters.
    pub parameters: usize,
    /// SHA-256 over all parameters in order.
    pub weights_checksum: Option<String>,
    /// Why it ended; absent while it runs or if it crashed.
    pub reason: Option<Reason>,
    /// How it stands.
    pub state: Standing,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A process trains it.
    Running,
    /// A process holds it.
    Paused,
    /// It went to its end.
    Finished,
    /// Somebody ended it before.
    Stopped,
    /// A number was not finite.
    Diverged,
    /// Something broke.
    Failed,
    /// Its process is gone without a word.
    Crashed,
}

impl Standing {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Paused => "paused",
            Standing::Finished => "finished",
            Standing::Stopped => "stopped",
            Standing::Diverged => "diverged",
            Standing::Failed => "failed",
            Standing::Crashed => "crashed",
        }
    }

    fn of(state: &RunState, folder: &RunFolder) -> Self {
        match state.reason {
            Some(Reason::Finished) => Standing::Finished,
            Some(Reason::Stopped) => Standing::Stopped,
            Some(Reason::Diverged) => Standing::Diverged,
            Some(Reason::Failed) => Standing::Failed,
            None if !folder.is_hosted() => Standing::Crashed,
            None if state.phase == Phase::Running || state.phase == Phase::Starting => {
                Standing::Running
            }
            None => Standing::Paused,
        }
    }
}

impl Summary {
    /// Sums up what is known of the run in `folder`.
    pub fn of(state: &RunState, folder: &RunFolder) -> Self {
        let newest = |series: &super::Series| {
            series.last().map(|(_, value)| value).filter(|v| v.is_finite())
        };
        let started = state.started.as_deref();
        Summary {
            run: folder.path().display().to_string(),
            name: started.map(|s| s.name.clone()).unwrap_or_default(),
            steps: state.step,
            epochs: state.epoch(),
            syncs: state.syncs,
            seconds: state.seconds,
            images_per_second: state.images_per_second(),
            test_accuracy: newest(&state.test.accuracy),
            best_test_accuracy: state.best().map(|(_, accuracy)| accuracy),
            test_loss: newest(&state.test.loss),
            train_accuracy: newest(&state.train.accuracy),
            k: state.schedule.k,
            p: state.schedule.p,
            parameters: started.map_or(0, |s| s.parameters),
            weights_checksum: state.weights_checksum.clone(),
            reason: state.reason,
            state: Standing::of(state, folder),
        }
    }

    /// Sums up a run from its folder.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn read(folder: &RunFolder) -> Result<Self, ReadError> {
        let mut state = RunState::default();
        read_outline(folder)?.iter().for_each(|event| state.apply(event));
        // The pace needs every step.
        Ok(Summary { images_per_second: None, ..Self::of(&state, folder) })
    }
}
