//! Tidy tables: one row per observation.

use std::io;

use crate::run::RunState;
use crate::train::{Event, EventKind, LayerInfo, Score, Weights};

/// A table, and a file of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A row per training step: loss and accuracy of the batch.
    Steps,
    /// A row per evaluation: scores on the test set and on a sample of the train set, of the weights right after a sync
    /// (`synced`) or as the inner optimizer has them (`inner`).
    Evaluations,
    /// A row per measurement and layer: the ranking distance in ranks, and as a ratio of the vector's length.
    Distances,
    /// A row per look, layer and weight vector: percentiles of its weights; minimum and maximum are the layer's.
    Distributions,
    /// A row per sync and permuted layer: what it took, and how far its weights moved. A lookahead move is a row without a layer.
    Syncs,
    /// A row per change of lr, k or p, by schedule or by hand.
    Schedule,
    /// A row per change made by hand.
    Changes,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
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
pub enum Cell<'a> {
    /// There is none.
    Nothing,
    Integer(i64),
    Single(f32),
    Double(f64),
    Text(&'a str),
    Boolean(bool),
}

use Type::{Boolean, Double, Integer, Single, Text};

type Columns = &'static [(&'static str, Type)];

/// When: the first columns of every table.
const WHEN: Columns = &[("step", Integer), ("epoch", Double), ("seconds", Double)];

impl Table {
    /// Every table.
    pub const ALL: [Table; 7] = [
        Table::Steps,
        Table::Evaluations,
        Table::Distances,
        Table::Distributions,
        Table::Syncs,
        Table::Schedule,
        Table::Changes,
    ];

    /// What its file is called, without extension.
    pub fn name(self) -> &'static str {
        match self {
            Table::Steps => "steps",
            Table::Evaluations => "evaluations",
            Table::Distances => "distances",
            Table::Distributions => "distributions",
            Table::Syncs => "syncs",
            Table::Schedule => "schedule",
            Table::Changes => "changes",
        }
    }

    /// Its columns, in order.
    pub(super) fn columns(self) -> impl Iterator<Item = (&'static str, Type)> {
        let rest: Columns = match self {
            Table::Steps => &[("loss", Single), ("accuracy", Single)],
            Table::Evaluations => &[
                ("weights", Text),
                ("test_accuracy", Single),
                ("test_loss", Single),
                ("test_examples", Integer),
                ("train_accuracy", Single),
                ("train_loss", Single),
                ("train_examples", Integer),
            ],
            Table::Distances => &[
                ("layer", Text),
                ("mean", Single),
                ("sd", Single),
                ("mean_ratio", Double),
                ("sd_ratio", Double),
            ],
            Table::Distributions => &[
                ("layer", Text),
                ("vector", Integer),
                ("min", Single),
                ("p15", Single),
                ("p50", Single),
                ("p85", Single),
                ("max", Single),
            ],
            Table::Syncs => &[
                ("sync", Integer),
                ("milliseconds", Double),
                ("layer", Text),
                ("layer_milliseconds", Double),
                ("moved", Single),
                ("distance", Single),
                ("zeros", Integer),
            ],
            Table::Schedule => &[
                ("lr", Double),
                ("k", Integer),
                ("p", Double),
                ("active", Boolean),
                ("lr_by_hand", Boolean),
                ("k_by_hand", Boolean),
                ("p_by_hand", Boolean),
            ],
            Table::Changes => &[("change", Text), ("by", Text)],
        };
        WHEN.iter().chain(rest).copied()
    }
}

impl Cell<'_> {
    /// The same cell; nothing for a number that is not one.
    fn or_nothing(self) -> Self {
        match self {
            Cell::Single(value) if !value.is_finite() => Cell::Nothing,
            Cell::Double(value) if !value.is_finite() => Cell::Nothing,
            cell => cell,
        }
    }
}

/// Events made into rows.
#[derive(Debug, Default)]
pub(super) struct Tables {
    state: RunState,
}

