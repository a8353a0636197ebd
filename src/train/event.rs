//! Events: everything that happens in a run, in order, and the only output of the trainer.
//!
//! A line of the run log is one [`Event`]; the screen, the headless output and the figures are
//! folds over events. Fields are only ever added, and readers skip unknown types, so old and new
//! versions read each other's logs. Values that are not finite are written as `null` and read back
//! as NaN, which charts show as a gap.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Backend, Command, Frame, Named};
use crate::data::DatasetName;
use crate::experiment::{OptimizerName, Published, WrapperName};

/// One event with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Number of training steps finished at the time of the event; 0 before the first.
    pub step: u64,
    /// Seconds since the run began, pauses included.
    pub seconds: f64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The run began.
    Started(Box<Started>),
    /// A training step ended.
    Step {
        /// Mean cross-entropy over the batch, before the step's update, without the L2 term.
        #[serde(with = "gap")]
        loss: f32,
        /// Share of the batch classified correctly, 0 to 1.
        #[serde(with = "gap")]
        accuracy: f32,
    },
    /// An epoch ended.
    Epoch {
        /// Number of epochs that have ended.
        epoch: u64,
    },
    /// lr, k or p took a new value, by a schedule or by hand.
    Schedule(Schedule),
    /// The weights were synchronized.
    Sync {
        /// Number of this sync, counted from 1.
        sync: u64,
        /// Duration of the sync.
        milliseconds: f64,
        /// One entry per permuted layer.
        layers: Vec<LayerSync>,
        /// Duration for each layer, in milliseconds, in the same order. Empty in logs of older
        /// versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layer_milliseconds: Vec<f64>,
    },
    /// The slow weights of Lookahead moved towards the weights, which then took their values.
    Lookahead {
        /// Number of this sync, counted from 1.
        sync: u64,
    },
    /// The ranking distance over one training step (the paper's section 3).
    RankingDistance {
        /// One entry per monitored layer.
        layers: Vec<LayerDistance>,
    },
    /// The distribution of the inner optimizer's weights in every weight vector (the paper's figure
    /// 12, row 1).
    Distribution {
        /// One entry per monitored layer.
        layers: Vec<LayerDistribution>,
    },
    /// The network was evaluated.
    Evaluation {
        /// Which weights were evaluated.
        weights: Weights,
        /// Score on the whole test set.
        test: Score,
        /// Score on a random sample of the train set.
        train: Option<Score>,
        /// Duration in seconds.
        took: f64,
    },
    /// Profiles and permutations of all layers, for display.
    Frame {
        /// Location of the arrays in `frames.bin`; absent in an event that was not read from a log.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<FrameLocation>,
        /// The arrays; absent until a reader has loaded them.
        #[serde(skip)]
        frame: Option<Arc<Frame>>,
    },
    /// A command was obeyed.
    Applied {
        /// The command.
        #[serde(flatten)]
        command: Command,
        /// Its sender, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A command could not be obeyed.
    Refused {
        /// The command.
        #[serde(flatten)]
        command: Command,
        /// The reason, as a sentence.
        reason: String,
        /// Its sender, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The trainer changed its phase.
    Phase {
        /// The phase that it is in now.
        phase: Phase,
    },
    /// Weights were saved.
    Snapshot {
        /// The file, relative to the run folder.
        file: String,
        /// Whether they are the synchronized weights.
        synced: bool,
    },
    /// The loss or a weight is not finite any more. The run waits for a command.
    Diverged {
        /// `the loss`, or the name of the parameter.
        place: String,
        /// The step of the latest good state, from which the run can continue.
        good_step: u64,
    },
    /// A run that had ended continues from its checkpoint. Events after the checkpoint were cut
    /// from the log.
    Resumed {
        /// Number of events that were cut.
        cut: u64,
        /// Total number of training steps planned, which may be more than before.
        total_steps: u64,
    },
    /// A message for the user.
    Notice {
        /// The message, a sentence.
        message: String,
    },
    /// The run ended.
    Finished {
        /// Why the run ended.
        reason: Reason,
        /// The error, for [`Reason::Failed`].
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// SHA-256 over all parameters in order, in hexadecimal.
        #[serde(skip_serializing_if = "Option::is_none")]
        weights_checksum: Option<String>,
        /// Seconds for which the trainer waited for batches in this process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_wait_seconds: Option<f64>,
    },
    /// An event of a type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The training that a run plans, with all defaults resolved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Started {
    /// The experiment's name.
    pub name: String,
    /// The published network, or the title of one of the experiment's own layers.
    pub network: Named<Published>,
    /// The dataset.
    pub dataset: Named<DatasetName>,
    /// The backend that runs the computation.
    pub backend: Named<Backend>,
    /// The instruction set of the backend's kernels, on which the last bits of all results depend.
    /// Empty if the backend does not use this program's kernels.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instruction_set: String,
    /// The wrapper around the inner optimizer.
    pub wrapper: Named<WrapperName>,
    /// The inner optimizer.
    pub optimizer: Named<OptimizerName>,
    /// The seed from which all random values derive.
    pub seed: u64,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Number of examples per step.
    pub batch: usize,
    /// Number of training examples.
    pub train_examples: usize,
    /// Number of test examples.
    pub test_examples: usize,
    /// Number of training steps in an epoch.
    pub steps_per_epoch: u64,
    /// Total number of training steps planned.
    pub total_steps: u64,
    /// The weight matrices, in order; biases and batch norm are not among them.
    pub layers: Vec<LayerInfo>,
}

/// A layer's weight matrix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerInfo {
    /// The layer's name, such as `conv1`.
    pub name: String,
    /// The shape of the weights, output first.
    pub shape: Vec<usize>,
    /// Number of weight vectors.
    pub vectors: usize,
    /// Length of each weight vector, #w_j.
    pub length: usize,
}

