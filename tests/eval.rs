//! Weights that leave the program and return, through the real binary: as a snapshot, coded, under
//! PyTorch's names, and in Keras's layout. The accuracy is always the same to the last digit.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdf5_pure::{FileBuilder, GroupBuilder};
use laperm::experiment::Experiment;
use laperm::model::{NamedTensor, Network, WeightsFile};
use support::{Outcome, Workplace};

/// All layers whose weights other programs store differently: kernels with a stride that needs
/// uneven padding, batch norms of images, of a flattened image and of units, and a dense layer after
/// a flatten layer.
const LAYERED: &str = r#"
[data]
dataset = "glyphs"
glyphs = { train_examples = 300, test_examples = 200 }

[network]
layers = [
    { type = "conv", filters = 6, kernel = 5, stride = 2 },
    { type = "batch-norm" },
    { type = "conv", filters = 8, stride = 2, activation = "none" },
    { type = "batch-norm" },
    { type = "relu" },
    { type = "flatten" },
    { type = "batch-norm" },
    { type = "dense", units = 16 },
    { type = "batch-norm" },
    { type = "dense", units = 10 },
]

[prune]
ratio = 0.3

[wrapper]
k = 4
biases = true

[train]
steps = 12
"#;

const CONV7: &str = r#"
[data]
dataset = "glyphs"
glyphs = { train_examples = 200, test_examples = 100 }
[network]
name = "conv7"
[wrapper]
k = 2
biases = true
[train]
steps = 4
"#;

/// A finished run: the path of its last snapshot, and its last accuracy and loss on the test set.
struct Trained {
    workplace: Workplace,
    snapshot: PathBuf,
    accuracy: f64,
    loss: f64,
}

impl Trained {
    fn new(experiment: &str) -> Self {
        let workplace = Workplace::new();
        workplace.write("experiment.toml", experiment);
        let outcome = workplace.run(&["run", "experiment.toml", "--json"]);
        let summary = object(&outcome);
        let (accuracy, loss) = (number(&summary, "test_accuracy"), number(&summary, "test_loss"));
        let snapshots = fs::read_dir(workplace.only_run().snapshots()).unwrap();
        let snapshot = snapshots.last().unwrap().unwrap().path();
        Trained { workplace, snapshot, accuracy, loss }
    }

    fn weights(&self) -> WeightsFile {
        WeightsFile::read(&self.snapshot).unwrap()
    }

    fn network(&self) -> Network {
        let path = self.workplace.path().join("experiment.toml");
        Experiment::read(&path, &[]).unwrap().network().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workplace.path().join(name)
    }

    fn evaluate(&self, weights: &Path, more: &[&str]) -> serde_json::Value {
        let weights = ["eval", "--json", "--weights", weights.to_str().unwrap()];
        object(&self.workplace.run(&[&weights, more].concat()))
    }

    /// Evaluates weights that do not contain their network.
    fn evaluate_foreign(&self, weights: &Path) -> serde_json::Value {
        self.evaluate(weights, &["--network", "experiment.toml"])
    }

    /// Checks that `evaluation` agrees with the run and with an evaluation of its snapshot.
    #[track_caller]
    fn assert_same(&self, evaluation: &serde_json::Value, matching: &str) {
        assert_eq!(number(evaluation, "test_accuracy"), self.accuracy);
        assert_eq!(number(evaluation, "test_loss"), self.loss);
        let own = self.evaluate(&self.snapshot, &[]);
        for key in ["train_accuracy", "train_loss", "parameters"] {
            assert_eq!(number(evaluation, key), number(&own, key), "{key}");
        }
        assert_eq!(evaluation["matching"], matching);
    }
}

#[track_caller]
fn object(outcome: &Outcome) -> serde_json::Value {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[track_caller]
fn number(object: &serde_json::Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("no {key} in {object}"))
}

#[test]
fn the_accuracy_survives_every_way_out_and_in() {
    for experiment in [LAYERED, CONV7] {
        let trained = Trained::new(experiment);
        trained.assert_same(&trained.evaluate(&trained.snapshot, &[]), "by-name");

        let snapshot = trained.snapshot.to_str().unwrap();
        object(
            &trained.workplace.run(&["snapshot", "encode", snapshot, "-o", "a.lperm", "--json"]),
        );
        trained.assert_same(&trained.evaluate(Path::new("a.lperm"), &[]), "by-name");
        object(&trained.workplace.run(&["snapshot", "decode", "a.lperm", "--json"]));
        assert_eq!(WeightsFile::read(&trained.path("a.safetensors")).unwrap(), trained.weights());
        trained.assert_same(&trained.evaluate(Path::new("a.safetensors"), &[]), "by-name");

        let keras = trained.path("weights.h5");
        write_keras(&trained, &keras, |layer, part| format!("{layer}/{layer}/{part}:0"));
        trained.assert_same(&trained.evaluate_foreign(&keras), "by-order");
    }
}

