//! Bad input: the program prints one message, exits with 2, and leaves no files behind.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use laperm::model::{NamedTensor, WeightsFile};
use support::pty::Pty;
use support::{LAPERM, Outcome, Running, SMALL, SmallDisk, Workplace};

const ESSENTIALS: &str = "[data]\ndataset = \"glyphs\"\n\n[network]\nname = \"f1\"\n";

#[test]
fn experiments_are_pointed_at() {
    let table: &[(&str, &str, &[&str])] = &[
        ("no TOML", "data = [", &["bad.toml:1:"]),
        ("empty", "", &["missing field `data`"]),
        ("no network", "[data]\ndataset = \"glyphs\"\n", &["missing field `network`"]),
        ("an unknown section", "[wraper]\nk = 3", &["bad.toml:7:2", "unknown field `wraper`"]),
        ("an unknown key", "[wrapper]\nkk = 3", &["bad.toml:8:1", "unknown field `kk`", "`k`"]),
        ("a key twice", "[wrapper]\nk = 3\nk = 4", &["bad.toml:9:1", "duplicate key"]),
        ("text for a number", "[train]\nbatch = \"many\"", &["bad.toml:8:9", "invalid type"]),
        ("a fraction", "[train]\nbatch = 2.5", &["bad.toml:8:9", "invalid type"]),
        ("a negative count", "[train]\nbatch = -1", &["bad.toml:8:9"]),
        ("no batch", "[train]\nbatch = 0", &["bad.toml:8:9", "must be at least 1"]),
        ("too great a batch", "[train]\nbatch = 50000", &["bad.toml:8:9", "training examples"]),
        ("no epochs", "[train]\nepochs = 0", &["bad.toml:8:10", "must be 1 to"]),
        ("no steps", "[train]\nsteps = 0", &["bad.toml:8:9", "must be at least 1"]),
        ("lr is NaN", "[optimizer]\nlr = nan", &["bad.toml:8:6", "must be a positive number"]),
        ("lr is infinite", "[optimizer]\nlr = inf", &["bad.toml:8:6", "positive number"]),
        ("lr is negative", "[optimizer]\nlr = -1e-3", &["bad.toml:8:6", "positive number"]),
        ("an optimizer", "[optimizer]\nname = \"adem\"", &["bad.toml:8:8", "`adam`"]),
        (
            "a key of another optimizer",
            "[optimizer]\nname = \"sgd\"\nbeta1 = 0.9",
            &["bad.toml:9:9", "`beta1` is not a key of sgd, but of adam"],
        ),
        (
            "a key of no optimizer",
            "[optimizer]\nbeta3 = 0.9",
            &["bad.toml:8:1", "unknown field `beta3`", "`rho`"],
        ),
        ("epsilon is 0", "[optimizer]\nepsilon = 1e-50", &["bad.toml:8:11", "positive number"]),
        (
            "alpha is 0 as a 32-bit float",
            "[wrapper]\nname = \"lookahead\"\nalpha = 1e-50",
            &["bad.toml:9:9", "must be above 0 and at most 1"],
        ),
        ("p is NaN", "[prune]\nratio = nan", &["bad.toml:8:9", "at least 0 and below 1"]),
        ("p is 1", "[prune]\nratio = 1", &["bad.toml:8:9", "at least 0 and below 1"]),
        ("p is negative", "[prune]\nratio = -0.1", &["bad.toml:8:9", "at least 0 and below 1"]),
        ("p later", "[prune]\nratio = [[0, 0.5], [2, 1.5]]", &["bad.toml:8:9", "epoch 2"]),
        ("a layer", "[prune.layers]\ndense9 = 0.5", &["bad.toml:8:10", "there are dense1"]),
        (
            "a layer to monitor",
            "[monitor]\ndistribution_layers = [\"dense1\", \"dense9\"]",
            &["bad.toml:8:34", "there are dense1"],
        ),
        ("k is 0", "[wrapper]\nk = 0", &["bad.toml:8:5", "k must be at least 1"]),
        ("k is negative", "[wrapper]\nk = -20", &["bad.toml:8:5", "k must be at least 1"]),
        ("k is NaN", "[wrapper]\nk = nan", &["bad.toml:8:5", "k must be at least 1"]),
        (
            "a checkpoint",
            "[checkpoint]\nevery_minutes = -1",
            &["bad.toml:8:17", "number of minutes"],
        ),
        ("no rule", "[optimizer.lr]\nrule = \"linear\"", &["bad.toml:", "linear"]),
    ];
    for (what, more, parts) in table {
        let text = match *what {
            "no TOML" | "empty" | "no network" => (*more).to_owned(),
            _ => format!("{ESSENTIALS}\n{more}\n"),
        };
        assert_experiment_refused(what, &text, parts);
    }
}

