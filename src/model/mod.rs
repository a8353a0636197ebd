//! Networks: layers, parameters, initial weights, and the forward pass.
//!
//! A network is a sequence of [`Layer`]s. [`Network::new`] checks it against the shape of the data
//! and lists its [`Parameter`]s. Their values are separate, in [`Weights`]: one flat tensor per
//! parameter, in which each weight vector is a contiguous slice.

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
pub use network::Network;
pub use parameter::{Parameter, Role};
pub use plan::ShapeError;
