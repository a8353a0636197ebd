//! Filters that cover the whole image: a dense layer, whose inputs are the image in channels-first
//! order.
//!
//! The direct method would compute one output pixel per image and tap, and pack all weights for it.
//! The gradient of the images stays with the direct method: it has as many destination pixels as
//! taps, and is no slower there.

use super::Convolution;
use crate::kernels::multiply::Scratch;
use crate::kernels::{Dense, InstructionSet, transpose};

/// A convolution whose filters have a single position.
pub(super) struct Whole {
    set: InstructionSet,
    dense: Dense,
    pixels: usize,
    channels: usize,
}

impl Whole {
    /// The equivalent dense layer, if filters cover the whole image.
    pub(super) fn of(convolution: &Convolution, set: InstructionSet) -> Option<Whole> {
        let Convolution { batch, input: [height, width, channels], filters, .. } = *convolution;
        let pixels = height * width;
        let whole = convolution.kernel == [height, width] && convolution.padding == [(0, 0); 2];
        let dense = Dense { batch, inputs: pixels * channels, outputs: filters };
        (whole && batch * dense.inputs > 0).then_some(Whole { set, dense, pixels, channels })
    }

    pub(super) fn forward(
        &self,
        images: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        self.dense.forward(self.set, &self.channels_first(images), weights, bias, relu, outputs);
    }

    pub(super) fn backward_weights(
        &self,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        let images = self.channels_first(images);
        self.dense.backward_weights(self.set, &images, gradient, weights_gradient, bias_gradient);
    }

    fn channels_first(&self, images: &[f32]) -> Scratch {
        let mut channels_first = Scratch::new(images.len());
        transpose(self.set, [self.pixels, self.channels], images, &mut channels_first);
        channels_first
    }
}