/// lr, k and p in effect, and which of them were set by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// The learning rate of the inner optimizer.
    pub lr: f64,
    /// The sync period; 0 without a wrapper.
    pub k: u64,
    /// The pruning ratio.
    pub p: f64,
    /// Whether synchronization is active (the schedule's window).
    pub active: bool,
    /// lr was set by hand.
    pub lr_by_hand: bool,
    /// k was set by hand.
    pub k_by_hand: bool,
    /// p was set by hand.
    pub p_by_hand: bool,
}

/// How a sync moved a layer's weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerSync {
    /// Index into [`Started::layers`].
    pub layer: usize,
    /// Share of the weights whose rank changed since the previous sync, 0 to 1.
    #[serde(with = "gap")]
    pub moved: f32,
    /// Mean ranking distance since the previous sync, in ranks.
    #[serde(with = "gap")]
    pub distance: f32,
    /// Number of weights that are exactly zero.
    pub zeros: usize,
}

/// The ranking distance of one layer over one step, in ranks. The ratio in the paper's figure 3 is
/// the distance divided by the layer's length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerDistance {
    /// Index into [`Started::layers`].
    pub layer: usize,
    /// Mean of D_t over all weights of the matrix.
    #[serde(with = "gap")]
    pub mean: f32,
    /// Standard deviation of D_t.
    #[serde(with = "gap")]
    pub sd: f32,
}

/// The distribution of one layer's weights: percentiles of every weight vector, or of
/// [`MOST_VECTORS`](Self::MOST_VECTORS) evenly spaced ones if there are more. Values have four
/// significant digits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerDistribution {
    /// Index into [`Started::layers`].
    pub layer: usize,
    /// The smallest weight of the layer.
    #[serde(with = "gap")]
    pub min: f32,
    /// The largest weight of the layer.
    #[serde(with = "gap")]
    pub max: f32,
    /// The 15th percentile of each sampled vector.
    #[serde(with = "gaps")]
    pub p15: Vec<f32>,
    /// The median of each.
    #[serde(with = "gaps")]
    pub p50: Vec<f32>,
    /// The 85th percentile of each.
    #[serde(with = "gaps")]
    pub p85: Vec<f32>,
}

impl LayerDistribution {
    /// Maximum number of weight vectors sampled.
    pub const MOST_VECTORS: usize = 100;
}

