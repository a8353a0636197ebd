//! Recorded runs in a terminal: played, scrubbed, followed.

mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use laperm::run::RunFolder;
use rustix::process::Signal;
use support::pty::Pty;
use support::{SMALL, Workplace, eventually};

const SIZE: (u16, u16) = (100, 30);
const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const SHIFT_RIGHT: &str = "\x1b[1;2C";
const ESCAPE: &str = "\x1b";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";

/// A finished run of 60 steps, 12 an epoch, with a sync every 20.
fn finished_run(workplace: &Workplace) -> RunFolder {
    workplace.write("small.toml", SMALL);
    let outcome = workplace.run(&["run", "small.toml", "--headless"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    workplace.only_run()
}

fn replay(workplace: &Workplace, run: &RunFolder, more: &[&str]) -> Pty {
    let path = run.path().display().to_string();
    Pty::start(workplace, &[&["replay", &path], more].concat(), SIZE)
}

/// Types `keys` and waits for `text` on the screen.
#[track_caller]
fn type_and_see(pty: &mut Pty, keys: &str, text: &str) {
    pty.keys(keys);
    pty.wait_for(text);
}

#[test]
fn a_recorded_run_is_stepped_through_and_jumped_in() {
    let workplace = Workplace::new();
    let run = finished_run(&workplace);
    let mut pty = replay(&workplace, &run, &["--step", "20"]);
    let screen = pty.wait_for("step 20/60");
    assert!(screen.contains("REPLAY ■ stopped"), "{screen}");
    assert!(screen.contains("running"), "as it was then: {screen}");
    type_and_see(&mut pty, RIGHT, "step 21/60");
    type_and_see(&mut pty, ".", "step 22/60");
    type_and_see(&mut pty, ",", "step 21/60");
    type_and_see(&mut pty, LEFT, "step 20/60");
    type_and_see(&mut pty, SHIFT_RIGHT, "step 30/60");
    type_and_see(&mut pty, "n", "step 40/60");
    type_and_see(&mut pty, "n", "step 60/60");
    type_and_see(&mut pty, "n", "no later sync");
    type_and_see(&mut pty, "N", "step 40/60");
    type_and_see(&mut pty, "c", "no later change was made by hand");
    type_and_see(&mut pty, "G", "go to");
    type_and_see(&mut pty, "e2\r", "step 24/60");
    type_and_see(&mut pty, "G50%", "to 50.0 % of the log");
    type_and_see(&mut pty, "\r", "step 30/60");
    type_and_see(&mut pty, HOME, "step 0/60");
    let screen = pty.wait_for("k 20");
    assert!(!screen.contains("best"), "nothing is known before it happened: {screen}");
    type_and_see(&mut pty, END, "at the end");
    type_and_see(&mut pty, "K", "this is a replay, which is not steered");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

#[test]
fn it_is_played_to_its_end_and_then_sends_no_bytes() {
    let workplace = Workplace::new();
    let run = finished_run(&workplace);
    let mut pty = replay(&workplace, &run, &["--step", "0"]);
    pty.wait_for("step 0/60");
    pty.keys("++ ");
    pty.wait_for("at the end");
    let screen = pty.wait_for("step 60/60");
    assert!(screen.contains("finished"), "{screen}");
    sleep(Duration::from_millis(300));
    let before = pty.bytes();
    sleep(Duration::from_millis(1500));
    assert_eq!(pty.bytes(), before);
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
}

#[test]
fn a_run_that_is_being_written_is_followed() {
    let workplace = Workplace::new();
    workplace.write("long.toml", SMALL);
    let training = workplace.start(&["run", "long.toml", "--headless", "--epochs", "100000"]);
    let has_steps = |run: &RunFolder| {
        fs::read_to_string(run.events()).is_ok_and(|log| log.contains(r#""type":"sync""#))
    };
    let run = eventually("the run has begun", || workplace.runs().into_iter().find(has_steps));
    let name = run.name();
    let mut pty = Pty::start(&workplace, &["replay", &name], SIZE);
    let follows = pty.wait_for("follows");
    pty.wait_until("it goes on", |screen| step(screen) > step(&follows));
    type_and_see(&mut pty, HOME, "stopped");
    assert_eq!(step(&pty.wait_for("step 0/")), 0);
    let later = pty.wait_for("step 0/");
    pty.wait_until("the log is seen to grow", |screen| last_step(screen) > last_step(&later));
    type_and_see(&mut pty, END, "follows");
    training.signal(Signal::TERM);
    training.wait();
    pty.wait_for("at the end");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

/// Both numbers of `step 30/60` on the screen.
fn steps(screen: &str) -> Option<(u64, u64)> {
    let (step, last) = screen.split_once("step ")?.1.split_once('/')?;
    Some((step.parse().ok()?, last.split_whitespace().next()?.parse().ok()?))
}

fn step(screen: &str) -> u64 {
    steps(screen).map_or(0, |(step, _)| step)
}

fn last_step(screen: &str) -> u64 {
    steps(screen).map_or(0, |(_, last)| last)
}

#[test]
fn without_a_run_the_carried_one_is_played() {
    let workplace = Workplace::new();
    let unpacked = || {
        let entries = fs::read_dir(workplace.path().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut pty = Pty::start(&workplace, &["replay"], SIZE);
    pty.wait_for("REPLAY ▶");
    assert_eq!(unpacked().len(), 1);
    pty.keys(END);
    pty.wait_until("all panels have something to show", |screen| {
        ["best", "mean", "50 %", "SoWP", "at the end"].iter().all(|part| screen.contains(part))
            && !screen.contains("yet")
    });
    type_and_see(&mut pty, "C", "step 450/600");
    type_and_see(&mut pty, "C", "p 30 %");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    assert_eq!(unpacked(), Vec::<std::path::PathBuf>::new());
    assert_eq!(workplace.runs().len(), 0);
}

#[test]
fn a_replay_opened_from_the_list_returns_to_it() {
    let workplace = Workplace::new();
    finished_run(&workplace);
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("finished");
    for (open, leave) in [("\tR", "q"), ("\r", ESCAPE)] {
        type_and_see(&mut pty, open, "REPLAY");
        let screen = pty.wait_for("step 60/60");
        assert!(screen.contains("at the end"), "{screen}");
        // The list is as it was left, with the run still selected.
        type_and_see(&mut pty, leave, "▸runs");
    }
    // The list says why a run cannot be opened.
    let run = workplace.only_run();
    fs::write(run.events(), "not\na log\n").unwrap();
    type_and_see(&mut pty, "R", "not the log of a run");
    pty.keys("\x03");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

#[test]
fn a_lost_terminal_ends_it() {
    let workplace = Workplace::new();
    let run = finished_run(&workplace);
    let pty = replay(&workplace, &run, &[]);
    pty.wait_for("REPLAY");
    assert_eq!(pty.hang_up(), 0);
}

#[test]
fn damage_is_said_and_withholds_nothing_else() {
    let workplace = Workplace::new();
    let run = finished_run(&workplace);
    let log = fs::read_to_string(run.events()).unwrap();
    let mut lines: Vec<&str> = log.lines().collect();
    lines[20] = r#"{"step":3,"seconds""#;
    lines.insert(30, "\u{0}\u{0}\u{0}");
    fs::write(run.events(), lines.join("\n") + "\n{\"step\":61,\"sec").unwrap();
    let mut pty = replay(&workplace, &run, &["--step", "60"]);
    pty.wait_for("2 damaged lines of the log were skipped");
    pty.wait_for("step 60/60");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    let outcome = workplace.run(&["runs"]);
    assert!(outcome.stdout.contains("finished"), "{}", outcome.stdout);
}

#[test]
fn a_screenshot_is_of_any_step() {
    let workplace = Workplace::new();
    let run = finished_run(&workplace);
    let path = run.path().display().to_string();
    let picture = |more: &[&str]| {
        let outcome = workplace.run(&[&["screenshot", &path], more].concat());
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    let shows = |svg: &str, text: &str| svg.contains(text);
    assert!(
        shows(&picture(&["--step", "25"]), "step") && shows(&picture(&["--step", "25"]), ">25<")
    );
    assert!(shows(&picture(&[]), "finished"));
}

#[test]
fn what_is_not_a_log_is_refused() {
    let workplace = Workplace::new();
    workplace.write("runs/other/events.jsonl", "not\na log\n");
    let run = RunFolder::open(Path::new("runs/other"));
    let pty = replay(&workplace, &run, &[]);
    let mut pty = pty;
    assert_eq!(pty.wait_for_end(), 2);
    let screen = pty.text();
    assert!(screen.contains("not the log of a run"), "{screen}");
    let mut pty = Pty::start(&workplace, &["replay", "nowhere"], SIZE);
    assert_eq!(pty.wait_for_end(), 2);
    assert!(pty.text().contains("nowhere"), "{}", pty.text());
}
