//! A network as large as VGG16 in every format: read with equal values and in little memory.
//!
//! `LAPERM_LARGE=1 cargo test --release --test large_weights -- --nocapture` uses all of its 138
//! million weights, and prints seconds and megabytes. Otherwise, its layers are a quarter as wide.

mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use laperm::random::{Purpose, stream};
use rand::Rng;
use safetensors::tensor::{Dtype, TensorInfo};
use serde_json::Value;
use support::Workplace;

/// A weight matrix.
struct Layer {
    name: String,
    outputs: usize,
    inputs: usize,
    /// Positions of a kernel: 9 for 3x3, 1 for a dense layer.
    positions: usize,
}

impl Layer {
    fn weights(&self) -> usize {
        self.outputs * self.inputs * self.positions
    }

    fn shape(&self) -> Vec<usize> {
        let side = self.positions.isqrt();
        let all = [self.outputs, self.inputs, side, side];
        all[..if self.positions == 1 { 2 } else { 4 }].to_vec()
    }

    /// The shape in Keras, which has the axes in the opposite order.
    fn shape_of_keras(&self) -> Vec<usize> {
        let side = self.positions.isqrt();
        let all = [side, side, self.inputs, self.outputs];
        all[if self.positions == 1 { 2 } else { 0 }..].to_vec()
    }

    /// Random weights, a function of the layer.
    fn values(&self) -> Vec<f32> {
        let mut bytes = vec![0; self.weights() * 4];
        let index = self.name.bytes().map(u64::from).sum();
        stream(1, Purpose::EvaluationSample, index, self.weights() as u64).fill_bytes(&mut bytes);
        let value = |b: &[u8]| {
            let bits = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            (bits >> 8) as f32 / (1 << 24) as f32 * 0.1 - 0.05
        };
        bytes.chunks_exact(4).map(value).collect()
    }

    /// The same weights in Keras's order of axes.
    fn values_of_keras(&self) -> Vec<f32> {
        let values = self.values();
        let mut turned = vec![0.0; values.len()];
        for position in 0..self.positions {
            for input in 0..self.inputs {
                let from = input * self.positions + position;
                let to = (position * self.inputs + input) * self.outputs;
                for output in 0..self.outputs {
                    let vector = output * self.inputs * self.positions;
                    turned[to + output] = values[vector + from];
                }
            }
        }
        turned
    }
}

/// The layers of VGG16, with the widths of hidden layers divided by `narrower`.
fn vgg16(narrower: usize) -> Vec<Layer> {
    let convolutions = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
    let dense = [4096, 4096, 1000 * narrower];
    let mut inputs = 3;
    let mut layers = Vec::new();
    for (index, outputs) in convolutions.into_iter().chain(dense).enumerate() {
        let outputs = outputs / narrower;
        let positions = if index < convolutions.len() { 9 } else { 1 };
        if index == convolutions.len() {
            inputs *= 7 * 7;
        }
        layers.push(Layer { name: format!("layer{index}.weight"), outputs, inputs, positions });
        inputs = outputs;
    }
    layers
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn write_safetensors(path: &Path, layers: &[Layer]) {
    let mut end = 0;
    let entries = layers.iter().map(|layer| {
        let start = end;
        end += 4 * layer.weights();
        let info =
            TensorInfo { dtype: Dtype::F32, shape: layer.shape(), data_offsets: (start, end) };
        (layer.name.clone(), serde_json::to_value(info).unwrap())
    });
    let header = Value::Object(entries.collect()).to_string();
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for layer in layers {
        file.write_all(&bytes(&layer.values())).unwrap();
    }
    file.flush().unwrap();
}

fn write_h5(path: &Path, layers: &[Layer]) {
    let file = hdf5_pure::File::create(path).unwrap();
    for layer in layers {
        let values = layer.values_of_keras();
        let shape: Vec<u64> = layer.shape_of_keras().into_iter().map(|axis| axis as u64).collect();
        let build = |dataset: &mut hdf5_pure::DatasetBuilder| {
            dataset.with_f32_data(&values).with_shape(&shape);
        };
        file.root().create_dataset(&layer.name, build).unwrap();
        file.commit().unwrap();
    }
    file.close().unwrap();
}

/// A zip archive of uncompressed files, as written by `torch.save`.
struct Archive {
    file: BufWriter<File>,
    length: usize,
    directory: Vec<u8>,
    entries: u16,
}

impl Archive {
    fn create(path: &Path) -> Self {
        let file = BufWriter::new(File::create(path).unwrap());
        Archive { file, length: 0, directory: Vec::new(), entries: 0 }
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let crc = crc32fast::hash(content).to_le_bytes();
        // Version 1.0, no flags, stored, no time; then the checksum, both sizes, and the lengths of
        // the name and the extra field.
        let fixed = [
            &[10, 0][..],
            &[0; 8],
            &crc,
            &size,
            &size,
            &(name.len() as u16).to_le_bytes(),
            &[0; 2],
        ];
        let fixed = fixed.concat();
        let local = [b"PK\x03\x04", fixed.as_slice(), name.as_bytes()].concat();
        let place = u32::try_from(self.length).unwrap().to_le_bytes();
        let central = [b"PK\x01\x02\x0a\x00", &fixed[..], &[0; 10], &place, name.as_bytes()];
        self.directory.extend(central.concat());
        self.file.write_all(&local).unwrap();
        self.file.write_all(content).unwrap();
        self.length += local.len() + content.len();
        self.entries += 1;
    }

    fn finish(mut self) {
        let entries = self.entries.to_le_bytes();
        let size = u32::try_from(self.directory.len()).unwrap().to_le_bytes();
        let place = u32::try_from(self.length).unwrap().to_le_bytes();
        let end = [b"PK\x05\x06", &[0; 4][..], &entries, &entries, &size, &place, &[0; 2]].concat();
        self.file.write_all(&self.directory).unwrap();
        self.file.write_all(&end).unwrap();
        self.file.flush().unwrap();
    }
}

fn write_pth(path: &Path, layers: &[Layer]) {
    let mut archive = Archive::create(path);
    archive.add("vgg16/data.pkl", &pickle(layers));
    archive.add("vgg16/byteorder", b"little");
    for (index, layer) in layers.iter().enumerate() {
        archive.add(&format!("vgg16/data/{index}"), &bytes(&layer.values()));
    }
    archive.add("vgg16/version", b"3\n");
    archive.finish();
}

/// The state dictionary: each tensor with the storage of its values, its shape and its strides.
fn pickle(layers: &[Layer]) -> Vec<u8> {
    let text =
        |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let number = |number: usize| [b"J", &(number as u32).to_le_bytes()[..]].concat();
    let tuple = |numbers: &[usize]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|&n| number(n)).collect();
        [b"(", numbers.as_slice(), b"t"].concat()
    };
    let mut pickle = b"\x80\x02}(".to_vec();
    for (index, layer) in layers.iter().enumerate() {
        let shape = layer.shape();
        let strides: Vec<usize> =
            (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
        let parts = [
            text(&layer.name),
            b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text(&index.to_string()),
            text("cpu"),
            number(layer.weights()),
            b"tQK\0".to_vec(),
            tuple(&shape),
            tuple(&strides),
            b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
        ];
        pickle.extend(parts.concat());
    }
    pickle.extend(b"u.");
    pickle
}

