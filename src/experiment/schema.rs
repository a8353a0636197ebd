//! What an experiment may say, with defaults for all but the essentials: a dataset and a network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{OptimizerSection, Plan};
use crate::data::{Augmentation, DatasetName, GlyphsConfig, Normalization};
use crate::method::PruneRule;
use crate::model::{BiasInitializer, Initializer, Layer, Published};

/// What to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its name; the file's name where it says none.
    #[serde(default)]
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What everything random derives from.
    #[serde(default = "one")]
    pub seed: u64,
    /// What is learned.
    pub data: DataSection,
    /// What learns.
    pub network: NetworkSection,
    /// The initial weights.
    #[serde(default)]
    pub initial: InitialSection,
    /// Zeros among them.
    #[serde(default)]
    pub prune: PruneSection,
    /// The inner optimizer.
    #[serde(default)]
    pub optimizer: OptimizerSection,
    /// What wraps it.
    #[serde(default)]
    pub wrapper: WrapperSection,
    /// How long.
    #[serde(default)]
    pub train: TrainSection,
    /// When to look at how good it is.
    #[serde(default)]
    pub evaluate: EvaluateSection,
    /// What else to look at.
    #[serde(default)]
    pub monitor: MonitorSection,
    /// When its whole state is saved.
    #[serde(default)]
    pub checkpoint: CheckpointSection,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Which dataset.
    pub dataset: DatasetName,
    /// Where its files are; searched for where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// How bytes become numbers; `unit` for grey images and `z-score` for CIFAR-10 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// How training images are varied.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Use only so many training examples, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_examples: Option<usize>,
    /// Use only so many test examples, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_examples: Option<usize>,
    /// The generated dataset.
    #[serde(default)]
    pub glyphs: GlyphsConfig,
}

impl DataSection {
    /// How bytes become numbers.
    pub fn normalization(&self) -> Normalization {
        self.normalization.unwrap_or(match self.dataset {
            DatasetName::Cifar10 => Normalization::ZScore,
            _ => Normalization::Unit,
        })
    }
}

/// `[network]`: a name or layers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// One of the paper's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Published>,
    /// One's own, a sequence of layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

impl NetworkSection {
    /// What to call it.
    pub fn title(&self) -> &'static str {
        self.name.map_or("own layers", Published::name)
    }

    /// Its layers.
    pub fn layers(&self, classes: usize) -> Vec<Layer> {
        self.name.map_or_else(|| self.layers.clone(), |name| name.layers(classes))
    }
}

/// `[initial]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitialSection {
    /// The rule that weights are drawn by.
    pub weights: Initializer,
    /// The rule for biases.
    pub biases: BiasInitializer,
}

/// `[prune]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PruneSection {
    /// p: the share of each layer's initial weights set to zero. LaPerm moves the zeros about; without it they stay
    /// where they are.
    pub ratio: Plan,
    /// Ratios of single layers, by name; neither `ratio` nor `input_cap` touches these.
    pub layers: BTreeMap<String, f64>,
    /// The most that the first layer is pruned.
    pub input_cap: f64,
    /// Each weight by itself, or an exact share of each weight vector.
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

/// `[wrapper]`: what happens to the inner optimizer's weights every k steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WrapperSection {
    /// Which.
    pub name: WrapperName,
    /// The sync period k, in steps; rounded to a whole number.
    pub k: Plan,
    /// Lookahead's slow step size.
    pub alpha: f64,
    /// Whether LaPerm permutes biases too.
    pub biases: bool,
    /// The epoch in which synchronization begins.
    pub start: u64,
    /// The epoch in which it is over; never where absent.
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

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSection {
    /// Examples per step.
    pub batch: usize,
    /// Times through the train set.
    pub epochs: u64,
    /// Stop after so many steps even so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

impl Default for TrainSection {
    fn default() -> Self {
        TrainSection { batch: 50, epochs: 10, steps: None }
    }
}

/// `[evaluate]`: when the network is evaluated, as a sync would have it at that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateSection {
    /// At the end of every so many epochs; 0 is never.
    pub epochs: u64,
    /// Right after every so many syncs; 0 is never.
    pub syncs: u64,
    /// At each of these moments the inner optimizer's weights too, as they are before any sync (figure 5 e).
    pub before_sync: bool,
    /// How many training examples, drawn anew each time; 0 is none.
    pub train_examples: usize,
    /// Examples computed at once.
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

/// `[monitor]`: what is looked at while training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSection {
    /// Layers whose ranking distance is measured, by name; all where empty.
    pub distance_layers: Vec<String>,
    /// Measure it every so many steps; 0 is as often as costs half a percent of the time.
    pub distance_every: u64,
    /// Whether the distribution of the weights in every weight vector is looked at: at most at every step, and about as
    /// often as a chart of the whole run can show.
    pub distribution: bool,
    /// Layers whose distribution is looked at, by name; all where empty.
    pub distribution_layers: Vec<String>,
    /// Least seconds between two looks at profiles and permutations.
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

/// `[checkpoint]`: when the whole state of the training is saved, to go on from after a crash. It is at the end of every
/// run, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointSection {
    /// After every so many steps; 0 is never. One that is due while the one before is still being written is left out.
    pub every_steps: u64,
    /// When so many minutes have passed since the one before; 0 is never.
    pub every_minutes: f64,
    /// At the end of each epoch, but not within a second of the one before.
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
