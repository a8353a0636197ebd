//! The sections and keys of an experiment. Only the dataset and the network are required.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{OptimizerSection, Plan, Published};
use crate::data::{Augmentation, DatasetName, GlyphsConfig, Normalization};
use crate::method::PruneRule;
use crate::model::{BiasInitializer, Initializer, Layer};

/// An experiment: a network, its data and the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name of the experiment. Default: the file's name without its extension.
    #[serde(default)]
    pub name: String,
    /// Purpose of the experiment, in one sentence. Default: empty.
    #[serde(default)]
    pub description: String,
    /// Seed of everything random: initial weights, pruning, data order, augmentation, dropout. Any
    /// whole number from 0; default: 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// The data to train on. Required.
    pub data: DataSection,
    /// The network to train. Required.
    pub network: NetworkSection,
    /// The initial weights.
    #[serde(default)]
    pub initial: InitialSection,
    /// Weights that are zero from the start.
    #[serde(default)]
    pub prune: PruneSection,
    /// The inner optimizer.
    #[serde(default)]
    pub optimizer: OptimizerSection,
    /// The wrapper around the inner optimizer.
    #[serde(default)]
    pub wrapper: WrapperSection,
    /// Length of the training.
    #[serde(default)]
    pub train: TrainSection,
    /// When accuracy and loss are evaluated.
    #[serde(default)]
    pub evaluate: EvaluateSection,
    /// Further measurements during the training.
    #[serde(default)]
    pub monitor: MonitorSection,
    /// When the whole state is saved.
    #[serde(default)]
    pub checkpoint: CheckpointSection,
}

/// `[data]`: the data to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Dataset: "glyphs", "mnist", "fashion-mnist" or "cifar10". Required.
    pub dataset: DatasetName,
    /// Folder with the dataset's files. Default: the first of `$LAPERM_DATA`, `./data` and the
    /// user's cache folder that has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Conversion of pixels to inputs: "unit", "z-score" or "unit-minus-pixel-mean". Default:
    /// "z-score" for CIFAR-10, "unit" for the other datasets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// Random changes of the training images. Default: none.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Number of training examples to use, from the first on; at least 1. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_examples: Option<usize>,
    /// Number of test examples to use, from the first on; at least 1. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_examples: Option<usize>,
    /// Size and seed of the generated dataset; ignored by the other datasets.
    #[serde(default)]
    pub glyphs: GlyphsConfig,
}

impl DataSection {
    /// Returns the normalization: the given one, or else the dataset's default.
    pub fn normalization(&self) -> Normalization {
        self.normalization.unwrap_or(self.dataset.normalization())
    }
}

/// `[network]`: the network to train, either by `name` or by `layers`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// Network of the paper by name, such as "conv4"; [`Published`] lists them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Published>,
    /// Layers in order, as tables with a `type`. The last must be dense, with one unit per class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

impl NetworkSection {
    /// Returns the name of a published network, or "own layers".
    pub fn title(&self) -> &'static str {
        self.name.map_or("own layers", Published::name)
    }

    /// Returns the layers for a dataset with `classes` classes.
    pub fn layers(&self, classes: usize) -> Vec<Layer> {
        self.name.map_or_else(|| self.layers.clone(), |name| name.layers(classes))
    }
}

/// `[initial]`: the initial weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitialSection {
    /// Initializer of the weights: "he-uniform", "he-normal", "glorot-uniform", "glorot-normal",
    /// "lecun-uniform", "lecun-normal", "signed-constant", `{ shared = VALUE }` or
    /// `{ shuffled = "SNAPSHOT" }`. Default: "he-uniform".
    pub weights: Initializer,
    /// Initializer of the biases: "like-weights" or "zeros". Default: "like-weights".
    pub biases: BiasInitializer,
}

/// `[prune]`: weights that are zero from the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PruneSection {
    /// Pruning ratio p, the fraction of each layer's initial weights that is set to zero: a number
    /// or a schedule, at least 0 and below 1. LaPerm permutes the zeros along with the other
    /// weights; under other wrappers they stay where they are. Default: 0.
    pub ratio: Plan,
    /// Pruning ratios of single layers by name, at least 0 and below 1. They take precedence over
    /// `ratio` and `input_cap`. Default: none.
    pub layers: BTreeMap<String, f64>,
    /// Upper limit of the pruning ratio of the first layer, 0 to 1. Default: 0.2.
    pub input_cap: f64,
    /// "independent" prunes each weight with probability p; "exact" prunes the same number of
    /// weights in each weight vector. Default: "independent".
    pub rule: PruneRule,
}

