//! Events of the run as they arrive: applied to its state, and reported on the status line if no
//! panel shows them.

use super::questions::{self, DIVERGED, LEAVE};
use super::state::{App, largest};
use crate::train::{Command, Event, EventKind, Phase, Reason};

impl App {
    /// Applies events to the state of the run. While the view is frozen, only events that show a
    /// message change the picture.
    pub fn take_events(&mut self, events: &[Event]) {
        for event in events {
            self.run.apply(event);
            self.report(event);
        }
        if !events.is_empty() && self.frozen.is_none() {
            self.chrome.refresh();
        }
    }

    fn report(&mut self, event: &Event) {
        let step = event.step;
        match &event.kind {
            EventKind::Applied { command, by } => self.applied(command, by.as_deref(), step),
            EventKind::Refused { command, reason, .. } => {
                self.answered(command);
                self.chrome.warn(format!("not done: {command}: {reason}"));
            }
            EventKind::Started(started) => self.view.layer = largest(&started.layers),
            EventKind::Snapshot { file, .. } => self.chrome.say(format!("saved {file}")),
            EventKind::Notice { message } => self.chrome.say(message.clone()),
            EventKind::Phase { phase: Phase::Running } => self.chrome.close(DIVERGED),
            EventKind::Diverged { place, good_step } => {
                let question = questions::diverged(place, *good_step, self.steerable);
                self.chrome.announce(question);
            }
            EventKind::Finished { reason, message, .. } => {
                self.ended(*reason, message.as_deref(), step);
            }
            _ => {}
        }
    }

    /// Reports a command that the run has obeyed. One sent by another client is signed with `by`.
    fn applied(&mut self, command: &Command, by: Option<&str>, step: u64) {
        let asked_here = self.answered(command);
        let done = match command {
            Command::Watch { .. } | Command::Step => return,
            Command::Snapshot | Command::Stop => return,
            Command::Pause => format!("paused after step {step}"),
            Command::Resume => format!("resumed at step {step}"),
            Command::Sync => format!("synchronized at step {step}"),
            Command::Evaluate => format!("evaluated at step {step}"),
            _ => format!("{command}, from step {step} on"),
        };
        self.chrome.say(match by {
            Some(by) if !asked_here => format!("{done} ({by})"),
            _ => done,
        });
    }

    fn ended(&mut self, reason: Reason, message: Option<&str>, step: u64) {
        self.pending.clear();
        self.chrome.close(DIVERGED);
        self.chrome.close(LEAVE);
        match reason {
            Reason::Finished => self.chrome.say("all steps taken; q leaves"),
            Reason::Stopped => self.chrome.say(format!("stopped after step {step}; q leaves")),
            Reason::Diverged => self.chrome.warn(format!("diverged after step {step}; q leaves")),
            Reason::Failed => {
                let message = message.unwrap_or("the reason is not known");
                self.chrome.announce(questions::failed(message));
                self.chrome.warn(format!("failed after step {step}: {message}"));
            }
        }
    }

    /// Removes the pending command that `command` answers. Returns false if it was sent by another
    /// client. Commands are answered in order; their values may have been rounded by the run.
    fn answered(&mut self, command: &Command) -> bool {
        let same =
            |pending: &Command| std::mem::discriminant(pending) == std::mem::discriminant(command);
        let index = self.pending.iter().position(same);
        if let Some(index) = index {
            self.pending.remove(index);
            self.touch();
        }
        index.is_some()
    }
}
