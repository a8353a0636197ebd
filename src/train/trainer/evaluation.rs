//! When a trainer evaluates, and on which examples. Evaluation changes nothing in the training.

use std::sync::Arc;
use std::time::Instant;

use rand::seq::index::sample;

use super::{Recorder, Trainer};
use crate::data::Images;
use crate::model;
use crate::random::{Purpose, stream};
use crate::train::evaluate::total;
use crate::train::{Classifier, Command, EventKind, Score, Weights};

impl<R: Recorder> Trainer<R> {
    /// Whether the experiment wants an evaluation after this step.
    pub(super) fn is_evaluation_due(&self, sync_due: bool, epoch_ends: bool) -> bool {
        let due = |every: u64, count: u64| every > 0 && count.is_multiple_of(every);
        let section = &self.experiment.evaluate;
        let epoch = self.progress.step / self.examples.plan.steps_per_epoch();
        sync_due && due(section.syncs, self.progress.syncs + 1)
            || epoch_ends && due(section.epochs, epoch)
    }

    /// Evaluates σ_θ(θ_sorted) while LaPerm is active, otherwise the current weights, unless that
    /// was done after this step already.
    pub(super) fn evaluate_as_synced(&mut self) {
        if self.progress.evaluated_step == Some(self.progress.step) {
            return;
        }
        let (weights, which) = self.synced_weights();
        self.evaluate(&weights, which);
    }

    /// Evaluates these weights on the test set and on a sample of the train set.
    pub(super) fn evaluate(&mut self, weights: &model::Weights, which: Weights) {
        let begun = Instant::now();
        let classifier = self.learner.classifier(weights);
        let (train, test) = (Arc::clone(&self.examples.train), Arc::clone(&self.examples.test));
        let everything: Vec<usize> = (0..test.len()).collect();
        let Some(test) = self.examine(&classifier, &test, &everything) else { return };
        let wanted = self.experiment.evaluate.train_examples.min(train.len());
        let mut random =
            stream(self.experiment.seed, Purpose::EvaluationSample, self.progress.step, 0);
        let drawn = sample(&mut random, train.len(), wanted).into_vec();
        let train = match wanted {
            0 => None,
            _ => match self.examine(&classifier, &train, &drawn) {
                Some(score) => Some(score),
                None => return,
            },
        };
        if which == Weights::Synced || !self.permutes_now() {
            self.progress.accuracy = Some(test.accuracy);
            self.progress.evaluated_step = Some(self.progress.step);
        }
        let took = begun.elapsed().as_secs_f64();
        self.record(EventKind::Evaluation { weights: which, test, train, took });
    }

    /// Returns the score on these examples, or `None` if a command to stop arrives meanwhile.
    fn examine(
        &mut self,
        classifier: &Classifier,
        images: &Images,
        examples: &[usize],
    ) -> Option<Score> {
        let mut parts = Vec::new();
        for examples in examples.chunks(self.experiment.evaluate.batch) {
            self.orders.waiting.extend(self.orders.receiver.try_iter());
            if self.orders.waiting.iter().any(|order| order.command == Command::Stop) {
                return None;
            }
            let source = (images, &*self.examples.normalizer);
            let (loss, correct) = classifier.examine(source, examples);
            parts.push((loss, correct, examples.len()));
        }
        Some(total(parts))
    }
}
