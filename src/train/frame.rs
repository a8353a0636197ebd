//! Frames: sorted profiles of every layer, and the permutation of one weight vector of each.
//!
//! Frames are only for display. They are taken at most about once a second, and dropped if readers
//! do not keep up.

/// Profiles and permutations of all layers at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The step at which [`LayerFrame::before`] was taken: that of the previous sync (0: the
    /// initial weights), or of the previous frame if there are no syncs.
    pub since: u64,
    /// One entry per weight matrix, in the order of [`Started::layers`](super::Started::layers).
    pub layers: Vec<LayerFrame>,
}

/// One layer's part of a [`Frame`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerFrame {
    /// The ranks at which profiles are sampled, ascending, from 0 to the vector's length minus 1.
    pub positions: Vec<u32>,
    /// The initial profile at those positions, which every sync restores: the median over vectors.
    pub initial: Vec<f32>,
    /// The profile now, just before a sync: one band per entry of
    /// [`QUANTILES`](crate::method::QUANTILES), each at all positions.
    pub bands: Vec<Vec<f32>>,
    /// Similarity of weight profiles now; 0 is identical.
    pub similarity: f32,
    /// Index of the watched weight vector.
    pub vector: usize,
    /// Its values at the start, pruned as it is now; empty in frames of old runs.
    pub initial_values: Vec<f32>,
    /// Its values now, unsorted.
    pub values: Vec<f32>,
    /// Its ranking at [`Frame::since`].
    pub before: Vec<u32>,
    /// Its ranking now.
    pub after: Vec<u32>,
    /// Which weights of the layer would not be zero after a sync now: one bit per weight, eight to
    /// a byte, lowest bit first. Empty for a layer without zeros, or with many weights.
    pub connections: Vec<u8>,
}

impl LayerFrame {
    /// Whether the layer's weight at this index is not zero; `None` if that is not known.
    pub fn connected(&self, weight: usize) -> Option<bool> {
        Some(self.connections.get(weight / 8)? >> (weight % 8) & 1 == 1)
    }
}

/// [`LayerFrame::connections`] of these weights.
pub(super) fn connections(weights: &[f32]) -> Vec<u8> {
    let byte = |weights: &[f32]| {
        weights.iter().rev().fold(0, |byte, &weight| byte << 1 | u8::from(weight != 0.0))
    };
    weights.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_read_as_they_are_packed() {
        let weights = [0.5, 0.0, -0.5, -0.0, 1.0, 0.0, 0.0, 0.0, f32::NAN, 0.0];
        let frame = LayerFrame { connections: connections(&weights), ..LayerFrame::default() };
        assert_eq!(frame.connections, [0b0001_0101, 0b01]);
        let read: Vec<bool> = (0..10).filter_map(|weight| frame.connected(weight)).collect();
        assert_eq!(read, weights.map(|weight| weight != 0.0));
        assert_eq!(LayerFrame::default().connected(0), None);
    }
}
