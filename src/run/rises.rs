//! Sharp rises of the ranking distance in a saturated phase: a sign of overfitting (appendix A.3 of
//! the paper).
//!
//! The paper reads the mean ranking distance as the intensity of learning: "when the network enters
//! the phase where only a few permutations happen", learning "is nearly saturated", and "during
//! such a saturated phase, any sharp jump in the mean of distance could be a sign of overfitting".
//! Here these terms are defined as follows:
//!
//! - The *level* of the distance is the median of [`WINDOW`] consecutive measurements, so that
//!   outliers do not count, even if they are nearly half of the measurements.
//! - A phase is *saturated* if each of the last [`CALM_WINDOWS`] levels is at most the highest
//!   level of the run divided by [`SATURATED`]. The highest of these levels is the *calm* level.
//! - A *sharp rise* is a level of at least [`SHARP`] times the calm level and at least the highest
//!   level of the run divided by [`VISIBLE`], since below that a rise is only a few swaps. It lasts
//!   as long as the level meets both bounds.
//!
//! A change of the hyperparameters, manual or scheduled, changes the distance for another reason:
//! after it, the calm level must be found again.

use std::collections::VecDeque;

/// Number of measurements whose median is a level.
pub(super) const WINDOW: usize = 100;

/// Number of levels that the next one is compared with.
pub(super) const CALM_WINDOWS: usize = 5;

/// A saturated level is at most the highest level divided by this.
pub(super) const SATURATED: f32 = 5.0;

/// A sharp rise is at least this many times the calm level.
pub(super) const SHARP: f32 = 2.0;

/// A sharp rise is at least the highest level divided by this.
pub(super) const VISIBLE: f32 = 10.0;

/// A sharp rise of the ranking distance in a saturated phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpRise {
    /// Step of the first measurement in the first level of the rise.
    pub step: u64,
    /// The calm level before it, in the unit of the measurements.
    pub calm: f32,
    /// The highest level of the rise so far.
    pub level: f32,
    /// The highest level of the run before it.
    pub busiest: f32,
}

impl SharpRise {
    /// Ratio of the highest level of the rise to the calm level; infinite if nothing moved before.
    pub fn ratio(&self) -> f32 {
        self.level / self.calm
    }
}

/// The sharp rises of one series: a fold of its measurements.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SharpRises {
    rises: Vec<SharpRise>,
    /// Step of the latest measurement.
    newest: u64,
    /// Measurements of the incomplete level.
    window: Vec<f32>,
    /// Step of the first of them.
    since: u64,
    /// The latest levels, oldest first.
    levels: VecDeque<f32>,
    /// The highest level so far.
    busiest: f32,
    /// The rise in progress.
    rising: Option<SharpRise>,
}

impl SharpRises {
    /// Adds a measurement at `step`, unless it is not finite. If `step` is before the latest one
    /// (the run went back to an earlier state), the rises from there on are removed first.
    pub fn push(&mut self, step: u64, value: f32) {
        if step < self.newest {
            self.go_back(step);
        }
        self.newest = step;
        if !value.is_finite() {
            return;
        }
        if self.window.is_empty() {
            self.since = step;
        }
        self.window.push(value);
        if self.window.len() == WINDOW {
            let level = median(&mut self.window);
            self.window.clear();
            self.add_level(level);
        }
    }

    /// Ends the saturated phase because of a change that may affect the distance.
    pub fn disturb(&mut self) {
        self.window.clear();
        self.levels.clear();
        self.end_rise();
    }

    /// Iterates over the rises, oldest first. The last one may be in progress.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &SharpRise> {
        self.rises.iter().chain(&self.rising)
    }

    fn go_back(&mut self, step: u64) {
        self.disturb();
        self.rises.retain(|rise| rise.step < step);
    }

    fn add_level(&mut self, level: f32) {
        let threshold = |calm: f32, busiest: f32| (SHARP * calm).max(busiest / VISIBLE);
        match &mut self.rising {
            Some(rise) if level >= threshold(rise.calm, rise.busiest) => {
                rise.level = rise.level.max(level);
            }
            Some(_) => self.end_rise(),
            None if self.levels.len() == CALM_WINDOWS => {
                let calm = self.levels.iter().copied().fold(0.0, f32::max);
                let busiest = self.busiest;
                let saturated = busiest > 0.0 && calm <= busiest / SATURATED;
                if saturated && level >= threshold(calm, busiest) {
                    self.rising = Some(SharpRise { step: self.since, calm, level, busiest });
                }
            }
            None => {}
        }
        self.busiest = self.busiest.max(level);
        if self.levels.len() == CALM_WINDOWS {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
    }

    fn end_rise(&mut self) {
        if let Some(rise) = self.rising.take() {
            self.rises.push(rise);
        }
    }
}

