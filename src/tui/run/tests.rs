//! The view of a run, driven by events and keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::render;
use super::state::App;
use crate::run::TimeUnit;
use crate::session::{Playback, Target, Transport};
use crate::train::{
    Command, Event, EventKind, LayerInfo, Phase, Reason, Schedule, Score, Started, Weights,
};
use crate::tui::content::{Content, actions};
use crate::tui::help;
use crate::tui::keys::Key;
use crate::tui::pace::Change;
use crate::tui::panels::Panel;
use crate::tui::theme::{Depth, Theme};
use crate::tui::window::{Leave, Request};

fn event(step: u64, kind: EventKind) -> Event {
    Event { step, seconds: step as f64 / 10.0, kind }
}

fn started() -> EventKind {
    let layer =
        |name: &str| LayerInfo { name: name.into(), vectors: 3, length: 9, ..LayerInfo::default() };
    EventKind::Started(Box::new(Started {
        name: "conv7-k20".into(),
        network: "Conv7".into(),
        dataset: "mnist".into(),
        wrapper: "laperm".into(),
        optimizer: "adam".into(),
        train_examples: 60_000,
        steps_per_epoch: 1200,
        total_steps: 54_000,
        layers: vec![layer("conv1"), layer("conv2")],
        ..Started::default()
    }))
}

fn schedule() -> Schedule {
    Schedule { lr: 0.001, k: 20, p: 0.5, active: true, ..Schedule::default() }
}

fn step(step: u64) -> Event {
    event(step, EventKind::Step { loss: 0.25, accuracy: 0.9 })
}

/// A live run after this many steps.
fn running(steps: u64) -> App {
    let mut app = App::new(true);
    app.take_events(&[
        event(0, started()),
        event(0, EventKind::Schedule(schedule())),
        event(0, EventKind::Phase { phase: Phase::Running }),
    ]);
    app.take_events(&(1..=steps).map(step).collect::<Vec<_>>());
    app
}

fn press(app: &mut App, keys: impl IntoIterator<Item = KeyCode>) {
    keys.into_iter().for_each(|key| app.key(KeyEvent::from(key)));
}

fn type_text(app: &mut App, text: &str) {
    press(app, text.chars().map(KeyCode::Char));
}

/// How the view asks to be left, if it does.
fn leave(app: &mut App) -> Option<Leave> {
    match app.chrome_mut().take_request() {
        Some(Request::Leave(leave)) => Some(leave),
        _ => None,
    }
}

fn control(app: &mut App, c: char) {
    app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
}

fn finish(app: &mut App, reason: Reason, message: Option<&str>) {
    let message = message.map(Into::into);
    let kind =
        EventKind::Finished { reason, message, weights_checksum: None, data_wait_seconds: None };
    app.take_events(&[event(77, kind)]);
}

fn answer(app: &mut App, command: Command) {
    let step = app.run.step;
    app.take_events(&[event(step, EventKind::Applied { command, by: None })]);
}

