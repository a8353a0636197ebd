//! A row per manual change.

use std::io;

use super::{Cell, Rows, Table, Type};
use crate::run::RunState;
use crate::train::EventKind;

pub(super) const TABLE: Table =
    Table { name: "changes", columns: &[("change", Type::Text), ("by", Type::Text)], rows };

fn rows(kind: &EventKind, _: &RunState, row: Rows) -> io::Result<()> {
    match kind {
        EventKind::Applied { command, by } if command.steers() => {
            let by = by.as_deref().map_or(Cell::Missing, Cell::Text);
            row(&[Cell::Text(&command.to_string()), by])
        }
        _ => Ok(()),
    }
}
