//! The rows of the two lists.

use std::path::PathBuf;

use crate::run::{RunFolder, Standing, Summary};

/// An experiment to launch.
#[derive(Debug, Clone, Default)]
pub struct ExperimentItem {
    pub path: PathBuf,
    pub name: String,
    pub description: String,
    pub dataset: String,
    /// Which data is missing and how to get it; `None` if the experiment can start.
    pub missing_data: Option<String>,
}

/// A run to open.
#[derive(Debug, Clone)]
pub(super) struct RunItem {
    pub folder: RunFolder,
    /// Summary of its log, or why the log cannot be read; `None` until it was read.
    pub summary: Option<Result<Summary, String>>,
    /// Whether it is to be compared or deleted.
    pub marked: bool,
}

impl ExperimentItem {
    /// Text that the filter searches.
    pub(super) fn texts(&self) -> String {
        format!("{} {} {}", self.name, self.description, self.dataset)
    }
}

impl RunItem {
    pub(super) fn new(folder: RunFolder) -> Self {
        RunItem { folder, summary: None, marked: false }
    }

    /// Its summary, if its log was read.
    pub(super) fn known(&self) -> Option<&Summary> {
        self.summary.as_ref()?.as_ref().ok()
    }

    /// Why its log cannot be read.
    pub(super) fn problem(&self) -> Option<&str> {
        self.summary.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// Name of the experiment, or of the folder if the experiment is unknown.
    pub(super) fn name(&self) -> String {
        match self.known() {
            Some(summary) if !summary.name.is_empty() => summary.name.clone(),
            _ => self.folder.name(),
        }
    }

    /// Its state, in a word.
    pub(super) fn state(&self) -> &'static str {
        match &self.summary {
            None => "reading",
            Some(Ok(summary)) => summary.state.name(),
            Some(Err(_)) => "unreadable",
        }
    }

    /// Returns true if a process is training it.
    pub(super) fn is_living(&self) -> bool {
        self.known().is_some_and(|summary| summary.state.is_living())
    }

    /// Why it cannot be resumed; `None` if it can.
    pub(super) fn not_resumable(&self) -> Option<&'static str> {
        match self.known().map(|summary| summary.state) {
            None => Some("its log was not read"),
            Some(Standing::Running | Standing::Paused) => Some("it is running: enter opens it"),
            Some(Standing::Finished) => Some("it has taken all its steps"),
            Some(_) => None,
        }
    }

    /// Text that the filter searches.
    pub(super) fn texts(&self) -> String {
        let known = self.known().map(|summary| (&summary.network, &summary.dataset));
        let (network, dataset) = known.unzip();
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let (network, dataset) = (text(network), text(dataset));
        format!("{} {} {} {network} {dataset}", self.name(), self.folder.name(), self.state())
    }
}
