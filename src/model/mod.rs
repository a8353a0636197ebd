//! Networks: their layers, what they learn, how it starts, and how values flow through them.
//!
//! A network is a sequence of [`Layer`]s, whether it is one of the paper's ([`Published`]) or written in an
//! experiment. [`Network::new`] checks it against the data and lists its [`Parameter`]s; their numbers live apart
//! from it, in [`Weights`], one flat tensor each, whose weight vectors are contiguous slices.

mod adopt;
mod file;
mod forward;
mod fuse;
mod initial;
mod layer;
mod network;
mod parameter;
mod plan;

pub use adopt::{AdoptError, Adopted, Matching, adopt};
pub(crate) use file::write_atomically;
pub use file::{NamedTensor, WeightsFile, WeightsFileError};
pub use forward::{Draw, PackedWeights, Statistics, Weights};
pub use initial::{BiasInitializer, InitialError, Initializer, initial_values, pruning_priority};
pub use layer::{Activation, Layer, Padding};
pub use network::{Network, ShapeError};
pub use parameter::{Parameter, Role};
