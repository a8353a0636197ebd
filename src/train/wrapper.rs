//! What happens to the inner optimizer's weights every k steps.

use std::time::Instant;

use rayon::prelude::*;

use super::arrays::{Arrays, Misfit};
use super::control::Control;
use super::learner::Learner;
use super::{LayerSync, Schedule};
use crate::experiment::{Experiment, WrapperName};
use crate::method::{Lookahead, Reservoir, VectorShape};
use crate::model::{Network, Role, pruning_priority};

/// The wrapper around the inner optimizer.
pub(super) enum Wrapper {
    None,
    Lookahead(Vec<Lookahead>),
    Laperm(Vec<Permuted>),
}

/// A parameter whose weight vectors are permuted.
pub(super) struct Permuted {
    /// Index into the network's parameters.
    pub(super) parameter: usize,
    /// Index among the weight matrices; `None` for a bias.
    pub(super) layer: Option<usize>,
    pub(super) reservoir: Reservoir,
    /// Ranking of every vector at the last sync, or at the start.
    pub(super) ranks: Vec<u32>,
}

/// A parameter holds a number that is not finite.
pub(super) struct NotFinite {
    pub(super) parameter: String,
}

/// What a sync did.
pub(super) struct Synced {
    pub(super) milliseconds: f64,
    pub(super) layers: Vec<LayerSync>,
    /// What each of these layers took, to the microsecond.
    pub(super) layer_milliseconds: Vec<f64>,
}

impl Wrapper {
    /// Wraps `initial` values (one vector per parameter, unpruned) and gives those to start from, pruned.
    pub(super) fn new(
        experiment: &Experiment,
        network: &Network,
        initial: Vec<Vec<f32>>,
        control: &Control,
    ) -> (Self, Vec<Vec<f32>>) {
        let permuted = reservoirs(experiment, network, initial.clone(), &control.at(0), control);
        let mut start = initial;
        for permuted in &permuted {
            start[permuted.parameter] = permuted.reservoir.pruned_initial();
        }
        let wrapper = match experiment.wrapper.name {
            WrapperName::None => Wrapper::None,
            WrapperName::Lookahead => {
                let alpha = experiment.wrapper.alpha as f32;
                Wrapper::Lookahead(
                    start.iter().filter_map(|values| Lookahead::new(values, alpha).ok()).collect(),
                )
            }
            WrapperName::Laperm => Wrapper::Laperm(permuted),
        };
        (wrapper, start)
    }

    /// θ_t ← σ_θ(θ_sorted), or one lookahead step back. If a parameter is not finite, others may be synced: go back to
    /// the weights of the sync before, and [`Wrapper::rank`] them.
    pub(super) fn sync(&mut self, learner: &mut Learner) -> Result<Synced, NotFinite> {
        let begun = Instant::now();
        let (mut layers, mut layer_milliseconds) = (Vec::new(), Vec::new());
        match self {
            Wrapper::None => {}
            Wrapper::Lookahead(slow) => {
                all_finite(learner, 0..slow.len())?;
                for (index, slow) in slow.iter_mut().enumerate() {
                    learner.change(index, |values| slow.sync(values));
                }
            }
            Wrapper::Laperm(permuted) => {
                for Permuted { parameter, layer, reservoir, ranks } in permuted {
                    let begun = Instant::now();
                    let change = learner
                        .change(*parameter, |values| reservoir.sync_and_rank(values, ranks))
                        .ok_or_else(|| not_finite(learner, *parameter))?;
                    let Some(layer) = *layer else { continue };
                    layers.push(LayerSync {
                        layer,
                        moved: change.moved(),
                        distance: change.distance().mean as f32,
                        zeros: reservoir.zeros(),
                    });
                    layer_milliseconds.push(begun.elapsed().as_micros() as f64 / 1e3);
                }
            }
        }
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        Ok(Synced { milliseconds, layers, layer_milliseconds })
    }

    /// Takes the ranking of the learner's weights for that of the last sync.
    pub(super) fn rank(&mut self, learner: &Learner) {
        let Wrapper::Laperm(permuted) = self else { return };
        for Permuted { parameter, reservoir, ranks, .. } in permuted {
            reservoir.rank(&learner.values(*parameter), ranks);
        }
    }

    /// Adds what syncs have left behind to `arrays`. The reservoirs are not in it: they are a function of the initial
    /// weights and of p.
    pub(super) fn save(&self, network: &Network, arrays: &mut Arrays) {
        let parameters = network.parameters();
        match self {
            Wrapper::None => {}
            Wrapper::Lookahead(slow) => {
                for (parameter, slow) in parameters.iter().zip(slow) {
                    arrays.put_floats(slow_name(&parameter.name), slow.slow().to_vec());
                }
            }
            Wrapper::Laperm(permuted) => {
                for Permuted { parameter, ranks, .. } in permuted {
                    arrays.put_integers(ranks_name(&parameters[*parameter].name), ranks.to_vec());
                }
            }
        }
    }

