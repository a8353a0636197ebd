//! Filters transformed, and the gradient of filters back.

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::{
    POINTS, SIDE, TAPS, Way, Winograd,
    squares::read_points,
    transforms::{Weights, WeightsGradient, square},
};
use crate::kernels::multiply::{Scratch, Tile};

impl Winograd {
    /// All filters, for each point as packed by [`Pack`](crate::kernels::multiply::Pack):
    /// `[points][panels][channels][width of the tile]`.
    pub(super) fn transform_filters(&self, weights: &[f32]) -> Scratch {
        let ([.., channels], [.., filters]) = (self.input, self.output);
        let width = Tile::of(self.set).width;
        let mut transformed = Scratch::new(POINTS * channels * filters);
        let mut panels: Vec<_> = (0..filters / width).map(|_| Vec::with_capacity(POINTS)).collect();
        for (index, part) in transformed.chunks_exact_mut(channels * width).enumerate() {
            panels[index % (filters / width)].push(part);
        }
        panels.into_par_iter().enumerate().for_each(|(panel, points)| {
            let first = panel * width;
            let (distance, channel_distance) = match self.way {
                Way::Forward => (channels * TAPS, TAPS),
                Way::Turned | Way::Transposed => (TAPS, filters * TAPS),
            };
            let weights = &weights[first * distance..];
            let turned = self.way == Way::Turned;
            self.set.run(Panel {
                weights,
                distance,
                channel_distance,
                turned,
                channels,
                width,
                points,
            });
        });
        transformed
    }
}

/// Transforms as many filters as a tile is wide.
struct Panel<'a> {
    weights: &'a [f32],
    /// From one filter to the next.
    distance: usize,
    /// From one channel to the next.
    channel_distance: usize,
    turned: bool,
    channels: usize,
    width: usize,
    /// For each point, `[channels][width]`.
    points: Vec<&'a mut [f32]>,
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for channel in 0..self.channels {
            for first in (0..self.width).step_by(S::F32_LANES) {
                let mut taps = [[simd.splat_f32s(0.0); 3]; 3];
                let numbers: &mut [f32] = bytemuck::cast_slice_mut(taps.as_flattened_mut());
                for lane in 0..S::F32_LANES {
                    let from = (first + lane) * self.distance + channel * self.channel_distance;
                    for (tap, weight) in self.weights[from..][..TAPS].iter().enumerate() {
                        let tap = if self.turned { TAPS - 1 - tap } else { tap };
                        numbers[tap * S::F32_LANES + lane] = *weight;
                    }
                }
                let values = square::<S, Weights, 3, SIDE>(simd, taps);
                for (point, value) in self.points.iter_mut().zip(values.as_flattened()) {
                    let to = &mut point[channel * self.width + first..][..S::F32_LANES];
                    simd.partial_store_f32s(to, *value);
                }
            }
        }
    }
}

/// Makes the gradient of as many filters as a tile is wide of the sums at all points.
pub struct FiltersGradient<'a> {
    /// `[points][channels][width]`
    pub sums: &'a [f32],
    pub channels: usize,
    pub width: usize,
    /// `[width][channels][3][3]`
    pub gradient: &'a mut [f32],
}

impl WithSimd for FiltersGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for channel in 0..self.channels {
            for first in (0..self.width).step_by(S::F32_LANES) {
                let sums = &self.sums[channel * self.width + first..];
                let points = read_points(simd, sums, self.channels * self.width);
                let taps = square::<S, WeightsGradient, SIDE, 3>(simd, points);
                let numbers: &[f32] = bytemuck::cast_slice(taps.as_flattened());
                for lane in 0..S::F32_LANES {
                    let to = ((first + lane) * self.channels + channel) * TAPS;
                    for (tap, gradient) in self.gradient[to..][..TAPS].iter_mut().enumerate() {
                        *gradient = numbers[tap * S::F32_LANES + lane];
                    }
                }
            }
        }
    }
}