/// Which weights an evaluation was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// σ_θ(θ_sorted): the weights right after a sync, or those that a sync would produce.
    Synced,
    /// θ_t, the inner optimizer's weights: just before a sync, or without LaPerm.
    Inner,
}

/// Loss and accuracy on a number of examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Mean cross-entropy.
    #[serde(with = "gap")]
    pub loss: f32,
    /// Share classified correctly, 0 to 1.
    #[serde(with = "gap")]
    pub accuracy: f32,
    /// Number of examples.
    pub examples: usize,
}

/// What the trainer is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No step has been taken yet.
    #[default]
    Starting,
    /// Training.
    Running,
    /// Waiting before the next step.
    Paused,
    /// Waiting because a value was not finite.
    Diverged,
    /// The run has ended.
    Finished,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// All steps were taken.
    Finished,
    /// A command stopped it.
    Stopped,
    /// It diverged, and no command continued it.
    Diverged,
    /// An error ended it.
    Failed,
}

/// Location of a frame in `frames.bin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameLocation {
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// CRC-32 of those bytes.
    pub crc: u32,
}

/// Values that may be missing: those that are not finite are written as `null`, which is read as
/// NaN.
mod gap {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_some(value)
        } else {
            serializer.serialize_none()
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
    }
}

/// Lists of values that may be missing, each as in [`gap`].
mod gaps {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        values: &[f32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.is_finite().then_some(value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f32>, D::Error> {
        let values: Vec<Option<f32>> = Deserialize::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.unwrap_or(f32::NAN)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Event {
        serde_json::from_str(line).expect("a readable event")
    }

    #[test]
    fn a_step_is_one_flat_object() {
        let event =
            Event { step: 7, seconds: 0.5, kind: EventKind::Step { loss: 2.25, accuracy: 0.5 } };
        let line = serde_json::to_string(&event).expect("serializes");
        assert_eq!(line, r#"{"step":7,"seconds":0.5,"type":"step","loss":2.25,"accuracy":0.5}"#);
        assert_eq!(read(&line), event);
    }

    #[test]
    fn a_number_that_is_not_finite_becomes_a_gap() {
        let event = Event {
            step: 1,
            seconds: 0.0,
            kind: EventKind::Step { loss: f32::INFINITY, accuracy: 0.0 },
        };
        let line = serde_json::to_string(&event).expect("serializes");
        assert!(line.contains(r#""loss":null"#), "{line}");
        let EventKind::Step { loss, .. } = read(&line).kind else { panic!("not a step") };
        assert!(loss.is_nan());
    }

    #[test]
    fn a_distribution_keeps_its_gaps() {
        let line = concat!(
            r#"{"step":5,"seconds":0.5,"type":"distribution","layers":[{"layer":1,"min":null,"#,
            r#""max":0.25,"p15":[-0.125,null],"p50":[0.0,0.5],"p85":[]}]}"#
        );
        let event = read(line);
        let EventKind::Distribution { layers } = &event.kind else { panic!("not a distribution") };
        assert!(layers[0].min.is_nan() && layers[0].p15[1].is_nan());
        assert_eq!((layers[0].p15[0], layers[0].p50[1]), (-0.125, 0.5));
        assert_eq!(serde_json::to_string(&event).expect("serializes"), line);
    }

    #[test]
    fn types_and_fields_of_a_later_version_are_skipped() {
        let event = read(r#"{"step":3,"seconds":1,"type":"teleported","where":"elsewhere"}"#);
        assert_eq!(event.kind, EventKind::Unknown);
        let event = read(r#"{"step":3,"seconds":1,"type":"epoch","epoch":2,"mood":"good"}"#);
        assert_eq!(event.kind, EventKind::Epoch { epoch: 2 });
    }

    #[test]
    fn a_command_keeps_its_values() {
        let event = Event {
            step: 12,
            seconds: 3.0,
            kind: EventKind::Applied { command: Command::SetPeriod { k: 100 }, by: None },
        };
        let line = serde_json::to_string(&event).expect("serializes");
        assert!(line.contains(r#""command":"set_period","k":100"#), "{line}");
        assert_eq!(read(&line), event);
    }
}
