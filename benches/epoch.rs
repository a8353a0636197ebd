//! Compares whole training with its bare steps, on the real program. Measures an epoch of Conv7 on
//! MNIST with augmentation, syncs, evaluation and logging, with the screen in a pseudo-terminal and
//! without it; the CPU time of the screen; and the ranking distance of an MLP in every step.
//!
//! `LAPERM_TEST_DATA=DIR cargo bench --bench epoch` with MNIST in `DIR/mnist`; without the
//! variable, on generated digits. `-- --examples 6000 --rounds 1` measures a tenth of an epoch and
//! of its evaluation, once.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use laperm::experiment::Published;
use laperm::run::{RunFolder, is_complete, read_events};
use laperm::train::{Backend, EventKind, Subject};
use serde_json::Value;
use support::pty::Pty;
use support::{LAPERM, Workplace};

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: laperm::allocator::Allocator = laperm::allocator::Allocator;

const SIZE: (u16, u16) = (100, 30);

/// Number of measurements of each kind, alternating.
const ROUNDS: usize = 3;

/// Steps whose times are added up: the number of steps between two syncs.
const TOGETHER: usize = 20;

/// Images per step.
const BATCH: usize = 50;

/// Examples of a whole epoch. A sixth of this number is tested, and a thirtieth is evaluated on the
/// training examples.
const EXAMPLES: usize = 60_000;

fn main() {
    // `cargo test --benches` only checks that this builds and starts.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, otherwise: usize| {
        let given = arguments.iter().skip_while(|argument| *argument != name).nth(1);
        given.and_then(|number| number.parse().ok()).unwrap_or(otherwise)
    };
    let (examples, rounds) = (number("--examples", EXAMPLES), number("--rounds", ROUNDS));

    let (mut bare, mut shown, mut headless) = (Paces::default(), vec![], vec![]);
    for _ in 0..rounds {
        bare.add(&bare_steps());
        shown.push(epoch(examples, Screen::On));
        bare.add(&bare_steps());
        headless.push(epoch(examples, Screen::Off));
    }
    bare.add(&bare_steps());
    let bare = BATCH as f64 / bare.of_a_step();
    println!("conv7, bare steps: {bare:.0} images per second");
    for (screen, epochs) in [("on", &shown), ("off", &headless)] {
        let rate = examples as f64 / seconds(epochs);
        let share = 100.0 * rate / bare;
        let whole = examples as f64 / median(epochs.iter().map(|epoch| epoch.seconds).collect());
        println!(
            "conv7, an epoch with the screen {screen}: {rate:.0} images per second, {share:.1} % of \
             bare steps; {whole:.0} including the machine's slow phases"
        );
    }
    let of_processor = median(shown.iter().map(|epoch| epoch.screen).collect());
    println!("the screen takes {:.2} % of the CPU time", 100.0 * of_processor);
    let mlp = bench("mlp");
    let of = |key: &str| mlp[key].as_f64().unwrap_or_else(|| panic!("no {key} in {mlp}"));
    let (distance, step) = (of("distance_ms"), of("step_ms"));
    println!(
        "mlp, ranking distance of all layers: {distance:.3} ms, {:.0} % of a step's {step:.3} ms",
        100.0 * distance / step
    );
}

/// Seconds of groups of steps, each long enough to contain a sync and whatever else recurs.
#[derive(Default)]
struct Paces(Vec<f64>);

impl Paces {
    /// Adds consecutive steps, given the seconds of each.
    fn add(&mut self, steps: &[f64]) {
        self.0.extend(steps.chunks_exact(TOGETHER).map(|steps| steps.iter().sum::<f64>()));
    }

    /// Seconds per step in the fastest quarter of the groups. Other users slow a virtual machine
    /// down for seconds at a time, which would otherwise dominate the comparison.
    fn of_a_step(mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 4] / TOGETHER as f64
    }
}

