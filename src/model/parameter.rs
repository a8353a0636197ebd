//! The trainable parameters of a network.

/// Role of a parameter in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights of a dense layer, `[out, in]`, or of a convolution, `[out, in, height, width]`. The
    /// weights of one output are contiguous, so that a weight vector is a slice.
    Weight,
    /// Bias of a dense layer or a convolution, one value per output.
    Bias,
    /// Batch norm's gamma.
    Scale,
    /// Batch norm's beta.
    Shift,
}

/// A trainable tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name in PyTorch's style, such as `conv1.weight`.
    pub name: String,
    /// Name of its layer, such as `conv1`.
    pub layer: String,
    pub role: Role,
    /// Shape, output first.
    pub shape: Vec<usize>,
    /// Number of inputs that each output sums over.
    pub fan_in: usize,
    /// Number of outputs that each input contributes to.
    pub fan_out: usize,
    /// Number of times that each value is used per example: the number of pixels of the layer's
    /// output, or 1 without pixels.
    pub uses: usize,
    /// Whether it belongs to the first layer that has weights.
    pub first: bool,
    /// Whether it belongs to the network's last layer.
    pub last: bool,
    /// Channels, height and width of the image whose flattening is the last axis, in this order.
    /// Only the weights of the first dense layer after a flatten layer have such an axis, and batch
    /// norms between the two.
    pub flattened: Option<[usize; 3]>,
}

impl Parameter {
    /// Returns the number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the length of one weight vector, which has all incoming weights of one output. A
    /// bias, scale or shift is one vector.
    pub fn vector_length(&self) -> usize {
        match self.role {
            Role::Weight => self.shape[1..].iter().product(),
            Role::Bias | Role::Scale | Role::Shift => self.elements(),
        }
    }
}
