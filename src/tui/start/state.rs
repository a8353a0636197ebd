//! The start screen as plain state: news of the runs and keys go in, a choice comes out.

use crossterm::event::KeyEvent;
use jiff::Timestamp;

use super::Choice;
use super::actions::{ACTIONS, Action};
use super::confirm::{Answer, Confirm};
use super::item::{ExperimentItem, RunItem};
use crate::run::{RunFolder, RunNews, delete_run};
use crate::tui::app::Status;
use crate::tui::filter::{Filter, Typed};
use crate::tui::help::Help;
use crate::tui::keys::{Key, find};
use crate::tui::popup::Reaction;

/// What there is to choose from, and what is chosen so far. It can be come back to.
#[derive(Debug)]
pub struct Start {
    experiments: Vec<ExperimentItem>,
    runs: Vec<RunItem>,
    pub(super) list: List,
    /// The chosen line of each list, among those that the filter lets through.
    pub(super) chosen: [usize; 2],
    pub(super) filter: Filter,
    pub(super) help: Option<Help>,
    pub(super) confirm: Option<Confirm>,
    pub(super) status: Option<Status>,
    /// What ages are counted to.
    pub(super) now: Timestamp,
    request: Option<Request>,
    changed: bool,
}

/// One of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Experiments,
    Runs,
}

/// What the start screen wants of its loop.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Choose(Choice),
    Suspend,
    Redraw,
}

/// Lines that a page key moves by.
const PAGE: usize = 10;

impl List {
    fn other(self) -> Self {
        match self {
            List::Experiments => List::Runs,
            List::Runs => List::Experiments,
        }
    }
}

impl Start {
    /// With these experiments to launch, the first of them for a first try, and no runs known yet.
    pub fn new(experiments: Vec<ExperimentItem>) -> Self {
        Self {
            experiments,
            runs: Vec::new(),
            list: List::Experiments,
            chosen: [0; 2],
            filter: Filter::default(),
            help: None,
            confirm: None,
            status: None,
            now: Timestamp::now(),
            request: None,
            changed: true,
        }
    }

