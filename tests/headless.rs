//! `laperm run` without the screen: its result, and the run folder that it leaves.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use laperm::model::WeightsFile;
use laperm::run::{RunFolder, read_events, read_frame};
use laperm::train::{Backend, EventKind, Reason};
use rustix::process::Signal;
use serde_json::Value;
use support::{Outcome, Running, SMALL, Workplace, events, eventually, reason};

/// A workplace that contains a small experiment.
fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    workplace
}

const RUN: [&str; 3] = ["run", "small.toml", "--json"];

fn train(workplace: &Workplace, more: &[&str]) -> Value {
    object(&workplace.run(&[&RUN, more].concat()), 0)
}

/// The one JSON object on standard output.
#[track_caller]
fn object(outcome: &Outcome, code: i32) -> Value {
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    assert_eq!(outcome.stdout.lines().count(), 1, "{}", outcome.stdout);
    let object: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(object.is_object(), "{object}");
    object
}

#[test]
fn one_object_tells_how_it_went() {
    let workplace = workplace();
    let result = train(&workplace, &["--headless"]);
    let expected = serde_json::json!({
        "steps": 60, "epochs": 5.0, "syncs": 3, "k": 20, "p": 0.0, "parameters": 109_184,
        "reason": "finished",
    });
    for (field, expected) in expected.as_object().unwrap() {
        assert_eq!(result[field], *expected, "{field}");
    }
    let number = |field: &str| result[field].as_f64().unwrap_or_else(|| panic!("{field}"));
    assert!(number("seconds") > 0.0 && number("images_per_second") > 0.0);
    assert!(number("test_loss") > 0.0);
    assert!((0.0..=number("seconds")).contains(&number("data_wait_seconds")));
    let shares = ["test_accuracy", "best_test_accuracy", "train_accuracy"].map(number);
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    assert!(shares[1] >= shares[0]);
    // Of ten classes, chance gets 0.1 right.
    assert!(shares[2] > 0.3, "it learns: {shares:?}");
    let checksum = result["weights_checksum"].as_str().unwrap();
    assert!(checksum.len() == 64 && checksum.bytes().all(|b| b.is_ascii_hexdigit()), "{checksum}");
    let folder = workplace.path().join(result["run"].as_str().unwrap());
    assert_eq!(folder, workplace.only_run().path());
}

#[test]
fn a_person_is_told_in_words() {
    let workplace = workplace();
    let outcome = workplace.run(&["run", "small.toml", "--headless"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let first = outcome.stdout.lines().next().unwrap();
    let start = "small: finished after 60 steps, 3 syncs, best test accuracy ";
    assert!(first.starts_with(start), "{first}");
    assert!(outcome.stderr.contains("on glyphs with adam and laperm, backend flex"));
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let workplace = workplace();
    let checksum = |threads: &str, more: &[&str]| {
        let arguments = [&RUN, more].concat();
        let mut command = workplace.command(support::LAPERM, &arguments);
        let outcome = Running::start(command.env("RAYON_NUM_THREADS", threads)).wait();
        object(&outcome, 0)["weights_checksum"].as_str().unwrap().to_owned()
    };
    let first = checksum("2", &[]);
    assert_eq!(checksum("2", &[]), first, "the same again");
    assert_eq!(checksum("1", &[]), first, "one thread less");
    assert_eq!(checksum("2", &["--seed", "1"]), first, "the seed by hand");
    assert_ne!(checksum("2", &["--seed", "2"]), first, "another seed");
    assert_ne!(checksum("2", &["--set", "wrapper.k=10"]), first, "another k");
}

#[test]
fn other_backends_or_a_word_about_them() {
    let workplace = workplace();
    let result = train(&workplace, &["--backend", "ndarray"]);
    assert_eq!(result["reason"], "finished");
    let EventKind::Started(started) = &events(&workplace.only_run())[0].kind else {
        panic!("the log does not begin with `started`")
    };
    assert_eq!(started.backend, Backend::Ndarray);
}

#[cfg(not(feature = "tch"))]
#[test]
fn a_backend_that_is_not_compiled_in_is_asked_for_by_name() {
    let workplace = workplace();
    let outcome = workplace.run(&[&RUN[..], &["--backend", "tch"]].concat());
    outcome.assert_refused(2, &["without the tch backend", "--features tch", "flex, ndarray"]);
    assert_eq!(workplace.files(), ["small.toml"]);
}

#[test]
fn a_signal_stops_and_saves() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let workplace = workplace();
        let running =
            workplace.start(&[&RUN[..], &["--epochs", "100000", "--on-hangup", "stop"]].concat());
        eventually("a step is in the log", || {
            let events = read_events(workplace.runs().first()?).ok()?;
            events.iter().any(|event| event.step > 0).then_some(())
        });
        running.signal(signal);
        let result = object(&running.wait(), 0);
        assert_eq!(result["reason"], "stopped", "{signal:?}");
        let events = events(&workplace.only_run());
        assert_eq!(reason(&events), Reason::Stopped);
        assert_eq!(events.last().unwrap().step, result["steps"].as_u64().unwrap());
        assert_eq!(
            workplace.run(&["snapshot", "verify", &last_snapshot(&workplace)]).code,
            Some(0)
        );
    }
}

