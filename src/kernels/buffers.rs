//! Memory for batches and for the kernels' results, reused from step to step.
//!
//! Each training step allocates tensors of the same sizes as the step before. Fresh memory of these
//! sizes comes from the operating system page by page, and each page is zeroed first. That takes
//! longer than many a kernel. Reused memory needs neither.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shorter vectors are left to the allocator.
const SHORTEST: usize = 1 << 13;

/// A vector is freed if it has not been reused after this number of requests.
const PATIENCE: u64 = 4096;

struct Buffers {
    /// Free vectors, oldest first, each with the number of the latest request when it
    /// was returned.
    free: VecDeque<(u64, Vec<f32>)>,
    requests: u64,
    /// Number of vectors of each length that were taken and not returned.
    lent: BTreeMap<usize, usize>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers::new());

/// Returns a vector of this length with arbitrary values, which the caller must overwrite.
pub(crate) fn take(length: usize) -> Vec<f32> {
    let found = if length < SHORTEST { None } else { buffers().take(length) };
    found.unwrap_or_else(|| vec![0.0; length])
}

/// Returns a vector for reuse by [`take`], in exchange for one of the same length that was taken.
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
        Buffers { free: VecDeque::new(), requests: 0, lent: BTreeMap::new() }
    }

    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        self.requests += 1;
        *self.lent.entry(length).or_default() += 1;
        let oldest = self.requests.saturating_sub(PATIENCE);
        while self.free.front().is_some_and(|&(came, _)| came < oldest) {
            self.free.pop_front();
        }
        // The latest one of this length is the most likely to be cached.
        let fitting = self.free.iter().rposition(|(_, buffer)| buffer.len() == length)?;
        self.free.remove(fitting).map(|(_, buffer)| buffer)
    }

    /// Not every vector that is taken comes back, and vectors allocated elsewhere are returned,
    /// too. Keeping more of a length than were taken would only use up memory.
    fn give(&mut self, buffer: Vec<f32>) {
        if let Some(lent @ 1..) = self.lent.get_mut(&buffer.len()) {
            *lent -= 1;
            self.free.push_back((self.requests, buffer));
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
        // It was the only one.
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
        assert_eq!(buffers.free.len(), 2);
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
