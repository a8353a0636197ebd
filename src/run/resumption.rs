//! Getting hold of a run to go on with it.

use std::io;

use super::{
    Claim, ClaimError, DataChanged, Follower, ReadCheckpointError, ReadError, RunFolder, RunState,
    is_complete, read_checkpoint, read_started,
};
use crate::experiment::{Experiment, ExperimentError, Problem};
use crate::train::{Backend, Checkpoint, Named, Prepared, ResumeError, StartError, Started};

/// A run that this process has claimed to go on with.
pub struct Resumption {
    pub(crate) folder: RunFolder,
    pub(crate) claim: Claim,
    pub(crate) checkpoint: Checkpoint,
    started: Started,
    experiment: Experiment,
    backend: Backend,
}

/// A run that cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ResumptionError {
    /// Another process hosts it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Its checkpoint is missing or not readable.
    #[error(transparent)]
    Checkpoint(#[from] ReadCheckpointError),
    /// Its log is not readable.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Its experiment is not readable.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// It would make no sense to go on so far.
    #[error("{0}")]
    Problem(Problem),
    /// It was trained by a backend that this version does not know.
    #[error("the run was trained by the backend `{0}`, which this version of laperm does not know")]
    Backend(String),
    /// The data or the backend is not there.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The data is not what it was.
    #[error(transparent)]
    Data(#[from] DataChanged),
    /// The checkpoint is not one of this experiment, or there is nothing left to do.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Resumption {
    /// Claims the run in `folder` and reads its checkpoint and its experiment.
    ///
    /// # Errors
    /// A run that another process hosts, or that has no readable checkpoint, log and experiment.
    pub fn open(folder: RunFolder) -> Result<Self, ResumptionError> {
        let claim = folder.claim()?;
        let checkpoint = read_checkpoint(&folder)?;
        let (started, backend) = recorded_start(&folder)?;
        let experiment = Experiment::read(&folder.experiment(), &[])?;
        Ok(Resumption { folder, claim, checkpoint, started, experiment, backend })
    }

    /// Trains beyond the planned end, or to an earlier one: so many epochs in all, so many steps in all, or until
    /// either is reached. One that is not given makes room for the other.
    ///
    /// # Errors
    /// Numbers that make no sense.
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

    /// What was known of the run at the checkpoint.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn state(&self) -> Result<RunState, ReadError> {
        let mut follower = Follower::open(self.folder.clone())?;
        let mut state = RunState::default();
        loop {
            let events = follower.next_events_to(self.checkpoint.log().events)?;
            if events.is_empty() {
                return Ok(state);
            }
            events.iter().for_each(|event| state.apply(event));
        }
    }

    /// Loads what the run needs, checks that the data is what it was, and writes down how long it is to be trained now.
    ///
    /// # Errors
    /// Data or a backend that is not there, other data, or nothing left to train.
    pub fn prepare(&self) -> Result<Prepared, ResumptionError> {
        let steps = self.checkpoint.step();
        let train = &self.experiment.train;
        let planned = train.epochs.saturating_mul(self.started.steps_per_epoch);
        let planned = planned.min(train.steps.unwrap_or(u64::MAX));
        // A run that was killed after its last step has still to be evaluated and saved.
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

/// What a run set out to train, and who computes.
///
/// # Errors
/// A log without a beginning, or an unknown backend.
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
