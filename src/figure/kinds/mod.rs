//! The kinds of figures, one file each.

mod accuracy;
mod agnostic;
mod cycles;
mod distance;
mod distribution;
mod profiles;
mod reconnection;
mod sweep;

use super::canvas::{Area, Canvas};
use super::curves::Reading;
use super::plot::{Axis, Curve, Legend, Plot};
use super::scale::{Scale, round_up};
use super::source::Source;
use super::{FigureError, Options, axis_title};
use crate::run::TimeUnit;

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Test accuracy over time.
    Accuracy,
    /// Mean and SD of the ranking distance, and the test loss (figure 3).
    RankingDistance,
    /// Percentiles of all weight vectors over time (figure 12, row 1).
    WeightDistribution,
    /// Sorted weight vectors of every layer (figures 2 and 10).
    Profiles,
    /// The disjoint cycles of a permutation (figure 13).
    Cycles,
    /// A weight vector as an image before and after, with the moved connections (figure 14).
    Reconnection,
    /// Accuracy against the sync period k, with zooms into the curves (figure 5).
    KSweep,
    /// Accuracy against the pruning ratio p (figure 8).
    PruneSweep,
    /// Accuracy with one shared weight value, and the network that remains (figure 9).
    Agnostic,
}

/// A figure that is ready to be drawn: all that it needs is there.
pub(super) struct Picture<'a> {
    /// Width and height in millimetres, unless somebody wants others.
    pub size: (f64, f64),
    /// Draws it into an area of the page.
    pub draw: Box<Drawing<'a>>,
}

type Drawing<'a> = dyn Fn(Area, &mut Canvas) + 'a;

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 9] = [
        Kind::Accuracy,
        Kind::RankingDistance,
        Kind::WeightDistribution,
        Kind::Profiles,
        Kind::Cycles,
        Kind::Reconnection,
        Kind::KSweep,
        Kind::PruneSweep,
        Kind::Agnostic,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Accuracy => "accuracy",
            Kind::RankingDistance => "ranking-distance",
            Kind::WeightDistribution => "weight-distribution",
            Kind::Profiles => "profiles",
            Kind::Cycles => "cycles",
            Kind::Reconnection => "reconnection",
            Kind::KSweep => "k-sweep",
            Kind::PruneSweep => "prune-sweep",
            Kind::Agnostic => "agnostic",
        }
    }

    /// What it shows, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Kind::Accuracy => "test accuracy over time",
            Kind::RankingDistance => {
                "mean and SD of the ranking distance, and the test loss (figure 3)"
            }
            Kind::WeightDistribution => "percentiles of all weight vectors over time (figure 12)",
            Kind::Profiles => "sorted weight vectors of every layer (figures 2 and 10)",
            Kind::Cycles => "the disjoint cycles of a permutation (figure 13)",
            Kind::Reconnection => "a weight vector before and after, with what moved (figure 14)",
            Kind::KSweep => "accuracy against the sync period k, with zooms (figure 5)",
            Kind::PruneSweep => "accuracy against the pruning ratio p (figure 8)",
            Kind::Agnostic => "one shared weight value: accuracy, and the network (figure 9)",
        }
    }

    pub(super) fn prepare<'a>(
        self,
        sources: &'a [Source],
        options: &'a Options,
    ) -> Result<Picture<'a>, FigureError> {
        match self {
            Kind::Accuracy => accuracy::prepare(sources, options),
            Kind::RankingDistance => distance::prepare(sources, options),
            Kind::WeightDistribution => distribution::prepare(sources, options),
            Kind::Profiles => profiles::prepare(sources, options),
            Kind::Cycles => cycles::prepare(sources, options),
            Kind::Reconnection => reconnection::prepare(sources, options),
            Kind::KSweep => sweep::prepare_k(sources, options),
            Kind::PruneSweep => sweep::prepare_p(sources, options),
            Kind::Agnostic => agnostic::prepare(sources, options),
        }
    }
}

/// Millimetres: the width of a column of text, and of a page.
const COLUMN: f64 = 88.0;
const PAGE: f64 = 180.0;

/// A plot over time.
fn over_time(reading: Reading, y: Axis, curves: Vec<Curve>) -> Plot {
    let Reading { unit, end, .. } = reading;
    Plot {
        title: String::new(),
        x: Axis::of_counts(axis_title(unit), end, 6),
        y,
        curves,
        legend: Legend::Inside,
        marks: Vec::new(),
    }
}

/// The changes that were made by hand, if there is only one run.
fn marks(sources: &[Source], unit: TimeUnit) -> Vec<(f64, String)> {
    let [source] = sources else { return Vec::new() };
    let place = |step| unit.position(&source.state, step);
    source.state.marks.iter().map(|mark| (place(mark.step), mark.label.clone())).collect()
}

/// Plots side by side, row by row, those above each other in line.
fn in_grid(plots: &[Plot], columns: usize, area: Area, canvas: &mut Canvas) -> Vec<Area> {
    let rows = plots.len().div_ceil(columns);
    let left = |column: usize| {
        let column = plots.iter().skip(column).step_by(columns);
        column.map(|plot| plot.margins()[0]).fold(0.0, f64::max)
    };
    let lefts: Vec<f64> = (0..columns).map(left).collect();
    let draw = |(index, plot): (usize, &Plot)| {
        let cell = area.cell(index, (columns, rows), 6.0);
        plot.draw_from(lefts[index % columns], cell, canvas)
    };
    plots.iter().enumerate().map(draw).collect()
}

/// A scale of percentages that holds what lies between, rounded outwards, and no more than there can be.
fn percentages((low, high): (f64, f64)) -> Scale {
    if !(low.is_finite() && high.is_finite()) {
        return Scale::linear(0.0, 100.0);
    }
    let step = round_up(((high - low) / 6.0).max(0.01));
    let (low, high) = ((low / step - 0.3).floor() * step, (high / step + 0.3).ceil() * step);
    Scale::linear(low.max(0.0), high.min(100.0))
}

/// `(a)`, `(b)`, …
fn letter(index: usize) -> String {
    let letter = char::from(b'a' + (index % 26) as u8);
    format!("({letter})")
}
