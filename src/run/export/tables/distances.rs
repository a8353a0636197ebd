//! A row per measurement and layer: the ranking distance in ranks, and as a ratio of the length of
//! the weight vectors.

use std::io;

use super::Type::{Double, Single, Text};
use super::{Cell, Rows, Table, layer, layer_name};
use crate::run::RunState;
use crate::train::EventKind;

pub(super) const TABLE: Table = Table {
    name: "distances",
    columns: &[
        ("layer", Text),
        ("mean", Single),
        ("sd", Single),
        ("mean_ratio", Double),
        ("sd_ratio", Double),
    ],
    rows,
};

fn rows(kind: &EventKind, state: &RunState, row: Rows) -> io::Result<()> {
    let EventKind::RankingDistance { layers } = kind else { return Ok(()) };
    layers.iter().try_for_each(|sample| {
        let length = layer(state, sample.layer).map_or(f64::NAN, |layer| layer.length as f64);
        let ratio = |ranks: f32| Cell::Double(f64::from(ranks) / length);
        row(&[
            layer_name(state, sample.layer),
            Cell::Single(sample.mean),
            Cell::Single(sample.sd),
            ratio(sample.mean),
            ratio(sample.sd),
        ])
    })
}
