//! The screen as plain state: news of a file and keys go in, requests come out.

use crossterm::event::KeyEvent;

use super::actions::ACTIONS;
use crate::tui::app::{Change, Status};
use crate::tui::filter::{Filter, Typed};
use crate::tui::help::Help;
use crate::tui::keys::{Key, find};
use crate::tui::matrix_table::{Matrix, SortBy, sorted};
use crate::tui::popup::Reaction;
use crate::weights::MatrixSummary;

/// What becomes known of a file while it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileNews {
    /// What is being read now, in a few words.
    Reading(String),
    /// A weight matrix was read.
    Matrix(Box<MatrixSummary>),
    /// Something worth knowing, such as what was left out.
    Notice(String),
    /// The file cannot be read any further; why, in a sentence.
    Failed(String),
    /// All was read.
    Done,
}

/// The weight matrices of a file, and what a person is looking at.
#[derive(Debug)]
pub struct Profiles {
    /// What is shown, for the first line.
    pub(super) title: String,
    pub(super) matrices: Vec<MatrixSummary>,
    pub(super) reading: Reading,
    pub(super) notice: Option<String>,
    /// Index of the chosen matrix.
    pub(super) chosen: usize,
    pub(super) sort: SortBy,
    pub(super) filter: Filter,
    /// The cursor along the ranks, from 0, the lowest, to 1, the highest.
    pub(super) rank: Option<f64>,
    /// Index of the focused panel in [`Panel::ALL`].
    pub(super) focus: usize,
    pub(super) zoomed: bool,
    pub(super) help: Option<Help>,
    pub(super) status: Option<Status>,
    request: Option<Request>,
    change: Change,
}

/// How far the file is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// This is being read.
    At(String),
    /// It cannot be read any further.
    Failed(String),
    /// All was read.
    Done,
}

/// What the screen wants of its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Leave,
    Suspend,
    Redraw,
}

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    /// The table of all matrices.
    Matrices,
    /// The profile of the chosen one.
    Profile,
    /// The profiles of all.
    All,
}

impl Panel {
    /// Every panel, in the order of the screen.
    pub const ALL: [Panel; 3] = [Panel::Matrices, Panel::Profile, Panel::All];

    pub fn title(self) -> &'static str {
        match self {
            Panel::Matrices => "Weight matrices",
            Panel::Profile => "Weight profile",
            Panel::All => "All profiles",
        }
    }
}

impl Profiles {
    /// Nothing read yet of what is called `title`: the name of a file, or of two.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            matrices: Vec::new(),
            reading: Reading::At(String::new()),
            notice: None,
            chosen: 0,
            sort: SortBy::default(),
            filter: Filter::default(),
            rank: None,
            focus: 0,
            zoomed: false,
            help: None,
            status: None,
            request: None,
            change: Change::Person,
        }
    }

    /// Takes news of the file.
    pub fn take(&mut self, news: ProfileNews) {
        // Nothing follows a failure, and the end is the end once.
        if matches!(self.reading, Reading::Failed(_) | Reading::Done) {
            return;
        }
        match news {
            ProfileNews::Reading(what) => self.reading = Reading::At(what),
            ProfileNews::Matrix(matrix) => self.matrices.push(*matrix),
            ProfileNews::Notice(text) => self.notice = Some(text),
            ProfileNews::Failed(why) => self.reading = Reading::Failed(why),
            ProfileNews::Done => self.reading = Reading::Done,
        }
        self.change = self.change.max(Change::Run);
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

    /// What the table says of every matrix.
    pub(super) fn rows(&self) -> Vec<Matrix<'_>> {
        fn row(matrix: &MatrixSummary) -> Matrix<'_> {
            Matrix {
                name: &matrix.name,
                shape: &matrix.shape,
                vectors: matrix.vectors,
                length: matrix.length,
                zeros: Some(matrix.zeros),
                similarity: Some(matrix.profile.similarity),
            }
        }
        self.matrices.iter().map(row).collect()
    }

    /// The indices of the matrices that the filter lets through, as sorted.
    pub(super) fn order(&self) -> Vec<usize> {
        let rows = self.rows();
        let shown = |&index: &usize| {
            self.filter.lets_through(&format!("{} {}", rows[index].name, rows[index].shape()))
        };
        sorted(&rows, self.sort).into_iter().filter(shown).collect()
    }

    /// The chosen matrix, if the filter lets it through.
    pub(super) fn chosen(&self) -> Option<&MatrixSummary> {
        self.order().contains(&self.chosen).then(|| self.matrices.get(self.chosen))?
    }

    /// Chooses the matrix so many lines below the chosen one, or above; no further than the list goes.
    pub(super) fn move_by(&mut self, lines: isize) {
        let order = self.order();
        let place = order.iter().position(|&index| index == self.chosen).unwrap_or(0);
        let place = place.saturating_add_signed(lines).min(order.len().saturating_sub(1));
        self.chosen = order.get(place).copied().unwrap_or(self.chosen);
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
        match self.filter.key(event) {
            Typed::Changed => return self.filtered(),
            Typed::Taken => return,
            Typed::Passed => {}
        }
        if let Some(binding) = find(ACTIONS, Key::from(event)) {
            self.act(binding.action);
        }
    }

    /// Text was pasted. It is taken where something is typed, and never as keys.
    pub(super) fn paste(&mut self, text: &str) {
        if self.filter.paste(text) {
            self.filtered();
            self.touch();
        }
    }

    /// The filter has changed: what is chosen is among what it shows.
    pub(super) fn filtered(&mut self) {
        let order = self.order();
        if !order.contains(&self.chosen) {
            self.chosen = order.first().copied().unwrap_or(self.chosen);
        }
    }
}
