//! The synchronization schedule.

use serde::{Deserialize, Serialize};
use std::num::NonZero;

/// Counts the steps since the last synchronization and reports when the next one is due.
///
/// While the period k is constant, synchronizations fall on the steps that k divides, as in the
/// paper. Counting from the last one, rather than dividing the step, also handles a k that changes
/// during training: if a lowered k makes a synchronization overdue, it happens at the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncClock {
    period: NonZero<u64>,
    steps_since_sync: u64,
}

impl SyncClock {
    /// A clock for a synchronization every `period` (k) steps. No steps are counted yet.
    pub fn new(period: NonZero<u64>) -> Self {
        Self { period, steps_since_sync: 0 }
    }

    /// Counts one step of the inner optimizer. Returns true if a synchronization is due after it,
    /// and then restarts the count.
    #[must_use]
    pub fn tick(&mut self) -> bool {
        self.steps_since_sync += 1;
        let due = self.steps_since_sync >= self.period.get();
        if due {
            self.reset();
        }
        due
    }

    /// Restarts the count, after a synchronization outside the schedule.
    pub fn reset(&mut self) {
        self.steps_since_sync = 0;
    }

    /// Changes the period k from the next step on.
    pub fn set_period(&mut self, period: NonZero<u64>) {
        self.period = period;
    }

    /// The synchronization period k, in steps.
    pub fn period(self) -> NonZero<u64> {
        self.period
    }

    /// Number of steps of the inner optimizer since the last synchronization.
    pub fn steps_since_sync(self) -> u64 {
        self.steps_since_sync
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clock(period: u64) -> SyncClock {
        SyncClock::new(NonZero::new(period).unwrap())
    }

    #[test]
    fn a_lowered_period_never_skips_its_sync() {
        let mut clock = clock(100);
        assert!((0..50).all(|_| !clock.tick()));
        clock.set_period(NonZero::new(20).unwrap());
        assert!(clock.tick());
        assert!((0..19).all(|_| !clock.tick()));
        assert!(clock.tick());
    }

    #[test]
    fn a_raised_period_counts_from_the_last_sync() {
        let mut clock = clock(2);
        assert_eq!([clock.tick(), clock.tick(), clock.tick()], [false, true, false]);
        clock.set_period(NonZero::new(3).unwrap());
        assert_eq!([clock.tick(), clock.tick()], [false, true]);
    }

    #[test]
    fn a_sync_out_of_turn_starts_the_count_again() {
        let mut clock = clock(3);
        assert_eq!([clock.tick(), clock.tick()], [false, false]);
        assert_eq!(clock.steps_since_sync(), 2);
        clock.reset();
        assert_eq!([clock.tick(), clock.tick(), clock.tick()], [false, false, true]);
    }

    proptest! {
        #[test]
        fn a_constant_period_divides_the_steps_of_its_syncs(period in 1u64..50) {
            let mut clock = clock(period);
            for step in 1..=200 {
                prop_assert_eq!(clock.tick(), step % period == 0);
            }
        }
    }
}