    /// Says something in the status line, as a warning.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), warning: true });
        self.touch();
    }

    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    pub(super) fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn take_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    /// Takes news of the runs. The chosen one stays chosen, wherever it moves.
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
        let place = self.runs().position(|run| chosen.as_ref() == Some(&run.folder));
        let place = place.unwrap_or(self.chosen[List::Runs as usize]);
        self.chosen[List::Runs as usize] = place.min(self.runs().count().saturating_sub(1));
        self.touch();
    }

    /// Lets time pass, which makes runs older.
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        let known = || self.runs.iter().filter_map(RunItem::known);
        if known().any(|summary| summary.age(now) != summary.age(self.now)) {
            self.changed = true;
        }
        self.now = now;
    }

    /// The experiments that the filter lets through.
    pub(super) fn experiments(&self) -> impl Iterator<Item = &ExperimentItem> {
        self.experiments.iter().filter(|item| self.filter.lets_through(&item.texts()))
    }

    /// The runs that the filter lets through.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunItem> {
        self.runs.iter().filter(|item| self.filter.lets_through(&item.texts()))
    }

    pub(super) fn chosen_experiment(&self) -> Option<&ExperimentItem> {
        self.experiments().nth(self.chosen[List::Experiments as usize])
    }

    pub(super) fn chosen_run(&self) -> Option<&RunItem> {
        self.runs().nth(self.chosen[List::Runs as usize])
    }

    /// The marked runs, whatever the filter lets through.
    pub(super) fn marked(&self) -> impl Iterator<Item = &RunItem> {
        self.runs.iter().filter(|run| run.marked)
    }

    pub(super) fn key(&mut self, event: KeyEvent) {
        self.touch();
        if let Some(help) = &mut self.help {
            if help.key(event) == Reaction::Close {
                self.help = None;
            }
            return;
        }
        let action = find(ACTIONS, Key::from(event)).map(|binding| binding.action);
        if let Some(confirm) = self.confirm.take_if(|_| action != Some(Action::Redraw)) {
            return self.answer(confirm, event);
        }
        match self.filter.key(event) {
            Typed::Changed => return self.filtered(),
            Typed::Taken => return,
            Typed::Passed => {}
        }
        if let Some(action) = action {
            self.act(action);
        }
    }

    fn answer(&mut self, confirm: Confirm, event: KeyEvent) {
        match confirm.key(event) {
            Answer::Yes => self.delete(&confirm),
            Answer::No => {}
            Answer::None => self.confirm = Some(confirm),
        }
    }

    /// Deletes what was asked about, as far as it can be deleted.
    fn delete(&mut self, confirm: &Confirm) {
        let mut problem = None;
        for folder in &confirm.folders {
            match delete_run(folder) {
                Ok(()) => self.runs.retain(|run| run.folder != *folder),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        let last = self.runs().count().saturating_sub(1);
        let chosen = &mut self.chosen[List::Runs as usize];
        *chosen = (*chosen).min(last);
        match problem {
            Some(problem) => self.warn(problem),
            None => {
                let text = format!("deleted {}", confirm.what());
                self.status = Some(Status { text, warning: false });
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.filter.paste(text) {
            self.filtered();
            self.touch();
        }
    }

    /// The filter has changed: go where it found something.
    fn filtered(&mut self) {
        self.chosen = [0; 2];
        if self.count(self.list) == 0 {
            self.list = self.list.other();
        }
        if self.count(self.list) == 0 {
            self.list = self.list.other();
        }
    }

    /// How many lines of a list the filter lets through.
    pub(super) fn count(&self, list: List) -> usize {
        match list {
            List::Experiments => self.experiments().count(),
            List::Runs => self.runs().count(),
        }
    }

    fn act(&mut self, action: Action) {
        self.status = None;
        let row = ACTIONS.iter().find(|row| row.action == action);
        if let Some((row, why)) = row.and_then(|row| Some((row, (row.obstacle)(self)?))) {
            return self.warn(format!("{}: {why}", row.description));
        }
        let last = self.count(self.list).saturating_sub(1);
        let chosen = &mut self.chosen[self.list as usize];
        match action {
            Action::Choose => self.choose(),
            Action::Up => *chosen = chosen.saturating_sub(1),
            Action::Down => *chosen = (*chosen + 1).min(last),
            Action::PageUp => *chosen = chosen.saturating_sub(PAGE),
            Action::PageDown => *chosen = (*chosen + PAGE).min(last),
            Action::First => *chosen = 0,
            Action::Last => *chosen = last,
            Action::OtherList => self.list = self.list.other(),
            Action::Filter => self.filter.begin(),
            Action::Mark => self.mark(),
            Action::Compare => {
                let folders = self.marked().map(|run| run.folder.path().to_owned());
                let folders = folders.collect();
                self.request = Some(Request::Choose(Choice::Compare(folders)));
            }
            Action::Resume => self.choose_run(Choice::Resume),
            Action::Replay => self.choose_run(Choice::Replay),
            Action::Delete => self.ask_to_delete(),
            Action::Help => self.help = Some(Help::new(ACTIONS)),
            Action::Redraw => self.request = Some(Request::Redraw),
            Action::Suspend => self.request = Some(Request::Suspend),
            Action::Leave if !self.filter.is_empty() => {
                self.filter.clear();
                self.filtered();
            }
            Action::Leave if self.marked().next().is_some() => {
                self.runs.iter_mut().for_each(|run| run.marked = false);
            }
            Action::Quit | Action::Leave => self.request = Some(Request::Choose(Choice::Quit)),
        }
    }

    fn choose(&mut self) {
        match self.list {
            List::Runs => match self.chosen_run().and_then(RunItem::problem) {
                Some(problem) => self.warn(problem.to_owned()),
                None => self.choose_run(Choice::Open),
            },
            List::Experiments => match self.chosen_experiment() {
                Some(ExperimentItem { missing_data: Some(why), .. }) => self.warn(why.clone()),
                Some(experiment) => {
                    let choice = Choice::Launch(experiment.path.clone());
                    self.request = Some(Request::Choose(choice));
                }
                None => {}
            },
        }
    }

    fn choose_run(&mut self, choice: fn(std::path::PathBuf) -> Choice) {
        if let Some(run) = self.chosen_run() {
            self.request = Some(Request::Choose(choice(run.folder.path().to_owned())));
        }
    }

    /// Marks the chosen run, or not any more, and goes to the next.
    fn mark(&mut self) {
        let Some(folder) = self.chosen_run().map(|run| run.folder.clone()) else { return };
        if let Some(run) = self.runs.iter_mut().find(|run| run.folder == folder) {
            run.marked = !run.marked;
        }
        let last = self.runs().count().saturating_sub(1);
        let chosen = &mut self.chosen[List::Runs as usize];
        *chosen = (*chosen + 1).min(last);
    }

    fn ask_to_delete(&mut self) {
        let mut doomed: Vec<&RunItem> = self.marked().collect();
        if doomed.is_empty() {
            doomed.extend(self.chosen_run());
        }
        if let Some(living) = doomed.iter().find(|run| run.is_living()) {
            let text = format!("{} is being trained and is not deleted", living.folder.name());
            return self.warn(text);
        }
        self.confirm =
            Some(Confirm::new(doomed.into_iter().map(|run| run.folder.clone()).collect()));
    }

    /// Why the chosen run cannot be gone on with.
    pub(super) fn not_resumable(&self) -> Option<&'static str> {
        match (self.list, self.chosen_run()) {
            (List::Runs, Some(run)) => run.not_resumable(),
            (List::Runs, None) => Some("there is no run"),
            (List::Experiments, _) => Some("only in the list of runs"),
        }
    }
}
