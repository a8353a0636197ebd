//! Time of a synchronization and of a ranking distance, on matrices of the paper's networks.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use laperm::method::{OrderedMatrix, Reservoir, VectorShape, reorder};
use laperm::random::{Purpose, stream};
use rand::RngExt;
use std::hint::black_box;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: laperm::allocator::Allocator = laperm::allocator::Allocator;

/// From the shortest vectors to the longest. The last three have 2.4, 2.4 and 2.1 million weights.
const MATRICES: [(&str, VectorShape); 7] = [
    ("conv7 first, 32 x 9", shape(32, 9)),
    ("conv4 second, 64 x 576", shape(64, 576)),
    ("mlp first, 100 x 784", shape(100, 784)),
    ("conv7 sixth, 64 x 1600", shape(64, 1600)),
    ("conv13, 512 x 4608", shape(512, 4608)),
    ("many short, 4096 x 576", shape(4096, 576)),
    ("conv4 dense, 256 x 8192", shape(256, 8192)),
];

const fn shape(count: usize, len: usize) -> VectorShape {
    VectorShape { count, len }
}

fn weights(shape: VectorShape, index: u64) -> Vec<f32> {
    let mut random = stream(1, Purpose::InitialWeights, 0, index);
    (0..shape.elements()).map(|_| random.random_range(-0.05..0.05)).collect()
}

fn sync(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sync");
    for (name, shape) in MATRICES {
        let Ok(reservoir) = Reservoir::new(weights(shape, 0), shape.len) else { unreachable!() };
        let mut weights = weights(shape, 1);
        let mut ranks = vec![0; shape.elements()];
        group.throughput(Throughput::Elements(shape.elements() as u64));
        // A sync keeps the order of the weights, so each iteration has the same work to do.
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| reservoir.sync_and_rank(black_box(&mut weights), &mut ranks));
        });
    }
}

/// Measures weights that moved by a thousandth of their range, as in a training step, and unrelated
/// weights.
fn distance(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ranking distance");
    for (name, shape) in MATRICES {
        let (first, second) = (weights(shape, 0), weights(shape, 1));
        let step = |(weight, step): (&f32, &f32)| weight + 1e-3 * step;
        let near: Vec<f32> = first.iter().zip(&second).map(step).collect();
        let mut orders: Vec<u32> = (0..shape.len as u32).cycle().take(shape.elements()).collect();
        group.throughput(Throughput::Elements(shape.elements() as u64));
        for (what, other) in [("one step", &near), ("unrelated", &second)] {
            let mut weights = [&first, other].into_iter().cycle();
            group.bench_function(BenchmarkId::new(what, name), |bencher| {
                bencher.iter(|| {
                    let weights = weights.next().unwrap_or(&first);
                    reorder(vec![OrderedMatrix::new(black_box(weights), shape.len, &mut orders)])
                });
            });
        }
    }
}

criterion_group!(benches, sync, distance);
criterion_main!(benches);
