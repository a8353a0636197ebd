//! Transforms tiles of pixels and back, one vector of channels at a time.

use std::{marker::PhantomData, ops::Range};

use pulp::{Simd, WithSimd};

use super::{
    POINTS, SIDE,
    tiles::{Layout, Tiles},
    transforms::{Half, Line},
};

/// Transforms tiles of `N` by `N` pixels.
pub(super) struct Transform<'a, L, const N: usize> {
    pub line: PhantomData<L>,
    pub tiles: Tiles,
    /// The tiles to transform.
    pub range: Range<usize>,
    pub images: &'a [f32],
    /// A multiple of the vector length.
    pub channels: usize,
    pub transformed: &'a mut [f32],
    pub layout: Layout,
    /// Per channel, the sum of the tiles' pixels is added here.
    pub sums: Option<&'a mut [f32]>,
}

impl<L: Line<N, SIDE>, const N: usize> WithSimd for Transform<'_, L, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        assert!(self.channels.is_multiple_of(S::F32_LANES));
        let (mut zeros, mut half) = (vec![0.0; self.channels], Half::new(simd));
        let elements = self.tiles.size[0] * self.tiles.size[1] * self.channels;
        for (index, tile) in self.range.enumerate() {
            let places = self.tiles.pixels::<N>(tile, self.channels);
            let image = &self.images[places.image * elements..][..elements];
            let pixels = places.at(image.as_ptr().cast_mut(), elements, zeros.as_mut_ptr());
            for channel in (0..self.channels).step_by(S::F32_LANES) {
                // SAFETY: `Pixels::at` points each pixel to `channels` values, in `image` or in
                // `zeros`, and `channel` plus a vector does not exceed `channels`, which is a
                // multiple of the vector length.
                let sum = unsafe { read_pixels::<S, L, N>(simd, &pixels, channel, &mut half) };
                if let Some(sums) = &mut self.sums {
                    let sums = &mut sums[channel..][..S::F32_LANES];
                    let before = simd.partial_load_f32s(sums);
                    simd.partial_store_f32s(sums, simd.add_f32s(before, sum));
                }
                let to = &mut self.transformed[self.layout.place(index, channel)..];
                write_points::<S, L, N>(simd, &half, to, self.layout.point);
            }
        }
    }
}

/// Transforms the columns of a tile for one vector of channels. Returns the sum of its pixels.
///
/// # Safety
/// From `channel` on, a vector must be readable at each of `pixels`.
#[inline(always)]
unsafe fn read_pixels<S: Simd, L: Line<N, SIDE>, const N: usize>(
    simd: S,
    pixels: &[[*mut f32; N]; N],
    channel: usize,
    half: &mut Half<S::f32s, N, SIDE>,
) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for column in 0..N {
        let mut values = [simd.splat_f32s(0.0); N];
        for (value, pixels) in values.iter_mut().zip(pixels) {
            // SAFETY: guaranteed by the caller.
            *value = unsafe { read::<S>(pixels[column], channel) };
            sum = simd.add_f32s(sum, *value);
        }
        half.column::<S, L>(simd, column, values);
    }
    sum
}

/// Transforms the rows of a tile and stores its values at all points, which are `stride` apart.
#[inline(always)]
fn write_points<S: Simd, L: Line<N, SIDE>, const N: usize>(
    simd: S,
    half: &Half<S::f32s, N, SIDE>,
    to: &mut [f32],
    stride: usize,
) {
    assert!((POINTS - 1) * stride + S::F32_LANES <= to.len());
    for row in 0..SIDE {
        for (column, value) in half.row::<S, L>(simd, row).into_iter().enumerate() {
            // SAFETY: the assertion above covers the last point, and with it all others.
            unsafe { write::<S>(to.as_mut_ptr(), (row * SIDE + column) * stride, value) };
        }
    }
}

/// Transforms values at all points back to tiles of `N` by `N` pixels.
pub(super) struct Collect<'a, L, const N: usize> {
    pub line: PhantomData<L>,
    pub transformed: &'a [f32],
    pub layout: Layout,
    pub tiles: Tiles,
    /// The tiles to compute.
    pub range: Range<usize>,
    pub outputs: &'a mut [f32],
    /// A multiple of the vector length.
    pub channels: usize,
    /// The values to which the pixels are added.
    pub onto: Onto<'a>,
    /// Whether negative outputs become zero.
    pub relu: bool,
}

