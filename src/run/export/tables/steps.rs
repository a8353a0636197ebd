//! A row per training step: loss and accuracy of the batch.

use std::io;

use super::{Cell, Rows, Table, Type};
use crate::run::RunState;
use crate::train::EventKind;

pub(super) const TABLE: Table =
    Table { name: "steps", columns: &[("loss", Type::Single), ("accuracy", Type::Single)], rows };

fn rows(kind: &EventKind, _: &RunState, row: Rows) -> io::Result<()> {
    let EventKind::Step { loss, accuracy } = kind else { return Ok(()) };
    row(&[Cell::Single(*loss), Cell::Single(*accuracy)])
}
