//! Turning images from channels first to channels last, and back, in one pass.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Rows and columns of the squares that are turned one after another, so that both sides stay in the cache.
const SIDE: usize = 8;

/// Each of the matrices `[rows, columns]` in `values` as its transpose `[columns, rows]`.
///
/// From channels first to channels last, rows are the channels and columns the pixels of an image; back, it is the
/// other way round.
///
/// # Panics
/// Lengths that differ, or that are no whole number of matrices.
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
        turn([rows, columns], [columns, rows], values, outputs);
    }
}

/// Turns `rows` of `columns` numbers each. The first stride is from one of the rows to the next, the second from one of
/// the rows that the columns become to the next.
#[inline(always)]
pub(super) fn turn(
    [rows, columns]: [usize; 2],
    strides: [usize; 2],
    values: &[f32],
    outputs: &mut [f32],
) {
    if rows < SIDE || columns < SIDE {
        return turn_rest([rows, columns], strides, values, outputs);
    }
    for column in (0..columns).step_by(SIDE) {
        for row in (0..rows).step_by(SIDE) {
            let from = &values[row * strides[0] + column..];
            let to = &mut outputs[column * strides[1] + row..];
            let [height, width] = [SIDE.min(rows - row), SIDE.min(columns - column)];
            if height == SIDE && width == SIDE {
                turn_square(strides, from, to);
            } else {
                turn_rest([height, width], strides, from, to);
            }
        }
    }
}

/// [`turn`] for a square that fits a few registers.
#[inline(always)]
fn turn_square(strides: [usize; 2], from: &[f32], to: &mut [f32]) {
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

/// Turns what is no whole square.
#[inline(always)]
fn turn_rest([rows, columns]: [usize; 2], strides: [usize; 2], from: &[f32], to: &mut [f32]) {
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
