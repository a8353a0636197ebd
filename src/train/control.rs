//! lr, k and p in effect: those of their schedules, or those set by hand.

use serde::{Deserialize, Serialize};

use super::{Command, Schedule};
use crate::experiment::{Experiment, WrapperName};

/// The schedules of an experiment, and the values set by hand.
#[derive(Debug, Clone)]
pub(super) struct Control {
    experiment: Experiment,
    by_hand: ByHand,
}

/// Values set by hand, which override the schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ByHand {
    lr: Option<f64>,
    k: Option<u64>,
    p: Option<f64>,
}

impl ByHand {
    /// Returns why these values are impossible, as a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let commands = [
            self.lr.map(|lr| Command::SetLearningRate { lr }),
            self.k.map(|k| Command::SetPeriod { k }),
            self.p.map(|p| Command::SetPruning { p }),
        ];
        commands.into_iter().flatten().find_map(|command| command.problem())
    }
}

impl Control {
    pub(super) fn new(experiment: &Experiment) -> Self {
        Control { experiment: experiment.clone(), by_hand: ByHand::default() }
    }

    /// Applies a command that sets a value, or returns all values to their schedules.
    pub(super) fn obey(&mut self, command: &Command) {
        match *command {
            Command::SetLearningRate { lr } => self.by_hand.lr = Some(lr),
            Command::SetPeriod { k } => self.by_hand.k = Some(k),
            Command::SetPruning { p } => self.by_hand.p = Some(p),
            Command::BackToSchedule => self.by_hand = ByHand::default(),
            _ => {}
        }
    }

    /// The values set by hand.
    pub(super) fn by_hand(&self) -> ByHand {
        self.by_hand
    }

    /// Sets all values set by hand, as a checkpoint has them.
    pub(super) fn set_by_hand(&mut self, by_hand: ByHand) {
        self.by_hand = by_hand;
    }

    /// Returns the values in effect during `epoch`, counted from 0.
    pub(super) fn at(&self, epoch: u64) -> Schedule {
        let Experiment { optimizer, wrapper, prune, .. } = &self.experiment;
        let wrapped = wrapper.name != WrapperName::None;
        let inside = epoch >= wrapper.start && wrapper.stop.is_none_or(|stop| epoch < stop);
        let ByHand { lr, k, p } = self.by_hand;
        let by_hand = [lr.is_some(), k.is_some(), p.is_some()];
        let k = k.unwrap_or_else(|| (wrapper.k.at(epoch).round() as u64).max(1));
        Schedule {
            lr: lr.unwrap_or_else(|| optimizer.lr.at(epoch)),
            k: if wrapped { k } else { 0 },
            p: p.unwrap_or_else(|| prune.ratio.at(epoch)),
            active: wrapped && inside,
            lr_by_hand: by_hand[0],
            k_by_hand: by_hand[1],
            p_by_hand: by_hand[2],
        }
    }

    /// Returns the pruning ratio of one layer if that of the network is `schedule.p`. A ratio set
    /// by hand applies to every layer, except that the first is still capped.
    pub(super) fn ratio(&self, layer: &str, first: bool, schedule: &Schedule) -> f64 {
        let prune = &self.experiment.prune;
        match prune.layers.get(layer) {
            Some(&ratio) if !schedule.p_by_hand => ratio,
            _ if first => schedule.p.min(prune.input_cap),
            _ => schedule.p,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(more: &str) -> Control {
        let text = format!("[data]\ndataset = \"glyphs\"\n[network]\nname = \"f2\"\n{more}");
        Control::new(&Experiment::parse(&text, "test.toml", &[]).expect("valid"))
    }

    #[test]
    fn a_hand_wins_until_it_lets_go() {
        let mut control = control("[wrapper]\nk = [[0, 10], [2, 20]]\nstart = 1\nstop = 3\n");
        assert_eq!((control.at(0).k, control.at(0).active), (10, false));
        assert_eq!((control.at(2).k, control.at(2).active), (20, true));
        assert!(!control.at(3).active);
        control.obey(&Command::SetPeriod { k: 7 });
        assert_eq!((control.at(0).k, control.at(2).k, control.at(2).k_by_hand), (7, 7, true));
        control.obey(&Command::BackToSchedule);
        assert_eq!((control.at(2).k, control.at(2).k_by_hand), (20, false));
    }

    #[test]
    fn layers_of_their_own_ratio_keep_it_until_a_hand_sets_p() {
        let mut control = control("[prune]\nratio = 0.5\nlayers = { dense2 = 0.9 }\n");
        let ratios = |control: &Control| {
            let schedule = control.at(0);
            [("dense1", true), ("dense2", false), ("dense3", false)]
                .map(|(layer, first)| control.ratio(layer, first, &schedule))
        };
        assert_eq!(ratios(&control), [0.2, 0.9, 0.5]);
        control.obey(&Command::SetPruning { p: 0.1 });
        assert_eq!(ratios(&control), [0.1, 0.1, 0.1]);
    }
}
