//! A run in a few numbers: a row of `laperm runs`, and the object that `--json` prints.

use std::fs;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{ReadError, RunFolder, RunState, read_outline};
use crate::train::{Phase, Reason};

/// A run in a few numbers. The names of the fields are the keys of the JSON object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Path of the run folder.
    pub run: String,
    /// Name of the experiment.
    pub name: String,
    /// Name of the network.
    pub network: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Time at which the run began, in seconds since 1970, if known.
    pub begun: Option<i64>,
    /// Training steps finished.
    pub steps: u64,
    /// Training steps planned in total.
    pub total_steps: u64,
    /// Epochs finished, including the fraction of the current one.
    pub epochs: f64,
    /// Number of syncs.
    pub syncs: u64,
    /// Seconds from the first event to the last.
    pub seconds: f64,
    /// Training images per second at the end, without evaluations.
    pub images_per_second: Option<f64>,
    /// Latest accuracy on the test set right after a sync, 0 to 1.
    pub test_accuracy: Option<f32>,
    /// Best accuracy on the test set right after a sync.
    pub best_test_accuracy: Option<f32>,
    /// Latest loss on the test set.
    pub test_loss: Option<f32>,
    /// Latest accuracy on a sample of the train set.
    pub train_accuracy: Option<f32>,
    /// The sync period in effect.
    pub k: u64,
    /// The pruning ratio in effect.
    pub p: f64,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// SHA-256 over all parameters in order.
    pub weights_checksum: Option<String>,
    /// Seconds for which the trainer waited for batches, since the run was last started or resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_wait_seconds: Option<f64>,
    /// Why the run ended; `None` while it runs or if it crashed.
    pub reason: Option<Reason>,
    /// State of the run: running, paused, or how it ended.
    pub state: Standing,
}

/// State of a run: its [`Phase`] while a process hosts it, then the [`Reason`] why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    Running,
    Paused,
    Finished,
    Stopped,
    Diverged,
    Failed,
    /// No process hosts the run, and its log has no end.
    Crashed,
}

impl Standing {
    /// Name in lower case, such as `running`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns true if a process hosts the run.
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
    /// Summarizes the state of the run in `folder`.
    pub fn of(state: &RunState, folder: &RunFolder) -> Self {
        let latest = |series: &super::Series| {
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
            test_accuracy: latest(&state.test.accuracy),
            best_test_accuracy: state.best().map(|(_, accuracy)| accuracy),
            test_loss: latest(&state.test.loss),
            train_accuracy: latest(&state.train.accuracy),
            k: state.schedule.k,
            p: state.schedule.p,
            parameters: started.map_or(0, |s| s.parameters),
            weights_checksum: state.weights_checksum.clone(),
            data_wait_seconds: state.data_wait_seconds,
            reason: state.reason,
            state: Standing::of(state, folder),
        }
    }

    /// Summarizes a run from its folder. Images per second are unknown: they need every step.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn read(folder: &RunFolder) -> Result<Self, ReadError> {
        let mut state = RunState::default();
        read_outline(folder)?.iter().for_each(|event| state.apply(event));
        Ok(Summary { images_per_second: None, ..Self::of(&state, folder) })
    }

    /// Returns the time since the run began, such as `3 h`; empty if unknown.
    pub fn age(&self, now: Timestamp) -> String {
        self.begun.map(|begun| age(now.as_second().saturating_sub(begun))).unwrap_or_default()
    }
}

/// Time at which a run began: the name of its folder begins with it. For a folder with another
/// name, the time at which `experiment.toml` was written.
fn begun(folder: &RunFolder) -> Option<i64> {
    named_time(&folder.name()).or_else(|| {
        let file = fs::metadata(folder.path().join("experiment.toml")).ok()?;
        let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    })
}

/// Parses the time at the beginning of a name such as `2026-11-22_140512_conv7-k20_3f9a`.
fn named_time(name: &str) -> Option<i64> {
    const FORMAT: (&str, usize) = ("%Y-%m-%d_%H%M%S", "2026-11-22_140512".len());
    let time = DateTime::strptime(FORMAT.0, name.get(..FORMAT.1)?).ok()?;
    Some(time.to_zoned(TimeZone::system()).ok()?.timestamp().as_second())
}

/// Describes a duration in one unit. A negative one, from a clock that was set back, counts as 0.
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
