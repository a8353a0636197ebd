//! A second thread that is awake when there is something to share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rayon::Yield;

/// Runs `act` while another thread of the pool, if there is one, keeps asking for work.
///
/// A training step of a small network shares out many pieces of work of some ten microseconds each. A thread that falls
/// asleep after each of them is woken for the next, which takes as long again.
pub fn attended<T>(act: impl FnOnce() -> T) -> T {
    if rayon::current_num_threads() < 2 {
        return act();
    }
    let here = rayon::current_thread_index();
    let over = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        scope.spawn(|_| {
            // This thread takes it when it waits for others, and would wait for itself.
            if rayon::current_thread_index() == here {
                return;
            }
            while !over.load(Ordering::Relaxed) {
                if rayon::yield_now() != Some(Yield::Executed) {
                    thread::yield_now();
                }
            }
        });
        // However `act` ends.
        let _over = Over(&over);
        act()
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::prelude::*;

    use super::*;

    fn on<T: Send>(threads: usize, act: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(act)
    }

    #[test]
    fn work_is_shared_out_and_done() {
        for threads in [1, 2, 3] {
            let sums = on(threads, || {
                let sum = |n: u64| (0..n).into_par_iter().sum::<u64>();
                (1..=200).map(|n| attended(|| attended(|| sum(n)) + sum(n))).collect::<Vec<_>>()
            });
            assert!((1..=200).zip(sums).all(|(n, sum)| sum == n * (n - 1)));
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits() {
        let caught = on(2, || {
            catch_unwind(AssertUnwindSafe(|| attended(|| panic!("of its own accord")))).is_err()
        });
        assert!(caught);
    }
}
