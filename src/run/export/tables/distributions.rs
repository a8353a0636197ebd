//! A row per sample, layer and weight vector: percentiles of the weights. Minimum and maximum are
//! those of the layer.

use std::io;

use super::Type::{Integer, Single, Text};
use super::{Cell, Rows, Table, count, layer_name};
use crate::run::RunState;
use crate::train::{EventKind, LayerDistribution};

pub(super) const TABLE: Table = Table {
    name: "distributions",
    columns: &[
        ("layer", Text),
        ("vector", Integer),
        ("min", Single),
        ("p15", Single),
        ("p50", Single),
        ("p85", Single),
        ("max", Single),
    ],
    rows,
};

fn rows(kind: &EventKind, state: &RunState, row: Rows) -> io::Result<()> {
    let EventKind::Distribution { layers } = kind else { return Ok(()) };
    layers.iter().try_for_each(|sample| layer_rows(sample, state, &mut *row))
}

fn layer_rows(sample: &LayerDistribution, state: &RunState, row: Rows) -> io::Result<()> {
    let percentile = |values: &[f32], vector: usize| {
        values.get(vector).map_or(Cell::Missing, |&value| Cell::Single(value))
    };
    (0..sample.p50.len()).try_for_each(|vector| {
        row(&[
            layer_name(state, sample.layer),
            count(vector as u64),
            Cell::Single(sample.min),
            percentile(&sample.p15, vector),
            percentile(&sample.p50, vector),
            percentile(&sample.p85, vector),
            Cell::Single(sample.max),
        ])
    })
}