#[test]
fn networks_that_do_not_fit_are_pointed_at() {
    let data = "[data]\ndataset = \"glyphs\"\n";
    let table: &[(&str, &str, &[&str])] = &[
        ("a name that is none", "[network]\nname = \"f3\"", &["bad.toml:4:8", "unknown variant"]),
        ("neither name nor layers", "[network]", &["bad.toml:3:1", "`layers`"]),
        (
            "images for another dataset",
            "[network]\nname = \"resnet50\"",
            &["bad.toml:4:8", "resnet50 does not fit glyphs (1x28x28)"],
        ),
        (
            "a convolution after flatten",
            "[[network.layers]]\ntype = \"flatten\"\n[[network.layers]]\ntype = \"conv\"\nfilters = 3\n\
             [[network.layers]]\ntype = \"dense\"\nunits = 10",
            &["bad.toml:5:1", "layer 2, conv1"],
        ),
        (
            "the wrong number of classes",
            "[[network.layers]]\ntype = \"flatten\"\n[[network.layers]]\ntype = \"dense\"\nunits = 7",
            &["bad.toml:5:1", "layer 2, dense1", "10"],
        ),
        (
            "an unknown layer",
            "[[network.layers]]\ntype = \"attention\"",
            &["bad.toml:", "unknown variant `attention`"],
        ),
    ];
    for (what, network, parts) in table {
        assert_experiment_refused(what, &format!("{data}{network}\n"), parts);
    }
}

/// Runs an experiment that must be refused with an excerpt: file, line, column and caret.
#[track_caller]
fn assert_experiment_refused(what: &str, text: &str, parts: &[&str]) {
    eprintln!("{what}:");
    let workplace = Workplace::new();
    workplace.write("bad.toml", text);
    let outcome = workplace.run(&["run", "bad.toml", "--headless", "--json"]);
    outcome.assert_refused(2, &[parts, &["bad.toml:", "^"]].concat());
    assert_eq!(workplace.files(), ["bad.toml"]);
}

#[test]
fn files_that_are_no_experiments() {
    let workplace = Workplace::new();
    workplace.write("binary.toml", b"\xff\xfe[data]\x00");
    workplace.write("folder.toml/file", "");
    for file in ["binary.toml", "folder.toml", "missing.toml"] {
        workplace.run(&["run", file, "--json"]).assert_refused(2, &[file]);
    }
}

#[test]
fn overrides_are_named() {
    let table: &[(&[&str], &[&str])] = &[
        (&["--set", "wrapper.k=0"], &["--set wrapper.k=0: ", "k must be at least 1"]),
        (&["--set", "wrapper.kk=3"], &["--set wrapper.kk=3: ", "unknown field `kk`"]),
        (&["--set", "wrapper"], &["--set wrapper: ", "key.key=value"]),
        (&["--set", "train.batch=many"], &["--set train.batch=many: ", "invalid type"]),
        (&["--set", "prune.ratio=1"], &["--set prune.ratio=1: ", "below 1"]),
        (
            &["--set", "optimizer.rho=0.5"],
            &["--set optimizer.rho=0.5: ", "`rho` is not a key of adam, but of rmsprop"],
        ),
        (
            &["--set", "wrapper.name=lookahead", "--set", "wrapper.alpha=1e-50"],
            &["--set wrapper.alpha=1e-50: ", "must be above 0"],
        ),
        (&["--set", "train.batch=601"], &["601 is more than the 600 training examples"]),
        (&["--epochs", "0"], &["must be 1 to"]),
        (&["--steps", "0"], &["must be at least 1"]),
        (&["--steps", "-1"], &["unexpected argument"]),
        (&["--seed", "one"], &["invalid value 'one'", "--seed"]),
        (&["--backend", "abacus"], &["invalid value 'abacus'", "flex"]),
        (&["--runs", ""], &["--runs"]),
    ];
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    for (more, parts) in table {
        let arguments = [&["run", "small.toml", "--json"], *more].concat();
        workplace.run(&arguments).assert_refused(2, parts);
        assert_eq!(workplace.files(), ["small.toml"], "{more:?}");
    }
}

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// An IDX file with the given header and `bytes` bytes of data.
fn idx(header: &[u32], bytes: usize) -> Vec<u8> {
    let header = header.iter().flat_map(|word| word.to_be_bytes());
    header.chain((0..bytes).map(|i| (i % 10) as u8)).collect()
}

