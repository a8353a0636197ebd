//! Connects the view of a run with the run: events in, commands out.

use std::time::Instant;

use super::figure::Figures;
use super::state::App;
use crate::run::RunFolder;
use crate::session::{Replay, Source};
use crate::train::Command;
use crate::tui::driven::Driver;
use crate::tui::pace::Pace;
use crate::tui::window::{ClosedRun, Leave};

pub(super) struct RunDriver {
    source: Source,
    figures: Figures,
    pace: Pace,
}

impl RunDriver {
    pub(super) fn new(source: Source, pace: Pace) -> Self {
        RunDriver { source, figures: Figures::new(), pace }
    }
}

impl Driver for RunDriver {
    type Content = App;

    fn poll(&mut self, app: &mut App) {
        match &mut self.source {
            Source::Attached(attached) => {
                app.take_events(&attached.poll());
                app.steer(attached.steerable());
            }
            Source::Replay(replay) => advance(app, replay),
        }
        self.figures.report(app);
    }

    fn obey(&mut self, app: &mut App) {
        match &mut self.source {
            Source::Attached(attached) => {
                app.take_commands().into_iter().for_each(|command| attached.send(command));
            }
            Source::Replay(replay) => {
                for transport in app.take_transports() {
                    if let Err(why) = replay.obey(transport, Instant::now()) {
                        app.chrome.warn(why);
                    }
                }
            }
        }
        if app.take_figure() {
            self.figures.begin(app, self.source.folder());
        }
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    fn close(self, leave: Leave) -> Option<ClosedRun> {
        let Source::Attached(mut attached) = self.source else { return None };
        if leave == Leave::Stop {
            attached.send(Command::Stop);
        }
        let folder = RunFolder::open(attached.folder());
        // A connection that is not read would be a burden to the host.
        let attached = (leave != Leave::Detached).then_some(attached);
        Some(ClosedRun { folder, leave, attached })
    }
}

/// Shows where a recorded run is now.
fn advance(app: &mut App, replay: &mut Replay) {
    if let Some((state, playback)) = replay.advance(Instant::now()) {
        app.set_state(state);
        app.set_playback(playback);
    }
    if let Some(news) = replay.take_news() {
        app.chrome.warn(news);
    }
}
