//! laperm trains networks by *Lookahead Permutation* (Qiu and Suda, "Train by Reconnect: Decoupling Locations of
//! Weights from their Values", NeurIPS 2020) and shows it live in a terminal.
//!
//! One stream runs through everything. An [`experiment`] says what to train; the trainer in [`train`] tells what
//! happens as [`Event`](train::Event)s and obeys [`Command`](train::Command)s between two steps; [`run`] writes the
//! events down and folds them into a [`RunState`](run::RunState), and all that is shown is drawn from that.
//!
//! ```
//! use laperm::experiment::Experiment;
//! use laperm::run::{RunFolder, RunState};
//! use laperm::session::Live;
//! use laperm::train::{Backend, Prepared, Reason};
//!
//! let text = r#"
//!     name = "a first try"
//!     [data]
//!     dataset = "glyphs"
//!     glyphs = { train_examples = 500, test_examples = 100 }
//!     [network]
//!     name = "mlp"
//!     [wrapper]
//!     k = 5
//!     [train]
//!     epochs = 2
//! "#;
//! let experiment = Experiment::parse(text, "example", &[])?;
//! let prepared = Prepared::new(experiment, Backend::Flex)?;
//! let runs = tempfile::tempdir()?;
//! let folder = RunFolder::create(runs.path(), &prepared.experiment, prepared.backend, &[])?;
//!
//! let mut live = Live::start(prepared, folder)?;
//! let mut state = RunState::default();
//! live.by_ref().for_each(|event| state.apply(&event));
//! assert_eq!((state.step, state.syncs), (20, 4));
//! assert_eq!(state.reason, Some(Reason::Finished));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A module imports only from those above it in this list.
// missing_docs is off until internals are pub(crate).

pub mod allocator;

pub mod random;

pub mod instructions;

pub mod method;

pub mod kernels;

pub mod optimizer;

pub mod weights;

pub mod model;

pub mod data;

pub mod experiment;

pub mod train;

pub mod run;

pub mod session;

pub mod figure;

pub mod tui;

pub mod cli;
