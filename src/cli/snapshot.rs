//! `laperm snapshot`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::{FailedError, Failure, InputError, Result};
use super::output;
use crate::train::{Snapshot, SnapshotInfo, SnapshotKind, Verified};

/// Encode, decode, verify or describe a snapshot of a run's weights.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: laperm snapshot encode runs/RUN/snapshots/step-0012000.safetensors"
)]
pub(super) struct SnapshotArguments {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// Write a snapshot as an .lperm file.
    ///
    /// That stores the rule and the seed of the initial weights, and the permutation of each
    /// weight vector.
    Encode(ConvertArguments),
    /// Write an .lperm file as a .safetensors file.
    ///
    /// Its weights are bit-identical to those that were encoded.
    Decode(ConvertArguments),
    /// Prove that every weight vector of a snapshot is a permutation of its initial values.
    ///
    /// The initial values are drawn again from the seed and the rule in the snapshot.
    #[command(after_help = "Exits with 1 if any weight vector is not such a permutation.")]
    Verify(FileArguments),
    /// Describe a snapshot: its training, and the size of each tensor beside its lower bound.
    Info(FileArguments),
}

#[derive(Debug, Args)]
struct ConvertArguments {
    /// Snapshot to convert.
    file: PathBuf,
    /// File to write [default: FILE with the other extension].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file to write if it exists.
    #[arg(long)]
    force: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct FileArguments {
    /// Snapshot to read, .safetensors or .lperm.
    file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `encode` and `decode` print with `--json`.
#[derive(Serialize)]
struct Converted {
    output: String,
    bytes: usize,
    /// Size of the converted file.
    input_bytes: usize,
    weights_checksum: String,
}

pub(super) fn run(arguments: &SnapshotArguments) -> Result {
    match &arguments.command {
        SnapshotCommand::Encode(arguments) => encode(arguments),
        SnapshotCommand::Decode(arguments) => decode(arguments),
        SnapshotCommand::Verify(arguments) => verify(arguments),
        SnapshotCommand::Info(arguments) => info(arguments),
    }
}

fn encode(arguments: &ConvertArguments) -> Result {
    let output = arguments.output("lperm")?;
    let snapshot = arguments.read(SnapshotKind::Safetensors)?;
    let bytes = snapshot.encode()?;
    arguments.write(&output, &bytes, &snapshot)
}

fn decode(arguments: &ConvertArguments) -> Result {
    let output = arguments.output("safetensors")?;
    let snapshot = arguments.read(SnapshotKind::Lperm)?;
    let weights = snapshot.clone().into_weights_file();
    let bytes = weights.to_bytes(&output).map_err(|error| FailedError(error.to_string()))?;
    arguments.write(&output, &bytes, &snapshot)
}

impl ConvertArguments {
    /// Path of the file to write. Refuses to overwrite a file without `--force`.
    fn output(&self, extension: &str) -> Result<PathBuf> {
        let output = self.output.clone().unwrap_or_else(|| self.file.with_extension(extension));
        if output.exists() && !self.force {
            let message = format!(
                "{}: this file exists already; replace it with --force, or name another with -o",
                output.display()
            );
            return Err(InputError(message).into());
        }
        Ok(output)
    }

    fn read(&self, kind: SnapshotKind) -> Result<Snapshot> {
        let snapshot = Snapshot::read(&self.file)?;
        if snapshot.kind() == kind {
            return Ok(snapshot);
        }
        let already = match kind {
            SnapshotKind::Safetensors => "an .lperm file already",
            SnapshotKind::Lperm => "a .safetensors file already",
        };
        Err(InputError(format!("{}: this is {already}", self.file.display())).into())
    }

    fn write(&self, path: &Path, bytes: &[u8], snapshot: &Snapshot) -> Result {
        output::file(path, bytes)?;
        let converted = Converted {
            output: path.display().to_string(),
            bytes: bytes.len(),
            input_bytes: snapshot.bytes(),
            weights_checksum: snapshot.checksum(),
        };
        if self.json {
            return output::json(&converted);
        }
        let Converted { output, bytes, input_bytes, weights_checksum } = converted;
        output::text(&format!(
            "{output}: {bytes} bytes, from {input_bytes}; weights {weights_checksum}\n"
        ))
    }
}

fn verify(arguments: &FileArguments) -> Result {
    let verified = Snapshot::read(&arguments.file)?.verify()?;
    let permuted = verified.iter().all(|parameter| parameter.foreign.is_empty());
    if arguments.json {
        output::json(&serde_json::json!({ "verified": permuted, "parameters": verified }))?;
    } else {
        let header = ["parameter", "vectors", ""].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(header).chain(verified.iter().map(finding)).collect();
        let verdict = if permuted {
            "every weight vector is a permutation of its initial values"
        } else {
            "NOT every weight vector is a permutation of its initial values"
        };
        output::text(&format!("{}{verdict}\n", output::table(&rows)))?;
    }
    if permuted { Ok(()) } else { Err(Failure::already_reported()) }
}

/// Row of the table: the parameter, its weight vectors, and the first few that are not permuted.
fn finding(parameter: &Verified) -> Vec<String> {
    const SHOWN: usize = 8;
    let foreign = &parameter.foreign;
    let finding = match foreign.len() {
        0 => "permuted".to_owned(),
        count => {
            let named: Vec<_> = foreign.iter().take(SHOWN).map(usize::to_string).collect();
            let more = if count > SHOWN { ", …" } else { "" };
            format!("{count} are not: {}{more}", named.join(", "))
        }
    };
    vec![parameter.parameter.clone(), parameter.vectors.to_string(), finding]
}

fn info(arguments: &FileArguments) -> Result {
    let info = Snapshot::read(&arguments.file)?.info()?;
    if arguments.json { output::json(&info) } else { output::text(&in_words(&info)) }
}

fn in_words(info: &SnapshotInfo) -> String {
    let kind = match info.kind {
        SnapshotKind::Safetensors => "weights (.safetensors)",
        SnapshotKind::Lperm => "permutations (.lperm)",
    };
    let number = |value: Option<u64>| value.map_or("?".into(), |value| value.to_string());
    let percent =
        |share: Option<f64>| share.map_or("?".into(), |share| format!("{:.2} %", share * 100.0));
    let synced = if info.synced { "" } else { ", not a permutation of the initial weights" };
    format!(
        "kind        {kind}{synced}\n\
         experiment  {}: {} on {}, seed {}\n\
         training    step {}, k {}, p {}, test accuracy {}\n\
         parameters  {}\n\
         weights     {}\n\n{}",
        info.experiment,
        info.network,
        info.dataset,
        info.seed,
        number(info.step),
        number(info.k),
        percent(info.p),
        percent(info.accuracy.map(f64::from)),
        info.parameters,
        info.weights_checksum,
        sizes(info),
    )
}

/// Table of sizes: each tensor and the whole file, beside their lower bounds.
fn sizes(info: &SnapshotInfo) -> String {
    let row = |name: &str, zeros: String, floats: usize, bound: Option<f64>, bytes: usize| {
        let over = bound.filter(|&bound| bound > 0.0);
        let over = over.map(|bound| format!("{:+.2} %", (bytes as f64 / bound - 1.0) * 100.0));
        let bound = bound.map_or("-".into(), |bound| format!("{bound:.0}"));
        let (floats, bytes) = (floats.to_string(), bytes.to_string());
        vec![name.into(), zeros, floats, bound, bytes, over.unwrap_or("-".into())]
    };
    let header = ["tensor", "zeros", "as floats", "bound", "bytes", "over the bound"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(info.tensors.iter().map(|tensor| {
        let zeros = tensor.zeros.to_string();
        row(&tensor.name, zeros, tensor.float_bytes, tensor.bound_bytes, tensor.bytes)
    }));
    let zeros = info.tensors.iter().map(|tensor| tensor.zeros).sum::<usize>().to_string();
    rows.push(row("the file", zeros, info.float_bytes, info.bound_bytes, info.bytes));
    output::table(&rows)
}
