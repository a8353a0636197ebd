//! How a trainer's state is saved in a checkpoint, and how another trainer continues from it as if
//! nothing had happened.

use std::sync::mpsc::Receiver;

use super::parts::{GoodState, RunClock};
use super::{Recorder, Trainer};
use crate::train::arrays::{Arrays, Misfit};
use crate::train::checkpoint::Progress;
use crate::train::{Checkpoint, EventKind, LogPosition, Order, Prepared, ResumeError};

/// Prefix, in a checkpoint, of the state that a divergence falls back to.
const GOOD: &str = "good/";

/// Minimum number of seconds between checkpoints at the ends of epochs.
const LEAST_SECONDS: f64 = 1.0;

impl<R: Recorder> Trainer<R> {
    /// Continues from a checkpoint of a run with the same experiment on the same data, as the
    /// uninterrupted run would have. Records nothing until it is certain to succeed.
    ///
    /// # Errors
    /// Returns an error for a checkpoint of something else, a log that cannot be continued, or more
    /// steps taken than planned. If exactly all are taken, the trainer only has to end the run.
    pub(crate) fn resume(
        prepared: Prepared,
        checkpoint: Checkpoint,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<Self, ResumeError> {
        let Checkpoint { progress, mut arrays } = checkpoint;
        if let Some(section) = progress.changed(&prepared.experiment) {
            return Err(ResumeError::Changed(section));
        }
        let (mut trainer, _) = Self::at_step(progress.step, prepared, commands, recorder)?;
        if progress.initial != trainer.initial {
            return Err(ResumeError::Initial);
        }
        if progress.step > trainer.progress.total_steps {
            return Err(ResumeError::Complete { steps: progress.step });
        }
        trainer.restore(progress, &mut arrays)?;
        let cut = trainer.recorder.rewind().map_err(ResumeError::Log)?;
        let total_steps = trainer.progress.total_steps;
        trainer.record(EventKind::Resumed { cut, total_steps });
        Ok(trainer)
    }

    fn restore(&mut self, progress: Progress, arrays: &mut Arrays) -> Result<(), Misfit> {
        if let Some(problem) = progress.by_hand.problem() {
            return Err(Misfit::new("by_hand", problem));
        }
        let next_epoch = self.examples.plan.epoch_of(progress.step + 1);
        if progress.epoch > next_epoch || progress.good_step > progress.step {
            return Err(Misfit::new("epoch", "lies in the future"));
        }
        self.pace.control.set_by_hand(progress.by_hand);
        self.pace.epoch = progress.epoch;
        self.pace.schedule = self.pace.control.at(progress.epoch);
        let network = self.learner.network();
        if self.wrapper.prune(network, &self.pace.control, &self.pace.schedule) {
            self.monitors.frames.reservoir_changed(&*self.wrapper);
        }
        self.learner.restore("", arrays)?;
        self.good = GoodState { step: progress.good_step, learner: self.learner.clone() };
        if progress.good_step < progress.step {
            self.good.learner.restore(GOOD, arrays)?;
        }
        self.wrapper.restore(self.learner.network(), arrays)?;
        self.monitors.distance.restore(arrays)?;
        self.monitors.frames.restore(&progress.frames, &*self.wrapper, arrays)?;
        self.pace.clock = progress.clock;
        self.pace.apply_period();
        self.clock = RunClock::new(progress.seconds.max(0.0));
        self.progress.step = progress.step;
        self.progress.syncs = progress.syncs;
        self.progress.last_sync = progress.last_sync;
        self.progress.accuracy = progress.accuracy;
        self.progress.evaluated_step = progress.evaluated_step;
        Ok(())
    }

    /// Whether the experiment asks for a checkpoint after this step.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        let section = &self.experiment.checkpoint;
        let (step, elapsed) = (self.progress.step, self.clock.since_checkpoint());
        let epoch_ended = step.is_multiple_of(self.examples.plan.steps_per_epoch());
        section.every_steps > 0 && step.is_multiple_of(section.every_steps)
            || section.every_minutes > 0.0 && elapsed >= section.every_minutes * 60.0
            || section.each_epoch && epoch_ended && elapsed >= LEAST_SECONDS
    }

