//! The view of several runs, from events and keys to the picture.

use std::fs;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{Compare, ComparePanel};
use super::{MOST_RUNS, render_compare};
use crate::run::{Piece, ReadError, RunFolder, TimeUnit};
use crate::train::{
    Command, Event, EventKind, LayerDistance, LayerInfo, Phase, Reason, Schedule, Score, Started,
    Weights,
};
use crate::tui::content::{Content, actions, find, press as press_key};
use crate::tui::pace::Change;
use crate::tui::theme::{Depth, Theme};
use crate::tui::window::{Leave, Request};

/// Folders of runs of these experiments.
fn folders(experiments: &[&str]) -> (tempfile::TempDir, Vec<RunFolder>) {
    let place = tempfile::tempdir().expect("a folder");
    let folder = |(index, text): (usize, &&str)| {
        let path = place.path().join(format!("2026-11-22_140512_run_{index:04x}"));
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("experiment.toml"), text).expect("writes");
        RunFolder::open(&path)
    };
    let folders = experiments.iter().enumerate().map(folder).collect();
    (place, folders)
}

/// Runs that have sent nothing yet.
fn silent(experiments: &[&str]) -> Compare {
    let (_place, folders) = folders(experiments);
    Compare::new(&folders).expect("experiments that can be read")
}

fn event(step: u64, seconds: f64, kind: EventKind) -> Event {
    Event { step, seconds, kind }
}

/// Events of a run that takes `steps` steps of `seconds` each, and reaches `accuracy`.
fn events(name: &str, steps: u64, seconds: f64, accuracy: f32) -> Vec<Event> {
    let layers = ["conv1", "dense2"].map(|name| LayerInfo {
        name: name.into(),
        vectors: 3,
        length: 10,
        ..LayerInfo::default()
    });
    let started = Started {
        name: name.into(),
        wrapper: "laperm".into(),
        train_examples: 100,
        steps_per_epoch: 10,
        total_steps: 100,
        layers: layers.to_vec(),
        ..Started::default()
    };
    let mut events = vec![
        event(0, 0.0, EventKind::Started(Box::new(started))),
        event(0, 0.0, EventKind::Schedule(Schedule { active: true, ..Schedule::default() })),
        event(0, 0.0, EventKind::Phase { phase: Phase::Running }),
    ];
    for step in 1..=steps {
        let at = |kind| event(step, step as f64 * seconds, kind);
        events.push(at(EventKind::Step { loss: 1.0 / step as f32, accuracy: 0.5 }));
        let distance = LayerDistance { layer: 1, mean: 0.5, sd: 0.1 };
        events.push(at(EventKind::RankingDistance { layers: vec![distance] }));
        if step.is_multiple_of(10) {
            let test =
                Score { accuracy: accuracy * step as f32 / steps as f32, ..Score::default() };
            let weights = Weights::Synced;
            events.push(at(EventKind::Evaluation { weights, test, train: None, took: 0.0 }));
        }
    }
    events
}

fn finished(step: u64, seconds: f64) -> Event {
    let (message, weights_checksum, data_wait_seconds) = (None, None, None);
    let kind = EventKind::Finished {
        reason: Reason::Finished,
        message,
        weights_checksum,
        data_wait_seconds,
    };
    event(step, seconds, kind)
}

/// Two runs of 100 and 50 steps: the second is slower and better.
fn two() -> Compare {
    let mut compare = silent(&["seed = 1\n[wrapper]\nk = 20\n", "seed = 1\n[wrapper]\nk = 100\n"]);
    let mut first = events("fast", 100, 0.01, 0.9);
    first.push(finished(100, 1.0));
    let mut second = events("slow", 50, 0.1, 0.95);
    second.push(finished(50, 5.0));
    compare.take_all(0, &first);
    compare.take_all(1, &second);
    compare
}

