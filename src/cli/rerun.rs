//! `laperm rerun RUN`

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::ending::{farewell, outcome};
use super::failure::{Failure, InputError, Result};
use super::headless::{self, OnDivergence};
use super::output;
use super::signals::OnHangup;
use crate::experiment::{Experiment, TrainSection};
use crate::run::{
    FolderError, RunFolder, RunState, Summary, find_run, read_outline, recorded_start,
};
use crate::session::Live;
use crate::train::{Event, EventKind, Prepared, Script};

/// Repeat a run from its start, and compare the final weights.
///
/// Every change that was made by hand is made again after the same step.
#[derive(Debug, Args)]
#[command(after_help = "Exits with 1 if the weights differ although they should be identical.\n\n\
    Examples:\n  \
    laperm rerun 2026-11-22\n  \
    laperm rerun 2026-11-22 --set wrapper.k=50   # the same run with another k")]
pub(super) struct RerunArguments {
    /// Run to repeat: its folder, its name, or the beginning of its name.
    run: String,
    /// Accepted as for `run`; a rerun never opens the screen.
    #[arg(long)]
    headless: bool,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Step to end at [default: the last step of the original; if that crashed, its planned end].
    #[arg(long, value_name = "STEP")]
    until: Option<u64>,
    /// Set any key of the experiment, such as wrapper.k=20; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// The new run compared with the original, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Comparison {
    #[serde(flatten)]
    summary: Summary,
    /// Folder of the original.
    original: String,
    /// Whether the final weights are bit-identical; `null` if they are not expected to be.
    identical: Option<bool>,
    original_checksum: Option<String>,
    /// Instruction set of the original's kernels; empty if it is not recorded.
    original_instruction_set: String,
    /// Instruction set of the new run's kernels.
    instruction_set: String,
}

/// The run to repeat.
struct Original {
    folder: RunFolder,
    instruction_set: String,
    /// Number of steps taken, if the run ended.
    steps: Option<u64>,
    checksum: Option<String>,
    script: Script,
}

pub(super) fn run(arguments: &RerunArguments, runs: &Path) -> Result {
    let original = Original::read(find_run(runs, &arguments.run)?)?;
    let live = launch(&original, arguments, runs)?;
    let folder = live.folder().clone();
    let state =
        headless::watch(RunState::default(), live, OnDivergence::FollowScript, OnHangup::GoOn)?;
    let same_course = arguments.set.is_empty() && original.steps == Some(state.step);
    let instruction_set = state.started.as_ref().map(|started| started.instruction_set.clone());
    let both = original.checksum.as_ref().zip(state.weights_checksum.as_ref());
    let comparison = Comparison {
        summary: Summary::of(&state, &folder),
        original: original.folder.path().display().to_string(),
        identical: both.filter(|_| same_course).map(|(before, now)| before == now),
        original_checksum: original.checksum.clone(),
        original_instruction_set: original.instruction_set.clone(),
        instruction_set: instruction_set.unwrap_or_default(),
    };
    if arguments.json {
        output::json(&comparison)?;
    } else {
        output::text(&(farewell(&state, &folder) + &comparison.in_words()))?;
    }
    match comparison.identical {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::already_reported()),
        None => outcome(state.reason, &folder),
    }
}

/// Starts training the original again, into a new folder.
fn launch(original: &Original, arguments: &RerunArguments, runs: &Path) -> Result<Live> {
    let (started, backend) = recorded_start(&original.folder)?;
    let mut experiment = Experiment::read(&original.folder.experiment(), &arguments.set)?;
    let longer = arguments.set.iter().any(|assignment| assignment.trim().starts_with("train."));
    let until = arguments.until.or(original.steps.filter(|_| !longer));
    if let Some(until) = until {
        end_at(until, &mut experiment.train, started.steps_per_epoch)?;
    }
    let prepared = Prepared::new(experiment, backend)?;
    if !arguments.set.iter().any(|assignment| assignment.trim().starts_with("data.")) {
        original.folder.check_data(prepared.data_files())?;
    }
    let folder = RunFolder::create(runs, &prepared.experiment, backend, prepared.data_files())?;
    let live = Live::rerun(prepared, original.script.clone(), folder.clone());
    Ok(live.map_err(|source| {
        folder.discard();
        FolderError::new(folder.path(), source)
    })?)
}

/// Shortens the plan of the experiment to `until` steps.
fn end_at(until: u64, train: &mut TrainSection, steps_per_epoch: u64) -> Result<(), InputError> {
    let planned = train.epochs.saturating_mul(steps_per_epoch);
    let planned = planned.min(train.steps.unwrap_or(u64::MAX));
    if until == 0 {
        return Err(InputError("the run took no step, so there is nothing to repeat".into()));
    }
    if until > planned {
        return Err(InputError(format!(
            "--until {until}: the experiment ends at step {planned}; extend it with \
             --set train.epochs=N"
        )));
    }
    if until < planned {
        train.steps = Some(until);
    }
    Ok(())
}

impl Original {
    fn read(folder: RunFolder) -> Result<Self> {
        let events = read_outline(&folder)?;
        let (steps, checksum) = match events.last() {
            Some(Event { step, kind: EventKind::Finished { weights_checksum, .. }, .. }) => {
                (Some(*step), weights_checksum.clone())
            }
            _ => (None, None),
        };
        let instruction_set = recorded_start(&folder)?.0.instruction_set;
        Ok(Original { steps, checksum, script: Script::of(&events), instruction_set, folder })
    }
}

impl Comparison {
    fn in_words(&self) -> String {
        let original = &self.original;
        let none = "none";
        let now = self.summary.weights_checksum.as_deref().unwrap_or(none);
        let before = self.original_checksum.as_deref().unwrap_or(none);
        match self.identical {
            Some(true) => format!("the weights are identical to those of {original}: {now}\n"),
            Some(false) => {
                let text = format!(
                    "the weights are NOT identical to those of {original}: {now} instead of \
                     {before}\n"
                );
                text + &self.why_not()
            }
            None => format!(
                "the weights are not expected to equal those of {original}: {now}, there {before}\n"
            ),
        }
    }

    /// Explains the difference if the instruction sets differ; empty otherwise.
    fn why_not(&self) -> String {
        let (then, now) = (&self.original_instruction_set, &self.instruction_set);
        if then.is_empty() || then == now {
            return String::new();
        }
        format!(
            "its kernels ran with {then}, these with {now}, which round differently; set \
             LAPERM_SIMD={then} to repeat it on a CPU that has {then}\n"
        )
    }
}