fn picture(app: &App, unicode: bool, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    render(app, &Theme::new(Depth::None, unicode), area, &mut buffer);
    let rows = buffer.content.chunks(width.max(1).into());
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

fn text(app: &App) -> String {
    picture(app, true, 80, 24)
}

#[track_caller]
fn assert_shows(app: &App, part: &str) {
    let text = text(app);
    assert!(text.contains(part), "`{part}` is not in\n{text}");
}

#[test]
fn space_pauses_and_resumes() {
    let mut app = running(3);
    type_text(&mut app, " ");
    assert_eq!(app.take_commands(), [Command::Pause]);
    assert_shows(&app, "asked for: pause");
    // A second press turns the first around, even before it was answered.
    type_text(&mut app, " ");
    assert_eq!(app.take_commands(), [Command::Resume]);
    answer(&mut app, Command::Pause);
    answer(&mut app, Command::Resume);
    assert_shows(&app, "resumed at step 3");
    app.take_events(&[event(3, EventKind::Phase { phase: Phase::Paused })]);
    assert_shows(&app, "paused");
    type_text(&mut app, " n");
    assert_eq!(app.take_commands(), [Command::Resume]);
    assert_shows(&app, "asked for: resume");
}

#[test]
fn a_single_step_is_for_a_paused_run() {
    let mut app = running(3);
    type_text(&mut app, "n");
    assert_eq!(app.take_commands(), []);
    assert_shows(&app, "take one step: only while paused");
    app.take_events(&[event(3, EventKind::Phase { phase: Phase::Paused })]);
    type_text(&mut app, "n");
    assert_eq!(app.take_commands(), [Command::Step]);
}

#[test]
fn k_climbs_its_ladder_from_what_was_asked_for() {
    let mut app = running(3);
    type_text(&mut app, "++-=");
    let ks = [50, 100, 50, 100].map(|k| Command::SetPeriod { k });
    assert_eq!(app.take_commands(), ks);
    for command in ks {
        assert_shows(&app, "asked for: k = ");
        answer(&mut app, command);
    }
    assert_shows(&app, "k = 100, from step 3 on");
    let by_hand = Schedule { k: 100, k_by_hand: true, ..schedule() };
    app.take_events(&[event(3, EventKind::Schedule(by_hand))]);
    assert_shows(&app, "k 100*");
    assert!(picture(&app, true, 120, 40).contains("k 100 by hand"));
}

#[test]
fn p_goes_by_five_points() {
    let mut app = running(3);
    type_text(&mut app, ">.<");
    let ps = [0.55, 0.6, 0.55].map(|p| Command::SetPruning { p });
    assert_eq!(app.take_commands(), ps);
}

#[test]
fn other_keys_that_steer() {
    let mut app = running(3);
    type_text(&mut app, "ysea");
    let commands = [Command::Sync, Command::Snapshot, Command::Evaluate, Command::BackToSchedule];
    assert_eq!(app.take_commands(), commands);
}

#[test]
fn a_prompt_says_what_is_wrong_and_sends_what_is_right() {
    let mut app = running(3);
    type_text(&mut app, "P120%");
    press(&mut app, [KeyCode::Enter]);
    assert_shows(&app, "p must be at least 0 % and below 100 %");
    assert_eq!(app.take_commands(), []);
    press(&mut app, [KeyCode::Backspace; 4]);
    assert_shows(&app, "now 50 %");
    app.paste("12.5\nq");
    assert_shows(&app, "p = 12.5 %");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_commands(), [Command::SetPruning { p: 0.125 }]);
    type_text(&mut app, "K0");
    assert_shows(&app, "k must be at least 1");
    press(&mut app, [KeyCode::Esc]);
    type_text(&mut app, "L1e-4");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_commands(), [Command::SetLearningRate { lr: 1e-4 }]);
}

#[test]
fn what_was_refused_is_said() {
    let mut app = running(3);
    type_text(&mut app, "y");
    let reason = "laperm is not active yet".into();
    let command = Command::Sync;
    app.take_events(&[event(3, EventKind::Refused { command, reason, by: None })]);
    assert_shows(&app, "not done: sync: laperm is not active yet");
}

#[test]
fn leaving_a_live_run_is_asked_about() {
    let mut app = running(3);
    type_text(&mut app, "q");
    assert_shows(&app, "stop and save");
    press(&mut app, [KeyCode::Esc]);
    assert_eq!(leave(&mut app), None);
    type_text(&mut app, "qs");
    assert_eq!(leave(&mut app), Some(Leave::Stop));
    let mut app = running(3);
    // Whatever is open, Ctrl-C asks, and the second one is an answer.
    type_text(&mut app, "K5");
    control(&mut app, 'c');
    assert_eq!(leave(&mut app), None);
    assert_shows(&app, "stop and save");
    control(&mut app, 'c');
    assert_eq!(leave(&mut app), Some(Leave::Stop));
}

#[test]
fn escape_goes_back_step_by_step() {
    let mut app = App::new(false);
    press(&mut app, [KeyCode::Enter, KeyCode::Esc]);
    assert_eq!((app.chrome.zoomed, leave(&mut app)), (false, None));
    press(&mut app, [KeyCode::Esc]);
    assert_eq!(leave(&mut app), Some(Leave::Left));
    // A live run is never left without a question, which escape closes.
    let mut app = running(3);
    press(&mut app, [KeyCode::Esc]);
    assert_shows(&app, "stop and save");
    press(&mut app, [KeyCode::Esc]);
    assert_eq!((app.chrome.popup().is_none(), leave(&mut app)), (true, None));
}

