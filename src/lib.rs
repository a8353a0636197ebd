//! laperm: train networks by permuting their weights, and watch it live.
#![warn(missing_docs)]

pub mod cli;
pub mod data;
pub mod experiment;
pub mod laperm;
pub mod model;
pub mod random;
pub mod run;
pub mod session;
pub mod train;
pub mod tui;
