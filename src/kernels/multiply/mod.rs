//! Matrix multiplications whose blocks of sums stay in registers.
//!
//! [`Gather`] sums over values at several offsets of a source (the taps of a filter). It computes
//! outputs and the gradients of inputs. [`Outer`] sums outer products over pairs of rows. It
//! computes the gradients of weights. Neither knows of images, padding or strides, which their
//! callers turn into tables of offsets. [`Dots`] and [`Product`] multiply the plain matrices of
//! dense layers.

mod dots;
mod gather;
mod outer;
mod pack;
mod product;
mod scratch;

use std::any::TypeId;

use pulp::{Scalar256b, Simd};

use super::InstructionSet;

pub(super) use dots::Dots;
pub(super) use gather::{Gather, PADDING};
pub(super) use outer::{Outer, Pair, Pairs};
pub(super) use pack::Pack;
pub(super) use product::Product;
pub(super) use scratch::Scratch;

/// Size of a block of sums in registers: `rows` times `width` values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub rows: usize,
    pub width: usize,
    /// Length of a vector; the width is one or two of them.
    pub vector: usize,
}

impl Tile {
    /// The largest block that leaves enough of the instruction set's registers for the factors.
    pub(super) fn of(set: InstructionSet) -> Tile {
        match set {
            InstructionSet::Portable => Tile { rows: 6, width: 8, vector: 8 },
            InstructionSet::Avx2 => Tile { rows: 6, width: 16, vector: 8 },
            InstructionSet::Avx512 => Tile { rows: 12, width: 32, vector: 16 },
        }
    }

    /// Panel width for a number of columns: a single vector if they fit in one.
    pub(super) fn width_for(self, columns: usize) -> usize {
        if columns <= self.vector { self.vector } else { self.width }
    }
}

/// Evaluates an expression in which a number of rows, at most those of a tile, is a constant.
macro_rules! with_rows {
    ($simd:ident, $rows:expr, $constant:ident => $body:expr) => {
        if $simd::F32_LANES == 16 {
            with_rows!($rows, $constant => $body, 1 2 3 4 5 6 7 8 9 10 11 12)
        } else {
            with_rows!($rows, $constant => $body, 1 2 3 4 5 6)
        }
    };
    ($rows:expr, $constant:ident => $body:expr, $($number:literal)*) => {
        match $rows {
            $($number => {
                const $constant: usize = $number;
                $body
            })*
            _ => unreachable!("no tile has this many rows"),
        }
    };
}
use with_rows;

/// Whether this is [`InstructionSet::Portable`].
#[inline(always)]
fn is_portable<S: Simd>() -> bool {
    TypeId::of::<S>() == TypeId::of::<Scalar256b>()
}

/// Returns `sum` + `a` * `b`, fused if the instruction set supports it. Otherwise multiplies and
/// adds, because emulating the fused operation is slow.
#[inline(always)]
pub(super) fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
    if is_portable::<S>() {
        simd.add_f32s(sum, simd.mul_f32s(a, b))
    } else {
        simd.mul_add_f32s(a, b, sum)
    }
}

/// Loads the first `V` vectors of a row, padded with zeros if it is shorter.
#[inline(always)]
fn load<S: Simd, const V: usize>(simd: S, row: &[f32]) -> [S::f32s; V] {
    match S::as_simd_f32s(row).0.first_chunk() {
        Some(vectors) => *vectors,
        None => std::array::from_fn(|vector| {
            simd.partial_load_f32s(&row[(vector * S::F32_LANES).min(row.len())..])
        }),
    }
}

/// Stores vectors to a row, as far as it goes.
#[inline(always)]
fn store<S: Simd, const V: usize>(simd: S, row: &mut [f32], vectors: [S::f32s; V]) {
    if let Some(whole) = S::as_mut_simd_f32s(row).0.first_chunk_mut() {
        *whole = vectors;
        return;
    }
    let length = row.len();
    for (vector, numbers) in vectors.into_iter().enumerate() {
        simd.partial_store_f32s(&mut row[(vector * S::F32_LANES).min(length)..], numbers);
    }
}