#[test]
fn a_run_that_is_over_stays_to_be_looked_at() {
    let mut app = running(76);
    type_text(&mut app, "q");
    finish(&mut app, Reason::Finished, None);
    assert_eq!(leave(&mut app), None);
    assert_shows(&app, "finished");
    assert_shows(&app, "all steps taken");
    type_text(&mut app, " +");
    assert_eq!(app.take_commands(), []);
    assert_shows(&app, "the run is over");
    type_text(&mut app, "}q");
    assert_eq!(app.take_commands(), []);
    assert_eq!(app.view.vector, 1);
    assert_eq!(leave(&mut app), Some(Leave::Left));
}

#[test]
fn a_run_of_others_is_left_without_a_question() {
    let mut app = App::new(false);
    type_text(&mut app, " ");
    assert_eq!(app.take_commands(), []);
    assert_shows(&app, "not steered from here");
    type_text(&mut app, "q");
    assert_eq!(leave(&mut app), Some(Leave::Left));
}

#[test]
fn divergence_asks_what_now_but_takes_no_typing() {
    let diverged = || event(3, EventKind::Diverged { place: "loss".into(), good_step: 2 });
    let mut app = running(3);
    type_text(&mut app, "K5");
    app.take_events(&[diverged()]);
    assert_shows(&app, "k = 5");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_commands(), [Command::SetPeriod { k: 5 }]);
    assert_shows(&app, "loss is not a finite number any more");
    assert_shows(&app, "The state of step 2");
    type_text(&mut app, "g");
    assert_eq!(app.take_commands(), [Command::Resume]);
    // A stray key does nothing, and the question goes when it is answered elsewhere.
    app.take_events(&[diverged()]);
    press(&mut app, [KeyCode::Enter]);
    assert_eq!((app.take_commands(), leave(&mut app)), (vec![], None));
    app.take_events(&[diverged(), event(3, EventKind::Phase { phase: Phase::Running })]);
    assert!(app.chrome.popup().is_none());
    app.take_events(&[diverged()]);
    type_text(&mut app, "l");
    assert_shows(&app, "learning rate");
    type_text(&mut app, "0.5");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_commands(), [Command::SetLearningRate { lr: 0.5 }]);
}

#[test]
fn a_failure_is_shown_with_its_message() {
    let mut app = running(3);
    finish(&mut app, Reason::Failed, Some("the disk is full"));
    assert_shows(&app, "The run has failed: the disk is full");
    press(&mut app, [KeyCode::Enter]);
    assert!(app.chrome.popup().is_none());
    assert_shows(&app, "failed after step 77: the disk is full");
}

#[test]
fn freezing_holds_the_picture_while_events_are_folded() {
    let mut app = running(3);
    type_text(&mut app, "f");
    app.drawn();
    let frozen = text(&app);
    app.take_events(&[step(4), step(5)]);
    assert_eq!(app.change(), Change::None);
    assert_eq!(text(&app), frozen);
    assert!(frozen.contains("step 3/54000"), "{frozen}");
    type_text(&mut app, "f");
    assert_shows(&app, "step 5/54000");
}

#[test]
fn nothing_is_drawn_when_nothing_has_changed() {
    let mut app = running(3);
    app.drawn();
    app.take_events(&[]);
    assert_eq!(app.change(), Change::None);
    app.take_events(&[step(4)]);
    assert_eq!(app.change(), Change::News);
    type_text(&mut app, "m");
    assert_eq!(app.change(), Change::Input);
}

/// A recorded run of 1000 steps, shown at step 400.
fn replayed(playing: bool) -> App {
    let mut app = App::new(false);
    app.set_state(running(400).run);
    let (last_step, speed) = (1000, 20);
    app.set_playback(Playback { last_step, speed, playing, at_end: false, living: false });
    app
}

