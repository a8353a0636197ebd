//! State of the start view: news of the runs and keys go in, a choice comes out.

use std::path::PathBuf;

use jiff::Timestamp;

use super::choice::Choice;
use super::item::{ExperimentItem, RunItem};
use crate::run::{RunFolder, RunNews, delete_run, size_on_disk};
use crate::tui::chrome::Chrome;
use crate::tui::filter::Filter;
use crate::tui::format;
use crate::tui::question::Question;

/// State of the start view.
pub struct Start {
    pub(super) chrome: Chrome<Start>,
    experiments: Vec<ExperimentItem>,
    runs: Vec<RunItem>,
    /// The selected row of each list, among those that the filter shows.
    pub(super) chosen: [usize; 2],
    pub(super) filter: Filter,
    /// The time that ages are counted to.
    pub(super) now: Timestamp,
    choice: Option<Choice>,
}

/// One of the two lists. Its number is that of its panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Experiments,
    Runs,
}

impl Start {
    /// The start view of these experiments, of which the first suits a first try. No runs are known
    /// yet.
    pub fn new(experiments: Vec<ExperimentItem>) -> Self {
        Self {
            chrome: Chrome::default(),
            experiments,
            runs: Vec::new(),
            chosen: [0; 2],
            filter: Filter::default(),
            now: Timestamp::now(),
            choice: None,
        }
    }

    /// Takes the choice that the keys have made.
    pub(super) fn take_choice(&mut self) -> Option<Choice> {
        self.choice.take()
    }

    /// Takes news of the runs. The selected run stays selected wherever it moves.
    pub(super) fn take(&mut self, news: RunNews) {
        let chosen = self.chosen_run().map(|run| run.folder.clone());
        match news {
            RunNews::Listed(folders) => {
                let item = |folder: RunFolder| {
                    let known = self.runs.iter().find(|run| run.folder == folder);
                    known.cloned().unwrap_or_else(|| RunItem::new(folder))
                };
                self.runs = folders.into_iter().map(item).collect();
            }
            RunNews::Read(path, summary) => {
                if let Some(run) = self.runs.iter_mut().find(|run| run.folder.path() == path) {
                    run.summary = Some((*summary).map_err(|error| error.to_string()));
                }
            }
        }
        let row = self.runs().position(|run| chosen.as_ref() == Some(&run.folder));
        let row = row.unwrap_or(self.chosen[List::Runs as usize]);
        self.chosen[List::Runs as usize] = row.min(self.last(List::Runs));
        self.chrome.refresh();
    }

