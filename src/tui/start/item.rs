//! What there is to choose from.

use std::path::PathBuf;

use crate::run::{RunFolder, Standing, Summary};

/// An experiment to launch.
#[derive(Debug, Clone, Default)]
pub struct ExperimentItem {
    /// Its file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// The dataset it trains on.
    pub dataset: String,
    /// Why it cannot start and what to do about it; `None` when it can.
    pub missing_data: Option<String>,
}

/// A run to open.
#[derive(Debug, Clone)]
pub(super) struct RunItem {
    pub folder: RunFolder,
    /// What is known of it, or why that is nothing; `None` until it was read.
    pub summary: Option<Result<Summary, String>>,
    /// Whether it is among those to be compared or deleted.
    pub marked: bool,
}

impl ExperimentItem {
    /// What a filter looks at.
    pub(super) fn texts(&self) -> String {
        format!("{} {} {}", self.name, self.description, self.dataset)
    }
}

impl RunItem {
    pub fn new(folder: RunFolder) -> Self {
        RunItem { folder, summary: None, marked: false }
    }

    /// What is known of it.
    pub fn known(&self) -> Option<&Summary> {
        self.summary.as_ref()?.as_ref().ok()
    }

    /// Why its log cannot be read.
    pub fn problem(&self) -> Option<&str> {
        self.summary.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// The experiment's name; the folder's, where that is not known.
    pub fn name(&self) -> String {
        match self.known() {
            Some(summary) if !summary.name.is_empty() => summary.name.clone(),
            _ => self.folder.name(),
        }
    }

    /// Its state in a word.
    pub fn state(&self) -> &'static str {
        match &self.summary {
            None => "reading",
            Some(Ok(summary)) => summary.state.name(),
            Some(Err(_)) => "unreadable",
        }
    }

    /// Whether a process has it in hand.
    pub fn is_living(&self) -> bool {
        self.known().is_some_and(|summary| summary.state.is_living())
    }

    /// Why it cannot be gone on with.
    pub fn not_resumable(&self) -> Option<&'static str> {
        match self.known().map(|summary| summary.state) {
            None => Some("nothing is known of it"),
            Some(Standing::Running | Standing::Paused) => Some("it is living: enter opens it"),
            Some(Standing::Finished) => Some("it has taken all its steps"),
            Some(_) => None,
        }
    }

    /// What a filter looks at.
    pub fn texts(&self) -> String {
        let known = self.known().map(|summary| (&summary.network, &summary.dataset));
        let (network, dataset) = known.unzip();
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let (network, dataset) = (text(network), text(dataset));
        format!("{} {} {} {network} {dataset}", self.name(), self.folder.name(), self.state())
    }
}
