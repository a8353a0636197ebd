//! Why an action on a run is not available now; `None` if it is.

use super::state::App;
use crate::experiment::WrapperName;

impl App {
    pub(super) fn not_paused(&self) -> Option<&'static str> {
        self.not_steered().or((!self.paused()).then_some("only while paused"))
    }

    pub(super) fn without_period(&self) -> Option<&'static str> {
        self.not_steered().or(self.wraps(&[WrapperName::None]).then_some("this run has no syncs"))
    }

    pub(super) fn without_pruning(&self) -> Option<&'static str> {
        let others = [WrapperName::None, WrapperName::Lookahead];
        self.not_steered().or(self.wraps(&others).then_some("only LaPerm prunes"))
    }

    pub(super) fn no_replay(&self) -> Option<&'static str> {
        self.playback.is_none().then_some("only in a replay")
    }

    pub(super) fn arrows_scrub(&self) -> Option<&'static str> {
        self.playback.map(|_| "in a replay the arrows scrub")
    }

    pub(super) fn space_stops(&self) -> Option<&'static str> {
        self.playback.map(|_| "in a replay, space stops")
    }

    pub(super) fn without_vectors(&self) -> Option<&'static str> {
        let recorded = self.playback.map(|_| "a replay shows the vector that was watched");
        self.without_layers().or(recorded)
    }

    pub(super) fn without_profiles(&self) -> Option<&'static str> {
        let zoomed = self.chrome.zoomed && self.panel().has_rank_axis();
        (!zoomed).then_some("only while the weight profiles fill the screen")
    }

    pub(super) fn without_layers(&self) -> Option<&'static str> {
        self.layers().is_empty().then_some("no layers yet")
    }

    pub(super) fn without_figure(&self) -> Option<&'static str> {
        let none = self.panel().figure().is_none().then_some("this panel has no figure");
        none.or(self.run.started.is_none().then_some("the run has not started"))
    }

    /// Returns true if the run is trained by one of `wrappers`.
    fn wraps(&self, wrappers: &[WrapperName]) -> bool {
        let started = self.run.started.as_ref();
        started.is_some_and(|started| wrappers.iter().any(|wrapper| started.wrapper == *wrapper))
    }
}
