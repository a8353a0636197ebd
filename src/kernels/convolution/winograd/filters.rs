//! Filters transformed, and the gradient of filters back.

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::{
    POINTS, REACH, SIDE, Way, Winograd,
    squares::read_points,
    transforms::{Half, Weights, WeightsGradient},
};
use crate::kernels::multiply::Tile;

/// How all filters lie transformed, for each point as packed by [`Pack`](crate::kernels::multiply::Pack):
/// `[points][panels][channels][width of the tile]`.
#[derive(Clone, Copy)]
pub struct Filters {
    /// Panels of filters.
    panels: usize,
    /// Filters of a panel.
    width: usize,
    /// Numbers of a point.
    size: usize,
    /// From one point to the next.
    distance: usize,
}

impl Filters {
    /// Numbers in all.
    pub fn numbers(&self) -> usize {
        POINTS * self.distance
    }

    /// Those of a point.
    pub fn at<'a>(&self, transformed: &'a [f32], point: usize) -> &'a [f32] {
        &transformed[point * self.distance..][..self.size]
    }
}

/// From one point to the next for so many rows of `width` numbers: an odd number of rows, so that points lie in different
/// sets of a cache.
pub fn distance(rows: usize, width: usize) -> usize {
    (rows | 1) * width
}

impl Winograd {
    /// How filters lie when they are transformed.
    pub(super) fn filters(&self) -> Filters {
        let width = Tile::of(self.set).width;
        // The last vector of a row may be of no filter.
        let panels = self.output.depth().div_ceil(width);
        let rows = panels * self.input.depth();
        Filters { panels, width, size: rows * width, distance: distance(rows, width) }
    }

    /// How many numbers the weights are when they are [packed](Self::pack).
    pub fn packed(&self) -> usize {
        self.filters().numbers()
    }

    /// Transforms all filters.
    pub fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let (channels, filters) = (self.input.depth(), self.output.depth());
        let Filters { panels: count, width, size, distance } = self.filters();
        let taps = self.kernel[0] * self.kernel[1];
        let lattices = |count| (0..count).map(|lattice| self.taps(lattice)).collect::<Vec<_>>();
        let (of_channels, of_filters) =
            (lattices(self.input.count()), lattices(self.output.count()));
        let mut panels: Vec<_> = (0..count).map(|_| Vec::with_capacity(POINTS)).collect();
        for point in packed.chunks_exact_mut(distance) {
            let parts = point[..size].chunks_exact_mut(channels * width);
            panels.iter_mut().zip(parts).for_each(|(panel, part)| panel.push(part));
        }
        panels.into_par_iter().enumerate().for_each(|(panel, points)| {
            let first = panel * width;
            let (lattice, first) = (first / self.output.channels, first % self.output.channels);
            let (lattices, filter_distance, channel_distance) = match self.way {
                Way::Forward => (&of_channels[..], self.input.channels * taps, taps),
                Way::Turned | Way::Transposed => {
                    (&of_filters[lattice..=lattice], taps, self.output.channels * taps)
                }
            };
            self.set.run(Panel {
                weights: &weights[first * filter_distance..],
                filter_distance,
                channel_distance,
                lattices,
                channels: self.input.channels,
                filters: width.min(filters),
                width,
                points,
            });
        });
    }
}

/// For each pixel of a lattice that a filter reaches, the place of its weight among those of the filter and a channel.
type Taps = [Option<usize>; REACH * REACH];

/// Transforms as many filters as a tile is wide.
struct Panel<'a> {
    weights: &'a [f32],
    /// From one filter to the next.
    filter_distance: usize,
    /// From one channel to the next.
    channel_distance: usize,
    /// For each lattice of channels, the places of its weights.
    lattices: &'a [Taps],
    /// Channels of a lattice.
    channels: usize,
    /// Filters to transform, as many as fill vectors.
    filters: usize,
    width: usize,
    /// For each point, `[lattices][channels][width]`.
    points: Vec<&'a mut [f32]>,
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut half = Half::new(simd);
        for row in 0..self.lattices.len() * self.channels {
            let (places, channel) = (&self.lattices[row / self.channels], row % self.channels);
            for first in (0..self.filters).step_by(S::F32_LANES) {
                let mut taps = [[simd.splat_f32s(0.0); REACH]; REACH];
                let numbers: &mut [f32] = bytemuck::cast_slice_mut(taps.as_flattened_mut());
                for lane in 0..S::F32_LANES {
                    let from =
                        (first + lane) * self.filter_distance + channel * self.channel_distance;
                    let weights = &self.weights[from..];
                    for (tap, place) in places.iter().enumerate() {
                        if let Some(place) = *place {
                            numbers[tap * S::F32_LANES + lane] = weights[place];
                        }
                    }
                }
                for column in 0..REACH {
                    let mut values = [simd.splat_f32s(0.0); REACH];
                    for (value, taps) in values.iter_mut().zip(&taps) {
                        *value = taps[column];
                    }
                    half.column::<S, Weights>(simd, column, values);
                }
                let points = self.points.chunks_exact_mut(SIDE);
                for (line, points) in points.enumerate() {
                    let values = half.row::<S, Weights>(simd, line);
                    for (point, value) in points.iter_mut().zip(values) {
                        let to = &mut point[row * self.width + first..][..S::F32_LANES];
                        simd.partial_store_f32s(to, value);
                    }
                }
            }
        }
    }
}

/// Makes the gradient of as many filters as a tile is wide of the sums at all points.
pub struct FiltersGradient<'a> {
    /// `[points][lattices][channels][width]`
    pub sums: &'a [f32],
    /// From one point to the next.
    pub distance: usize,
    /// For each lattice of channels, the places of its weights.
    pub lattices: &'a [Taps],
    /// Channels of a lattice.
    pub channels: usize,
    pub width: usize,
    /// `[width][channels][height of a filter][width of a filter]`
    pub gradient: &'a mut [f32],
}

impl WithSimd for FiltersGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.lattices.len() * self.channels;
        let taps = self.gradient.len() / (self.channels * self.width);
        let mut half = Half::new(simd);
        for row in 0..rows {
            let (places, channel) = (&self.lattices[row / self.channels], row % self.channels);
            for first in (0..self.width).step_by(S::F32_LANES) {
                let sums = &self.sums[row * self.width + first..];
                read_points::<S, WeightsGradient, REACH>(simd, sums, self.distance, &mut half);
                let mut square = [[simd.splat_f32s(0.0); REACH]; REACH];
                for (line, square) in square.iter_mut().enumerate() {
                    *square = half.row::<S, WeightsGradient>(simd, line);
                }
                let numbers: &[f32] = bytemuck::cast_slice(square.as_flattened());
                for lane in 0..S::F32_LANES {
                    let to = ((first + lane) * self.channels + channel) * taps;
                    let gradient = &mut self.gradient[to..][..taps];
                    for (tap, place) in places.iter().enumerate() {
                        if let Some(place) = *place {
                            gradient[place] = numbers[tap * S::F32_LANES + lane];
                        }
                    }
                }
            }
        }
    }
}
