//! `laperm bench` through the real binary. Tests do not depend on how fast anything is.

mod support;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use support::{LAPERM, Outcome, Running, Workplace, eventually};

#[track_caller]
fn report(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Asserts that the values of these keys are positive numbers, and returns them.
#[track_caller]
fn positive<const N: usize>(object: &Value, keys: [&str; N]) -> [f64; N] {
    keys.map(|key| {
        let number = object[key].as_f64().unwrap_or_else(|| panic!("no {key} in {object}"));
        assert!(number.is_finite() && number > 0.0, "{key}: {number}");
        number
    })
}

#[test]
fn a_network_is_measured() {
    let workplace = Workplace::new();
    let bench = ["bench", "--json", "--network", "f1", "--seconds", "0.05"];
    let outcome = workplace.run(&bench);
    let report = report(&outcome);
    positive(&report, ["peak_gflops", "arithmetic_gflops"]);
    assert_eq!(report["backend"], "flex");
    assert!(!report["instruction_set"].as_str().unwrap().is_empty());

    let [network] = report["networks"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!(network["network"], "f1");
    let exact = [("batch", 128), ("width", 1), ("parameters", 7_840)];
    for (key, value) in exact {
        assert_eq!(network[key], value, "{key}");
    }
    let parts = ["step_ms", "forward_ms", "backward_ms", "optimizer_ms"];
    let [step, parts @ ..] = positive(network, parts);
    // This holds in each step, and therefore for the medians.
    assert!(parts.iter().all(|&part| part <= step), "{parts:?} of {step}");
    positive(network, ["sync_ms", "distance_ms", "data_ms", "evaluate_images_per_second"]);
    positive(network, ["steps", "threads"]);
    // The first layer needs no gradient of its inputs.
    assert_eq!(network["operations"], f64::from(128 * 2 * 2 * 7_840));
    let [share] = positive(network, ["share_of_peak"]);
    assert!(share < 1.2, "{share}");
    if cfg!(target_os = "linux") {
        let [memory] = positive(network, ["peak_memory_mb"]);
        assert!((5.0..2_000.0).contains(&memory), "{memory}");
    }
    assert_eq!(workplace.files(), Vec::<String>::new(), "it leaves no files behind");
}

#[test]
fn batches_widths_and_threads_are_combined() {
    let workplace = Workplace::new();
    let which = ["bench", "--json", "--network", "mlp", "--batch", "8,16", "--width", "2"];
    let how = ["--threads", "1,2", "--seconds", "0"];
    let report = report(&workplace.run(&[&which[..], &how[..]].concat()));
    let networks = report["networks"].as_array().unwrap();
    let numbers = |key: &str| networks.iter().map(|n| n[key].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers("batch"), [8, 8, 16, 16]);
    assert_eq!(numbers("threads"), [1, 2, 1, 2]);
    assert_eq!(numbers("width"), [2; 4]);
    // 784-200-200-10.
    let parameters = 784 * 200 + 200 + 200 * 200 + 200 + 200 * 10 + 10;
    assert_eq!(numbers("parameters"), [parameters; 4]);
}

#[test]
fn people_get_a_table() {
    let workplace = Workplace::new();
    let Outcome { code, stdout, stderr } =
        workplace.run(&["bench", "--network", "f2", "--network", "f1", "--seconds", "0"]);
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with("NETWORK  BATCH"), "{stdout}");
    assert!(lines[1].starts_with("f2       128"), "{stdout}");
    assert!(lines[2].starts_with("f1       128"), "{stdout}");
    assert!(lines.last().unwrap().contains("GFLOP/s"), "{stdout}");
    assert_eq!(stderr.matches("measuring").count(), 2, "{stderr}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let workplace = Workplace::new();
    let names = ["lenet", "mlp", "conv2", "conv4", "conv7", "conv13", "resnet50", "f1", "f2"];
    let table: &[(&[&str], &[&str])] = &[
        (&["--network", "lenet"], &names),
        (&["--backend", "abacus"], &["abacus", "flex"]),
        (&["--batch", "0"], &["--batch"]),
        (&["--width", "1,0"], &["--width"]),
        (&["--seconds=-1"], &["--seconds"]),
    ];
    for (arguments, parts) in table {
        workplace.run(&[&["bench"], *arguments].concat()).assert_refused(2, parts);
    }
    let mut command = workplace.command(LAPERM, &["bench", "--network", "f1"]);
    let outcome = Running::start(command.env("LAPERM_SIMD", "mmx")).wait();
    outcome.assert_refused(2, &["mmx", "portable"]);
}

#[test]
#[cfg(target_os = "linux")]
fn who_measures_ends_with_who_asked() {
    let workplace = Workplace::new();
    let bench = workplace.start(&["bench", "--network", "mlp", "--seconds", "1000"]);
    let worker = eventually("a worker starts", || worker_in(workplace.path()));
    bench.signal(Signal::KILL);
    eventually("the worker ends", || (!is_worker(&worker, workplace.path())).then_some(()));
}

/// The worker process of a benchmark running in `folder`.
fn worker_in(folder: &Path) -> Option<std::path::PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.into_iter().find(|process| is_worker(process, folder))
}

fn is_worker(process: &Path, folder: &Path) -> bool {
    let here = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder);
    here && fs::read(process.join("cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains("--worker"))
}
