//! laperm trains neural networks by permuting their initial weights, and shows the training live in
//! a terminal.
//!
//! The method is *Lookahead Permutation* (LaPerm) from Qiu and Suda, [*Train by Reconnect:
//! Decoupling Locations of Weights from Their Values*](https://arxiv.org/abs/2003.02570), NeurIPS
//! 2020. [`method`] implements it on plain slices and explains it step by step; start there if the
//! method is what you came for.
//!
//! # One stream
//!
//! An [`Experiment`](experiment::Experiment) says what to train. The [`Trainer`](train::Trainer)
//! emits an [`Event`](train::Event) for everything that happens and obeys a
//! [`Command`](train::Command) between two steps. The events are written to the run's folder as
//! they happen, and everything that is shown is drawn from a fold over them, the
//! [`RunState`](run::RunState).
//!
//! ```text
//!                       Command, applied between two steps
//!                 ┌─────────────────────────────────────────────┐
//!                 ▼                                             │
//! Experiment ─► Trainer ──Event──► run folder ──Event──► session ──Event──► RunState ─► screen
//!                                  events.jsonl          live, attached                 figures
//!                                  frames.bin            or replayed                    tables
//! ```
//!
//! Three properties follow:
//!
//! - The run's folder is the source of truth. A screen that is closed, a lost connection or a full
//!   terminal cannot harm the training, because the training does not wait for them.
//! - A live run, a run in another process and a recorded run are the same to whatever shows them.
//! - A change made by hand is an event with its step, so a run that was steered can be executed
//!   again exactly.
//!
//! # The modules
//!
//! In the order of dependencies: a module imports only from those above it, which
//! `tests/layers.rs` enforces.
//!
//! | module | what it is for |
//! |---|---|
//! | [`allocator`] | The program's memory allocator: large blocks from the system, small ones from mimalloc. |
//! | [`random`] | Random streams that are a function of seed, purpose, step and index. |
//! | [`instructions`] | The vector instructions of this processor, chosen once at the start. |
//! | [`method`] | LaPerm itself: ranking, synchronization, pruning, distances, cycles and the coding of permutations. |
//! | [`kernels`] | Fast CPU operations, each beside its scalar twin, and how burn's backends call them. |
//! | [`optimizer`] | The inner optimizers, one file each: update rule, keys and defaults. |
//! | [`weights`] | Files of weights from any program, read one tensor at a time. |
//! | [`model`] | Networks: their layers, their initial weights, and the forward pass. |
//! | [`data`] | Datasets: reading, fetching, augmentation and batches. |
//! | [`experiment`] | The TOML file of an experiment: schema, schedules, and errors that point at the fault. |
//! | [`train`] | The training loop, its events and commands, evaluation, checkpoints and snapshots. |
//! | [`run`] | The run's folder: the log, its writer and readers, the state folded from it, and exports. |
//! | [`session`] | The connection between a run and a screen: hosting, attaching and replaying. |
//! | [`figure`] | The paper's figures from recorded runs, as SVG and PNG. |
//! | [`tui`] | The screen: views, panels, charts, themes and the keys. |
//! | [`cli`] | The command line, one file per subcommand. |
//!
//! # A run from beginning to end
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
#![warn(missing_docs)]
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the documentation is for contributors, who build it with private items"
)]

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