/// Path of the latest snapshot of the only run.
#[track_caller]
fn last_snapshot(workplace: &Workplace) -> String {
    let run = workplace.only_run();
    let names = events(&run).into_iter().filter_map(|event| match event.kind {
        EventKind::Snapshot { file, .. } => Some(file),
        _ => None,
    });
    run.path().join(names.last().unwrap()).display().to_string()
}

#[test]
fn a_run_folder_has_everything() {
    let workplace = workplace();
    let result = train(&workplace, &["--seed", "3", "--set", "prune.ratio=0.5"]);
    let run = workplace.only_run();
    let files = [
        "checkpoint/state.safetensors",
        "events.jsonl",
        "experiment.toml",
        "frames.bin",
        "host.json",
    ]
    .map(String::from);
    let snapshot = "snapshots/step-0000060.safetensors".to_owned();
    let found = workplace.files();
    let found =
        found.iter().filter_map(|file| Some(file.split_once(&run.name())?.1[1..].to_owned()));
    assert_eq!(found.collect::<BTreeSet<_>>(), files.into_iter().chain([snapshot]).collect());
    assert_events_are_in_order(&run);

    let weights = WeightsFile::read(last_snapshot(&workplace).as_ref()).unwrap();
    let names: Vec<&str> = weights.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["dense1.weight", "dense2.weight", "dense3.weight"]);
    for (key, value) in
        [("format", "laperm-snapshot-1"), ("seed", "3"), ("step", "60"), ("k", "20"), ("p", "0.5")]
    {
        assert_eq!(weights.metadata[key], value, "{key}");
    }
    assert_eq!(weights.metadata["synced"], "true");
    let accuracy: f64 = weights.metadata["accuracy"].parse().unwrap();
    assert!((accuracy - result["test_accuracy"].as_f64().unwrap()).abs() < 1e-6);

    // The resolved experiment in the run folder trains to the same weights.
    let resolved = run.path().join("experiment.toml").display().to_string();
    let again = object(&workplace.run(&["run", &resolved, "--json"]), 0);
    assert_eq!(again["weights_checksum"], result["weights_checksum"]);
}

/// Checks that every step is logged once, in order, and that every frame can be read.
#[track_caller]
fn assert_events_are_in_order(run: &RunFolder) {
    let events = events(run);
    assert!(matches!(events[0].kind, EventKind::Started(_)));
    assert!(events.is_sorted_by_key(|event| event.step));
    assert!(events.is_sorted_by(|a, b| a.seconds <= b.seconds));
    let steps = events.iter().filter(|event| matches!(event.kind, EventKind::Step { .. }));
    assert!(steps.map(|event| event.step).eq(1..=60));
    let syncs = events.iter().filter(|event| matches!(event.kind, EventKind::Sync { .. }));
    assert_eq!(syncs.map(|event| event.step).collect::<Vec<_>>(), [20, 40, 60]);
    let frames = events.iter().filter_map(|event| match event.kind {
        EventKind::Frame { at, .. } => Some(at.expect("a frame on disk")),
        _ => None,
    });
    let frames: Vec<_> = frames.map(|at| read_frame(run, at).expect("a whole frame")).collect();
    assert!(!frames.is_empty());
    assert!(frames.iter().all(|frame| frame.layers.len() == 3));
}

