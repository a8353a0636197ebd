//! Single kernels on layers of the paper's networks, at a batch of 50. For convolutions and dense
//! layers, "elem/s" are floating-point operations per second. For kernels bound by memory
//! bandwidth, the rate is in bytes per second, where each value read or written counts once per
//! pass that the algorithm needs. `memory/copy` is the greatest rate that the machine reaches.
//!
//! `cargo bench --bench kernels`, or `cargo bench --bench kernels -- adam` for some of them

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use laperm::instructions::InstructionSet;
use laperm::kernels::{
    Affine, Convolution, Dense, Dropout, Normalize, NormalizeGradients, Pool, Update, add,
    cross_entropy, relu_backward, step, transpose,
};
use laperm::optimizer::Adam;
use laperm::random::{Purpose, stream};
use rand::RngExt;
use rayon::prelude::*;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: laperm::allocator::Allocator = laperm::allocator::Allocator;

const BATCH: usize = 50;

/// Convolutions: height and width, channels, filters, kernel size, stride.
const CONVOLUTIONS: [(&str, usize, usize, usize, usize, usize); 8] = [
    ("conv4 first", 32, 3, 64, 3, 1),
    ("conv4 second", 32, 64, 64, 3, 1),
    ("conv4 fourth", 16, 128, 128, 3, 1),
    ("conv7 third", 24, 32, 32, 5, 2),
    ("conv13 sixth", 8, 256, 256, 3, 1),
    ("conv13 last", 2, 512, 512, 3, 1),
    ("resnet50 first", 32, 16, 16, 3, 1),
    ("resnet50 shortcut", 32, 16, 32, 1, 2),
];

/// Dense layers: inputs, outputs.
const DENSES: [(&str, usize, usize); 3] =
    [("mlp first", 784, 100), ("conv4 first", 8192, 256), ("last", 256, 10)];

/// Batch normalizations: rows, channels.
const NORMS: [(&str, usize, usize); 4] = [
    ("conv4 first", BATCH * 32 * 32, 64),
    ("conv4 third", BATCH * 16 * 16, 128),
    ("resnet50 first", BATCH * 32 * 32, 16),
    ("dense", BATCH, 256),
];

