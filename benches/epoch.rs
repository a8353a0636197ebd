//! Training as a whole against its bare steps, on the real program: an epoch of Conv7 on MNIST with augmentation, syncs,
//! evaluation and logging, with the screen in a pseudo-terminal and without; what the screen takes of the processor; and
//! the ranking distance of every step of an MLP.
//!
//! `LAPERM_TEST_DATA=DIR cargo bench --bench epoch` with MNIST in `DIR/mnist`, or on generated digits without it.
//! `-- --examples 6000 --rounds 1` does a tenth of an epoch and of its evaluation, once.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use laperm::model::Published;
use laperm::run::{RunFolder, is_complete, read_events};
use laperm::train::{Backend, EventKind, Subject};
use serde_json::Value;
use support::pty::Pty;
use support::{LAPERM, Workplace};

const SIZE: (u16, u16) = (100, 30);

/// How often each is measured; what is told at last is the median.
const ROUNDS: usize = 3;

/// Examples of a whole epoch; of each six, one is tested, and of each thirty, one is tested as trained on.
const EXAMPLES: usize = 60_000;

fn main() {
    // `cargo test --benches` only asks whether it builds and starts.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, otherwise: usize| {
        let given = arguments.iter().skip_while(|argument| *argument != name).nth(1);
        given.and_then(|number| number.parse().ok()).unwrap_or(otherwise)
    };
    let (examples, rounds) = (number("--examples", EXAMPLES), number("--rounds", ROUNDS));

    // The machine's speed changes: what is compared is measured in turns.
    let mut shares = [vec![], vec![]];
    let mut of_processor = vec![];
    let mut before = bare();
    for _ in 0..rounds {
        for (screen, shares) in [Screen::On, Screen::Off].into_iter().zip(&mut shares) {
            let epoch = epoch(examples, screen);
            let after = bare();
            let (rate, bare) = (epoch.images_per_second, (before + after) / 2.0);
            println!("{}: {rate:.0} images a second, bare steps {bare:.0}", screen.name());
            shares.push(rate / bare);
            of_processor.extend(epoch.screen);
            before = after;
        }
    }
    for (screen, shares) in [Screen::On, Screen::Off].into_iter().zip(shares) {
        println!("{}: {:.1} % of bare steps' speed", screen.name(), 100.0 * median(shares));
    }
    println!("the screen takes {:.2} % of the processor", 100.0 * median(of_processor));
    let mlp = bench("mlp");
    let of = |key: &str| mlp[key].as_f64().unwrap_or_else(|| panic!("no {key} in {mlp}"));
    let (distance, step) = (of("distance_ms"), of("step_ms"));
    println!(
        "mlp, ranking distance of every step, all layers: {distance:.3} ms, {:.0} % of a step's {step:.3} ms",
        100.0 * distance / step
    );
}

/// Images a second of bare training steps.
fn bare() -> f64 {
    let subject =
        Subject { network: Published::Conv7, batch: 50, width: 1, backend: Backend::Flex };
    let steps = subject.steps(Duration::from_secs(5)).expect("training can be measured");
    let seconds: f64 = steps.iter().map(Duration::as_secs_f64).sum();
    (subject.batch * steps.len()) as f64 / seconds
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Whether somebody looks.
#[derive(Clone, Copy)]
enum Screen {
    On,
    Off,
}

impl Screen {
    fn name(self) -> &'static str {
        match self {
            Screen::On => "conv7, an epoch with the screen on",
            Screen::Off => "conv7, an epoch without a screen",
        }
    }
}

/// An epoch as it went.
struct Epoch {
    images_per_second: f64,
    /// Share of all cores' time that the screen's process took, if there was one.
    screen: Option<f64>,
}

fn epoch(examples: usize, screen: Screen) -> Epoch {
    let workplace = Workplace::new();
    workplace.write("conv7.toml", experiment(examples));
    let mut arguments = vec!["run", "conv7.toml"];
    let seconds_of_screen = match screen {
        Screen::On => {
            let pty = Pty::start(&workplace, &arguments, SIZE);
            wait_for_end(&workplace);
            Some(processor_seconds(pty.process()))
        }
        Screen::Off => {
            arguments.push("--headless");
            let outcome = workplace.command(LAPERM, &arguments).output().unwrap();
            assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
            None
        }
    };
    let events = read_events(&workplace.only_run()).unwrap();
    let ended = events.iter().find(|event| matches!(event.kind, EventKind::Epoch { .. }));
    let seconds = ended.expect("an epoch is over").seconds;
    let cores = available_parallelism().map_or(1, |n| n.get()) as f64;
    Epoch {
        images_per_second: examples as f64 / seconds,
        screen: seconds_of_screen.map(|taken| taken / seconds / cores),
    }
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

/// What a process has had of the processor, on all its threads.
fn processor_seconds(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let statistics = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        statistics.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// What `laperm bench` says of a network.
fn bench(network: &str) -> Value {
    let outcome = Workplace::new()
        .command(LAPERM, &["bench", "--json", "--network", network])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&outcome.stdout).expect("one JSON object");
    report["networks"][0].clone()
}
