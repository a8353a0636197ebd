//! Where a trainer's events, snapshots and checkpoints go.

use crate::model::WeightsFile;
use crate::train::{Checkpoint, Event};

/// Receives everything that happens in a run. Its answers never change the training.
pub(crate) trait Recorder {
    /// Takes the next event.
    fn record(&mut self, event: Event);

    /// Saves weights under a name without folder or extension. Returns the file's path relative to
    /// the run folder.
    ///
    /// # Errors
    /// Returns why they could not be saved, as a sentence.
    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String>;

    /// Whether checkpoints are kept at all and the previous one has been written, so that another
    /// can be taken.
    fn ready_for_checkpoint(&mut self) -> bool {
        false
    }

    /// Keeps a checkpoint in place of the previous one, as of all events so far.
    fn checkpoint(&mut self, _checkpoint: Checkpoint) {}

    /// Restores the log to its state at the checkpoint that the run continues from. Returns the
    /// number of events that were cut.
    ///
    /// # Errors
    /// Returns why that cannot be done, as a sentence.
    fn rewind(&mut self) -> Result<u64, String> {
        Ok(0)
    }
}

impl<R: Recorder + ?Sized> Recorder for &mut R {
    fn record(&mut self, event: Event) {
        (**self).record(event);
    }

    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String> {
        (**self).save(name, weights)
    }

    fn ready_for_checkpoint(&mut self) -> bool {
        (**self).ready_for_checkpoint()
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) {
        (**self).checkpoint(checkpoint);
    }

    fn rewind(&mut self) -> Result<u64, String> {
        (**self).rewind()
    }
}