    pub(super) fn take_checkpoint(&mut self) {
        let mut arrays = Arrays::default();
        self.learner.save("", &mut arrays);
        if self.good.step < self.progress.step {
            self.good.learner.save(GOOD, &mut arrays);
        }
        self.wrapper.save(self.learner.network(), &mut arrays);
        self.monitors.distance.save(&mut arrays);
        let progress = Progress {
            log: LogPosition::default(),
            experiment: toml::to_string(&self.experiment).unwrap_or_default(),
            initial: self.initial,
            step: self.progress.step,
            seconds: self.clock.seconds(),
            epoch: self.pace.epoch,
            by_hand: self.pace.control.by_hand(),
            clock: self.pace.clock,
            syncs: self.progress.syncs,
            last_sync: self.progress.last_sync,
            accuracy: self.progress.accuracy,
            evaluated_step: self.progress.evaluated_step,
            good_step: self.good.step,
            frames: self.monitors.frames.save(&mut arrays),
        };
        self.recorder.checkpoint(Checkpoint { progress, arrays });
        self.clock.note_checkpoint();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::experiment::Experiment;
    use crate::model::WeightsFile;
    use crate::train::{Backend, Command, Event};

    /// Keeps the checkpoint and nothing else.
    #[derive(Default)]
    struct Keeper(Option<Checkpoint>);

    impl Recorder for &mut Keeper {
        fn record(&mut self, _: Event) {}

        fn save(&mut self, _: &str, _: &WeightsFile) -> Result<String, String> {
            Err("not here".into())
        }

        fn checkpoint(&mut self, checkpoint: Checkpoint) {
            self.0 = Some(checkpoint);
        }
    }

    const SMALL: &str = "[data]\ndataset = \"glyphs\"\nglyphs = { train_examples = 40, test_examples = 10 }\n\
                         [network]\nlayers = [{ type = \"flatten\" }, { type = \"dense\", units = 10 }]\n\
                         [train]\nbatch = 10\n[wrapper]\nk = 3\n";

    fn prepared(more: &str) -> Prepared {
        let experiment = Experiment::parse(&format!("{SMALL}{more}"), "test", &[]).expect("valid");
        Prepared::new(experiment, Backend::Flex).expect("generated data")
    }

    /// The checkpoint after seven steps, with p set by hand, as read from its bytes.
    fn checkpoint() -> Checkpoint {
        let mut prepared = prepared("");
        prepared.experiment.train.steps = Some(7);
        let (commands, inbox) = mpsc::channel();
        commands.send(Command::SetPruning { p: 0.25 }.into()).expect("it listens");
        let mut keeper = Keeper::default();
        Trainer::new(prepared, inbox, &mut keeper).expect("batches").run();
        let kept = keeper.0.expect("a checkpoint at the end");
        let read = Checkpoint::from_bytes(&kept.to_bytes().expect("bytes")).expect("a checkpoint");
        assert_eq!(read, kept);
        read
    }

    fn refusal(prepared: Prepared, checkpoint: Checkpoint) -> Option<String> {
        let (_commands, inbox) = mpsc::channel();
        let mut keeper = Keeper::default();
        let error = Trainer::resume(prepared, checkpoint, inbox, &mut keeper).err();
        error.map(|error| error.to_string())
    }

    #[test]
    fn a_checkpoint_fits_its_own_experiment_only() {
        assert_eq!(refusal(prepared(""), checkpoint()), None);
        let looked_at_otherwise = "[monitor]\ndistance_every = 5\n[evaluate]\nsyncs = 1\n";
        assert_eq!(refusal(prepared(looked_at_otherwise), checkpoint()), None);
        let error = refusal(prepared("[optimizer]\nname = \"sgd\"\n"), checkpoint());
        assert!(error.is_some_and(|error| error.starts_with("[optimizer] of experiment.toml")));
        let mut other = prepared("");
        other.initial[0][0] += 1.0;
        let error = refusal(other, checkpoint());
        assert!(error.is_some_and(|error| error.contains("not those that the run began with")));
        let mut done = prepared("");
        done.experiment.train.steps = Some(6);
        let error = refusal(done, checkpoint());
        assert!(error.is_some_and(|error| error.starts_with("all 7 steps are taken")));
    }

    /// As version 0.1 wrote them: two moments of Adam, and the keys of both its optimizers in the
    /// experiment.
    #[test]
    fn checkpoints_of_version_0_1_are_read() {
        let mut old = checkpoint();
        for moment in ["first", "second"] {
            let name = format!("optimizer/dense1.weight/{moment}");
            assert!(old.arrays.contains(&name), "{name}");
        }
        let text = old.progress.experiment.clone();
        old.progress.experiment = text.replace("beta1 = 0.9", "momentum = 0.0\nbeta1 = 0.9");
        assert_ne!(old.progress.experiment, text);
        assert_eq!(refusal(prepared(""), old), None);
    }

    #[test]
    fn what_a_checkpoint_lacks_is_named() {
        let names: Vec<String> =
            checkpoint().arrays.iter().map(|(name, _)| name.to_owned()).collect();
        assert!(names.iter().any(|name| name.starts_with("good/")), "{names:?}");
        for name in names {
            let mut without = checkpoint();
            let all = std::mem::take(&mut without.arrays);
            without.arrays = all.without(&name);
            let error = refusal(prepared(""), without).expect("an array is missing");
            assert!(error.contains(&format!("`{name}` is missing")), "{error}");
        }
        let mut wrong = checkpoint();
        wrong.progress.frames.watched = vec![10];
        let error = refusal(prepared(""), wrong);
        assert!(error.is_some_and(|error| error.contains("weight vectors that are not there")));
        let mut wrong = checkpoint();
        wrong.progress.epoch = u64::MAX;
        assert!(refusal(prepared(""), wrong).is_some_and(|error| error.contains("future")));
    }
}
