//! Exports of a run's measurements, as tables and as an event file. `tests/interop/export.py`
//! checks them with the tools that they are written for.

#[path = "support/long_log.rs"]
#[allow(dead_code, reason = "the memory of a child process is measured, not of this one")]
mod long_log;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use laperm::run::RunFolder;
use laperm::train::EventKind;
use support::{Running, SMALL, Workplace, events};

/// Every table, in alphabetical order.
const TABLES: [&str; 7] =
    ["changes", "distances", "distributions", "evaluations", "schedule", "steps", "syncs"];

/// Header and rows of a table without quoted cells.
fn csv(folder: &Path, table: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = fs::read_to_string(folder.join(table).with_extension("csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn tables_hold_what_the_log_says() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    let outcome = workplace.run(&["run", "small.toml", "--json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = workplace.only_run();
    let outcome = workplace.run(&["export", &run.name(), "--format", "csv"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let folder = workplace.path().join(format!("{}-csv", run.name()));
    let files = TABLES.map(|table| format!("{table}.csv"));
    let mut written: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, files);

    let events = events(&run);
    let (header, rows) = csv(&folder, "steps");
    assert_eq!(header, ["step", "epoch", "seconds", "loss", "accuracy"]);
    let steps = events.iter().filter_map(|event| match event.kind {
        EventKind::Step { loss, accuracy } => Some((event.step, event.seconds, loss, accuracy)),
        _ => None,
    });
    let parsed = rows.iter().map(|row| {
        assert_eq!(row[1].parse::<f64>().unwrap(), row[0].parse::<f64>().unwrap() / 12.0);
        let step = row[0].parse::<u64>().unwrap();
        (
            step,
            row[2].parse::<f64>().unwrap(),
            row[3].parse::<f32>().unwrap(),
            row[4].parse().unwrap(),
        )
    });
    assert!(steps.eq(parsed), "to the last bit");
    let (_, rows) = csv(&folder, "evaluations");
    assert_eq!((rows.len(), rows[0][3].as_str(), rows[0][6].as_str()), (5, "synced", "200"));
    let (header, rows) = csv(&folder, "syncs");
    assert_eq!((rows.len(), header[5].as_str(), rows[0][5].as_str()), (3 * 3, "layer", "dense1"));
    let (_, rows) = csv(&folder, "schedule");
    assert_eq!((rows[0][4].as_str(), rows[0][6].as_str()), ("20", "true"));
    let (_, rows) = csv(&folder, "distances");
    let ratio = |row: &[String]| row[4].parse::<f64>().unwrap() / 784.0;
    assert!((ratio(&rows[0]) - rows[0][6].parse::<f64>().unwrap()).abs() < 1e-9, "{:?}", rows[0]);
}

#[test]
fn a_long_log_is_written_as_it_is_read() {
    const STEPS: u64 = 1_000_000;
    let workplace = Workplace::new();
    let run = RunFolder::open(&workplace.path().join("runs/long"));
    fs::create_dir_all(run.path()).unwrap();
    let size = long_log::write(&run, STEPS);
    for format in ["csv", "parquet", "tensorboard"] {
        let arguments = ["export", "long", "--format", format, "-o", format, "--json"];
        let running = workplace.start(&arguments);
        assert_memory_below(size, &running);
        let outcome = running.wait();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let files = report["files"].as_array().unwrap();
        let paths = files.iter().map(|file| file["file"].as_str().unwrap());
        let paths: Vec<PathBuf> = paths.map(|path| workplace.path().join(path)).collect();
        for path in &paths {
            assert!(path.metadata().unwrap().len() > 0, "{path:?}");
        }
        let rows = files[0]["rows"].as_u64().unwrap();
        match format {
            "csv" => {
                let into = workplace.path().join(format);
                assert_eq!(rows, STEPS);
                assert_eq!(lines(&into, "steps"), STEPS);
                assert_eq!(lines(&into, "changes"), STEPS / 50_000);
            }
            "parquet" => {
                for path in &paths {
                    let bytes = fs::read(path).unwrap();
                    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{path:?}");
                }
            }
            _ => assert!(rows > STEPS),
        }
    }
}

/// Number of rows of a CSV file.
fn lines(folder: &Path, table: &str) -> u64 {
    let path = folder.join(table).with_extension("csv");
    fs::read_to_string(path).unwrap().lines().count() as u64 - 1
}

/// Waits for the program to end, and checks its peak memory against a limit in bytes. Only Linux
/// reports the peak.
fn assert_memory_below(limit: u64, running: &Running) {
    if cfg!(target_os = "linux") {
        let peak = running.peak_memory() << 10;
        assert!(peak > 0, "the peak is not known");
        assert!(peak < limit, "{} MB of memory for a log of {} MB", peak >> 20, limit >> 20);
    }
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let workplace = Workplace::new();
    workplace.run(&["export", "a", "--format", "csv"]).assert_refused(2, &["no run in runs"]);
    workplace.write("runs/broken/events.jsonl", "not a log\n");
    let broken = ["export", "broken", "--format", "csv"];
    workplace.run(&broken).assert_refused(2, &["not the log of a run"]);
    let outcome = workplace.run(&["export", "broken", "--format", "xls"]);
    assert!(
        outcome.code == Some(2) && outcome.stderr.contains("tensorboard"),
        "{}",
        outcome.stderr
    );
    workplace.write("runs/empty/events.jsonl", "");
    workplace.write("file", "");
    let into = ["export", "empty", "--format", "parquet", "-o", "file/below"];
    workplace.run(&into).assert_refused(2, &["file/below"]);
    let outcome = workplace.run(&["export", "empty", "--format", "parquet", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["files"].as_array().unwrap().len(), TABLES.len());
}