/// Values to which pixels are added.
#[derive(Clone, Copy)]
pub(super) enum Onto<'a> {
    /// One value per channel.
    Bias(&'a [f32]),
    /// The pixels' previous values: tiles overlap.
    Pixels,
}

impl<L: Line<SIDE, N>, const N: usize> WithSimd for Collect<'_, L, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        assert!(self.channels.is_multiple_of(S::F32_LANES));
        let (mut beyond, mut half) = (vec![0.0; self.channels], Half::new(simd));
        let elements = self.tiles.size[0] * self.tiles.size[1] * self.channels;
        for (index, tile) in self.range.clone().enumerate() {
            let places = self.tiles.pixels::<N>(tile, self.channels);
            let image = self.outputs[places.image * elements..][..elements].as_mut_ptr();
            let pixels = places.at(image, elements, beyond.as_mut_ptr());
            for channel in (0..self.channels).step_by(S::F32_LANES) {
                let from = &self.transformed[self.layout.place(index, channel)..];
                read_points::<S, L, N>(simd, from, self.layout.point, &mut half);
                // SAFETY: `Pixels::at` points each pixel to `channels` values, in `image` or in
                // `beyond`, and `channel` plus a vector does not exceed `channels`, which is a
                // multiple of the vector length. Both are borrowed mutably here, and only these
                // pointers access them.
                unsafe { self.write_pixels(simd, &half, &pixels, channel) };
            }
        }
    }
}

impl<L: Line<SIDE, N>, const N: usize> Collect<'_, L, N> {
    /// Transforms the rows of a tile and stores one vector of channels of its pixels.
    ///
    /// # Safety
    /// From `channel` on, a vector must be readable and writable at each of `pixels`.
    #[inline(always)]
    unsafe fn write_pixels<S: Simd>(
        &self,
        simd: S,
        half: &Half<S::f32s, SIDE, N>,
        pixels: &[[*mut f32; N]; N],
        channel: usize,
    ) {
        let zero = simd.splat_f32s(0.0);
        for (row, pixels) in pixels.iter().enumerate() {
            for (value, &pixel) in half.row::<S, L>(simd, row).into_iter().zip(pixels) {
                let onto = match self.onto {
                    Onto::Bias(bias) => simd.partial_load_f32s(&bias[channel..][..S::F32_LANES]),
                    // SAFETY: guaranteed by the caller.
                    Onto::Pixels => unsafe { read::<S>(pixel, channel) },
                };
                let mut value = simd.add_f32s(value, onto);
                if self.relu {
                    // Keeps NaN, so that it reaches the loss and is noticed.
                    value = simd.select_f32s(simd.less_than_f32s(value, zero), zero, value);
                }
                // SAFETY: guaranteed by the caller.
                unsafe { write::<S>(pixel, channel, value) };
            }
        }
    }
}

/// Transforms the columns of a tile, read at all points, which are `stride` apart, for one vector
/// of channels.
#[inline(always)]
pub(super) fn read_points<S: Simd, L: Line<SIDE, N>, const N: usize>(
    simd: S,
    from: &[f32],
    stride: usize,
    half: &mut Half<S::f32s, SIDE, N>,
) {
    assert!((POINTS - 1) * stride + S::F32_LANES <= from.len());
    for column in 0..SIDE {
        let mut values = [simd.splat_f32s(0.0); SIDE];
        for (row, value) in values.iter_mut().enumerate() {
            // SAFETY: the assertion above covers the last point, and with it all others.
            *value = unsafe { read::<S>(from.as_ptr(), (row * SIDE + column) * stride) };
        }
        half.column::<S, L>(simd, column, values);
    }
}

/// Reads the vector at an offset.
///
/// # Safety
/// The vector must be readable there.
#[inline(always)]
unsafe fn read<S: Simd>(from: *const f32, place: usize) -> S::f32s {
    // SAFETY: guaranteed by the caller.
    unsafe { from.add(place).cast::<S::f32s>().read_unaligned() }
}

/// Stores a vector at an offset.
///
/// # Safety
/// The vector must be writable there.
#[inline(always)]
unsafe fn write<S: Simd>(to: *mut f32, place: usize, value: S::f32s) {
    // SAFETY: guaranteed by the caller.
    unsafe { to.add(place).cast::<S::f32s>().write_unaligned(value) };
}