fn images(count: u32) -> Vec<u8> {
    idx(&[2051, count, 28, 28], count as usize * 784)
}

fn labels(count: u32) -> Vec<u8> {
    idx(&[2049, count], count as usize)
}

/// A workplace with a small experiment, and with data in the format of MNIST in its folder `data`.
fn with_data() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    for (name, content) in [
        (TRAIN_IMAGES, images(60)),
        (TRAIN_LABELS, labels(60)),
        (TEST_IMAGES, images(20)),
        (TEST_LABELS, labels(20)),
    ] {
        workplace.write(&format!("data/{name}"), content);
    }
    workplace
}

fn train_on(workplace: &Workplace, dataset: &str, folder: &str) -> Outcome {
    let dataset = format!("data.dataset={dataset}");
    workplace.run(&["run", "small.toml", "--json", "--set", &dataset, "--data", folder])
}

#[test]
fn sound_data_is_trained_on() {
    let outcome = train_on(&with_data(), "mnist", "data");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

#[test]
fn damaged_data_files_are_named() {
    let table: &[(&str, Vec<u8>, &str)] = &[
        (TRAIN_IMAGES, vec![], "an empty file"),
        (TRAIN_IMAGES, images(60)[..10].into(), "10 bytes in all"),
        (TRAIN_IMAGES, images(60)[..40_000].into(), "the file is truncated"),
        (TRAIN_IMAGES, [images(60), vec![0]].concat(), "the file does not end there"),
        (TRAIN_IMAGES, idx(&[2051, u32::MAX, 28, 28], 100), "4294967295"),
        (TRAIN_IMAGES, idx(&[2051, 60, 32, 32], 60 * 1024), "[32, 32]"),
        (TRAIN_IMAGES, labels(60), "found labels"),
        (TRAIN_LABELS, images(60), "found images"),
        (TRAIN_LABELS, labels(59), "found 59"),
        (TRAIN_LABELS, idx(&[2049, 2], 0), "truncated"),
        (TEST_IMAGES, images(21), "expected 21 labels"),
        (TEST_LABELS, b"\x00\x00\x08\x01\x00\x00\x00\x14aaaaaaaaaaaaaaaaaaaa".into(), "below 10"),
        (TEST_LABELS, b"\x89PNG\r\n\x1a\n".into(), "something else"),
        (TEST_IMAGES, b"\x1f\x8b\x08\x00gzip, not really".into(), "gzip"),
    ];
    for (file, content, part) in table {
        let workplace = with_data();
        workplace.write(&format!("data/{file}"), content);
        // If there are more images than labels, the file of the labels is named.
        let named = if *part == "expected 21 labels" { TEST_LABELS } else { file };
        train_on(&workplace, "mnist", "data").assert_refused(2, &[part, "expected", named]);
        assert!(!workplace.path().join("runs").exists());
    }
}

#[test]
fn data_that_is_not_there_or_too_little() {
    let workplace = with_data();
    fs::remove_file(workplace.path().join("data").join(TEST_LABELS)).unwrap();
    let parts = ["mnist is incomplete", TEST_LABELS];
    train_on(&workplace, "mnist", "data").assert_refused(2, &parts);
    for folder in ["nowhere", "small.toml"] {
        let parts = [folder, "laperm data fetch mnist", "--data"];
        train_on(&workplace, "mnist", folder).assert_refused(2, &parts);
    }
    workplace.write("cifar10/data_batch_1.bin", [0; 3073]);
    train_on(&workplace, "cifar10", "cifar10").assert_refused(2, &["cifar10 is incomplete"]);
    for file in ["data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        workplace.write(&format!("cifar10/{file}.bin"), [0; 3000]);
    }
    train_on(&workplace, "cifar10", "cifar10").assert_refused(2, &["data_batch_", "3073"]);
    assert!(!workplace.path().join("runs").exists());
}

#[test]
fn a_batch_greater_than_the_data() {
    let workplace = with_data();
    let dataset = ["--set", "data.dataset=mnist", "--data", "data", "--set", "train.batch=61"];
    let outcome = workplace.run(&[&["run", "small.toml", "--json"], &dataset[..]].concat());
    outcome.assert_refused(2, &["train.batch", "61", "60 training examples"]);
    assert!(!workplace.path().join("runs").exists());
}

#[test]
fn places_that_cannot_hold_runs() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    workplace.write("file", "mine");
    for runs in ["file", "file/runs", "/dev/full", "/proc/laperm/runs"] {
        let outcome = workplace.run(&["run", "small.toml", "--json", "--runs", runs]);
        outcome.assert_refused(2, &["cannot write to the runs folder", runs, "--runs"]);
    }
    assert_eq!(workplace.files(), ["file", "small.toml"]);
    assert_eq!(fs::read_to_string(workplace.path().join("file")).unwrap(), "mine");
}

