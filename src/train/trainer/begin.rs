//! How a trainer is made from what was prepared.

use std::sync::mpsc::Receiver;

use super::parts::{Examples, GoodState, Orders, Pace, Progress, RunClock, State, loader};
use super::{Recorder, Trainer};
use crate::data::BatchPlan;
use crate::experiment::Experiment;
use crate::instructions::InstructionSet;
use crate::train::checkpoint::checksum_of;
use crate::train::control::Control;
use crate::train::learner::Learner;
use crate::train::monitor::{Monitors, WeightMatrix};
use crate::train::wrapper::{Start, wrapper};
use crate::train::{EventKind, Named, Order, Prepared, Script, StartError, Started};

impl<R: Recorder> Trainer<R> {
    /// Makes a trainer of what was prepared, and records the start.
    ///
    /// # Errors
    /// Returns an error for data without batches, or initial weights that the wrapper cannot start
    /// from.
    pub(crate) fn new(
        prepared: Prepared,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<Self, StartError> {
        let (mut trainer, started) = Self::at_step(0, prepared, commands, recorder)?;
        trainer.record(EventKind::Started(Box::new(started)));
        trainer.sample_distribution();
        Ok(trainer)
    }

    /// The same, but obeys the commands of `script` at their steps. A run that diverges ends, unless
    /// the script continues it.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub(crate) fn rerun(
        prepared: Prepared,
        script: Script,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<Self, StartError> {
        let mut trainer = Self::new(prepared, commands, recorder)?;
        trainer.orders.script = Some(script);
        Ok(trainer)
    }

    /// A trainer in its initial state, except that its first batch is the one after `step`.
    pub(super) fn at_step(
        step: u64,
        prepared: Prepared,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<(Self, Started), StartError> {
        let Prepared { experiment, backend, device, network, dataset, train, test, .. } = prepared;
        let (normalizer, initial) = (prepared.normalizer, prepared.initial);
        let plan = BatchPlan::new(experiment.seed, train.len(), experiment.train.batch)?;
        let control = Control::new(&experiment);
        let checksum = checksum_of(&initial);
        let Start { wrapper, weights } = wrapper(&experiment, &network, initial, &control)?;
        let mut learner = Learner::new(network, weights, &experiment.optimizer, (backend, device));
        if !wrapper.permutes() {
            learner.freeze_zeros();
        }
        let matrices = WeightMatrix::all(learner.network());
        let total_steps = total_steps(&experiment, &plan);
        let started = Started {
            name: experiment.name.clone(),
            network: match experiment.network.name {
                Some(published) => Named::Known(published),
                None => Named::Other(experiment.network.title().into()),
            },
            dataset: dataset.as_str().into(),
            backend: Named::Known(backend),
            instruction_set: backend.instruction_set().map_or("", InstructionSet::name).into(),
            wrapper: Named::Known(experiment.wrapper.name),
            optimizer: Named::Known(experiment.optimizer.name),
            seed: experiment.seed,
            parameters: learner.network().trainable(),
            batch: experiment.train.batch,
            train_examples: train.len(),
            test_examples: test.len(),
            steps_per_epoch: plan.steps_per_epoch(),
            total_steps,
            layers: matrices.iter().map(|matrix| matrix.info.clone()).collect(),
        };
        let first_step = step.saturating_add(1);
        let loader = loader(&train, &normalizer, &experiment, &plan, first_step, &learner);
        let trainer = Trainer {
            initial: checksum,
            examples: Examples { train, test, normalizer, plan, loader },
            monitors: Monitors::new(&experiment.monitor, &matrices, &learner, &*wrapper),
            pace: Pace::new(control),
            orders: Orders::new(commands),
            recorder,
            state: State::default(),
            progress: Progress::new(total_steps),
            clock: RunClock::new(0.0),
            good: GoodState { step: 0, learner: learner.clone() },
            experiment,
            learner,
            wrapper,
        };
        Ok((trainer, started))
    }
}

/// Number of steps in all epochs of an experiment, or the number that it sets, whichever is less.
fn total_steps(experiment: &Experiment, plan: &BatchPlan) -> u64 {
    let steps = experiment.train.epochs.saturating_mul(plan.steps_per_epoch());
    steps.min(experiment.train.steps.unwrap_or(u64::MAX))
}
