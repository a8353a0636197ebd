//! The transforms of one line, and of a square by its columns and then its rows.
//!
//! A polynomial of degree five is known by its values at 0, ±[`A`], ±[`B`] and, by its first coefficient, at infinity.
//! Images and filters are taken for the coefficients of such polynomials: the products of their values are the values of
//! the product, whose coefficients are the sums wanted. These points keep rounding errors about a third of those of the
//! usual 0, ±1, ±2.

use pulp::Simd;

use crate::kernels::multiply::multiply_add;

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// What the weights of a filter are divided by at 0, ±[`A`] and ±[`B`]: the product of the distances of a point to all others.
const SCALE_0: f32 = 1.0 / (A2 * B2);
const SCALE_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const SCALE_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// The transform of one line.
pub trait Line<const FROM: usize, const TO: usize> {
    fn line<S: Simd>(simd: S, line: [S::f32s; FROM]) -> [S::f32s; TO];
}

#[inline(always)]
fn times<S: Simd>(simd: S, factor: f32, value: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.splat_f32s(factor), value)
}

/// `sum` + `factor` times `value`.
#[inline(always)]
fn plus<S: Simd>(simd: S, sum: S::f32s, factor: f32, value: S::f32s) -> S::f32s {
    multiply_add(simd, simd.splat_f32s(factor), value, sum)
}

/// The sum and the difference.
#[inline(always)]
fn both<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> [S::f32s; 2] {
    [simd.add_f32s(a, b), simd.sub_f32s(a, b)]
}

/// Six pixels, transformed.
pub struct Images;

impl Line<6, 6> for Images {
    #[inline(always)]
    fn line<S: Simd>(simd: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
        let (even_a, odd_a) = (plus(simd, d[4], -B2, d[2]), plus(simd, d[3], -B2, d[1]));
        let (even_b, odd_b) = (plus(simd, d[4], -A2, d[2]), plus(simd, d[3], -A2, d[1]));
        [
            plus(simd, plus(simd, d[4], -A2 - B2, d[2]), A2 * B2, d[0]),
            plus(simd, even_a, A, odd_a),
            plus(simd, even_a, -A, odd_a),
            plus(simd, even_b, B, odd_b),
            plus(simd, even_b, -B, odd_b),
            plus(simd, plus(simd, d[5], -A2 - B2, d[3]), A2 * B2, d[1]),
        ]
    }
}

/// The gradients of six pixels, given those of the six transformed: [`Images`], transposed.
pub struct ImagesGradient;

impl Line<6, 6> for ImagesGradient {
    #[inline(always)]
    fn line<S: Simd>(simd: S, t: [S::f32s; 6]) -> [S::f32s; 6] {
        let ([even_a, odd_a], [even_b, odd_b]) = (both(simd, t[1], t[2]), both(simd, t[3], t[4]));
        let second = plus(simd, times(simd, A2 * B2, t[5]), -A * B2, odd_a);
        let third = plus(simd, times(simd, -A2 - B2, t[0]), -B2, even_a);
        let fourth = plus(simd, times(simd, -A2 - B2, t[5]), A, odd_a);
        [
            times(simd, A2 * B2, t[0]),
            plus(simd, second, -B * A2, odd_b),
            plus(simd, third, -A2, even_b),
            plus(simd, fourth, B, odd_b),
            simd.add_f32s(t[0], simd.add_f32s(even_a, even_b)),
            t[5],
        ]
    }
}

/// Three weights, transformed.
pub struct Weights;

impl Line<3, 6> for Weights {
    #[inline(always)]
    fn line<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; 6] {
        let even_a = plus(simd, times(simd, SCALE_A, g[0]), SCALE_A * A2, g[2]);
        let even_b = plus(simd, times(simd, SCALE_B, g[0]), SCALE_B * B2, g[2]);
        let [plus_a, minus_a] = both(simd, even_a, times(simd, SCALE_A * A, g[1]));
        let [plus_b, minus_b] = both(simd, even_b, times(simd, SCALE_B * B, g[1]));
        [times(simd, SCALE_0, g[0]), plus_a, minus_a, plus_b, minus_b, g[2]]
    }
}

/// Four sums out of six products.
pub struct Outputs;

impl Line<6, 4> for Outputs {
    #[inline(always)]
    fn line<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
        let ([even_a, odd_a], [even_b, odd_b]) = (both(simd, m[1], m[2]), both(simd, m[3], m[4]));
        [
            simd.add_f32s(m[0], simd.add_f32s(even_a, even_b)),
            plus(simd, times(simd, A, odd_a), B, odd_b),
            plus(simd, times(simd, A2, even_a), B2, even_b),
            plus(simd, plus(simd, m[5], A * A2, odd_a), B * B2, odd_b),
        ]
    }
}

/// The gradients of six products, given those of the four sums: [`Outputs`], transposed.
pub struct OutputsGradient;

impl Line<4, 6> for OutputsGradient {
    #[inline(always)]
    fn line<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
        let (even_a, even_b) = (plus(simd, y[0], A2, y[2]), plus(simd, y[0], B2, y[2]));
        let odd_a = plus(simd, times(simd, A, y[1]), A * A2, y[3]);
        let odd_b = plus(simd, times(simd, B, y[1]), B * B2, y[3]);
        let ([plus_a, minus_a], [plus_b, minus_b]) =
            (both(simd, even_a, odd_a), both(simd, even_b, odd_b));
        [y[0], plus_a, minus_a, plus_b, minus_b, y[3]]
    }
}

/// The gradients of three weights, given those of the six transformed: [`Weights`], transposed.
pub struct WeightsGradient;

impl Line<6, 3> for WeightsGradient {
    #[inline(always)]
    fn line<S: Simd>(simd: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
        let ([even_a, odd_a], [even_b, odd_b]) = (both(simd, u[1], u[2]), both(simd, u[3], u[4]));
        let first = plus(simd, times(simd, SCALE_0, u[0]), SCALE_A, even_a);
        let last = plus(simd, u[5], SCALE_A * A2, even_a);
        [
            plus(simd, first, SCALE_B, even_b),
            plus(simd, times(simd, SCALE_A * A, odd_a), SCALE_B * B, odd_b),
            plus(simd, last, SCALE_B * B2, even_b),
        ]
    }
}

/// A square of vectors half transformed: its columns are, its rows are not.
///
/// There are more vectors than registers. In memory each of them is in one line of the caches: two take as long again, and
/// a vector that was just written to two cannot be read back before both are there.
#[repr(align(64))]
pub struct Half<V, const FROM: usize, const TO: usize>([[V; FROM]; TO]);

impl<V: Copy, const FROM: usize, const TO: usize> Half<V, FROM, TO> {
    /// Nothing yet, but room for everything: for one square after the other, because to fill it with zeros takes as long
    /// as a good part of a transform.
    #[inline(always)]
    pub fn new<S: Simd<f32s = V>>(simd: S) -> Self {
        Half([[simd.splat_f32s(0.0); FROM]; TO])
    }

    /// Transforms a column.
    #[inline(always)]
    pub fn column<S: Simd<f32s = V>, L: Line<FROM, TO>>(
        &mut self,
        simd: S,
        column: usize,
        values: [V; FROM],
    ) {
        for (row, value) in self.0.iter_mut().zip(L::line(simd, values)) {
            row[column] = value;
        }
    }

    /// Transforms a row, all of whose columns are transformed.
    #[inline(always)]
    pub fn row<S: Simd<f32s = V>, L: Line<FROM, TO>>(&self, simd: S, row: usize) -> [V; TO] {
        L::line(simd, self.0[row])
    }
}