#[test]
fn newer_keras_and_sequences_of_pytorch_are_understood() {
    let trained = Trained::new(LAYERED);
    let keras = trained.path("model.weights.h5");
    write_keras(&trained, &keras, |layer, part| {
        let parts = ["kernel gamma", "bias beta", "moving_mean", "moving_variance"];
        let number = parts.iter().position(|names| names.split(' ').any(|name| name == part));
        format!("layers/{layer}/vars/{}", number.unwrap())
    });
    trained.assert_same(&trained.evaluate_foreign(&keras), "by-order");

    let names = trained.network().tensors().map(|(name, _)| name).collect::<Vec<_>>();
    let renamed = |file: &str, name: &dyn Fn(&str) -> String| {
        let mut weights = trained.weights();
        weights.metadata.clear();
        weights.tensors.iter_mut().for_each(|tensor| tensor.name = name(&tensor.name));
        weights.write(&trained.path(file)).unwrap();
        trained.evaluate_foreign(&trained.path(file))
    };
    let wrapped = renamed("wrapped", &|name| format!("module.net.{name}"));
    trained.assert_same(&wrapped, "by-name");
    // As in a Sequential with other modules between.
    let numbered = renamed("numbered", &|name| {
        let (layer, part) = name.rsplit_once('.').unwrap();
        let index = names.iter().position(|other| other.starts_with(&format!("{layer}."))).unwrap();
        format!("{}.{part}", 3 * index)
    });
    trained.assert_same(&numbered, "by-order");
    assert_eq!(numbered["tensors"][2]["name"], "bn1.weight");
    assert_eq!(numbered["tensors"][2]["source"], "6.weight");
}

#[test]
fn what_does_not_fit_is_named() {
    let trained = Trained::new(LAYERED);
    let changed = |file: &str, change: &dyn Fn(&mut Vec<NamedTensor>)| {
        let mut weights = trained.weights();
        weights.metadata.clear();
        change(&mut weights.tensors);
        weights.write(&trained.path(file)).unwrap();
    };
    changed("whole", &|_| {});
    changed("lacking", &|tensors| tensors.retain(|tensor| tensor.name != "dense2.bias"));
    changed("other", &|tensors| {
        let bias = tensors.iter_mut().find(|tensor| tensor.name == "conv2.bias").unwrap();
        (bias.shape, bias.values) = (vec![9], vec![0.0; 9]);
    });
    changed("more", &|tensors| {
        let (name, shape) = ("dense3.weight".to_owned(), vec![1, 1]);
        tensors.push(NamedTensor { name, shape, values: vec![0.0] });
    });
    changed("unknown", &|tensors| tensors[0].name = "conv1.alpha".into());
    trained.workplace.write("nothing", "no weights at all, whatever this is");
    let snapshot = trained.snapshot.to_str().unwrap();
    let encoded = ["snapshot", "encode", snapshot, "-o", "coded.lperm"];
    assert_eq!(trained.workplace.run(&encoded).code, Some(0));
    let table: &[(&str, Option<&str>, &[&str])] = &[
        ("whole", None, &["not a snapshot", "--network"]),
        ("whole", Some("f3"), &["--network f3", "conv7"]),
        ("whole", Some("f1"), &["`dense1.weight`", "[16, 392]", "[10, 784]"]),
        (snapshot, Some("conv7"), &["conv1.weight", "[6, 1, 5, 5]", "[32, 1, 3, 3]"]),
        ("lacking", Some("experiment.toml"), &["`dense2.bias`", "[10]", "in `dense2`"]),
        ("other", Some("experiment.toml"), &["`conv2.bias`", "[9]", "[8]"]),
        ("more", Some("experiment.toml"), &["`dense3.weight`", "[1, 1]"]),
        ("unknown", Some("experiment.toml"), &["`conv1.alpha`"]),
        ("nothing", Some("experiment.toml"), &["nothing"]),
        ("missing", Some("experiment.toml"), &["missing"]),
        ("missing", None, &["missing"]),
        ("coded.lperm", Some("conv7"), &["leave out --network"]),
    ];
    for (weights, network, parts) in table {
        let network = network.map(|network| ["--network", network]);
        let dataset = ["--dataset", "glyphs"];
        let arguments = [&["eval", "--weights", weights], &dataset[..]].concat();
        let arguments = [&arguments[..], network.as_ref().map_or(&[], |both| &both[..])].concat();
        trained.workplace.run(&arguments).assert_refused(2, parts);
    }
}

