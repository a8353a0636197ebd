//! Which weights start at zero (section 5.4 of the paper).
//!
//! Every weight is given a priority once, and the pruning ratio p takes those of lowest priority.
//! A larger p therefore prunes what a smaller one did and more: masks are nested, and p may go up
//! and down during training without any new randomness.

use super::ranking::rank_vectors;
use serde::{Deserialize, Serialize};

/// How a pruning ratio p picks the weights that start at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PruneRule {
    /// Each weight by itself, with probability p: those whose priority is below p. The number of
    /// zeros differs from vector to vector.
    #[default]
    Independent,
    /// The same number, p times its length rounded to the nearest, in every vector: those of lowest
    /// priority, ties by position.
    Exact,
}

/// A pruning rule with what it needs to know of every weight's priority.
#[derive(Debug, Clone)]
pub(super) enum Priority {
    /// The priority itself, uniform in [0, 1).
    Independent(Vec<f32>),
    /// The rank of the priority within the weight's vector.
    Exact { ranks: Vec<u32>, len: usize },
}

impl Priority {
    pub fn new(rule: PruneRule, priority: Vec<f32>, len: usize) -> Self {
        match rule {
            PruneRule::Independent => Self::Independent(priority),
            PruneRule::Exact => {
                let mut ranks = vec![0; priority.len()];
                rank_vectors(&priority, len, &mut ranks);
                Self::Exact { ranks, len }
            }
        }
    }

    /// Zeroes those of `weights` that a pruning ratio of `p` takes.
    pub fn prune(&self, weights: &mut [f32], p: f64) {
        match self {
            Self::Independent(priority) => {
                zero_where(weights, priority, |&priority| f64::from(priority) < p);
            }
            Self::Exact { ranks, len } => {
                let zeros = (p * *len as f64).round();
                zero_where(weights, ranks, |&rank| f64::from(rank) < zeros);
            }
        }
    }
}

fn zero_where<T>(weights: &mut [f32], properties: &[T], pruned: impl Fn(&T) -> bool) {
    for (weight, property) in weights.iter_mut().zip(properties) {
        if pruned(property) {
            *weight = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIORITY: [f32; 6] = [0.1, 0.6, 0.5, 0.7, 0.7, 0.9];

    fn pruned(rule: PruneRule, p: f64) -> [f32; 6] {
        let mut weights = [1.0; 6];
        Priority::new(rule, PRIORITY.to_vec(), 3).prune(&mut weights, p);
        weights
    }

    #[test]
    fn independent_takes_priorities_below_p() {
        assert_eq!(pruned(PruneRule::Independent, 0.0), [1.0; 6]);
        assert_eq!(pruned(PruneRule::Independent, 0.5), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(pruned(PruneRule::Independent, 0.75), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn exact_takes_as_many_of_each_vector_and_ties_by_position() {
        assert_eq!(pruned(PruneRule::Exact, 0.1), [1.0; 6]);
        assert_eq!(pruned(PruneRule::Exact, 0.4), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(pruned(PruneRule::Exact, 0.6), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn rules_are_written_in_lower_case() {
        assert_eq!(serde_json::to_string(&PruneRule::Exact).unwrap(), "\"exact\"");
        assert_eq!(PruneRule::default(), PruneRule::Independent);
    }
}
