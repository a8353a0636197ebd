//! A row per sync and permuted layer: its duration, and how far the weights moved. A lookahead move
//! is a row without a layer.

use std::io;

use super::Type::{Double, Integer, Single, Text};
use super::{Cell, Rows, Table, count, layer_name};
use crate::run::RunState;
use crate::train::EventKind;

pub(super) const TABLE: Table = Table {
    name: "syncs",
    columns: &[
        ("sync", Integer),
        ("milliseconds", Double),
        ("layer", Text),
        ("layer_milliseconds", Double),
        ("moved", Single),
        ("distance", Single),
        ("zeros", Integer),
    ],
    rows,
};

fn rows(kind: &EventKind, state: &RunState, row: Rows) -> io::Result<()> {
    match kind {
        EventKind::Sync { sync, milliseconds, layers, layer_milliseconds } => {
            layers.iter().enumerate().try_for_each(|(index, moved)| {
                let duration = layer_milliseconds.get(index);
                row(&[
                    count(*sync),
                    Cell::Double(*milliseconds),
                    layer_name(state, moved.layer),
                    duration.map_or(Cell::Missing, |&duration| Cell::Double(duration)),
                    Cell::Single(moved.moved),
                    Cell::Single(moved.distance),
                    count(moved.zeros as u64),
                ])
            })
        }
        EventKind::Lookahead { sync } => {
            let mut cells = [Cell::Missing; 7];
            cells[0] = count(*sync);
            row(&cells)
        }
        _ => Ok(()),
    }
}
