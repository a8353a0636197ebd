//! The wrappers around the inner optimizer: one file each.
//!
//! Every k steps a wrapper changes the weights that the inner optimizer has trained. The trainer
//! decides when that happens; a wrapper only does it.

mod laperm;
mod lookahead;
#[cfg(test)]
mod tests;

use laperm::Laperm;
use lookahead::SlowWeights;

pub(super) use laperm::{Permuted, reservoirs};

use super::arrays::{Arrays, Misfit};
use super::control::Control;
use super::learner::Learner;
use super::{EventKind, Schedule};
use crate::experiment::{Experiment, WrapperName};
use crate::method::{LookaheadError, Reservoir, ReservoirError};
use crate::model::Network;

/// A wrapper around the inner optimizer. The defaults are those of one that does nothing.
pub(super) trait Wrapper: Send + Sync {
    /// Whether it synchronizes at all.
    fn syncs(&self) -> bool {
        true
    }

    /// Whether it permutes the initial weights.
    fn permutes(&self) -> bool {
        false
    }

    /// Synchronizes the learner's weights for the time `number`, and returns the event to record.
    ///
    /// # Errors
    /// Returns the first parameter that is not finite. Others may have been synchronized by then:
    /// the caller goes back to the weights after the previous sync and calls [`Wrapper::rank`].
    fn sync(&mut self, number: u64, learner: &mut Learner) -> Result<Option<EventKind>, NotFinite>;

    /// Takes the ranking of the learner's weights as that of the previous sync.
    fn rank(&mut self, _learner: &Learner) {}

    /// Returns the parameters that a sync would change now, by index, as it would leave them.
    fn synced(&self, _learner: &Learner) -> Vec<(usize, Vec<f32>)> {
        Vec::new()
    }

    /// Returns the reservoir of a layer's weights, and the ranking of its vectors at the previous
    /// sync. Only a wrapper that permutes has them.
    fn layer(&self, _layer: usize) -> Option<(&Reservoir, &[u32])> {
        None
    }

    /// Prunes every layer to the ratio in `schedule`. Returns whether any ratio changed.
    fn prune(&mut self, _: &Network, _: &Control, _: &Schedule) -> bool {
        false
    }

    /// Adds the state that syncs have left behind to `arrays`.
    fn save(&self, _network: &Network, _arrays: &mut Arrays) {}

    /// Restores the state that [`Wrapper::save`] added, except for the pruning ratio, which
    /// [`Wrapper::prune`] sets.
    ///
    /// # Errors
    /// Returns the first array that is missing or does not fit its parameter.
    fn restore(&mut self, _network: &Network, _arrays: &mut Arrays) -> Result<(), Misfit> {
        Ok(())
    }
}

/// No wrapper: the inner optimizer alone.
struct Alone;

impl Wrapper for Alone {
    fn syncs(&self) -> bool {
        false
    }

    fn sync(&mut self, _: u64, _: &mut Learner) -> Result<Option<EventKind>, NotFinite> {
        Ok(None)
    }
}

/// Initial weights or settings that a wrapper cannot start from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WrapperError {
    /// The slow step size is out of range.
    #[error("wrapper.alpha: {0}")]
    Alpha(#[from] LookaheadError),
    /// A parameter's initial values cannot be permuted or pruned.
    #[error("the initial values of `{parameter}`: {source}")]
    Initial {
        /// The parameter's name.
        parameter: String,
        /// What is wrong with its values.
        source: ReservoirError,
    },
}

/// A parameter with a value that is not finite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotFinite {
    pub(super) parameter: String,
}

impl NotFinite {
    fn new(learner: &Learner, index: usize) -> Self {
        NotFinite { parameter: learner.network().parameters()[index].name.clone() }
    }
}

/// A wrapper, and the weights that training starts from, one vector per parameter.
pub(super) struct Start {
    pub(super) wrapper: Box<dyn Wrapper>,
    pub(super) weights: Vec<Vec<f32>>,
}

/// Returns the experiment's wrapper and the weights that training starts from. These are the
/// `initial` values, one vector per parameter, pruned as the experiment says, whatever the wrapper.
///
/// # Errors
/// Returns an error for initial values that are not finite, or settings that are out of range.
pub(super) fn wrapper(
    experiment: &Experiment,
    network: &Network,
    initial: Vec<Vec<f32>>,
    control: &Control,
) -> Result<Start, WrapperError> {
    let permuted = reservoirs(experiment, network, initial.clone(), &control.at(0), control)?;
    let mut weights = initial;
    for permuted in &permuted {
        weights[permuted.parameter] = permuted.reservoir.pruned_initial();
    }
    let wrapper: Box<dyn Wrapper> = match experiment.wrapper.name {
        WrapperName::None => Box::new(Alone),
        WrapperName::Lookahead => {
            Box::new(SlowWeights::new(&weights, experiment.wrapper.alpha as f32)?)
        }
        WrapperName::Laperm => Box::new(Laperm::new(permuted)),
    };
    Ok(Start { wrapper, weights })
}
