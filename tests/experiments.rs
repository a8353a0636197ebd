//! Every experiment that comes with the program can be read, fits its data, and has the settings of
//! the paper's tables, text and appendix in every epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use laperm::data::{Augmentation, DatasetName, Normalization};
use laperm::experiment::{Experiment, OptimizerName, WrapperName};
use laperm::method::PruneRule;
use laperm::model::{BiasInitializer, Initializer, Layer};

/// Settings that experiments on the same network share.
struct Setting {
    dataset: DatasetName,
    normalization: Normalization,
    /// Rotation in degrees, zoom, shift, flip.
    augmentation: (f32, f32, f32, bool),
    parameters: usize,
    batch: usize,
    epochs: u64,
    lr: fn(u64) -> f64,
    l2: f64,
    biases: BiasInitializer,
}

const MLP: Setting = Setting {
    dataset: DatasetName::Mnist,
    normalization: Normalization::Unit,
    augmentation: (0.0, 0.0, 0.0, false),
    parameters: 89_610,
    batch: 50,
    epochs: 30,
    lr: |epoch| 1e-3 * two_drops(epoch),
    l2: 0.0,
    biases: BiasInitializer::Zeros,
};
const MLP_SGD: Setting = Setting { lr: |epoch| 0.1 * two_drops(epoch), ..MLP };
const MLP_L2: Setting = Setting { l2: 2e-4, ..MLP };

const CONV7: Setting = Setting {
    augmentation: (10.0, 0.1, 0.1, false),
    parameters: 325_578,
    epochs: 45,
    lr: |epoch| 1e-3 * 0.95f64.powi(epoch as i32),
    biases: BiasInitializer::LikeWeights,
    ..MLP
};

const CONV2: Setting = Setting {
    dataset: DatasetName::Cifar10,
    normalization: Normalization::ZScore,
    augmentation: (15.0, 0.0, 0.1, true),
    parameters: 4_302_922,
    batch: 50,
    epochs: 125,
    lr: |epoch| 1e-3 * 0.6f64.powi((epoch / 10) as i32),
    l2: 1e-4,
    biases: BiasInitializer::LikeWeights,
};
const CONV4: Setting = Setting { parameters: 2_427_722, ..CONV2 };
const CONV4_SHORT: Setting = Setting { epochs: 90, ..CONV4 };
const CONV13: Setting = Setting { parameters: 14_991_946, ..CONV2 };

const RESNET50: Setting = Setting {
    normalization: Normalization::UnitMinusPixelMean,
    augmentation: (0.0, 0.0, 0.1, true),
    parameters: 760_266,
    epochs: 200,
    lr: |epoch| match epoch {
        0..80 => 1e-3,
        80..120 => 1e-4,
        120..160 => 1e-5,
        160..180 => 1e-6,
        _ => 5e-7,
    },
    biases: BiasInitializer::Zeros,
    ..CONV2
};

const F1: Setting = Setting {
    augmentation: (0.0, 0.0, 0.0, false),
    parameters: 7_840,
    batch: 128,
    epochs: 10,
    ..CONV7
};
const F2: Setting = Setting { parameters: 109_184, epochs: 25, l2: 1e-4, ..F1 };

const CYCLES: Setting = Setting {
    augmentation: (0.0, 0.0, 0.0, false),
    // 32 x 27 + 32, 64 x 288 + 64, 128 x 4,096 + 128, 10 x 128 + 10
    parameters: 896 + 18_496 + 524_416 + 1_290,
    epochs: 10,
    lr: |_| 1e-3,
    l2: 0.0,
    ..CONV2
};
const ONE_HIDDEN: Setting = Setting {
    augmentation: (0.0, 0.0, 0.0, false),
    parameters: 784 * 100 + 100 + 100 * 10 + 10,
    epochs: 10,
    ..CONV7
};

/// The wrapper around the inner optimizer.
#[derive(Clone, Copy)]
enum Wrapped {
    /// No wrapper.
    Alone,
    /// k = 6, alpha = 0.5.
    Lookahead,
    /// With this k.
    LaPerm(u64),
}
use Wrapped::{Alone, LaPerm, Lookahead};

