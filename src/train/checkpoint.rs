//! Checkpoints: everything the rest of a training depends on, at one moment between two steps.
//!
//! A file of the safetensors format, so that any tool can look into it: arrays under names such as
//! `weights/conv1.weight`, and in the metadata the format's name, a JSON of the numbers, and a CRC-32 over all of it.
//! What the seed gives again is not in it: initial values, data order, dropout, augmentation are functions of the seed
//! and the step.

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::View;
use serde::{Deserialize, Serialize};

use super::arrays::{Arrays, Misfit};
use super::control::ByHand;
use crate::data::DataError;
use crate::experiment::Experiment;
use crate::method::SyncClock;

const FORMAT: &str = "laperm-checkpoint-1";

/// The state of a training between two steps.
#[derive(PartialEq)]
pub struct Checkpoint {
    pub(super) progress: Progress,
    pub(super) arrays: Arrays,
}

/// How far the log had been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// Bytes of `events.jsonl`.
    pub events: u64,
    /// Bytes of `frames.bin`.
    pub frames: u64,
}

/// The numbers of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) log: LogPosition,
    /// In TOML.
    pub(super) experiment: String,
    /// CRC-32 of the initial values of all parameters.
    pub(super) initial: u32,
    pub(super) step: u64,
    pub(super) seconds: f64,
    /// The epoch whose schedule is in effect, counted from 0.
    pub(super) epoch: u64,
    pub(super) by_hand: ByHand,
    pub(super) clock: SyncClock,
    pub(super) syncs: u64,
    pub(super) last_sync: u64,
    pub(super) accuracy: Option<f32>,
    pub(super) evaluated_step: Option<u64>,
    /// The step of the state that a divergence falls back to. That of this very step is not stored twice.
    pub(super) good_step: u64,
    pub(super) frames: FrameProgress,
}

/// Where the frames were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FrameProgress {
    /// The watched vector of each layer.
    pub(super) watched: Vec<usize>,
    pub(super) since: u64,
    pub(super) newest: Option<u64>,
}

/// Bytes that are not a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// They are cut, changed, or were never one.
    #[error("not a readable checkpoint: {0}")]
    Damaged(String),
    /// A version of the program that is not this one made them.
    #[error("of the format `{0}`, which this version does not read (it reads {FORMAT})")]
    Version(String),
}

/// Why a training cannot go on from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// There is nothing to do.
    #[error(
        "all {steps} steps are taken; go on beyond them with --epochs N or --steps N, more than there were"
    )]
    Complete {
        /// Steps taken.
        steps: u64,
    },
    /// The experiment is not the one that the checkpoint is of.
    #[error(
        "[{0}] of experiment.toml was changed since the checkpoint: put it back to go on, or train anew with `laperm \
         rerun RUN --set {0}.KEY=VALUE`"
    )]
    Changed(&'static str),
    /// The initial weights are not those that the run began with.
    #[error(
        "the initial weights are not those that the run began with: the snapshot that initial.weights.shuffled names \
         was changed, or another version of laperm began it"
    )]
    Initial,
    /// The checkpoint lacks something.
    #[error("the checkpoint does not fit the experiment: {0}")]
    Misfit(#[from] Misfit),
    /// The data has no batches.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The log cannot be continued.
    #[error("the log cannot be continued: {0}")]
    Log(String),
    /// The trainer broke down before it could begin.
    #[error("the trainer broke down: {0}")]
    Broken(String),
}

impl Checkpoint {
    /// Training steps taken.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// How far the log had been written.
    pub fn log(&self) -> LogPosition {
        self.progress.log
    }

    /// Notes how far the log has been written.
    pub fn set_log(&mut self, log: LogPosition) {
        self.progress.log = log;
    }

    /// The bytes of a file. Tensors are brought to the host one by one.
    ///
    /// # Errors
    /// More arrays than the format holds, as a sentence.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let progress = serde_json::to_string(&self.progress).map_err(|error| error.to_string())?;
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("crc32".to_owned(), checksum(&progress, &self.arrays).to_string()),
            ("progress".to_owned(), progress),
        ]);
        safetensors::serialize(self.arrays.iter(), Some(metadata))
            .map_err(|error| error.to_string())
    }

    /// The checkpoint in the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are cut, changed, or not a checkpoint that this version reads.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let damaged = |error: &dyn std::fmt::Display| CheckpointError::Damaged(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let text = |key: &str| {
            metadata.get(key).ok_or_else(|| damaged(&format!("its metadata has no `{key}`")))
        };
        let format = text("format")?;
        if format != FORMAT {
            return Err(CheckpointError::Version(format.chars().take(80).collect()));
        }
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
        let arrays = Arrays::read(&file).map_err(|error| damaged(&error))?;
        let progress = text("progress")?;
        if *text("crc32")? != checksum(progress, &arrays).to_string() {
            return Err(damaged(&"its checksum is another"));
        }
        let progress = serde_json::from_str(progress).map_err(|error| damaged(&error))?;
        Ok(Checkpoint { progress, arrays })
    }
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Progress {
    /// The section of `experiment` that is not as it was when the checkpoint was taken, if it matters to the training.
    /// How long to train, where the data is and what to look at may change.
    pub(super) fn changed(&self, experiment: &Experiment) -> Option<&'static str> {
        let Ok(then) = Experiment::parse(&self.experiment, "checkpoint", &[]) else {
            return Some("experiment");
        };
        let mut data = then.data.clone();
        data.folder.clone_from(&experiment.data.folder);
        let sections = [
            ("seed", then.seed == experiment.seed),
            ("data", data == experiment.data),
            ("network", then.network == experiment.network),
            ("initial", then.initial == experiment.initial),
            ("prune", then.prune == experiment.prune),
            ("optimizer", then.optimizer == experiment.optimizer),
            ("wrapper", then.wrapper == experiment.wrapper),
            ("train", then.train.batch == experiment.train.batch),
        ];
        sections.into_iter().find(|(_, same)| !same).map(|(section, _)| section)
    }
}

/// CRC-32 over names and contents.
fn checksum(progress: &str, arrays: &Arrays) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let mut add = |bytes: &[u8]| {
        crc.update(&(bytes.len() as u64).to_le_bytes());
        crc.update(bytes);
    };
    add(progress.as_bytes());
    for (name, array) in arrays.iter() {
        add(name.as_bytes());
        add(format!("{:?}", array.dtype()).as_bytes());
        add(&array.data());
    }
    crc.finalize()
}

/// CRC-32 of values one after the other.
pub(super) fn checksum_of(values: &[Vec<f32>]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let mut bytes = Vec::new();
    for values in values {
        for values in values.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            crc.update(&bytes);
        }
    }
    crc.finalize()
}
