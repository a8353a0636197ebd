//! State of the view of a file's weight matrices: news of the file and keys go in.

use crate::tui::chrome::Chrome;
use crate::tui::filter::Filter;
use crate::tui::matrix_table::{Matrix, SortBy, sorted};
use crate::tui::view::moved_rank;
use crate::weights::MatrixSummary;

/// News of a file while it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileNews {
    /// The part of the file that is being read, in a few words.
    Reading(String),
    /// A weight matrix was read.
    Matrix(Box<MatrixSummary>),
    /// A remark on the file, such as what was left out.
    Notice(String),
    /// The file cannot be read any further, for this reason.
    Failed(String),
    /// Everything was read.
    Done,
}

/// The weight matrices of a file, and what is shown of them.
pub struct Profiles {
    pub(super) chrome: Chrome<Profiles>,
    /// Name of the file, for the first line.
    pub(super) title: String,
    pub(super) matrices: Vec<MatrixSummary>,
    pub(super) reading: Reading,
    pub(super) notice: Option<String>,
    /// Index of the selected matrix.
    pub(super) chosen: usize,
    pub(super) sort: SortBy,
    pub(super) filter: Filter,
    /// Cursor along the ranks, from 0 (lowest) to 1 (highest).
    pub(super) rank: Option<f64>,
}

/// How far the file is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// Being read: what, in a few words.
    At(String),
    Failed(String),
    Done,
}

/// A panel of the view, in the order of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub(super) enum ProfilePanel {
    /// The table of all matrices.
    Matrices,
    /// The profile of the selected one.
    Profile,
    /// The profiles of all.
    All,
}

impl ProfilePanel {
    pub(super) fn title(self) -> &'static str {
        match self {
            ProfilePanel::Matrices => "Weight matrices",
            ProfilePanel::Profile => "Weight profile",
            ProfilePanel::All => "All profiles",
        }
    }
}

impl Profiles {
    /// The view of the file named `title`, of which nothing was read yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            chrome: Chrome::default(),
            title: title.into(),
            matrices: Vec::new(),
            reading: Reading::At(String::new()),
            notice: None,
            chosen: 0,
            sort: SortBy::default(),
            filter: Filter::default(),
            rank: None,
        }
    }

    /// Takes news of the file.
    pub fn take(&mut self, news: ProfileNews) {
        // A failure is final, and so is the end. The reading thread ends after either.
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
        self.chrome.refresh();
    }

    /// The rows of the table, in the order of the file.
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

    /// Indices of the matrices that the filter shows, as sorted.
    pub(super) fn order(&self) -> Vec<usize> {
        let rows = self.rows();
        let shown = |&index: &usize| {
            self.filter.lets_through(&format!("{} {}", rows[index].name, rows[index].shape()))
        };
        sorted(&rows, self.sort).into_iter().filter(shown).collect()
    }

    /// The selected matrix, if the filter shows it.
    pub(super) fn chosen(&self) -> Option<&MatrixSummary> {
        self.order().contains(&self.chosen).then(|| self.matrices.get(self.chosen))?
    }

    /// Selects the matrix this many rows below the selected one, within the list.
    pub(super) fn move_by(&mut self, lines: isize) {
        let order = self.order();
        let place = order.iter().position(|&index| index == self.chosen).unwrap_or(0);
        let place = place.saturating_add_signed(lines).min(order.len().saturating_sub(1));
        self.chosen = order.get(place).copied().unwrap_or(self.chosen);
    }

    /// Moves the cursor along the ranks by this many hundredths.
    pub(super) fn move_rank(&mut self, by: i32) {
        self.rank = Some(moved_rank(self.rank, by));
    }

    /// Sorts the table by its next column.
    pub(super) fn sort_by_next(&mut self) {
        self.sort = self.sort.next();
        self.chrome.say(self.sort.words());
    }

    /// Selects a matrix that the filter shows, after the filter has changed.
    pub(super) fn filtered(&mut self) {
        let order = self.order();
        if !order.contains(&self.chosen) {
            self.chosen = order.first().copied().unwrap_or(self.chosen);
        }
    }
}
