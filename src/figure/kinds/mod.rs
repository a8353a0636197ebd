//! The kinds of figures, one file each.
//!
//! A kind declares a constant `KIND`: its name, a description, and the function that collects its
//! data and returns how to draw it. A new kind is its file, its `mod` line and its row in
//! [`Kind::ALL`].

pub(crate) mod accuracy;
mod agnostic;
pub(crate) mod cycles;
pub(crate) mod distance;
pub(crate) mod distribution;
mod k_sweep;
pub(crate) mod profiles;
mod prune_sweep;
pub(crate) mod reconnection;

use super::kind::Kind;

impl Kind {
    /// Every kind, in the order of the help.
    pub const ALL: &'static [Kind] = &[
        accuracy::KIND,
        distance::KIND,
        distribution::KIND,
        profiles::KIND,
        cycles::KIND,
        reconnection::KIND,
        k_sweep::KIND,
        prune_sweep::KIND,
        agnostic::KIND,
    ];
}
