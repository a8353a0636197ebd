//! Frames: profiles and permutations of all layers, taken now and then for display.

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::WeightMatrix;
use crate::experiment::MonitorSection;
use crate::method::{Profile, Reservoir, ranking};
use crate::train::arrays::{Arrays, Misfit};
use crate::train::checkpoint::FrameProgress;
use crate::train::learner::Learner;
use crate::train::wrapper::Wrapper;
use crate::train::{Frame, LayerFrame, frame};

/// Number of ranks at which a profile is sampled, and of vectors that it is taken over: enough for
/// a wide screen.
const PROFILE_POINTS: usize = 128;
const PROFILE_VECTORS: usize = 128;

/// Weights of the largest layer whose connections are recorded, which take 16 kB of a frame.
const MOST_CONNECTIONS: usize = 1 << 17;

/// Takes frames at limited intervals.
pub(in crate::train) struct FrameMonitor {
    /// Minimum number of seconds between two frames.
    seconds: f64,
    /// When the latest frame was taken by this process.
    last: Option<Instant>,
    /// The step of the latest frame.
    newest: Option<u64>,
    layers: Vec<FrameLayer>,
    /// Without a wrapper that permutes: the step of the latest frame, or 0.
    since: u64,
    /// The sync before the latest, if the watched vectors were watched by then.
    previous_sync: Option<PreviousSync>,
}

/// Reference with which a frame compares one layer.
struct FrameLayer {
    matrix: WeightMatrix,
    /// Index of the watched vector.
    vector: usize,
    /// The initial profile, pruned as the layer is now.
    profile: Vec<f32>,
    /// The weights at the start. Empty under a wrapper that permutes, whose reservoir has them.
    start: Vec<f32>,
    /// The watched vector's initial values, pruned as the layer is now.
    initial_values: Vec<f32>,
    /// Without a wrapper that permutes: the watched vector's ranking in the latest frame.
    before: Vec<u32>,
}

/// The step of a sync, and the ranking of each layer's watched vector right after it.
struct PreviousSync {
    step: u64,
    ranks: Vec<Vec<u32>>,
}

impl FrameLayer {
    fn new(matrix: &WeightMatrix, learner: &Learner, wrapper: &dyn Wrapper) -> Self {
        let values = learner.values(matrix.parameter);
        let mut layer = FrameLayer {
            matrix: matrix.clone(),
            vector: 0,
            profile: initial_profile(&values, matrix.info.length),
            start: Vec::new(),
            initial_values: Vec::new(),
            before: Vec::new(),
        };
        layer.before = ranking(&values[layer.watched()]);
        if !wrapper.permutes() {
            layer.start = values;
        }
        layer.take_initial_values(wrapper);
        layer
    }

    /// The watched vector's weights among those of the layer.
    fn watched(&self) -> Range<usize> {
        let length = self.matrix.info.length;
        self.vector * length..(self.vector + 1) * length
    }

    fn take_initial_values(&mut self, wrapper: &dyn Wrapper) {
        let watched = self.watched();
        self.initial_values = match wrapper.layer(self.matrix.layer) {
            Some((reservoir, _)) => reservoir.pruned_initial()[watched].to_vec(),
            None => self.start.get(watched).unwrap_or_default().to_vec(),
        };
    }

    /// This layer's part of a frame, whose weights are `values`. `previous` is the watched vector's
    /// ranking at the sync before the latest, if the frame shows what the latest sync did.
    fn frame(
        &self,
        values: &[f32],
        previous: Option<&Vec<u32>>,
        wrapper: &dyn Wrapper,
    ) -> LayerFrame {
        let length = self.matrix.info.length;
        let profile = Profile::of(values, length, PROFILE_POINTS, PROFILE_VECTORS);
        let now = &values[self.watched()];
        let permuted = wrapper.layer(self.matrix.layer);
        let (before, after) = match permuted {
            Some((reservoir, ranks)) => {
                let before = previous.map_or(&ranks[self.watched()], |previous| &previous[..]);
                (before.to_vec(), reservoir.rank_vector(self.vector, now))
            }
            None => (self.before.clone(), ranking(now)),
        };
        LayerFrame {
            positions: profile.positions,
            initial: self.profile.clone(),
            bands: profile.bands,
            similarity: profile.similarity,
            vector: self.vector,
            initial_values: self.initial_values.clone(),
            values: now.to_vec(),
            before,
            after,
            connections: connections(values, permuted.map(|(reservoir, _)| reservoir)),
        }
    }
}

impl FrameMonitor {
    pub(in crate::train) fn new(
        section: &MonitorSection,
        matrices: &[WeightMatrix],
        learner: &Learner,
        wrapper: &dyn Wrapper,
    ) -> Self {
        let layers = matrices.iter().map(|matrix| FrameLayer::new(matrix, learner, wrapper));
        FrameMonitor {
            seconds: section.frame_seconds,
            last: None,
            newest: None,
            layers: layers.collect(),
            since: 0,
            previous_sync: None,
        }
    }

    /// Adds what the next frame is compared with to `arrays`.
    pub(in crate::train) fn save(&self, arrays: &mut Arrays) -> FrameProgress {
        for layer in &self.layers {
            arrays.put_integers(array_name(&layer.matrix), layer.before.clone());
        }
        FrameProgress {
            watched: self.layers.iter().map(|layer| layer.vector).collect(),
            since: self.since,
            newest: self.newest,
        }
    }

