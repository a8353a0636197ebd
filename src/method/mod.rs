//! LaPerm: training a network by permuting its initial weights, and nothing else.
//!
//! The incoming weights of one neuron, flattened, are a *weight vector* w_j. Its *ranking* R_j
//! states for each entry how many entries of the vector come before it in ascending order (section
//! 3 of *Train by Reconnect*, Qiu and Suda 2020). Before training, each weight vector of the
//! initial weights θ_0 is sorted and stored as θ_sorted, here a [`Reservoir`]. An inner optimizer
//! of any kind then updates the weights, and every k steps they are *synchronized*: each vector is
//! overwritten by the values of the reservoir in the vector's current ranking.
//!
//! ```text
//! Require: loss L, initial weights θ_0, synchronization period k, inner optimizer Opt
//! θ_sorted ← each weight vector of θ_0, sorted                      Reservoir::new
//! for t = 1, 2, …
//!     sample a mini-batch d_t
//!     θ_t ← θ_{t-1} + Opt(L, θ_{t-1}, d_t)
//!     if k divides t                                                SyncClock::tick
//!         θ_t ← σ_θt(θ_sorted)                                      Reservoir::sync
//! ```
//!
//! The values that the optimizer computes are thus discarded again and again, while their order
//! survives, and the trained weights are a permutation of the initial ones, vector by vector. To
//! see what moved, compare rankings: step by step as a [`RankingDistance`], or between two
//! synchronizations as a [`permutation()`] and its [`cycles()`]. A [`Profile`] summarizes the
//! values themselves.
//!
//! All functions work on plain slices in which each weight vector is contiguous: vector j of a
//! matrix with vectors of length `len` is `values[j * len..(j + 1) * len]`. Every result is
//! bit-identical on any number of threads.
//!
//! Here is Algorithm 1 by hand: one neuron, the loss ½ Σ (θ - target)², gradient descent as the
//! inner optimizer, and k = 2.
//!
//! ```
//! use laperm::method::{Reservoir, SyncClock, cycles, permutation, ranking};
//! use std::num::NonZero;
//!
//! let initial = vec![0.3, -0.1, 0.2, 0.5];
//! let target = [1.0, 0.0, 0.5, -1.0];
//! let reservoir = Reservoir::new(initial.clone(), 4)?;
//! let mut clock = SyncClock::new(NonZero::new(2).unwrap());
//!
//! let mut weights = initial.clone();
//! for _step in 1..=4 {
//!     for (weight, target) in weights.iter_mut().zip(target) {
//!         *weight -= 0.5 * (*weight - target);
//!     }
//!     if clock.tick() {
//!         reservoir.sync(&mut weights);
//!     }
//! }
//!
//! // The initial values, in the order of the target.
//! assert_eq!(weights, [0.5, 0.2, 0.3, -0.1]);
//! assert_eq!(ranking(&weights), ranking(&target));
//! // In ascending order, each value went where the next larger one had been, and the largest where
//! // the smallest had been: one cycle.
//! let sigma = permutation(&ranking(&initial), &ranking(&weights));
//! assert_eq!(cycles(&sigma), [[0, 1, 2, 3]]);
//! # Ok::<(), laperm::method::ReservoirError>(())
//! ```

mod argsort;
mod clock;
mod coding;
mod cycles;
mod distance;
mod distribution;
mod lookahead;
mod profile;
mod prune;
mod ranking;
mod reachable;
mod reorder;
mod reservoir;
mod vectors;

pub use clock::SyncClock;
pub use coding::CodingError;
pub use cycles::{CycleSummary, cycles, permutation};
pub use distance::{RankChange, RankingDistance};
pub use distribution::{Distribution, PERCENTILES};
pub use lookahead::{Lookahead, LookaheadError};
pub(crate) use profile::evenly;
pub use profile::{FEW_VECTORS, Profile, QUANTILES, sample, similarity};
pub use prune::PruneRule;
pub use ranking::{is_ranking, order, rank_vectors, ranking, sort_vectors};
pub use reachable::log10_reachable;
pub use reorder::{OrderedMatrix, invert, reorder};
pub use reservoir::{Reservoir, ReservoirError};
pub use vectors::VectorShape;
pub(crate) use vectors::all_finite;
