//! Which axes of a weight matrix run over neurons.

use crate::laperm::VectorShape;

/// Where a tensor has its neurons: each entry along those axes is one weight vector, whose entries lie along all
/// other axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// The first axis, as PyTorch has it: a dense `[out, in]`, a convolution `[out, in, height, width]`.
    OutputFirst,
    /// The last axis, as Keras has it: a dense `[in, out]`, a convolution `[height, width, in, out]`.
    OutputLast,
    /// The last two axes: Keras's depthwise convolution `[height, width, in, multiplier]`, in which every channel has
    /// kernels of its own.
    #[value(skip)]
    DepthwiseLast,
}

impl Layout {
    /// How many weight vectors a tensor of `shape` has, and how long they are.
    pub fn vectors(self, shape: &[usize]) -> VectorShape {
        let elements: usize = shape.iter().product();
        let count: usize = match self {
            Layout::OutputFirst => shape.iter().take(1).product(),
            Layout::OutputLast => shape.iter().rev().take(1).product(),
            Layout::DepthwiseLast => shape.iter().rev().take(2).product(),
        };
        VectorShape { count, len: elements.checked_div(count).unwrap_or(0) }
    }

    /// The distance in the tensor from a vector's beginning to the next one's, and from one of its entries to the
    /// next.
    fn strides(self, vectors: VectorShape) -> (usize, usize) {
        match self {
            Layout::OutputFirst => (vectors.len, 1),
            Layout::OutputLast | Layout::DepthwiseLast => (1, vectors.count),
        }
    }

    /// The entries of the `vector`-th weight vector, in the tensor's order.
    pub fn vector<'a>(
        self,
        values: &'a [f32],
        vectors: VectorShape,
        vector: usize,
    ) -> impl Iterator<Item = f32> + 'a {
        let (next_vector, next_entry) = self.strides(vectors);
        let entries = values.get(vector * next_vector..).unwrap_or(&[]);
        entries.iter().step_by(next_entry.max(1)).take(vectors.len).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(layout: Layout, shape: &[usize]) -> Vec<Vec<f32>> {
        let vectors = layout.vectors(shape);
        let values: Vec<f32> = (0u8..).map(f32::from).take(vectors.elements()).collect();
        (0..vectors.count).map(|j| layout.vector(&values, vectors, j).collect()).collect()
    }

    #[test]
    fn vectors_are_rows_or_columns() {
        assert_eq!(all(Layout::OutputFirst, &[2, 3]), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
        assert_eq!(all(Layout::OutputLast, &[2, 3]), [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]);
        assert_eq!(all(Layout::OutputFirst, &[2, 1, 2]), [[0.0, 1.0], [2.0, 3.0]]);
        assert_eq!(all(Layout::OutputLast, &[2, 1, 2]), [[0.0, 2.0], [1.0, 3.0]]);
    }

    #[test]
    fn a_depthwise_kernel_has_a_vector_for_each_channel() {
        let kernels = all(Layout::DepthwiseLast, &[2, 1, 3, 1]);
        assert_eq!(kernels, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]);
    }

    #[test]
    fn nothing_has_no_vectors_to_look_at() {
        for layout in [Layout::OutputFirst, Layout::OutputLast, Layout::DepthwiseLast] {
            assert_eq!(layout.vectors(&[0, 3]).elements(), 0);
            assert_eq!(layout.vectors(&[3, 0]).elements(), 0);
        }
    }
}
