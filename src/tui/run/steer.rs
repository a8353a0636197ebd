//! The values that keys step k and p through.

/// The next larger value of 1, 2, 5, 10, 20, 50, …
pub(super) fn period_up(k: u64) -> u64 {
    rungs().find(|&rung| rung > k).unwrap_or(k)
}

/// The next smaller value, or 1.
pub(super) fn period_down(k: u64) -> u64 {
    rungs().take_while(|&rung| rung < k).last().unwrap_or(1)
}

/// The values of k, up to more steps than any run takes.
fn rungs() -> impl Iterator<Item = u64> {
    (0..16).flat_map(|decade| [1, 2, 5].map(|digit| digit * 10u64.pow(decade)))
}

/// `p` changed by this many percentage points: in whole percent, and at most 95 % unless it was
/// more before.
pub(super) fn pruning_by(p: f64, points: f64) -> f64 {
    let most = 95f64.max((p * 100.0).round());
    ((p * 100.0).round() + points).clamp(0.0, most.min(99.0)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_of_periods() {
        let up: Vec<u64> =
            std::iter::successors(Some(1), |&k| Some(period_up(k))).take(6).collect();
        assert_eq!(up, [1, 2, 5, 10, 20, 50]);
        assert_eq!((period_up(30), period_down(30)), (50, 20));
        assert_eq!((period_up(0), period_down(1), period_down(0)), (1, 1, 1));
        assert_eq!((period_up(u64::MAX), period_down(u64::MAX)), (u64::MAX, 5_000_000_000_000_000));
    }

    #[test]
    fn pruning_by_points() {
        assert_eq!(pruning_by(0.0, 5.0), 0.05);
        assert_eq!(pruning_by(0.333, 5.0), 0.38);
        assert_eq!(pruning_by(0.03, -5.0), 0.0);
        assert_eq!(pruning_by(0.93, 5.0), 0.95);
        assert_eq!(pruning_by(0.98, 5.0), 0.98);
        assert_eq!(pruning_by(0.98, -5.0), 0.93);
    }
}
