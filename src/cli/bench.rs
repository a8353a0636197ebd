//! `laperm bench`

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::failure::{FailedError, InputError, Result};
use super::output;
use crate::experiment::Published;
use crate::instructions::InstructionSet;
use crate::kernels::arithmetic_peak;
use crate::train::{Backend, Measurement, Subject, matrix_product_peak};

/// Measure how fast this machine trains the networks of the paper, on generated data.
#[derive(Debug, Args)]
#[command(after_help = "Each combination of network, batch, width and threads is one row.\n\n\
    Examples:\n  \
    laperm bench --network conv7 --seconds 10\n  \
    laperm bench --network conv2 --batch 50,200 --threads 1,4 --json")]
pub(super) struct BenchArguments {
    #[arg(
        long = "network",
        value_name = "NAME",
        value_enum,
        hide_possible_values = true,
        help = format!(
            "Network to measure: {}. May be repeated [default: {}]",
            names(|_| true),
            names(|network| network.recipe().benchmark),
        )
    )]
    networks: Vec<Published>,
    /// Backend that runs the computation.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    backend: Backend,
    /// Batch sizes, such as 50,100,200 [default: the network's in the paper].
    #[arg(long = "batch", value_name = "N,…", value_delimiter = ',')]
    batches: Vec<NonZeroUsize>,
    /// Factors by which to multiply the numbers of filters and units, such as 1,2,4.
    #[arg(long = "width", value_name = "N,…", value_delimiter = ',', default_value = "1")]
    widths: Vec<NonZeroUsize>,
    /// Numbers of threads, such as 1,2 [default: one thread per core].
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    threads: Vec<NonZeroUsize>,
    /// Approximate duration of each repeated measurement, in seconds; more if a few repetitions
    /// take longer.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Measure in this process, and end when standard input ends.
    #[arg(long, hide = true)]
    worker: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    /// Name of the processor, if the system reports it.
    cpu: Option<String>,
    backend: Backend,
    instruction_set: String,
    /// Peak of matrix products: the highest rate of this run, in 10^9 floating-point operations per
    /// second.
    peak_gflops: f64,
    /// The same for multiplications and additions in registers alone, without access to memory.
    arithmetic_gflops: f64,
    networks: Vec<Row>,
}

/// Measurement of one network.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    measurement: Measurement,
    /// Number of threads that compute.
    threads: usize,
    /// Rate of floating-point operations in a step, as a share of the peak with the same number of
    /// threads.
    share_of_peak: f64,
}

/// Output of the worker, the process that measures one network.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    measurement: Measurement,
    threads: usize,
    instruction_set: String,
    peak_gflops: f64,
    arithmetic_gflops: f64,
}

pub(super) fn run(arguments: &BenchArguments) -> Result {
    let patience = Duration::try_from_secs_f64(arguments.seconds)
        .map_err(|_| InputError(format!("--seconds {} is not a duration", arguments.seconds)))?;
    arguments.backend.device()?;
    if arguments.worker {
        return work(arguments, patience);
    }
    let mut measured = Vec::new();
    for subject in arguments.subjects() {
        for threads in arguments.threads() {
            let Subject { network, batch, width, .. } = subject;
            eprintln!("measuring {}, batch {batch}, width {width}", network.name());
            measured.push(measure(&subject, threads, arguments.seconds)?);
        }
    }
    let report = Report::of(measured, arguments.backend);
    if arguments.json { output::json(&report) } else { output::text(&report.in_words()) }
}

impl BenchArguments {
    /// Every combination of network, batch and width.
    fn subjects(&self) -> Vec<Subject> {
        let networks = match self.networks.as_slice() {
            [] => selected(|network| network.recipe().benchmark),
            networks => networks.to_vec(),
        };
        let backend = self.backend;
        let mut subjects = Vec::new();
        for network in networks {
            let batches = match self.batches.as_slice() {
                [] => vec![network.recipe().batch],
                batches => batches.iter().map(|batch| batch.get()).collect(),
            };
            for width in self.widths.iter().map(|width| width.get()) {
                let subject = |&batch| Subject { network, batch, width, backend };
                subjects.extend(batches.iter().map(subject));
            }
        }
        subjects
    }

    /// Numbers of threads; `None` is the default of the libraries.
    fn threads(&self) -> Vec<Option<NonZeroUsize>> {
        match self.threads.as_slice() {
            [] => vec![None],
            threads => threads.iter().copied().map(Some).collect(),
        }
    }
}

fn selected(choice: impl Fn(Published) -> bool) -> Vec<Published> {
    Published::VARIANTS.iter().copied().filter(|&network| choice(network)).collect()
}

/// Names of the selected networks, for the help text.
fn names(choice: impl Fn(Published) -> bool) -> String {
    let names: Vec<_> = selected(choice).into_iter().map(Published::name).collect();
    names.join(", ")
}

