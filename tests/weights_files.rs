//! Files of weights that other programs wrote, and what `laperm profile` reports about them. The
//! files were written by `files/write.py`.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use laperm::model::{NamedTensor, WeightsFile};
use laperm::weights::{Float, Format, TensorFile, TensorFileError};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use support::Workplace;

/// The path of a file that `files/write.py` wrote.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// The values that `files/write.py` gives to the `t`-th tensor.
fn values(t: usize, shape: &[usize]) -> Vec<f32> {
    let elements = shape.iter().product();
    (0..elements).map(|i: usize| ((7 * i + 3 * t) % 23) as f32 / 8.0 - 11.0 / 8.0).collect()
}

/// Checks the names, shapes, types and values of a file's matrices, in the file's order.
#[track_caller]
fn assert_holds(path: &Path, format: Format, expected: &[(&str, &[usize], Float, Vec<f32>)]) {
    let file = TensorFile::open(path).unwrap();
    assert_eq!(file.format(), format);
    let matrices = file.matrices();
    let names: Vec<_> = matrices.iter().map(|&i| file.tensors()[i].name.as_str()).collect();
    assert_eq!(names, expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (&index, (name, shape, float, values)) in matrices.iter().zip(expected) {
        let tensor = &file.tensors()[index];
        assert_eq!((tensor.shape.as_slice(), tensor.float), (*shape, Some(*float)), "{name}");
        assert_eq!(file.read(index).unwrap(), *values, "{name}");
    }
}

#[test]
fn checkpoints_of_torch_are_read_in_both_containers() {
    let expected: [(&str, &[usize], Float, Vec<f32>); 4] = [
        ("model.state_dict.stem.weight", &[4, 3, 2, 2], Float::F32, values(0, &[4, 3, 2, 2])),
        ("model.state_dict.body.10.weight", &[5, 6], Float::F16, values(2, &[5, 6])),
        ("model.state_dict.body.9.weight", &[3, 7], Float::Bf16, values(3, &[3, 7])),
        ("model.state_dict.a.weight", &[2, 4], Float::F64, values(4, &[2, 4])),
    ];
    for name in ["checkpoint.pt", "checkpoint-legacy.pt"] {
        assert_holds(&file(name), Format::Pytorch, &expected);
        let open = TensorFile::open(&file(name)).unwrap();
        let others: Vec<_> = open.tensors().iter().filter(|tensor| !tensor.is_matrix()).collect();
        let others: Vec<_> = others.iter().map(|t| (t.name.as_str(), t.kind.as_str())).collect();
        let bias = ("model.state_dict.stem.bias", "F32");
        let steps = ("model.state_dict.steps", "I64");
        assert_eq!(others, [bias, steps, ("optimizer.state.0.exp_avg", "F32")]);
        assert_eq!(open.ignored(), ["argparse.Namespace"]);
    }
}

#[test]
fn views_of_one_storage_are_read_as_what_they_show() {
    let base = values(0, &[4, 6]);
    let at = |row: usize, column: usize| base[row * 6 + column];
    let transposed: Vec<f32> = (0..24).map(|i| at(i % 4, i / 4)).collect();
    let every_second: Vec<f32> = (0..12).map(|i| at(i / 3, 2 * (i % 3))).collect();
    let expected: [(&str, &[usize], Float, Vec<f32>); 4] = [
        ("base", &[4, 6], Float::F32, base.clone()),
        ("transposed", &[6, 4], Float::F32, transposed),
        ("every_second", &[4, 3], Float::F32, every_second),
        ("from_second", &[3, 6], Float::F32, base[6..].to_vec()),
    ];
    assert_holds(&file("views.pt"), Format::Pytorch, &expected);
    assert_holds(&file("views-legacy.pt"), Format::Pytorch, &expected);
}

#[test]
fn a_pickled_model_is_its_state() {
    let expected: [(&str, &[usize], Float, Vec<f32>); 1] =
        [("0.weight", &[2, 3], Float::F32, values(0, &[2, 3]))];
    assert_holds(&file("model.pt"), Format::Pytorch, &expected);
}

#[test]
fn layers_of_keras_come_in_its_order() {
    let convolution = values(0, &[2, 2, 3, 4]);
    let layers = |floats: [Float; 4]| -> Vec<(&str, &[usize], Float, Vec<f32>)> {
        vec![
            ("stem/stem/kernel:0", &[2, 2, 3, 4], floats[0], convolution.clone()),
            (
                "depthwise/depthwise/depthwise_kernel:0",
                &[2, 2, 3, 1],
                floats[1],
                values(2, &[2, 2, 3, 1]),
            ),
            ("dense_10/dense_10/kernel:0", &[6, 5], floats[2], values(3, &[6, 5])),
            ("dense_9/dense_9/kernel:0", &[7, 3], floats[3], values(4, &[7, 3])),
        ]
    };
    assert_holds(&file("weights.h5"), Format::Hdf5, &layers([Float::F32; 4]));
    let of_model = layers([Float::F32, Float::F64, Float::F16, Float::F32]);
    let names: Vec<String> = of_model.iter().map(|l| format!("model_weights/{}", l.0)).collect();
    let of_model: Vec<_> =
        names.iter().zip(of_model).map(|(name, l)| (name.as_str(), l.1, l.2, l.3)).collect();
    for name in ["model-earliest.h5", "model-v114.h5"] {
        assert_holds(&file(name), Format::Hdf5, &of_model);
        let open = TensorFile::open(&file(name)).unwrap();
        assert!(open.tensors().iter().any(|t| t.name == "optimizer_weights/Adam/m:0"));
    }
}

#[test]
fn every_type_of_safetensors_is_read_or_named() {
    let workplace = Workplace::new();
    let path = workplace.path().join("types.bin");
    let halves = [0x3c00u16, 0xc100].map(u16::to_le_bytes).concat();
    let brains = [0x3f80u16, 0xc020].map(u16::to_le_bytes).concat();
    let doubles = [0.1f64, -2.5].map(f64::to_le_bytes).concat();
    let integers = [1i64, -2].map(i64::to_le_bytes).concat();
    let tensors = [
        ("layer.10", Dtype::F16, &halves),
        ("layer.9", Dtype::BF16, &brains),
        ("double", Dtype::F64, &doubles),
        ("integer", Dtype::I64, &integers),
    ];
    let views = tensors
        .map(|(name, kind, bytes)| (name, TensorView::new(kind, vec![1, 2], bytes).unwrap()));
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let shape: &[usize] = &[1, 2];
    assert_holds(
        &path,
        Format::Safetensors,
        &[
            ("double", shape, Float::F64, vec![0.1, -2.5]),
            ("layer.9", shape, Float::Bf16, vec![1.0, -2.5]),
            ("layer.10", shape, Float::F16, vec![1.0, -2.5]),
        ],
    );
    let file = TensorFile::open(&path).unwrap();
    let integer = file.tensors().iter().position(|tensor| tensor.name == "integer").unwrap();
    let error = file.read(integer).unwrap_err().to_string();
    assert!(error.contains("`integer`") && error.contains("I64"), "{error}");
}

/// Runs `laperm profile --json`, which must succeed, and returns its report.
#[track_caller]
fn profile(workplace: &Workplace, arguments: &[&str]) -> Value {
    let outcome = workplace.run(&[&["profile", "--json"], arguments].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_profile_tells_every_matrix_in_numbers() {
    let workplace = Workplace::new();
    let path = file("weights.h5");
    let report = profile(&workplace, &[path.to_str().unwrap()]);
    assert_eq!(report["format"], "HDF5");
    let layers = report["layers"].as_array().unwrap();
    let sizes = |name: &str| -> Vec<_> {
        layers.iter().map(|layer| layer[name].as_u64().unwrap()).collect()
    };
    assert_eq!((sizes("vectors"), sizes("length")), (vec![4, 3, 5, 3], vec![12, 4, 6, 7]));
    let dense = &layers[3];
    let weights = values(4, &[7, 3]);
    let mean = weights.iter().sum::<f32>() / 21.0;
    assert!((dense["mean"].as_f64().unwrap() - f64::from(mean)).abs() < 1e-6);
    assert_eq!(dense["zeros"], weights.iter().filter(|&&w| w == 0.0).count());
    let mut sorted = weights;
    sorted.sort_by(f32::total_cmp);
    let percentiles =
        [sorted[0], sorted[1], sorted[3], sorted[10], sorted[17], sorted[19], sorted[20]];
    assert_eq!(dense["percentiles"], serde_json::json!(percentiles));
    assert_eq!(report["others"][0]["name"], "stem/stem/bias:0");

    let path = path.to_str().unwrap();
    let other_way = profile(&workplace, &[path, "--layout", "output-first"]);
    assert_eq!(other_way["layers"][3]["vectors"], 7);
    let outcome = workplace.run(&["profile", path]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains("dense_10/dense_10/kernel:0"), "{}", outcome.stdout);
}

fn weights(name: &str, shape: &[usize], values: Vec<f32>) -> NamedTensor {
    NamedTensor { name: name.into(), shape: shape.into(), values }
}

fn write(path: &Path, tensors: Vec<NamedTensor>) {
    WeightsFile { tensors, metadata: HashMap::new() }.write(path).unwrap();
}

#[test]
fn two_files_are_compared_vector_by_vector() {
    let workplace = Workplace::new();
    let (first, second) = (workplace.path().join("a"), workplace.path().join("b"));
    let before = [0.1f32, 0.2, 0.3, 0.4];
    write(
        &first,
        vec![
            weights("permuted", &[2, 4], [before, before].concat()),
            weights("changed", &[1, 4], before.to_vec()),
            weights("old.name", &[4, 2], [before, before].concat()),
            weights("gone", &[3, 3], vec![0.5; 9]),
        ],
    );
    write(
        &second,
        vec![
            // A cycle of three and two cycles of two.
            weights("permuted", &[2, 4], vec![0.2, 0.3, 0.1, 0.4, 0.2, 0.1, 0.4, 0.3]),
            weights("changed", &[1, 4], vec![0.1, 0.2, 0.3, 0.4f32.next_up()]),
            weights("new.name", &[4, 2], [before, before].concat()),
            weights("added", &[2, 2], vec![0.5; 4]),
        ],
    );
    let report = profile(&workplace, &["a", "b"]);
    assert_eq!(report["permutation"], false);
    let layers = report["layers"].as_array().unwrap();
    let names: Vec<_> = layers.iter().map(|layer| layer["names"].clone()).collect();
    assert_eq!(
        serde_json::json!(names),
        serde_json::json!([
            ["changed", "changed"],
            ["old.name", "new.name"],
            ["permuted", "permuted"]
        ])
    );
    assert_eq!(report["unmatched"], serde_json::json!([["gone"], ["added"]]));
    let [changed, renamed, permuted] = layers.as_slice() else { panic!("{layers:?}") };
    assert_eq!((&changed["permutation"], &changed["permuted"]), (&false.into(), &0.into()));
    assert_eq!((&renamed["permutation"], &renamed["moved"]), (&true.into(), &0.0.into()));
    assert_eq!(permuted["permutation"], true);
    let [cycles, longest, fixed] =
        ["cycles", "longest", "fixed_points"].map(|name| &permuted[name]);
    assert_eq!((cycles, longest, fixed), (&3.into(), &3.into(), &1.into()));

    let outcome = workplace.run(&["profile", "a", "b"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("old.name / new.name"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("only in a: gone\nonly in b: added\n"), "{}", outcome.stdout);
}

#[test]
fn a_transposed_file_of_another_format_is_the_same_network() {
    let workplace = Workplace::new();
    let ours = workplace.path().join("ours.safetensors");
    let keras = TensorFile::open(&file("weights.h5")).unwrap();
    let mut tensors = Vec::new();
    for (index, name) in keras.matrices().into_iter().zip(["c", "d", "e", "f"]) {
        let (tensor, values) = (&keras.tensors()[index], keras.read(index).unwrap());
        let layout = keras.layout(tensor);
        let vectors = 0..layout.vectors(&tensor.shape).count;
        let values = vectors.flat_map(|j| layout.vector(&values, &tensor.shape, j)).collect();
        tensors.push(weights(name, &layout.output_first(&tensor.shape), values));
    }
    assert_eq!(tensors[0].shape, [4, 3, 2, 2]);
    assert_eq!(tensors[1].shape, [3, 1, 2, 2]);
    let kernel = values(0, &[2, 2, 3, 4]);
    // Output 3, input 2, row 1, column 0, in both layouts.
    assert_eq!(tensors[0].values[3 * 12 + 2 * 4 + 2], kernel[(2 * 3 + 2) * 4 + 3]);
    write(&ours, tensors);
    let report = profile(&workplace, &[file("weights.h5").to_str().unwrap(), "ours.safetensors"]);
    assert_eq!(
        (&report["permutation"], report["layers"].as_array().unwrap().len()),
        (&true.into(), 4)
    );
    for layer in report["layers"].as_array().unwrap() {
        assert_eq!(layer["moved"], 0.0, "{layer}");
    }
}

#[test]
fn the_format_is_told_by_the_content() {
    let workplace = Workplace::new();
    for (name, format) in [("views.pt", Format::Pytorch), ("weights.h5", Format::Hdf5)] {
        let path = workplace.path().join("model.safetensors");
        fs::copy(file(name), &path).unwrap();
        assert_eq!(TensorFile::open(&path).unwrap().format(), format);
    }
}

#[test]
fn no_code_of_a_pickle_is_run_and_that_is_said() {
    let workplace = Workplace::new();
    let path = file("hostile.pt");
    let report = profile(&workplace, &[path.to_str().unwrap()]);
    assert_eq!(report["ignored"], serde_json::json!(["posix.system"]));
    assert_eq!(report["layers"][0]["name"], "dense.weight");
    let outcome = workplace.run(&["profile", path.to_str().unwrap()]);
    assert!(outcome.stdout.contains("not run: posix.system"), "{}", outcome.stdout);
    let path = file("hostile-root.pt");
    let outcome = workplace.run(&["profile", path.to_str().unwrap()]);
    outcome.assert_refused(2, &["hostile-root.pt", "posix.system", "nothing of it was run"]);
    assert_eq!(workplace.files(), [""; 0]);
}

#[test]
fn what_is_no_file_of_weights_is_refused() {
    let workplace = Workplace::new();
    workplace.write("empty", "");
    workplace.write("text.pt", "dense.weight = 3\n");
    workplace.write("archive.pt", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    workplace.write("promise.safetensors", b"\0\0\0\x05\0\0\0\0{\"a\"");
    workplace.write("folder/file", "");
    let table = [
        ("missing", "No such file"),
        ("folder", "directory"),
        ("empty", "not a file of weights"),
        ("text.pt", "not a file of weights"),
        ("archive.pt", "No data.pkl"),
        ("promise.safetensors", "83886080 bytes"),
    ];
    for (name, problem) in table {
        workplace.run(&["profile", name]).assert_refused(2, &[name, problem]);
        workplace.run(&["profile", name, "--json"]).assert_refused(2, &[name, problem]);
    }
    for (name, problem) in [
        ("cyclic.h5", "does one contain itself?"),
        ("missing.h5", "group `/`: it lists `gone`, which is missing"),
        ("repeated.pt", "tensor `wide` cannot be read: it would take 8388608 bytes"),
    ] {
        let path = file(name);
        workplace.run(&["profile", path.to_str().unwrap()]).assert_refused(2, &[name, problem]);
    }
}

/// Reads every tensor of a file.
fn read_all(path: &Path) -> Result<(), String> {
    let read = || {
        let file = TensorFile::open(path)?;
        (0..file.tensors().len()).filter(|&i| file.tensors()[i].float.is_some()).try_for_each(
            |index| {
                let values = file.read(index)?;
                assert_eq!(values.len(), file.tensors()[index].elements());
                Ok(())
            },
        )
    };
    read().map_err(|error: TensorFileError| error.to_string())
}

/// Every readable file that `files/write.py` wrote, and a `.safetensors` file.
fn originals() -> Vec<Vec<u8>> {
    let names = [
        "checkpoint.pt",
        "checkpoint-legacy.pt",
        "views.pt",
        "views-legacy.pt",
        "model.pt",
        "weights.h5",
        "model-earliest.h5",
        "model-v114.h5",
    ];
    let mut originals: Vec<_> = names.map(|name| fs::read(file(name)).unwrap()).into();
    let workplace = Workplace::new();
    let path = workplace.path().join("a");
    write(&path, vec![weights("a", &[2, 3], values(0, &[2, 3])), weights("b", &[3], vec![0.5; 3])]);
    originals.push(fs::read(path).unwrap());
    originals
}

#[test]
fn a_file_cut_anywhere_is_an_error_that_names_it() {
    let workplace = Workplace::new();
    let path = workplace.path().join("cut");
    for original in originals() {
        fs::write(&path, &original).unwrap();
        assert_eq!(read_all(&path), Ok(()));
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for length in (0..original.len()).rev() {
            file.set_len(length as u64).unwrap();
            if let Err(error) = read_all(&path) {
                assert!(error.contains("/cut: "), "{error}");
            } else {
                // An HDF5 file may end with unused bytes.
                let unused = if original.starts_with(b"\x89HDF") { 2048 } else { 0 };
                assert!(
                    original.len() - length < unused,
                    "{length} of {} bytes do",
                    original.len()
                );
            }
        }
    }
}
