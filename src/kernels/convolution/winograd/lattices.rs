//! Images whose pixels are taken every other one, or every single one.

/// Images, cut into lattices of pixels that are `stride` apart in both directions. Each lattice is like an image of its own;
/// what lies at the same place of all of them is like the channels of one pixel.
#[derive(Clone, Copy)]
pub struct Lattices {
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Channels of an image.
    pub channels: usize,
    /// From one pixel of a lattice to the next.
    pub stride: usize,
}

impl Lattices {
    /// Those of images of this height, width and channels.
    pub fn new([height, width, channels]: [usize; 3], stride: usize) -> Lattices {
        Lattices { size: [height, width], channels, stride }
    }

    /// Numbers of an image.
    pub fn elements(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// How many lattices there are.
    pub fn count(&self) -> usize {
        self.stride * self.stride
    }

    /// Channels of all lattices together.
    pub fn depth(&self) -> usize {
        self.count() * self.channels
    }

    /// Height and width of the first lattice. Others may lack the last row or column.
    pub fn lattice(&self) -> [usize; 2] {
        self.size.map(|size| size.div_ceil(self.stride))
    }

    /// Row and column of the first pixel of a lattice.
    pub fn first(&self, lattice: usize) -> [usize; 2] {
        [lattice / self.stride, lattice % self.stride]
    }
}
