//! Looking at the weights while they are trained: ranking distance step by step, and frames now and then.

use std::time::Instant;

use rayon::prelude::*;

use super::arrays::{Arrays, Misfit};
use super::checkpoint::FrameProgress;
use super::learner::Learner;
use super::wrapper::Wrapper;
use super::{Frame, LayerDistance, LayerFrame, LayerInfo, frame};
use crate::experiment::MonitorSection;
use crate::method::{OrderedMatrix, Profile, RankChange, Reservoir, invert, ranking, reorder};

/// Ranks at which a profile is sampled, and vectors it is taken over: enough for a wide screen.
const PROFILE_POINTS: usize = 128;
const PROFILE_VECTORS: usize = 128;

/// Weights of the largest layer whose connections are told: 16 kB in a frame.
const MOST_CONNECTIONS: usize = 1 << 17;

/// Share of the time that ranking distance may take when it is measured as often as is cheap.
const CHEAP: f64 = 0.005;

/// The ranking distance of the paper's section 3: |R_t - R_{t-1}|, t counted in training steps.
pub(super) struct DistanceMonitor {
    /// (layer, parameter, vector length).
    watched: Vec<(usize, usize, usize)>,
    every: u64,
    /// The orders of each watched layer, the inverses of its rankings, when they were last looked at; none before that.
    orders: Vec<Vec<u32>>,
    /// Whether they are those of R_{t-1}, and the step under way is measured.
    before: bool,
    begun: Instant,
    spent: f64,
}

impl DistanceMonitor {
    pub(super) fn new(
        section: &MonitorSection,
        layers: &[LayerInfo],
        parameters: &[usize],
    ) -> Self {
        DistanceMonitor {
            watched: watched(&section.distance_layers, layers, parameters),
            every: section.distance_every,
            orders: Vec::new(),
            before: false,
            begun: Instant::now(),
            spent: 0.0,
        }
    }

    /// Called before step `step`: remembers R_{t-1} if the step is to be measured.
    pub(super) fn before_step(&mut self, step: u64, learner: &mut Learner, wrapper: &Wrapper) {
        let due = match self.every {
            0 => step == 1 || self.spent <= CHEAP * self.begun.elapsed().as_secs_f64(),
            every => step.is_multiple_of(every),
        };
        if due && !self.before {
            self.reorder(learner, wrapper);
        }
        self.before = due;
    }

    /// Called after the step, before any sync: the distances, if it was measured.
    pub(super) fn after_step(
        &mut self,
        learner: &mut Learner,
        wrapper: &Wrapper,
    ) -> Option<Vec<LayerDistance>> {
        if !self.before {
            return None;
        }
        let changes = self.reorder(learner, wrapper);
        // Measuring every step, the order after this one is the order before the next: a sync keeps it.
        self.before = self.every == 1;
        let distances = self.watched.iter().zip(changes).map(|(&(layer, ..), change)| {
            let distance = change.distance();
            LayerDistance { layer, mean: distance.mean as f32, sd: distance.sd as f32 }
        });
        Some(distances.collect())
    }

    /// Adds R_{t-1} to `arrays`, where it is kept from one step to the next.
    pub(super) fn save(&self, arrays: &mut Arrays) {
        if !self.before {
            return;
        }
        for (&(layer, _, length), orders) in self.watched.iter().zip(&self.orders) {
            arrays.put_integers(before_name(layer), invert(orders, length));
        }
    }

    /// Takes back what [`DistanceMonitor::save`] added. Of other layers than are watched now, nothing is taken.
    pub(super) fn restore(&mut self, learner: &Learner, arrays: &mut Arrays) -> Result<(), Misfit> {
        if !self.watched.iter().all(|&(layer, ..)| arrays.contains(&before_name(layer))) {
            return Ok(());
        }
        let orders = self.watched.iter().map(|&(layer, parameter, length)| {
            let vectors = learner.network().parameters()[parameter].elements() / length.max(1);
            Ok(invert(&arrays.rankings(&before_name(layer), vectors, length)?, length))
        });
        self.orders = orders.collect::<Result<_, _>>()?;
        self.before = true;
        Ok(())
    }