fn picture(compare: &Compare, unicode: bool, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    render_compare(compare, &Theme::new(Depth::None, unicode), area, &mut buffer);
    let rows = buffer.content.chunks(width.max(1).into());
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

fn press(compare: &mut Compare, keys: &str) {
    keys.chars().for_each(|c| key(compare, KeyEvent::from(KeyCode::Char(c))));
}

fn key(compare: &mut Compare, key: KeyEvent) {
    press_key(compare, key);
}

fn left(compare: &mut Compare) -> bool {
    matches!(compare.chrome.take_request(), Some(Request::Leave(Leave::Left)))
}

#[track_caller]
fn assert_shows(compare: &Compare, parts: &[&str]) {
    let text = picture(compare, true, 160, 50);
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn every_run_has_its_curve_its_results_and_its_differences() {
    let compare = two();
    assert_shows(
        &compare,
        &["A fast", "B slow", "best B 95.00 %", "A  fast  finished", "90.00", "wrapper.k  20  100"],
    );
    // Each letter stands in the chart without colours.
    let text = picture(&compare, true, 160, 50);
    let chart: Vec<String> =
        text.lines().skip(3).take(30).map(|line| line.chars().skip(8).take(70).collect()).collect();
    for letter in ['A', 'B'] {
        assert!(chart.iter().any(|line| line.contains(letter)), "{letter}\n{text}");
    }
}

#[test]
fn runs_are_aligned_by_step_epoch_or_second() {
    let mut compare = two();
    assert_eq!(compare.span(), (0, 101));
    press(&mut compare, "x");
    assert_eq!((compare.view.unit, compare.span()), (TimeUnit::Epochs, (0, 10_000_001)));
    press(&mut compare, "x");
    // The slow one took five seconds for half of the steps.
    assert_eq!((compare.view.unit, compare.span()), (TimeUnit::Seconds, (0, 5001)));
    assert_shows(&compare, &["aligned by seconds", " 4s "]);
}

#[test]
fn the_cursor_reads_every_run_at_the_same_place() {
    let mut compare = two();
    compare.align_by(TimeUnit::Seconds);
    // At 0.5 seconds the fast run is at step 50, and the slow one, at step 5, was not evaluated
    // yet.
    compare.view.cursor = Some(500);
    assert_shows(&compare, &["A fast 45.00", "B slow -", "at 0.5s"]);
    compare.align_by(TimeUnit::Epochs);
    compare.view.cursor = Some(2_000_000);
    assert_shows(&compare, &["A fast 18.00", "B slow 38.00", "at 2.00"]);
    key(&mut compare, KeyEvent::from(KeyCode::End));
    assert_shows(&compare, &["A fast 90.00", "B slow 95.00"]);
}

#[test]
fn a_run_is_hidden_by_its_letter() {
    let mut compare = two();
    press(&mut compare, "B");
    assert_shows(&compare, &["(slow)", "best A 90.00 %", "B, slow, is hidden"]);
    assert!(!picture(&compare, true, 160, 50).contains("B slow 95.00"));
    press(&mut compare, "A");
    assert_shows(&compare, &["All runs are hidden."]);
    press(&mut compare, "BC");
    assert_shows(&compare, &["best B 95.00 %", "hide or show the run: no such run"]);
}

#[test]
fn what_was_done_by_hand_is_marked_and_told() {
    let mut compare = two();
    let command = Command::SetPeriod { k: 7 };
    let steered = event(100, 1.0, EventKind::Applied { command, by: None });
    compare.take(Piece::Events(0, vec![steered]));
    press(&mut compare, "5");
    key(&mut compare, KeyEvent::from(KeyCode::Enter));
    assert_shows(&compare, &["by hand", "k = 7 at step 100", "2 keys"]);
    key(&mut compare, KeyEvent::from(KeyCode::Esc));
    assert_shows(&compare, &["A k = 7"]);
}

#[test]
fn differences_scroll_where_they_are_focused() {
    let mut compare = two();
    press(&mut compare, "j");
    assert_eq!(compare.scroll, 0);
    assert_shows(&compare, &["only where the differences are focused"]);
    press(&mut compare, "5jjj");
    assert_eq!(compare.scroll, 0, "one line needs no scrolling");
    let mut compare = silent(&["a = 1\nb = 1\nc = 1", "a = 2\nb = 2\nc = 2"]);
    press(&mut compare, "5jjjj");
    assert_eq!(compare.scroll, 2);
    press(&mut compare, "k");
    assert_eq!(compare.scroll, 1);
}

#[test]
fn the_layer_that_was_measured_is_shown_first() {
    let mut compare = two();
    assert_eq!(compare.layer, "dense2");
    assert_shows(&compare, &["dense2", "A fast 0.0500"]);
    press(&mut compare, "[");
    assert_shows(&compare, &["conv1", "Not measured for this layer."]);
}

#[test]
fn a_log_that_is_cut_or_cannot_be_read_is_told() {
    let mut compare = silent(&["", ""]);
    assert_shows(&compare, &["reading 2 of 2 runs"]);
    compare.take(Piece::Events(0, events("one", 20, 0.1, 0.5)));
    compare.take(Piece::Restarted(0));
    assert_eq!(compare.now(), 0);
    compare.take(Piece::Caught(0));
    let problem = "no event".into();
    compare.take(Piece::Failed(1, ReadError::Line { path: "log".into(), line: 3, problem }));
    assert_shows(&compare, &["B: log: line 3: no event", "unreadable"]);
}

#[test]
fn runs_of_one_name_are_told_apart_by_their_folders() {
    let mut compare = silent(&["", "", ""]);
    for (index, name) in ["same", "same", "other"].into_iter().enumerate() {
        compare.take_all(index, &events(name, 20, 0.1, 0.5));
    }
    assert_shows(&compare, &["A same 0000  B same 0001  C other"]);
}

#[test]
fn nothing_is_drawn_when_nothing_has_changed() {
    let mut compare = two();
    compare.chrome.drawn();
    compare.check_processes();
    assert_eq!(compare.chrome.change(), Change::None);
    compare.take(Piece::Events(1, events("slow", 60, 0.1, 0.95)));
    assert_eq!(compare.chrome.change(), Change::News);
    press(&mut compare, "m");
    assert_eq!(compare.chrome.change(), Change::Input);
}

#[test]
fn leaving() {
    let mut compare = two();
    press(&mut compare, "z");
    key(&mut compare, KeyEvent::from(KeyCode::Esc));
    assert!(!compare.chrome.zoomed && !left(&mut compare));
    key(&mut compare, KeyEvent::from(KeyCode::Esc));
    assert!(left(&mut compare));
    press(&mut compare, "q");
    assert!(left(&mut compare));
    key(&mut compare, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(left(&mut compare));
}

#[test]
fn keys_and_panels_fit_their_table() {
    let compare = two();
    for row in actions::<Compare>() {
        for &key in row.keys {
            // Neighbours may have the same description, but no key.
            let others = actions::<Compare>().filter(|other| other.keys.contains(&key));
            assert_eq!(others.count(), 1, "{key}");
            let found = find(&compare, key).map(|found| found.description);
            assert_eq!(found, Some(row.description), "{key}");
        }
    }
    let count = |word| actions::<Compare>().filter(|row| row.description == word).count();
    assert_eq!(count("hide or show the run"), MOST_RUNS);
    assert_eq!((count("focus panel"), Compare::PANELS), (ComparePanel::ALL.len(), 5));
    let mut compare = two();
    press(&mut compare, "?");
    assert_shows(&compare, &["hide or show the run", "steps, epochs, seconds"]);
}

#[test]
fn any_size_can_be_drawn_in_ascii_too() {
    let mut many = silent(&["seed = 1"; MOST_RUNS]);
    for index in 0..MOST_RUNS {
        many.take_all(index, &events("a-name-of-some-length", 30, 0.1, 0.9));
    }
    let mut zoomed = two();
    press(&mut zoomed, "5zg");
    for compare in [&many, &zoomed, &silent(&["", ""])] {
        for width in 0..=30 {
            (0..=30).for_each(|height| drop(picture(compare, true, width, height)));
        }
        for (width, height) in [(60, 18), (80, 24), (61, 200), (300, 18), (200, 60)] {
            assert!(picture(compare, false, width, height).is_ascii());
        }
    }
    // Eight letters with what fits of their names.
    let first = picture(&many, true, 80, 24).lines().next().map(str::to_owned).unwrap_or_default();
    assert!(first.starts_with("A a-name…") || first.starts_with("A a-na"), "{first}");
    assert!(first.contains("H a-n"), "{first}");
}
