//! State of the view of several runs: events and keys go in.

use super::member::{MOST_RUNS, Member, Quantity};
use crate::run::{Difference, Piece, ReadError, RunFolder, Setup, Summary, TimeUnit, differences};
use crate::train::Event;
use crate::tui::chart::jump;
use crate::tui::chrome::Chrome;
use crate::tui::view::View;

/// Several runs side by side.
pub(crate) struct Compare {
    pub(super) chrome: Chrome<Compare>,
    pub(super) members: Vec<Member>,
    pub(super) differences: Vec<Difference>,
    pub(super) view: View,
    /// Name of the layer whose ranking distance is shown.
    pub(super) layer: String,
    /// Index of the first line shown of the differences.
    pub(super) scroll: usize,
    /// Whether the user chose the layer.
    layer_chosen: bool,
}

/// A panel of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparePanel {
    Chart(Quantity),
    Results,
    Differences,
}

impl ComparePanel {
    /// Every panel, in the order of the screen.
    pub(super) const ALL: [ComparePanel; 5] = [
        ComparePanel::Chart(Quantity::Accuracy),
        ComparePanel::Chart(Quantity::Loss),
        ComparePanel::Chart(Quantity::Distance),
        ComparePanel::Results,
        ComparePanel::Differences,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            ComparePanel::Chart(Quantity::Accuracy) => "Test accuracy",
            ComparePanel::Chart(Quantity::Loss) => "Loss",
            ComparePanel::Chart(Quantity::Distance) => "Ranking distance",
            ComparePanel::Results => "Results",
            ComparePanel::Differences => "Differences",
        }
    }
}

impl Compare {
    /// The runs in `folders`, at most [`MOST_RUNS`] of them. None of their events are known yet.
    ///
    /// # Errors
    /// A run whose experiment cannot be read.
    pub(crate) fn new(folders: &[RunFolder]) -> Result<Self, ReadError> {
        let member = |(index, folder): (usize, &RunFolder)| {
            Ok(Member::new(folder.clone(), Setup::read(folder)?, index))
        };
        let members = folders.iter().take(MOST_RUNS).enumerate().map(member);
        let mut compare = Compare {
            members: members.collect::<Result<_, ReadError>>()?,
            differences: Vec::new(),
            view: View { smoothing: 100.0, ..View::default() },
            layer: String::new(),
            chrome: Chrome::default(),
            scroll: 0,
            layer_chosen: false,
        };
        compare.differ();
        Ok(compare)
    }

    /// The runs' folders.
    pub(crate) fn folders(&self) -> Vec<RunFolder> {
        self.members.iter().map(|member| member.folder.clone()).collect()
    }

    /// Summaries of the runs.
    pub(crate) fn summaries(&self) -> impl Iterator<Item = &Summary> {
        self.members.iter().map(|member| &member.summary)
    }

    /// Settings in which the runs differ.
    pub(crate) fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Folds in the next events of run `index`.
    fn take_events(&mut self, index: usize, events: &[Event]) {
        let Some(member) = self.members.get_mut(index) else { return };
        let marks = member.run.marks.len();
        events.iter().for_each(|event| member.run.apply(event));
        if member.run.marks.len() != marks {
            self.differ();
        }
        self.choose_first_layer();
        self.align();
        self.chrome.refresh();
    }

    /// Folds in the whole log of run `index`, which is not followed.
    pub(crate) fn take_all(&mut self, index: usize, events: &[Event]) {
        self.take_events(index, events);
        self.take(Piece::Caught(index));
    }

    /// Aligns the runs by step, by epoch or by second.
    pub(crate) fn align_by(&mut self, unit: TimeUnit) {
        // Positions on the old axis mean nothing on the new one.
        self.view.reset();
        self.view.unit = unit;
        self.align();
        self.chrome.touch();
    }

