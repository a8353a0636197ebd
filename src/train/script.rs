//! The commands of a run, to be repeated at the same steps.

use std::collections::VecDeque;

use super::{Command, Event, EventKind};

/// Commands, each with the step after which it is obeyed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script(VecDeque<(u64, Command)>);

impl Script {
    /// Extracts the commands that changed the course of the training from a run's events. Pauses,
    /// evaluations, snapshots and the end are not among them.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut script = VecDeque::new();
        let mut diverged = false;
        for event in events {
            match &event.kind {
                EventKind::Diverged { .. } => diverged = true,
                EventKind::Applied { command, .. } if command.steers() => {
                    script.push_back((event.step, command.clone()));
                }
                // A divergence was continued by a command, or by `laperm resume` after the end.
                EventKind::Applied { command: Command::Resume | Command::Step, .. }
                | EventKind::Resumed { .. }
                    if std::mem::take(&mut diverged) =>
                {
                    script.push_back((event.step, Command::Resume));
                }
                _ => {}
            }
        }
        Script(script)
    }

    /// Removes and returns the next command if it is due at `step` or before.
    pub(super) fn take(&mut self, step: u64) -> Option<Command> {
        match self.0.front() {
            Some((at, _)) if *at <= step => self.0.pop_front().map(|(_, command)| command),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Phase;

    #[test]
    fn what_changes_the_training_is_kept_with_its_step() {
        let applied = |command| EventKind::Applied { command, by: None };
        let diverged = || EventKind::Diverged { place: "the loss".into(), good_step: 8 };
        let events = [
            (3, applied(Command::Pause)),
            (3, applied(Command::SetPeriod { k: 5 })),
            (3, applied(Command::Resume)),
            (4, applied(Command::Snapshot)),
            (4, EventKind::Refused { command: Command::Sync, reason: "no".into(), by: None }),
            (9, diverged()),
            (9, applied(Command::SetLearningRate { lr: 0.1 })),
            (9, applied(Command::Resume)),
            (9, EventKind::Phase { phase: Phase::Running }),
            (12, diverged()),
            (12, applied(Command::Stop)),
            (12, EventKind::Resumed { cut: 3, total_steps: 20 }),
            (15, EventKind::Resumed { cut: 0, total_steps: 20 }),
        ];
        let events = events.map(|(step, kind)| Event { step, seconds: 0.0, kind });
        let mut script = Script::of(&events);
        assert_eq!(script.take(2), None);
        assert_eq!(script.take(3), Some(Command::SetPeriod { k: 5 }));
        assert_eq!(script.take(3), None);
        assert_eq!(script.take(9), Some(Command::SetLearningRate { lr: 0.1 }));
        assert_eq!(script.take(9), Some(Command::Resume));
        assert_eq!(script.take(12), Some(Command::Resume));
        assert_eq!(script.take(u64::MAX), None);
    }
}
