//! Change of a weight vector as a permutation and its disjoint cycles (figure 13).

use serde::{Deserialize, Serialize};

/// Returns the permutation σ from one ranking of a vector to another.
///
/// Its vertices are the vector's values in ascending order: the v-th smallest weight, counted from
/// 0, becomes the σ\[v\]-th smallest.
///
/// # Panics
/// If the rankings differ in length or are not rankings.
pub fn permutation(before: &[u32], after: &[u32]) -> Vec<u32> {
    assert_eq!(before.len(), after.len(), "two rankings of one vector");
    let mut sigma = vec![0; before.len()];
    for (&from, &to) in before.iter().zip(after) {
        sigma[from as usize] = to;
    }
    sigma
}

/// Returns the disjoint cycles of a permutation without its fixed points. Each is written from its
/// smallest vertex on. The longest comes first; among cycles of equal length, the one with the
/// smallest vertex.
///
/// # Panics
/// If an entry is not below the permutation's length.
pub fn cycles(permutation: &[u32]) -> Vec<Vec<u32>> {
    let mut seen = vec![false; permutation.len()];
    let mut cycles = Vec::new();
    for start in 0..permutation.len() {
        let mut cycle = Vec::new();
        let mut vertex = start;
        while !seen[vertex] {
            seen[vertex] = true;
            cycle.push(vertex as u32);
            vertex = permutation[vertex] as usize;
        }
        if cycle.len() > 1 {
            cycles.push(cycle);
        }
    }
    cycles.sort_by_key(|cycle| std::cmp::Reverse(cycle.len()));
    cycles
}

/// Statistics of the disjoint cycles of a permutation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CycleSummary {
    /// Number of cycles of at least two vertices.
    pub cycles: usize,
    /// Number of vertices that stayed where they were.
    pub fixed_points: usize,
    /// Number of vertices of the longest cycle; 0 if nothing moved.
    pub longest: usize,
    /// Fraction of the vertices that moved, from 0 to 1; 0 for an empty permutation.
    pub moved: f64,
}

impl CycleSummary {
    /// Summarizes a permutation.
    ///
    /// # Panics
    /// As [`cycles()`].
    pub fn of(permutation: &[u32]) -> Self {
        let cycles = cycles(permutation);
        let moved: usize = cycles.iter().map(Vec::len).sum();
        Self {
            cycles: cycles.len(),
            fixed_points: permutation.len() - moved,
            longest: cycles.first().map_or(0, Vec::len),
            moved: moved as f64 / permutation.len().max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_permutation_maps_old_ranks_to_new_ones() {
        // The largest weight became the smallest; the other two moved up by one rank.
        assert_eq!(permutation(&[2, 0, 1], &[0, 1, 2]), [1, 2, 0]);
        assert_eq!(permutation(&[2, 0, 1], &[2, 0, 1]), [0, 1, 2]);
    }

    #[test]
    fn cycles_come_longest_first_from_their_smallest_vertex() {
        // (0 5)(1)(2 4)(3 8 6)(7)
        let permutation = [5, 1, 4, 8, 2, 0, 3, 7, 6];
        assert_eq!(cycles(&permutation), [vec![3, 8, 6], vec![0, 5], vec![2, 4]]);
        assert_eq!(
            CycleSummary::of(&permutation),
            CycleSummary { cycles: 3, fixed_points: 2, longest: 3, moved: 7.0 / 9.0 },
        );
    }

    #[test]
    fn the_identity_has_only_fixed_points() {
        let identity = CycleSummary { cycles: 0, fixed_points: 3, longest: 0, moved: 0.0 };
        assert_eq!(CycleSummary::of(&[0, 1, 2]), identity);
        assert_eq!(CycleSummary::of(&[]), CycleSummary { fixed_points: 0, ..identity });
    }

    fn rankings() -> impl Strategy<Value = (Vec<u32>, Vec<u32>)> {
        (0u32..200).prop_flat_map(|len| {
            let ranks: Vec<u32> = (0..len).collect();
            (Just(ranks.clone()).prop_shuffle(), Just(ranks).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn a_permutation_leads_from_one_ranking_to_the_other((before, after) in rankings()) {
            let sigma = permutation(&before, &after);
            let moved: Vec<u32> = before.iter().map(|&rank| sigma[rank as usize]).collect();
            prop_assert_eq!(moved, after);
        }

        #[test]
        fn cycles_and_fixed_points_partition_the_vertices((before, after) in rankings()) {
            let sigma = permutation(&before, &after);
            let mut visits = vec![0; sigma.len()];
            for cycle in cycles(&sigma) {
                for (i, &vertex) in cycle.iter().enumerate() {
                    visits[vertex as usize] += 1;
                    prop_assert_eq!(sigma[vertex as usize], cycle[(i + 1) % cycle.len()]);
                }
            }
            for (vertex, &visits) in visits.iter().enumerate() {
                prop_assert_eq!(visits, usize::from(sigma[vertex] as usize != vertex));
            }
        }
    }
}
