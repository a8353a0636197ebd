//! One of the runs that are compared.

use ratatui::style::Style;
use strum::VariantArray;

use super::align::{Aligned, place};
use crate::run::{Distance, RunFolder, RunState, Series, Setup, Summary, TimeUnit};
use crate::train::LayerInfo;
use crate::tui::theme::Theme;

/// Quantity that a chart shows of every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub(super) enum Quantity {
    Accuracy,
    Loss,
    Distance,
}

/// The most runs that can be compared. More could not be told apart.
pub(crate) const MOST_RUNS: usize = 8;

/// Names of the runs, in order.
const LETTERS: [&str; MOST_RUNS] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// A run and its series for the charts.
#[derive(Debug)]
pub(super) struct Member {
    pub folder: RunFolder,
    pub setup: Setup,
    pub run: RunState,
    pub summary: Summary,
    /// Index among the runs.
    pub index: usize,
    pub hidden: bool,
    /// Whether the log was read to its end.
    pub caught_up: bool,
    /// Why the log cannot be read any further.
    pub failure: Option<String>,
    aligned: [Aligned; 3],
    unit: TimeUnit,
    layer: Option<usize>,
}

impl Member {
    pub(super) fn new(folder: RunFolder, setup: Setup, index: usize) -> Self {
        let run = RunState::default();
        Member {
            summary: Summary::of(&run, &folder),
            folder,
            setup,
            run,
            index,
            hidden: false,
            caught_up: false,
            failure: None,
            aligned: Default::default(),
            unit: TimeUnit::Steps,
            layer: None,
        }
    }

    /// The letter that stands for the run everywhere.
    pub(super) fn letter(&self) -> &'static str {
        LETTERS[self.index % LETTERS.len()]
    }

    /// Colour of the run. The eighth has the colour of text.
    pub(super) fn style(&self, theme: &Theme) -> Style {
        if self.index < 7 { theme.series(self.index) } else { theme.text }
    }

    /// Name of the experiment, or of the folder until something was read.
    pub(super) fn name(&self) -> String {
        if self.summary.name.is_empty() { self.folder.name() } else { self.summary.name.clone() }
    }

    /// Returns true if a process is training the run.
    pub(super) fn is_living(&self) -> bool {
        self.summary.state.is_living()
    }

    /// Checks whether the run's process is still there, which no event reports. Returns true if the
    /// state has changed.
    pub(super) fn check_process(&mut self) -> bool {
        let before = self.summary.state;
        if self.is_living() {
            self.summary = Summary::of(&self.run, &self.folder);
        }
        self.summary.state != before
    }

    /// Discards everything that was read, after the log was cut.
    pub(super) fn restart(&mut self) {
        self.run = RunState::default();
        self.caught_up = false;
        self.aligned.iter_mut().for_each(Aligned::clear);
    }

    /// Updates the series and the summary from the events, for an axis of this unit and the layer
    /// of this name.
    pub(super) fn align(&mut self, unit: TimeUnit, layer: &str) {
        let layer = self.layers().iter().position(|info| info.name == layer);
        if unit != self.unit {
            self.aligned.iter_mut().for_each(Aligned::clear);
        }
        if layer != self.layer {
            self.aligned[Quantity::Distance as usize].clear();
        }
        (self.unit, self.layer) = (unit, layer);
        self.summary = Summary::of(&self.run, &self.folder);
        if unit == TimeUnit::Steps {
            return;
        }
        for &quantity in Quantity::VARIANTS {
            if let Some(source) = source(&self.run, quantity, layer) {
                self.aligned[quantity as usize].follow(source, &self.run, unit);
            }
        }
    }

    /// A quantity on the common axis; `None` if it was never measured.
    pub(super) fn series(&self, quantity: Quantity) -> Option<&Series> {
        let source = source(&self.run, quantity, self.layer)?;
        let series = match self.unit {
            TimeUnit::Steps => source,
            _ => self.aligned[quantity as usize].series(),
        };
        (!series.is_empty()).then_some(series)
    }

    /// Factor from the values of a series to the values shown.
    pub(super) fn factor(&self, quantity: Quantity) -> f64 {
        match quantity {
            Quantity::Accuracy => 100.0,
            Quantity::Loss => 1.0,
            Quantity::Distance => 1.0 / self.layer().map_or(1, |layer| layer.length.max(1)) as f64,
        }
    }

    /// The value at a position on the common axis, or the latest; NaN if there is none.
    pub(super) fn value(&self, quantity: Quantity, cursor: Option<u64>) -> f64 {
        let point = self.series(quantity).and_then(|series| match cursor {
            Some(place) => series.at(place),
            None => series.last(),
        });
        point.map_or(f64::NAN, |(_, value)| f64::from(value) * self.factor(quantity))
    }

    /// The layer whose ranking distance is shown.
    pub(super) fn layer(&self) -> Option<&LayerInfo> {
        self.layers().get(self.layer?)
    }

    pub(super) fn layers(&self) -> &[LayerInfo] {
        self.run.started.as_ref().map_or(&[], |started| &started.layers)
    }

    /// Position of the latest step on the common axis.
    pub(super) fn now(&self) -> u64 {
        place(&self.run, self.unit, self.run.step).unwrap_or(0)
    }

    /// Position of the planned end on the common axis. `None` for seconds, which cannot be planned.
    pub(super) fn planned(&self) -> Option<u64> {
        let total = self.run.started.as_ref()?.total_steps;
        match self.unit {
            TimeUnit::Seconds => None,
            unit => place(&self.run, unit, total),
        }
    }
}

/// The series of a quantity, by step.
fn source(run: &RunState, quantity: Quantity, layer: Option<usize>) -> Option<&Series> {
    match quantity {
        Quantity::Accuracy => Some(&run.test.accuracy),
        Quantity::Loss => Some(&run.loss),
        Quantity::Distance => run.distance.get(layer?).map(|Distance { mean, .. }| mean),
    }
}
