//! The start view, from news and keys to a choice and a picture.

use std::fs;
use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::List;
use super::*;
use crate::run::{ReadError, RunFolder, RunNews, RunState, Standing, Summary};
use crate::tui::content::{actions, find, press as press_key};
use crate::tui::layout;
use crate::tui::pace::Change;
use crate::tui::theme::Depth;
use crate::tui::window::{Leave, Request};

/// Outcome of a sequence of keys.
#[derive(Debug, PartialEq)]
enum Outcome {
    Choose(Choice),
    Leave,
}

fn experiment(name: &str, missing: Option<&str>) -> ExperimentItem {
    ExperimentItem {
        path: format!("{name}.toml").into(),
        name: name.into(),
        description: format!("What {name} shows."),
        dataset: "glyphs".into(),
        missing_data: missing.map(Into::into),
    }
}

fn folder(name: &str) -> RunFolder {
    RunFolder::open(&std::path::Path::new("runs").join(name))
}

/// A run that began this many seconds after the epoch.
fn summary(name: &str, state: Standing, begun: i64) -> Summary {
    Summary {
        name: name.into(),
        network: "conv7".into(),
        dataset: "mnist".into(),
        state,
        begun: Some(begun),
        steps: 1200,
        total_steps: 54_000,
        best_test_accuracy: Some(0.9861),
        ..Summary::of(&RunState::default(), &folder(name))
    }
}

fn read(name: &str, state: Standing) -> RunNews {
    let path = folder(name).path().to_owned();
    RunNews::Read(path, Box::new(Ok(summary(name, state, 0))))
}

/// Two experiments, and four runs: running, finished, crashed, unreadable.
fn filled() -> Start {
    let missing = "needs mnist: laperm data fetch mnist";
    let mut start =
        Start::new(vec![experiment("quick", None), experiment("fig09-f1", Some(missing))]);
    start.take(RunNews::Listed(["living", "over", "crash", "damaged"].map(folder).to_vec()));
    start.take(read("living", Standing::Running));
    start.take(read("over", Standing::Finished));
    start.take(read("crash", Standing::Crashed));
    let problem = "expected value".into();
    let error = ReadError::Line { path: "runs/damaged/events.jsonl".into(), line: 1, problem };
    start.take(RunNews::Read(folder("damaged").path().to_owned(), Box::new(Err(error))));
    start.pass_time(jiff::Timestamp::from_second(7260).expect("a time"));
    start
}

fn press(start: &mut Start, keys: &[KeyCode]) -> Option<Outcome> {
    keys.iter().for_each(|&key| press_key(start, key.into()));
    outcome(start)
}

fn outcome(start: &mut Start) -> Option<Outcome> {
    let left = matches!(start.chrome.take_request(), Some(Request::Leave(Leave::Left)));
    start.take_choice().map(Outcome::Choose).or(left.then_some(Outcome::Leave))
}

fn type_text(start: &mut Start, text: &str) -> Option<Outcome> {
    press(start, &text.chars().map(KeyCode::Char).collect::<Vec<_>>())
}

fn chosen(choice: fn(PathBuf) -> Choice, name: &str) -> Option<Outcome> {
    Some(Outcome::Choose(choice(folder(name).path().to_owned())))
}

