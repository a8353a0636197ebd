//! `laperm` alone: the start screen.

use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Result;
use super::replay;
use super::resume::resume;
use super::run::{RunOptions, host};
use super::screen::{ScreenOptions, require_terminal, watch};
use crate::data;
use crate::experiment::Experiment;
use crate::run::{RunFolder, RunWatch};
use crate::session::{Attached, Replay};
use crate::train::Backend;
use crate::tui::{self, Choice, Compare, ExperimentItem, Pace, Screen, Start, Theme};

/// The experiment that needs nothing: it is offered first, wherever the program is started.
const QUICK: &str = include_str!("../../experiments/quick.toml");
const QUICK_PATH: &str = "experiments/quick.toml";

pub(super) fn start(runs: &Path) -> Result {
    require_terminal()?;
    let theme = Theme::load()?;
    let mut screen = Screen::open()?;
    let news = RunWatch::start(runs);
    let mut start = Start::new(experiments()?);
    loop {
        match tui::start(&mut screen, &mut start, &news, &theme) {
            Choice::Quit => return Ok(()),
            Choice::Launch(path) => {
                let attached = host(&experiment(&path)?, Backend::default(), runs)?;
                return watch(attached, screen, &theme, &ScreenOptions::default());
            }
            Choice::Open(path) if RunFolder::open(&path).is_hosted() => {
                let attached = Attached::open(RunFolder::open(&path))?;
                return watch(attached, screen, &theme, &ScreenOptions::default());
            }
            Choice::Open(path) | Choice::Replay(path) => {
                let replay = Replay::open(RunFolder::open(&path))?;
                return replay::show(replay, screen, &theme, Pace::FILM);
            }
            Choice::Resume(path) => match resume(&path.display().to_string(), None, None, runs) {
                Ok(attached) => {
                    return watch(attached, screen, &theme, &ScreenOptions::default());
                }
                Err(error) => start.warn(error.to_string()),
            },
            Choice::Compare(paths) => {
                let folders: Vec<RunFolder> =
                    paths.iter().map(|path| RunFolder::open(path)).collect();
                let back = match Compare::new(&folders) {
                    Ok(mut compared) => tui::compare(&mut screen, &mut compared, &theme),
                    Err(error) => {
                        start.warn(error.to_string());
                        true
                    }
                };
                if !back {
                    return Ok(());
                }
            }
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