/// Writes the weights as Keras would. `dataset` returns the path of a dataset, given its layer and
/// its name there.
fn write_keras(trained: &Trained, path: &Path, dataset: impl Fn(&str, &str) -> String) {
    let (network, weights) = (trained.network(), trained.weights());
    let mut layers: Vec<(String, String)> = Vec::new();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (name, shape) in network.tensors() {
        let (layer, part) = name.rsplit_once('.').unwrap();
        let kind = layer.trim_end_matches(|c: char| c.is_ascii_digit());
        if layers.iter().all(|(known, _)| known != layer) {
            // conv2d, conv2d_1, conv2d_2, …
            let same = layers.iter().filter(|(known, _)| known.starts_with(kind)).count();
            let word = match kind {
                "conv" => "conv2d",
                "bn" => "batch_normalization",
                _ => kind,
            };
            let name = if same == 0 { word.to_owned() } else { format!("{word}_{same}") };
            layers.push((layer.to_owned(), name));
        }
        let (_, keras_layer) = layers.iter().find(|(known, _)| known == layer).unwrap();
        let keras_part = match (kind, part) {
            ("bn", "weight") => "gamma",
            ("bn", "bias") => "beta",
            (_, "weight") => "kernel",
            (_, "running_mean") => "moving_mean",
            (_, "running_var") => "moving_variance",
            (_, part) => part,
        };
        let parameters = network.parameters();
        let image = parameters.iter().find(|p| p.layer == layer).and_then(|p| p.flattened);
        let image = image.filter(|_| name != format!("{layer}.bias") || kind == "bn");
        let values = &weights.tensor(&name).unwrap().values;
        let (shape, values) = in_keras_layout(&shape, values, image);
        let path = dataset(keras_layer, keras_part);
        let (first, rest) = path.split_once('/').unwrap();
        groups.entry(first.to_owned()).or_default().insert(rest, shape, values);
    }
    let mut file = FileBuilder::new();
    for (name, group) in groups {
        let mut builder = file.create_group(&name);
        group.fill(&mut builder);
        file.add_group(builder.finish());
    }
    fs::write(path, file.finish().unwrap()).unwrap();
}

/// Datasets by name, and groups.
#[derive(Default)]
struct Group {
    datasets: Vec<(String, Vec<u64>, Vec<f32>)>,
    groups: BTreeMap<String, Group>,
}

impl Group {
    fn insert(&mut self, path: &str, shape: Vec<u64>, values: Vec<f32>) {
        match path.split_once('/') {
            None => self.datasets.push((path.to_owned(), shape, values)),
            Some((first, rest)) => {
                self.groups.entry(first.to_owned()).or_default().insert(rest, shape, values);
            }
        }
    }

    fn fill(self, builder: &mut GroupBuilder) {
        for (name, shape, values) in self.datasets {
            builder.create_dataset(&name).with_f32_data(&values).with_shape(&shape);
        }
        for (name, group) in self.groups {
            let mut inner = builder.create_group(&name);
            group.fill(&mut inner);
            builder.add_group(inner.finish());
        }
    }
}

/// Converts shape and values to Keras's layout. A flattened image has its channels last there.
fn in_keras_layout(
    shape: &[usize],
    values: &[f32],
    image: Option<[usize; 3]>,
) -> (Vec<u64>, Vec<f32>) {
    let mut moved = vec![f32::NAN; values.len()];
    let place = |unit: usize| match image {
        Some([channels, height, width]) => {
            let (channel, pixel) = (unit / (height * width), unit % (height * width));
            pixel * channels + channel
        }
        None => unit,
    };
    let shape = match *shape {
        [outputs, inputs, height, width] => {
            for (index, &value) in values.iter().enumerate() {
                let (rest, x) = (index / width, index % width);
                let (rest, y) = (rest / height, rest % height);
                let (output, input) = (rest / inputs, rest % inputs);
                moved[((y * width + x) * inputs + input) * outputs + output] = value;
            }
            vec![height, width, inputs, outputs]
        }
        [outputs, inputs] => {
            for (index, &value) in values.iter().enumerate() {
                let (output, input) = (index / inputs, index % inputs);
                moved[place(input) * outputs + output] = value;
            }
            vec![inputs, outputs]
        }
        _ => {
            values.iter().enumerate().for_each(|(unit, &value)| moved[place(unit)] = value);
            shape.to_vec()
        }
    };
    (shape.into_iter().map(|axis| axis as u64).collect(), moved)
}
