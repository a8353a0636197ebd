//! The screen of a run and the start screen, in the real program in a pseudo-terminal.

mod support;

use std::thread::sleep;
use std::time::Duration;

use laperm::model::WeightsFile;
use laperm::run::RunFolder;
use laperm::train::{Command, Event, EventKind, Reason};
use rustix::process::Signal;
use support::pty::Pty;
use support::{SMALL, Workplace, events, eventually, reason};

const SIZE: (u16, u16) = (100, 30);
const CONTROL_C: &str = "\x03";
const ESCAPE: &str = "\x1b";

/// A run that ends only when it is stopped, with data in all its panels.
fn long_run(workplace: &Workplace) -> Pty {
    long_run_with(workplace, &[])
}

fn long_run_with(workplace: &Workplace, options: &[&str]) -> Pty {
    workplace.write("long.toml", SMALL);
    let arguments = [&["run", "long.toml", "--epochs", "100000"], options].concat();
    let pty = Pty::start(workplace, &arguments, SIZE);
    assert_panels_fill(&pty);
    pty
}

#[track_caller]
fn assert_panels_fill(pty: &Pty) {
    // Accuracies, the ranking distance, the weights' median, the profiles' similarity.
    pty.wait_until("all four panels of the first page have data", |screen| {
        let has_accuracy = screen.lines().any(|line| line.contains(" %") && line.contains("best"));
        has_accuracy
            && ["mean", "50 %", "SoWP"].iter().all(|part| screen.contains(part))
            && !screen.contains("yet")
    });
}

/// Types `keys` and waits for `text` on the screen.
#[track_caller]
fn type_and_see(pty: &mut Pty, keys: &str, text: &str) {
    pty.keys(keys);
    pty.wait_for(text);
}

/// The commands that were applied, with their steps.
fn applied(events: &[Event]) -> Vec<(u64, Command)> {
    let command = |event: &Event| match &event.kind {
        EventKind::Applied { command, .. } => Some((event.step, command.clone())),
        _ => None,
    };
    events.iter().filter_map(command).collect()
}

fn snapshots(run: &RunFolder) -> Vec<String> {
    let files = std::fs::read_dir(run.snapshots()).unwrap();
    let mut files: Vec<String> =
        files.map(|file| file.unwrap().path().display().to_string()).collect();
    files.sort();
    files
}

/// Checks that the only run was stopped by a command or signal and is complete on disk.
#[track_caller]
fn assert_stopped_and_saved(workplace: &Workplace) {
    let run = workplace.only_run();
    assert_eq!(reason(&events(&run)), Reason::Stopped);
    let saved = snapshots(&run);
    assert_eq!(saved.len(), 1, "{saved:?}");
    WeightsFile::read(saved[0].as_ref()).unwrap();
}

#[test]
fn enter_on_the_start_screen_trains_and_fills_the_panels() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    let screen = pty.wait_for("quick");
    assert!(screen.contains("laperm   train networks by permuting their weights"), "{screen}");
    assert!(screen.contains("no runs yet"), "{screen}");
    pty.keys("\r");
    assert_panels_fill(&pty);
    type_and_see(&mut pty, "q", "stop and save");
    // The list is there again, and shows how the run ended.
    type_and_see(&mut pty, "s", "stops and is saved");
    let screen = pty.wait_for("stopped");
    assert!(screen.contains("train networks by permuting"), "{screen}");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    let screen = pty.text();
    assert!(screen.contains("quick: stopped after"), "{screen}");
    assert_stopped_and_saved(&workplace);
}

#[test]
fn a_run_that_is_detached_returns_to_the_list_and_is_opened_from_there() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("quick");
    pty.keys("\r");
    assert_panels_fill(&pty);
    type_and_see(&mut pty, "d", "continues");
    pty.wait_for("running");
    // Still live: it is attached to, not replayed.
    type_and_see(&mut pty, "\t\r", "▶ running");
    type_and_see(&mut pty, ESCAPE, "stop and save");
    type_and_see(&mut pty, "d", "train networks by permuting");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    let run = workplace.only_run();
    let screen = pty.text();
    assert!(screen.contains(&format!("laperm attach {}", run.name())), "{screen}");
    let outcome = workplace.run(&["ctl", &run.name(), "stop"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_stopped_and_saved(&workplace);
}

#[test]
fn a_signal_in_a_run_opened_from_the_list_stops_and_saves_it() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("quick");
    pty.keys("\r");
    assert_panels_fill(&pty);
    pty.signal(Signal::TERM);
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    assert_stopped_and_saved(&workplace);
}

