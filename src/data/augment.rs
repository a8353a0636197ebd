//! Augmentation: small random changes of an image that do not change its class.
//!
//! All changes are combined in one affine map about the image's centre with bilinear sampling.
//! Outside the image, the nearest pixel is repeated. The factors and their order are those of
//! Keras's image generator, which the paper's experiments use.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::ImageShape;
use crate::instructions::{InstructionSet, vectorized};

/// Limits of the random changes of an image. By default nothing is changed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Maximum rotation in either direction, in degrees, 0 to 180. Default: 0.
    pub rotation: f32,
    /// Maximum change of the scale, as a fraction, 0 to 0.99; rows and columns are scaled
    /// independently. Default: 0.
    pub zoom: f32,
    /// Maximum shift in either direction, as a fraction of the height and of the width, 0 to 1.
    /// Default: 0.
    pub shift: f32,
    /// Whether to flip images horizontally with probability 1/2. Default: false.
    pub flip: bool,
}

impl Augmentation {
    /// Returns true if images are not changed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Writes a randomly changed `image` (`[channel, row, column]`) to `out`.
    ///
    /// # Panics
    /// When `image` or `out` does not have the given `shape`.
    pub fn apply(&self, random: &mut impl Rng, image: &[f32], shape: ImageShape, out: &mut [f32]) {
        self.draw(random, shape).sample(image, shape, out);
    }

    /// Draws the changes of one image. A factor is drawn even if its limit is 0, so that raising
    /// the limit does not change the other factors.
    fn draw(&self, random: &mut impl Rng, shape: ImageShape) -> AffineMap {
        let mut around_zero = |limit: f32| limit * random.random_range(-1.0_f32..=1.0);
        let angle = around_zero(self.rotation).to_radians();
        let zoom = [around_zero(self.zoom), around_zero(self.zoom)].map(|factor| 1.0 + factor);
        let down = around_zero(self.shift) * shape.height as f32;
        let right = around_zero(self.shift) * shape.width as f32;
        let mirrored = random.random::<bool>() && self.flip;
        AffineMap::new(angle, zoom, [down, right], mirrored)
    }
}

/// Map from a pixel of the result to its position in the original, both as (row, column) relative
/// to the image's centre: `from = matrix · to + offset`.
#[derive(Debug, Clone, Copy)]
struct AffineMap {
    matrix: [[f32; 2]; 2],
    offset: [f32; 2],
}

impl AffineMap {
    /// Zooms, shifts, then rotates by `angle` (radians), in Keras's order: the offset is rotated,
    /// too.
    fn new(angle: f32, zoom: [f32; 2], shift: [f32; 2], mirrored: bool) -> Self {
        let (sin, cos) = angle.sin_cos();
        let columns = if mirrored { -zoom[1] } else { zoom[1] };
        Self {
            matrix: [[cos * zoom[0], -sin * columns], [sin * zoom[0], cos * columns]],
            offset: [sin * shift[1] - cos * shift[0], -sin * shift[0] - cos * shift[1]],
        }
    }

    fn sample(&self, image: &[f32], shape: ImageShape, out: &mut [f32]) {
        assert_eq!(image.len(), shape.elements(), "an image of shape {shape}");
        assert_eq!(out.len(), shape.elements(), "space for an image of shape {shape}");
        let ImageShape { height, width, .. } = shape;
        let set = InstructionSet::current();
        let [mut rows, mut columns] = [Neighbours::new(width), Neighbours::new(width)];
        let mut around = vec![[0.0; 4]; width];
        for row in 0..height {
            rows.find(set, self.line(0, row, shape), [height, width]);
            columns.find(set, self.line(1, row, shape), [width, 1]);
            let planes = image.chunks_exact(height * width);
            for (plane, out) in planes.zip(out.chunks_exact_mut(height * width)) {
                rows.gather(&columns, plane, &mut around);
                let out = &mut out[row * width..][..width];
                blend(set, &around, &rows.fraction, &columns.fraction, out);
            }
        }
    }

