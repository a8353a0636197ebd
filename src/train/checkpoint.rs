//! Checkpoints: the complete state of a training between two steps.
//!
//! A checkpoint is a file in the safetensors format, which any tool can inspect. It has arrays
//! under names such as `weights/conv1.weight`; its metadata has the name of the format, all single
//! values as JSON, and a CRC-32 over everything. Initial values, data order, dropout and
//! augmentation are not stored, because they are functions of the seed and the step.

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::View;
use serde::{Deserialize, Serialize};

use super::StartError;
use super::arrays::{Arrays, Misfit};
use super::control::ByHand;
use crate::experiment::Experiment;
use crate::method::SyncClock;

const FORMAT: &str = "laperm-checkpoint-1";

/// The state of a training between two steps.
#[derive(PartialEq)]
pub struct Checkpoint {
    pub(super) progress: Progress,
    pub(super) arrays: Arrays,
}

/// Lengths of the log's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// Bytes of `events.jsonl`.
    pub events: u64,
    /// Bytes of `frames.bin`.
    pub frames: u64,
}

/// The single values of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) log: LogPosition,
    /// The resolved experiment in TOML.
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
    /// The step of the state that a divergence falls back to. If it is this very step, the state is
    /// stored once.
    pub(super) good_step: u64,
    pub(super) frames: FrameProgress,
}

/// The state of the frame monitor.
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
    /// They are truncated or changed, or were never a checkpoint.
    #[error("not a readable checkpoint: {0}")]
    Damaged(String),
    /// Another version of the program wrote them.
    #[error("of the format `{0}`, which this version does not read (it reads {FORMAT})")]
    Version(String),
}

/// Why a training cannot continue from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// No steps are left.
    #[error(
        "all {steps} steps are taken; to continue, raise the limit with --epochs N or --steps N"
    )]
    Complete {
        /// Steps taken.
        steps: u64,
    },
    /// The experiment is not the one that the checkpoint is of.
    #[error(
        "[{0}] of experiment.toml was changed since the checkpoint: undo the change to continue, or start a new run \
         with `laperm rerun RUN --set {0}.KEY=VALUE`"
    )]
    Changed(&'static str),
    /// The initial weights are not those that the run began with.
    #[error(
        "the initial weights are not those that the run began with: the snapshot named in initial.weights.shuffled \
         was changed, or another version of laperm started the run"
    )]
    Initial,
    /// An array is missing or does not fit.
    #[error("the checkpoint does not fit the experiment: {0}")]
    Misfit(#[from] Misfit),
    /// The training cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The log cannot be continued.
    #[error("the log cannot be continued: {0}")]
    Log(String),
    /// The trainer panicked before it could continue.
    #[error("the trainer broke down: {0}")]
    Broken(String),
}

impl Checkpoint {
    /// Number of training steps taken.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Lengths of the log's files when the checkpoint was taken.
    pub fn log(&self) -> LogPosition {
        self.progress.log
    }

    /// Sets the lengths of the log's files.
    pub fn set_log(&mut self, log: LogPosition) {
        self.progress.log = log;
    }

    /// Returns the bytes of a file. Copies the tensors to the host one by one.
    ///
    /// # Errors
    /// Returns a sentence if the arrays exceed the format's limits.
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

    /// Reads a checkpoint from the bytes of a file.
    ///
    /// # Errors
    /// Returns an error for bytes that are truncated, changed, or not a checkpoint of this version.
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
    /// Returns the first section of `experiment` that differs from the checkpoint's in a way that
    /// matters to the training. The number of epochs and steps, the data's folder, and evaluation,
    /// monitors and checkpoints may differ.
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

/// CRC-32 over the single values and over names, types and contents of the arrays.
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

/// CRC-32 of all values, as little-endian 32-bit floats.
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