#[test]
fn a_lost_terminal_does_not_end_a_run_opened_from_the_list() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("quick");
    pty.keys("\r");
    assert_panels_fill(&pty);
    assert_eq!(pty.hang_up(), 0);
    let run = workplace.only_run();
    let outcome = workplace.run(&["ctl", &run.name(), "stop"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_stopped_and_saved(&workplace);
}

#[test]
fn the_start_screen_has_a_palette_too() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("quick");
    type_and_see(&mut pty, ":", "actions");
    type_and_see(&mut pty, "compare", "mark two or more runs with space first");
    // Ctrl-U empties the line.
    type_and_see(&mut pty, "\x15filter", "type to filter");
    type_and_see(&mut pty, "\r", "filter:");
    type_and_see(&mut pty, "no such thing", "nothing matches the filter");
    // Ctrl-C works wherever something is typed.
    pty.keys(CONTROL_C);
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

#[test]
fn a_live_run_is_steered_and_its_log_tells() {
    let workplace = Workplace::new();
    let mut pty = long_run(&workplace);
    type_and_see(&mut pty, "s", "saved snapshots/step-");
    type_and_see(&mut pty, "K", "k: steps between syncs");
    type_and_see(&mut pty, "100\r", "k 100");
    type_and_see(&mut pty, "P", "p: share of weights pruned");
    type_and_see(&mut pty, "50\r", "p 50 %");
    type_and_see(&mut pty, " ", "paused");
    type_and_see(&mut pty, "s", "saved snapshots/step-");
    pty.keys(" ");
    pty.wait_without("paused");
    type_and_see(&mut pty, "e", "evaluated");
    type_and_see(&mut pty, "y", "synchronized at step");
    type_and_see(&mut pty, "]", "layer dense2, weight vector 1 of 64");
    type_and_see(&mut pty, "}", "layer dense2, weight vector 2 of 64");
    type_and_see(&mut pty, "5", "dense2[1]");
    type_and_see(&mut pty, "q", "stop and save");
    pty.keys("\r");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();

    let run = workplace.only_run();
    let events = events(&run);
    let (steps, commands): (Vec<u64>, Vec<Command>) = applied(&events).into_iter().unzip();
    let expected = [
        Command::Snapshot,
        Command::SetPeriod { k: 100 },
        Command::SetPruning { p: 0.5 },
        Command::Pause,
        Command::Snapshot,
        Command::Resume,
        Command::Evaluate,
        Command::Sync,
        Command::Watch { layer: 1, vector: 0 },
        Command::Watch { layer: 1, vector: 1 },
        Command::Stop,
    ];
    assert_eq!(commands, expected);
    assert!(steps[0] > 0 && steps.is_sorted(), "{steps:?}");
    assert_eq!(steps[3], steps[5], "no step is taken while paused");
    assert_eq!(reason(&events), Reason::Stopped);
    assert_every_answer_is_there(&events, &steps);
    assert_snapshots_prove(&workplace, &run);
}

/// Checks that every command had its effect at its step.
#[track_caller]
fn assert_every_answer_is_there(events: &[Event], steps: &[u64]) {
    let happened = |step: u64, what: &dyn Fn(&EventKind) -> bool| {
        assert!(events.iter().any(|event| event.step == step && what(&event.kind)), "step {step}");
    };
    for step in [steps[0], steps[4]] {
        happened(step, &|kind| matches!(kind, EventKind::Snapshot { synced: true, .. }));
    }
    happened(
        steps[1],
        &|kind| matches!(kind, EventKind::Schedule(schedule) if schedule.k == 100 && schedule.k_by_hand),
    );
    happened(
        steps[2],
        &|kind| matches!(kind, EventKind::Schedule(schedule) if schedule.p == 0.5 && schedule.p_by_hand),
    );
    happened(steps[2], &|kind| matches!(kind, EventKind::Sync { .. }));
    happened(steps[6], &|kind| matches!(kind, EventKind::Evaluation { .. }));
    happened(steps[7], &|kind| matches!(kind, EventKind::Sync { .. }));
    happened(steps[9], &|kind| matches!(kind, EventKind::Frame { at: Some(_), .. }));
}

/// Checks that all snapshots, the two by hand and the one at the end, are permutations, and that
/// those after the change of p are pruned.
#[track_caller]
fn assert_snapshots_prove(workplace: &Workplace, run: &RunFolder) {
    let files = snapshots(run);
    assert_eq!(files.len(), 3, "{files:?}");
    for (file, p) in files.iter().zip(["0", "0.5", "0.5"]) {
        let outcome = workplace.run(&["snapshot", "verify", file]);
        assert_eq!(outcome.code, Some(0), "{file}: {}{}", outcome.stdout, outcome.stderr);
        let weights = WeightsFile::read(file.as_ref()).unwrap();
        assert_eq!(weights.metadata["p"], p);
        let values = &weights.tensor("dense2.weight").unwrap().values;
        let zeros = values.iter().filter(|&&value| value == 0.0).count();
        let share = zeros as f64 / values.len() as f64;
        let p: f64 = p.parse().unwrap();
        assert!((share - p).abs() < 0.05, "{share} of dense2 are zero in {file}");
    }
}

#[test]
fn help_palette_and_zoom_open_and_close() {
    let workplace = Workplace::new();
    let mut pty = long_run(&workplace);
    type_and_see(&mut pty, "?", "pause or resume");
    pty.keys(ESCAPE);
    pty.wait_without("pause or resume");
    type_and_see(&mut pty, ":", "actions");
    pty.keys("snapshot");
    pty.wait_without("synchronize now");
    type_and_see(&mut pty, "\r", "saved snapshots/step-");
    pty.wait_without("save a snapshot");
    pty.keys("2z");
    pty.wait_until("one panel fills the screen", |screen| {
        screen.contains("▸2 ") && !screen.contains(" 1 ") && !screen.contains("SoWP")
    });
    pty.keys("z");
    assert_panels_fill(&pty);
}

#[test]
fn any_size_is_survived_and_a_small_one_is_told() {
    let workplace = Workplace::new();
    let mut pty = long_run(&workplace);
    pty.resize(40, 10);
    pty.wait_for("laperm needs 60 columns");
    for (columns, rows) in [(1, 1), (2, 200), (200, 2), (60, 18), (200, 60), (1, 1)] {
        let before = pty.bytes();
        pty.resize(columns, rows);
        eventually("it is drawn again", || (pty.bytes() > before).then_some(()));
    }
    pty.resize(80, 24);
    assert_panels_fill(&pty);
    pty.resize(40, 10);
    pty.wait_for("Ctrl-C twice");
    pty.keys(CONTROL_C);
    pty.keys(CONTROL_C);
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    assert_stopped_and_saved(&workplace);
}

#[test]
fn a_paused_screen_sends_nothing() {
    let workplace = Workplace::new();
    let mut pty = long_run(&workplace);
    type_and_see(&mut pty, " ", "paused");
    sleep(Duration::from_millis(500));
    let before = pty.bytes();
    sleep(Duration::from_secs(2));
    assert_eq!(pty.bytes() - before, 0, "{}", pty.text());
}

#[test]
fn control_c_asks_and_the_second_one_stops_and_saves() {
    let workplace = Workplace::new();
    let mut pty = long_run(&workplace);
    type_and_see(&mut pty, CONTROL_C, "stop and save");
    pty.keys(CONTROL_C);
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    assert_stopped_and_saved(&workplace);
}

#[test]
fn signals_stop_and_save() {
    for (signal, paused) in [(Signal::TERM, false), (Signal::TERM, true), (Signal::INT, false)] {
        let workplace = Workplace::new();
        let mut pty = long_run(&workplace);
        if paused {
            type_and_see(&mut pty, " ", "paused");
        }
        pty.signal(signal);
        assert_eq!(pty.wait_for_end(), 0, "{signal:?}");
        pty.assert_restored();
        assert_stopped_and_saved(&workplace);
    }
}

#[test]
fn a_lost_terminal_stops_and_saves_where_that_is_wanted() {
    for paused in [false, true] {
        let workplace = Workplace::new();
        let mut pty = long_run_with(&workplace, &["--on-hangup", "stop"]);
        if paused {
            type_and_see(&mut pty, " ", "paused");
        }
        pty.hang_up();
        assert_stopped_and_saved(&workplace);
    }
}

#[test]
fn a_signal_on_the_start_screen_only_leaves() {
    let workplace = Workplace::new();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("no runs yet");
    pty.signal(Signal::TERM);
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    let pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("no runs yet");
    pty.hang_up();
    assert_eq!(workplace.files(), [""; 0]);
}

#[test]
fn a_run_that_is_over_stays_and_can_be_opened_again() {
    let workplace = Workplace::new();
    workplace.write("short.toml", SMALL);
    let mut pty = Pty::start(&workplace, &["run", "short.toml", "--steps", "30"], SIZE);
    pty.wait_for("all steps taken");
    assert_panels_fill(&pty);
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    assert_eq!(reason(&events(&workplace.only_run())), Reason::Finished);

    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("finished");
    pty.keys("\t\r");
    assert_panels_fill(&pty);
    type_and_see(&mut pty, "q", "train networks by permuting");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    workplace.only_run();
}

#[test]
fn without_a_terminal_it_says_so() {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    for arguments in [&[][..], &["run", "small.toml"]] {
        workplace.run(arguments).assert_refused(2, &["needs a terminal", "--headless"]);
    }
    assert_eq!(workplace.files(), ["small.toml"]);
}
