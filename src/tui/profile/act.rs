//! What each action does on the screen of a file's weight matrices.

use super::actions::{ACTIONS, Action};
use super::state::{Panel, Profiles, Request};
use crate::tui::help::Help;
use crate::tui::view::moved_rank;

/// Lines that a page key moves by.
const PAGE: isize = 10;

impl Profiles {
    /// Does `action`.
    pub(super) fn act(&mut self, action: Action) {
        self.status = None;
        let panels = Panel::ALL.len();
        match action {
            Action::Up => self.move_by(-1),
            Action::Down => self.move_by(1),
            Action::PageUp => self.move_by(-PAGE),
            Action::PageDown => self.move_by(PAGE),
            Action::First => self.move_by(isize::MIN),
            Action::Last => self.move_by(isize::MAX),
            Action::Sort => {
                self.sort = self.sort.next();
                self.say(self.sort.words(), false);
            }
            Action::Filter => self.filter.begin(),
            Action::RankRight => self.rank = Some(moved_rank(self.rank, 1)),
            Action::RankLeft => self.rank = Some(moved_rank(self.rank, -1)),
            Action::RankFarRight => self.rank = Some(moved_rank(self.rank, 10)),
            Action::RankFarLeft => self.rank = Some(moved_rank(self.rank, -10)),
            Action::WithoutRank => self.rank = None,
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Back if self.zoomed => self.zoomed = false,
            Action::Back => {
                self.filter.clear();
                self.filtered();
            }
            Action::NextPanel => self.focus = (self.focus + 1) % panels,
            Action::PreviousPanel => self.focus = (self.focus + panels - 1) % panels,
            Action::Focus(panel) => self.focus = panel.min(panels - 1),
            Action::Help => self.help = Some(Help::new(ACTIONS)),
            Action::Redraw => self.request(Request::Redraw),
            Action::Suspend => self.request(Request::Suspend),
            Action::Quit => self.request(Request::Leave),
        }
    }
}
