//! How a trainer listens to commands between two steps.

use std::sync::mpsc::{RecvError, TryRecvError};

use super::{Recorder, Trainer};
use crate::train::wrapper::Wrapper;
use crate::train::{Command, EventKind, Order, Phase};

impl<R: Recorder> Trainer<R> {
    /// Obeys what was asked for since the last step; while holding, waits for more.
    pub(super) fn listen(&mut self) {
        while !self.stopped {
            let holding = self.phase != Phase::Running;
            let order = match self.inbox.pop_front() {
                Some(order) => order,
                None if holding => match self.commands.recv() {
                    Ok(order) => order,
                    // Nobody is left who could go on.
                    Err(RecvError) => Command::Stop.into(),
                },
                None => match self.commands.try_recv() {
                    Ok(order) => order,
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
                },
            };
            self.obey(order);
        }
    }

    /// Does again what was done by hand after this step, and ends a run that does not go on after a divergence.
    pub(super) fn repeat_script(&mut self) {
        while let Some(command) = self.script.as_mut().and_then(|script| script.take(self.step)) {
            // In a run that is not quite the same, there may have been no divergence.
            if command != Command::Resume || self.phase == Phase::Diverged {
                self.obey(Order { command, by: Some("rerun".into()) });
            }
        }
        if self.script.is_some() && self.phase == Phase::Diverged {
            self.stopped = true;
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
                self.single_step = true;
                self.enter(Phase::Running);
            }
            Command::SetPeriod { .. }
            | Command::SetPruning { .. }
            | Command::SetLearningRate { .. }
            | Command::BackToSchedule => {
                self.control.obey(&command);
                self.follow_schedule(self.plan.epoch_of(self.step + 1));
            }
            Command::Sync => self.synchronize(),
            Command::Evaluate => {
                // Whoever asks gets an answer, even if these weights have been looked at.
                self.evaluated_step = None;
                self.evaluate_as_synced();
            }
            Command::Snapshot => self.save_snapshot(),
            Command::Watch { layer, vector } => {
                self.frames.watch(layer, vector, &self.learner, &self.wrapper);
                self.take_frame();
            }
            Command::Stop => self.stopped = true,
        }
    }

    /// Why a command makes no sense now, as a sentence.
    fn refusal(&self, command: &Command) -> Option<String> {
        let permutes = self.wrapper.permutes();
        match command {
            Command::Pause if self.phase == Phase::Paused => Some("it is paused already".into()),
            Command::Resume if self.phase == Phase::Running => Some("it is running already".into()),
            Command::SetPeriod { .. } | Command::Sync if matches!(self.wrapper, Wrapper::None) => {
                Some("this run has no wrapper that synchronizes".into())
            }
            Command::SetPruning { .. } if !permutes => {
                Some("only the laperm wrapper can change p while training".into())
            }
            Command::Watch { layer, vector } => {
                let vectors = self.frames.vectors(*layer);
                (*vector >= vectors)
                    .then(|| format!("there is no vector {vector} in layer {layer}"))
            }
            command => command.problem(),
        }
    }
}
