//! Transposition, between images in channels-first and channels-last order.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Side of the squares transposed one after another, so that source and destination stay cached.
const SIDE: usize = 8;

/// Transposes each of the matrices `[rows, columns]` in `values` to `[columns, rows]`.
///
/// From channels first to channels last, the rows are the channels and the columns the pixels of an
/// image. In the opposite direction it is the other way round.
///
/// # Panics
/// If the lengths differ, or if they are not a whole number of matrices.
pub fn transpose(
    set: InstructionSet,
    [rows, columns]: [usize; 2],
    values: &[f32],
    outputs: &mut [f32],
) {
    assert_eq!(values.len(), outputs.len());
    let size = rows * columns;
    assert!(size > 0 && values.len().is_multiple_of(size));
    outputs
        .par_chunks_mut(size)
        .zip(values.par_chunks(size))
        .for_each(|(outputs, values)| transpose_one(set, rows, columns, values, outputs));
}

vectorized! {
    fn transpose_one<'a>(rows: usize, columns: usize, values: &'a [f32], outputs: &'a mut [f32]) {
        transpose_strided([rows, columns], [columns, rows], values, outputs);
    }
}

/// Transposes `rows` of `columns` values each. The strides are the distances between rows, in
/// `values` and in `outputs`.
#[inline(always)]
pub(super) fn transpose_strided(
    [rows, columns]: [usize; 2],
    strides: [usize; 2],
    values: &[f32],
    outputs: &mut [f32],
) {
    if rows < SIDE || columns < SIDE {
        return transpose_rest([rows, columns], strides, values, outputs);
    }
    for column in (0..columns).step_by(SIDE) {
        for row in (0..rows).step_by(SIDE) {
            let from = &values[row * strides[0] + column..];
            let to = &mut outputs[column * strides[1] + row..];
            let [height, width] = [SIDE.min(rows - row), SIDE.min(columns - column)];
            if height == SIDE && width == SIDE {
                transpose_square(strides, from, to);
            } else {
                transpose_rest([height, width], strides, from, to);
            }
        }
    }
}

/// [`transpose_strided`] for one square, which fits in registers.
#[inline(always)]
fn transpose_square(strides: [usize; 2], from: &[f32], to: &mut [f32]) {
    let mut square = [[0.0; SIDE]; SIDE];
    for (row, square) in square.iter_mut().enumerate() {
        square.copy_from_slice(&from[row * strides[0]..][..SIDE]);
    }
    for column in 0..SIDE {
        let to = &mut to[column * strides[1]..][..SIDE];
        for (to, square) in to.iter_mut().zip(&square) {
            *to = square[column];
        }
    }
}

/// [`transpose_strided`] for parts that are not whole squares.
#[inline(always)]
fn transpose_rest([rows, columns]: [usize; 2], strides: [usize; 2], from: &[f32], to: &mut [f32]) {
    for column in 0..columns {
        for row in 0..rows {
            to[column * strides[1] + row] = from[row * strides[0] + column];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_finds_its_place(batch in 0..4usize, rows in 1..40usize, columns in 1..40usize) {
            let at = |image: usize, row: usize, column: usize| (image * rows + row) * columns + column;
            let values: Vec<f32> = (0..batch * rows * columns).map(|i| i as f32).collect();
            for set in InstructionSet::available() {
                let mut outputs = vec![f32::NAN; values.len()];
                transpose(set, [rows, columns], &values, &mut outputs);
                let mut turned = outputs.iter();
                for image in 0..batch {
                    for column in 0..columns {
                        for row in 0..rows {
                            prop_assert_eq!(turned.next(), values.get(at(image, row, column)));
                        }
                    }
                }
            }
        }
    }
}
