//! Dense layers: `[batch, inputs]` times weights `[outputs, inputs]`, and both gradients.

use super::{Convolution, InstructionSet};

/// The shape of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Samples at once.
    pub batch: usize,
    /// Numbers of a sample.
    pub inputs: usize,
    /// Numbers of its output.
    pub outputs: usize,
}

impl Dense {
    /// `outputs` (`[batch, outputs]`) = `inputs` (`[batch, inputs]`) times `weights` (`[outputs, inputs]`), plus `bias`
    /// (one number per output), negative numbers replaced by zero if `relu`.
    ///
    /// # Panics
    /// If the length of a slice is not that of the shape; so do the other methods.
    pub fn forward(
        &self,
        set: InstructionSet,
        inputs: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        self.convolution().forward(set, inputs, weights, bias, relu, outputs);
    }

    /// `inputs_gradient` = the gradient of the inputs, given the gradient of the outputs (before any ReLU).
    pub fn backward_inputs(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        inputs_gradient: &mut [f32],
    ) {
        self.convolution().backward_images(set, gradient, weights, inputs_gradient);
    }

    /// `weights_gradient` and `bias_gradient` = the gradients of the weights and of the bias, given that of the outputs
    /// (before any ReLU).
    pub fn backward_weights(
        &self,
        set: InstructionSet,
        inputs: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        self.convolution().backward_weights(set, inputs, gradient, weights_gradient, bias_gradient);
    }

    fn convolution(&self) -> Convolution {
        Convolution {
            batch: self.batch,
            input: [1, 1, self.inputs],
            filters: self.outputs,
            kernel: [1, 1],
            stride: 1,
            padding: [(0, 0); 2],
        }
    }
}
