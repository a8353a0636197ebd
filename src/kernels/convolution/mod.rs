//! Convolution of images that lie channels last, `[batch, height, width, channels]`, with weights
//! `[filters, channels, kernel height, kernel width]`, and both of its gradients.

mod patches;
#[cfg(test)]
mod scalar;
#[cfg(test)]
mod tests;
mod walk;
mod weights_gradient;
mod whole;
mod winograd;

use super::{
    InstructionSet,
    multiply::{Pack, Scratch, Tile},
};
use walk::{Operands, Walk};
use weights_gradient::WeightsGradient;
use whole::Whole;
use winograd::Winograd;

/// The shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Images at once.
    pub batch: usize,
    /// Height, width and channels of an image.
    pub input: [usize; 3],
    /// Channels of an output.
    pub filters: usize,
    /// Height and width of a filter.
    pub kernel: [usize; 2],
    /// Pixels from one place of a filter to the next, in both directions.
    pub stride: usize,
    /// Zeros before and after the rows, and before and after the columns, of an image.
    pub padding: [(usize, usize); 2],
}

impl Convolution {
    /// Height, width and channels of an output.
    pub fn output(&self) -> [usize; 3] {
        let size = |axis: usize| {
            let (before, after) = self.padding[axis];
            let room = before + self.input[axis] + after;
            (room + self.stride).saturating_sub(self.kernel[axis]) / self.stride
        };
        [size(0), size(1), self.filters]
    }

    /// `outputs` = the convolution of `images` with `weights`, plus `bias` (one number per filter), negative numbers
    /// replaced by zero if `relu`.
    ///
    /// # Panics
    /// If the length of a slice is not that of the shape; so do the other methods.
    pub fn forward(
        &self,
        set: InstructionSet,
        images: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let Some(numbers) = self.packed(set) else {
            return self.forward_packed(set, images, weights, bias, relu, outputs);
        };
        let mut packed = Scratch::new(numbers);
        self.pack(set, weights, &mut packed);
        self.forward_packed(set, images, &packed, bias, relu, outputs);
    }

    /// How many numbers the weights are when they are [packed](Self::pack); `None` if they are taken as they are. So it is
    /// for any number of images.
    pub fn packed(&self, set: InstructionSet) -> Option<usize> {
        match self.method(set) {
            Method::Whole(_) => None,
            Method::Pixels(pixels) => pixels.packed(set),
            Method::Winograd(winograd) => Some(winograd.packed()),
            Method::Direct => Some(self.pack_by(&self.all_taps()).packed(Tile::of(set))),
        }
    }

    /// `packed` = the weights in the order and form in which outputs are made of them: for many batches, once.
    pub fn pack(&self, set: InstructionSet, weights: &[f32], packed: &mut [f32]) {
        self.check_weights(weights);
        match self.method(set) {
            Method::Whole(_) => packed.copy_from_slice(weights),
            Method::Pixels(pixels) => pixels.pack(set, weights, packed),
            Method::Winograd(winograd) => winograd.pack(weights, packed),
            Method::Direct => {
                self.pack_by(&self.all_taps()).pack_into(Tile::of(set), weights, packed);
            }
        }
    }

    /// The same as [`forward`](Self::forward), with weights that are [packed](Self::pack).
    pub fn forward_packed(
        &self,
        set: InstructionSet,
        images: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        self.check_images(images, outputs, bias);
        let numbers = self.packed(set).unwrap_or_else(|| self.weights());
        assert_eq!(packed.len(), numbers, "packed weights");
        match self.method(set) {
            Method::Whole(whole) => whole.forward(images, packed, bias, relu, outputs),
            Method::Pixels(pixels) => {
                pixels.forward_packed(set, &self.patches(images), packed, bias, relu, outputs);
            }
            Method::Winograd(winograd) => winograd.run(images, packed, bias, relu, outputs),
            Method::Direct => self.forward_direct(set, images, packed, bias, relu, outputs),
        }
    }

    fn forward_direct(
        &self,
        set: InstructionSet,
        images: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let place = |(_, y, x): (_, usize, usize)| {
            [y as isize - self.padding[0].0 as isize, x as isize - self.padding[1].0 as isize]
        };
        let walk = Walk {
            source: self.input,
            destination: self.output(),
            first: [0, 0],
            step: 1,
            source_step: self.stride,
            taps: product(1, self.kernel[0], self.kernel[1]).map(place).collect(),
        };
        let operands = Operands { source: images, weights: &[packed], bias, relu };
        walk::go(set, &[walk], self.batch, &operands, outputs);
    }

    /// How it is computed, but for the gradient of the images.
    fn method(&self, set: InstructionSet) -> Method {
        if let Some(whole) = Whole::of(self, set) {
            Method::Whole(whole)
        } else if let Some(pixels) = self.of_pixels() {
            Method::Pixels(pixels)
        } else if let Some(winograd) = Winograd::of(self, set) {
            Method::Winograd(winograd)
        } else {
            Method::Direct
        }
    }

