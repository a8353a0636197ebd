//! Lookahead (Zhang et al. 2019), whose structure LaPerm shares, as a baseline.

use thiserror::Error;

/// Slow weights φ that follow the fast weights θ of an inner optimizer: k steps forward, one back.
///
/// As for LaPerm, a [`SyncClock`](super::SyncClock) determines when to synchronize.
///
/// ```
/// use laperm::method::Lookahead;
///
/// let mut fast = vec![1.0, 2.0];
/// let mut lookahead = Lookahead::new(&fast, 0.5)?;
/// fast = vec![3.0, 0.0]; // steps of an inner optimizer
/// lookahead.sync(&mut fast);
/// assert_eq!(fast, [2.0, 1.0]);
/// # Ok::<(), laperm::method::LookaheadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lookahead {
    slow: Vec<f32>,
    alpha: f32,
}

/// Why a lookahead cannot be created.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum LookaheadError {
    /// The slow step size is outside (0, 1].
    #[error("the lookahead step size is {alpha}; it must be above 0 and at most 1")]
    StepSize {
        /// The requested step size.
        alpha: f32,
    },
}

impl Lookahead {
    /// Starts with slow weights equal to the `fast` ones. The slow step size `alpha` (α) is in (0,
    /// 1]. With 1, a synchronization leaves the fast weights unchanged, up to rounding.
    ///
    /// # Errors
    /// If alpha is not in (0, 1].
    pub fn new(fast: &[f32], alpha: f32) -> Result<Self, LookaheadError> {
        if !(alpha > 0.0 && alpha <= 1.0) {
            return Err(LookaheadError::StepSize { alpha });
        }
        Ok(Self { slow: fast.to_vec(), alpha })
    }

    /// Synchronizes: φ ← φ + α (θ - φ), then θ ← φ.
    ///
    /// # Panics
    /// If the numbers of fast and slow weights differ.
    pub fn sync(&mut self, fast: &mut [f32]) {
        assert_eq!(fast.len(), self.slow.len(), "as many fast weights as slow ones");
        for (slow, fast) in self.slow.iter_mut().zip(fast) {
            *slow += self.alpha * (*fast - *slow);
            *fast = *slow;
        }
    }

    /// The slow weights φ, as of the last synchronization.
    pub fn slow(&self) -> &[f32] {
        &self.slow
    }

    /// The slow step size α.
    pub fn alpha(&self) -> f32 {
        self.alpha
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::SyncClock;
    use std::num::NonZero;

    /// The inner optimizer subtracts 1 in each step. With k = 2 and α = 0.5, every two steps
    /// forward are followed by one back.
    #[test]
    fn the_path_is_solvable_by_hand() {
        let mut fast = [3.0];
        let mut lookahead = Lookahead::new(&fast, 0.5).unwrap();
        let mut clock = SyncClock::new(NonZero::new(2).unwrap());
        let mut path = Vec::new();
        for _ in 0..6 {
            fast[0] -= 1.0;
            path.push(fast[0]);
            if clock.tick() {
                lookahead.sync(&mut fast);
                path.push(fast[0]);
            }
        }
        assert_eq!(path, [2.0, 1.0, 2.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0]);
        assert_eq!(lookahead.slow(), [0.0]);
    }

    #[test]
    fn a_whole_slow_step_is_the_inner_optimizer_alone() {
        let mut lookahead = Lookahead::new(&[1.0, 2.0], 1.0).unwrap();
        let mut fast = [0.5, -5.0];
        lookahead.sync(&mut fast);
        assert_eq!(fast, [0.5, -5.0]);
        assert_eq!(lookahead.slow(), [0.5, -5.0]);
    }

    #[test]
    fn step_sizes_outside_their_range_are_refused() {
        for alpha in [0.0, -0.5, 1.5] {
            let refused = Lookahead::new(&[1.0], alpha).unwrap_err();
            assert_eq!(refused, LookaheadError::StepSize { alpha });
        }
        assert!(Lookahead::new(&[1.0], f32::NAN).is_err());
    }
}
