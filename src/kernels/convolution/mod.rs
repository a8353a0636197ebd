//! Convolution of images that lie channels last, `[batch, height, width, channels]`, with weights
//! `[filters, channels, kernel height, kernel width]`, and both of its gradients.

mod scalar;

use super::InstructionSet;

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
        _set: InstructionSet,
        images: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        self.check(images, weights, outputs, bias);
        self.forward_by_the_book(images, weights, bias, relu, outputs);
    }

    /// `images_gradient` = the gradient of the images, given the gradient of the outputs (before any ReLU).
    pub fn backward_images(
        &self,
        _set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        images_gradient: &mut [f32],
    ) {
        self.check(images_gradient, weights, gradient, None);
        self.backward_images_by_the_book(gradient, weights, images_gradient);
    }

    /// `weights_gradient` and `bias_gradient` = the gradients of the weights and of the bias, given that of the outputs
    /// (before any ReLU).
    pub fn backward_weights(
        &self,
        _set: InstructionSet,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        self.check(images, weights_gradient, gradient, bias_gradient.as_deref());
        self.backward_weights_by_the_book(images, gradient, weights_gradient, bias_gradient);
    }

    fn check(&self, images: &[f32], weights: &[f32], outputs: &[f32], bias: Option<&[f32]>) {
        assert_eq!(images.len(), self.batch * self.input.iter().product::<usize>(), "images");
        assert_eq!(outputs.len(), self.batch * self.output().iter().product::<usize>(), "outputs");
        let [height, width] = self.kernel;
        assert_eq!(weights.len(), self.filters * self.input[2] * height * width, "weights");
        assert!(bias.is_none_or(|bias| bias.len() == self.filters), "bias");
    }
}
