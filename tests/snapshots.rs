//! Snapshots are coded, decoded, verified and described by the real binary.

mod support;

use std::fs;
use std::path::PathBuf;

use laperm::model::WeightsFile;
use support::{Outcome, SMALL, Workplace};

/// A workplace with the snapshot of a short run, and the snapshot's path.
fn trained(more: &[&str]) -> (Workplace, String) {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let outcome =
        workplace.run(&[&["run", "small.toml", "--json", "--steps", "40"], more].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let path = workplace.only_run().snapshots().join("step-0000040.safetensors");
    (workplace, path.to_str().unwrap().to_owned())
}

#[track_caller]
fn object(outcome: &Outcome) -> serde_json::Value {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_snapshot_goes_through_its_code() {
    let (workplace, path) = trained(&["--set", "prune.ratio=0.5"]);
    let run = object(&workplace.run(&["runs", "--json"]))["runs"][0].clone();
    let encoded = object(&workplace.run(&["snapshot", "encode", &path, "--json"]));
    let coded = PathBuf::from(&path).with_extension("lperm");
    let coded = coded.to_str().unwrap();
    assert_eq!(encoded["output"], coded);
    assert_eq!(encoded["bytes"], fs::metadata(coded).unwrap().len());
    assert_eq!(encoded["weights_checksum"], run["weights_checksum"]);

    let verified = object(&workplace.run(&["snapshot", "verify", coded, "--json"]));
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["parameters"].as_array().unwrap().len(), 3);

    let info = object(&workplace.run(&["snapshot", "info", coded, "--json"]));
    for (key, expected) in [("kind", "lperm"), ("network", "f2"), ("dataset", "glyphs")] {
        assert_eq!(info[key], expected, "{key}");
    }
    for (key, expected) in [("seed", 1), ("step", 40), ("k", 20), ("parameters", 109_184)] {
        assert_eq!(info[key], expected, "{key}");
    }
    assert_eq!((info["p"].as_f64(), info["synced"].as_bool()), (Some(0.5), Some(true)));
    assert_eq!(info["accuracy"], run["test_accuracy"]);
    let (bytes, bound) = (info["bytes"].as_f64().unwrap(), info["bound_bytes"].as_f64().unwrap());
    // The excess is a header with the experiment and at most 2 % of the permutations.
    assert!(bound < bytes && bytes < bound * 1.02 + 2000.0, "{bytes} bytes, {bound} at least");
    assert!(bytes * 4.0 < info["float_bytes"].as_f64().unwrap());

    let plain = object(&workplace.run(&["snapshot", "info", &path, "--json"]));
    assert_eq!(
        (plain["kind"].as_str(), &plain["bound_bytes"]),
        (Some("safetensors"), &info["bound_bytes"])
    );
    assert_eq!(plain["weights_checksum"], info["weights_checksum"]);

    let decode = ["snapshot", "decode", coded, "-o", "decoded.safetensors"];
    assert_eq!(workplace.run(&decode).code, Some(0));
    let decoded = WeightsFile::read(&workplace.path().join("decoded.safetensors")).unwrap();
    assert_eq!(decoded, WeightsFile::read(path.as_ref()).unwrap());
    let words = workplace.run(&["snapshot", "info", "decoded.safetensors"]).stdout;
    assert!(words.contains("f2 on glyphs, seed 1") && words.contains("dense2.weight"), "{words}");
}

#[test]
fn a_file_that_is_there_is_not_replaced_unless_told() {
    let (workplace, path) = trained(&[]);
    workplace.write("mine.lperm", "mine");
    let encode = ["snapshot", "encode", &path, "-o", "mine.lperm"];
    workplace.run(&encode).assert_refused(2, &["mine.lperm", "--force"]);
    assert_eq!(fs::read(workplace.path().join("mine.lperm")).unwrap(), b"mine");
    assert_eq!(workplace.run(&[&encode[..], &["--force"]].concat()).code, Some(0));
    let decode = ["snapshot", "decode", "mine.lperm", "-o", &path];
    workplace.run(&decode).assert_refused(2, &["step-0000040.safetensors", "--force"]);
    let nowhere = ["snapshot", "decode", "mine.lperm", "-o", "nowhere/a.safetensors"];
    workplace.run(&nowhere).assert_refused(2, &["cannot write nowhere/a.safetensors"]);
    let again = ["snapshot", "encode", "mine.lperm", "-o", "again.lperm"];
    workplace.run(&again).assert_refused(2, &["an .lperm file already"]);
    let plain = ["snapshot", "decode", &path, "-o", "again.lperm"];
    workplace.run(&plain).assert_refused(2, &["a .safetensors file already"]);
}

#[test]
fn damaged_and_unsuitable_files_are_named() {
    let (workplace, path) = trained(&[]);
    let encode = ["snapshot", "encode", &path, "-o", "whole.lperm"];
    assert_eq!(workplace.run(&encode).code, Some(0));
    let whole = fs::read(workplace.path().join("whole.lperm")).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    let mut newer = whole.clone();
    newer[6] = 9;
    for (name, content, part) in [
        ("cut.lperm", &whole[..whole.len() - 1], "cut or changed"),
        ("changed.lperm", &changed, "cut or changed"),
        ("newer.lperm", &newer, "version 9"),
        ("short.lperm", &whole[..9], "it is cut"),
    ] {
        workplace.write(name, content);
        for command in ["decode", "verify", "info"] {
            workplace.run(&["snapshot", command, name]).assert_refused(2, &[name, part]);
        }
    }
    let (workplace, path) = trained(&["--set", "wrapper.name=none"]);
    let encode = ["snapshot", "encode", &path, "-o", "none.lperm"];
    workplace.run(&encode).assert_refused(2, &["not trained under the laperm wrapper"]);
    let info = object(&workplace.run(&["snapshot", "info", &path, "--json"]));
    assert_eq!((info["synced"].as_bool(), info["bound_bytes"].is_null()), (Some(false), true));
}
