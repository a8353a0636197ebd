//! How a trainer's state is taken, and how another goes on from it as if nothing had happened.

use std::sync::mpsc::Receiver;

use super::{Recorder, Trainer, period};
use crate::train::arrays::{Arrays, Misfit};
use crate::train::checkpoint::Progress;
use crate::train::{Checkpoint, EventKind, LogPosition, Order, Prepared, ResumeError};

/// Where the state that a divergence falls back to is, among the arrays.
const GOOD: &str = "good/";

/// Seconds between two checkpoints at the ends of epochs that are shorter.
const LEAST_SECONDS: f64 = 1.0;

impl<R: Recorder> Trainer<R> {
    /// Goes on from a checkpoint of a run with the same experiment on the same data, as the uninterrupted run would
    /// have. Records nothing before it is sure that it can.
    ///
    /// # Errors
    /// A checkpoint of something else, a log that cannot be continued, or more steps taken than planned. When all are
    /// taken, what is left is to end the run.
    pub fn resume(
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
        if progress.step > trainer.total_steps {
            return Err(ResumeError::Complete { steps: progress.step });
        }
        trainer.restore(progress, &mut arrays)?;
        let cut = trainer.recorder.rewind().map_err(ResumeError::Log)?;
        trainer.record(EventKind::Resumed { cut, total_steps: trainer.total_steps });
        Ok(trainer)
    }

    fn restore(&mut self, progress: Progress, arrays: &mut Arrays) -> Result<(), Misfit> {
        if let Some(problem) = progress.by_hand.problem() {
            return Err(Misfit::new("by_hand", problem));
        }
        let next_epoch = self.plan.epoch_of(progress.step + 1);
        if progress.epoch > next_epoch || progress.good_step > progress.step {
            return Err(Misfit::new("epoch", "lies in the future"));
        }
        self.control.hold(progress.by_hand);
        self.epoch = progress.epoch;
        self.schedule = self.control.at(progress.epoch);
        if self.wrapper.prune(self.learner.network(), &self.control, &self.schedule) {
            self.frames.reservoir_changed(&self.wrapper);
        }
        self.learner.restore("", arrays)?;
        self.good = (progress.good_step, self.learner.clone());
        if progress.good_step < progress.step {
            self.good.1.restore(GOOD, arrays)?;
        }
        self.wrapper.restore(self.learner.network(), arrays)?;
        self.distance.restore(&self.learner, arrays)?;
        self.frames.restore(&progress.frames, &self.wrapper, arrays)?;
        self.clock = progress.clock;
        self.clock.set_period(period(self.schedule.k));
        self.step = progress.step;
        self.seconds_before = progress.seconds.max(0.0);
        self.syncs = progress.syncs;
        self.last_sync = progress.last_sync;
        self.accuracy = progress.accuracy;
        self.evaluated_step = progress.evaluated_step;
        Ok(())
    }

    /// Whether the experiment wants a checkpoint after this step.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        let section = &self.experiment.checkpoint;
        let elapsed = self.checkpointed.elapsed().as_secs_f64();
        let epoch_ended = self.step.is_multiple_of(self.plan.steps_per_epoch());
        section.every_steps > 0 && self.step.is_multiple_of(section.every_steps)
            || section.every_minutes > 0.0 && elapsed >= section.every_minutes * 60.0
            || section.each_epoch && epoch_ended && elapsed >= LEAST_SECONDS
    }

    pub(super) fn take_checkpoint(&mut self) {
        let mut arrays = Arrays::default();
        self.learner.save("", &mut arrays);
        let (good_step, good) = &self.good;
        if *good_step < self.step {
            good.save(GOOD, &mut arrays);
        }
        self.wrapper.save(self.learner.network(), &mut arrays);
        self.distance.save(&mut arrays);
        let progress = Progress {
            log: LogPosition::default(),
            experiment: toml::to_string(&self.experiment).unwrap_or_default(),
            initial: self.initial,
            step: self.step,
            seconds: self.seconds(),
            epoch: self.epoch,
            by_hand: self.control.by_hand(),
            clock: self.clock,
            syncs: self.syncs,
            last_sync: self.last_sync,
            accuracy: self.accuracy,
            evaluated_step: self.evaluated_step,
            good_step: *good_step,
            frames: self.frames.save(&mut arrays),
        };
        self.recorder.checkpoint(Checkpoint { progress, arrays });
        self.checkpointed = std::time::Instant::now();
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
