//! Connects the view of several runs with their logs.

use std::time::{Duration, Instant};

use super::state::Compare;
use crate::run::{Followers, RunFolder};
use crate::tui::driven::Driver;
use crate::tui::pace::Pace;

/// Interval at which the processes of live runs are checked. One that was killed sends no event.
const PULSE: Duration = Duration::from_secs(1);

pub(super) struct CompareDriver {
    followers: Followers,
    /// When the processes were last checked.
    checked: Instant,
}

impl CompareDriver {
    pub(super) fn new(runs: Vec<RunFolder>) -> Self {
        CompareDriver { followers: Followers::start(runs), checked: Instant::now() }
    }
}

impl Driver for CompareDriver {
    type Content = Compare;

    fn poll(&mut self, compare: &mut Compare) {
        if self.checked.elapsed() >= PULSE {
            compare.check_processes();
            self.checked = Instant::now();
        }
        self.followers.poll().into_iter().for_each(|piece| compare.take(piece));
    }

    fn pace(&self) -> Pace {
        Pace::CALM
    }
}