#[test]
fn weights_files_that_prove_nothing() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let trained = |more: &[&str]| snapshot(&workplace, more);
    let whole = fs::read(trained(&[])).unwrap();
    let claim = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let tensor = NamedTensor { name: "dense1.weight".into(), shape: vec![1], values: vec![1.0] };
    let foreign = WeightsFile { tensors: vec![tensor], metadata: HashMap::new() };
    foreign.write(&workplace.path().join("foreign")).unwrap();
    workplace.write("folder/file", "");
    fs::copy(trained(&["--set", "wrapper.name=none"]), workplace.path().join("unwrapped")).unwrap();
    let not_readable = "not a readable .safetensors file";
    let table: &[(&str, Option<&[u8]>, &str)] = &[
        ("empty", Some(b""), not_readable),
        ("text", Some(b"not a snapshot, only a text that is long enough"), not_readable),
        ("picture", Some(b"\x89PNG\r\n\x1a\n"), not_readable),
        ("claim", Some(&claim), not_readable),
        ("cut header", Some(&whole[..100]), not_readable),
        ("cut values", Some(&whole[..whole.len() - 1]), not_readable),
        ("more values", Some(&[&whole[..], b"more"].concat()), not_readable),
        ("foreign", None, "not a snapshot of laperm"),
        ("unwrapped", None, "not trained under the laperm wrapper"),
        ("folder", None, "directory"),
        ("missing", None, "No such file"),
    ];
    for (name, content, part) in table {
        content.map(|content| workplace.write(name, content));
        workplace.run(&["snapshot", "verify", name]).assert_refused(2, &[name, part]);
    }
}

#[test]
fn weights_that_are_no_permutation_are_found() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let path = snapshot(&workplace, &[]);
    let mut weights = WeightsFile::read(&path).unwrap();
    let dense2 = weights.tensors.iter_mut().find(|tensor| tensor.name == "dense2.weight").unwrap();
    // 64 weight vectors of 128 values: changes the first value of the fourth.
    dense2.values[3 * 128] += 1.0;
    weights.write(&path).unwrap();
    let outcome = workplace.run(&["snapshot", "verify", path.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("1 are not: 3"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("NOT every weight vector"), "{}", outcome.stdout);
}

#[test]
fn a_snapshot_to_shuffle_that_is_not_finite() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let mut weights = WeightsFile::read(&snapshot(&workplace, &[])).unwrap();
    let dense2 = weights.tensors.iter_mut().find(|tensor| tensor.name == "dense2.weight").unwrap();
    dense2.values[7] = f32::NAN;
    weights.write(&workplace.path().join("odd.safetensors")).unwrap();
    let shuffled = "initial.weights={ shuffled = \"odd.safetensors\" }";
    let arguments = ["run", "small.toml", "--json", "--runs", "new", "--set", shuffled];
    let parts = ["initial.weights.shuffled", "`dense2.weight`", "not finite"];
    for wrapper in ["none", "lookahead", "laperm"] {
        let name = format!("wrapper.name={wrapper}");
        let outcome = workplace.run(&[&arguments[..], &["--set", &name]].concat());
        outcome.assert_refused(2, &parts);
        assert!(!workplace.path().join("new").exists(), "{wrapper}");
    }
}

