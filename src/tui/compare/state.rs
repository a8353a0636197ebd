//! The screen as plain state: events and keys go in, requests come out.

use crossterm::event::KeyEvent;

use super::actions::ACTIONS;
use super::member::{Member, Quantity};
use crate::run::TimeUnit;
use crate::run::{Difference, Piece, ReadError, RunFolder, Setup, Summary, differences};
use crate::train::Event;
use crate::tui::app::{Change, Status};
use crate::tui::chart::jump;
use crate::tui::help::Help;
use crate::tui::keys::{Key, find};
use crate::tui::popup::Reaction;
use crate::tui::view::View;

/// The most runs that can be compared: as many as eyes tell apart.
pub const MOST_RUNS: usize = 8;

/// Several runs side by side.
#[derive(Debug)]
pub struct Compare {
    pub(super) members: Vec<Member>,
    pub(super) differences: Vec<Difference>,
    pub(super) view: View,
    /// The name of the layer whose ranking distance is shown.
    pub(super) layer: String,
    /// Index of the focused panel in [`Panel::ALL`].
    pub(super) focus: usize,
    pub(super) zoomed: bool,
    /// The first difference shown.
    pub(super) scroll: usize,
    pub(super) help: Option<Help>,
    pub(super) status: Option<Status>,
    request: Option<Request>,
    change: Change,
    /// The layer was chosen by hand.
    layer_chosen: bool,
}

/// What the screen wants of its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Leave,
    Suspend,
    Redraw,
}

/// A view of all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Chart(Quantity),
    Results,
    Differences,
}

impl Panel {
    /// Every panel, in the order of the screen.
    pub const ALL: [Panel; 5] = [
        Panel::Chart(Quantity::Accuracy),
        Panel::Chart(Quantity::Loss),
        Panel::Chart(Quantity::Distance),
        Panel::Results,
        Panel::Differences,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Panel::Chart(Quantity::Accuracy) => "Test accuracy",
            Panel::Chart(Quantity::Loss) => "Loss",
            Panel::Chart(Quantity::Distance) => "Ranking distance",
            Panel::Results => "Results",
            Panel::Differences => "Differences",
        }
    }
}

impl Compare {
    /// The runs in `folders`, at most [`MOST_RUNS`] of them, of which no events are known yet.
    ///
    /// # Errors
    /// A run whose experiment cannot be read.
    pub fn new(folders: &[RunFolder]) -> Result<Self, ReadError> {
        let member = |(index, folder): (usize, &RunFolder)| {
            Ok(Member::new(folder.clone(), Setup::read(folder)?, index))
        };
        let members = folders.iter().take(MOST_RUNS).enumerate().map(member);
        let mut compare = Compare {
            members: members.collect::<Result<_, ReadError>>()?,
            differences: Vec::new(),
            view: View { smoothing: 100.0, ..View::default() },
            layer: String::new(),
            focus: 0,
            zoomed: false,
            scroll: 0,
            help: None,
            status: None,
            request: None,
            change: Change::Person,
            layer_chosen: false,
        };
        compare.differ();
        Ok(compare)
    }

    /// The runs' folders.
    pub fn folders(&self) -> Vec<RunFolder> {
        self.members.iter().map(|member| member.folder.clone()).collect()
    }

    /// What the runs have come to.
    pub fn summaries(&self) -> impl Iterator<Item = &Summary> {
        self.members.iter().map(|member| &member.summary)
    }

    /// In what they differ.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Folds the next events of run `index` in.
    fn take_events(&mut self, index: usize, events: &[Event]) {
        let Some(member) = self.members.get_mut(index) else { return };
        let marks = member.run.marks.len();
        events.iter().for_each(|event| member.run.apply(event));
        if member.run.marks.len() != marks {
            self.differ();
        }
        self.choose_first_layer();
        self.align();
        self.change = self.change.max(Change::Run);
    }

    /// Folds all there is of run `index` in, which was not followed so far.
    pub fn take_all(&mut self, index: usize, events: &[Event]) {
        self.take_events(index, events);
        self.take(Piece::Caught(index));
    }

    /// Aligns the runs by step, by epoch or by second.
    pub fn align_by(&mut self, unit: TimeUnit) {
        // The old places mean nothing on the new axis.
        self.view.reset();
        self.view.unit = unit;
        self.align();
        self.touch();
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
        self.change = self.change.max(Change::Run);
    }

    /// Looks again which runs are living.
    pub(super) fn look(&mut self) {
        let changed = self.members.iter_mut().map(Member::look);
        if changed.fold(false, |any, changed| any | changed) {
            self.change = self.change.max(Change::Run);
        }
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, event: KeyEvent) {
        self.touch();
        if let Some(help) = &mut self.help {
            if help.key(event) == Reaction::Close {
                self.help = None;
            }
            return;
        }
        if let Some(binding) = find(ACTIONS, Key::from(event)) {
            self.act(binding.action);
        }
    }

    /// How the picture has changed since it was last drawn.
    pub(super) fn change(&self) -> Change {
        self.change
    }

    /// The picture was drawn.
    pub(super) fn drawn(&mut self) {
        self.change = Change::None;
    }

    /// The picture must be drawn again.
    pub(super) fn touch(&mut self) {
        self.change = Change::Person;
    }

    pub(super) fn take_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    pub(super) fn request(&mut self, request: Request) {
        self.request = Some(request);
    }

    pub(super) fn say(&mut self, text: impl Into<String>, warning: bool) {
        self.status = Some(Status { text: text.into(), warning });
    }

    /// The runs that are shown.
    pub(super) fn shown(&self) -> impl DoubleEndedIterator<Item = &Member> + Clone {
        self.members.iter().filter(|member| !member.hidden)
    }

    /// How far the runs have come on the common axis.
    pub(super) fn now(&self) -> u64 {
        self.shown().map(Member::now).max().unwrap_or(0)
    }

    /// The places on the common axis that are shown, `from..to`. While runs go on it grows in jumps, so that little
    /// changes on the screen.
    pub(super) fn span(&self) -> (u64, u64) {
        let now = self.now().max(1);
        let whole = match self.shown().any(Member::is_living) {
            // Its last point has a place, too.
            false => now + 1,
            true => {
                let planned = self.shown().filter_map(Member::planned).max();
                jump(now).min(planned.filter(|&planned| planned >= now).unwrap_or(u64::MAX))
            }
        };
        self.view.window.unwrap_or((0, whole))
    }

    /// The names of all runs' layers, each once.
    pub(super) fn layers(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for layer in self.members.iter().flat_map(Member::layers) {
            if !names.contains(&layer.name.as_str()) {
                names.push(layer.name.as_str());
            }
        }
        names
    }

    /// Brings what is made of the events up to date.
    pub(super) fn align(&mut self) {
        let (unit, layer) = (self.view.unit, self.layer.as_str());
        self.members.iter_mut().for_each(|member| member.align(unit, layer));
    }

    fn differ(&mut self) {
        let runs: Vec<_> = self.members.iter().map(|m| (&m.setup, &m.run)).collect();
        self.differences = differences(&runs);
    }

    /// The largest layer that was measured, until a person chooses another.
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

    /// Shows the ranking distance of another layer.
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