impl Default for PruneSection {
    fn default() -> Self {
        PruneSection {
            ratio: Plan::Constant(0.0),
            layers: BTreeMap::new(),
            input_cap: 0.2,
            rule: PruneRule::Independent,
        }
    }
}

/// `[wrapper]`: the wrapper that changes the inner optimizer's weights every k steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WrapperSection {
    /// The wrapper.
    pub name: WrapperName,
    /// The sync period k, in steps, rounded to an integer.
    pub k: Plan,
    /// Lookahead's slow step size, in (0, 1].
    pub alpha: f64,
    /// Whether LaPerm permutes biases too.
    pub biases: bool,
    /// The epoch in which synchronization begins, counted from 0.
    pub start: u64,
    /// The epoch at whose start synchronization ends. If omitted, it never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<u64>,
}

impl Default for WrapperSection {
    fn default() -> Self {
        WrapperSection {
            name: WrapperName::Laperm,
            k: Plan::Constant(20.0),
            alpha: 0.5,
            biases: false,
            start: 0,
            stop: None,
        }
    }
}

/// A wrapper around the inner optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WrapperName {
    /// The inner optimizer alone.
    None,
    /// k steps forward, one step back (Zhang et al., 2019).
    Lookahead,
    /// Lookahead permutation, the paper's section 4.
    Laperm,
}

/// `[train]`: the length of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSection {
    /// Examples per step, from 1 to the number of training examples. Default: 50.
    pub batch: usize,
    /// Number of passes through the training set, 1 to 100,000. Default: 10.
    pub epochs: u64,
    /// Maximum number of steps, at least 1: the training ends after this many steps or after
    /// `epochs` epochs, whichever comes first. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

impl Default for TrainSection {
    fn default() -> Self {
        TrainSection { batch: 50, epochs: 10, steps: None }
    }
}

/// `[evaluate]`: when accuracy and loss are evaluated. The evaluated weights are those that a sync
/// at that moment would produce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateSection {
    /// Interval between evaluations at the end of an epoch, in epochs; 0: never. Default: 1.
    pub epochs: u64,
    /// Interval between evaluations right after a sync, in syncs; 0: never. Default: 0.
    pub syncs: u64,
    /// Whether each evaluation also covers the inner optimizer's weights before the sync (figure
    /// 5 e). Default: false.
    pub before_sync: bool,
    /// Number of training examples to evaluate, drawn again for each evaluation; 0: none. Default:
    /// 2000.
    pub train_examples: usize,
    /// Number of examples evaluated at once, at least 1. It affects memory, not results. Default:
    /// 250.
    pub batch: usize,
}

impl Default for EvaluateSection {
    fn default() -> Self {
        EvaluateSection {
            epochs: 1,
            syncs: 0,
            before_sync: false,
            train_examples: 2000,
            batch: 250,
        }
    }
}

/// `[monitor]`: what is measured during the training besides accuracy and loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSection {
    /// Names of the layers whose ranking distance is measured. Default: empty, which means all.
    pub distance_layers: Vec<String>,
    /// Interval between measurements of the ranking distance, in steps; 0: as short as half a
    /// percent of the training time allows. Default: 0.
    pub distance_every: u64,
    /// Whether the distribution of the weights in each weight vector is measured, as often as a
    /// chart of the whole run can show. Default: true.
    pub distribution: bool,
    /// Names of the layers whose distribution is measured. Default: empty, which means all.
    pub distribution_layers: Vec<String>,
    /// Minimum interval between records of profiles and permutations, in seconds, at least 0.
    /// Default: 1.
    pub frame_seconds: f64,
}

impl Default for MonitorSection {
    fn default() -> Self {
        MonitorSection {
            distance_layers: Vec::new(),
            distance_every: 0,
            distribution: true,
            distribution_layers: Vec::new(),
            frame_seconds: 1.0,
        }
    }
}

/// `[checkpoint]`: when the whole state of the training is saved, so that it can be resumed after a
/// crash. It is also saved at the end of every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointSection {
    /// Interval between checkpoints, in steps; 0: never. A checkpoint that is due while the
    /// previous one is still being written is skipped. Default: 0.
    pub every_steps: u64,
    /// Interval between checkpoints, in minutes, at least 0; 0: never. Default: 5.
    pub every_minutes: f64,
    /// Whether to save a checkpoint at the end of each epoch, unless the previous one is less than
    /// a second old. Default: true.
    pub each_epoch: bool,
}

impl Default for CheckpointSection {
    fn default() -> Self {
        CheckpointSection { every_steps: 0, every_minutes: 5.0, each_epoch: true }
    }
}

fn one() -> u64 {
    1
}
