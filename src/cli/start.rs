//! `laperm` alone: the start screen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use color_eyre::Result;
use jiff::Timestamp;

use super::replay;
use super::run::{RunOptions, ScreenOptions, host, require_terminal, watch};
use crate::data;
use crate::experiment::Experiment;
use crate::run::{RunFolder, Summary, list_runs};
use crate::session::Replay;
use crate::train::Backend;
use crate::tui::{self, Choice, ExperimentItem, Pace, RunItem, Screen, StartItems, Theme};

/// The experiment that needs nothing: it is offered first, wherever the program is started.
const QUICK: &str = include_str!("../../experiments/quick.toml");
const QUICK_PATH: &str = "experiments/quick.toml";

/// Runs that are read and offered at most, the newest: the screen must be there at once.
const MOST_RUNS: usize = 30;

pub(super) fn start(runs: &Path) -> Result<ExitCode> {
    require_terminal()?;
    let theme = Theme::load()?;
    let mut screen = Screen::open()?;
    let items = StartItems { experiments: experiments()?, runs: recent(runs) };
    match tui::start(&mut screen, &items, &theme) {
        Choice::Quit => Ok(ExitCode::SUCCESS),
        Choice::Launch(path) => {
            let attached = host(&experiment(&path)?, Backend::default(), runs)?;
            watch(attached, screen, &theme, &ScreenOptions::default())
        }
        Choice::Open(path) => {
            replay::show(Replay::open(RunFolder::open(&path))?, screen, &theme, Pace::FILM)
        }
    }
}

fn experiment(path: &Path) -> Result<Experiment> {
    match path == Path::new(QUICK_PATH) && !path.exists() {
        true => Ok(Experiment { name: stem(path), ..Experiment::parse(QUICK, QUICK_PATH, &[])? }),
        false => Ok(Experiment::read(path, &RunOptions::default().overrides())?),
    }
}

/// The name of an experiment that says none.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The quick one first, then those of `./experiments` that can be read.
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
        // An experiment that cannot be read is told by `laperm run`, not here.
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

fn recent(runs: &Path) -> Vec<RunItem> {
    let folders = list_runs(runs).into_iter().take(MOST_RUNS);
    folders.filter_map(|folder| run_item(&folder)).collect()
}

fn run_item(folder: &RunFolder) -> Option<RunItem> {
    let summary = Summary::read(folder).ok()?;
    let host = folder.host();
    Some(RunItem {
        folder: folder.path().to_owned(),
        name: summary.name,
        state: summary.state.name().to_owned(),
        accuracy: summary.best_test_accuracy,
        age: host.map(|host| age(Timestamp::now().as_second() - host.started)).unwrap_or_default(),
    })
}

fn age(seconds: i64) -> String {
    match seconds {
        i64::MIN..60 => "now".into(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