/// Each file's name, setting, wrapper, and p.
const PAPER: [(&str, Setting, Wrapped, f64); 39] = [
    ("fig03-sgd", MLP_SGD, Alone, 0.0),
    ("fig03-adam", MLP, Alone, 0.0),
    ("fig03-adam-dropout", MLP, Alone, 0.0),
    ("fig03-adam-l2", MLP_L2, Alone, 0.0),
    ("fig04-he-uniform", CONV7, LaPerm(20), 0.0),
    ("fig04-he-normal", CONV7, LaPerm(20), 0.0),
    ("fig04-glorot-uniform", CONV7, LaPerm(20), 0.0),
    ("fig04-glorot-normal", CONV7, LaPerm(20), 0.0),
    ("fig04-shuffled", CONV7, LaPerm(20), 0.0),
    ("fig04-adam", CONV7, Alone, 0.0),
    ("fig04-lookahead", CONV7, Lookahead, 0.0),
    ("fig05-conv4", CONV4_SHORT, LaPerm(1000), 0.0),
    ("fig05-conv4-before-sync", CONV4_SHORT, LaPerm(2000), 0.0),
    ("fig05-conv4-p50", CONV4_SHORT, LaPerm(1000), 0.5),
    ("fig05-conv4-adam-p50", CONV4_SHORT, Alone, 0.5),
    ("fig06-conv2", CONV2, LaPerm(1000), 0.0),
    ("fig06-conv2-adam", CONV2, Alone, 0.0),
    ("fig06-conv2-lookahead", CONV2, Lookahead, 0.0),
    ("fig06-conv4", CONV4, LaPerm(1000), 0.0),
    ("fig06-conv4-adam", CONV4, Alone, 0.0),
    ("fig06-conv4-lookahead", CONV4, Lookahead, 0.0),
    ("fig06-conv13", CONV13, LaPerm(1000), 0.0),
    ("fig06-conv13-adam", CONV13, Alone, 0.0),
    ("fig06-conv13-lookahead", CONV13, Lookahead, 0.0),
    ("fig07-resnet50-adam", RESNET50, Alone, 0.0),
    ("fig07-resnet50-p0", RESNET50, LaPerm(400), 0.0),
    ("fig07-resnet50-p30", RESNET50, LaPerm(800), 0.3),
    ("fig07-resnet50-p50", RESNET50, LaPerm(800), 0.5),
    ("fig07-resnet50-p70", RESNET50, LaPerm(800), 0.7),
    ("fig08-conv7", CONV7, LaPerm(1000), 0.5),
    ("fig08-conv2", CONV2, LaPerm(1000), 0.5),
    ("fig08-conv4", CONV4, LaPerm(1000), 0.5),
    ("fig08-conv13", CONV13, LaPerm(1000), 0.5),
    ("fig08-resnet50", RESNET50, LaPerm(800), 0.5),
    ("fig09-f1", F1, LaPerm(250), 3.0 / 7.0),
    ("fig09-f2", F2, LaPerm(250), 0.9),
    // Each layer has its own ratio.
    ("fig09-f2-by-layer", F2, LaPerm(250), 0.0),
    ("fig13", CYCLES, LaPerm(20), 0.0),
    ("fig14", ONE_HIDDEN, LaPerm(20), 0.0),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

/// Reads an experiment. The snapshot to shuffle is replaced by another file, because reading only
/// checks that it exists.
fn read(name: &str, overrides: &[&str]) -> Experiment {
    let mut overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    if name == "fig04-shuffled" {
        let existing = folder().join("fig04-adam.toml");
        overrides.push(format!("initial.weights.shuffled={}", existing.display()));
    }
    Experiment::read(&folder().join(format!("{name}.toml")), &overrides)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Divided by 2 at the 10th epoch and by 5 at the 20th (appendix A.3).
fn two_drops(epoch: u64) -> f64 {
    match epoch {
        0..10 => 1.0,
        10..20 => 0.5,
        _ => 0.1,
    }
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs()
}

#[test]
fn every_file_is_known_here_and_described_by_its_figure() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("a folder of experiments")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|file| file.ends_with(".toml"))
        .collect();
    let known = PAPER.iter().map(|(name, ..)| *name).chain(["quick"]);
    assert_eq!(files, known.map(|name| format!("{name}.toml")).collect());
    for (name, ..) in PAPER {
        let figure = format!("Figure {}", name[3..5].trim_start_matches('0'));
        let description = read(name, &[]).description;
        assert!(description.starts_with(&figure), "{name}: {description}");
    }
}

#[test]
fn networks_data_and_lengths_are_the_published() {
    for (name, setting, ..) in PAPER {
        let experiment = read(name, &[]);
        let network = experiment.network().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(network.trainable(), setting.parameters, "{name}");
        assert_eq!(experiment.name, name);
        assert_eq!(experiment.train.batch, setting.batch, "{name}");
        assert_eq!(experiment.train.epochs, setting.epochs, "{name}");
        let data = &experiment.data;
        assert_eq!(data.dataset, setting.dataset, "{name}");
        assert_eq!(data.normalization(), setting.normalization, "{name}");
        let (rotation, zoom, shift, flip) = setting.augmentation;
        assert_eq!(data.augmentation, Augmentation { rotation, zoom, shift, flip }, "{name}");
    }
}

