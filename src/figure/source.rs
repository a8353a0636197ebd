//! The runs that a figure is drawn from, and how they differ.

use super::error::FigureError;
use crate::experiment::WrapperName;
use crate::run::{ReadError, RunFolder, RunState, Setup, differences, read_state_at};
use crate::train::{LayerFrame, LayerInfo, Named};

/// A run to draw.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The name of the run's folder.
    pub name: String,
    /// The resolved experiment, the program's version, the backend, and the checksums of the data.
    pub setup: Setup,
    pub state: RunState,
}

impl Source {
    /// Reads a run to its end, or up to and including `step`.
    ///
    /// # Errors
    /// If the log or `experiment.toml` cannot be read.
    pub(crate) fn read(folder: &RunFolder, step: Option<u64>) -> Result<Self, ReadError> {
        let state = read_state_at(folder, step.unwrap_or(u64::MAX))?;
        Ok(Source { name: folder.name(), setup: Setup::read(folder)?, state })
    }

    pub(super) fn layers(&self) -> &[LayerInfo] {
        self.state.started.as_ref().map_or(&[], |started| &started.layers)
    }

    /// Finds a layer by its name, or by its number from 1.
    pub(super) fn layer(&self, wanted: &str) -> Result<usize, FigureError> {
        let layers = self.layers();
        let named = layers.iter().position(|layer| layer.name == wanted);
        let number = wanted.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        named.or(number.filter(|&index| index < layers.len())).ok_or_else(|| {
            let known = layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>();
            FigureError::Layer {
                run: self.name.clone(),
                layer: wanted.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// Returns the latest frame of a layer.
    pub(super) fn frame(&self, layer: usize) -> Result<&LayerFrame, FigureError> {
        let frame = self.state.frame.as_ref().and_then(|(_, frame)| frame.layers.get(layer));
        frame.ok_or_else(|| {
            let advice = "it has only just begun, or its frames.bin is missing or damaged";
            self.lacks("recorded weights", advice)
        })
    }

    /// Returns the error for missing data, with advice on how to obtain it.
    pub(super) fn lacks(&self, what: &'static str, advice: &'static str) -> FigureError {
        FigureError::Missing { run: self.name.clone(), what, advice }
    }
}

/// Runs that differ only in their seed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Family {
    /// How it differs from the other families; empty if it is the only one.
    pub label: String,
    /// The indices of its runs.
    pub members: Vec<usize>,
}

/// Keys that do not affect training, or that labels show in another way.
const IGNORED: [&str; 9] = [
    "seed",
    "monitor",
    "checkpoint",
    "evaluate",
    "data.folder",
    "sha256",
    "laperm version",
    "network.name",
    "wrapper.name",
];

/// Groups runs into families. Runs of one family differ only in their seed and in the keys of
/// `also`. The label of a family has its network, its method, and any further differences, as far
/// as they distinguish it from the others.
pub(super) fn families(sources: &[Source], also: &[&str]) -> Vec<Family> {
    let networks = by(sources, &(0..sources.len()).collect::<Vec<_>>(), network);
    let several_networks = networks.len() > 1;
    let mut families = Vec::new();
    for (network, members) in networks {
        let methods = by(sources, &members, method);
        let several_methods = methods.len() > 1;
        for (method, members) in methods {
            let first = several_networks.then(|| network.clone());
            let second = several_methods.then_some(method);
            let beginning: Vec<String> = first.into_iter().chain(second).collect();
            for (rest, members) in by_differences(sources, &members, also) {
                let label = beginning.iter().cloned().chain(rest).collect::<Vec<_>>().join(", ");
                families.push(Family { label, members });
            }
        }
    }
    families
}

/// Returns the label of each run's family; the run's name if the label is empty.
pub(super) fn names(sources: &[Source]) -> Vec<String> {
    let mut names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let families = families(sources, &[]);
    for family in families.iter().filter(|family| !family.label.is_empty()) {
        family.members.iter().for_each(|&member| names[member] = family.label.clone());
    }
    names
}

/// Groups `members` by `name`, in the order of their first occurrence.
fn by(
    sources: &[Source],
    members: &[usize],
    name: impl Fn(&Source) -> String,
) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for &member in members {
        let name = name(&sources[member]);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(member),
            None => groups.push((name, vec![member])),
        }
    }
    groups
}

fn by_differences(
    sources: &[Source],
    members: &[usize],
    also: &[&str],
) -> Vec<(Vec<String>, Vec<usize>)> {
    let runs: Vec<_> =
        members.iter().map(|&member| (&sources[member].setup, &sources[member].state)).collect();
    let is_ignored = |key: &str| {
        let within = |other: &str| {
            let rest = key.strip_prefix(other);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        IGNORED.iter().chain(also).any(|other| within(other))
    };
    let mut found = differences(&runs);
    found.retain(|difference| !is_ignored(&difference.key));
    let labels = (0..members.len()).map(|index| {
        let part = |difference: &crate::run::Difference| {
            let value = difference.lines(index).join("; ");
            (!value.is_empty()).then(|| named(&difference.key, &value))
        };
        found.iter().filter_map(part).collect::<Vec<String>>()
    });
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for (label, &member) in labels.zip(members) {
        match groups.iter_mut().find(|(known, _)| *known == label) {
            Some((_, members)) => members.push(member),
            None => groups.push((label, vec![member])),
        }
    }
    groups
}

/// Formats a difference briefly: `k = 20`.
fn named(key: &str, value: &str) -> String {
    let name = match key {
        "wrapper.k" => "k",
        "prune.ratio" => "p",
        "optimizer.lr" => "lr",
        "initial.weights" | "optimizer.name" | "data.dataset" | "backend" => {
            return value.to_owned();
        }
        "by hand" => return format!("by hand: {value}"),
        key => key.rsplit('.').next().unwrap_or(key),
    };
    format!("{name} = {value}")
}

/// Returns the display name of a run's network.
pub(super) fn network(source: &Source) -> String {
    match source.state.started.as_deref().map(|started| &started.network) {
        Some(Named::Known(published)) => published.recipe().title.into(),
        Some(Named::Other(name)) => name.clone(),
        None => String::new(),
    }
}

/// Returns the name of the training method: the wrapper, or the optimizer if there is none.
fn method(source: &Source) -> String {
    let Some(started) = source.state.started.as_deref() else { return String::new() };
    match (&started.wrapper, &started.optimizer) {
        (Named::Known(WrapperName::Laperm), _) => "LaPerm".into(),
        (Named::Known(WrapperName::Lookahead), _) => "Lookahead".into(),
        (_, Named::Known(optimizer)) => optimizer.definition().title.into(),
        (_, other) => other.to_string().to_uppercase(),
    }
}