#[test]
fn runs_are_listed() {
    let workplace = workplace();
    let listed = || object(&workplace.run(&["runs", "--json"]), 0)["runs"].clone();
    assert_eq!(listed(), serde_json::json!([]));
    assert_eq!(workplace.run(&["runs"]).stdout, "no runs in runs\n");
    let results = [train(&workplace, &[]), train(&workplace, &["--steps", "7"])];
    let by_folder = |runs: &[Value]| -> BTreeSet<String> {
        let fields = ["run", "steps", "syncs", "best_test_accuracy", "weights_checksum", "reason"];
        runs.iter().map(|run| format!("{:?}", fields.map(|field| &run[field]))).collect()
    };
    assert_eq!(by_folder(listed().as_array().unwrap()), by_folder(&results));
    let text = workplace.run(&["runs"]).stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(text.matches("  finished  ").count(), 2, "{text}");
}

#[test]
fn a_damaged_run_does_not_hide_the_others() {
    let workplace = workplace();
    train(&workplace, &[]);
    workplace.write("runs/damaged/events.jsonl", "{\"step\":\n{}\n");
    let outcome = workplace.run(&["runs", "--json"]);
    assert_eq!(object(&outcome, 0)["runs"].as_array().unwrap().len(), 1);
    assert!(
        outcome.stderr.contains("damaged/events.jsonl: not the log of a run"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_run_without_an_end_has_crashed() {
    let workplace = workplace();
    train(&workplace, &[]);
    let log = workplace.only_run().events();
    let text = fs::read_to_string(&log).unwrap();
    // Cut in the middle of a line, as after a crash.
    fs::write(&log, &text[..text.len() / 2]).unwrap();
    let runs = object(&workplace.run(&["runs", "--json"]), 0);
    assert_eq!(runs["runs"][0]["state"], "crashed");
    assert_eq!(runs["runs"][0]["reason"], Value::Null);
}

#[test]
fn a_divergence_keeps_the_last_good_state() {
    for more in [
        &["--set", "optimizer.name=sgd", "--set", "optimizer.lr=1e38"][..],
        &["--set", "optimizer.lr=1e38", "--set", "wrapper.name=none"],
    ] {
        let workplace = workplace();
        let outcome = workplace.run(&[&RUN, more].concat());
        let result = object(&outcome, 1);
        assert_eq!(result["reason"], "diverged");
        assert!(outcome.stderr.contains("not a finite number"), "{}", outcome.stderr);
        let events = events(&workplace.only_run());
        assert_eq!(reason(&events), Reason::Diverged);
        assert!(events.iter().any(|event| matches!(event.kind, EventKind::Diverged { .. })));
        let weights = WeightsFile::read(last_snapshot(&workplace).as_ref()).unwrap();
        let mut values = weights.tensors.iter().flat_map(|tensor| &tensor.values);
        assert!(values.all(|value| value.is_finite()));
    }
}

#[test]
#[ignore = "needs MNIST: LAPERM_TEST_DATA"]
fn f1_on_real_mnist_reaches_the_published_accuracy() {
    let data = std::env::var_os("LAPERM_TEST_DATA").expect("LAPERM_TEST_DATA names a folder");
    let data = Path::new(&data).canonicalize().unwrap().display().to_string();
    let experiment = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/fig09-f1.toml");
    for seed in ["1", "2", "3", "4", "5"] {
        let workplace = Workplace::new();
        let arguments =
            ["run", experiment, "--data", &data, "--seed", seed, "--headless", "--json"];
        let result = object(&workplace.run(&arguments), 0);
        let best = result["best_test_accuracy"].as_f64().unwrap();
        assert!((0.81..=0.86).contains(&best), "seed {seed}: {best}");
    }
}
