//! Which axes of a weight matrix run over neurons.

use crate::method::VectorShape;

/// The axes of a tensor that run over its neurons. Each entry along them is one weight vector,
/// whose entries run along all other axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// The first axis, as in PyTorch: dense `[out, in]`, convolution `[out, in, height, width]`.
    OutputFirst,
    /// The last axis, as in Keras: dense `[in, out]`, convolution `[height, width, in, out]`.
    OutputLast,
    /// The last two axes: Keras's depthwise convolution `[height, width, in, multiplier]`, in which
    /// each channel has its own kernels.
    #[value(skip)]
    DepthwiseLast,
}

/// A shape with all spatial axes merged into `positions`: `[outputs, inputs, positions]` in PyTorch's
/// order, `[positions, inputs, outputs]` in Keras's.
struct Axes {
    outputs: usize,
    inputs: usize,
    positions: usize,
}

impl Layout {
    fn axes(self, shape: &[usize]) -> Axes {
        let product = |axes: &[usize]| axes.iter().product::<usize>();
        match (self, shape) {
            (Layout::OutputFirst, [outputs, inputs, positions @ ..]) => {
                Axes { outputs: *outputs, inputs: *inputs, positions: product(positions) }
            }
            (Layout::OutputLast, [positions @ .., inputs, outputs]) => {
                Axes { outputs: *outputs, inputs: *inputs, positions: product(positions) }
            }
            (Layout::DepthwiseLast, [positions @ .., inputs, multiplier]) => {
                Axes { outputs: inputs * multiplier, inputs: 1, positions: product(positions) }
            }
            (_, bias) => Axes { outputs: 1, inputs: product(bias), positions: 1 },
        }
    }

    /// Returns the number and length of the weight vectors of a tensor of `shape`. A tensor with
    /// one axis (a bias) or none is a single vector.
    pub fn vectors(self, shape: &[usize]) -> VectorShape {
        let Axes { outputs, inputs, positions } = self.axes(shape);
        VectorShape { count: outputs, len: inputs * positions }
    }

    /// Returns the shape of the same weights in PyTorch's order.
    pub fn output_first(self, shape: &[usize]) -> Vec<usize> {
        match (self, shape) {
            (Layout::OutputLast, [positions @ .., inputs, outputs]) => {
                [&[*outputs, *inputs], positions].concat()
            }
            (Layout::DepthwiseLast, [positions @ .., inputs, multiplier]) => {
                [&[inputs * multiplier, 1], positions].concat()
            }
            _ => shape.to_vec(),
        }
    }

    /// Returns the entries of the `vector`-th weight vector of a tensor of `shape`. For every
    /// layout they are in PyTorch's order: those of the first input, position by position, then
    /// those of the next. Entries beyond the end of `values` are left out.
    pub fn vector<'a>(
        self,
        values: &'a [f32],
        shape: &[usize],
        vector: usize,
    ) -> impl Iterator<Item = f32> + use<'a> {
        let Axes { outputs, inputs, positions } = self.axes(shape);
        (0..inputs * positions).filter_map(move |entry| {
            let index = match self {
                Layout::OutputFirst => vector * inputs * positions + entry,
                Layout::OutputLast | Layout::DepthwiseLast => {
                    let (input, position) = (entry / positions, entry % positions);
                    (position * inputs + input) * outputs + vector
                }
            };
            values.get(index).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(layout: Layout, shape: &[usize]) -> Vec<Vec<f32>> {
        let vectors = layout.vectors(shape);
        let values: Vec<f32> = (0u8..).map(f32::from).take(vectors.elements()).collect();
        (0..vectors.count).map(|j| layout.vector(&values, shape, j).collect()).collect()
    }

    #[test]
    fn vectors_are_rows_or_columns() {
        assert_eq!(all(Layout::OutputFirst, &[2, 3]), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
        assert_eq!(all(Layout::OutputLast, &[2, 3]), [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]);
        assert_eq!(all(Layout::OutputFirst, &[2, 1, 2]), [[0.0, 1.0], [2.0, 3.0]]);
    }

    #[test]
    fn the_kernels_of_a_convolution_come_in_one_order() {
        // One position after the other, two inputs, one output.
        assert_eq!(all(Layout::OutputFirst, &[1, 2, 3]), [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]);
        assert_eq!(all(Layout::OutputLast, &[3, 2, 1]), [[0.0, 2.0, 4.0, 1.0, 3.0, 5.0]]);
        assert_eq!(Layout::OutputLast.output_first(&[3, 5, 2, 7]), [7, 2, 3, 5]);
        assert_eq!(Layout::OutputFirst.output_first(&[7, 2, 3, 5]), [7, 2, 3, 5]);
    }

    #[test]
    fn a_depthwise_kernel_has_a_vector_for_each_channel() {
        let kernels = all(Layout::DepthwiseLast, &[2, 1, 3, 1]);
        assert_eq!(kernels, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]);
        assert_eq!(Layout::DepthwiseLast.output_first(&[2, 1, 3, 1]), [3, 1, 2, 1]);
    }

    #[test]
    fn nothing_has_no_vectors_to_look_at() {
        for layout in [Layout::OutputFirst, Layout::OutputLast, Layout::DepthwiseLast] {
            assert_eq!(layout.vectors(&[0, 3]).elements(), 0);
            assert_eq!(layout.vectors(&[3, 0]).elements(), 0);
            assert!(all(layout, &[2, 0, 2, 0]).iter().all(Vec::is_empty));
        }
    }
}
