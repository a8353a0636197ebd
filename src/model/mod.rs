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

pub(crate) use adopt::{AdoptError, Matching, adopt};
pub(crate) use file::WeightsFileError;
pub(crate) use file::write_atomically;
pub use file::{NamedTensor, WeightsFile};
pub use forward::Weights;
pub(crate) use forward::{Draw, PackedWeights, Statistics};
pub(crate) use initial::pruning_priority;
pub use initial::{BiasInitializer, Initializer, initial_values};
pub(crate) use layer::Activation;
pub use layer::{Layer, Padding};
pub use network::Network;
pub(crate) use parameter::{Parameter, Role};
pub use plan::ShapeError;
