//! Maps the steps of several runs to one axis of steps, epochs or seconds.

use crate::run::{RunState, Series, TimeUnit};

/// Positions on the common axis per unit of time. Positions are whole numbers, and fine enough for
/// every screen.
pub(super) fn per_unit(unit: TimeUnit) -> u64 {
    match unit {
        TimeUnit::Steps => 1,
        TimeUnit::Epochs => 1_000_000,
        TimeUnit::Seconds => 1000,
    }
}

/// Position of a step of a run on the common axis; `None` if the length of its epochs is unknown.
pub(super) fn place(run: &RunState, unit: TimeUnit, step: u64) -> Option<u64> {
    match unit {
        TimeUnit::Steps => Some(step),
        TimeUnit::Epochs => {
            let epoch = run.started.as_ref().map(|started| started.steps_per_epoch)?;
            let places = u128::from(step) * u128::from(per_unit(unit));
            u64::try_from(places.checked_div(u128::from(epoch))?).ok()
        }
        TimeUnit::Seconds => Some((run.seconds_at(step) * per_unit(unit) as f64).round() as u64),
    }
}

/// A series of a run at its positions on the common axis. It grows with the run.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    series: Series,
    /// Number of values that were mapped, and the step of the last one.
    taken: (usize, Option<u64>),
}

impl Aligned {
    /// The series so far.
    pub(super) fn series(&self) -> &Series {
        &self.series
    }

    /// Removes all values.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Maps what is new in `source`, a series of `run`. Starts again if `source` was cut.
    pub(super) fn follow(&mut self, source: &Series, run: &RunState, unit: TimeUnit) {
        let newest = self.taken.0.checked_sub(1).and_then(|index| source.get(index));
        if newest.map(|(step, _)| step) != self.taken.1 {
            self.clear();
        }
        for (step, value) in (self.taken.0..source.len()).filter_map(|index| source.get(index)) {
            // The time between two recorded moments is an estimate, which later moments may
            // correct. Positions must not go back.
            let least = self.series.last().map_or(0, |(place, _)| place);
            if let Some(place) = place(run, unit, step) {
                self.series.push(place.max(least), value);
            }
        }
        self.taken = (source.len(), source.last().map(|(step, _)| step));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::train::Started;

    fn run() -> RunState {
        let mut run = RunState::default();
        run.started = Some(Arc::new(Started { steps_per_epoch: 40, ..Started::default() }));
        run.clock.push(10, 1.0);
        run.clock.push(20, 3.0);
        (run.step, run.seconds) = (20, 3.0);
        run
    }

    #[test]
    fn places_by_hand() {
        let run = run();
        assert_eq!(place(&run, TimeUnit::Steps, 15), Some(15));
        assert_eq!(place(&run, TimeUnit::Epochs, 15), Some(375_000));
        assert_eq!(place(&run, TimeUnit::Seconds, 15), Some(2000));
        assert_eq!(place(&RunState::default(), TimeUnit::Epochs, 15), None);
    }

    #[test]
    fn a_series_is_followed_as_it_grows_and_when_it_begins_anew() {
        let (run, mut source, mut aligned) = (run(), Series::default(), Aligned::default());
        source.push(10, 1.0);
        aligned.follow(&source, &run, TimeUnit::Seconds);
        source.push(20, 2.0);
        aligned.follow(&source, &run, TimeUnit::Seconds);
        aligned.follow(&source, &run, TimeUnit::Seconds);
        assert_eq!(aligned.series().iter().collect::<Vec<_>>(), [(1000, 1.0), (3000, 2.0)]);
        // The run went back to step 15.
        source.push(15, 9.0);
        aligned.follow(&source, &run, TimeUnit::Seconds);
        assert_eq!(aligned.series().iter().collect::<Vec<_>>(), [(1000, 1.0), (2000, 9.0)]);
    }
}