    /// Brings the orders up to the weights; what became of the ranks of each layer since they were last looked at.
    fn reorder(&mut self, learner: &mut Learner, wrapper: &Wrapper) -> Vec<RankChange> {
        let begun = Instant::now();
        if self.orders.is_empty() {
            let parameters = learner.network().parameters();
            let any = |&(_, parameter, length): &(usize, usize, usize)| {
                (0..length as u32).cycle().take(parameters[parameter].elements()).collect()
            };
            self.orders = self.watched.iter().map(any).collect();
        }
        let parameters: Vec<_> = self.watched.iter().map(|&(_, parameter, _)| parameter).collect();
        let changes = learner.show(&parameters, |values| {
            let layers = self.watched.iter().zip(values).zip(&mut self.orders);
            let ordered =
                layers.map(|((&(layer, _, length), values), orders)| match wrapper.layer(layer) {
                    Some((reservoir, _)) => reservoir.ordered(values, orders),
                    None => OrderedMatrix::new(values, length, orders),
                });
            reorder(ordered.collect())
        });
        self.spent += begun.elapsed().as_secs_f64();
        changes
    }
}

/// (layer, parameter, vector length) of the layers with these names; of all if there are none.
pub(super) fn watched(
    names: &[String],
    layers: &[LayerInfo],
    parameters: &[usize],
) -> Vec<(usize, usize, usize)> {
    let chosen = |info: &LayerInfo| names.is_empty() || names.contains(&info.name);
    let layers = layers.iter().zip(parameters).enumerate();
    let watched = layers.filter(|(_, (info, _))| chosen(info));
    watched.map(|(layer, (info, &parameter))| (layer, parameter, info.length)).collect()
}

/// Takes frames, at most one in a while.
pub(super) struct FrameMonitor {
    seconds: f64,
    last: Option<Instant>,
    newest: Option<u64>,
    /// Per layer: parameter, vector length, watched vector.
    layers: Vec<(usize, usize, usize)>,
    vectors: Vec<usize>,
    /// The initial profile of each layer.
    initial: Vec<Vec<f32>>,
    /// Without a wrapper that permutes: the initial weights of each layer. One that does knows them itself.
    start: Vec<Vec<f32>>,
    /// The watched vectors' initial values.
    initial_values: Vec<Vec<f32>>,
    /// Without a wrapper that permutes: the watched vectors' rankings in the frame before.
    before: Vec<Vec<u32>>,
    since: u64,
    /// The step of the sync before the newest, and the watched vectors' rankings then, if they were watched by then.
    previous_sync: Option<(u64, Vec<Vec<u32>>)>,
}

impl FrameMonitor {
    pub(super) fn new(
        section: &MonitorSection,
        layers: &[LayerInfo],
        parameters: &[usize],
        learner: &Learner,
        wrapper: &Wrapper,
    ) -> Self {
        let vectors = layers.iter().map(|info| info.vectors).collect();
        let layers: Vec<_> =
            layers.iter().zip(parameters).map(|(info, &p)| (p, info.length, 0)).collect();
        let initial = layers
            .iter()
            .map(|&(parameter, length, _)| initial_profile(&learner.values(parameter), length));
        let start = match wrapper.permutes() {
            true => Vec::new(),
            false => parameters.iter().map(|&parameter| learner.values(parameter)).collect(),
        };
        let mut monitor = FrameMonitor {
            seconds: section.frame_seconds,
            last: None,
            newest: None,
            vectors,
            initial: initial.collect(),
            start,
            initial_values: Vec::new(),
            before: Vec::new(),
            since: 0,
            previous_sync: None,
            layers,
        };
        monitor.before = monitor.rank_watched(learner);
        monitor.initial_values = monitor.watched_at_start(wrapper);
        monitor
    }

