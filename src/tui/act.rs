//! What each action does to the screen of a run.

use super::actions::{ACTIONS, Action};
use super::app::{App, Request};
use super::help::Help;
use super::palette::Palette;
use super::panels::Panel;
use super::popup::Popup;
use super::prompt::{Prompt, Quantity};
use super::question::Question;
use super::steer;
use crate::train::Command;

impl App {
    /// Does `action`, or says why not.
    pub fn act(&mut self, action: Action) {
        self.status = None;
        let row = ACTIONS.iter().find(|row| row.action == action);
        if let Some((row, why)) = row.and_then(|row| Some((row, (row.obstacle)(self)?))) {
            return self.warn(format!("{}: {why}", row.description));
        }
        let now = self.shown().step;
        match action {
            Action::PauseOrResume => {
                self.ask(if self.holds() { Command::Resume } else { Command::Pause });
            }
            Action::StepOnce => self.ask(Command::Step),
            Action::PeriodUp => self.set_period(steer::period_up(self.period())),
            Action::PeriodDown => self.set_period(steer::period_down(self.period())),
            Action::PruneMore => self.set_pruning(steer::pruning_by(self.pruning(), 5.0)),
            Action::PruneLess => self.set_pruning(steer::pruning_by(self.pruning(), -5.0)),
            Action::SetPeriod => self.prompt(Quantity::Period),
            Action::SetPruning => self.prompt(Quantity::Pruning),
            Action::SetLearningRate => self.prompt(Quantity::LearningRate),
            Action::Sync => self.ask(Command::Sync),
            Action::BackToSchedule => self.ask(Command::BackToSchedule),
            Action::Evaluate => self.ask(Command::Evaluate),
            Action::Snapshot => self.ask(Command::Snapshot),
            Action::Replay(transport) => self.play(transport),
            Action::JumpTo => self.prompt(Quantity::Moment),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Unzoom => self.zoomed = false,
            Action::NextPanel => self.focus = (self.focus + 1) % Panel::ALL.len(),
            Action::PreviousPanel => {
                self.focus = (self.focus + Panel::ALL.len() - 1) % Panel::ALL.len();
            }
            Action::Focus(panel) => self.focus = panel,
            Action::SaveFigure => self.request(Request::Figure),
            Action::NextLayer => self.select_layer(1),
            Action::PreviousLayer => self.select_layer(-1),
            Action::NextVector => self.select_vector(1),
            Action::PreviousVector => self.select_vector(-1),
            Action::CursorRight => self.view.move_cursor(1, now),
            Action::CursorLeft => self.view.move_cursor(-1, now),
            Action::CursorFarRight => self.view.move_cursor(10, now),
            Action::CursorFarLeft => self.view.move_cursor(-10, now),
            Action::CursorToStart => self.view.cursor_to_start(now),
            Action::CursorToNow => self.view.cursor_to_now(now),
            Action::RankRight => self.view.move_rank(1),
            Action::RankLeft => self.view.move_rank(-1),
            Action::AllLayers => {
                self.view.all_layers = !self.view.all_layers;
                self.say(if self.view.all_layers { "all layers" } else { "one layer" });
            }
            Action::Sort => {
                self.view.sort = self.view.sort.next();
                self.say(format!("layers {}", self.view.sort.words()));
            }
            Action::ZoomIn => self.view.zoom_in(now),
            Action::ZoomOut => self.view.zoom_out(now),
            Action::ResetView => self.view.reset(),
            Action::Smooth => self.smooth(),
            Action::Logarithmic => {
                self.view.log = !self.view.log;
                self.say(if self.view.log { "logarithmic axes" } else { "linear axes" });
            }
            Action::SinceStart => {
                self.view.since_start = !self.view.since_start;
                self.say(match self.view.since_start {
                    true => "permutations since the start",
                    false => "permutations since the sync before",
                });
            }
            Action::TimeUnit => {
                self.view.unit = self.view.unit.next();
                self.say(format!("time in {}", self.view.unit.name()));
            }
            Action::Freeze => self.freeze(),
            Action::Help => self.popups.push(Popup::Help(Help::new(ACTIONS))),
            Action::Palette => self.popups.push(Popup::Palette(Palette::default())),
            Action::Redraw => self.request(Request::Redraw),
            Action::Suspend => self.request(Request::Suspend),
            Action::Detach => self.request(Request::Detach),
            Action::Quit | Action::Interrupt => self.quit(action),
        }
    }

    fn set_period(&mut self, k: u64) {
        match k == self.period() {
            true => self.say(format!("k stays {k}")),
            false => self.ask(Command::SetPeriod { k }),
        }
    }

    fn set_pruning(&mut self, p: f64) {
        match p == self.pruning() {
            true => self.say("p goes from 0 % to 95 % here; P types any value"),
            false => self.ask(Command::SetPruning { p }),
        }
    }

    fn prompt(&mut self, quantity: Quantity) {
        self.popups.push(Popup::Prompt(Prompt::new(quantity, &self.run)));
    }

    fn select_layer(&mut self, by: isize) {
        let last = self.layers().len() - 1;
        self.view.layer = self.view.layer.min(last).saturating_add_signed(by).min(last);
        self.select_vector(0);
    }

    fn select_vector(&mut self, by: isize) {
        let Some(layer) = self.layers().get(self.view.layer) else { return };
        let last = layer.vectors.saturating_sub(1);
        let text = format!("layer {}", layer.name);
        self.view.vector = self.view.vector.min(last).saturating_add_signed(by).min(last);
        self.say(format!("{text}, weight vector {} of {}", self.view.vector + 1, last + 1));
        self.watch();
    }

    fn smooth(&mut self) {
        self.view.next_smoothing();
        match self.view.smoothing {
            0.0 => self.say("curves as they are"),
            half_life => self.say(format!("curves smoothed, half-life {half_life} steps")),
        }
    }

    fn freeze(&mut self) {
        match self.frozen.take() {
            Some(_) => self.say("the view follows the run again"),
            None => {
                self.frozen = Some(Box::new(self.run.clone()));
                self.say("the view is frozen; the run goes on, f lets the view follow again");
            }
        }
    }

    fn quit(&mut self, action: Action) {
        if self.may_leave() {
            self.request(Request::Leave);
        } else if action == Action::Interrupt && self.asks_to_quit() {
            self.request(Request::Stop);
        } else {
            self.popups.push(Popup::Question(Question::quit()));
        }
    }
}