/// Returns the median; of an even number of values, the upper one of the middle two.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A series of (number of windows, level). Measurements scatter around the level by the share
    /// `noise`.
    fn rises(levels: &[(usize, f32)], noise: f32) -> SharpRises {
        let mut rises = SharpRises::default();
        feed(&mut rises, 1, levels, noise);
        rises
    }

    /// Adds levels from `step` on; returns the next step.
    fn feed(rises: &mut SharpRises, mut step: u64, levels: &[(usize, f32)], noise: f32) -> u64 {
        for &(windows, level) in levels {
            for i in 0..windows * WINDOW {
                let scatter = 1.0 + noise * ((i * 7 % 11) as f32 / 5.0 - 1.0);
                rises.push(step, level * scatter);
                step += 1;
            }
        }
        step
    }

    fn found(rises: &SharpRises) -> Vec<SharpRise> {
        rises.iter().copied().collect()
    }

    #[test]
    fn a_jump_in_a_saturated_phase_is_told_with_its_numbers() {
        let rises = rises(&[(4, 10.0), (5, 1.0), (1, 3.0), (1, 6.0), (1, 1.0)], 0.0);
        let expected = SharpRise { step: 901, calm: 1.0, level: 6.0, busiest: 10.0 };
        assert_eq!(found(&rises), [expected]);
        assert_eq!(expected.ratio(), 6.0);
    }

    #[test]
    fn one_that_goes_on_is_one_and_another_one_is_another() {
        let calm = (CALM_WINDOWS, 1.0);
        let rises = rises(&[(1, 10.0), calm, (3, 2.0), (1, 1.9), calm, (1, 4.0)], 0.0);
        let steps: Vec<u64> = found(&rises).iter().map(|rise| rise.step).collect();
        assert_eq!(steps, [601, 1501]);
    }

    #[test]
    fn a_phase_is_saturated_at_a_fifth_of_the_busiest_and_not_before() {
        let jump = |calm| rises(&[(1, 10.0), (5, calm), (1, 3.0 * calm)], 0.0);
        assert_eq!(found(&jump(2.0)).len(), 1);
        assert_eq!(found(&jump(2.1)), []);
    }

    #[test]
    fn it_takes_five_calm_windows() {
        let jump = |windows| rises(&[(1, 10.0), (windows, 1.0), (1, 3.0)], 0.0);
        assert_eq!((found(&jump(4)).len(), found(&jump(5)).len()), (0, 1));
    }

    #[test]
    fn single_measurements_decide_nothing() {
        let mut rises = rises(&[(1, 10.0), (5, 1.0)], 0.0);
        // Nearly half of the measurements are as high as ever.
        for i in 0..WINDOW as u64 {
            rises.push(601 + i, if i % 100 < 49 { 10.0 } else { 1.0 });
        }
        assert_eq!(found(&rises), []);
    }

    #[test]
    fn more_than_hardly_any_swaps_is_still_hardly_any() {
        assert_eq!(found(&rises(&[(1, 10.0), (5, 0.0), (1, 0.9)], 0.0)), []);
        let rise = found(&rises(&[(1, 10.0), (5, 0.0), (1, 1.0)], 0.0));
        assert_eq!(rise[0].ratio(), f32::INFINITY);
    }

    #[test]
    fn what_was_changed_by_hand_is_no_sign() {
        let mut rises = rises(&[(1, 10.0), (5, 1.0)], 0.0);
        rises.disturb();
        let step = feed(&mut rises, 601, &[(5, 8.0), (5, 1.5)], 0.0);
        assert_eq!(found(&rises), []);
        // A rise long after it is one.
        feed(&mut rises, step, &[(1, 4.0)], 0.0);
        assert_eq!(found(&rises).len(), 1);
    }

    #[test]
    fn a_run_that_goes_back_forgets_what_came_after() {
        let mut rises = rises(&[(1, 10.0), (5, 1.0), (1, 3.0)], 0.0);
        assert_eq!(found(&rises).len(), 1);
        feed(&mut rises, 601, &[(1, 3.0)], 0.0);
        assert_eq!(found(&rises), []);
    }

    #[test]
    fn gaps_are_left_out() {
        let mut rises = rises(&[(1, 10.0), (5, 1.0)], 0.0);
        (601..1601).for_each(|step| rises.push(step, f32::NAN));
        feed(&mut rises, 2001, &[(1, 3.0)], 0.0);
        assert_eq!(found(&rises)[0].step, 2001);
    }

    proptest! {
        #[test]
        fn a_falling_curve_and_a_noisy_flat_one_are_silent(
            start in 0.01f32..1000.0,
            shrink in 0.9f32..1.0,
            values in prop::collection::vec(0.5f32..1.5, 2000),
        ) {
            let mut falling = SharpRises::default();
            let mut noisy = SharpRises::default();
            // A busy start, so that the rest counts as saturated.
            (0..200).for_each(|step| noisy.push(step, 20.0 * start));
            for (step, value) in values.iter().enumerate() {
                falling.push(step as u64, start * shrink.powi(step as i32));
                noisy.push(200 + step as u64, start * value);
            }
            prop_assert_eq!(falling.iter().count(), 0);
            prop_assert_eq!(noisy.iter().count(), 0);
        }
    }
}
