//! A look at the weights: sorted profiles of every layer, and the permutation of one weight vector of each.
//!
//! Frames are only for looking. They are taken at most once a second or so, and thinned when nobody keeps up.

/// Profiles and permutations of all layers at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The step at which [`LayerFrame::before`] was taken: that of the sync before this moment (0: the
    /// initial weights), or of the previous frame when there are no syncs.
    pub since: u64,
    /// One entry per weight matrix, in the order of [`Started::layers`](super::Started::layers).
    pub layers: Vec<LayerFrame>,
}

/// One layer's part of a [`Frame`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerFrame {
    /// The ranks at which profiles are sampled, ascending, from 0 to the vector's length less one.
    pub positions: Vec<u32>,
    /// The initial (and always synchronized) profile at those positions: the median over vectors.
    pub initial: Vec<f32>,
    /// The profile now, just before a sync: one band per entry of
    /// [`QUANTILES`](crate::laperm::QUANTILES), each at all positions.
    pub bands: Vec<Vec<f32>>,
    /// Similarity of weight profiles now; 0 is identical.
    pub similarity: f32,
    /// Index of the watched weight vector.
    pub vector: usize,
    /// Its values now, unsorted.
    pub values: Vec<f32>,
    /// Its ranking at [`Frame::since`].
    pub before: Vec<u32>,
    /// Its ranking now.
    pub after: Vec<u32>,
}
