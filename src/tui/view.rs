//! The selected part of a run, shared by all panels, so that they move together.

use super::matrix_table::SortBy;
use crate::run::TimeUnit;

/// Selection, zoom and cursor of all panels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Index of the layer in [`Started::layers`](crate::train::Started::layers).
    pub layer: usize,
    /// Index of the weight vector in that layer.
    pub vector: usize,
    /// The unit of time axes.
    pub unit: TimeUnit,
    /// The steps on time axes, `from..to`. `None` shows the whole run as it grows.
    pub window: Option<(u64, u64)>,
    /// The step whose values the panels show; `None` for the latest.
    pub cursor: Option<u64>,
    /// Half-life of the smoothing of curves: in steps for one run, in values for several runs.
    /// 0 for none.
    pub smoothing: f32,
    /// Whether loss and distance have a logarithmic axis.
    pub log: bool,
    /// Whether panels show the curves of all layers on one axis, if they can.
    pub all_layers: bool,
    /// Cursor along the ranks, from 0 (lowest) to 1 (highest).
    pub rank: Option<f64>,
    pub sort: SortBy,
    /// Whether permutations are counted from the start rather than from the previous sync.
    pub since_start: bool,
}

impl View {
    /// The fewest steps that time axes show.
    const NARROWEST: u64 = 4;

    /// The steps on time axes, `from..to`, of a run that is at step `now`.
    pub fn span(&self, now: u64) -> (u64, u64) {
        self.window.unwrap_or((0, now.saturating_add(1)))
    }

    /// Moves the cursor by this many hundredths of the time shown. At the latest step it follows
    /// the run. If it passes the edge of the window, the window moves with it.
    pub fn move_cursor(&mut self, by: i64, now: u64) {
        let (from, to) = self.span(now);
        let stride = ((to - from) / 100).max(1);
        let here = self.cursor.unwrap_or(now);
        let there = here.saturating_add_signed(by.saturating_mul(stride as i64));
        self.cursor = (there < now).then_some(there);
        let (there, width) = (there.min(now), to - from);
        self.window = self.window.map(|(from, to)| match there {
            _ if there < from => (there, there + width),
            _ if there >= to => (there + 1 - width, there + 1),
            _ => (from, to),
        });
    }

    /// Puts the cursor on the first step shown.
    pub fn cursor_to_start(&mut self, now: u64) {
        self.cursor = Some(self.span(now).0);
    }

    /// Makes the cursor follow the latest step again.
    pub fn cursor_to_now(&mut self, now: u64) {
        self.cursor = None;
        self.move_cursor(0, now);
    }

    /// Moves the window to step `now` if that is outside.
    pub fn keep_in_sight(&mut self, now: u64) {
        let (from, to) = self.span(now);
        if now < from || now >= to {
            self.cursor_to_now(now);
        }
    }

    /// Shows half as many steps, around the cursor.
    pub fn zoom_in(&mut self, now: u64) {
        let (from, to) = self.span(now);
        if to - from < 2 * Self::NARROWEST {
            return;
        }
        let middle = self.cursor.unwrap_or(now).clamp(from, to - 1);
        self.window = Some((middle - (middle - from) / 2, middle + (to - middle).div_ceil(2)));
    }

    /// Shows twice as many steps, around the cursor, up to the whole run.
    pub fn zoom_out(&mut self, now: u64) {
        let Some((from, to)) = self.window else { return };
        let middle = self.cursor.unwrap_or(now).clamp(from, to - 1);
        let from = middle.saturating_sub(2 * (middle - from));
        let to = (middle + 2 * (to - middle)).min(now + 1);
        self.window = (from > 0 || to <= now).then_some((from, to));
    }

    /// Shows the whole run, without a cursor.
    pub fn reset(&mut self) {
        (self.window, self.cursor) = (None, None);
    }

    /// Switches to the next strength of smoothing; after the last, to none.
    pub fn next_smoothing(&mut self) {
        self.smoothing = match self.smoothing {
            s if s < 10.0 => 10.0,
            s if s < 100.0 => 100.0,
            s if s < 1000.0 => 1000.0,
            s if s < 10_000.0 => 10_000.0,
            _ => 0.0,
        };
    }

    /// Moves the cursor along the ranks by this many hundredths.
    pub fn move_rank(&mut self, by: i32) {
        self.rank = Some(moved_rank(self.rank, by));
    }
}

/// Position of a cursor along the ranks after a move by this many hundredths. The first move puts
/// it in the middle.
pub(super) fn moved_rank(here: Option<f64>, by: i32) -> f64 {
    here.map_or(0.5, |here| here + f64::from(by) / 100.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cursor_moves_by_hundredths_and_follows_at_the_end() {
        let mut view = View::default();
        view.move_cursor(-1, 999);
        assert_eq!(view.cursor, Some(989));
        view.move_cursor(-10, 999);
        assert_eq!(view.cursor, Some(889));
        view.move_cursor(20, 999);
        assert_eq!(view.cursor, None);
        view.cursor_to_start(999);
        assert_eq!(view.cursor, Some(0));
    }

    #[test]
    fn zooming_keeps_the_cursor_in_place_and_undoes_itself() {
        let mut view = View { cursor: Some(400), ..View::default() };
        view.zoom_in(999);
        assert_eq!(view.window, Some((200, 700)));
        view.zoom_out(999);
        assert_eq!(view.window, None);
        // Without a cursor the latest steps stay in sight.
        let mut view = View::default();
        view.zoom_in(999);
        assert_eq!(view.window, Some((500, 1000)));
    }

    #[test]
    fn the_cursor_along_the_ranks_begins_in_the_middle() {
        let mut view = View::default();
        view.move_rank(1);
        assert_eq!(view.rank, Some(0.5));
        view.move_rank(-20);
        assert_eq!(view.rank, Some(0.3));
        view.move_rank(100);
        assert_eq!(view.rank, Some(1.0));
    }

    #[test]
    fn the_window_comes_along_with_the_cursor() {
        let mut view = View { cursor: Some(500), window: Some((500, 600)), ..View::default() };
        view.move_cursor(-10, 999);
        assert_eq!((view.cursor, view.window), (Some(490), Some((490, 590))));
        view.cursor_to_now(999);
        assert_eq!((view.cursor, view.window), (None, Some((900, 1000))));
    }

    proptest! {
        #[test]
        fn the_window_is_never_empty_and_the_cursor_never_ahead(
            now in 0u64..5000,
            moves in prop::collection::vec((0u8..6, -30i64..30), 0..60),
        ) {
            let mut view = View::default();
            for (what, by) in moves {
                match what {
                    0 | 1 => view.move_cursor(by, now),
                    2 => view.zoom_in(now),
                    3 => view.zoom_out(now),
                    4 => view.cursor_to_start(now),
                    _ => view.cursor_to_now(now),
                }
                prop_assert!(view.cursor.is_none_or(|cursor| cursor <= now));
                prop_assert!(view.window.is_none_or(|(from, to)| from < to && to <= now + 1));
            }
        }
    }
}
