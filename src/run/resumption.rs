//! Resuming a run: claiming it, and checking that it can continue.

use std::io;

use super::{
    Claim, ClaimError, DataChanged, LogCursor, ReadCheckpointError, ReadError, RunFolder, RunState,
    is_complete, read_checkpoint, read_started,
};
use crate::experiment::{Experiment, ExperimentError, Problem};
use crate::train::{Backend, Checkpoint, Named, Prepared, ResumeError, StartError, Started};

/// A run that this process has claimed in order to resume it.
pub struct Resumption {
    pub(crate) folder: RunFolder,
    pub(crate) claim: Claim,
    pub(crate) checkpoint: Checkpoint,
    started: Started,
    experiment: Experiment,
    backend: Backend,
}

/// Error of resuming a run.
#[derive(Debug, thiserror::Error)]
pub enum ResumptionError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Checkpoint(#[from] ReadCheckpointError),
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The new length of the run is not valid.
    #[error("{0}")]
    Problem(Problem),
    #[error("the run was trained by the backend `{0}`, which this version of laperm does not know")]
    Backend(String),
    /// The data or the backend is not available.
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Data(#[from] DataChanged),
    /// The checkpoint does not belong to the experiment, or no steps are left.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Resumption {
    /// Claims the run in `folder` and reads its checkpoint and its experiment.
    ///
    /// # Errors
    /// Another process hosts the run, or its checkpoint, log or experiment is not readable.
    pub fn open(folder: RunFolder) -> Result<Self, ResumptionError> {
        let claim = folder.claim()?;
        let checkpoint = read_checkpoint(&folder)?;
        let (started, backend) = recorded_start(&folder)?;
        let experiment = Experiment::read(&folder.experiment(), &[])?;
        Ok(Resumption { folder, claim, checkpoint, started, experiment, backend })
    }

    /// Changes the planned end of the run: to `epochs` or `steps` in total, whichever is reached
    /// first. A limit that is not given never ends the run before the other.
    ///
    /// # Errors
    /// A limit is out of range.
    pub fn extend(
        &mut self,
        epochs: Option<u64>,
        steps: Option<u64>,
    ) -> Result<(), ResumptionError> {
        let train = &mut self.experiment.train;
        if epochs.is_none() && steps.is_none() {
            return Ok(());
        }
        train.steps = steps;
        let enough = steps.unwrap_or(0).div_ceil(self.started.steps_per_epoch.max(1));
        train.epochs = epochs.unwrap_or(train.epochs.max(enough));
        self.experiment.check().map_err(ResumptionError::Problem)
    }

    /// Folds the log up to the checkpoint.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn state(&self) -> Result<RunState, ReadError> {
        let mut cursor = LogCursor::open(&self.folder)?;
        let mut state = RunState::default();
        loop {
            let events = cursor.next_events_to(self.checkpoint.log().events)?;
            if events.is_empty() {
                return Ok(state);
            }
            events.iter().for_each(|event| state.apply(event));
        }
    }

    /// Loads the data and prepares the backend, checks that the data is unchanged, and records the
    /// planned end in `experiment.toml` if it has changed.
    ///
    /// # Errors
    /// The data or the backend is not available, the data has changed, or no steps are left.
    pub fn prepare(&self) -> Result<Prepared, ResumptionError> {
        let steps = self.checkpoint.step();
        let train = &self.experiment.train;
        let planned = train.epochs.saturating_mul(self.started.steps_per_epoch);
        let planned = planned.min(train.steps.unwrap_or(u64::MAX));
        // A run that was killed after its last step must still be evaluated and saved.
        if steps > planned || steps == planned && is_complete(&self.folder)? {
            return Err(ResumeError::Complete { steps }.into());
        }
        let prepared = Prepared::new(self.experiment.clone(), self.backend)?;
        self.folder.check_data(prepared.data_files())?;
        if Experiment::read(&self.folder.experiment(), &[])? != self.experiment {
            let data = prepared.data_files();
            self.folder.write_experiment(&self.experiment, self.backend, data)?;
        }
        Ok(prepared)
    }
}

/// Reads the first event of a run, and the backend in it.
///
/// # Errors
/// The log is empty or not readable, or the backend is not known to this version.
pub(crate) fn recorded_start(folder: &RunFolder) -> Result<(Started, Backend), ResumptionError> {
    let missing = || ReadError::Line {
        path: folder.events(),
        line: 1,
        problem: "the run has not begun".into(),
    };
    let started = read_started(folder)?.ok_or_else(missing)?;
    match started.backend {
        Named::Known(backend) => Ok((started, backend)),
        Named::Other(name) => Err(ResumptionError::Backend(name)),
    }
}