    /// Updates the ages of the runs.
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        let known = || self.runs.iter().filter_map(RunItem::known);
        if known().any(|summary| summary.age(now) != summary.age(self.now)) {
            self.chrome.refresh();
        }
        self.now = now;
    }

    /// The focused list.
    pub(super) fn list(&self) -> List {
        if self.chrome.focus == 0 { List::Experiments } else { List::Runs }
    }

    /// The experiments that the filter shows.
    pub(super) fn experiments(&self) -> impl Iterator<Item = &ExperimentItem> {
        self.experiments.iter().filter(|item| self.filter.lets_through(&item.texts()))
    }

    /// The runs that the filter shows.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunItem> {
        self.runs.iter().filter(|item| self.filter.lets_through(&item.texts()))
    }

    pub(super) fn chosen_experiment(&self) -> Option<&ExperimentItem> {
        self.experiments().nth(self.chosen[List::Experiments as usize])
    }

    pub(super) fn chosen_run(&self) -> Option<&RunItem> {
        self.runs().nth(self.chosen[List::Runs as usize])
    }

    /// The marked runs, including those that the filter hides.
    pub(super) fn marked(&self) -> impl Iterator<Item = &RunItem> {
        self.runs.iter().filter(|run| run.marked)
    }

    /// Number of rows of a list that the filter shows.
    pub(super) fn count(&self, list: List) -> usize {
        match list {
            List::Experiments => self.experiments().count(),
            List::Runs => self.runs().count(),
        }
    }

    fn last(&self, list: List) -> usize {
        self.count(list).saturating_sub(1)
    }

    /// Selects the first row after the filter has changed, in the list that has one.
    pub(super) fn filtered(&mut self) {
        self.chosen = [0; 2];
        let other = if self.list() == List::Runs { List::Experiments } else { List::Runs };
        if self.count(self.list()) == 0 && self.count(other) > 0 {
            self.chrome.focus = other as usize;
        }
    }

    /// Moves the selection in the focused list, within its rows.
    pub(super) fn move_by(&mut self, rows: isize) {
        let list = self.list();
        let row = self.chosen[list as usize].saturating_add_signed(rows);
        self.chosen[list as usize] = row.min(self.last(list));
    }

    /// Launches the selected experiment, or opens the selected run.
    pub(super) fn choose(&mut self) {
        match self.list() {
            List::Runs => match self.chosen_run().and_then(RunItem::problem) {
                Some(problem) => self.chrome.warn(problem.to_owned()),
                None => self.choose_run(Choice::Open),
            },
            List::Experiments => match self.chosen_experiment() {
                Some(ExperimentItem { missing_data: Some(why), .. }) => {
                    self.chrome.warn(why.clone());
                }
                Some(experiment) => self.choice = Some(Choice::Launch(experiment.path.clone())),
                None => {}
            },
        }
    }

    pub(super) fn choose_run(&mut self, choice: fn(PathBuf) -> Choice) {
        if let Some(run) = self.chosen_run() {
            self.choice = Some(choice(run.folder.path().to_owned()));
        }
    }

    /// Compares the marked runs.
    pub(super) fn compare(&mut self) {
        let folders = self.marked().map(|run| run.folder.path().to_owned());
        self.choice = Some(Choice::Compare(folders.collect()));
    }

    /// Marks the selected run, or removes its mark, and selects the next.
    pub(super) fn mark(&mut self) {
        let Some(folder) = self.chosen_run().map(|run| run.folder.clone()) else { return };
        if let Some(run) = self.runs.iter_mut().find(|run| run.folder == folder) {
            run.marked = !run.marked;
        }
        self.move_by(1);
    }

    /// Removes all marks. Returns false if there are none.
    pub(super) fn unmark(&mut self) -> bool {
        let any = self.marked().next().is_some();
        self.runs.iter_mut().for_each(|run| run.marked = false);
        any
    }

    /// Asks whether to delete the marked runs, or else the selected one.
    pub(super) fn ask_to_delete(&mut self) {
        let mut doomed: Vec<&RunItem> = self.marked().collect();
        if doomed.is_empty() {
            doomed.extend(self.chosen_run());
        }
        if let Some(living) = doomed.iter().find(|run| run.is_living()) {
            let text = format!("{} is being trained and is not deleted", living.folder.name());
            return self.chrome.warn(text);
        }
        let folders: Vec<RunFolder> = doomed.into_iter().map(|run| run.folder.clone()).collect();
        self.chrome.open(deletion(folders));
    }

    /// Deletes runs as far as possible. `what` describes them.
    fn delete(&mut self, folders: &[RunFolder], what: &str) {
        let mut problem = None;
        for folder in folders {
            match delete_run(folder) {
                Ok(()) => self.runs.retain(|run| run.folder != *folder),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        let last = self.last(List::Runs);
        let chosen = &mut self.chosen[List::Runs as usize];
        *chosen = (*chosen).min(last);
        match problem {
            Some(problem) => self.chrome.warn(problem),
            None => self.chrome.say(format!("deleted {what}")),
        }
    }
}

/// Asks whether to delete runs. Enter keeps them: it is pressed too easily.
fn deletion(folders: Vec<RunFolder>) -> Question<Start> {
    let size = format::bytes(folders.iter().map(size_on_disk).sum());
    let (what, them, details) = match folders.as_slice() {
        [folder] => (format!("{}, {size}", folder.name()), "It is", Vec::new()),
        folders => {
            let names = folders.iter().map(RunFolder::name).collect();
            (format!("{} runs, {size}", folders.len()), "They are", names)
        }
    };
    Question::new("delete?", format!("Delete {what}? {them} gone for good."))
        .details(details)
        .dismissal('n', "keep")
        .answer('y', "delete", move |start: &mut Start| start.delete(&folders, &what))
}