impl Tables {
    /// Gives the rows of an event to `write`.
    pub fn rows(
        &mut self,
        event: &Event,
        mut write: impl FnMut(Table, &[Cell]) -> io::Result<()>,
    ) -> io::Result<()> {
        super::follow(&mut self.state, event);
        let when = self.when(event);
        let mut row = |table, rest: &[Cell]| {
            let cells: Vec<Cell> = when.iter().chain(rest).map(|cell| cell.or_nothing()).collect();
            write(table, &cells)
        };
        match &event.kind {
            EventKind::Step { loss, accuracy } => {
                row(Table::Steps, &[Cell::Single(*loss), Cell::Single(*accuracy)])
            }
            EventKind::Evaluation { weights, test, train, .. } => {
                let weights = match weights {
                    Weights::Synced => "synced",
                    Weights::Inner => "inner",
                };
                let train = train.as_ref().map_or([Cell::Nothing; 3], score);
                let cells = [&[Cell::Text(weights)], score(test).as_slice(), &train].concat();
                row(Table::Evaluations, &cells)
            }
            EventKind::RankingDistance { layers } => layers.iter().try_for_each(|seen| {
                let layer = self.layer(seen.layer);
                let length = layer.map_or(f64::NAN, |layer| layer.length as f64);
                let ratio = |ranks: f32| Cell::Double(f64::from(ranks) / length);
                let (mean, sd) = (Cell::Single(seen.mean), Cell::Single(seen.sd));
                row(Table::Distances, &[name(layer), mean, sd, ratio(seen.mean), ratio(seen.sd)])
            }),
            EventKind::Distribution { layers } => layers.iter().try_for_each(|seen| {
                let layer = name(self.layer(seen.layer));
                let (min, max) = (Cell::Single(seen.min), Cell::Single(seen.max));
                (0..seen.p50.len()).try_for_each(|vector| {
                    let percentile = |values: &[f32]| {
                        values.get(vector).map_or(Cell::Nothing, |&value| Cell::Single(value))
                    };
                    let [p15, p50, p85] =
                        [&seen.p15, &seen.p50, &seen.p85].map(|values| percentile(values));
                    let vector = Cell::Integer(vector as i64);
                    row(Table::Distributions, &[layer, vector, min, p15, p50, p85, max])
                })
            }),
            EventKind::Sync { sync, milliseconds, layers, layer_milliseconds } => {
                layers.iter().enumerate().try_for_each(|(index, seen)| {
                    let took = layer_milliseconds.get(index);
                    let cells = [
                        count(*sync),
                        Cell::Double(*milliseconds),
                        name(self.layer(seen.layer)),
                        took.map_or(Cell::Nothing, |&took| Cell::Double(took)),
                        Cell::Single(seen.moved),
                        Cell::Single(seen.distance),
                        count(seen.zeros as u64),
                    ];
                    row(Table::Syncs, &cells)
                })
            }
            EventKind::Lookahead { sync } => {
                let rest = [Cell::Nothing; 6];
                row(Table::Syncs, &[&[count(*sync)], rest.as_slice()].concat())
            }
            EventKind::Schedule(schedule) => row(
                Table::Schedule,
                &[
                    Cell::Double(schedule.lr),
                    count(schedule.k),
                    Cell::Double(schedule.p),
                    Cell::Boolean(schedule.active),
                    Cell::Boolean(schedule.lr_by_hand),
                    Cell::Boolean(schedule.k_by_hand),
                    Cell::Boolean(schedule.p_by_hand),
                ],
            ),
            EventKind::Applied { command, by } if command.steers() => {
                let by = by.as_deref().map_or(Cell::Nothing, Cell::Text);
                row(Table::Changes, &[Cell::Text(&command.to_string()), by])
            }
            _ => Ok(()),
        }
    }

    fn when(&self, event: &Event) -> [Cell<'static>; 3] {
        let epoch = self.state.started.as_ref().map_or(0, |started| started.steps_per_epoch);
        let epochs = if epoch > 0 { event.step as f64 / epoch as f64 } else { f64::NAN };
        [count(event.step), Cell::Double(epochs), Cell::Double(event.seconds)]
    }

    fn layer(&self, index: usize) -> Option<&LayerInfo> {
        self.state.started.as_ref()?.layers.get(index)
    }
}

fn name(layer: Option<&LayerInfo>) -> Cell<'_> {
    layer.map_or(Cell::Nothing, |layer| Cell::Text(&layer.name))
}

fn count(count: u64) -> Cell<'static> {
    i64::try_from(count).map_or(Cell::Nothing, Cell::Integer)
}

fn score(score: &Score) -> [Cell<'static>; 3] {
    [Cell::Single(score.accuracy), Cell::Single(score.loss), count(score.examples as u64)]
}
