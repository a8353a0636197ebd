//! Reusable memory for intermediate results.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Buffers that are not in use. Each training step needs the same lengths, so a few buffers
/// suffice.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Bytes per cache line. A vector of this size that spans two lines takes twice as long to read.
const LINE: usize = 64;

/// A buffer aligned to a cache line. It holds arbitrary values of earlier uses, which its user must
/// overwrite.
pub(in crate::kernels) struct Scratch {
    numbers: Vec<f32>,
    first: usize,
    length: usize,
}

impl Scratch {
    /// Returns a buffer of `length` values: the smallest free one that is large enough, otherwise a
    /// new one in place of the largest.
    pub(crate) fn new(length: usize) -> Scratch {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.sort_unstable_by_key(Vec::len);
        let room = length + LINE / size_of::<f32>();
        let fitting = free.partition_point(|numbers| numbers.len() < room);
        let found = if fitting < free.len() { Some(free.remove(fitting)) } else { free.pop() };
        drop(free);
        let numbers = match found {
            Some(numbers) if numbers.len() >= room => numbers,
            _ => vec![0.0; room],
        };
        let first = numbers.as_ptr().align_offset(LINE).min(room - length);
        Scratch { numbers, first, length }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.numbers));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.first..][..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.first..][..self.length]
    }
}
