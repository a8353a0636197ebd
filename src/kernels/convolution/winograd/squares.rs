//! Squares of pixels, transformed and back, several channels at a time.

use std::{marker::PhantomData, ops::Range};

use pulp::{Simd, WithSimd};

use super::{
    POINTS, SIDE,
    tiles::{Layout, Tiles},
    transforms::{Line, square},
};

/// Transforms squares of `N` by `N` pixels.
pub struct Transform<'a, L, const N: usize> {
    pub line: PhantomData<L>,
    pub tiles: Tiles,
    /// The squares to transform.
    pub range: Range<usize>,
    pub images: &'a [f32],
    /// A whole number of vectors.
    pub channels: usize,
    pub transformed: &'a mut [f32],
    pub layout: Layout,
    /// For each channel, the sum of its pixels is added here.
    pub sums: Option<&'a mut [f32]>,
}

impl<L: Line<N, SIDE>, const N: usize> WithSimd for Transform<'_, L, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        assert!(self.channels.is_multiple_of(S::F32_LANES));
        let zeros = vec![0.0; self.channels];
        for (index, tile) in self.range.enumerate() {
            let mut pixels = [[zeros.as_ptr(); N]; N];
            let places = self.tiles.pixels::<N>(tile, self.channels);
            for (pixel, place) in pixels.as_flattened_mut().iter_mut().zip(places.as_flattened()) {
                if let Some(place) = *place {
                    *pixel = self.images[place..][..self.channels].as_ptr();
                }
            }
            for channel in (0..self.channels).step_by(S::F32_LANES) {
                // SAFETY: there are `channels` numbers at each pixel.
                let pixels = unsafe { read_pixels(simd, &pixels, channel) };
                if let Some(sums) = &mut self.sums {
                    add(simd, &pixels, &mut sums[channel..][..S::F32_LANES]);
                }
                let points = square::<S, L, N, SIDE>(simd, pixels);
                let to = &mut self.transformed[self.layout.place(index, channel)..];
                write_points::<S>(points, to, self.layout.point);
            }
        }
    }
}

/// Makes squares of `N` by `N` pixels of transformed ones.
pub struct Collect<'a, L, const N: usize> {
    pub line: PhantomData<L>,
    pub transformed: &'a [f32],
    pub layout: Layout,
    pub tiles: Tiles,
    /// The squares to make.
    pub range: Range<usize>,
    pub outputs: &'a mut [f32],
    /// A whole number of vectors.
    pub channels: usize,
    /// What the pixels are added to.
    pub onto: Onto<'a>,
    /// Whether negative outputs become zero.
    pub relu: bool,
}

/// What pixels are added to.
#[derive(Clone, Copy)]
pub enum Onto<'a> {
    /// A number for each channel.
    Bias(&'a [f32]),
    /// What is there already: squares overlap.
    Pixels,
}

impl<L: Line<SIDE, N>, const N: usize> WithSimd for Collect<'_, L, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        assert!(self.channels.is_multiple_of(S::F32_LANES));
        let mut beyond = vec![0.0; self.channels];
        let beyond = beyond.as_mut_ptr();
        let (outputs, length) = (self.outputs.as_mut_ptr(), self.outputs.len());
        for (index, tile) in self.range.enumerate() {
            let mut pixels = [[beyond; N]; N];
            let places = self.tiles.pixels::<N>(tile, self.channels);
            for (pixel, place) in pixels.as_flattened_mut().iter_mut().zip(places.as_flattened()) {
                if let Some(place) = *place {
                    assert!(place + self.channels <= length);
                    // SAFETY: just asserted.
                    *pixel = unsafe { outputs.add(place) };
                }
            }
            for channel in (0..self.channels).step_by(S::F32_LANES) {
                let from = &self.transformed[self.layout.place(index, channel)..];
                let points = read_points(simd, from, self.layout.point);
                let mut square = square::<S, L, SIDE, N>(simd, points);
                match self.onto {
                    Onto::Bias(bias) => {
                        let bias = simd.partial_load_f32s(&bias[channel..][..S::F32_LANES]);
                        for output in square.as_flattened_mut() {
                            *output = simd.add_f32s(*output, bias);
                        }
                    }
                    // SAFETY: there are `channels` numbers at each pixel.
                    Onto::Pixels => unsafe { add_pixels(simd, &mut square, &pixels, channel) },
                }
                if self.relu {
                    let zero = simd.splat_f32s(0.0);
                    for output in square.as_flattened_mut() {
                        // What is not a number stays so, to be noticed at the end.
                        *output =
                            simd.select_f32s(simd.less_than_f32s(*output, zero), zero, *output);
                    }
                }
                // SAFETY: as above.
                unsafe { write_pixels::<S, N>(square, &pixels, channel) };
            }
        }
    }
}

