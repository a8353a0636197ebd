//! Thousands of damaged logs, frames, checkpoints, coded snapshots, messages and files of weights,
//! made from real ones: no reader panics, hangs, or allocates memory that the bytes do not pay for.
//! The same targets exist for cargo-fuzz, in tests/fuzz.

mod support;
#[path = "fuzz/targets.rs"]
mod targets;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use laperm::model::{NamedTensor, WeightsFile};
use laperm::random::{Purpose, stream};
use laperm::run::RunFolder;
use laperm::train::{Checkpoint, EventKind, Snapshot};
use rand::{Rng, RngExt};
use support::{SMALL, Workplace, events};

/// Number of damaged copies of each original.
const CASES: u64 = 2_500;

/// Limit of the peak memory in kilobytes: what reading the originals takes, and a margin that is
/// smaller than any made-up size.
const MOST_MEMORY: u64 = 200_000;

/// A small run with a log, frames and a checkpoint.
fn originals() -> (Workplace, RunFolder) {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let outcome = workplace.run(&["run", "small.toml", "--json", "--set", "network.name=\"f1\""]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = workplace.only_run();
    (workplace, run)
}

/// The run's last snapshot, encoded as an .lperm file.
fn coded(run: &RunFolder) -> Vec<u8> {
    let path = fs::read_dir(run.snapshots()).unwrap().last().unwrap().unwrap().path();
    Snapshot::read(&path).unwrap().encode().unwrap()
}

/// Returns a damaged copy, the same for the same `case`.
fn damaged(original: &[u8], case: u64) -> Vec<u8> {
    let mut random = stream(case, Purpose::EvaluationSample, 0, 0);
    let mut bytes = original.to_vec();
    for _ in 0..random.random_range(1..6) {
        let length = bytes.len().max(1);
        let at = random.random_range(0..length);
        let end = (at + random.random_range(1..64)).min(bytes.len());
        match random.random_range(0..8) {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (case % 8)),
            2 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0xff),
            3 => drop(bytes.drain(at.min(end)..end)),
            4 => {
                let piece = bytes[at.min(end)..end].to_vec();
                bytes.splice(at.min(end)..at.min(end), piece);
            }
            5 => {
                let mut noise = vec![0; random.random_range(1..200)];
                random.fill_bytes(&mut noise);
                bytes.splice(at.min(end)..end, noise);
            }
            // Numbers become sizes.
            6 => {
                let digit = (at..bytes.len()).find(|&i| bytes[i].is_ascii_digit());
                if let Some(digit) = digit {
                    let huge = b"18446744073709551615".repeat(random.random_range(1..3));
                    bytes.splice(digit..digit + 1, huge);
                }
            }
            _ => {
                let word = [&b"null"[..], b"-1", b"1e999", b"[[[[", b"\"", b"}", b"\n"];
                let word = word[random.random_range(0..word.len())];
                bytes.splice(at.min(end)..at.min(end), word.iter().copied());
            }
        }
    }
    bytes
}

/// Peak memory of this process, in kilobytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn damage_is_survived() {
    let (_workplace, run) = originals();
    let log = fs::read(run.events()).unwrap();
    let frames = fs::read(run.frames()).unwrap();
    let frame = events(&run)
        .iter()
        .find_map(|event| match &event.kind {
            EventKind::Frame { at: Some(at), .. } => {
                Some(frames[at.offset as usize..(at.offset + at.length) as usize].to_vec())
            }
            _ => None,
        })
        .unwrap();
    let checkpoint = fs::read(run.path().join("checkpoint/state.safetensors")).unwrap();
    assert!(Checkpoint::from_bytes(&checkpoint).is_ok());
    let coded = coded(&run);
    assert!(Snapshot::decode(Path::new("coded.lperm"), &coded).is_ok());
    let message = concat!(
        "{\"laperm\":1,\"role\":\"test\"}\n",
        "{\"command\":\"set_period\",\"k\":100}\n",
        "{\"command\":\"watch\",\"layer\":0,\"vector\":3}\n",
    );
    let (reader, server) = (targets::Log::new(), targets::Host::new());
    for case in 0..CASES {
        reader.read(&damaged(&log, case));
        targets::frame(&damaged(&frame, case));
        targets::checkpoint(&damaged(&checkpoint, case));
        targets::coded(&damaged(&coded, case));
        server.send(&damaged(message.as_bytes(), case));
    }
    assert_little_memory();
}

#[test]
fn damage_to_weights_is_survived() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let names =
        ["checkpoint.pt", "checkpoint-legacy.pt", "views.pt", "weights.h5", "model-v114.h5"];
    let mut originals = names.map(|name| fs::read(files.join(name)).unwrap()).to_vec();
    let tensor = NamedTensor { name: "a".into(), shape: vec![5, 4], values: vec![0.5; 20] };
    let workplace = Workplace::new();
    let snapshot = workplace.path().join("snapshot");
    let metadata = HashMap::from([("format".into(), "laperm-snapshot-1".into())]);
    WeightsFile { tensors: vec![tensor], metadata }.write(&snapshot).unwrap();
    originals.push(fs::read(&snapshot).unwrap());
    let reader = targets::Weights::new();
    for case in 0..CASES {
        for original in &originals {
            reader.read(&damaged(original, case));
        }
    }
    assert_little_memory();
}

fn assert_little_memory() {
    let peak = peak_memory();
    assert!(peak < MOST_MEMORY, "{peak} kB");
}
