//! `laperm data`: lists, verifies, shows and downloads datasets.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;
use strum::VariantArray;

use super::failure::Result;
use super::{output, preview};
use crate::data::fetch::{Progress, fetch};
use crate::data::{
    DataError, Dataset, DatasetName, GlyphsConfig, ImageShape, cache_folder, find, find_files,
    is_published, load,
};

/// List, verify, show and download datasets.
#[derive(Debug, Args)]
#[command(after_help = "Example: laperm data fetch mnist")]
pub(super) struct DataArguments {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// List the datasets and the folders that contain them.
    List {
        #[command(flatten)]
        place: Place,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Read datasets completely, and compare their files with the published checksums.
    Verify {
        /// Dataset to verify [default: all that are found].
        name: Option<DatasetName>,
        #[command(flatten)]
        place: Place,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    Preview(preview::PreviewArguments),
    /// Download a dataset.
    ///
    /// An interrupted download is continued. All files are checked against published checksums.
    Fetch {
        /// Dataset to download.
        name: DatasetName,
        /// Address of a folder with the same files, to download from instead of the published ones.
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
        /// Folder to write the files to [default: laperm/NAME in the user's cache folder].
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Folder that contains the datasets [default: each of $LAPERM_DATA, ./data and the cache
    /// folder].
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(arguments: &DataArguments) -> Result {
    match &arguments.command {
        DataCommand::List { place, json } => list(place.folder.as_deref(), *json),
        DataCommand::Verify { name, place, json } => verify(*name, place.folder.as_deref(), *json),
        DataCommand::Preview(arguments) => preview::run(arguments),
        DataCommand::Fetch { name, mirror, into } => {
            download(*name, mirror.as_deref(), into.clone())
        }
    }
}

/// What `list --json` and `verify --json` print.
#[derive(Serialize)]
struct Datasets<T> {
    datasets: Vec<T>,
}

/// A dataset, and whether it is available.
#[derive(Serialize)]
struct Listed {
    name: DatasetName,
    classes: usize,
    shape: ImageShape,
    train_examples: usize,
    test_examples: usize,
    available: bool,
    /// `null` if the dataset is generated or not available.
    folder: Option<String>,
    /// Size of the files; `null` if the dataset is not available.
    bytes: Option<u64>,
    /// The folder, or why there is none.
    #[serde(skip)]
    remark: String,
}

fn list(folder: Option<&Path>, json: bool) -> Result {
    let datasets: Vec<Listed> =
        DatasetName::VARIANTS.iter().copied().map(|name| Listed::new(name, folder)).collect();
    if json {
        return output::json(&Datasets { datasets });
    }
    let mut text = String::from("NAME           TRAIN   TEST  SHAPE        SIZE  WHERE\n");
    for Listed { name, train_examples, test_examples, shape, bytes, remark, .. } in &datasets {
        let shape = shape.to_string();
        let size = bytes.map_or("-".into(), |bytes| HumanBytes(bytes).to_string());
        text += &format!(
            "{name:<13} {train_examples:>6} {test_examples:>6}  {shape:<7} {size:>10}  {remark}\n"
        );
    }
    output::text(&text)
}

impl Listed {
    fn new(name: DatasetName, folder: Option<&Path>) -> Self {
        let (folder, bytes, remark) = match place_of(name, folder) {
            Ok(None) => (None, Some(0), "generated".to_owned()),
            Ok(Some((folder, bytes))) => {
                let folder = folder.display().to_string();
                (Some(folder.clone()), Some(bytes), folder)
            }
            Err(DataError::NotFound { .. }) => {
                (None, None, format!("not available: laperm data fetch {name}"))
            }
            Err(error) => (None, None, error.to_string()),
        };
        let (train_examples, test_examples) = name.examples();
        Listed {
            name,
            classes: name.classes(),
            shape: name.shape(),
            train_examples,
            test_examples,
            available: bytes.is_some(),
            folder,
            bytes,
            remark,
        }
    }
}

/// Folder of a dataset and size of its files in bytes; `None` for a generated dataset.
fn place_of(name: DatasetName, folder: Option<&Path>) -> Result<Option<(PathBuf, u64)>, DataError> {
    if name == DatasetName::Glyphs {
        return Ok(None);
    }
    let place = find(name, folder)?;
    let files = find_files(name, folder)?;
    let lengths = files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len()));
    Ok(Some((place, lengths.sum())))
}

/// Verification of a dataset.
#[derive(Serialize)]
struct Report {
    name: DatasetName,
    sound: bool,
    #[serde(flatten)]
    finding: Finding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Finding {
    Sound {
        shape: ImageShape,
        files: Vec<VerifiedFile>,
        train_examples: usize,
        test_examples: usize,
        train_examples_of_class: Vec<usize>,
    },
    Unsound {
        error: String,
    },
}

#[derive(Serialize)]
struct VerifiedFile {
    path: String,
    sha256: String,
    /// Whether the checksum is the published one; `null` if none is published.
    published: Option<bool>,
}

/// Verifies one dataset or all that are found, and reports on each. Fails with the first error.
fn verify(name: Option<DatasetName>, folder: Option<&Path>, json: bool) -> Result {
    let names = name.map_or(DatasetName::VARIANTS.to_vec(), |name| vec![name]);
    let mut reports = vec![];
    let mut result = Ok(());
    for dataset in names {
        let finding = match verify_one(dataset, folder) {
            Err(DataError::NotFound { .. }) if name.is_none() => continue,
            Err(error) => {
                let finding = Finding::Unsound { error: error.to_string() };
                result = result.and(Err(error));
                finding
            }
            Ok(finding) => finding,
        };
        let sound = matches!(finding, Finding::Sound { .. });
        let report = Report { name: dataset, sound, finding };
        if !json {
            output::text(&report.in_words())?;
        }
        reports.push(report);
    }
    if json {
        output::json(&Datasets { datasets: reports })?;
    }
    Ok(result?)
}

fn verify_one(name: DatasetName, folder: Option<&Path>) -> Result<Finding, DataError> {
    let dataset = load(name, folder, &GlyphsConfig::default())?;
    let mut files = vec![];
    for file in &dataset.files {
        files.push(VerifiedFile {
            path: file.path.display().to_string(),
            sha256: file.sha256.clone(),
            published: is_published(name, file)?,
        });
    }
    Ok(Finding::Sound {
        shape: dataset.shape(),
        files,
        train_examples: dataset.train.len(),
        test_examples: dataset.test.len(),
        train_examples_of_class: class_counts(&dataset),
    })
}

/// Number of training examples of each class.
fn class_counts(dataset: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes];
    dataset.train.labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
    counts
}

impl Report {
    fn in_words(&self) -> String {
        let name = self.name;
        match &self.finding {
            Finding::Unsound { error } => format!("{name}: not sound\n  {error}\n"),
            Finding::Sound { files, train_examples: train, test_examples: test, .. } => {
                let mut text =
                    format!("{name}: sound, {train} training and {test} test examples\n");
                for VerifiedFile { path, published, .. } in files {
                    let verdict = match published {
                        Some(true) => "as published",
                        Some(false) => "NOT as published",
                        None => "no published checksum to compare with",
                    };
                    text += &format!("  {path}: {verdict}\n");
                }
                text
            }
        }
    }
}

fn download(name: DatasetName, mirror: Option<&str>, into: Option<PathBuf>) -> Result {
    let in_cache = || Some(cache_folder()?.join(name.as_str()));
    let folder = into.or_else(in_cache).ok_or(DataError::NoCacheFolder)?;
    let mut meter = Meter::new();
    let result = fetch(name, &folder, mirror, &mut |progress| meter.show(&progress));
    meter.bar.finish_and_clear();
    result?;
    output::text(&format!("{name} is in {}\n", folder.display()))
}

/// Progress of a download on standard error: a bar on a terminal, plain lines elsewhere.
struct Meter {
    bar: ProgressBar,
    last_line: Instant,
}

impl Meter {
    /// Interval between two plain lines.
    const LINE_EVERY: Duration = Duration::from_secs(5);

    fn new() -> Self {
        let style =
            output::bar_style("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        Self { bar: ProgressBar::no_length().with_style(style), last_line: Instant::now() }
    }

    fn show(&mut self, Progress { file, bytes, total }: &Progress<'_>) {
        if !self.bar.is_hidden() {
            if self.bar.message() != *file {
                self.bar.reset();
                self.bar.set_message(file.to_string());
            }
            self.bar.set_length(*total);
            self.bar.set_position(*bytes);
        } else if bytes == total || self.last_line.elapsed() >= Self::LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{file}: {} of {}", HumanBytes(*bytes), HumanBytes(*total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words() {
        let name = DatasetName::Mnist;
        let file =
            VerifiedFile { path: "a.gz".into(), sha256: "00".into(), published: Some(false) };
        let finding = Finding::Sound {
            shape: name.shape(),
            files: vec![file],
            train_examples: 3,
            test_examples: 2,
            train_examples_of_class: vec![],
        };
        let report = Report { name, sound: true, finding };
        let expected = "mnist: sound, 3 training and 2 test examples\n  a.gz: NOT as published\n";
        assert_eq!(report.in_words(), expected);
        let finding = Finding::Unsound { error: "a.gz: broken".into() };
        let report = Report { name, sound: false, finding };
        assert_eq!(report.in_words(), "mnist: not sound\n  a.gz: broken\n");
    }

    #[test]
    fn a_report_as_json() {
        let finding = Finding::Unsound { error: "a.gz: broken".into() };
        let report = Report { name: DatasetName::Mnist, sound: false, finding };
        let json = serde_json::json!({ "name": "mnist", "sound": false, "error": "a.gz: broken" });
        assert_eq!(serde_json::to_value(&report).expect("serializes"), json);
    }
}
