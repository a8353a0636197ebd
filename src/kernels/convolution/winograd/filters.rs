//! Transforms filters, and the gradient of transformed filters back.

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::{
    POINTS, Pass, REACH, SIDE, Winograd,
    squares::read_points,
    transforms::{Half, Weights, WeightsGradient},
};
use crate::kernels::multiply::Tile;

/// Layout of all transformed filters: at each point they are packed as by
/// [`Pack`](crate::kernels::multiply::Pack), so `[points][panels][channels][panel width]`.
#[derive(Clone, Copy)]
pub(super) struct Filters {
    /// Number of panels.
    panels: usize,
    /// Filters per panel.
    width: usize,
    /// Values at one point.
    size: usize,
    /// Distance between points.
    stride: usize,
}

impl Filters {
    /// Number of values, gaps between points included.
    pub(super) fn numbers(&self) -> usize {
        POINTS * self.stride
    }

    /// The filters at one point.
    pub(super) fn at<'a>(&self, transformed: &'a [f32], point: usize) -> &'a [f32] {
        &transformed[point * self.stride..][..self.size]
    }
}

/// Distance between points that have `rows` rows of `width` values each. It is an odd number of
/// rows, so that points lie in different sets of a cache.
pub(super) fn point_stride(rows: usize, width: usize) -> usize {
    (rows | 1) * width
}

impl Winograd {
    /// Layout of the transformed filters.
    pub(super) fn filters(&self) -> Filters {
        let width = Tile::of(self.set).width;
        // The last panel may be partly unused.
        let panels = self.output.depth().div_ceil(width);
        let rows = panels * self.input.depth();
        Filters { panels, width, size: rows * width, stride: point_stride(rows, width) }
    }

    /// Number of values of [packed](Self::pack) weights.
    pub(crate) fn packed_len(&self) -> usize {
        self.filters().numbers()
    }

    /// Transforms all filters.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let (channels, filters) = (self.input.depth(), self.output.depth());
        let Filters { panels: count, width, size, stride } = self.filters();
        let taps = self.kernel[0] * self.kernel[1];
        let lattices = |count| (0..count).map(|lattice| self.taps(lattice)).collect::<Vec<_>>();
        let (of_channels, of_filters) =
            (lattices(self.input.count()), lattices(self.output.count()));
        let mut panels: Vec<_> = (0..count).map(|_| Vec::with_capacity(POINTS)).collect();
        for point in packed.chunks_exact_mut(stride) {
            let parts = point[..size].chunks_exact_mut(channels * width);
            panels.iter_mut().zip(parts).for_each(|(panel, part)| panel.push(part));
        }
        panels.into_par_iter().enumerate().for_each(|(panel, points)| {
            let first = panel * width;
            let (lattice, first) = (first / self.output.channels, first % self.output.channels);
            let (lattices, filter_stride, channel_stride) = match self.pass {
                Pass::Forward => (&of_channels[..], self.input.channels * taps, taps),
                Pass::Rotated | Pass::Transposed => {
                    (&of_filters[lattice..=lattice], taps, self.output.channels * taps)
                }
            };
            self.set.run(Panel {
                weights: &weights[first * filter_stride..],
                filter_stride,
                channel_stride,
                lattices,
                channels: self.input.channels,
                filters: width.min(filters),
                width,
                points,
            });
        });
    }
}

/// For each pixel of a lattice under a filter, the offset of its weight in
/// `[kernel height][kernel width]`; `None` if the filter has no weight there.
type Taps = [Option<usize>; REACH * REACH];

/// Transforms the filters of one panel.
struct Panel<'a> {
    weights: &'a [f32],
    /// Distance between filters in `weights`.
    filter_stride: usize,
    /// Distance between channels in `weights`.
    channel_stride: usize,
    /// Offsets of the weights for each lattice of channels.
    lattices: &'a [Taps],
    /// Channels of one lattice.
    channels: usize,
    /// Filters to transform: whole vectors.
    filters: usize,
    width: usize,
    /// `[lattices][channels][panel width]` for each point.
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
                    let from = (first + lane) * self.filter_stride + channel * self.channel_stride;
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

/// Transforms the sums of one panel at all points to the gradient of its filters.
pub(super) struct FiltersGradient<'a> {
    /// `[points][lattices][channels][panel width]`
    pub sums: &'a [f32],
    /// Distance between points.
    pub stride: usize,
    /// Offsets of the weights for each lattice of channels.
    pub lattices: &'a [Taps],
    /// Channels of one lattice.
    pub channels: usize,
    pub width: usize,
    /// `[panel width][channels][kernel height][kernel width]`
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
                read_points::<S, WeightsGradient, REACH>(simd, sums, self.stride, &mut half);
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
