//! A run in a few numbers: a line of `laperm runs`, the object that `--json` prints.

use std::fs;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{ReadError, RunFolder, RunState, read_outline};
use crate::train::{Phase, Reason};

/// What a run has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The run folder.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// The network's name.
    pub network: String,
    /// The dataset's name.
    pub dataset: String,
    /// When it began, in seconds since 1970; absent if nothing tells.
    pub begun: Option<i64>,
    /// Training steps.
    pub steps: u64,
    /// Training steps planned in all.
    pub total_steps: u64,
    /// Epochs, with the fraction of the last.
    pub epochs: f64,
    /// Syncs.
    pub syncs: u64,
    /// Seconds from the first event to the last.
    pub seconds: f64,
    /// Training images per second at the end, evaluations left out.
    pub images_per_second: Option<f64>,
    /// Newest accuracy on the test set right after a sync, 0 to 1.
    pub test_accuracy: Option<f32>,
    /// The best of them.
    pub best_test_accuracy: Option<f32>,
    /// Newest loss on the test set.
    pub test_loss: Option<f32>,
    /// Newest accuracy on a sample of the train set.
    pub train_accuracy: Option<f32>,
    /// The sync period in effect.
    pub k: u64,
    /// The pruning ratio in effect.
    pub p: f64,
    /// Trainable parameters.
    pub parameters: usize,
    /// SHA-256 over all parameters in order.
    pub weights_checksum: Option<String>,
    /// Seconds for which the trainer waited for batches, since the run was last begun or resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_wait_seconds: Option<f64>,
    /// Why it ended; absent while it runs or if it crashed.
    pub reason: Option<Reason>,
    /// How it stands.
    pub state: Standing,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A process trains it.
    Running,
    /// A process holds it.
    Paused,
    /// It went to its end.
    Finished,
    /// Somebody ended it before.
    Stopped,
    /// A number was not finite.
    Diverged,
    /// Something broke.
    Failed,
    /// Its process is gone without a word.
    Crashed,
}

impl Standing {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Paused => "paused",
            Standing::Finished => "finished",
            Standing::Stopped => "stopped",
            Standing::Diverged => "diverged",
            Standing::Failed => "failed",
            Standing::Crashed => "crashed",
        }
    }

    /// Whether a process has the run in hand.
    pub fn is_living(self) -> bool {
        matches!(self, Standing::Running | Standing::Paused)
    }

    fn of(state: &RunState, folder: &RunFolder) -> Self {
        match state.reason {
            Some(Reason::Finished) => Standing::Finished,
            Some(Reason::Stopped) => Standing::Stopped,
            Some(Reason::Diverged) => Standing::Diverged,
            Some(Reason::Failed) => Standing::Failed,
            None if !folder.is_hosted() => Standing::Crashed,
            None if state.phase == Phase::Running || state.phase == Phase::Starting => {
                Standing::Running
            }
            None => Standing::Paused,
        }
    }
}

impl Summary {
    /// Sums up what is known of the run in `folder`.
    pub fn of(state: &RunState, folder: &RunFolder) -> Self {
        let newest = |series: &super::Series| {
            series.last().map(|(_, value)| value).filter(|v| v.is_finite())
        };
        let started = state.started.as_deref();
        Summary {
            run: folder.path().display().to_string(),
            name: started.map(|s| s.name.clone()).unwrap_or_default(),
            network: started.map(|s| s.network.to_string()).unwrap_or_default(),
            dataset: started.map(|s| s.dataset.to_string()).unwrap_or_default(),
            begun: begun(folder),
            steps: state.step,
            total_steps: started.map_or(0, |s| s.total_steps),
            epochs: state.epoch(),
            syncs: state.syncs,
            seconds: state.seconds,
            images_per_second: state.images_per_second(),
            test_accuracy: newest(&state.test.accuracy),
            best_test_accuracy: state.best().map(|(_, accuracy)| accuracy),
            test_loss: newest(&state.test.loss),
            train_accuracy: newest(&state.train.accuracy),
            k: state.schedule.k,
            p: state.schedule.p,
            parameters: started.map_or(0, |s| s.parameters),
            weights_checksum: state.weights_checksum.clone(),
            data_wait_seconds: state.data_wait_seconds,
            reason: state.reason,
            state: Standing::of(state, folder),
        }
    }

    /// Sums up a run from its folder.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn read(folder: &RunFolder) -> Result<Self, ReadError> {
        let mut state = RunState::default();
        read_outline(folder)?.iter().for_each(|event| state.apply(event));
        // The pace needs every step.
        Ok(Summary { images_per_second: None, ..Self::of(&state, folder) })
    }
    /// How long ago it began, as people say it; nothing if that is not known.
    pub fn age(&self, now: Timestamp) -> String {
        self.begun.map(|begun| age(now.as_second().saturating_sub(begun))).unwrap_or_default()
    }
}

/// When a run began: its folder is named after the time. A folder of another name tells by its experiment, which is
/// written once.
fn begun(folder: &RunFolder) -> Option<i64> {
    named_time(&folder.name()).or_else(|| {
        let file = fs::metadata(folder.path().join("experiment.toml")).ok()?;
        let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    })
}

/// The time that `2026-11-22_140512_conv7-k20_3f9a` begins with.
fn named_time(name: &str) -> Option<i64> {
    const FORMAT: (&str, usize) = ("%Y-%m-%d_%H%M%S", "2026-11-22_140512".len());
    let time = DateTime::strptime(FORMAT.0, name.get(..FORMAT.1)?).ok()?;
    Some(time.to_zoned(TimeZone::system()).ok()?.timestamp().as_second())
}

/// A clock that was set back makes nothing negative.
fn age(seconds: i64) -> String {
    match seconds {
        i64::MIN..60 => "now".into(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_in_one_unit_and_never_negative() {
        let cases = [(-9000, "now"), (59, "now"), (60, "1 min"), (7199, "1 h"), (172_800, "2 d")];
        for (seconds, text) in cases {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn a_folder_tells_when_the_run_began() {
        let time = |name| named_time(name).map(|begun| begun % 60);
        assert_eq!(time("2026-11-22_140512_conv7-k20_3f9a"), Some(12));
        assert_eq!(time("2026-11-22_149912_conv7-k20_3f9a"), None);
        assert_eq!(time("conv7"), None);
        let (a, b) = (named_time("2026-11-22_140512_a"), named_time("2026-11-22_140612_b"));
        assert_eq!(b.zip(a).map(|(b, a)| b - a), Some(60));
    }
}
