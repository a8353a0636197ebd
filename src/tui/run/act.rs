//! Effects of the actions on a run that take more than a line.

use super::quantity::{RunQuantity, prompt};
use super::questions::{self, LEAVE};
use super::state::App;
use crate::train::Command;
use crate::tui::content::Content;
use crate::tui::window::Leave;

impl App {
    pub(super) fn pause_or_resume(&mut self) {
        self.ask(if self.paused() { Command::Resume } else { Command::Pause });
    }

    pub(super) fn set_period(&mut self, k: u64) {
        if k == self.period() {
            self.chrome.say(format!("k stays {k}"));
        } else {
            self.ask(Command::SetPeriod { k });
        }
    }

    pub(super) fn set_pruning(&mut self, p: f64) {
        if p == self.pruning() {
            self.chrome.say("p goes from 0 % to 95 % here; P types any value");
        } else {
            self.ask(Command::SetPruning { p });
        }
    }

    pub(super) fn type_period(&mut self) {
        prompt(self, RunQuantity::Period);
    }

    pub(super) fn type_pruning(&mut self) {
        prompt(self, RunQuantity::Pruning);
    }

    pub(super) fn type_learning_rate(&mut self) {
        prompt(self, RunQuantity::LearningRate);
    }

    pub(super) fn type_moment(&mut self) {
        prompt(self, RunQuantity::Moment);
    }

    /// Selects the layer this many positions further, within the list.
    pub(super) fn select_layer(&mut self, by: isize) {
        let last = self.layers().len().saturating_sub(1);
        self.view.layer = self.view.layer.min(last).saturating_add_signed(by).min(last);
        self.select_vector(0);
    }

    /// Selects the weight vector this many positions further, within the layer.
    pub(super) fn select_vector(&mut self, by: isize) {
        let Some(layer) = self.layers().get(self.view.layer) else { return };
        let last = layer.vectors.saturating_sub(1);
        let text = format!("layer {}", layer.name);
        self.view.vector = self.view.vector.min(last).saturating_add_signed(by).min(last);
        let vector = self.view.vector + 1;
        self.chrome.say(format!("{text}, weight vector {vector} of {}", last + 1));
        self.watch();
    }

    /// Moves the cursor by this many hundredths of the time shown.
    pub(super) fn move_cursor(&mut self, by: i64) {
        self.view.move_cursor(by, self.shown().step);
    }

    pub(super) fn cursor_to_start(&mut self) {
        self.view.cursor_to_start(self.shown().step);
    }

    pub(super) fn cursor_to_now(&mut self) {
        self.view.cursor_to_now(self.shown().step);
    }

    pub(super) fn zoom_time_in(&mut self) {
        self.view.zoom_in(self.shown().step);
    }

    pub(super) fn zoom_time_out(&mut self) {
        self.view.zoom_out(self.shown().step);
    }

    pub(super) fn all_layers(&mut self) {
        self.view.all_layers = !self.view.all_layers;
        self.chrome.say(if self.view.all_layers { "all layers" } else { "one layer" });
    }

    pub(super) fn sort(&mut self) {
        self.view.sort = self.view.sort.next();
        self.chrome.say(format!("layers {}", self.view.sort.words()));
    }

    pub(super) fn smooth(&mut self) {
        self.view.next_smoothing();
        self.chrome.say(match self.view.smoothing {
            0.0 => "curves not smoothed".into(),
            half_life => format!("curves smoothed, half-life {half_life} steps"),
        });
    }

    pub(super) fn logarithmic(&mut self) {
        self.view.log = !self.view.log;
        self.chrome.say(if self.view.log { "logarithmic axes" } else { "linear axes" });
    }

    pub(super) fn since_start(&mut self) {
        self.view.since_start = !self.view.since_start;
        self.chrome.say(if self.view.since_start {
            "permutations since the start"
        } else {
            "permutations since the previous sync"
        });
    }

    pub(super) fn next_unit(&mut self) {
        self.view.unit = self.view.unit.next();
        self.chrome.say(format!("time in {}", self.view.unit.name()));
    }

    pub(super) fn freeze(&mut self) {
        if self.frozen.take().is_some() {
            self.chrome.say("the view follows the run again");
        } else {
            self.frozen = Some(Box::new(self.run.clone()));
            self.chrome.say("the view is frozen; the run continues, and f follows it again");
        }
    }

    pub(super) fn detach(&mut self) {
        self.chrome.leave(Leave::Detached);
    }

    /// Leaves, after a question if the run continues.
    pub(super) fn quit(&mut self) {
        if self.may_leave() {
            self.chrome.leave(Leave::Left);
        } else {
            self.chrome.open(questions::leave());
        }
    }

    /// Leaves as [`Self::quit`] does. If that question is open, stops the run.
    pub(super) fn interrupt(&mut self) {
        if self.chrome.popup().is_some_and(|popup| popup.title() == LEAVE) && !self.may_leave() {
            self.chrome.leave(Leave::Stop);
        } else {
            self.leave();
        }
    }
}
