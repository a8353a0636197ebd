//! The inner optimizers: one file each, with the update rule, the keys that it has in `[optimizer]`
//! of an experiment, and their defaults and ranges.
//!
//! A new optimizer is a file in this folder, a variant of [`OptimizerName`] and a row in
//! [`OptimizerName::definition`].

mod adam;
mod adamw;
mod lion;
mod rmsprop;
mod settings;
mod sgd;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

pub use adam::Adam;
pub(crate) use settings::Key;
pub use settings::{Range, Settings};
pub use sgd::Sgd;

use crate::kernels::Rule;

/// The name of an inner optimizer, as in an experiment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OptimizerName {
    /// Kingma and Ba, 2015.
    Adam,
    /// Stochastic gradient descent, optionally with momentum.
    Sgd,
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    AdamW,
    /// Tieleman and Hinton, 2012.
    RmsProp,
    /// Evolved sign momentum (Chen et al., 2023).
    Lion,
}

/// Everything that the rest of the program knows of an optimizer.
#[derive(Debug)]
pub struct Definition {
    /// The name in figures.
    pub title: &'static str,
    /// The keys in `[optimizer]` besides `name`, `lr` and `l2`, which every optimizer has.
    pub keys: &'static [Key],
    /// Makes the rule with these settings.
    pub rule: fn(&Settings) -> Arc<dyn Rule>,
}

impl OptimizerName {
    /// The title, keys and rule of this optimizer.
    pub fn definition(self) -> &'static Definition {
        match self {
            OptimizerName::Adam => &adam::DEFINITION,
            OptimizerName::Sgd => &sgd::DEFINITION,
            OptimizerName::AdamW => &adamw::DEFINITION,
            OptimizerName::RmsProp => &rmsprop::DEFINITION,
            OptimizerName::Lion => &lion::DEFINITION,
        }
    }

    /// The optimizers that have a key of this name.
    pub fn having(key: &str) -> impl Iterator<Item = OptimizerName> {
        let has = move |name: &OptimizerName| name.definition().keys.iter().any(|k| k.name == key);
        OptimizerName::VARIANTS.iter().copied().filter(has)
    }
}