    /// Takes back what [`Wrapper::save`] added. The pruning ratio is set apart, by [`Wrapper::prune`].
    pub(super) fn restore(&mut self, network: &Network, arrays: &mut Arrays) -> Result<(), Misfit> {
        let parameters = network.parameters();
        match self {
            Wrapper::None => {}
            Wrapper::Lookahead(slow) => {
                for (parameter, slow) in parameters.iter().zip(slow) {
                    let name = slow_name(&parameter.name);
                    let values = arrays.floats(&name, parameter.elements())?;
                    *slow = Lookahead::new(&values, slow.alpha())
                        .map_err(|error| Misfit::new(&name, error.to_string()))?;
                }
            }
            Wrapper::Laperm(permuted) => {
                for Permuted { parameter, reservoir, ranks, .. } in permuted {
                    let name = ranks_name(&parameters[*parameter].name);
                    let VectorShape { count, len } = reservoir.shape();
                    *ranks = arrays.rankings(&name, count, len)?;
                }
            }
        }
        Ok(())
    }

    /// What a sync would make of the learner's parameters, which stay as they are.
    pub(super) fn synced(&self, learner: &Learner) -> Vec<(usize, Vec<f32>)> {
        let Wrapper::Laperm(permuted) = self else { return Vec::new() };
        let synced = permuted.iter().map(|permuted| {
            let mut values = learner.values(permuted.parameter);
            permuted.reservoir.sync(&mut values);
            (permuted.parameter, values)
        });
        synced.collect()
    }

    /// The reservoir of a layer's weights, and the ranking of its vectors at the last sync.
    pub(super) fn layer(&self, layer: usize) -> Option<(&Reservoir, &[u32])> {
        let Wrapper::Laperm(permuted) = self else { return None };
        let permuted = permuted.iter().find(|permuted| permuted.layer == Some(layer))?;
        Some((&permuted.reservoir, &permuted.ranks))
    }

    /// Whether it permutes.
    pub(super) fn permutes(&self) -> bool {
        matches!(self, Wrapper::Laperm(_))
    }

    /// Prunes every layer as `schedule` and the experiment say; whether anything changed.
    pub(super) fn prune(
        &mut self,
        network: &Network,
        control: &Control,
        schedule: &Schedule,
    ) -> bool {
        let Wrapper::Laperm(permuted) = self else { return false };
        let mut changed = false;
        for permuted in permuted.iter_mut().filter(|permuted| permuted.layer.is_some()) {
            let parameter = &network.parameters()[permuted.parameter];
            let ratio = control.ratio(&parameter.layer, parameter.first, schedule);
            if ratio != permuted.reservoir.pruning_ratio() {
                changed |= permuted.reservoir.set_pruning_ratio(ratio).is_ok();
            }
        }
        changed
    }
}

fn slow_name(parameter: &str) -> String {
    format!("slow/{parameter}")
}

fn ranks_name(parameter: &str) -> String {
    format!("ranks/{parameter}")
}

/// The reservoirs of all parameters that are permuted: weights, and biases if the experiment says so.
pub(super) fn reservoirs(
    experiment: &Experiment,
    network: &Network,
    initial: Vec<Vec<f32>>,
    schedule: &Schedule,
    control: &Control,
) -> Vec<Permuted> {
    let mut layers = 0..;
    let parameters = network.parameters().iter().enumerate().zip(initial);
    let permuted = parameters.filter_map(|((index, parameter), values)| match parameter.role {
        Role::Weight => Some((index, layers.next(), values)),
        Role::Bias if experiment.wrapper.biases => Some((index, None, values)),
        _ => None,
    });
    let begin = |(index, layer, values): (usize, Option<usize>, Vec<f32>)| {
        let parameter = &network.parameters()[index];
        let length = parameter.vector_length();
        // A checked experiment gives values whose length fits and ratios in range.
        let reservoir = match layer {
            Some(_) => {
                let priority = pruning_priority(parameter, index, experiment.seed);
                let ratio = control.ratio(&parameter.layer, parameter.first, schedule);
                let rule = experiment.prune.rule;
                let mut reservoir = Reservoir::prunable(values, length, priority, rule).ok()?;
                reservoir.set_pruning_ratio(ratio).ok()?;
                reservoir
            }
            None => Reservoir::new(values, length).ok()?,
        };
        let mut ranks = vec![0; parameter.elements()];
        reservoir.rank(&reservoir.pruned_initial(), &mut ranks);
        Some(Permuted { parameter: index, layer, reservoir, ranks })
    };
    // Side by side, because drawing what is pruned first takes longer than all the rest.
    permuted.collect::<Vec<_>>().into_par_iter().filter_map(begin).collect()
}

fn all_finite(
    learner: &mut Learner,
    parameters: impl IntoIterator<Item = usize>,
) -> Result<(), NotFinite> {
    match parameters.into_iter().find(|&index| !learner.is_finite(index)) {
        None => Ok(()),
        Some(index) => Err(not_finite(learner, index)),
    }
}

fn not_finite(learner: &Learner, parameter: usize) -> NotFinite {
    NotFinite { parameter: learner.network().parameters()[parameter].name.clone() }
}
