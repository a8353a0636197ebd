//! Memory for intermediate numbers, kept from one step to the next.

use std::{
    ops::{Deref, DerefMut},
    sync::Mutex,
};

/// What is not in use. A training step needs the same lengths again and again, so few buffers suffice.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// A buffer of numbers left over from earlier use; whoever takes it overwrites them.
pub(in crate::kernels) struct Scratch(Vec<f32>);

impl Scratch {
    /// A buffer of `length` numbers: the smallest free one that has room, or else the largest, grown.
    pub fn new(length: usize) -> Scratch {
        let mut free = FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        free.sort_unstable_by_key(Vec::capacity);
        let fitting = free.partition_point(|buffer| buffer.capacity() < length);
        let index = fitting.min(free.len().saturating_sub(1));
        let mut buffer = if free.is_empty() { Vec::new() } else { free.remove(index) };
        drop(free);
        if buffer.capacity() < length {
            buffer.clear();
        }
        buffer.resize(length, 0.0);
        Scratch(buffer)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        free.push(std::mem::take(&mut self.0));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