/// Adds some channels of a square of pixels to `values`.
///
/// # Safety
/// A vector can be read from each of `pixels`, beginning with `channel`.
#[inline(always)]
unsafe fn add_pixels<S: Simd, const N: usize>(
    simd: S,
    values: &mut [[S::f32s; N]; N],
    pixels: &[[*mut f32; N]; N],
    channel: usize,
) {
    for (value, pixel) in values.as_flattened_mut().iter_mut().zip(pixels.as_flattened()) {
        // SAFETY: the caller promises that it is there.
        let before = unsafe { pixel.add(channel).cast::<S::f32s>().read_unaligned() };
        *value = simd.add_f32s(*value, before);
    }
}

/// Some channels of a square of pixels.
///
/// # Safety
/// A vector can be read from each of `pixels`, beginning with `channel`.
#[inline(always)]
unsafe fn read_pixels<S: Simd, const N: usize>(
    simd: S,
    pixels: &[[*const f32; N]; N],
    channel: usize,
) -> [[S::f32s; N]; N] {
    let mut values = [[simd.splat_f32s(0.0); N]; N];
    for (value, pixel) in values.as_flattened_mut().iter_mut().zip(pixels.as_flattened()) {
        // SAFETY: the caller promises that it is there.
        *value = unsafe { pixel.add(channel).cast::<S::f32s>().read_unaligned() };
    }
    values
}

/// Stores some channels of a square of pixels.
///
/// # Safety
/// A vector can be written to each of `pixels`, beginning with `channel`.
#[inline(always)]
unsafe fn write_pixels<S: Simd, const N: usize>(
    values: [[S::f32s; N]; N],
    pixels: &[[*mut f32; N]; N],
    channel: usize,
) {
    for (value, pixel) in values.as_flattened().iter().zip(pixels.as_flattened()) {
        // SAFETY: the caller promises that it is there.
        unsafe { pixel.add(channel).cast::<S::f32s>().write_unaligned(*value) };
    }
}

/// Some channels of all points of a square, `distance` numbers from one to the next.
#[inline(always)]
pub fn read_points<S: Simd>(simd: S, from: &[f32], distance: usize) -> [[S::f32s; SIDE]; SIDE] {
    assert!((POINTS - 1) * distance + S::F32_LANES <= from.len());
    let mut points = [[simd.splat_f32s(0.0); SIDE]; SIDE];
    for (index, point) in points.as_flattened_mut().iter_mut().enumerate() {
        // SAFETY: just asserted for the last point.
        *point = unsafe { from.as_ptr().add(index * distance).cast::<S::f32s>().read_unaligned() };
    }
    points
}

/// Stores some channels of all points of a square, `distance` numbers from one to the next.
#[inline(always)]
pub fn write_points<S: Simd>(points: [[S::f32s; SIDE]; SIDE], to: &mut [f32], distance: usize) {
    assert!((POINTS - 1) * distance + S::F32_LANES <= to.len());
    for (index, point) in points.as_flattened().iter().enumerate() {
        // SAFETY: just asserted for the last point.
        unsafe { to.as_mut_ptr().add(index * distance).cast::<S::f32s>().write_unaligned(*point) };
    }
}

/// Adds all vectors of a square to `sums`, which is as long.
#[inline(always)]
fn add<S: Simd, const N: usize>(simd: S, square: &[[S::f32s; N]; N], sums: &mut [f32]) {
    let mut total = simd.splat_f32s(0.0);
    for &value in square.as_flattened() {
        total = simd.add_f32s(total, value);
    }
    let before = simd.partial_load_f32s(sums);
    simd.partial_store_f32s(sums, simd.add_f32s(before, total));
}