    /// What the direct method has packed.
    fn pack_by<'a>(&self, taps: &'a [usize]) -> Pack<'a> {
        Pack {
            columns: self.filters,
            column_stride: self.input[2] * self.taps(),
            channels: self.input[2],
            channel_stride: self.taps(),
            taps,
        }
    }

    fn all_taps(&self) -> Vec<usize> {
        (0..self.taps()).collect()
    }

    /// `images_gradient` = the gradient of the images, given the gradient of the outputs (before any ReLU).
    pub fn backward_images(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        images_gradient: &mut [f32],
    ) {
        self.check(images_gradient, weights, gradient, None);
        if let Some(winograd) = Winograd::back(self, set) {
            let mut packed = Scratch::new(winograd.packed());
            winograd.pack(weights, &mut packed);
            return winograd.run(gradient, &packed, None, false, images_gradient);
        }
        let (walks, packed): (Vec<_>, Vec<_>) = product(1, self.stride, self.stride)
            .map(|(_, y, x)| self.gradient_walk(Tile::of(set), weights, [y, x]))
            .unzip();
        let weights: Vec<&[f32]> = packed.iter().map(|packed| &**packed).collect();
        let operands = Operands { source: gradient, weights: &weights, bias: None, relu: false };
        walk::go(set, &walks, self.batch, &operands, images_gradient);
    }

    /// `weights_gradient` and `bias_gradient` = the gradients of the weights and of the bias, given that of the outputs
    /// (before any ReLU).
    pub fn backward_weights(
        &self,
        set: InstructionSet,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        self.check(images, weights_gradient, gradient, bias_gradient.as_deref());
        match self.method(set) {
            Method::Whole(whole) => {
                whole.backward_weights(images, gradient, weights_gradient, bias_gradient);
            }
            Method::Pixels(pixels) => {
                let patches = self.patches(images);
                pixels.backward_weights(set, &patches, gradient, weights_gradient, bias_gradient);
            }
            Method::Winograd(winograd) => {
                winograd.weights_gradient(images, gradient, weights_gradient, bias_gradient);
            }
            Method::Direct => WeightsGradient { convolution: self, set, images, gradient }
                .run(weights_gradient, bias_gradient),
        }
    }

    /// The walk that collects the gradient of the pixels (`first[0]`, `first[1]`) and every `stride` further, from all
    /// outputs that they are part of; and its weights.
    fn gradient_walk(&self, tile: Tile, weights: &[f32], first: [usize; 2]) -> (Walk, Scratch) {
        let reaching = |axis: usize| {
            let from = first[axis] + self.padding[axis].0;
            (0..self.kernel[axis])
                .filter(move |tap| {
                    (from + self.stride * self.kernel[axis] - tap).is_multiple_of(self.stride)
                })
                .map(move |tap| (tap, (from as isize - tap as isize) / self.stride as isize))
        };
        let taps = || reaching(0).flat_map(|y| reaching(1).map(move |x| (y, x)));
        let packed = Pack {
            columns: self.input[2],
            column_stride: self.taps(),
            channels: self.filters,
            channel_stride: self.input[2] * self.taps(),
            taps: &taps().map(|(y, x)| y.0 * self.kernel[1] + x.0).collect::<Vec<_>>(),
        }
        .pack(tile, weights);
        let walk = Walk {
            source: self.output(),
            destination: self.input,
            first,
            step: self.stride,
            source_step: 1,
            taps: taps().map(|(y, x)| [y.1, x.1]).collect(),
        };
        (walk, packed)
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The row (`axis` 0) or column (1) of the image that a tap of a filter reads for a row or column of output, unless
    /// it is padding.
    fn inside(&self, axis: usize, position: usize, tap: usize) -> Option<usize> {
        let place = (position * self.stride + tap).checked_sub(self.padding[axis].0)?;
        (place < self.input[axis]).then_some(place)
    }

    fn check(&self, images: &[f32], weights: &[f32], outputs: &[f32], bias: Option<&[f32]>) {
        self.check_images(images, outputs, bias);
        self.check_weights(weights);
    }

    fn check_images(&self, images: &[f32], outputs: &[f32], bias: Option<&[f32]>) {
        assert_eq!(images.len(), self.batch * self.input.iter().product::<usize>(), "images");
        assert_eq!(outputs.len(), self.batch * self.output().iter().product::<usize>(), "outputs");
        assert!(bias.is_none_or(|bias| bias.len() == self.filters), "bias");
    }

    fn check_weights(&self, weights: &[f32]) {
        assert_eq!(weights.len(), self.weights(), "weights");
    }

    /// How many weights there are.
    fn weights(&self) -> usize {
        self.filters * self.input[2] * self.taps()
    }
}

/// How a convolution is computed.
enum Method {
    /// As a dense layer.
    Whole(Whole),
    /// As a convolution of single pixels, whose channels are what a filter sees.
    Pixels(Convolution),
    Winograd(Winograd),
    /// Place by place of a filter.
    Direct,
}

fn product(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |index| (index / c / b, index / c % b, index % c))
}
