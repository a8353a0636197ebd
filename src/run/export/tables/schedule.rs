//! A row per change of lr, k or p, scheduled or manual.

use std::io;

use super::Type::{Boolean, Double, Integer};
use super::{Cell, Rows, Table, count};
use crate::run::RunState;
use crate::train::EventKind;

pub(super) const TABLE: Table = Table {
    name: "schedule",
    columns: &[
        ("lr", Double),
        ("k", Integer),
        ("p", Double),
        ("active", Boolean),
        ("lr_by_hand", Boolean),
        ("k_by_hand", Boolean),
        ("p_by_hand", Boolean),
    ],
    rows,
};

fn rows(kind: &EventKind, _: &RunState, row: Rows) -> io::Result<()> {
    let EventKind::Schedule(schedule) = kind else { return Ok(()) };
    row(&[
        Cell::Double(schedule.lr),
        count(schedule.k),
        Cell::Double(schedule.p),
        Cell::Boolean(schedule.active),
        Cell::Boolean(schedule.lr_by_hand),
        Cell::Boolean(schedule.k_by_hand),
        Cell::Boolean(schedule.p_by_hand),
    ])
}