    /// Adds what the next frame compares with to `arrays`.
    pub(super) fn save(&self, arrays: &mut Arrays) -> FrameProgress {
        for (layer, ranks) in self.before.iter().enumerate() {
            arrays.put_integers(watched_name(layer), ranks.clone());
        }
        FrameProgress {
            watched: self.layers.iter().map(|&(.., vector)| vector).collect(),
            since: self.since,
            newest: self.newest,
        }
    }

    /// Takes back what [`FrameMonitor::save`] gave.
    pub(super) fn restore(
        &mut self,
        progress: &FrameProgress,
        wrapper: &Wrapper,
        arrays: &mut Arrays,
    ) -> Result<(), Misfit> {
        let known = progress.watched.iter().zip(&self.vectors).all(|(vector, n)| vector < n);
        if progress.watched.len() != self.layers.len() || !known {
            return Err(Misfit::new("watched", "names weight vectors that are not there"));
        }
        for (layer, (entry, &vector)) in self.layers.iter_mut().zip(&progress.watched).enumerate() {
            entry.2 = vector;
            self.before[layer] = arrays.rankings(&watched_name(layer), 1, entry.1)?;
        }
        (self.since, self.newest) = (progress.since, progress.newest);
        self.initial_values = self.watched_at_start(wrapper);
        Ok(())
    }

    /// How many weight vectors a layer has; none if there is no such layer.
    pub(super) fn vectors(&self, layer: usize) -> usize {
        self.vectors.get(layer).copied().unwrap_or_default()
    }

    /// Frames carry this vector of that layer from now on.
    pub(super) fn watch(
        &mut self,
        layer: usize,
        vector: usize,
        learner: &Learner,
        wrapper: &Wrapper,
    ) {
        if let Some(entry) = self.layers.get_mut(layer) {
            entry.2 = vector;
            self.before = self.rank_watched(learner);
            self.initial_values = self.watched_at_start(wrapper);
            self.previous_sync = None;
            self.last = None;
        }
    }

    /// The step of the newest frame.
    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether it is time for another, and if none comes at a sync, time to wait no longer.
    pub(super) fn due(&self, at_sync: bool) -> bool {
        let patience = if at_sync { 1.0 } else { 2.0 };
        self.last.is_none_or(|last| last.elapsed().as_secs_f64() >= patience * self.seconds)
    }

    /// Pruning changed what the profiles begin from.
    pub(super) fn reservoir_changed(&mut self, wrapper: &Wrapper) {
        for (layer, initial) in self.initial.iter_mut().enumerate() {
            if let Some((reservoir, _)) = wrapper.layer(layer) {
                *initial = initial_profile(&reservoir.pruned_initial(), reservoir.shape().len);
            }
        }
        self.initial_values = self.watched_at_start(wrapper);
    }

    /// A sync follows; the one before was after step `last_sync`.
    pub(super) fn before_sync(&mut self, last_sync: u64, wrapper: &Wrapper) {
        let ranks = self.layers.iter().enumerate().map(|(layer, &(_, length, vector))| {
            let (_, ranks) = wrapper.layer(layer)?;
            Some(ranks[vector * length..(vector + 1) * length].to_vec())
        });
        self.previous_sync = ranks.collect::<Option<_>>().map(|ranks| (last_sync, ranks));
    }