    /// Returns the positions of a row's pixels in the original, along one axis.
    fn line(&self, axis: usize, row: usize, shape: ImageShape) -> Line {
        let [by_row, by_column] = self.matrix[axis];
        let centre = [shape.height, shape.width].map(|size| (size as f32 - 1.0) / 2.0);
        Line {
            start: by_row * (row as f32 - centre[0]),
            step: by_column,
            offset: self.offset[axis],
            centre: centre[axis],
            middle: centre[1],
        }
    }
}

/// Positions of a row's pixels in the original, along one axis: pixel x is at
/// `start + step · (x - middle) + offset + centre`.
#[derive(Debug, Clone, Copy)]
struct Line {
    start: f32,
    step: f32,
    offset: f32,
    centre: f32,
    middle: f32,
}

/// For each pixel of a row, along one axis: the two pixels around its position in the original, and
/// the position's distance from the first as a fraction of that between the two.
struct Neighbours {
    first: Vec<u32>,
    second: Vec<u32>,
    fraction: Vec<f32>,
}

impl Neighbours {
    fn new(width: usize) -> Self {
        Neighbours { first: vec![0; width], second: vec![0; width], fraction: vec![0.0; width] }
    }

    /// Finds the neighbours along an axis of `size` pixels, which are `stride` values apart.
    fn find(&mut self, set: InstructionSet, line: Line, [size, stride]: [usize; 2]) {
        let Neighbours { first, second, fraction } = self;
        neighbours(set, line, size as u32, stride as u32, first, second, fraction);
    }

    /// Reads the pixels above left, above right, below left and below right of each position.
    /// `self` has the rows.
    fn gather(&self, columns: &Neighbours, plane: &[f32], around: &mut [[f32; 4]]) {
        let rows = self.first.iter().zip(&self.second);
        let columns = columns.first.iter().zip(&columns.second);
        for (((above, below), (left, right)), around) in rows.zip(columns).zip(around) {
            let pixels = [above + left, above + right, below + left, below + right];
            *around = pixels.map(|pixel| plane[pixel as usize]);
        }
    }
}

vectorized! {
    fn neighbours<'a>(
        line: Line,
        size: u32,
        stride: u32,
        first: &'a mut [u32],
        second: &'a mut [u32],
        fraction: &'a mut [f32],
    ) {
        let Line { start, step, offset, centre, middle } = line;
        let neighbours = first.iter_mut().zip(second).zip(fraction).enumerate();
        for (x, ((first, second), fraction)) in neighbours {
            let position = start + step * (x as f32 - middle) + offset + centre;
            let inside = position.clamp(0.0, size as f32 - 1.0);
            let pixel = whole(inside).min(size - 1);
            *first = pixel * stride;
            *second = (pixel + 1).min(size - 1) * stride;
            *fraction = inside - pixel as f32;
        }
    }
}

/// Returns the integer part of a number from 0 to 2^23. A cast would be slower, because it checks
/// each number for overflow.
#[inline(always)]
fn whole(number: f32) -> u32 {
    /// The smallest number whose last bit has the value 1.
    const FROM: f32 = (1 << 23) as f32;
    let rounded = number + FROM;
    let up = rounded - FROM > number;
    rounded.to_bits().wrapping_sub(FROM.to_bits() + u32::from(up))
}

vectorized! {
    /// Interpolates bilinearly between the four pixels around each position.
    fn blend<'a>(around: &'a [[f32; 4]], down: &'a [f32], along: &'a [f32], out: &'a mut [f32]) {
        for (((out, pixels), down), along) in out.iter_mut().zip(around).zip(down).zip(along) {
            let top = between(pixels[0], pixels[1], *along);
            let bottom = between(pixels[2], pixels[3], *along);
            *out = between(top, bottom, *down);
        }
    }
}

