//! Tidy tables: one per kind of event, one row per observation.
//!
//! All have the columns `step`, `epoch` and `seconds` first. A table without rows is its header
//! alone, which DuckDB recognizes in CSV only with `header = true`.

mod changes;
mod distances;
mod distributions;
mod evaluations;
mod schedule;
mod steps;
mod syncs;

use std::io;

use crate::run::RunState;
use crate::train::{Event, EventKind, LayerInfo};

/// Every table, in the order of the files.
pub(super) const TABLES: &[Table] = &[
    steps::TABLE,
    evaluations::TABLE,
    distances::TABLE,
    distributions::TABLE,
    syncs::TABLE,
    schedule::TABLE,
    changes::TABLE,
];

/// The first columns of every table.
const COMMON: &[Column] =
    &[("step", Type::Integer), ("epoch", Type::Double), ("seconds", Type::Double)];

/// A table.
pub(super) struct Table {
    /// Name of its file, without extension.
    pub name: &'static str,
    /// The columns after the common ones.
    columns: &'static [Column],
    /// Passes the rows of an event to a function, without the common columns. Most events have
    /// none.
    rows: fn(&EventKind, &RunState, Rows) -> io::Result<()>,
}

/// Name and type of a column.
type Column = (&'static str, Type);

type Rows<'a> = &'a mut dyn FnMut(&[Cell]) -> io::Result<()>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Integer,
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
    Text,
    Boolean,
}

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Integer(i64),
    Single(f32),
    Double(f64),
    Text(&'a str),
    Boolean(bool),
}

impl Table {
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        COMMON.iter().chain(self.columns).copied()
    }

    /// Passes the rows of an event to `write`, with all columns.
    pub(super) fn rows(
        &self,
        event: &Event,
        state: &RunState,
        mut write: impl FnMut(&[Cell]) -> io::Result<()>,
    ) -> io::Result<()> {
        let common = common(event, state);
        (self.rows)(&event.kind, state, &mut |cells| {
            let row = common.iter().chain(cells).map(|cell| cell.finite_or_missing());
            write(&row.collect::<Vec<Cell>>())
        })
    }
}

impl Cell<'_> {
    fn finite_or_missing(self) -> Self {
        match self {
            Cell::Single(value) if !value.is_finite() => Cell::Missing,
            Cell::Double(value) if !value.is_finite() => Cell::Missing,
            cell => cell,
        }
    }
}

fn common(event: &Event, state: &RunState) -> [Cell<'static>; 3] {
    let per_epoch = state.started.as_ref().map_or(0, |started| started.steps_per_epoch);
    let epoch = if per_epoch > 0 { event.step as f64 / per_epoch as f64 } else { f64::NAN };
    [count(event.step), Cell::Double(epoch), Cell::Double(event.seconds)]
}

fn layer(state: &RunState, index: usize) -> Option<&LayerInfo> {
    state.started.as_ref()?.layers.get(index)
}

fn layer_name(state: &RunState, index: usize) -> Cell<'_> {
    layer(state, index).map_or(Cell::Missing, |layer| Cell::Text(&layer.name))
}

fn count(count: u64) -> Cell<'static> {
    i64::try_from(count).map_or(Cell::Missing, Cell::Integer)
}
