//! Reads an experiment from a TOML file and `--set` overrides. An error points at its cause.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Experiment, Problem, optimizer};

/// An experiment that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The text is invalid. The message quotes the line, with a caret below the error.
    #[error("{0}")]
    Text(String),
    /// An override is invalid.
    #[error("--set {assignment}: {problem}")]
    Override {
        /// The override as given.
        assignment: String,
        problem: String,
    },
}

impl Experiment {
    /// Reads a file, applies `overrides` of the form `key.key=value`, and checks the result.
    ///
    /// # Errors
    /// A file that cannot be read, invalid TOML, unknown keys, values of the wrong type, and the
    /// errors of [`Experiment::check`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ExperimentError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ExperimentError::Io { path: path.into(), source })?;
        let mut experiment = Self::parse(&text, &path.display().to_string(), overrides)?;
        if experiment.name.is_empty() {
            // A path that was read as a file has a name.
            let stem = path.file_stem().unwrap_or_default();
            experiment.name = stem.to_string_lossy().into_owned();
        }
        Ok(experiment)
    }

    /// Reads an experiment from text. Errors name its `origin`.
    ///
    /// # Errors
    /// The errors of [`Experiment::read`], except those of reading the file.
    pub fn parse(text: &str, origin: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        let source = Source { text, origin };
        let from_file: Experiment = toml::from_str(text).map_err(|e| source.toml_error(&e))?;
        let experiment =
            if overrides.is_empty() { from_file } else { source.overridden(overrides)? };
        experiment.check().map_err(|problem| source.error_of(&problem, overrides))?;
        Ok(experiment)
    }
}

/// The text of an experiment, and its name in errors.
struct Source<'a> {
    text: &'a str,
    origin: &'a str,
}

impl Source<'_> {
    fn overridden(&self, overrides: &[String]) -> Result<Experiment, ExperimentError> {
        let mut table: toml::Table = self.text.parse().map_err(|e| self.toml_error(&e))?;
        let mut experiment = None;
        for assignment in names_first(overrides) {
            let fail = |problem: String| ExperimentError::Override {
                assignment: assignment.clone(),
                problem,
            };
            let (key, value) = assignment.split_once('=').ok_or_else(|| {
                fail("must look like key.key=value, such as wrapper.k=100".into())
            })?;
            let path: Vec<&str> = key.trim().split('.').collect();
            let value = value_of(value.trim());
            if path == OPTIMIZER_NAME {
                optimizer::rename(&mut table, &value);
            }
            set(&mut table, &path, value).map_err(fail)?;
            let parsed = Experiment::deserialize(table.clone());
            experiment = Some(parsed.map_err(|e| fail(e.message().to_owned()))?);
        }
        experiment.map_or_else(|| toml::from_str(self.text).map_err(|e| self.toml_error(&e)), Ok)
    }

    /// Returns an error that points at the value in the file or names the override that set it.
    fn error_of(&self, problem: &Problem, overrides: &[String]) -> ExperimentError {
        let path = problem.path();
        let overrider = overrides.iter().rev().find(|assignment| {
            let key = assignment.split_once('=').map_or(assignment.as_str(), |(key, _)| key).trim();
            path == key
                || path.starts_with(&format!("{key}."))
                || key.starts_with(&format!("{path}."))
        });
        match overrider {
            Some(assignment) => ExperimentError::Override {
                assignment: assignment.clone(),
                problem: problem.to_string(),
            },
            None => self.error_at(problem.message(), &path, self.span_of(problem.keys())),
        }
    }

    fn toml_error(&self, error: &toml::de::Error) -> ExperimentError {
        self.error_at(error.message(), "", error.span())
    }

    fn error_at(&self, message: &str, label: &str, span: Option<Range<usize>>) -> ExperimentError {
        // An error without a position, such as an empty file, is shown at the beginning.
        let span = span.unwrap_or(0..self.text.len().min(1));
        let snippet = Snippet::source(self.text)
            .path(self.origin)
            .annotation(AnnotationKind::Primary.span(span).label(label));
        let report = [Level::ERROR.primary_title(message).element(snippet)];
        let picture = Renderer::plain().render(&report);
        // The command line prints "error: " before every message.
        ExperimentError::Text(picture.strip_prefix("error: ").unwrap_or(&picture).to_owned())
    }

    /// Returns the span of the value under `keys`, or that of the innermost table that exists.
    fn span_of(&self, keys: &[String]) -> Option<Range<usize>> {
        // The text has been parsed before: this does not fail.
        let table = DeTable::parse(self.text).ok()?;
        let mut keys = keys.iter();
        let mut value = table.get_ref().get(keys.next()?.as_str())?;
        for key in keys {
            let inner = match (value.get_ref(), key.parse::<usize>()) {
                (DeValue::Table(table), _) => table.get(key.as_str()),
                (DeValue::Array(array), Ok(index)) => array.get(index),
                _ => None,
            };
            match inner {
                Some(inner) => value = inner,
                None => break,
            }
        }
        Some(value.span())
    }
}