/// Seconds of an epoch at the pace of its fastest steps, plus the shortest time measured between
/// the last step and the end of the epoch.
fn seconds(epochs: &[Epoch]) -> f64 {
    let mut paces = Paces::default();
    epochs.iter().for_each(|epoch| paces.add(&epoch.steps));
    let after = epochs.iter().map(|epoch| epoch.seconds - epoch.steps.iter().sum::<f64>());
    let steps = epochs.first().map_or(0, |epoch| epoch.steps.len());
    steps as f64 * paces.of_a_step() + after.fold(f64::INFINITY, f64::min)
}

/// Seconds of each bare training step.
fn bare_steps() -> Vec<f64> {
    let (network, backend) = (Published::Conv7, Backend::Flex);
    let subject = Subject { network, batch: BATCH, width: 1, backend };
    let steps = subject.steps(Duration::from_secs(10)).expect("training can be measured");
    steps.iter().map(Duration::as_secs_f64).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Whether the run has a screen.
#[derive(Clone, Copy)]
enum Screen {
    On,
    Off,
}

/// Timing of one epoch.
struct Epoch {
    /// Seconds of each step.
    steps: Vec<f64>,
    /// Seconds in total.
    seconds: f64,
    /// CPU time of the screen's process, as a fraction of the time of all cores.
    screen: f64,
}

fn epoch(examples: usize, screen: Screen) -> Epoch {
    let workplace = Workplace::new();
    workplace.write("conv7.toml", experiment(examples));
    let mut arguments = vec!["run", "conv7.toml"];
    let seconds_of_screen = match screen {
        Screen::On => {
            let pty = Pty::start(&workplace, &arguments, SIZE);
            wait_for_end(&workplace);
            processor_seconds(pty.process())
        }
        Screen::Off => {
            arguments.push("--headless");
            let outcome = workplace.command(LAPERM, &arguments).output().unwrap();
            assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
            0.0
        }
    };
    let events = read_events(&workplace.only_run()).unwrap();
    let ended = events.iter().find(|event| matches!(event.kind, EventKind::Epoch { .. }));
    let seconds = ended.expect("an epoch is over").seconds;
    let steps = events.iter().filter(|event| matches!(event.kind, EventKind::Step { .. }));
    let mut before = 0.0;
    let steps = steps.map(|step| step.seconds - std::mem::replace(&mut before, step.seconds));
    let cores = available_parallelism().map_or(1, |n| n.get()) as f64;
    Epoch { steps: steps.collect(), seconds, screen: seconds_of_screen / seconds / cores }
}

fn experiment(examples: usize) -> String {
    let data = std::env::var_os("LAPERM_TEST_DATA").map(|data| Path::new(&data).join("mnist"));
    let (test, again) = (examples / 6, examples / 30);
    let data = match data {
        Some(folder) => format!(
            "dataset = \"mnist\"\nfolder = {folder:?}\ntrain_examples = {examples}\ntest_examples = {test}"
        ),
        None => format!(
            "dataset = \"glyphs\"\nglyphs = {{ train_examples = {examples}, test_examples = {test} }}"
        ),
    };
    format!(
        "[data]\n{data}\naugmentation = {{ rotation = 10, zoom = 0.1, shift = 0.1 }}\n\
         [network]\nname = \"conv7\"\n[wrapper]\nk = 20\nbiases = true\n[train]\nepochs = 1\n\
         [evaluate]\ntrain_examples = {again}\n"
    )
}

fn wait_for_end(workplace: &Workplace) {
    let over = |run: &RunFolder| is_complete(run).unwrap_or(false);
    while !workplace.runs().first().is_some_and(over) {
        sleep(Duration::from_secs(1));
    }
}

/// CPU seconds of a process, on all its threads.
fn processor_seconds(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let statistics = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        statistics.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The report of `laperm bench` for a network.
fn bench(network: &str) -> Value {
    let outcome = Workplace::new()
        .command(LAPERM, &["bench", "--json", "--network", network])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&outcome.stdout).expect("one JSON object");
    report["networks"][0].clone()
}