    /// Takes news of a log.
    pub(super) fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Events(index, events) => self.take_events(index, &events),
            Piece::Caught(index) => self.change_member(index, |member| member.caught_up = true),
            Piece::Restarted(index) => self.change_member(index, Member::restart),
            Piece::Failed(index, error) => self.change_member(index, |member| {
                member.caught_up = true;
                member.failure = Some(error.to_string());
            }),
        }
    }

    fn change_member(&mut self, index: usize, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(index) {
            change(member);
        }
        self.chrome.refresh();
    }

    /// Checks again which runs are live.
    pub(super) fn check_processes(&mut self) {
        let changed = self.members.iter_mut().map(Member::check_process);
        if changed.fold(false, |any, changed| any | changed) {
            self.chrome.refresh();
        }
    }

    /// The focused panel.
    pub(super) fn panel(&self) -> ComparePanel {
        ComparePanel::ALL[self.chrome.focus % ComparePanel::ALL.len()]
    }

    /// Aligns the runs by the next unit of time.
    pub(super) fn next_unit(&mut self) {
        self.align_by(self.view.unit.next());
        self.chrome.say(format!("aligned by {}", self.view.unit.name()));
    }

    /// Moves the cursor by this many hundredths of the time shown.
    pub(super) fn move_cursor(&mut self, by: i64) {
        self.view.move_cursor(by, self.now());
    }

    pub(super) fn smooth(&mut self) {
        self.view.next_smoothing();
        self.chrome.say(match self.view.smoothing {
            0.0 => "curves not smoothed".into(),
            half_life => format!("loss and distance smoothed, half-life {half_life} values"),
        });
    }

    pub(super) fn logarithmic(&mut self) {
        self.view.log = !self.view.log;
        self.chrome.say(if self.view.log { "logarithmic axes" } else { "linear axes" });
    }

    /// Scrolls the differences by this many lines, within the list.
    pub(super) fn scroll_by(&mut self, lines: isize) {
        let last = self.difference_lines().len().saturating_sub(1);
        self.scroll = self.scroll.saturating_add_signed(lines).min(last);
    }

    /// Hides the run of this index, or shows it again.
    pub(super) fn hide(&mut self, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        member.hidden = !member.hidden;
        let what = if member.hidden { "hidden" } else { "shown again" };
        let text = format!("{}, {}, is {what}", member.letter(), member.name());
        self.chrome.say(text);
    }

    /// The runs that are not hidden.
    pub(super) fn shown(&self) -> impl DoubleEndedIterator<Item = &Member> + Clone {
        self.members.iter().filter(|member| !member.hidden)
    }

    /// The latest position of any run on the common axis.
    pub(super) fn now(&self) -> u64 {
        self.shown().map(Member::now).max().unwrap_or(0)
    }

    /// The positions shown of the common axis, `from..to`. While a run is live the axis grows in
    /// jumps, so that little changes on the screen.
    pub(super) fn span(&self) -> (u64, u64) {
        let now = self.now().max(1);
        let whole = if !self.shown().any(Member::is_living) {
            now + 1
        } else {
            let planned = self.shown().filter_map(Member::planned).max();
            jump(now).min(planned.filter(|&planned| planned >= now).unwrap_or(u64::MAX))
        };
        self.view.window.unwrap_or((0, whole))
    }

    /// The differences as lines of a table: the key, then every run's value. Changes made by hand
    /// take several lines.
    pub(super) fn difference_lines(&self) -> Vec<Vec<String>> {
        let lines = |difference: &Difference| {
            let values = (0..self.members.len()).map(|run| match difference.lines(run) {
                none if none.is_empty() => vec!["-".into()],
                lines => lines,
            });
            let cells: Vec<Vec<String>> =
                std::iter::once(vec![difference.key.clone()]).chain(values).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            let cell = |cell: &Vec<String>, line| cell.get(line).cloned().unwrap_or_default();
            let line = |line| cells.iter().map(|lines| cell(lines, line)).collect();
            (0..height).map(line).collect::<Vec<Vec<String>>>()
        };
        self.differences.iter().flat_map(lines).collect()
    }

    /// Names of the layers of all runs, each once.
    pub(super) fn layers(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for layer in self.members.iter().flat_map(Member::layers) {
            if !names.contains(&layer.name.as_str()) {
                names.push(layer.name.as_str());
            }
        }
        names
    }

    /// Updates the series and summaries of all runs.
    pub(super) fn align(&mut self) {
        let (unit, layer) = (self.view.unit, self.layer.as_str());
        self.members.iter_mut().for_each(|member| member.align(unit, layer));
    }

    fn differ(&mut self) {
        let runs: Vec<_> = self.members.iter().map(|m| (&m.setup, &m.run)).collect();
        self.differences = differences(&runs);
    }

    /// Selects the largest layer that was measured, until the user chooses another.
    fn choose_first_layer(&mut self) {
        if self.layer_chosen {
            return;
        }
        let measured = self.members.iter().flat_map(|member| {
            let layers = member.layers().iter().zip(&member.run.distance);
            layers.filter(|(_, distance)| !distance.mean.is_empty()).map(|(layer, _)| layer)
        });
        let largest = measured.max_by_key(|layer| layer.vectors.saturating_mul(layer.length));
        if let Some(layer) = largest {
            self.layer = layer.name.clone();
        }
    }

    /// Selects the layer this many positions further, within the list.
    pub(super) fn choose_layer(&mut self, by: isize) {
        let names = self.layers();
        let place = names.iter().position(|name| *name == self.layer).unwrap_or(0);
        let place = place.saturating_add_signed(by).min(names.len().saturating_sub(1));
        if let Some(name) = names.get(place) {
            self.layer = (*name).to_owned();
            self.layer_chosen = true;
        }
        self.align();
    }
}
