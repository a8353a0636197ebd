//! Splitting images by stride, known as polyphase decomposition.

/// Images split into lattices: sets of pixels that are `stride` apart in both directions. Each
/// lattice is an image by itself, and pixels at the same position of all lattices act as the
/// channels of one pixel.
#[derive(Clone, Copy)]
pub(super) struct Lattices {
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Channels of an image.
    pub channels: usize,
    /// Distance between neighbouring pixels of a lattice.
    pub stride: usize,
}

impl Lattices {
    /// Splits images of the given height, width and channels.
    pub(super) fn new([height, width, channels]: [usize; 3], stride: usize) -> Lattices {
        Lattices { size: [height, width], channels, stride }
    }

    /// Number of values in an image.
    pub(super) fn elements(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Number of lattices.
    pub(super) fn count(&self) -> usize {
        self.stride * self.stride
    }

    /// Number of channels of all lattices together.
    pub(super) fn depth(&self) -> usize {
        self.count() * self.channels
    }

    /// Height and width of the first lattice. Others may be one row or column smaller.
    pub(super) fn lattice(&self) -> [usize; 2] {
        self.size.map(|size| size.div_ceil(self.stride))
    }

    /// Row and column of the first pixel of a lattice.
    pub(super) fn first(&self, lattice: usize) -> [usize; 2] {
        [lattice / self.stride, lattice % self.stride]
    }
}