#[test]
fn in_a_replay_keys_move_in_time() {
    let mut app = replayed(false);
    type_text(&mut app, " +-.,nNcC");
    press(&mut app, [KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End]);
    app.key(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT));
    let expected = [
        Transport::PlayOrStop,
        Transport::Faster,
        Transport::Slower,
        Transport::Step { forward: true },
        Transport::Step { forward: false },
        Transport::Sync { forward: true },
        Transport::Sync { forward: false },
        Transport::Change { forward: true },
        Transport::Change { forward: false },
        Transport::Scrub(-1),
        Transport::Scrub(1),
        Transport::Start,
        Transport::End,
        Transport::Scrub(-10),
    ];
    assert_eq!(app.take_transports(), expected);
    assert_eq!((app.take_commands(), app.view.cursor), (vec![], None));
    type_text(&mut app, "Ge3");
    assert_shows(&app, "to the end of epoch 3");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_transports(), [Transport::To(Target::Epoch(3.0))]);
    type_text(&mut app, "Gsoon");
    assert_shows(&app, "`soon` is no step (1200), epoch (e3) or share (50%)");
}

#[test]
fn keys_that_make_no_sense_here_say_why() {
    let mut app = replayed(false);
    for key in ["K", ">", "y", "s", "L"] {
        type_text(&mut app, key);
        assert_shows(&app, "this is a replay, which is not steered");
    }
    type_text(&mut app, "f");
    assert_shows(&app, "in a replay, space stops");
    type_text(&mut app, "}");
    assert_shows(&app, "a replay shows the vector that was watched");
    let mut app = running(3);
    for key in ["G", "c", "N"] {
        type_text(&mut app, key);
        assert_shows(&app, "only in a replay");
    }
    assert_eq!((app.take_commands(), app.take_transports()), (vec![], vec![]));
}

#[test]
fn a_replay_says_where_it_is() {
    let app = replayed(true);
    for part in ["REPLAY ▶ 20x", "step 400/1000", "epoch 0.3/0.83", " 40 %", "k 20", "play"] {
        assert_shows(&app, part);
    }
    assert_shows(&replayed(false), "REPLAY ■ stopped, 20x");
    assert!(!text(&app).contains("cursor"), "{}", text(&app));
    let mut app = replayed(false);
    let end = Playback { last_step: 1000, speed: 1, playing: false, at_end: true, living: true };
    app.set_playback(end);
    assert_shows(&app, "REPLAY ▶ follows");
    app.set_playback(Playback { living: false, ..end });
    assert_shows(&app, "REPLAY ■ at the end");
}

#[test]
fn a_zoomed_view_comes_along_with_the_moment() {
    let mut app = replayed(false);
    type_text(&mut app, "ii");
    let window = app.view.window.expect("a window");
    app.set_state(running(350).run);
    assert_eq!(app.view.window, Some(window));
    app.set_state(running(10).run);
    let (from, to) = app.view.window.expect("a window");
    assert!((from..to).contains(&10) && to - from == window.1 - window.0, "{from}..{to}");
}

#[test]
fn the_palette_runs_actions_by_name() {
    let mut app = running(3);
    type_text(&mut app, ":snap");
    assert_shows(&app, "save a snapshot");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.take_commands(), [Command::Snapshot]);
    type_text(&mut app, ":panel 3");
    press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.panel().title(), "Weight distribution");
    type_text(&mut app, ":no such thing");
    press(&mut app, [KeyCode::Enter]);
    assert_shows(&app, "no action has these words");
    press(&mut app, [KeyCode::Esc]);
    // What cannot be done is listed with the reason.
    type_text(&mut app, ":one step");
    assert_shows(&app, "(only while paused)");
}

#[test]
fn help_lists_every_binding() {
    let mut app = running(3);
    type_text(&mut app, "?");
    let mut pages = String::new();
    for _ in 0..6 {
        pages += &text(&app);
        press(&mut app, [KeyCode::Right]);
    }
    for row in actions::<App>() {
        let keys = match row.description {
            "focus panel" => format!("1-{}", Panel::ALL.len()),
            _ => row.key_names(),
        };
        let entry = format!("{keys:<0$} {1}", help::KEYS, row.description);
        assert!(pages.contains(&entry), "`{entry}` is not in\n{pages}");
    }
    press(&mut app, [KeyCode::Left, KeyCode::Esc]);
    assert!(app.chrome.popup().is_none());
}

