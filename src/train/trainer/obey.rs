//! How a trainer obeys commands between two steps.

use std::sync::mpsc::{RecvError, TryRecvError};

use super::{Recorder, Trainer};
use crate::train::{Command, EventKind, Order, Phase, Script};

impl<R: Recorder> Trainer<R> {
    /// Obeys the commands that arrived since the previous step. While not running, waits for more.
    pub(super) fn listen(&mut self) {
        while !self.state.stopped {
            let waits = self.state.phase != Phase::Running;
            let order = match self.orders.waiting.pop_front() {
                Some(order) => order,
                None if waits => match self.orders.receiver.recv() {
                    Ok(order) => order,
                    // All senders are gone, so that no command can continue the run.
                    Err(RecvError) => Command::Stop.into(),
                },
                None => match self.orders.receiver.try_recv() {
                    Ok(order) => order,
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
                },
            };
            self.obey(order);
        }
    }

    /// In a rerun, obeys the commands that the original run obeyed after this step, and ends a run
    /// that the script does not continue after a divergence.
    pub(super) fn repeat_script(&mut self) {
        let step = self.progress.step;
        let next = |script: &mut Option<Script>| script.as_mut().and_then(|s| s.take(step));
        while let Some(command) = next(&mut self.orders.script) {
            // A rerun with other settings may not have diverged.
            if command != Command::Resume || self.state.phase == Phase::Diverged {
                self.obey(Order { command, by: Some("rerun".into()) });
            }
        }
        if self.orders.script.is_some() && self.state.phase == Phase::Diverged {
            self.state.stopped = true;
        }
    }

    fn obey(&mut self, Order { command, by }: Order) {
        let command = command.rounded();
        if let Some(reason) = self.refusal(&command) {
            return self.record(EventKind::Refused { command, reason, by });
        }
        self.record(EventKind::Applied { command: command.clone(), by });
        match command {
            Command::Pause => self.enter(Phase::Paused),
            Command::Resume => self.enter(Phase::Running),
            Command::Step => {
                self.state.single_step = true;
                self.enter(Phase::Running);
            }
            Command::SetPeriod { .. }
            | Command::SetPruning { .. }
            | Command::SetLearningRate { .. }
            | Command::BackToSchedule => {
                self.pace.control.obey(&command);
                self.follow_schedule(self.examples.plan.epoch_of(self.progress.step + 1));
            }
            Command::Sync => self.synchronize(),
            Command::Evaluate => {
                // A command is answered even if these weights have been evaluated.
                self.progress.evaluated_step = None;
                self.evaluate_as_synced();
            }
            Command::Snapshot => self.save_snapshot(),
            Command::Watch { layer, vector } => {
                self.monitors.frames.watch(layer, vector, &self.learner, &*self.wrapper);
                self.take_frame();
            }
            Command::Stop => self.state.stopped = true,
        }
    }

    /// Returns why a command cannot be obeyed now, as a sentence.
    fn refusal(&self, command: &Command) -> Option<String> {
        let permutes = self.wrapper.permutes();
        match command {
            Command::Pause if self.state.phase == Phase::Paused => {
                Some("it is paused already".into())
            }
            Command::Resume if self.state.phase == Phase::Running => {
                Some("it is running already".into())
            }
            Command::SetPeriod { .. } | Command::Sync if !self.wrapper.syncs() => {
                Some("this run has no wrapper that synchronizes".into())
            }
            Command::SetPruning { .. } if !permutes => {
                Some("only the laperm wrapper can change p while training".into())
            }
            Command::Watch { layer, vector } => {
                let vectors = self.monitors.frames.vectors(*layer);
                (*vector >= vectors)
                    .then(|| format!("there is no vector {vector} in layer {layer}"))
            }
            command => command.problem(),
        }
    }
}
