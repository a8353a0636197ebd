//! Selection of the weights that start at zero (section 5.4 of the paper).
//!
//! Each weight gets a priority once, and the pruning ratio p selects those of lowest priority. A
//! larger p therefore prunes all weights that a smaller one does, and more: masks are nested, and p
//! may go up and down during training without further random numbers.

use super::ranking::rank_vectors;
use serde::{Deserialize, Serialize};

/// Rule by which a pruning ratio p selects the weights that start at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PruneRule {
    /// Each weight independently, with probability p: those whose priority is below p. The number
    /// of zeros varies between vectors.
    #[default]
    Independent,
    /// The same number in each vector, p times its length rounded to nearest: those of lowest
    /// priority, with ties broken by position.
    Exact,
}

/// Priorities of all weights, in the form that the rule needs.
#[derive(Debug, Clone)]
pub(super) enum Priority {
    /// Priority of each weight, uniform in [0, 1).
    Independent(Vec<f32>),
    /// Rank of each weight's priority within its vector.
    Exact { ranks: Vec<u32>, len: usize },
}

impl Priority {
    pub(super) fn new(rule: PruneRule, priority: Vec<f32>, len: usize) -> Self {
        match rule {
            PruneRule::Independent => Self::Independent(priority),
            PruneRule::Exact => {
                let mut ranks = vec![0; priority.len()];
                rank_vectors(&priority, len, &mut ranks);
                Self::Exact { ranks, len }
            }
        }
    }

    /// Sets those of `weights` to zero that a pruning ratio of `p` selects.
    pub(super) fn prune(&self, weights: &mut [f32], p: f64) {
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
