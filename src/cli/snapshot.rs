//! `laperm snapshot`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use color_eyre::Result;
use serde::Serialize;

use super::{InputError, output};
use crate::train::{Snapshot, SnapshotInfo, SnapshotKind, Verified};

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Write a snapshot as an .lperm file: rule and seed of its initial weights, and each weight vector's permutation.
    Encode(ConvertArguments),
    /// Write the .safetensors file that an .lperm file was made of: the same weights to the bit.
    Decode(ConvertArguments),
    /// Prove, from its seed and rule alone, that every weight vector of a snapshot is a permutation of its initial
    /// values.
    Verify(FileArguments),
    /// Say what a snapshot is, and how large each tensor against the least it could be.
    Info(FileArguments),
}

#[derive(Debug, Args)]
pub(super) struct ConvertArguments {
    /// The snapshot.
    file: PathBuf,
    /// The file to write; beside the snapshot where absent, with the other extension.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace the file if there is one.
    #[arg(long)]
    force: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The snapshot, .safetensors or .lperm.
    file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What encoding and decoding print with `--json`.
#[derive(Serialize)]
struct Converted {
    output: String,
    bytes: usize,
    /// Of the file it was made of.
    input_bytes: usize,
    weights_checksum: String,
}

pub(super) fn run(command: &SnapshotCommand) -> Result<ExitCode> {
    match command {
        SnapshotCommand::Encode(arguments) => encode(arguments),
        SnapshotCommand::Decode(arguments) => decode(arguments),
        SnapshotCommand::Verify(arguments) => verify(arguments),
        SnapshotCommand::Info(arguments) => info(arguments),
    }
}

fn encode(arguments: &ConvertArguments) -> Result<ExitCode> {
    let output = arguments.output("lperm")?;
    let snapshot = arguments.read(SnapshotKind::Safetensors)?;
    let bytes = snapshot.encode()?;
    arguments.write(&output, &bytes, &snapshot)
}

fn decode(arguments: &ConvertArguments) -> Result<ExitCode> {
    let output = arguments.output("safetensors")?;
    let snapshot = arguments.read(SnapshotKind::Lperm)?;
    let bytes = snapshot.clone().into_weights_file().to_bytes(&output)?;
    arguments.write(&output, &bytes, &snapshot)
}

impl ConvertArguments {
    /// The file to write, if it may be written.
    fn output(&self, extension: &str) -> Result<PathBuf> {
        let output = self.output.clone().unwrap_or_else(|| self.file.with_extension(extension));
        if output.exists() && !self.force {
            let message = format!(
                "{}: this file is there already; replace it with --force, or name another with -o",
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

    fn write(&self, path: &Path, bytes: &[u8], snapshot: &Snapshot) -> Result<ExitCode> {
        output::file(path, bytes)?;
        let converted = Converted {
            output: path.display().to_string(),
            bytes: bytes.len(),
            input_bytes: snapshot.bytes(),
            weights_checksum: snapshot.checksum(),
        };
        match self.json {
            true => output::json(&converted)?,
            false => output::text(&format!(
                "{}: {} bytes, made of {}; weights {}\n",
                converted.output,
                converted.bytes,
                converted.input_bytes,
                converted.weights_checksum
            ))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn verify(arguments: &FileArguments) -> Result<ExitCode> {
    let verified = Snapshot::read(&arguments.file)?.verify()?;
    let holds = verified.iter().all(|parameter| parameter.foreign.is_empty());
    if arguments.json {
        output::json(&serde_json::json!({ "verified": holds, "parameters": verified }))?;
    } else {
        let header = ["parameter", "vectors", ""].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(header).chain(verified.iter().map(finding)).collect();
        let verdict = match holds {
            true => "every weight vector is a permutation of its initial values",
            false => "NOT every weight vector is a permutation of its initial values",
        };
        output::text(&format!("{}{verdict}\n", output::table(&rows)))?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

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

fn info(arguments: &FileArguments) -> Result<ExitCode> {
    let info = Snapshot::read(&arguments.file)?.info()?;
    match arguments.json {
        true => output::json(&info)?,
        false => output::text(&in_words(&info))?,
    }
    Ok(ExitCode::SUCCESS)
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
        "kind        {kind}{synced}\nexperiment  {}: {} on {}, seed {}\ntraining    step {}, k {}, p {}, test \
         accuracy {}\nparameters  {}\nweights     {}\n\n{}",
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

/// Each tensor's bytes against its bound, and those of the file.
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
