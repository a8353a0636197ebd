//! Everything that happens in a run, in order: the only thing that leaves the trainer.
//!
//! A line of the run log is one [`Event`]; the screen, the headless lines and the figures are folds over
//! them. Fields are only ever added, and a reader skips types it does not know, so old and new versions
//! read each other. Numbers that are not finite are written as `null` and read back as NaN, a gap.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Backend, Command, Frame, Named};
use crate::data::DatasetName;
use crate::experiment::{OptimizerName, Published, WrapperName};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Training steps finished when it happened; 0 before the first.
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
        /// How many have ended.
        epoch: u64,
    },
    /// lr, k or p took a new value, by a schedule or by hand.
    Schedule(Schedule),
    /// The weights were synchronized.
    Sync {
        /// How many syncs there have been.
        sync: u64,
        /// What it took.
        milliseconds: f64,
        /// One entry per permuted layer.
        layers: Vec<LayerSync>,
        /// What each layer took, in milliseconds, in the same order; empty in logs of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layer_milliseconds: Vec<f64>,
    },
    /// The weights moved towards the lookahead optimizer's slow weights.
    Lookahead {
        /// How many times they have.
        sync: u64,
    },
    /// The ranking distance over one training step (the paper's section 3).
    RankingDistance {
        /// One entry per monitored layer.
        layers: Vec<LayerDistance>,
    },
    /// The distribution of the weights in every weight vector, as the inner optimizer has them (the paper's figure 12,
    /// row 1).
    Distribution {
        /// One entry per monitored layer.
        layers: Vec<LayerDistribution>,
    },
    /// The network was evaluated.
    Evaluation {
        /// Which weights were evaluated.
        weights: Weights,
        /// Over the whole test set.
        test: Score,
        /// Over a random part of the train set.
        train: Option<Score>,
        /// What it took, in seconds.
        took: f64,
    },
    /// Profiles and permutations of all layers, for looking at.
    Frame {
        /// Where the arrays lie in `frames.bin`; absent in a live event.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<FrameLocation>,
        /// The arrays; absent until a reader has fetched them.
        #[serde(skip)]
        frame: Option<Arc<Frame>>,
    },
    /// A command was obeyed.
    Applied {
        /// The command.
        #[serde(flatten)]
        command: Command,
        /// Who gave it, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A command could not be obeyed.
    Refused {
        /// The command.
        #[serde(flatten)]
        command: Command,
        /// Why, as a sentence.
        reason: String,
        /// Who gave it, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The trainer holds, or goes on.
    Phase {
        /// What it does now.
        phase: Phase,
    },
    /// Weights were saved.
    Snapshot {
        /// The file, relative to the run folder.
        file: String,
        /// Whether they are the synchronized weights.
        synced: bool,
    },
    /// The loss or a weight stopped being a finite number; the run holds.
    Diverged {
        /// Where: the loss, or a parameter's name.
        place: String,
        /// The step whose state is kept and continued from.
        good_step: u64,
    },
    /// A run that had ended, in whatever way, goes on from its checkpoint; what came after that is cut from the log.
    Resumed {
        /// Events that were cut.
        cut: u64,
        /// Training steps planned in all, which may be more than before.
        total_steps: u64,
    },
    /// Something a person should know.
    Notice {
        /// The message, a sentence.
        message: String,
    },
    /// The run ended.
    Finished {
        /// Why.
        reason: Reason,
        /// What went wrong, for [`Reason::Failed`].
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// SHA-256 over all parameters in order, in hexadecimal.
        #[serde(skip_serializing_if = "Option::is_none")]
        weights_checksum: Option<String>,
        /// Seconds for which the trainer waited for batches, since this process has had the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_wait_seconds: Option<f64>,
    },
    /// A type this version does not know.
    #[serde(other)]
    Unknown,
}

/// What is to be trained, resolved.
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
    /// The instruction set of its kernels, on which the last bits of all results depend; empty where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instruction_set: String,
    /// The wrapper around the inner optimizer.
    pub wrapper: Named<WrapperName>,
    /// The inner optimizer.
    pub optimizer: Named<OptimizerName>,
    /// The seed everything random derives from.
    pub seed: u64,
    /// Trainable parameters.
    pub parameters: usize,
    /// Examples per step.
    pub batch: usize,
    /// Examples to train on.
    pub train_examples: usize,
    /// Examples to test on.
    pub test_examples: usize,
    /// Training steps in an epoch.
    pub steps_per_epoch: u64,
    /// Training steps planned in all.
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
    /// The shape of its weights, output first.
    pub shape: Vec<usize>,
    /// How many weight vectors it has.
    pub vectors: usize,
    /// The length of each, #w_j.
    pub length: usize,
}

/// lr, k and p in effect, and which of them a person holds.
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
    /// Weights that are exactly zero.
    pub zeros: usize,
}

/// The ranking distance of one layer over one step, in ranks: divide by the layer's length for the ratio of
/// the paper's figure 3.
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

/// How the weights of one layer are distributed: percentiles of every weight vector, or of
/// [`MOST_VECTORS`](Self::MOST_VECTORS) evenly chosen ones where there are more. To four significant digits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerDistribution {
    /// Index into [`Started::layers`].
    pub layer: usize,
    /// The least weight of the layer.
    #[serde(with = "gap")]
    pub min: f32,
    /// The greatest weight of the layer.
    #[serde(with = "gap")]
    pub max: f32,
    /// The 15th percentile of each vector looked at.
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
    /// How many weight vectors are looked at, at most.
    pub const MOST_VECTORS: usize = 100;
}

/// Which weights an evaluation looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// σ_θ(θ_sorted): the weights right after a sync, or what a sync would make of them.
    Synced,
    /// θ_t as the inner optimizer has it: just before a sync, or without LaPerm.
    Inner,
}

/// How well the network did on some examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Mean cross-entropy.
    #[serde(with = "gap")]
    pub loss: f32,
    /// Share classified correctly, 0 to 1.
    #[serde(with = "gap")]
    pub accuracy: f32,
    /// How many examples.
    pub examples: usize,
}

/// What the trainer is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Preparing: nothing has been trained yet.
    #[default]
    Starting,
    /// Training.
    Running,
    /// Holding before the next step.
    Paused,
    /// Holding because a number was not finite.
    Diverged,
    /// Over.
    Finished,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// All steps were taken.
    Finished,
    /// Somebody stopped it.
    Stopped,
    /// It diverged and nobody was there to go on.
    Diverged,
    /// Something broke.
    Failed,
}

/// Where a frame lies in `frames.bin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameLocation {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// CRC-32 of those bytes.
    pub crc: u32,
}

/// Numbers that may be missing: not-finite ones are written as `null`, and `null` is read as NaN.
mod gap {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        match value.is_finite() {
            true => serializer.serialize_some(value),
            false => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
    }
}

/// Lists of numbers that may be missing, each as in [`gap`].
mod gaps {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.is_finite().then_some(value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
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
