//! `laperm profile FILE [FILE]`

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use clap::Args;
use serde::Serialize;

use super::failure::{FailedError, Result};
use super::output;
use crate::tui::{self, ProfileNews, Profiles, Screen, Theme};
use crate::weights::{
    Comparison, Layout, MatrixSummary, PERCENTILES, TensorFile, TensorFileError, TensorInfo,
    compare, partners, printable,
};

/// Summarize the weight matrices of a file, or compare two files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm profile model.safetensors\n  \
    laperm profile before.pt after.pt     # are the weights permuted?")]
pub(super) struct ProfileArguments {
    /// File of weights: .safetensors, PyTorch's .pt or .pth, Keras's .h5, or a snapshot.
    file: PathBuf,
    /// Second file: reports which of its weight vectors are permutations of those in the first.
    second: Option<PathBuf>,
    /// Axis of a matrix that runs over its outputs [default: the convention of the format].
    #[arg(long, value_enum, value_name = "AXIS")]
    layout: Option<Layout>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ProfileArguments) -> Result {
    let file = TensorFile::open(&arguments.file)?;
    match &arguments.second {
        Some(second) => both(arguments, &file, &TensorFile::open(second)?),
        None if arguments.json || !(io::stdin().is_terminal() && io::stdout().is_terminal()) => {
            one(arguments, &file)
        }
        None => screen(file, arguments.layout),
    }
}

/// What `--json` prints for one file.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    format: String,
    percentile_levels: [f32; PERCENTILES.len()],
    layers: Vec<Layer<'a>>,
    /// Tensors that are not weight matrices.
    others: Vec<Other<'a>>,
    /// Names of Python objects in a pickle, none of which was executed.
    ignored: &'a [String],
}

#[derive(Serialize)]
struct Layer<'a> {
    name: &'a str,
    shape: &'a [usize],
    vectors: usize,
    length: usize,
    zeros: usize,
    mean: f32,
    sd: f32,
    percentiles: [f32; PERCENTILES.len()],
    similarity: f32,
}

#[derive(Serialize)]
struct Other<'a> {
    name: &'a str,
    shape: &'a [usize],
    r#type: &'a str,
}

impl<'a> From<&'a MatrixSummary> for Layer<'a> {
    fn from(summary: &'a MatrixSummary) -> Self {
        Layer {
            name: &summary.name,
            shape: &summary.shape,
            vectors: summary.vectors,
            length: summary.length,
            zeros: summary.zeros,
            mean: summary.mean,
            sd: summary.sd,
            percentiles: summary.percentiles,
            similarity: summary.profile.similarity,
        }
    }
}

impl<'a> From<&'a TensorInfo> for Other<'a> {
    fn from(tensor: &'a TensorInfo) -> Self {
        Other { name: &tensor.name, shape: &tensor.shape, r#type: &tensor.kind }
    }
}

fn one(arguments: &ProfileArguments, file: &TensorFile) -> Result {
    let summaries = file.matrices().into_iter().map(|index| file.summary(index, arguments.layout));
    let summaries = summaries.collect::<Result<Vec<MatrixSummary>, _>>()?;
    if arguments.json {
        let others = file.tensors().iter().filter(|tensor| !tensor.is_matrix());
        return output::json(&Report {
            file: file.path().display().to_string(),
            format: file.format().to_string(),
            percentile_levels: PERCENTILES,
            layers: summaries.iter().map(Layer::from).collect(),
            others: others.map(Other::from).collect(),
            ignored: file.ignored(),
        });
    }
    output::text(&(summary_table(&summaries) + &remarks(file)))
}

/// Shows the matrices on the screen, as they are read.
fn screen(file: TensorFile, layout: Option<Layout>) -> Result {
    let theme = Theme::load()?;
    let name = file.path().file_name().unwrap_or(file.path().as_os_str());
    let profiles = Profiles::new(printable(&name.to_string_lossy()));
    let mut screen = Screen::open()?;
    // Enough for the small matrices that are read between two updates of the screen.
    let (sender, news) = sync_channel(256);
    let reader = thread::spawn(move || read(&file, layout, &sender));
    tui::show(&mut screen, tui::profile_view(profiles, news), &theme);
    screen.close();
    // A user who leaves early does not wait for the remaining matrices.
    if !reader.is_finished() {
        return Ok(());
    }
    let outcome =
        reader.join().map_err(|_| FailedError("the thread that read the file panicked".into()))?;
    Ok(outcome?)
}