#[test]
fn schedules_are_the_published_in_every_epoch() {
    for (name, setting, wrapped, p) in PAPER {
        let experiment = read(name, &[]);
        for epoch in 0..setting.epochs {
            let lr = experiment.optimizer.lr.at(epoch);
            assert!(close(lr, (setting.lr)(epoch)), "{name}: lr {lr} in epoch {epoch}");
            let ratio = experiment.prune.ratio.at(epoch);
            assert!(close(ratio, p), "{name}: p {ratio} in epoch {epoch}");
            let k = experiment.wrapper.k.at(epoch);
            match wrapped {
                Alone => {}
                Lookahead => assert_eq!(k, 6.0, "{name} in epoch {epoch}"),
                LaPerm(expected) => assert_eq!(k, expected as f64, "{name} in epoch {epoch}"),
            }
        }
    }
}

#[test]
fn optimizers_and_wrappers_are_the_published() {
    for (name, setting, wrapped, _) in PAPER {
        let Experiment { optimizer, wrapper, .. } = read(name, &[]);
        let sgd = name == "fig03-sgd";
        let expected = if sgd { OptimizerName::Sgd } else { OptimizerName::Adam };
        assert_eq!(optimizer.name, expected, "{name}");
        assert_eq!(optimizer.l2, setting.l2, "{name}");
        let settings: Vec<_> = optimizer.settings.iter().collect();
        let published: &[_] = if sgd {
            &[("momentum", 0.0)]
        } else {
            &[("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-7)]
        };
        assert_eq!(settings, published, "{name}");
        let expected = match wrapped {
            Alone => WrapperName::None,
            Lookahead => WrapperName::Lookahead,
            LaPerm(_) => WrapperName::Laperm,
        };
        assert_eq!(wrapper.name, expected, "{name}");
        assert_eq!((wrapper.alpha, wrapper.start, wrapper.stop), (0.5, 0, None), "{name}");
        // Conv7's biases are permuted, too.
        let conv7 = setting.parameters == CONV7.parameters;
        let permutes = matches!(wrapped, LaPerm(_));
        assert_eq!(wrapper.biases, conv7 && permutes, "{name}");
    }
}

#[test]
fn initial_weights_are_the_published() {
    for (name, setting, ..) in PAPER {
        let initial = read(name, &[]).initial;
        let expected = match name {
            "fig04-he-normal" | "fig04-adam" | "fig04-lookahead" => Initializer::HeNormal,
            "fig04-glorot-uniform" => Initializer::GlorotUniform,
            "fig04-glorot-normal" => Initializer::GlorotNormal,
            "fig04-shuffled" => Initializer::Shuffled(folder().join("fig04-adam.toml")),
            "fig09-f1" => Initializer::Shared(0.08),
            "fig09-f2" | "fig09-f2-by-layer" => Initializer::Shared(0.03),
            _ => Initializer::HeUniform,
        };
        assert_eq!(initial.weights, expected, "{name}");
        assert_eq!(initial.biases, setting.biases, "{name}");
    }
}

#[test]
fn the_input_layer_is_spared_but_in_weight_agnostic_networks() {
    for (name, ..) in PAPER {
        let prune = read(name, &[]).prune;
        let (rule, cap) = match name {
            "fig09-f1" | "fig09-f2" => (PruneRule::Exact, 1.0),
            // The cap does not apply to layers that have their own ratio.
            "fig09-f2-by-layer" => (PruneRule::Exact, 0.2),
            _ => (PruneRule::Independent, 0.2),
        };
        assert_eq!((prune.rule, prune.input_cap), (rule, cap), "{name}");
    }
}

#[test]
fn one_of_15_7_and_3_weights_stays_in_the_layers_of_f2() {
    let experiment = read("fig09-f2-by-layer", &[]);
    let layers: Vec<(&str, f64)> =
        experiment.prune.layers.iter().map(|(layer, &p)| (layer.as_str(), p)).collect();
    let expected = [("dense1", 14.0 / 15.0), ("dense2", 6.0 / 7.0), ("dense3", 2.0 / 3.0)];
    assert_eq!(layers.len(), expected.len());
    for ((layer, p), (name, expected)) in layers.into_iter().zip(expected) {
        assert!(layer == name && close(p, expected), "{layer}: {p}");
    }
}

#[test]
fn the_mlp_is_watched_at_every_step() {
    for name in ["fig03-sgd", "fig03-adam", "fig03-adam-dropout", "fig03-adam-l2"] {
        let experiment = read(name, &[]);
        assert_eq!(experiment.monitor.distance_layers, ["dense1"], "{name}");
        assert_eq!(experiment.monitor.distance_every, 1, "{name}");
        let network = experiment.network().expect("fits");
        assert_eq!(network.parameters()[0].vector_length(), 784, "{name}");
    }
}

#[test]
fn dropout_follows_both_hidden_layers_of_the_mlp() {
    let layers = read("fig03-adam-dropout", &[]).network.layers;
    let (first, second) = (Layer::Dropout { rate: 0.4 }, Layer::Dropout { rate: 0.3 });
    let mlp = [Layer::dense(100), first, Layer::dense(100), second, Layer::dense(10)];
    assert_eq!(layers, [vec![Layer::Flatten], mlp.to_vec()].concat());
}

#[test]
fn figure_5_looks_at_30000_training_examples_and_e_before_each_sync() {
    for (name, syncs) in
        [("fig05-conv4", 0), ("fig05-conv4-p50", 0), ("fig05-conv4-before-sync", 1)]
    {
        let evaluate = read(name, &[]).evaluate;
        assert_eq!(evaluate.train_examples, 30_000, "{name}");
        assert_eq!((evaluate.syncs, evaluate.before_sync), (syncs, syncs == 1), "{name}");
    }
}

#[test]
fn some_vector_of_figure_13_has_128_weights_and_two_syncs() {
    let experiment = read("fig13", &[]);
    let network = experiment.network().expect("fits");
    let last = network.parameters().iter().find(|parameter| parameter.name == "dense2.weight");
    assert_eq!(last.map(|parameter| parameter.vector_length()), Some(128));
    assert_eq!(experiment.train.steps, Some(2 * 20));
}

/// The values of an experiment by their keys, which are joined by dots.
fn values(experiment: &Experiment) -> BTreeMap<String, toml::Value> {
    fn collect(key: &str, value: toml::Value, values: &mut BTreeMap<String, toml::Value>) {
        match value {
            toml::Value::Table(table) => {
                for (inner, value) in table {
                    let key = if key.is_empty() { inner } else { format!("{key}.{inner}") };
                    collect(&key, value, values);
                }
            }
            value => {
                values.insert(key.to_owned(), value);
            }
        }
    }
    let mut values = BTreeMap::new();
    collect("", toml::Value::try_from(experiment).expect("serializes"), &mut values);
    values
}

/// Checks that overrides of the form `key=number` set their keys in an experiment and change no
/// other key.
#[track_caller]
fn assert_changes_only(name: &str, overrides: &[&str]) {
    let (before, after) = (values(&read(name, &[])), values(&read(name, overrides)));
    let mut expected = before;
    for assignment in overrides {
        let (key, number) = assignment.split_once('=').expect("key=number");
        expected.insert(key.to_owned(), number.parse::<f64>().expect("a number").into());
    }
    assert_eq!(after, expected, "{name} with {overrides:?}");
}

/// The overrides in a file's comments, line by line.
fn variants(name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder().join(format!("{name}.toml"))).expect("readable");
    let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
    let overrides = |comment: &str| -> Vec<String> {
        comment.split("--set ").skip(1).map(|assignment| assignment.trim().to_owned()).collect()
    };
    comments.map(overrides).filter(|overrides| !overrides.is_empty()).collect()
}

#[test]
fn the_variants_named_in_the_files_resolve() {
    let mut checked = 0;
    for (name, ..) in PAPER.iter().filter(|(name, ..)| *name != "fig04-shuffled") {
        for overrides in variants(name) {
            assert_changes_only(name, &overrides.iter().map(String::as_str).collect::<Vec<_>>());
            checked += 1;
        }
    }
    assert_eq!(checked, 9, "comments with --set");
    for k in [1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] {
        for name in ["fig05-conv4", "fig05-conv4-p50"] {
            assert_changes_only(name, &[&format!("wrapper.k={k}")]);
        }
    }
    // This one names a snapshot that a run leaves.
    let snapshot = "initial.weights.shuffled=runs/NAME/snapshots/step-0054000.safetensors";
    assert_eq!(variants("fig04-shuffled"), [[snapshot]]);
}

#[test]
fn without_its_snapshot_the_shuffled_one_says_so() {
    let error = Experiment::read(&folder().join("fig04-shuffled.toml"), &[]).expect_err("no file");
    let error = error.to_string();
    assert!(error.contains("there is no file fig04-adam.safetensors"), "{error}");
    assert!(error.contains("fig04-shuffled.toml:"), "{error}");
}

#[test]
fn the_quick_one_needs_no_download() {
    let quick = read("quick", &[]);
    assert_eq!(quick.data.dataset, DatasetName::Glyphs);
    assert!(quick.network().is_ok());
}