/// Trains for 20 steps and returns the path of the snapshot at the end.
fn snapshot(workplace: &Workplace, more: &[&str]) -> PathBuf {
    let runs = workplace.path().join("runs");
    // The previous run is not needed any more.
    let _ = fs::remove_dir_all(&runs);
    let outcome =
        workplace.run(&[&["run", "small.toml", "--json", "--steps", "20"], more].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    workplace.only_run().snapshots().join("step-0000020.safetensors")
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn a_disk_with_no_room_for_a_run() {
    // First without room for a byte, then with room for a few files but not for the log.
    for (options, filling) in [("size=64k", 1 << 16), ("size=1m,nr_inodes=5", 0)] {
        let workplace = Workplace::new();
        workplace.write("small.toml", SMALL);
        let folder = workplace.path().join("disk");
        let _disk = SmallDisk::mount(&folder, options);
        if filling > 0 {
            fs::write(folder.join("full"), vec![0; filling]).unwrap();
        }
        let outcome = workplace.run(&["run", "small.toml", "--json", "--runs", "disk/runs"]);
        let parts = ["cannot write to the runs folder disk/runs", "No space left on device"];
        outcome.assert_refused(1, &parts);
        assert_eq!(fs::read_dir(folder.join("runs")).unwrap().count(), 0, "{options}");
    }
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn a_disk_that_fills_up() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let folder = workplace.path().join("disk");
    let _disk = SmallDisk::mount(&folder, "size=300k");
    let more = ["--epochs", "200", "--runs", "disk/runs"];
    let outcome = workplace.run(&[&["run", "small.toml", "--json"], &more[..]].concat());
    assert_trained_but_not_saved(&outcome, &folder.join("runs"), "No space left on device");
}

#[test]
fn a_disk_that_takes_no_more() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    // Limits files to 8 kB (16 blocks of 512 bytes). Without SIGXFSZ, writing more is an error.
    let limit = format!("trap '' XFSZ; ulimit -f 16; exec {LAPERM} run small.toml --json");
    let outcome = Running::start(&mut workplace.command("sh", &["-c", &limit])).wait();
    assert_trained_but_not_saved(&outcome, &workplace.path().join("runs"), "File too large");
}

/// Checks that the run was trained to its end, that the failure to save it was reported, and that
/// the files that were written are whole.
#[track_caller]
fn assert_trained_but_not_saved(outcome: &Outcome, runs: &Path, why: &str) {
    let Outcome { code, stdout, stderr } = outcome;
    assert_eq!(*code, Some(1), "{stderr}");
    assert!(stdout.contains(r#""reason":"finished""#), "{stdout}");
    for part in
        ["the log cannot be written: ", why, "the snapshot is not saved: ", "not all on disk"]
    {
        assert!(stderr.contains(part), "`{part}` is not in {stderr}");
    }
    assert_eq!(stderr.matches("the log cannot be written: ").count(), 1, "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let [run] = &laperm::run::list_runs(runs)[..] else { panic!("not one run in {runs:?}") };
    let log = fs::read_to_string(run.events()).unwrap();
    assert!(log.is_empty() || log.ends_with('\n'), "a torn line: {log}");
    laperm::run::read_events(run).unwrap();
    assert_eq!(fs::read_dir(run.snapshots()).unwrap().count(), 0, "no half snapshot");
}

/// Every kind of mistake that a user can make outside of an experiment and its data.
#[test]
fn every_kind_of_bad_input_exits_with_2() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    snapshot(&workplace, &[]);
    fs::rename(workplace.only_run().path(), workplace.path().join("runs/ended")).unwrap();
    let weights = "runs/ended/snapshots/step-0000020.safetensors";
    workplace.write("text", "not a file of weights");
    workplace.write("empty/file", "");
    workplace.write("other/events.jsonl", "not\nevents\n");
    // The arguments, and what the message must name.
    let table: &[(&[&str], &str)] = &[
        // Usage.
        (&["trian"], "'trian'"),
        (&["run"], "<FILE>"),
        (&["runs", "--colour"], "'--colour'"),
        (&["completions", "csh"], "'csh'"),
        // Runs.
        (&["attach", "missing"], "missing"),
        (&["attach"], "no run in runs"),
        (&["ctl", "missing", "pause"], "missing"),
        (&["ctl", "ended", "pause"], "runs/ended"),
        (&["resume", "missing", "--headless"], "missing"),
        (&["resume", "ended", "--headless"], "20 steps"),
        (&["rerun", "missing"], "missing"),
        (&["rerun", "ended", "--until", "1000"], "--until 1000"),
        (&["runs", "--delete", "missing", "--yes"], "missing"),
        (&["runs", "--delete", "ended"], "--yes"),
        (&["compare", "ended", "missing", "--json"], "missing"),
        (&["export", "missing", "--format", "csv"], "missing"),
        (&["export", "other", "--format", "csv"], "other/events.jsonl"),
        (&["screenshot", "missing"], "missing"),
        (&["screenshot", "empty"], "empty"),
        (&["screenshot", "other"], "other/events.jsonl"),
        // The screen.
        (&["attach", "ended"], "needs a terminal"),
        (&["replay"], "needs a terminal"),
        (&["compare", "ended", "ended"], "--json"),
        // Values.
        (&["ctl", "ended", "set", "k=0"], "`k=0`: "),
        (&["ctl", "ended", "set", "q=1"], "`q=1`: "),
        (&["screenshot", "ended", "--size", "wide"], "COLUMNSxROWS"),
        (&["screenshot", "ended", "--size", "0x0"], "1x1 to 1000x500"),
        (&["screenshot", "ended", "-o", "a.gif"], ".svg or .png"),
        (&["screenshot", "ended", "-o", "nowhere/a.svg"], "cannot write nowhere/a.svg"),
        (&["figure", "k-sweep", "ended", "-o", "a.svg"], "values of k"),
        (&["figure", "profiles", "ended", "-o", "a.svg", "--layer", "dense9"], "dense9"),
        (&["figure", "accuracy", "ended", "-o", "a.svg", "--width", "1"], "20 to 2000"),
        (
            &["figure", "accuracy", "ended", "-o", "a.png", "--dpi", "2400", "--width", "2000"],
            "pixels",
        ),
        (&["bench", "--network", "conv3"], "conv3"),
        (&["bench", "--network", "f1", "--seconds", "nan"], "--seconds NaN"),
        (&["bench", "--network", "f1", "--threads", "0"], "--threads"),
        // Weights.
        (&["profile", "missing"], "missing"),
        (&["profile", "text"], "text"),
        (&["profile", weights, "text"], "text"),
        (&["snapshot", "info", "text"], "text"),
        (&["snapshot", "decode", weights], "--force"),
        (&["snapshot", "decode", weights, "-o", "a"], weights),
        (&["snapshot", "encode", weights, "-o", "nowhere/a"], "cannot write nowhere/a"),
        (&["eval", "--weights", "text"], "--network"),
        (&["eval", "--weights", "text", "--network", "f1"], "text"),
        (&["eval", "--weights", weights, "--network", "conv3"], "conv3"),
        (&["eval", "--weights", weights, "--network", "mlp"], weights),
        // Data.
        (&["data", "preview", "mnist", "--data", "empty"], "mnist"),
        (&["data", "preview", "--index", "1000000"], "1000000"),
        (&["data", "fetch", "glyphs"], "glyphs"),
        (&["data", "fetch", "mnist", "--mirror", "ftp://a"], "ftp://a"),
    ];
    for (arguments, named) in table {
        eprintln!("{arguments:?}");
        workplace.run(arguments).assert_refused(2, &[named]);
    }
}

/// The theme is read only if the screen has a terminal.
#[test]
fn a_broken_theme_exits_with_2() {
    for content in ["text = 3", "text = \"no colour\"", "txt = \"red\"", "["] {
        let workplace = Workplace::new();
        workplace.write(".config/laperm/theme.toml", content);
        let mut pty = Pty::start(&workplace, &["replay"], (100, 30));
        assert_eq!(pty.wait_for_end(), 2, "{}", pty.text());
        assert!(pty.text().contains("theme.toml"), "{}", pty.text());
    }
}

#[test]
fn an_instruction_set_that_is_none_is_named() {
    let mut laperm = std::process::Command::new(LAPERM);
    let output = laperm.arg("runs").env("LAPERM_SIMD", "mmx").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("LAPERM_SIMD=mmx: this CPU supports portable"), "{message}");
}
