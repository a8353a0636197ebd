//! `laperm` alone: the start screen.

use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Result;
use super::resume::resume;
use super::run::{RunOptions, host};
use super::screen::{self, require_terminal};
use crate::data;
use crate::experiment::Experiment;
use crate::run::{RunFolder, RunWatch};
use crate::session::{Attached, Replay, Source};
use crate::train::Backend;
use crate::tui::{
    self, Choice, ClosedRun, Compare, ExperimentItem, Leave, Pace, Screen, Start, Theme, Window,
};

/// The experiment that needs no data. It is offered first, in whatever folder the program is
/// started.
const QUICK: &str = include_str!("../../experiments/quick.toml");
const QUICK_PATH: &str = "experiments/quick.toml";

pub(super) fn start(runs: &Path) -> Result {
    require_terminal()?;
    let theme = Theme::load()?;
    let start = Start::new(experiments()?);
    let mut screen = Screen::open()?;
    let folder = runs.to_owned();
    let view = tui::start_view(start, RunWatch::start(runs), move |choice| {
        open(choice, &folder).map_err(|error| error.to_string())
    });
    let shown = tui::show(&mut screen, view, &theme);
    if shown.leave == Leave::HungUp {
        screen::hang_up();
    }
    screen.close();
    // All are concluded, whatever becomes of the first.
    let concluded = still_of_interest(shown.runs).into_iter().map(screen::conclude);
    concluded.fold(Ok(()), Result::and)
}

/// The view that a choice leads to. The runs are in the folder `runs`.
fn open(choice: Choice, runs: &Path) -> Result<Box<dyn Window>> {
    let attach = |attached| tui::run_view(Source::Attached(attached), Pace::LIVE);
    Ok(match choice {
        Choice::Launch(path) => attach(host(&experiment(&path)?, Backend::default(), runs)?),
        Choice::Resume(path) => attach(resume(&path.display().to_string(), None, None, runs)?),
        Choice::Open(path) if RunFolder::open(&path).is_hosted() => {
            attach(Attached::open(RunFolder::open(&path))?)
        }
        Choice::Open(path) | Choice::Replay(path) => {
            let replay = Replay::open(RunFolder::open(&path))?;
            tui::run_view(Source::Replay(Box::new(replay)), Pace::FILM)
        }
        Choice::Compare(paths) => {
            let folders: Vec<RunFolder> = paths.iter().map(|path| RunFolder::open(path)).collect();
            tui::compare_view(Compare::new(&folders)?)
        }
    })
}

/// Of the runs that were shown, those that the user stopped, and those that continue after they
/// were detached. Of a run that was shown several times, only the last counts.
fn still_of_interest(runs: Vec<ClosedRun>) -> Vec<ClosedRun> {
    let mut kept: Vec<ClosedRun> = Vec::new();
    for run in runs {
        kept.retain(|other| other.folder != run.folder);
        kept.push(run);
    }
    kept.retain(|run| match run.leave {
        Leave::Stop => true,
        Leave::Detached => run.folder.is_hosted(),
        Leave::Left | Leave::HungUp => false,
    });
    kept
}

fn experiment(path: &Path) -> Result<Experiment> {
    if path == Path::new(QUICK_PATH) && !path.exists() {
        Ok(Experiment { name: stem(path), ..Experiment::parse(QUICK, QUICK_PATH, &[])? })
    } else {
        Ok(Experiment::read(path, &RunOptions::default().overrides())?)
    }
}

/// Name of an experiment whose file does not name it.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The quick experiment, then those of `./experiments` that can be read.
fn experiments() -> Result<Vec<ExperimentItem>> {
    let entries = fs::read_dir("experiments").into_iter().flatten().flatten();
    let toml = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "toml") && path != Path::new(QUICK_PATH)
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(toml).collect();
    paths.sort();
    paths.insert(0, QUICK_PATH.into());
    let mut items = Vec::new();
    for path in paths {
        // `laperm run` reports what is wrong with an experiment; the list only omits it.
        let Ok(experiment) = experiment(&path) else { continue };
        let dataset = experiment.data.dataset;
        let missing = match dataset {
            data::DatasetName::Glyphs => None,
            _ => data::find(dataset, experiment.data.folder.as_deref()).err(),
        };
        items.push(ExperimentItem {
            name: stem(&path),
            path,
            description: experiment.description,
            dataset: dataset.to_string(),
            missing_data: missing.map(|_| format!("needs {dataset}: laperm data fetch {dataset}")),
        });
    }
    Ok(items)
}
