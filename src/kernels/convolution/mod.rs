//! Convolution and both of its gradients. Images are channels last,
//! `[batch, height, width, channels]`; weights are
//! `[filters, channels, kernel height, kernel width]`.
//!
//! There are four methods. In each, the order of summation depends only on the shape and the
//! instruction set:
//!
//! - A filter that covers the whole image makes a dense layer (`whole`).
//! - Images of few channels are laid out as patches, the method known as im2col (`patches`).
//! - Wide convolutions of 3x3 filters, and of 5x5 filters with stride 2, are computed by Winograd's
//!   method (`winograd`).
//! - All others are summed directly, tap by tap (`walk`, `weights_gradient`).

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

/// Shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Number of images.
    pub batch: usize,
    /// Height, width and channels of an image.
    pub input: [usize; 3],
    /// Number of filters, which is the number of channels of an output.
    pub filters: usize,
    /// Height and width of a filter.
    pub kernel: [usize; 2],
    /// Pixels between neighbouring positions of a filter, in both directions.
    pub stride: usize,
    /// Rows of zeros before and after an image, then columns before and after it.
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

    /// Computes `outputs` = `images` convolved with `weights`, plus `bias` (one value per filter),
    /// then max(x, 0) if `relu`.
    ///
    /// # Panics
    /// If a slice's length does not match the shape. This holds for the other methods, too.
    pub fn forward(
        &self,
        set: InstructionSet,
        images: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let Some(numbers) = self.packed_len(set) else {
            return self.forward_packed(set, images, weights, bias, relu, outputs);
        };
        let mut packed = Scratch::new(numbers);
        self.pack(set, weights, &mut packed);
        self.forward_packed(set, images, &packed, bias, relu, outputs);
    }

    /// Number of values of the [packed](Self::pack) weights; `None` if the method uses them
    /// unpacked. Does not depend on the number of images.
    pub fn packed_len(&self, set: InstructionSet) -> Option<usize> {
        match self.method(set) {
            Method::Whole(_) => None,
            Method::Patches(pointwise) => pointwise.packed_len(set),
            Method::Winograd(winograd) => Some(winograd.packed_len()),
            Method::Direct => Some(self.packing(&self.all_taps()).packed_len(Tile::of(set))),
        }
    }

    /// Packs weights into the layout in which the forward pass reads them. Worth keeping if many
    /// batches are evaluated with the same weights.
    pub fn pack(&self, set: InstructionSet, weights: &[f32], packed: &mut [f32]) {
        self.check_weights(weights);
        match self.method(set) {
            Method::Whole(_) => packed.copy_from_slice(weights),
            Method::Patches(pointwise) => pointwise.pack(set, weights, packed),
            Method::Winograd(winograd) => winograd.pack(weights, packed),
            Method::Direct => {
                self.packing(&self.all_taps()).pack_into(Tile::of(set), weights, packed);
            }
        }
    }

    /// [`forward`](Self::forward) with weights that were [packed](Self::pack).
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
        let numbers = self.packed_len(set).unwrap_or_else(|| self.weights());
        assert_eq!(packed.len(), numbers, "packed weights");
        match self.method(set) {
            Method::Whole(whole) => whole.forward(images, packed, bias, relu, outputs),
            Method::Patches(pointwise) => {
                pointwise.forward_packed(set, &self.patches(images), packed, bias, relu, outputs);
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
        walk::run(set, &[walk], self.batch, &operands, outputs);
    }

    /// Method for outputs and for the gradient of the weights.
    fn method(&self, set: InstructionSet) -> Method {
        if let Some(whole) = Whole::of(self, set) {
            Method::Whole(whole)
        } else if let Some(pointwise) = self.as_pointwise() {
            Method::Patches(pointwise)
        } else if let Some(winograd) = Winograd::of(self, set) {
            Method::Winograd(winograd)
        } else {
            Method::Direct
        }
    }

    /// Packing for the direct method.
    fn packing<'a>(&self, taps: &'a [usize]) -> Pack<'a> {
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

    /// Computes the gradient of the images from the gradient of the outputs (before any ReLU).
    pub fn backward_images(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        images_gradient: &mut [f32],
    ) {
        self.check(images_gradient, weights, gradient, None);
        if let Some(winograd) = Winograd::back(self, set) {
            let mut packed = Scratch::new(winograd.packed_len());
            winograd.pack(weights, &mut packed);
            return winograd.run(gradient, &packed, None, false, images_gradient);
        }
        let (walks, packed): (Vec<_>, Vec<_>) = product(1, self.stride, self.stride)
            .map(|(_, y, x)| self.gradient_walk(Tile::of(set), weights, [y, x]))
            .unzip();
        let weights: Vec<&[f32]> = packed.iter().map(|packed| &**packed).collect();
        let operands = Operands { source: gradient, weights: &weights, bias: None, relu: false };
        walk::run(set, &walks, self.batch, &operands, images_gradient);
    }

    /// Computes the gradients of weights and bias from the gradient of the outputs (before any
    /// ReLU).
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
            Method::Patches(pointwise) => {
                let patches = self.patches(images);
                pointwise.backward_weights(
                    set,
                    &patches,
                    gradient,
                    weights_gradient,
                    bias_gradient,
                );
            }
            Method::Winograd(winograd) => {
                winograd.weights_gradient(images, gradient, weights_gradient, bias_gradient);
            }
            Method::Direct => WeightsGradient { convolution: self, set, images, gradient }
                .run(weights_gradient, bias_gradient),
        }
    }

    /// The walk that computes the gradient of every `stride`-th pixel from `first` on, as a sum
    /// over all outputs that the pixel contributes to; and its packed weights.
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

    /// Row (`axis` 0) or column (1) of the image that a tap reads for the output at `position`;
    /// `None` in the padding.
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

    /// Number of weights.
    fn weights(&self) -> usize {
        self.filters * self.input[2] * self.taps()
    }
}

enum Method {
    /// The filter covers the whole image: a dense layer.
    Whole(Whole),
    /// Im2col: a 1x1 convolution of patches, whose channels are all values under a filter.
    Patches(Convolution),
    Winograd(Winograd),
    /// Tap by tap.
    Direct,
}

fn product(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |index| (index / c / b, index / c % b, index % c))
}
