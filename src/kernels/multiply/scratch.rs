//! Memory for intermediate numbers, kept from one step to the next.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// What is not in use. A training step needs the same lengths again and again, so few buffers suffice.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Bytes of a line of the caches. A vector of this size that lies across two lines takes twice as long to read.
const LINE: usize = 64;

/// A buffer of numbers left over from earlier use, beginning with a line of the caches; whoever takes it overwrites them.
pub(in crate::kernels) struct Scratch {
    numbers: Vec<f32>,
    first: usize,
    length: usize,
}

impl Scratch {
    /// A buffer of `length` numbers: the smallest free one that has room, or else a new one in place of the largest.
    pub fn new(length: usize) -> Scratch {
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
