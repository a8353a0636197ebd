//! What a network has to learn.

/// What a parameter does in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The weights of a dense layer, `[out, in]`, or of a convolution, `[out, in, height, width]`: each output's
    /// weights lie together, so that a weight vector is a slice.
    Weight,
    /// One number per output of a dense layer or a convolution.
    Bias,
    /// Batch norm's gamma.
    Scale,
    /// Batch norm's beta.
    Shift,
}

/// A tensor that training changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, as PyTorch would have it: `conv1.weight`.
    pub name: String,
    /// Its layer's name: `conv1`.
    pub layer: String,
    /// What it does.
    pub role: Role,
    /// Its shape, output first.
    pub shape: Vec<usize>,
    /// Inputs that one output sums over.
    pub fan_in: usize,
    /// Outputs that one input goes to.
    pub fan_out: usize,
    /// Places of one example where each of its numbers is used: the pixels of the layer's output, or 1.
    pub places: usize,
    /// Whether it belongs to the first layer that has weights.
    pub first: bool,
    /// Whether it belongs to the network's last layer.
    pub last: bool,
    /// Channels, height and width of the image whose flattening is its last axis: the inputs of a dense layer's
    /// weights after a flatten layer, or the units of a batch norm there. They lie in this order.
    pub flattened: Option<[usize; 3]>,
}

impl Parameter {
    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The length of one weight vector: all incoming weights of one output. A bias is one vector.
    pub fn vector_length(&self) -> usize {
        match self.role {
            Role::Weight => self.shape[1..].iter().product(),
            _ => self.elements(),
        }
    }
}
