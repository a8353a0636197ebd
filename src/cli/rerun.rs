//! `laperm rerun RUN`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use color_eyre::Result;
use serde::Serialize;

use super::headless::{self, Divergence};
use super::run::{OnHangup, ended, farewell};
use super::{InputError, output};
use crate::experiment::{Experiment, TrainSection};
use crate::run::{
    FolderError, RunFolder, RunState, Summary, find_run, read_outline, recorded_start,
};
use crate::session::Live;
use crate::train::{Event, EventKind, Prepared, Script};

#[derive(Debug, Args)]
pub(super) struct RerunArguments {
    /// The run: the path of its folder, its name, or the beginning of its name.
    run: String,
    /// Train without the screen, which is the only way so far.
    #[arg(long)]
    headless: bool,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// The step to end at; where not given, that at which the run ended, or the planned end if it crashed.
    #[arg(long, value_name = "STEP")]
    until: Option<u64>,
    /// Set any key of the experiment: the same run with one thing different.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// How the new run compares with the original.
#[derive(Debug, Serialize)]
struct Comparison {
    #[serde(flatten)]
    summary: Summary,
    /// The original's folder.
    original: String,
    /// Whether the final weights are the same to the bit; `null` where that is not to be expected.
    identical: Option<bool>,
    original_checksum: Option<String>,
    /// The instruction set of the original's kernels; empty where it is not known.
    original_instruction_set: String,
    /// The one of this run's kernels.
    instruction_set: String,
}

/// What is to be done again.
struct Original {
    folder: RunFolder,
    instruction_set: String,
    /// Steps taken in all, if it came to an end.
    steps: Option<u64>,
    checksum: Option<String>,
    script: Script,
}

pub(super) fn run(arguments: &RerunArguments, runs: &Path) -> Result<ExitCode> {
    let original = Original::read(find_run(runs, &arguments.run)?)?;
    let live = launch(&original, arguments, runs)?;
    let folder = live.folder().clone();
    let state =
        headless::watch(RunState::default(), live, Divergence::IsInTheScript, OnHangup::GoOn)?;
    let same_course = arguments.set.is_empty() && original.steps == Some(state.step);
    let both = original.checksum.as_ref().zip(state.weights_checksum.as_ref());
    let comparison = Comparison {
        summary: Summary::of(&state, &folder),
        original: original.folder.path().display().to_string(),
        identical: both.filter(|_| same_course).map(|(before, now)| before == now),
        original_checksum: original.checksum.clone(),
        original_instruction_set: original.instruction_set.clone(),
        instruction_set: state
            .started
            .as_ref()
            .map(|s| s.instruction_set.clone())
            .unwrap_or_default(),
    };
    match arguments.json {
        true => output::json(&comparison)?,
        false => output::text(&(farewell(&state, &folder) + &comparison.in_words()))?,
    }
    match comparison.identical {
        Some(true) => Ok(ExitCode::SUCCESS),
        Some(false) => Ok(ExitCode::FAILURE),
        None => ended(state.reason, &folder),
    }
}

/// Starts to train the original anew into a folder of its own.
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

/// Shortens what is planned to `until` steps.
fn end_at(until: u64, train: &mut TrainSection, steps_per_epoch: u64) -> Result<(), InputError> {
    let planned = train.epochs.saturating_mul(steps_per_epoch);
    let planned = planned.min(train.steps.unwrap_or(u64::MAX));
    if until == 0 {
        return Err(InputError("the run took no step, so there is nothing to do again".into()));
    }
    if until > planned {
        return Err(InputError(format!(
            "--until {until}: the experiment ends at step {planned}; --set train.epochs=N makes it longer"
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
                    "the weights are NOT those of {original}: {now}, which were {before}\n"
                );
                text + &self.why_not()
            }
            None => format!("not the same course as {original}: weights {now}, there {before}\n"),
        }
    }

    /// What explains other weights, if anything does.
    fn why_not(&self) -> String {
        let (then, now) = (&self.original_instruction_set, &self.instruction_set);
        if then.is_empty() || then == now {
            return String::new();
        }
        format!(
            "its kernels ran with {then}, these with {now}, which round differently; where the CPU has it, \
             LAPERM_SIMD={then} repeats it\n"
        )
    }
}