#[inline(always)]
fn between(a: f32, b: f32, fraction: f32) -> f32 {
    a + (b - a) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    const SQUARE: ImageShape = ImageShape { channels: 1, height: 3, width: 3 };
    #[rustfmt::skip]
    const IMAGE: [f32; 9] = [
        1.0, 2.0, 3.0,
        4.0, 5.0, 6.0,
        7.0, 8.0, 9.0,
    ];

    fn mapped(map: AffineMap) -> [f32; 9] {
        let mut out = [f32::NAN; 9];
        map.sample(&IMAGE, SQUARE, &mut out);
        out
    }

    #[test]
    fn no_augmentation_gives_the_same_bits() {
        let shape = ImageShape { channels: 2, height: 4, width: 7 };
        let image: Vec<f32> = (0..shape.elements()).map(|i| (i as f32).sin()).collect();
        let mut out = vec![f32::NAN; shape.elements()];
        let mut random = stream(1, Purpose::Augmentation, 1, 0);
        assert!(Augmentation::default().is_none());
        Augmentation::default().apply(&mut random, &image, shape, &mut out);
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(&image));
    }

    #[test]
    fn whole_parts() {
        let below_one = 1.0 - f32::EPSILON / 2.0;
        let numbers = [0.0, below_one, 1.0, 1.5, 2.5, 27.0, 1_022.999_9, 8_388_607.5];
        assert_eq!(numbers.map(whole), numbers.map(|number| number as u32));
    }

    #[test]
    #[rustfmt::skip]
    fn a_shift_by_whole_pixels_repeats_the_edge() {
        let down_one_left_one = AffineMap::new(0.0, [1.0, 1.0], [1.0, -1.0], false);
        assert_eq!(mapped(down_one_left_one), [
            2.0, 3.0, 3.0,
            2.0, 3.0, 3.0,
            5.0, 6.0, 6.0,
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn a_shift_by_half_a_pixel_blends_two() {
        let half_right = AffineMap::new(0.0, [1.0, 1.0], [0.0, 0.5], false);
        assert_eq!(mapped(half_right), [
            1.0, 1.5, 2.5,
            4.0, 4.5, 5.5,
            7.0, 7.5, 8.5,
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn a_quarter_turn() {
        let turned = mapped(AffineMap::new(90_f32.to_radians(), [1.0, 1.0], [0.0, 0.0], false));
        assert_eq!(turned.map(f32::round), [
            7.0, 4.0, 1.0,
            8.0, 5.0, 2.0,
            9.0, 6.0, 3.0,
        ].map(|x: f32| x), "a pixel comes from a quarter turn away");
    }

    #[test]
    #[rustfmt::skip]
    fn a_mirror_swaps_left_and_right() {
        assert_eq!(mapped(AffineMap::new(0.0, [1.0, 1.0], [0.0, 0.0], true)), [
            3.0, 2.0, 1.0,
            6.0, 5.0, 4.0,
            9.0, 8.0, 7.0,
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn a_zoom_of_rows_leaves_columns_alone() {
        assert_eq!(mapped(AffineMap::new(0.0, [0.5, 1.0], [0.0, 0.0], false)), [
            2.5, 3.5, 4.5,
            4.0, 5.0, 6.0,
            5.5, 6.5, 7.5,
        ]);
    }

    proptest::proptest! {
        #[test]
        fn a_result_lies_between_the_image_s_extremes(
            seed: u64, rotation in 0_f32..360.0, zoom in 0_f32..0.9, shift in 0_f32..2.0, flip: bool,
        ) {
            let augmentation = Augmentation { rotation, zoom, shift, flip };
            let mut out = [f32::NAN; 9];
            let mut random = stream(seed, Purpose::Augmentation, 1, 0);
            augmentation.apply(&mut random, &IMAGE, SQUARE, &mut out);
            // Blending rounds: allow one unit in the last place.
            proptest::prop_assert!(out.iter().all(|x| (0.999_999..=9.000_001).contains(x)));
        }
    }
}