    /// A look at the weights as they are, after `step` and before the sync that may follow it. `last_sync` is the
    /// step of the sync before. Right after a sync, when nothing has moved yet, it is what that sync did.
    pub(super) fn take(
        &mut self,
        step: u64,
        last_sync: u64,
        learner: &mut Learner,
        wrapper: &Wrapper,
    ) -> Frame {
        self.last = Some(Instant::now());
        self.newest = Some(step);
        let parameters: Vec<_> = self.layers.iter().map(|&(parameter, ..)| parameter).collect();
        let layers =
            learner.show(&parameters, |values| self.layers(step == last_sync, values, wrapper));
        let synced = self.previous_sync.as_ref().filter(|_| step == last_sync);
        let since = match (synced, wrapper.permutes()) {
            (Some(&(previous, _)), _) => previous,
            (None, true) => last_sync,
            (None, false) => self.since,
        };
        self.since = step;
        self.before = layers.iter().map(|layer| layer.after.clone()).collect();
        Frame { since, layers }
    }

    /// What a frame has of all layers, whose weights are `values`.
    fn layers(&self, after_sync: bool, values: &[Vec<f32>], wrapper: &Wrapper) -> Vec<LayerFrame> {
        let synced = self.previous_sync.as_ref().filter(|_| after_sync);
        let layers = self.layers.par_iter().zip(values).enumerate();
        let frames = layers.map(|(layer, (&(_, length, vector), values))| {
            let profile = Profile::of(values, length, PROFILE_POINTS, PROFILE_VECTORS);
            let watched = vector * length..(vector + 1) * length;
            let now = &values[watched.clone()];
            let (before, after) = match wrapper.layer(layer) {
                Some((reservoir, ranks)) => {
                    let before = match synced {
                        Some((_, previous)) => previous[layer].clone(),
                        None => ranks[watched].to_vec(),
                    };
                    (before, reservoir.rank_vector(vector, now))
                }
                None => (self.before[layer].clone(), ranking(now)),
            };
            LayerFrame {
                positions: profile.positions,
                initial: self.initial[layer].clone(),
                bands: profile.bands,
                similarity: profile.similarity,
                vector,
                initial_values: self.initial_values[layer].clone(),
                values: now.to_vec(),
                before,
                after,
                connections: connections(values, wrapper.layer(layer).map(|(r, _)| r)),
            }
        });
        frames.collect()
    }

    /// The watched vectors as they began, pruned as they are now.
    fn watched_at_start(&self, wrapper: &Wrapper) -> Vec<Vec<f32>> {
        let watched = |(layer, &(_, length, vector)): (usize, &(usize, usize, usize))| {
            let range = vector * length..(vector + 1) * length;
            match wrapper.layer(layer) {
                Some((reservoir, _)) => reservoir.pruned_initial()[range].to_vec(),
                None => self.start.get(layer).map_or(Vec::new(), |values| values[range].to_vec()),
            }
        };
        self.layers.iter().enumerate().map(watched).collect()
    }

    fn rank_watched(&self, learner: &Learner) -> Vec<Vec<u32>> {
        let rank = |&(parameter, length, vector): &(usize, usize, usize)| {
            ranking(&learner.values(parameter)[vector * length..(vector + 1) * length])
        };
        self.layers.iter().map(rank).collect()
    }
}

/// Which weights of a small layer with zeros are connections: those that are not zero, or under LaPerm, that would not be
/// after a sync.
fn connections(values: &[f32], reservoir: Option<&Reservoir>) -> Vec<u8> {
    let pruned = match reservoir {
        Some(reservoir) => reservoir.zeros() > 0,
        None => values.contains(&0.0),
    };
    match reservoir {
        _ if !pruned || values.len() > MOST_CONNECTIONS => Vec::new(),
        Some(reservoir) => frame::connections(&reservoir.synced(values)),
        None => frame::connections(values),
    }
}

/// R_{t-1} of a layer.
fn before_name(layer: usize) -> String {
    format!("before/{layer}")
}

/// The watched vector's ranking in the newest frame.
fn watched_name(layer: usize) -> String {
    format!("watched/{layer}")
}

fn initial_profile(values: &[f32], length: usize) -> Vec<f32> {
    let profile = Profile::of(values, length, PROFILE_POINTS, PROFILE_VECTORS);
    profile.bands.into_iter().nth(2).unwrap_or_default()
}
