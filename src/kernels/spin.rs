//! Keeping a second worker thread awake while there are many small pieces of work to share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rayon::Yield;

/// Runs `act` while another worker of the rayon pool, if there is one, spins and looks for work.
///
/// A training step of a small network consists of many parallel loops of some ten microseconds
/// each. A worker that falls asleep after each loop has to be woken for the next, which takes about
/// as long as the loop itself.
pub(crate) fn with_spinning_worker<T>(act: impl FnOnce() -> T) -> T {
    if rayon::current_num_threads() < 2 {
        return act();
    }
    let caller = rayon::current_thread_index();
    let over = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        scope.spawn(|_| {
            // While the caller waits for other workers, it may take this job itself. It must not
            // spin then: it would wait for its own end.
            if rayon::current_thread_index() != caller {
                spin_until(&over);
            }
        });
        // Ends the spinning even if `act` panics.
        let _end = SetOnDrop(&over);
        act()
    })
}

/// Executes the pool's jobs until `over` is set.
fn spin_until(over: &AtomicBool) {
    #[cfg(test)]
    let _spinning = tests::Spinning::begin();
    while !over.load(Ordering::Relaxed) {
        if rayon::yield_now() != Some(Yield::Executed) {
            thread::yield_now();
        }
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::{Duration, Instant};

    use rayon::ThreadPool;
    use rayon::prelude::*;

    use super::*;

    thread_local! {
        static SPINNING: Cell<bool> = const { Cell::new(false) };
    }

    /// Marks this thread as spinning until it is dropped.
    pub(super) struct Spinning;

    impl Spinning {
        pub(crate) fn begin() -> Self {
            SPINNING.set(true);
            Spinning
        }
    }

    impl Drop for Spinning {
        fn drop(&mut self) {
            SPINNING.set(false);
        }
    }

    fn on<T: Send>(threads: usize, act: impl FnOnce(&ThreadPool) -> T + Send) -> T {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| act(&pool))
    }

    /// Number of workers that are spinning.
    fn spinning() -> usize {
        rayon::broadcast(|_| SPINNING.get()).into_iter().filter(|&spinning| spinning).count()
    }

    /// Waits, without executing jobs, until another worker has taken the one that spins.
    fn wait_until_taken(pool: &ThreadPool) {
        let begun = Instant::now();
        while pool.current_thread_has_pending_tasks() != Some(false) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no worker takes the job");
            thread::yield_now();
        }
    }

    #[test]
    fn one_other_worker_spins_during_the_call_and_none_after_it() {
        for threads in [2, 3] {
            let [during, after] = on(threads, |pool| {
                let during = with_spinning_worker(|| {
                    wait_until_taken(pool);
                    spinning()
                });
                [during, spinning()]
            });
            assert_eq!([during, after], [1, 0], "{threads} threads");
        }
    }

    #[test]
    fn a_single_thread_does_not_spin() {
        assert_eq!(on(1, |_| with_spinning_worker(spinning)), 0);
    }

    #[test]
    fn work_is_shared_out_and_done() {
        for threads in [1, 2, 3] {
            let sums = on(threads, |_| {
                let sum = |n: u64| (0..n).into_par_iter().sum::<u64>();
                let twice = |n| with_spinning_worker(|| with_spinning_worker(|| sum(n)) + sum(n));
                (1..=200).map(twice).collect::<Vec<_>>()
            });
            assert!((1..=200).zip(sums).all(|(n, sum)| sum == n * (n - 1)));
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_ends_the_spinning() {
        let [caught, spinning] = on(2, |pool| {
            let act = || {
                with_spinning_worker(|| {
                    wait_until_taken(pool);
                    panic!("on purpose")
                })
            };
            let caught = catch_unwind(AssertUnwindSafe(act)).is_err();
            [usize::from(caught), spinning()]
        });
        assert_eq!([caught, spinning], [1, 0]);
    }
}
