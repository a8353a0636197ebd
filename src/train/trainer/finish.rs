//! Snapshots, and the end of a run.

use super::{Recorder, Trainer};
use crate::model::WeightsFile;
use crate::train::snapshot::{Moment, checksum, weights_file};
use crate::train::{EventKind, Phase, Reason, Weights};

impl<R: Recorder> Trainer<R> {
    pub(super) fn save_snapshot(&mut self) {
        let file = self.weights_file();
        self.save(&file);
    }

    fn weights_file(&self) -> WeightsFile {
        let (weights, which) = self.synced_weights();
        let moment = Moment {
            step: self.progress.step,
            schedule: self.pace.schedule,
            synced: which == Weights::Synced,
            accuracy: self.progress.accuracy,
        };
        weights_file(&self.experiment, self.learner.network(), &weights, moment)
    }

    fn save(&mut self, file: &WeightsFile) {
        let synced = file.metadata.get("synced").is_some_and(|synced| synced == "true");
        let saved = self.recorder.save(&format!("step-{:07}", self.progress.step), file);
        self.record(match saved {
            Ok(file) => EventKind::Snapshot { file, synced },
            Err(message) => {
                EventKind::Notice { message: format!("the snapshot is not saved: {message}") }
            }
        });
    }

    /// Evaluates and saves the final state, and records why the run ended. The checkpoint is taken
    /// first, so that a run that continues from here is one in which none of this happened.
    pub(super) fn finish(&mut self, failure: Option<String>) {
        self.take_checkpoint();
        let reason = match (&failure, self.state.phase, self.state.stopped) {
            (Some(_), ..) => Reason::Failed,
            (None, Phase::Diverged, _) => Reason::Diverged,
            (None, _, true) => Reason::Stopped,
            (None, ..) => Reason::Finished,
        };
        if reason == Reason::Finished {
            self.evaluate_as_synced();
        }
        // A frame taken just before a final sync shows more than one taken after it.
        if self.monitors.frames.newest() != Some(self.progress.step) {
            self.take_frame();
        }
        let file = self.weights_file();
        self.save(&file);
        let parameters = self.learner.network().parameters().len();
        let weights_checksum = Some(checksum(&file.tensors[..parameters]));
        self.state.phase = Phase::Finished;
        self.record(EventKind::Finished {
            reason,
            message: failure,
            weights_checksum,
            data_wait_seconds: Some(self.examples.loader.waited().as_secs_f64()),
        });
    }
}