    /// Restores the state that [`FrameMonitor::save`] added and returned.
    ///
    /// # Errors
    /// Returns an error for watched vectors that do not exist, or an array that does not hold the
    /// ranking of one.
    pub(in crate::train) fn restore(
        &mut self,
        progress: &FrameProgress,
        wrapper: &dyn Wrapper,
        arrays: &mut Arrays,
    ) -> Result<(), Misfit> {
        let vectors = self.layers.iter().map(|layer| layer.matrix.info.vectors);
        let known = progress.watched.iter().zip(vectors).all(|(&vector, count)| vector < count);
        if progress.watched.len() != self.layers.len() || !known {
            return Err(Misfit::new("watched", "names weight vectors that are not there"));
        }
        for (layer, &vector) in self.layers.iter_mut().zip(&progress.watched) {
            layer.vector = vector;
            layer.before =
                arrays.rankings(&array_name(&layer.matrix), 1, layer.matrix.info.length)?;
            layer.take_initial_values(wrapper);
        }
        (self.since, self.newest) = (progress.since, progress.newest);
        Ok(())
    }

    /// Number of weight vectors of a layer; 0 if there is no such layer.
    pub(in crate::train) fn vectors(&self, layer: usize) -> usize {
        self.layers.get(layer).map_or(0, |layer| layer.matrix.info.vectors)
    }

    /// Makes frames carry this vector of that layer from now on. The next frame is due at once.
    pub(in crate::train) fn watch(
        &mut self,
        layer: usize,
        vector: usize,
        learner: &Learner,
        wrapper: &dyn Wrapper,
    ) {
        let Some(watched) = self.layers.get_mut(layer) else { return };
        watched.vector = vector;
        for layer in &mut self.layers {
            layer.before = ranking(&learner.values(layer.matrix.parameter)[layer.watched()]);
            layer.take_initial_values(wrapper);
        }
        self.previous_sync = None;
        self.last = None;
    }

    /// The step of the latest frame.
    pub(in crate::train) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether a frame is due. Those at a sync show more, so between syncs the monitor waits twice
    /// as long for one.
    pub(in crate::train) fn due(&self, at_sync: bool) -> bool {
        let patience = if at_sync { 1.0 } else { 2.0 };
        self.last.is_none_or(|last| last.elapsed().as_secs_f64() >= patience * self.seconds)
    }

    /// Updates the initial profiles and values after a change of the pruning ratio.
    pub(in crate::train) fn reservoir_changed(&mut self, wrapper: &dyn Wrapper) {
        for layer in &mut self.layers {
            if let Some((reservoir, _)) = wrapper.layer(layer.matrix.layer) {
                let length = reservoir.shape().len;
                layer.profile = initial_profile(&reservoir.pruned_initial(), length);
            }
            layer.take_initial_values(wrapper);
        }
    }

    /// Records the rankings of the previous sync, which followed step `last_sync`, before the next
    /// sync replaces them.
    pub(in crate::train) fn before_sync(&mut self, last_sync: u64, wrapper: &dyn Wrapper) {
        let ranks = self.layers.iter().map(|layer| {
            let (_, ranks) = wrapper.layer(layer.matrix.layer)?;
            Some(ranks[layer.watched()].to_vec())
        });
        let ranks: Option<_> = ranks.collect();
        self.previous_sync = ranks.map(|ranks| PreviousSync { step: last_sync, ranks });
    }

    /// Takes a frame of the current weights, after `step` and before the sync that may follow it.
    /// `last_sync` is the step of the latest sync. Right after a sync, when no weight has moved
    /// yet, the frame shows what that sync did.
    pub(in crate::train) fn take(
        &mut self,
        step: u64,
        last_sync: u64,
        learner: &mut Learner,
        wrapper: &dyn Wrapper,
    ) -> Frame {
        self.last = Some(Instant::now());
        self.newest = Some(step);
        let synced = self.previous_sync.as_ref().filter(|_| step == last_sync);
        let parameters: Vec<_> = self.layers.iter().map(|layer| layer.matrix.parameter).collect();
        let frames: Vec<LayerFrame> = learner.show(&parameters, |values| {
            let layers = self.layers.par_iter().zip(values).enumerate();
            let frame = |(index, (layer, values)): (usize, (&FrameLayer, &Vec<f32>))| {
                let previous = synced.map(|synced| &synced.ranks[index]);
                layer.frame(values, previous, wrapper)
            };
            layers.map(frame).collect()
        });
        let since = match (synced, wrapper.permutes()) {
            (Some(previous), _) => previous.step,
            (None, true) => last_sync,
            (None, false) => self.since,
        };
        self.since = step;
        for (layer, frame) in self.layers.iter_mut().zip(&frames) {
            layer.before.clone_from(&frame.after);
        }
        Frame { since, layers: frames }
    }
}

/// Which weights of a small layer with zeros are connections: those that are not zero or, under
/// LaPerm, would not be zero after a sync.
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

/// The name of the watched vector's ranking in a checkpoint.
fn array_name(matrix: &WeightMatrix) -> String {
    format!("watched/{}", matrix.layer)
}

fn initial_profile(values: &[f32], length: usize) -> Vec<f32> {
    let profile = Profile::of(values, length, PROFILE_POINTS, PROFILE_VECTORS);
    profile.bands.into_iter().nth(2).unwrap_or_default()
}