#[test]
fn looking_around() {
    let mut app = running(1000);
    press(&mut app, [KeyCode::Tab, KeyCode::Tab, KeyCode::BackTab, KeyCode::Enter]);
    assert_eq!((app.panel().title(), app.chrome.zoomed), ("Ranking distance", true));
    press(&mut app, [KeyCode::Esc]);
    assert!(!app.chrome.zoomed);
    type_text(&mut app, "]]}}}}{gxmb");
    assert_eq!((app.view.layer, app.view.vector), (1, 1));
    assert_eq!((app.view.log, app.view.unit, app.view.smoothing), (true, TimeUnit::Epochs, 10.0));
    assert!(app.view.since_start);
    assert_eq!(app.take_commands(), [Command::Watch { layer: 1, vector: 1 }]);
    press(&mut app, [KeyCode::Left]);
    assert_eq!(app.view.cursor, Some(990));
    app.key(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT));
    assert_eq!(app.view.cursor, Some(890));
    app.key(KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL));
    assert_eq!(app.view.window, Some((445, 946)));
    type_text(&mut app, "0");
    assert_eq!((app.view.cursor, app.view.window), (None, None));
}

#[test]
fn the_header_tells_how_it_goes() {
    let mut app = running(1200);
    let test = Score { accuracy: 0.98612, ..Score::default() };
    let kind = EventKind::Evaluation { weights: Weights::Synced, test, train: None, took: 1.0 };
    app.take_events(&[event(1200, kind)]);
    for part in [
        "conv7-k20",
        "Conv7 on mnist",
        "running",
        "best 98.61 %",
        "500 images/s",
        "epoch 1.0/45",
        "step 1200/54000",
        "k 20",
        "p 50 %",
        "lr 0.001",
    ] {
        assert_shows(&app, part);
    }
    assert!(picture(&app, true, 200, 60).contains("laperm around adam"));
}

#[test]
fn without_unicode_all_is_ascii() {
    let mut app = running(3);
    type_text(&mut app, "q");
    assert!(picture(&app, false, 80, 24).is_ascii());
}

#[test]
fn a_small_terminal_is_told_what_it_takes() {
    let app = running(3);
    let small = picture(&app, true, 59, 24);
    assert!(small.contains("laperm needs 60 columns and 18 rows; this terminal has 59"), "{small}");
    assert!(!picture(&app, true, 60, 18).contains("laperm needs"));
}

#[test]
fn any_size_can_be_drawn() {
    let mut apps = vec![App::new(true), running(30), running(30), running(30), running(30)];
    type_text(&mut apps[1], "?");
    type_text(&mut apps[2], ":");
    type_text(&mut apps[3], "K12");
    type_text(&mut apps[4], "zq");
    for app in &apps {
        for width in 0..=30 {
            (0..=30).for_each(|height| drop(picture(app, true, width, height)));
        }
        for (width, height) in [(60, 18), (80, 24), (61, 200), (300, 18), (200, 60)] {
            picture(app, true, width, height);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No order of keys and events brings it down, layers or no layers.
    #[test]
    fn any_keys_and_events_are_survived(
        steerable: bool,
        happenings in prop::collection::vec((0u8..13, 0usize..200), 0..80),
        width in 0u16..130,
        height in 0u16..50,
    ) {
        let mut app = App::new(steerable);
        let keys: Vec<Key> = actions::<App>().flat_map(|row| row.keys).copied().collect();
        for (i, (what, which)) in happenings.into_iter().enumerate() {
            let at = i as u64;
            match what {
                0 => app.take_events(&[event(at, started())]),
                1 => app.take_events(&[event(0, EventKind::Started(Box::default()))]),
                2 => app.take_events(&[step(at), event(at, EventKind::Unknown)]),
                3 => app.take_events(&[event(at, EventKind::Diverged {
                    place: "loss".into(), good_step: at,
                })]),
                4 => finish(&mut app, Reason::Failed, None),
                5 => app.paste("50 %\n\u{7}"),
                6 => {
                    let playback = Playback {
                        last_step: at, speed: 1, playing: steerable, at_end: true, living: false,
                    };
                    app.set_state(running(at % 9).run);
                    app.set_playback(playback);
                }
                7 => press(&mut app, [KeyCode::Enter]),
                _ => app.key(keys[which % keys.len()].event()),
            }
        }
        picture(&app, true, width, height);
    }
}
