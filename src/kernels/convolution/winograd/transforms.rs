//! Transforms of one line of a tile, and of a tile by its columns and then its rows.
//!
//! They are Toom-Cook multiplication. Take the four values of a line of an output tile and the
//! three weights of a filter's line as coefficients of polynomials. Their product has degree five,
//! so it is determined by its values at 0, ±[`A`], ±[`B`] and, through its leading coefficient, at
//! infinity. [`OutputsGradient`] and [`Weights`] evaluate the factors at these points;
//! [`ImagesGradient`] interpolates the product, whose six coefficients are the gradient of a line
//! of six pixels. The transforms of the other passes are the transposes of these three.
//!
//! With these points, rounding errors are about a third of those with the usual 0, ±1, ±2.

use pulp::Simd;

use crate::kernels::multiply::multiply_add;

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// Scales of a filter's values at 0, ±[`A`] and ±[`B`], from Lagrange interpolation: the inverse
/// product of the differences between a point and all other finite points.
const SCALE_0: f32 = 1.0 / (A2 * B2);
const SCALE_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const SCALE_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// A linear transform of one line.
pub(super) trait Line<const FROM: usize, const TO: usize> {
    fn line<S: Simd>(simd: S, line: [S::f32s; FROM]) -> [S::f32s; TO];
}

#[inline(always)]
fn times<S: Simd>(simd: S, factor: f32, value: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.splat_f32s(factor), value)
}

/// Returns `sum` + `factor` * `value`.
#[inline(always)]
fn plus<S: Simd>(simd: S, sum: S::f32s, factor: f32, value: S::f32s) -> S::f32s {
    multiply_add(simd, simd.splat_f32s(factor), value, sum)
}

/// Returns the sum and the difference.
#[inline(always)]
fn both<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> [S::f32s; 2] {
    [simd.add_f32s(a, b), simd.sub_f32s(a, b)]
}

/// Transforms six pixels.
pub(super) struct Images;

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

/// Transforms the gradients of six transformed pixels to those of the pixels. Transpose of
/// [`Images`].
pub(super) struct ImagesGradient;

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

/// Transforms three weights.
pub(super) struct Weights;

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

/// Transforms six products to four sums.
pub(super) struct Outputs;

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

/// Transforms the gradients of four sums to those of the six products. Transpose of [`Outputs`].
pub(super) struct OutputsGradient;

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

/// Transforms the gradients of six transformed weights to those of the three weights. Transpose of
/// [`Weights`].
pub(super) struct WeightsGradient;

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

/// A tile of vectors whose columns are transformed and whose rows are not.
///
/// It has more vectors than there are registers. The alignment keeps each of them within one cache
/// line: a vector across two lines takes twice as long to access, and its store cannot be forwarded
/// to a load that follows.
#[repr(align(64))]
pub(super) struct Half<V, const FROM: usize, const TO: usize>([[V; FROM]; TO]);

impl<V: Copy, const FROM: usize, const TO: usize> Half<V, FROM, TO> {
    /// Allocates a tile. It is reused for one tile after another, because filling it with zeros
    /// takes as long as a large part of a transform.
    #[inline(always)]
    pub(super) fn new<S: Simd<f32s = V>>(simd: S) -> Self {
        Half([[simd.splat_f32s(0.0); FROM]; TO])
    }

    /// Transforms a column.
    #[inline(always)]
    pub(super) fn column<S: Simd<f32s = V>, L: Line<FROM, TO>>(
        &mut self,
        simd: S,
        column: usize,
        values: [V; FROM],
    ) {
        for (row, value) in self.0.iter_mut().zip(L::line(simd, values)) {
            row[column] = value;
        }
    }

    /// Transforms a row. All columns must be transformed.
    #[inline(always)]
    pub(super) fn row<S: Simd<f32s = V>, L: Line<FROM, TO>>(&self, simd: S, row: usize) -> [V; TO] {
        L::line(simd, self.0[row])
    }
}
