//! Connects the start view with the folder of runs, and with what opens other views.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::choice::Choice;
use super::state::Start;
use crate::run::RunWatch;
use crate::tui::driven::Driver;
use crate::tui::question::Question;
use crate::tui::window::{Request, Window};

/// Interval at which the ages of the runs are updated.
const MOMENT: Duration = Duration::from_secs(5);

pub(super) struct StartDriver<F> {
    runs: RunWatch,
    open: F,
    /// When the ages were last updated.
    aged: Instant,
}

impl<F> StartDriver<F> {
    pub(super) fn new(runs: RunWatch, open: F) -> Self {
        StartDriver { runs, open, aged: Instant::now() }
    }
}

impl<F> Driver for StartDriver<F>
where
    F: FnMut(Choice) -> Result<Box<dyn Window>, String> + 'static,
{
    type Content = Start;

    fn poll(&mut self, start: &mut Start) {
        self.runs.poll().into_iter().for_each(|news| start.take(news));
        if self.aged.elapsed() >= MOMENT {
            start.pass_time(Timestamp::now());
            self.aged = Instant::now();
        }
    }

    fn obey(&mut self, start: &mut Start) {
        let Some(choice) = start.take_choice() else { return };
        match (self.open)(choice) {
            Ok(view) => start.chrome.request(Request::Open(view)),
            // The reason may be longer than the status line.
            Err(why) => start.chrome.open(Question::new("failed", why).dismissal('c', "close")),
        }
    }
}
