//! The commands that a person can give while a run is in progress.

use serde::{Deserialize, Serialize};

/// A command from outside. The trainer obeys it between two steps and records it with that step as
/// an [`EventKind::Applied`](super::EventKind::Applied), so that a run steered by hand can be
/// repeated exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Pause before the next step.
    Pause,
    /// Continue; after a divergence, from the latest good state.
    Resume,
    /// Take one step and pause again.
    Step,
    /// Synchronize every `k` steps from now on, in place of the schedule.
    SetPeriod {
        /// The sync period, at least 1.
        k: u64,
    },
    /// Prune to `p` from now on, in place of the schedule, and synchronize at once.
    SetPruning {
        /// The pruning ratio, 0 <= p < 1.
        p: f64,
    },
    /// Train at `lr` from now on, in place of the schedule.
    SetLearningRate {
        /// The learning rate of the inner optimizer, positive.
        lr: f64,
    },
    /// Return lr, k and p to their schedules.
    BackToSchedule,
    /// Synchronize now, and count the next period from here.
    Sync,
    /// Evaluate on the test set and on a sample of the train set now.
    Evaluate,
    /// Save the synchronized weights now.
    Snapshot,
    /// Watch this weight vector: frames carry its permutation. Changes nothing in the training.
    Watch {
        /// Index into [`Started::layers`](super::Started::layers).
        layer: usize,
        /// Index of the weight vector within the layer.
        vector: usize,
    },
    /// End the run, saving its final state.
    Stop,
}

/// A command and its sender.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The command.
    pub command: Command,
    /// The sender, if there can be several: `anna (attach 4711)`.
    pub by: Option<String>,
}

impl From<Command> for Order {
    fn from(command: Command) -> Self {
        Order { command, by: None }
    }
}

impl Command {
    /// Returns why this command cannot be obeyed, as a sentence, or `None` if its values are in
    /// range.
    pub fn problem(&self) -> Option<String> {
        match *self {
            Command::SetPeriod { k: 0 } => Some("k must be at least 1".into()),
            Command::SetPruning { p } if !(0.0..1.0).contains(&p) => {
                Some(format!("p must be at least 0 and below 1, not {p}"))
            }
            Command::SetLearningRate { lr } if !(lr > 0.0 && lr.is_finite()) => {
                Some(format!("the learning rate must be a positive number, not {lr}"))
            }
            _ => None,
        }
    }

    /// Returns the command with its values rounded to ten digits. The log stores those exactly, so
    /// that a rerun obeys the same command.
    pub(super) fn rounded(self) -> Self {
        let round = |value: f64| format!("{value:.9e}").parse().unwrap_or(value);
        match self {
            Command::SetPruning { p } => Command::SetPruning { p: round(p) },
            Command::SetLearningRate { lr } => Command::SetLearningRate { lr: round(lr) },
            command => command,
        }
    }

    /// Whether this command changes the course of the training; time axes mark those.
    pub fn steers(&self) -> bool {
        matches!(
            self,
            Command::SetPeriod { .. }
                | Command::SetPruning { .. }
                | Command::SetLearningRate { .. }
                | Command::BackToSchedule
                | Command::Sync
        )
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Command::Pause => write!(f, "pause"),
            Command::Resume => write!(f, "resume"),
            Command::Step => write!(f, "one step"),
            Command::SetPeriod { k } => write!(f, "k = {k}"),
            Command::SetPruning { p } => write!(f, "p = {:.0} %", p * 100.0),
            Command::SetLearningRate { lr } => write!(f, "lr = {lr}"),
            Command::BackToSchedule => write!(f, "back to schedule"),
            Command::Sync => write!(f, "sync"),
            Command::Evaluate => write!(f, "evaluate"),
            Command::Snapshot => write!(f, "snapshot"),
            Command::Watch { layer, vector } => write!(f, "watch layer {layer} vector {vector}"),
            Command::Stop => write!(f, "stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_numbers_are_not_rounded() {
        for lr in [1e-3, 0.3, 2.5e-4, 0.1 + 0.05] {
            let rounded = Command::SetLearningRate { lr }.rounded();
            let expected = if lr == 0.1 + 0.05 { 0.15 } else { lr };
            assert_eq!(rounded, Command::SetLearningRate { lr: expected });
        }
    }

    proptest! {
        #[test]
        fn the_log_gives_an_obeyed_command_back_to_the_bit(lr in 1e-10f64..10.0, p in 0.0f64..1.0) {
            for command in [Command::SetLearningRate { lr }, Command::SetPruning { p }] {
                let command = command.rounded();
                let line = serde_json::to_string(&command).expect("serializes");
                prop_assert_eq!(serde_json::from_str::<Command>(&line).expect("reads"), command);
            }
        }
    }
}