/// Measures in a worker process, so that memory and threads are those of this network alone.
fn measure(subject: &Subject, threads: Option<NonZeroUsize>, seconds: f64) -> Result<Measured> {
    let Subject { network, batch, width, backend } = subject;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bench", "--worker", "--network", network.name(), "--backend", backend.name()])
        .args(["--batch", &batch.to_string(), "--width", &width.to_string()])
        .args(["--seconds", &seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(threads) = threads {
        // Read by our kernels and burn's, and by LibTorch.
        for variable in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(variable, threads.to_string());
        }
    }
    let mut worker = command.spawn()?;
    let answer = answer_of(&mut worker);
    let status = worker.wait()?;
    if !status.success() {
        let message = format!("{} could not be measured: {status}", network.name());
        return Err(FailedError(message).into());
    }
    let unreadable =
        |error| FailedError(format!("the output of the worker is unreadable: {error}"));
    Ok(serde_json::from_slice(&answer?).map_err(unreadable)?)
}

/// Reads all output of a worker. Its standard input stays open until then.
fn answer_of(worker: &mut Child) -> io::Result<Vec<u8>> {
    let _open = worker.stdin.take();
    let mut answer = Vec::new();
    if let Some(mut stdout) = worker.stdout.take() {
        stdout.read_to_end(&mut answer)?;
    }
    Ok(answer)
}

/// Measures in this process, and prints the results for the process that started it.
fn work(arguments: &BenchArguments, patience: Duration) -> Result {
    // Standard input ends when the parent process does, even if that is killed. The measurement is
    // of no use then.
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(1);
    });
    for subject in arguments.subjects() {
        let measurement = subject.measure(patience)?;
        let set = InstructionSet::current();
        output::json(&Measured {
            measurement,
            threads: rayon::current_num_threads(),
            instruction_set: set.name().to_owned(),
            peak_gflops: matrix_product_peak(subject.backend, patience / 2)?,
            arithmetic_gflops: arithmetic_peak(set, patience / 4),
        })?;
    }
    Ok(())
}

impl Report {
    fn of(measured: Vec<Measured>, backend: Backend) -> Self {
        let greatest = |of: fn(&Measured) -> f64| measured.iter().map(of).fold(0.0, f64::max);
        let (peak_gflops, arithmetic_gflops) =
            (greatest(|m| m.peak_gflops), greatest(|m| m.arithmetic_gflops));
        let instruction_set = measured.first().map(|m| m.instruction_set.clone());
        // The peak depends on the number of threads.
        let peak_on = |threads: usize| {
            let alike = measured.iter().filter(|m| m.threads == threads);
            alike.map(|m| m.peak_gflops).fold(0.0, f64::max)
        };
        let row = |m: &Measured| {
            let gflops = m.measurement.operations / m.measurement.step_ms / 1e6;
            Row {
                measurement: m.measurement.clone(),
                threads: m.threads,
                share_of_peak: gflops / peak_on(m.threads),
            }
        };
        Report {
            version: env!("CARGO_PKG_VERSION"),
            cpu: cpu(),
            backend,
            instruction_set: instruction_set.unwrap_or_default(),
            peak_gflops,
            arithmetic_gflops,
            networks: measured.iter().map(row).collect(),
        }
    }

    fn in_words(&self) -> String {
        let header = "NETWORK,BATCH,WIDTH,THREADS,STEP ms,FORWARD,BACKWARD,OPTIMIZER,SYNC,DISTANCE,\
                      DATA,WAIT,EVALUATED/s,MEMORY MB,PEAK";
        let header = header.split(',').map(str::to_owned).collect();
        let rows: Vec<_> =
            std::iter::once(header).chain(self.networks.iter().map(Row::cells)).collect();
        let cpu = self.cpu.as_deref().unwrap_or("unknown processor");
        let Report { backend, instruction_set, peak_gflops, arithmetic_gflops, .. } = self;
        format!(
            "{}\n{cpu}, {instruction_set}, backend {backend}: {peak_gflops:.0} GFLOP/s in matrix \
             products (the peak), {arithmetic_gflops:.0} in registers\n",
            output::table(&rows)
        )
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let m = &self.measurement;
        let whole = [m.batch, m.width, self.threads].map(|number| number.to_string());
        let times = [m.step_ms, m.forward_ms, m.backward_ms, m.optimizer_ms, m.sync_ms];
        let beside = [m.distance_ms, m.data_ms, m.data_wait_ms];
        let milliseconds = times.into_iter().chain(beside).map(|ms| match ms {
            100.0.. => format!("{ms:.0}"),
            10.0.. => format!("{ms:.1}"),
            _ => format!("{ms:.2}"),
        });
        let memory = m.peak_memory_mb.map_or("-".into(), |memory| format!("{memory:.0}"));
        let last = [
            format!("{:.0}", m.evaluate_images_per_second),
            memory,
            format!("{:.0} %", 100.0 * self.share_of_peak),
        ];
        [m.network.clone()].into_iter().chain(whole).chain(milliseconds).chain(last).collect()
    }
}

/// Name of the processor, if /proc/cpuinfo has it.
fn cpu() -> Option<String> {
    let about = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = about.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(name.trim_start_matches([' ', '\t', ':']).to_owned())
}
