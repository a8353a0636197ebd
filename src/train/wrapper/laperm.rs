//! Lookahead permutation (the paper's section 4): θ_t ← σ_θ(θ_sorted) every k steps.

use std::time::Instant;

use rayon::prelude::*;

use super::{NotFinite, Wrapper, WrapperError};
use crate::experiment::Experiment;
use crate::method::{Reservoir, ReservoirError, VectorShape};
use crate::model::{Network, Parameter, Role, pruning_priority};
use crate::train::arrays::{Arrays, Misfit};
use crate::train::control::Control;
use crate::train::learner::Learner;
use crate::train::{EventKind, LayerSync, Schedule};

/// The reservoirs of all parameters that are permuted.
pub(super) struct Laperm(Vec<Permuted>);

/// A parameter whose weight vectors are permuted.
pub(in crate::train) struct Permuted {
    /// Index into the network's parameters.
    pub(in crate::train) parameter: usize,
    /// Index among the weight matrices; `None` for a bias.
    pub(in crate::train) layer: Option<usize>,
    pub(in crate::train) reservoir: Reservoir,
    /// Ranking of every vector at the previous sync, or at the start.
    pub(in crate::train) ranks: Vec<u32>,
}

impl Laperm {
    pub(super) fn new(permuted: Vec<Permuted>) -> Self {
        Laperm(permuted)
    }
}

impl Wrapper for Laperm {
    fn permutes(&self) -> bool {
        true
    }

    fn sync(&mut self, number: u64, learner: &mut Learner) -> Result<Option<EventKind>, NotFinite> {
        let begun = Instant::now();
        let (mut layers, mut layer_milliseconds) = (Vec::new(), Vec::new());
        for Permuted { parameter, layer, reservoir, ranks } in &mut self.0 {
            let begun = Instant::now();
            let change = learner
                .change(*parameter, |values| reservoir.sync_and_rank(values, ranks))
                .ok_or_else(|| NotFinite::new(learner, *parameter))?;
            let Some(layer) = *layer else { continue };
            layers.push(LayerSync {
                layer,
                moved: change.moved(),
                distance: change.distance().mean as f32,
                zeros: reservoir.zeros(),
            });
            layer_milliseconds.push(begun.elapsed().as_micros() as f64 / 1e3);
        }
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        Ok(Some(EventKind::Sync { sync: number, milliseconds, layers, layer_milliseconds }))
    }

    fn rank(&mut self, learner: &Learner) {
        for Permuted { parameter, reservoir, ranks, .. } in &mut self.0 {
            reservoir.rank(&learner.values(*parameter), ranks);
        }
    }

    fn synced(&self, learner: &Learner) -> Vec<(usize, Vec<f32>)> {
        let synced = self.0.iter().map(|permuted| {
            let mut values = learner.values(permuted.parameter);
            permuted.reservoir.sync(&mut values);
            (permuted.parameter, values)
        });
        synced.collect()
    }

    fn layer(&self, layer: usize) -> Option<(&Reservoir, &[u32])> {
        let permuted = self.0.iter().find(|permuted| permuted.layer == Some(layer))?;
        Some((&permuted.reservoir, &permuted.ranks))
    }

    fn prune(&mut self, network: &Network, control: &Control, schedule: &Schedule) -> bool {
        let mut changed = false;
        for permuted in self.0.iter_mut().filter(|permuted| permuted.layer.is_some()) {
            let parameter = &network.parameters()[permuted.parameter];
            let ratio = control.ratio(&parameter.layer, parameter.first, schedule);
            if ratio != permuted.reservoir.pruning_ratio() {
                // The check of the experiment and that of commands leave only ratios in [0, 1).
                changed |= permuted.reservoir.set_pruning_ratio(ratio).is_ok();
            }
        }
        changed
    }

    /// Only the rankings: the reservoirs are a function of the initial weights and of p.
    fn save(&self, network: &Network, arrays: &mut Arrays) {
        for Permuted { parameter, ranks, .. } in &self.0 {
            let name = array_name(&network.parameters()[*parameter]);
            arrays.put_integers(name, ranks.clone());
        }
    }

    fn restore(&mut self, network: &Network, arrays: &mut Arrays) -> Result<(), Misfit> {
        for Permuted { parameter, reservoir, ranks, .. } in &mut self.0 {
            let name = array_name(&network.parameters()[*parameter]);
            let VectorShape { count, len } = reservoir.shape();
            *ranks = arrays.rankings(&name, count, len)?;
        }
        Ok(())
    }
}

fn array_name(parameter: &Parameter) -> String {
    format!("ranks/{}", parameter.name)
}

/// Returns the reservoirs of all parameters that are permuted: weights, and biases if the
/// experiment says so.
///
/// # Errors
/// Returns an error for initial values that are not finite.
pub(in crate::train) fn reservoirs(
    experiment: &Experiment,
    network: &Network,
    initial: Vec<Vec<f32>>,
    schedule: &Schedule,
    control: &Control,
) -> Result<Vec<Permuted>, WrapperError> {
    let mut layers = 0..;
    let parameters = network.parameters().iter().enumerate().zip(initial);
    let permuted = parameters.filter_map(|((index, parameter), values)| match parameter.role {
        Role::Weight => Some((index, layers.next(), values)),
        Role::Bias if experiment.wrapper.biases => Some((index, None, values)),
        _ => None,
    });
    let begin = |(index, layer, values): (usize, Option<usize>, Vec<f32>)| {
        let parameter = &network.parameters()[index];
        let reservoir = match layer {
            Some(_) => {
                let ratio = control.ratio(&parameter.layer, parameter.first, schedule);
                prunable(experiment, (index, parameter), values, ratio)
            }
            None => Reservoir::new(values, parameter.vector_length()),
        };
        let reservoir = reservoir.map_err(|source| WrapperError::Initial {
            parameter: parameter.name.clone(),
            source,
        })?;
        let mut ranks = vec![0; parameter.elements()];
        reservoir.rank(&reservoir.pruned_initial(), &mut ranks);
        Ok(Permuted { parameter: index, layer, reservoir, ranks })
    };
    // In parallel, because drawing the pruning priorities takes longer than everything else.
    permuted.collect::<Vec<_>>().into_par_iter().map(begin).collect()
}

/// The reservoir of the weight matrix at `index`, pruned to `ratio`.
fn prunable(
    experiment: &Experiment,
    (index, parameter): (usize, &Parameter),
    values: Vec<f32>,
    ratio: f64,
) -> Result<Reservoir, ReservoirError> {
    let priority = pruning_priority(parameter, index, experiment.seed);
    let (length, rule) = (parameter.vector_length(), experiment.prune.rule);
    let mut reservoir = Reservoir::prunable(values, length, priority, rule)?;
    reservoir.set_pruning_ratio(ratio)?;
    Ok(reservoir)
}