fn random(count: usize) -> Vec<f32> {
    let mut random = stream(1, Purpose::InitialWeights, 0, count as u64);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Measures a kernel that makes `passes` passes over `values` values.
fn memory(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    values: usize,
    passes: f64,
    mut kernel: impl FnMut(),
) {
    group.throughput(Throughput::Bytes((4.0 * values as f64 * passes) as u64));
    group.bench_function(name, |bencher| bencher.iter(&mut kernel));
}

fn convolutions(criterion: &mut Criterion) {
    let set = InstructionSet::current();
    let mut group = criterion.benchmark_group("convolution");
    group.sample_size(20);
    for (name, side, channels, filters, kernel, stride) in CONVOLUTIONS {
        let around = kernel.saturating_sub(stride);
        let layer = Convolution {
            batch: BATCH,
            input: [side, side, channels],
            filters,
            kernel: [kernel; 2],
            stride,
            padding: [(around / 2, around.div_ceil(2)); 2],
        };
        let pixels = BATCH * layer.output()[0] * layer.output()[1];
        let (mut images, mut weights) =
            (random(BATCH * side * side * channels), random(filters * channels * kernel * kernel));
        let (mut outputs, mut bias) = (random(pixels * filters), random(filters));
        group.throughput(Throughput::Elements((2 * pixels * weights.len()) as u64));
        group.bench_function(format!("{name}, forward"), |bencher| {
            bencher.iter(|| layer.forward(set, &images, &weights, Some(&bias), true, &mut outputs));
        });
        group.bench_function(format!("{name}, backward to weights"), |bencher| {
            bencher.iter(|| {
                layer.backward_weights(set, &images, &outputs, &mut weights, Some(&mut bias));
            });
        });
        group.bench_function(format!("{name}, backward to images"), |bencher| {
            bencher.iter(|| layer.backward_images(set, &outputs, &weights, &mut images));
        });
    }
}

fn denses(criterion: &mut Criterion) {
    let set = InstructionSet::current();
    let mut group = criterion.benchmark_group("dense");
    for (name, inputs, outputs) in DENSES {
        let layer = Dense { batch: BATCH, inputs, outputs };
        let (mut samples, mut weights) = (random(BATCH * inputs), random(inputs * outputs));
        let (mut results, mut bias) = (random(BATCH * outputs), random(outputs));
        group.throughput(Throughput::Elements((2 * BATCH * weights.len()) as u64));
        group.bench_function(format!("{name}, forward"), |bencher| {
            bencher
                .iter(|| layer.forward(set, &samples, &weights, Some(&bias), true, &mut results));
        });
        group.bench_function(format!("{name}, backward to weights"), |bencher| {
            bencher.iter(|| {
                layer.backward_weights(set, &samples, &results, &mut weights, Some(&mut bias));
            });
        });
        group.bench_function(format!("{name}, backward to inputs"), |bencher| {
            bencher.iter(|| layer.backward_inputs(set, &results, &weights, &mut samples));
        });
    }
}

fn norms(criterion: &mut Criterion) {
    let set = InstructionSet::current();
    let mut group = criterion.benchmark_group("normalize");
    let drop = Dropout { seed: 1, step: 1, site: 1, rate: 0.4 };
    for (name, rows, channels) in NORMS {
        let (count, gradient) = (rows * channels, random(rows * channels));
        let (values, mut results) = (gradient.clone(), gradient.clone());
        let (scale, shift) = (random(channels), random(channels));
        let affine = Affine { scale: &scale, shift: &shift };
        let (mut by_scale, mut by_shift) = (random(channels), random(channels));
        for (with, dropout) in [("", None), (", dropout", Some(drop))] {
            let layer = Normalize {
                channels,
                epsilon: 1e-3,
                relu_before: true,
                relu_after: false,
                dropout,
            };
            let moments = layer.forward_train(set, &values, affine, &mut results);
            memory(&mut group, &format!("{name}{with}, forward"), count, 3.0, || {
                layer.forward_train(set, &values, affine, &mut results);
            });
            memory(&mut group, &format!("{name}{with}, backward"), count, 5.0, || {
                let results = NormalizeGradients {
                    values: &mut results,
                    scale: &mut by_scale,
                    shift: &mut by_shift,
                };
                layer.backward(set, &values, affine, &moments, &gradient, results);
            });
        }
    }
}

fn passes(criterion: &mut Criterion) {
    let set = InstructionSet::current();
    let mut group = criterion.benchmark_group("memory");
    let count = BATCH * 32 * 32 * 64;
    let (one, other, mut results) = (random(count), random(count), random(count));
    memory(&mut group, "copy", count, 2.0, || {
        let parts = results.par_chunks_mut(1 << 14).zip(one.par_chunks(1 << 14));
        parts.for_each(|(results, values)| results.copy_from_slice(values));
    });
    let dropout = Dropout { seed: 1, step: 1, site: 1, rate: 0.4 };
    memory(&mut group, "dropout", count, 2.0, || dropout.apply(set, &one, &mut results));
    memory(&mut group, "add", count, 3.0, || add(set, &one, true, &mut results));
    memory(&mut group, "relu_backward", count, 3.0, || {
        relu_backward(set, &one, &mut results);
    });
    let pool = Pool { input: [32, 32, 64], size: 2 };
    let pooled = &other[..count / 4];
    memory(&mut group, "max pool, backward", count, 2.25, || {
        pool.max_backward(set, &one, pooled, &mut results);
    });
    memory(&mut group, "average pool, backward", count, 1.25, || {
        pool.average_backward(set, pooled, &mut results);
    });
    let (_, pooled) = results.split_at_mut(count - count / 4);
    memory(&mut group, "max pool", count, 1.25, || pool.max(set, &one, pooled));
    memory(&mut group, "average pool", count, 1.25, || pool.average(set, &one, pooled));
    memory(&mut group, "transpose", count, 2.0, || {
        transpose(set, [64, 1024], &one, &mut results);
    });
}

fn ends(criterion: &mut Criterion) {
    let set = InstructionSet::current();
    let mut group = criterion.benchmark_group("step");
    for (name, count) in [("mlp", 78_400), ("conv4", 2_400_000), ("conv13", 15_000_000)] {
        let (mut weights, gradient) = (random(count), random(count));
        let mut moments = vec![vec![0.0; count]; 2];
        let rule = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
        let update = Update { time: 1, lr: 1e-3, penalty: 1e-4, decays: true };
        memory(&mut group, &format!("adam, {name}"), count, 7.0, || {
            step(&rule, set, update, &mut weights, &gradient, &mut moments, None);
        });
    }
    let (logits, labels, mut gradient) = (random(BATCH * 10), [3; BATCH], random(BATCH * 10));
    memory(&mut group, "cross-entropy", logits.len(), 2.0, || {
        cross_entropy(10, &logits, &labels, &mut gradient);
    });
}

criterion_group!(benches, convolutions, denses, norms, passes, ends);
criterion_main!(benches);