/// Key of the name of the optimizer, which decides which other keys `[optimizer]` has.
const OPTIMIZER_NAME: [&str; 2] = ["optimizer", "name"];

/// Returns the overrides, with those of the name of the optimizer first.
fn names_first(overrides: &[String]) -> Vec<&String> {
    let key = |assignment: &str| assignment.split('=').next().unwrap_or_default().trim().to_owned();
    let mut ordered: Vec<_> = overrides.iter().collect();
    ordered.sort_by_key(|assignment| key(assignment) != OPTIMIZER_NAME.join("."));
    ordered
}

/// Parses a TOML value. Text that is not one is taken as a string, so that strings need no quotes
/// in a shell.
fn value_of(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<toml::Table>().ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Sets the value under a path of keys. Creates missing sections.
fn set(table: &mut toml::Table, path: &[&str], value: toml::Value) -> Result<(), String> {
    match path {
        [] | [""] => Err("the key is missing".into()),
        [key] => {
            table.insert((*key).to_owned(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let inner = table.entry((*key).to_owned()).or_insert_with(|| toml::Table::new().into());
            match inner.as_table_mut() {
                Some(inner) => set(inner, rest, value),
                None => Err(format!("`{key}` is not a section")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[data]\ndataset = \"glyphs\"\n\n[network]\nname = \"f1\"\n";

    fn parse(text: &str, overrides: &[&str]) -> Result<Experiment, String> {
        let overrides: Vec<String> = overrides.iter().map(|s| (*s).to_owned()).collect();
        Experiment::parse(text, "test.toml", &overrides).map_err(|e| e.to_string())
    }

    #[test]
    fn the_essentials_are_enough() {
        let experiment = parse(MINIMAL, &[]).expect("valid");
        assert_eq!(experiment.train.batch, 50);
        assert_eq!(experiment.wrapper.k.at(0), 20.0);
    }

    #[test]
    fn an_unknown_key_is_pointed_at() {
        let error = parse(&format!("{MINIMAL}[wrapper]\nkk = 3\n"), &[]).expect_err("unknown");
        assert!(error.contains("unknown field `kk`"), "{error}");
        assert!(error.contains("test.toml:7:1") && error.contains("^^"), "{error}");
    }

    #[test]
    fn a_senseless_value_is_pointed_at() {
        let error = parse(&format!("{MINIMAL}[wrapper]\nk = 0\n"), &[]).expect_err("k = 0");
        assert!(error.contains("test.toml:7:5"), "{error}");
        assert!(error.contains("k must be at least 1"), "{error}");
        let error = parse(&format!("{MINIMAL}[prune.layers]\ndense7 = 0.5\n"), &[])
            .expect_err("no such layer");
        assert!(error.contains("test.toml:7:10") && error.contains("dense1"), "{error}");
        let error = parse(&format!("{MINIMAL}[optimizer]\nlr = nan\n"), &[]).expect_err("NaN");
        assert!(error.contains("test.toml:7:6"), "{error}");
    }

    #[test]
    fn overrides_win_and_are_named_when_wrong() {
        let experiment =
            parse(MINIMAL, &["wrapper.k=100", "data.dataset=mnist", "seed=7"]).expect("valid");
        assert_eq!((experiment.wrapper.k.at(0), experiment.seed), (100.0, 7));
        assert_eq!(experiment.data.dataset, crate::data::DatasetName::Mnist);
        for (wrong, expected) in [
            ("wrapper.k=0", "--set wrapper.k=0: "),
            ("wrapper.q=1", "unknown field `q`"),
            ("wrapper.k", "must look like"),
            ("network.name.x=1", "`name` is not a section"),
            ("train.batch=many", "invalid type"),
            ("=3", "the key is missing"),
        ] {
            let error = parse(MINIMAL, &[wrong]).expect_err(wrong);
            assert!(error.contains(expected), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_layer_that_does_not_fit_is_pointed_at() {
        let text = "[data]\ndataset = \"glyphs\"\n[[network.layers]]\ntype = \"flatten\"\n\
                    [[network.layers]]\ntype = \"conv\"\nfilters = 3\n[[network.layers]]\ntype = \"dense\"\nunits = 10\n";
        let error = parse(text, &[]).expect_err("does not fit");
        assert!(error.contains("layer 2, conv1: takes channels"), "{error}");
        assert!(error.contains("test.toml:5:1"), "{error}");
    }

    #[test]
    fn a_resolved_experiment_reads_back_the_same() {
        let experiment =
            parse(MINIMAL, &["prune.layers.dense1=0.4", "wrapper.stop=3"]).expect("valid");
        let text = toml::to_string(&experiment).expect("serializes");
        assert_eq!(parse(&text, &[]).expect("reads back"), experiment);
    }
}
