//! The runs that a figure is drawn from, and what tells them apart.

use super::FigureError;
use crate::experiment::WrapperName;
use crate::run::{ReadError, RunFolder, RunState, Setup, differences, read_state_at};
use crate::train::{LayerFrame, LayerInfo, Named};

/// A run to draw.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called, for messages.
    pub name: String,
    /// What it was told before it began.
    pub setup: Setup,
    /// What is known of it.
    pub state: RunState,
}

impl Source {
    /// Reads a run: all of it, or what was known of it after `step`.
    ///
    /// # Errors
    /// A log or an `experiment.toml` that cannot be read.
    pub fn read(folder: &RunFolder, step: Option<u64>) -> Result<Self, ReadError> {
        let state = read_state_at(folder, step.unwrap_or(u64::MAX))?;
        Ok(Source { name: folder.name(), setup: Setup::read(folder)?, state })
    }

    /// The weight matrices.
    pub(super) fn layers(&self) -> &[LayerInfo] {
        self.state.started.as_ref().map_or(&[], |started| &started.layers)
    }

    /// The layer that `wanted` means: its name, or its number from 1.
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

    /// The newest look at a layer.
    pub(super) fn frame(&self, layer: usize) -> Result<&LayerFrame, FigureError> {
        let frame = self.state.frame.as_ref().and_then(|(_, frame)| frame.layers.get(layer));
        frame.ok_or_else(|| {
            let advice = "it has hardly begun, or its frames.bin is missing or damaged";
            self.lacks("looks at its weights", advice)
        })
    }

    /// What is missing for a figure, and how to get it.
    pub(super) fn lacks(&self, what: &'static str, advice: &'static str) -> FigureError {
        FigureError::Missing { run: self.name.clone(), what, advice }
    }
}

/// Runs that differ only in their seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// In what it differs from the others; empty if it is the only one.
    pub label: String,
    /// Indices of its runs.
    pub members: Vec<usize>,
}

/// What says nothing about how a run was trained, or is told otherwise.
const ASIDE: [&str; 9] = [
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

/// Puts the runs that differ in nothing but their seed, and in `also`, into families. They are told apart by their
/// network, then by what wraps the optimizer, and then by whatever else differs among equals.
pub fn families(sources: &[Source], also: &[&str]) -> Vec<Family> {
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

/// What tells each run from the others; runs of one family share a name.
pub fn names(sources: &[Source]) -> Vec<String> {
    let mut names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let families = families(sources, &[]);
    for family in families.iter().filter(|family| !family.label.is_empty()) {
        family.members.iter().for_each(|&member| names[member] = family.label.clone());
    }
    names
}

/// The groups of `members` that have the same `name`, in the order in which they come.
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
    let aside = |key: &str| {
        let within = |other: &str| {
            let rest = key.strip_prefix(other);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        ASIDE.iter().chain(also).any(|other| within(other))
    };
    let mut found = differences(&runs);
    found.retain(|difference| !aside(&difference.key));
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

/// A difference in a few characters: `k = 20`.
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

/// Returns the name of a run's network as a figure writes it.
pub fn network(source: &Source) -> String {
    match source.state.started.as_deref().map(|started| &started.network) {
        Some(Named::Known(published)) => published.recipe().title.into(),
        Some(Named::Other(name)) => name.clone(),
        None => String::new(),
    }
}

/// What trains it: LaPerm, or the optimizer that it wraps.
fn method(source: &Source) -> String {
    let Some(started) = source.state.started.as_deref() else { return String::new() };
    match (&started.wrapper, &started.optimizer) {
        (Named::Known(WrapperName::Laperm), _) => "LaPerm".into(),
        (Named::Known(WrapperName::Lookahead), _) => "Lookahead".into(),
        (_, Named::Known(optimizer)) => optimizer.definition().title.into(),
        (_, other) => other.to_string().to_uppercase(),
    }
}
