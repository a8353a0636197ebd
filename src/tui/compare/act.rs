//! What each action does where runs are compared.

use super::actions::{ACTIONS, Action};
use super::state::{Compare, Panel, Request};
use super::tables::difference_lines;
use crate::tui::help::Help;

impl Compare {
    /// Does `action`, or says why not.
    pub(super) fn act(&mut self, action: Action) {
        self.status = None;
        let row = ACTIONS.iter().find(|row| row.action == action);
        if let Some((row, why)) = row.and_then(|row| Some((row, (row.obstacle)(self)?))) {
            return self.say(format!("{}: {why}", row.description), true);
        }
        let now = self.now();
        let panels = Panel::ALL.len();
        match action {
            Action::Hide(index) => self.hide(index),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Unzoom if self.zoomed => self.zoomed = false,
            Action::NextPanel => self.focus = (self.focus + 1) % panels,
            Action::PreviousPanel => self.focus = (self.focus + panels - 1) % panels,
            Action::Focus(panel) => self.focus = panel.min(panels - 1),
            Action::ScrollUp => self.scroll = self.scroll.saturating_sub(1),
            Action::ScrollDown => {
                self.scroll = (self.scroll + 1).min(difference_lines(self).len().saturating_sub(1));
            }
            Action::NextLayer => self.choose_layer(1),
            Action::PreviousLayer => self.choose_layer(-1),
            Action::CursorRight => self.view.move_cursor(1, now),
            Action::CursorLeft => self.view.move_cursor(-1, now),
            Action::CursorFarRight => self.view.move_cursor(10, now),
            Action::CursorFarLeft => self.view.move_cursor(-10, now),
            Action::CursorToStart => self.view.cursor_to_start(now),
            Action::CursorToNow => self.view.cursor_to_now(now),
            Action::ZoomIn => self.view.zoom_in(now),
            Action::ZoomOut => self.view.zoom_out(now),
            Action::ResetView => self.view.reset(),
            Action::Smooth => self.smooth(),
            Action::Logarithmic => {
                self.view.log = !self.view.log;
                self.say(if self.view.log { "logarithmic axes" } else { "linear axes" }, false);
            }
            Action::TimeUnit => {
                self.align_by(self.view.unit.next());
                self.say(format!("aligned by {}", self.view.unit.name()), false);
            }
            Action::Help => self.help = Some(Help::new(ACTIONS)),
            Action::Redraw => self.request(Request::Redraw),
            Action::Suspend => self.request(Request::Suspend),
            Action::Quit | Action::Unzoom => self.request(Request::Leave),
        }
    }

    fn hide(&mut self, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        member.hidden = !member.hidden;
        let what = if member.hidden { "hidden" } else { "shown again" };
        let text = format!("{}, {}, is {what}", member.letter(), member.name());
        self.say(text, false);
    }

    fn smooth(&mut self) {
        self.view.next_smoothing();
        let text = match self.view.smoothing {
            0.0 => "curves as they are".into(),
            half_life => format!("loss and distance smoothed, half-life {half_life} values"),
        };
        self.say(text, false);
    }
}
