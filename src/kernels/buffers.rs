//! Memory for batches and for the kernels' results, used again from step to step.
//!
//! A training step asks for the same tensors in the same sizes as the step before it. Fresh memory of such sizes comes
//! from the operating system page by page, each of them zeroed first, which costs more than many a kernel; memory that
//! was in use before comes as it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shorter vectors are left to the allocator.
const SHORTEST: usize = 1 << 13;

/// A vector that has waited while this many were asked for has no use any more.
const PATIENCE: u64 = 4096;

struct Buffers {
    /// Those that wait, longest first, with the request that was the latest when they came.
    waiting: VecDeque<(u64, Vec<f32>)>,
    requests: u64,
    /// How many of each length were taken and have not come back.
    lent: BTreeMap<usize, usize>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers::new());

/// A vector of this length, whose numbers are to be overwritten: they may be anything.
pub(crate) fn take(length: usize) -> Vec<f32> {
    let found = if length < SHORTEST { None } else { buffers().take(length) };
    found.unwrap_or_else(|| vec![0.0; length])
}

/// Keeps a vector for [`take`], in place of one of its length that was taken.
pub(crate) fn give(buffer: Vec<f32>) {
    if buffer.len() >= SHORTEST {
        buffers().give(buffer);
    }
}

fn buffers() -> MutexGuard<'static, Buffers> {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Buffers {
    const fn new() -> Self {
        Buffers { waiting: VecDeque::new(), requests: 0, lent: BTreeMap::new() }
    }

    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        self.requests += 1;
        *self.lent.entry(length).or_default() += 1;
        let oldest = self.requests.saturating_sub(PATIENCE);
        while self.waiting.front().is_some_and(|&(came, _)| came < oldest) {
            self.waiting.pop_front();
        }
        // The latest of this length, which is most likely still in a cache.
        let fitting = self.waiting.iter().rposition(|(_, buffer)| buffer.len() == length)?;
        self.waiting.remove(fitting).map(|(_, buffer)| buffer)
    }

    /// Not every vector that is taken comes back, and what others have made comes too: more of a length than were taken
    /// would only fill the memory.
    fn give(&mut self, buffer: Vec<f32>) {
        if let Some(lent @ 1..) = self.lent.get_mut(&buffer.len()) {
            *lent -= 1;
            self.waiting.push_back((self.requests, buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = SHORTEST + 12_345;

    #[test]
    fn what_is_given_is_taken_again() {
        let mut buffer = take(LENGTH);
        buffer[7] = 7.0;
        let place = buffer.as_ptr();
        give(buffer);
        let again = take(LENGTH);
        assert_eq!((again.as_ptr(), again[7]), (place, 7.0));
        // There is no other.
        assert_eq!(take(LENGTH)[7], 0.0);
    }

    #[test]
    fn no_more_wait_than_were_taken() {
        let mut buffers = Buffers::new();
        buffers.give(vec![1.0; LENGTH]);
        assert_eq!(buffers.take(LENGTH), None);
        assert_eq!(buffers.take(LENGTH), None);
        for _ in 0..5 {
            buffers.give(vec![2.0; LENGTH]);
        }
        assert_eq!(buffers.waiting.len(), 2);
        assert!(buffers.take(LENGTH).is_some_and(|buffer| buffer == [2.0; LENGTH]));
    }

    #[test]
    fn what_nobody_takes_is_freed() {
        let mut buffers = Buffers::new();
        buffers.take(LENGTH);
        buffers.give(vec![1.0; LENGTH]);
        for _ in 0..=PATIENCE {
            buffers.take(LENGTH + 1);
        }
        assert_eq!(buffers.take(LENGTH), None);
    }
}