fn text(start: &Start, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    layout::render(start, &Theme::new(Depth::None, true), area, &mut buffer);
    let rows = buffer.content.chunks(width.max(1).into());
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[track_caller]
fn assert_shows(start: &Start, part: &str) {
    let text = text(start, 80, 24);
    assert!(text.contains(part), "`{part}` is not in\n{text}");
}

#[test]
fn enter_launches_or_opens_what_is_chosen() {
    let mut start = filled();
    let launch = Outcome::Choose(Choice::Launch("quick.toml".into()));
    assert_eq!(press(&mut start, &[KeyCode::Enter]), Some(launch));
    assert_eq!(press(&mut start, &[KeyCode::Down, KeyCode::Down, KeyCode::Enter]), None);
    assert_shows(&start, "laperm data fetch mnist");
    let keys = [KeyCode::Tab, KeyCode::End, KeyCode::Up, KeyCode::Enter];
    assert_eq!(press(&mut start, &keys), chosen(Choice::Open, "crash"));
    // A run that cannot be read says why instead.
    assert_eq!(press(&mut start, &[KeyCode::Down, KeyCode::Enter]), None);
    assert_shows(&start, "line 1: expected value");
}

#[test]
fn the_filter_looks_at_both_lists_and_at_what_is_known_of_runs() {
    let mut start = filled();
    assert_eq!(type_text(&mut start, "/CONV7 crash"), None);
    let names: Vec<String> = start.runs().map(|run| run.name()).collect();
    assert_eq!(
        (names, start.experiments().count(), start.list()),
        (vec!["crash".into()], 0, List::Runs)
    );
    // The first enter ends the typing.
    assert_eq!(press(&mut start, &[KeyCode::Enter]), None);
    assert_eq!(press(&mut start, &[KeyCode::Enter]), chosen(Choice::Open, "crash"));
    // The first escape drops the filter, the second leaves.
    assert_eq!(press(&mut start, &[KeyCode::Esc]), None);
    assert_eq!(start.runs().count(), 4);
    assert_eq!(press(&mut start, &[KeyCode::Esc]), Some(Outcome::Leave));
}

#[test]
fn letters_are_no_keys_while_the_filter_is_typed() {
    let mut start = filled();
    assert_eq!(type_text(&mut start, "/q D"), None);
    assert_eq!(start.filter.text(), "q D");
    press_key(&mut start, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert_eq!(outcome(&mut start), Some(Outcome::Leave));
}

#[test]
fn marked_runs_are_compared() {
    let mut start = filled();
    press(&mut start, &[KeyCode::Tab]);
    assert_eq!(type_text(&mut start, "c"), None);
    assert_shows(&start, "mark two or more runs");
    assert_eq!(type_text(&mut start, "  "), None);
    assert_shows(&start, "runs, 2 marked");
    let folders = ["living", "over"].map(|name| folder(name).path().to_owned()).to_vec();
    let compare = Some(Outcome::Choose(Choice::Compare(folders)));
    // Wherever the cursor is, and whatever the filter hides.
    press(&mut start, &[KeyCode::Tab]);
    type_text(&mut start, "/quick");
    press(&mut start, &[KeyCode::Enter]);
    assert_eq!(type_text(&mut start, "c"), compare);
    press(&mut start, &[KeyCode::Esc]);
    assert_eq!(start.marked().count(), 2);
    assert_eq!(press(&mut start, &[KeyCode::Esc]), None);
    assert_eq!(start.marked().count(), 0);
}

#[test]
fn only_a_run_that_broke_off_is_gone_on_with() {
    let mut start = filled();
    assert_eq!(type_text(&mut start, "r"), None);
    assert_shows(&start, "only in the list of runs");
    press(&mut start, &[KeyCode::Tab]);
    for why in ["it is running", "it has taken all its steps"] {
        assert_eq!(type_text(&mut start, "r"), None);
        assert_shows(&start, why);
        press(&mut start, &[KeyCode::Down]);
    }
    assert_eq!(type_text(&mut start, "r"), chosen(Choice::Resume, "crash"));
    assert_eq!(type_text(&mut start, "R"), chosen(Choice::Replay, "crash"));
    press(&mut start, &[KeyCode::Down]);
    assert_eq!(type_text(&mut start, "rR"), None);
    assert_shows(&start, "its log cannot be read");
}

#[test]
fn runs_are_deleted_after_a_question_and_never_while_they_live() {
    let place = tempfile::tempdir().expect("a folder");
    let runs =
        ["2026-11-22_a", "2026-11-22_b"].map(|name| RunFolder::open(&place.path().join(name)));
    for run in &runs {
        fs::create_dir(run.path()).expect("a folder");
        fs::write(run.events(), "").expect("writes");
        fs::write(run.path().join("frames.bin"), vec![0; 3000]).expect("writes");
    }
    let mut start = filled();
    press(&mut start, &[KeyCode::Tab]);
    assert_eq!(type_text(&mut start, "D"), None);
    assert_shows(&start, "stop it first");
    assert!(start.chrome.popup().is_none());
    // Marked, the living one protects all.
    type_text(&mut start, "  D");
    assert_shows(&start, "living is being trained and is not deleted");

    start.take(RunNews::Listed(runs.to_vec()));
    press(&mut start, &[KeyCode::Home]);
    type_text(&mut start, "D");
    assert_shows(&start, "Delete 2026-11-22_a, 3 kB? It is gone for good.");
    // Enter is pressed too easily.
    press(&mut start, &[KeyCode::Enter, KeyCode::Esc]);
    assert!(runs[0].path().exists() && start.chrome.popup().is_none());
    type_text(&mut start, "  D");
    assert_shows(&start, "Delete 2 runs, 6 kB? They are gone for good.");
    assert_shows(&start, "2026-11-22_b");
    type_text(&mut start, "y");
    assert_shows(&start, "deleted 2 runs, 6 kB");
    assert!(!runs[0].path().exists() && !runs[1].path().exists());
    assert_eq!(start.runs().count(), 0);
}

#[test]
fn a_run_that_cannot_be_deleted_is_told_and_stays() {
    let mut start = filled();
    press(&mut start, &[KeyCode::Tab, KeyCode::Down]);
    type_text(&mut start, "Dy");
    assert_shows(&start, "runs/over is not the folder of a run");
    assert_eq!(start.runs().count(), 4);
}

#[test]
fn the_chosen_run_stays_chosen_when_others_come_and_go() {
    let mut start = filled();
    press(&mut start, &[KeyCode::Tab, KeyCode::Down]);
    let names = ["newest", "new", "living", "over"];
    start.take(RunNews::Listed(names.map(folder).to_vec()));
    assert_eq!(press(&mut start, &[KeyCode::Enter]), chosen(Choice::Open, "over"));
    // What was known of it is still known.
    assert_shows(&start, "finished");
    start.take(RunNews::Listed(vec![folder("newest")]));
    assert_eq!(press(&mut start, &[KeyCode::Enter]), chosen(Choice::Open, "newest"));
}

#[test]
fn no_key_is_taken_twice() {
    let start = filled();
    for row in actions::<Start>() {
        for &key in row.keys {
            let all = actions::<Start>().filter(|other| other.keys.contains(&key));
            assert_eq!(all.count(), 1, "{key}");
            let found = find(&start, key).map(|found| found.description);
            assert_eq!(found, Some(row.description), "{key}");
        }
    }
}

#[test]
fn the_palette_and_zoom_work_here_too() {
    let mut start = filled();
    type_text(&mut start, ":replay the");
    assert_shows(&start, "(only in the list of runs)");
    press(&mut start, &[KeyCode::Esc]);
    type_text(&mut start, ":focus panel 2");
    press(&mut start, &[KeyCode::Enter]);
    assert_eq!(start.list(), List::Runs);
    type_text(&mut start, "z");
    let text = text(&start, 80, 24);
    assert!(text.contains("▸runs") && !text.contains("experiments"), "{text}");
    assert_eq!(press(&mut start, &[KeyCode::Esc]), None);
    assert_shows(&start, "experiments");
}

#[test]
fn nothing_is_drawn_when_nothing_has_changed() {
    let mut start = filled();
    let changed = |start: &mut Start| {
        let change = start.chrome.change();
        start.chrome.drawn();
        change != Change::None
    };
    assert!(changed(&mut start));
    assert!(!changed(&mut start));
    let minute = |minutes: i64| jiff::Timestamp::from_second(minutes * 60).expect("a time");
    start.pass_time(minute(122));
    assert!(!changed(&mut start), "hours have not changed");
    start.pass_time(minute(181));
    assert!(changed(&mut start));
    // A clock that was set back.
    start.pass_time(minute(-500));
    assert!(changed(&mut start));
    assert_shows(&start, "now");
}

#[test]
fn it_shows_what_there_is_at_any_size() {
    let mut start = filled();
    press(&mut start, &[KeyCode::Tab]);
    for part in ["quick", "fig09-f1", "needs mnist", "98.61 %", "1,200/54,000", "2 h", "crashed"] {
        assert_shows(&start, part);
    }
    for part in ["unreadable", "running", "runs/living", "conv7 on mnist"] {
        assert_shows(&start, part);
    }
    assert!(text(&start, 59, 24).contains("laperm needs 60 columns"));
    for width in 0..=30 {
        (0..=30).for_each(|height| drop(text(&start, width, height)));
    }
    type_text(&mut start, "?");
    assert_shows(&start, "launch or open");
    (1..=30).for_each(|size| drop(text(&start, size, size)));
    text(&Start::new(Vec::new()), 80, 24);
}