/// Profiles a file with the real program. Asserts that memory stays below that of the largest layer
/// twice, plus 100 MB.
#[track_caller]
fn profile(workplace: &Workplace, layers: &[Layer], name: &str) -> Value {
    let size = workplace.path().join(name).metadata().unwrap().len();
    let begun = Instant::now();
    let running = workplace.start(&["profile", name, "--json"]);
    let peak = running.peak_memory() * 1024;
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    eprintln!(
        "{name}: {} MB in {:.1?}, {} MB",
        size / 1_000_000,
        begun.elapsed(),
        peak / 1_000_000
    );
    let largest = layers.iter().map(Layer::weights).max().unwrap() as u64 * 4;
    assert!(peak > 0 && peak < 2 * largest + 100_000_000, "{peak} bytes");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_large_network_is_profiled_alike_in_every_format_and_in_little_memory() {
    let full = std::env::var_os("LAPERM_LARGE").is_some();
    let layers = vgg16(if full { 1 } else { 4 });
    if full {
        assert_eq!(layers.iter().map(Layer::weights).sum::<usize>(), 138_344_128);
    }
    let workplace = Workplace::new();
    let mut profiles = Vec::new();
    type Write = fn(&Path, &[Layer]);
    let formats: [(&str, Write); 3] = [
        ("vgg16.safetensors", write_safetensors),
        ("vgg16.pth", write_pth),
        ("vgg16.h5", write_h5),
    ];
    for (name, write) in formats {
        let path = workplace.path().join(name);
        write(&path, &layers);
        profiles.push(profile(&workplace, &layers, name));
        std::fs::remove_file(path).unwrap();
    }
    let [safetensors, pth, h5] = profiles.as_mut_slice() else { unreachable!() };
    assert_eq!(safetensors["layers"], pth["layers"]);
    for (layer, of_keras) in layers.iter().zip(h5["layers"].as_array_mut().unwrap()) {
        assert_eq!(of_keras["shape"], serde_json::json!(layer.shape_of_keras()));
        of_keras["shape"] = serde_json::json!(layer.shape());
    }
    assert_eq!(safetensors["layers"], h5["layers"]);
    let first = &safetensors["layers"][0];
    assert_eq!((&first["name"], &first["length"]), (&"layer0.weight".into(), &27.into()));
    let uniform = 0.1 / 12f64.sqrt();
    let last = &safetensors["layers"][13];
    assert!((last["sd"].as_f64().unwrap() - uniform).abs() < 1e-4, "{last}");
    assert!((last["percentiles"][4].as_f64().unwrap() - 0.035).abs() < 1e-3, "{last}");
}
