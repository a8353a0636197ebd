//! Memory that the kernels' results lie in, used again from step to step.
//!
//! A training step asks for the same tensors in the same sizes as the step before it. Fresh memory of such sizes comes
//! from the operating system page by page, each of them zeroed first, which costs more than many a kernel; memory that
//! was in use before comes as it is.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Shorter vectors are left to the allocator.
const SHORTEST: usize = 1 << 13;

/// A vector that has waited while this many were asked for has no use any more.
const PATIENCE: u64 = 4096;

struct Buffers {
    /// Those that wait, longest first, with the request that was the latest when they came.
    waiting: VecDeque<(u64, Vec<f32>)>,
    requests: u64,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers { waiting: VecDeque::new(), requests: 0 });

/// A vector of this length, whose numbers are to be overwritten: they may be anything.
pub(super) fn take(length: usize) -> Vec<f32> {
    if length < SHORTEST {
        return vec![0.0; length];
    }
    let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    buffers.requests += 1;
    let oldest = buffers.requests.saturating_sub(PATIENCE);
    while buffers.waiting.front().is_some_and(|&(came, _)| came < oldest) {
        buffers.waiting.pop_front();
    }
    // The latest of this length, which is most likely still in a cache.
    let fitting = buffers.waiting.iter().rposition(|(_, buffer)| buffer.len() == length);
    match fitting.and_then(|place| buffers.waiting.remove(place)) {
        Some((_, buffer)) => buffer,
        None => vec![0.0; length],
    }
}

/// Keeps a vector for [`take`].
pub(super) fn give(buffer: Vec<f32>) {
    if buffer.len() < SHORTEST {
        return;
    }
    let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let came = buffers.requests;
    buffers.waiting.push_back((came, buffer));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_taken_again() {
        let length = SHORTEST + 12_345;
        let mut buffer = take(length);
        buffer[7] = 7.0;
        let place = buffer.as_ptr();
        give(buffer);
        let again = take(length);
        assert_eq!((again.as_ptr(), again[7]), (place, 7.0));
        // There is no other.
        assert_eq!(take(length)[7], 0.0);
    }
}
