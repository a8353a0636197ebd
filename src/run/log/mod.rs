//! The log of a run, `events.jsonl`: one JSON object a line, one [`Event`](crate::train::Event) an
//! object. Everything else that is known of a run is folded from it.
//!
//! Three rooms, in the order in which a line passes through them:
//!
//! - [`mod@write`]: the host records events, and publishes each line to its clients.
//! - [`read`]: any process reads the log back, as far as it has been written.
//! - [`follow`]: a thread keeps a screen up to date with logs that still grow.
//!
//! The rooms share the grammar of a line, in `line.rs`, which the socket of a live run uses, too.

pub(crate) mod follow;
mod line;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) use line::parse;
