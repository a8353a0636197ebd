//! `laperm data`: which datasets are here, whether they are sound, what they look like, and
//! downloading them.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use color_eyre::Result;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use strum::VariantArray;

use crate::data::fetch::{Progress, fetch};
use crate::data::{
    DataError, Dataset, DatasetName, GlyphsConfig, ImageShape, Images, Normalization, Normalizer,
    cache_folder, find, find_files, is_published, load,
};
use crate::experiment::Published;
use crate::random::{Purpose, stream};

/// List, verify, look at and download datasets
#[derive(Debug, Args)]
pub struct DataCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the datasets, and where they are found
    List {
        /// Look in this folder instead of $LAPERM_DATA, ./data and the cache folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read datasets from end to end, and compare them with the published checksums
    Verify {
        /// The dataset; without one, every dataset that is found
        name: Option<DatasetName>,
        /// Look in this folder instead of $LAPERM_DATA, ./data and the cache folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show some images in the terminal
    Preview(PreviewOptions),
    /// Download a dataset
    Fetch {
        /// The dataset
        name: DatasetName,
        /// The address of a folder with the same files
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
        /// Where to put the files, instead of the cache folder
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct PreviewOptions {
    /// The dataset
    #[arg(default_value = "glyphs")]
    name: DatasetName,
    /// The first example to show, counted from 0
    #[arg(long, default_value_t = 0)]
    index: usize,
    /// How many examples to show
    #[arg(long, default_value_t = 4)]
    count: usize,
    /// Show them augmented as in the paper's experiments
    #[arg(long)]
    augment: bool,
    /// Show test examples instead of train examples
    #[arg(long)]
    test: bool,
    /// Look in this folder instead of $LAPERM_DATA, ./data and the cache folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs `laperm data …`.
///
/// # Errors
/// When data cannot be found, read, shown or downloaded; mostly a [`DataError`].
pub fn run(command: DataCommand) -> Result<()> {
    match command.action {
        Action::List { data, json } => list(data.as_deref(), json),
        Action::Verify { name, data, json } => verify(name, data.as_deref(), json),
        Action::Preview(options) => preview(&options),
        Action::Fetch { name, mirror, into } => download(name, mirror.as_deref(), into),
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn print_json(value: &Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

fn list(folder: Option<&Path>, json: bool) -> Result<()> {
    let mut text = String::from("NAME           TRAIN   TEST  SHAPE        SIZE  WHERE\n");
    let mut datasets = vec![];
    for &name in DatasetName::VARIANTS {
        let (train, test) = name.examples();
        let (place, bytes, place_text) = match place_of(name, folder) {
            Ok(None) => (Value::Null, Some(0), "generated".to_string()),
            Ok(Some((place, bytes))) => (json!(place), Some(bytes), place.display().to_string()),
            Err(DataError::NotFound { .. }) => {
                (Value::Null, None, format!("not here: laperm data fetch {name}"))
            }
            Err(error) => (Value::Null, None, error.to_string()),
        };
        let shape = name.shape();
        let size = bytes.map_or("-".into(), |bytes| HumanBytes(bytes).to_string());
        let shape_text = shape.to_string();
        text +=
            &format!("{name:<13} {train:>6} {test:>6}  {shape_text:<7} {size:>10}  {place_text}\n");
        datasets.push(json!({
            "name": name, "classes": name.classes(), "shape": shape,
            "train_examples": train, "test_examples": test,
            "available": bytes.is_some(), "folder": place, "bytes": bytes,
        }));
    }
    if json { print_json(&json!({ "datasets": datasets })) } else { print(&text) }
}

/// The folder of a dataset and the size of its files; nothing for a generated one.
fn place_of(name: DatasetName, folder: Option<&Path>) -> Result<Option<(PathBuf, u64)>, DataError> {
    if name == DatasetName::Glyphs {
        return Ok(None);
    }
    let place = find(name, folder)?;
    let files = find_files(name, folder)?;
    let lengths = files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len()));
    Ok(Some((place, lengths.sum())))
}

/// Verifies all that can be, prints a report of each, and fails as the first bad one does.
fn verify(name: Option<DatasetName>, folder: Option<&Path>, json: bool) -> Result<()> {
    let names = name.map_or(DatasetName::VARIANTS.to_vec(), |name| vec![name]);
    let mut reports = vec![];
    let mut result = Ok(());
    for dataset in names {
        let report = match verify_one(dataset, folder) {
            Err(DataError::NotFound { .. }) if name.is_none() => continue,
            Err(error) => {
                let report = json!({ "name": dataset, "sound": false, "error": error.to_string() });
                result = result.and(Err(error));
                report
            }
            Ok(report) => report,
        };
        if !json {
            print(&describe(&report))?;
        }
        reports.push(report);
    }
    if json {
        print_json(&json!({ "datasets": reports }))?;
    }
    Ok(result?)
}

fn verify_one(name: DatasetName, folder: Option<&Path>) -> Result<Value, DataError> {
    let dataset = load(name, folder, &GlyphsConfig::default())?;
    let mut files = vec![];
    for file in &dataset.files {
        let published = is_published(name, file)?;
        files.push(json!({ "path": file.path, "sha256": file.sha256, "published": published }));
    }
    Ok(json!({
        "name": name, "sound": true, "shape": dataset.shape(), "files": files,
        "train_examples": dataset.train.len(), "test_examples": dataset.test.len(),
        "train_examples_of_class": class_counts(&dataset),
    }))
}

fn class_counts(dataset: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes];
    dataset.train.labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
    counts
}

/// A verification report in words.
fn describe(report: &Value) -> String {
    let name = report["name"].as_str().unwrap_or_default();
    if let Some(error) = report["error"].as_str() {
        return format!("{name}: not sound\n  {error}\n");
    }
    let (train, test) = (&report["train_examples"], &report["test_examples"]);
    let mut text = format!("{name}: sound, {train} train and {test} test examples\n");
    for file in report["files"].as_array().into_iter().flatten() {
        let verdict = match file["published"].as_bool() {
            Some(true) => "as published",
            Some(false) => "NOT as published",
            None => "no published checksum to compare with",
        };
        let path = file["path"].as_str().unwrap_or_default();
        text += &format!("  {path}: {verdict}\n");
    }
    text
}

fn download(name: DatasetName, mirror: Option<&str>, into: Option<PathBuf>) -> Result<()> {
    let in_cache = || Some(cache_folder()?.join(name.as_str()));
    let folder = into.or_else(in_cache).ok_or(DataError::NoCacheFolder)?;
    let mut meter = Meter::new();
    let result = fetch(name, &folder, mirror, &mut |progress| meter.show(&progress));
    meter.bar.finish_and_clear();
    result?;
    print(&format!("{name} is in {}\n", folder.display()))
}

/// A progress bar on a terminal, a plain line now and then elsewhere.
struct Meter {
    bar: ProgressBar,
    last_line: Instant,
}

impl Meter {
    const BETWEEN_LINES: Duration = Duration::from_secs(5);

    fn new() -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
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
        } else if bytes == total || self.last_line.elapsed() >= Self::BETWEEN_LINES {
            self.last_line = Instant::now();
            eprintln!("{file}: {} of {}", HumanBytes(*bytes), HumanBytes(*total));
        }
    }
}

fn preview(options: &PreviewOptions) -> Result<()> {
    let images = images_to_preview(options)?;
    let examples = images.len();
    if options.index >= examples {
        let (dataset, example) = (options.name, options.index);
        return Err(DataError::NoExample { dataset, example, examples }.into());
    }
    let shown = options.index..examples.min(options.index.saturating_add(options.count));
    let pictures: Vec<Picture> = shown.map(|i| picture(options, &images, i)).collect();
    let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
    let ink = if has_colours() { Ink::HalfBlocks } else { Ink::Ascii };
    print(&draw(&pictures, width, ink))
}

fn images_to_preview(options: &PreviewOptions) -> Result<Images, DataError> {
    // An example is the same however many there are: generate no more than are to be seen.
    let (train, test) = options.name.examples();
    let needed = options.index.saturating_add(options.count).max(1);
    let glyphs = GlyphsConfig {
        train_examples: train.min(needed),
        test_examples: test.min(needed),
        ..GlyphsConfig::default()
    };
    let dataset = load(options.name, options.data.as_deref(), &glyphs)?;
    Ok(if options.test { dataset.test } else { dataset.train })
}

/// Half blocks need 256 colours, and a terminal that is wanted in colour.
fn has_colours() -> bool {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !no_color && !dumb
}

/// An image in grey, with a caption.
struct Picture {
    caption: String,
    width: usize,
    grey: Vec<u8>,
}

/// How a picture is put on a terminal; both show two pixel rows per line.
#[derive(Clone, Copy)]
enum Ink {
    /// Grey levels of the 256 colours, upper half in front, lower half behind.
    HalfBlocks,
    /// Characters, light to dark, for the mean of both rows.
    Ascii,
}

fn picture(options: &PreviewOptions, images: &Images, example: usize) -> Picture {
    let pixels = images.pixels_of(example);
    let pixels =
        if options.augment { augmented(options.name, images, example) } else { pixels.to_vec() };
    let class = options.name.class_name(images.labels[example]);
    Picture {
        caption: format!("#{example} {class}"),
        width: images.shape.width,
        grey: grey(&pixels, images.shape),
    }
}

/// The example augmented as the paper does for a network on this kind of images.
fn augmented(name: DatasetName, images: &Images, example: usize) -> Vec<u8> {
    let network = match name {
        DatasetName::Cifar10 => Published::Conv4,
        DatasetName::Glyphs | DatasetName::Mnist | DatasetName::FashionMnist => Published::Conv7,
    };
    let augmentation = network.recipe().augmentation;
    let mut numbers = vec![0.0; images.shape.elements()];
    let mut changed = numbers.clone();
    Normalizer::fit(Normalization::Unit, images).apply(images.pixels_of(example), &mut numbers);
    let mut random = stream(1, Purpose::Augmentation, 1, example as u64);
    augmentation.apply(&mut random, &numbers, images.shape, &mut changed);
    changed.iter().map(|number| (number * 255.0).round() as u8).collect()
}

/// One grey level per pixel: colours by the luma of Rec. 601.
fn grey(pixels: &[u8], shape: ImageShape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    if shape.channels != 3 {
        return pixels[..plane].to_vec();
    }
    let weighted = |pixel: usize| {
        let [red, green, blue] = [0, 1, 2].map(|c| u32::from(pixels[c * plane + pixel]));
        ((299 * red + 587 * green + 114 * blue) / 1000) as u8
    };
    (0..plane).map(weighted).collect()
}

/// Pictures side by side, as many as fit in `columns`, captions above.
fn draw(pictures: &[Picture], columns: usize, ink: Ink) -> String {
    let widest = pictures.iter().map(|picture| picture.width).max().unwrap_or(1);
    let per_line = ((columns + 2) / (widest + 2)).max(1);
    let mut text = String::new();
    for row in pictures.chunks(per_line) {
        let captions =
            row.iter().map(|picture| format!("{:<1$.1$}", picture.caption, picture.width));
        text += captions.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
        let lines = row.iter().map(|picture| picture.grey.len().div_ceil(2 * picture.width)).max();
        for line in 0..lines.unwrap_or(0) {
            let parts = row.iter().map(|picture| picture.line(line, ink));
            text += &parts.collect::<Vec<_>>().join("  ");
            text.push('\n');
        }
    }
    text
}

impl Picture {
    /// The text of pixel rows `2 * line` and `2 * line + 1`; a missing last row is black.
    fn line(&self, line: usize, ink: Ink) -> String {
        let pixel = |row: usize, column: usize| {
            u32::from(self.grey.get(row * self.width + column).copied().unwrap_or(0))
        };
        let pairs = (0..self.width).map(|column| {
            let (upper, lower) = (pixel(2 * line, column), pixel(2 * line + 1, column));
            match ink {
                Ink::HalfBlocks => {
                    let [front, back] = [upper, lower].map(|level| 232 + level * 23 / 255);
                    format!("\x1b[38;5;{front};48;5;{back}m▀")
                }
                Ink::Ascii => {
                    const DARKENING: &[u8; 10] = b" .:-=+*#%@";
                    char::from(DARKENING[((upper + lower) * 9 / 510) as usize]).to_string()
                }
            }
        });
        let end = if matches!(ink, Ink::HalfBlocks) { "\x1b[0m" } else { "" };
        pairs.collect::<String>() + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_two(caption: &str) -> Picture {
        Picture { caption: caption.into(), width: 2, grey: vec![0, 255, 255, 255] }
    }

    #[test]
    fn ascii_pictures_side_by_side_as_far_as_they_fit() {
        let pictures = ["a", "b", "c"].map(two_by_two);
        assert_eq!(draw(&pictures, 6, Ink::Ascii), "a   b\n=@  =@\nc\n=@\n");
    }

    #[test]
    fn half_blocks_put_the_upper_pixel_in_front() {
        let text = draw(&[two_by_two("a long caption")], 80, Ink::HalfBlocks);
        assert_eq!(text, "a\n\x1b[38;5;232;48;5;255m▀\x1b[38;5;255;48;5;255m▀\x1b[0m\n");
    }

    #[test]
    fn colours_become_grey_by_luma() {
        let shape = ImageShape { channels: 3, height: 1, width: 2 };
        assert_eq!(grey(&[255, 0, 255, 100, 255, 0], shape), [255, 58]);
    }

    #[test]
    fn a_report_in_words() {
        let file = json!({ "path": "a.gz", "sha256": "00", "published": false });
        let report = json!({
            "name": "mnist", "sound": true, "train_examples": 3, "test_examples": 2,
            "files": [file],
        });
        let expected = "mnist: sound, 3 train and 2 test examples\n  a.gz: NOT as published\n";
        assert_eq!(describe(&report), expected);
        let report = json!({ "name": "mnist", "sound": false, "error": "a.gz: broken" });
        assert_eq!(describe(&report), "mnist: not sound\n  a.gz: broken\n");
    }
}
