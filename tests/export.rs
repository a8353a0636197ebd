//! What a run measured, as tables and as an event file. That the real readers read them is checked by
//! `tests/interop/export.py`.

#[path = "support/long_log.rs"]
mod long_log;
mod support;

use std::fs;
use std::path::Path;

use laperm::run::RunFolder;
use laperm::run::export::{Format, Table, export};
use laperm::train::EventKind;
use support::{SMALL, Workplace, events};

/// The header and the rows of a table without quoted cells.
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
    let mut files: Vec<String> = Table::ALL.iter().map(|t| format!("{}.csv", t.name())).collect();
    files.sort();
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

/// How many rows a table has.
fn lines(folder: &Path, table: Table) -> usize {
    let path = folder.join(table.name()).with_extension("csv");
    fs::read_to_string(path).unwrap().lines().count() - 1
}

#[test]
fn a_long_log_is_written_as_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path());
    const STEPS: u64 = 1_000_000;
    let size = long_log::write(&run, STEPS);
    for format in Format::ALL {
        let into = folder.path().join(format.name());
        let files = export(&run, format, &into).unwrap();
        for file in &files {
            assert!(file.file.metadata().unwrap().len() > 0, "{file:?}");
        }
        match format {
            Format::Csv => {
                assert_eq!(files[0].rows, STEPS);
                assert_eq!(lines(&into, Table::Steps) as u64, STEPS);
                assert_eq!(lines(&into, Table::Changes) as u64, STEPS / 50_000);
            }
            Format::Parquet => {
                for file in files {
                    let bytes = fs::read(&file.file).unwrap();
                    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
                }
            }
            Format::TensorBoard => assert!(files[0].rows > STEPS),
        }
    }
    let peak = long_log::peak_memory().unwrap_or_default();
    assert!(peak < size, "{} MB of memory for a log of {} MB", peak >> 20, size >> 20);
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
    assert_eq!(report["files"].as_array().unwrap().len(), Table::ALL.len());
}
