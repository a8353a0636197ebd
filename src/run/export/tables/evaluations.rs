//! A row per evaluation: scores on the test set and on a sample of the train set, of the weights
//! right after a sync (`synced`) or of the inner optimizer (`inner`).

use std::io;

use super::Type::{Integer, Single, Text};
use super::{Cell, Rows, Table, count};
use crate::run::RunState;
use crate::train::{EventKind, Score, Weights};

pub(super) const TABLE: Table = Table {
    name: "evaluations",
    columns: &[
        ("weights", Text),
        ("test_accuracy", Single),
        ("test_loss", Single),
        ("test_examples", Integer),
        ("train_accuracy", Single),
        ("train_loss", Single),
        ("train_examples", Integer),
    ],
    rows,
};

fn rows(kind: &EventKind, _: &RunState, row: Rows) -> io::Result<()> {
    let EventKind::Evaluation { weights, test, train, .. } = kind else { return Ok(()) };
    let weights = match weights {
        Weights::Synced => "synced",
        Weights::Inner => "inner",
    };
    let train = train.as_ref().map_or([Cell::Missing; 3], score);
    row(&[&[Cell::Text(weights)], score(test).as_slice(), &train].concat())
}

fn score(score: &Score) -> [Cell<'static>; 3] {
    [Cell::Single(score.accuracy), Cell::Single(score.loss), count(score.examples as u64)]
}