/// Reads all weight matrices and sends each to the screen, until the screen is closed.
fn read(
    file: &TensorFile,
    layout: Option<Layout>,
    screen: &SyncSender<ProfileNews>,
) -> Result<(), TensorFileError> {
    let send = |news| screen.send(news).is_ok();
    let matrices = file.matrices();
    send(ProfileNews::Notice(remarks(file).trim_end().replace('\n', "; ")));
    for (number, &index) in (1..).zip(&matrices) {
        let name = printable(&file.tensors()[index].name);
        if !send(ProfileNews::Reading(format!("{number} of {}: {name}", matrices.len()))) {
            return Ok(());
        }
        match file.summary(index, layout) {
            Ok(summary) => send(ProfileNews::Matrix(Box::new(MatrixSummary { name, ..summary }))),
            Err(error) => {
                send(ProfileNews::Failed(error.to_string()));
                return Err(error);
            }
        };
    }
    send(ProfileNews::Done);
    Ok(())
}

fn summary_table(summaries: &[MatrixSummary]) -> String {
    let titles = ["name", "shape", "vectors", "length", "zeros", "mean", "sd", "similarity"];
    let rows = summaries.iter().map(|summary| {
        vec![
            printable(&summary.name),
            shape(&summary.shape),
            summary.vectors.to_string(),
            summary.length.to_string(),
            summary.zeros.to_string(),
            number(summary.mean),
            number(summary.sd),
            number(summary.profile.similarity),
        ]
    });
    let header = titles.map(str::to_owned).to_vec();
    output::table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

/// Facts that the table does not show: the format, the other tensors, and Python in a pickle.
fn remarks(file: &TensorFile) -> String {
    let others = file.tensors().len() - file.matrices().len();
    let mut text = format!("{}; tensors that are not weight matrices: {others}\n", file.format());
    if !file.ignored().is_empty() {
        let named = printable(&file.ignored().join(", "));
        text += &format!("the file names Python objects that were not run: {named}\n");
    }
    text
}

/// What `--json` prints for two files.
#[derive(Serialize)]
struct Comparisons<'a> {
    files: [String; 2],
    /// Whether every weight matrix has a partner that is a permutation of it.
    permutation: bool,
    layers: Vec<Pair<'a>>,
    /// Names of the weight matrices without a partner, in either file.
    unmatched: [Vec<&'a str>; 2],
}

#[derive(Serialize)]
struct Pair<'a> {
    /// Its names in the two files.
    names: [&'a str; 2],
    shapes: [&'a [usize]; 2],
    permutation: bool,
    #[serde(flatten)]
    comparison: Comparison,
}

fn both(arguments: &ProfileArguments, first: &TensorFile, second: &TensorFile) -> Result {
    let partners = partners(first, second, arguments.layout);
    let pairs = partners.pairs.iter().map(|&(a, b)| {
        let comparison = compare(first, a, second, b, arguments.layout)?;
        let (a, b) = (&first.tensors()[a], &second.tensors()[b]);
        Ok(Pair {
            names: [&a.name, &b.name],
            shapes: [&a.shape, &b.shape],
            permutation: comparison.is_permutation(),
            comparison,
        })
    });
    let layers = pairs.collect::<Result<Vec<Pair>>>()?;
    let names = |file: &'_ TensorFile, indices: &[usize]| -> Vec<String> {
        indices.iter().map(|&index| file.tensors()[index].name.clone()).collect()
    };
    let unmatched = [names(first, &partners.only_first), names(second, &partners.only_second)];
    if arguments.json {
        let alone = unmatched.iter().all(Vec::is_empty);
        return output::json(&Comparisons {
            files: [first, second].map(|file| file.path().display().to_string()),
            permutation: alone && layers.iter().all(|layer| layer.permutation),
            layers,
            unmatched: unmatched.each_ref().map(|names| names.iter().map(String::as_str).collect()),
        });
    }
    let mut text = pair_table(&layers);
    for (file, names) in [first, second].iter().zip(&unmatched).filter(|(_, n)| !n.is_empty()) {
        let names = printable(&names.join(", "));
        text += &format!("only in {}: {names}\n", file.path().display());
    }
    output::text(&text)
}

fn pair_table(pairs: &[Pair]) -> String {
    let titles =
        ["name", "shape", "vectors", "permuted", "cycles", "longest", "fixed points", "moved"];
    let rows =
        pairs.iter().map(|Pair { names: [a, b], shapes: [of_a, of_b], comparison, .. }| {
            let both = |a: String, b: String| if a == b { a } else { format!("{a} / {b}") };
            vec![
                both(printable(a), printable(b)),
                both(shape(of_a), shape(of_b)),
                comparison.vectors.to_string(),
                if comparison.is_permutation() {
                    "all".to_owned()
                } else {
                    comparison.permuted.to_string()
                },
                comparison.cycles.to_string(),
                comparison.longest.to_string(),
                comparison.fixed_points.to_string(),
                format!("{:.2} %", comparison.moved * 100.0),
            ]
        });
    let header = titles.map(str::to_owned).to_vec();
    output::table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

fn shape(axes: &[usize]) -> String {
    axes.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// A number with about four significant digits.
fn number(value: f32) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e4).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}
