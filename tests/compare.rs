//! Several runs side by side, and the start screen's list of them, in the real program.

mod support;

use std::fs;

use serde_json::Value;
use support::pty::Pty;
use support::{SMALL, Workplace, eventually};

const SIZE: (u16, u16) = (120, 36);

/// Two runs that differ in k and in their seed.
fn two_runs() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    for (seed, k) in [("1", "wrapper.k=10"), ("2", "wrapper.k=40")] {
        let arguments = ["run", "small.toml", "--json", "--seed", seed, "--set", k];
        let outcome = workplace.run(&arguments);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    workplace
}

/// Names of the runs' folders, the oldest first.
fn names(workplace: &Workplace) -> Vec<String> {
    let mut names: Vec<String> = workplace.runs().iter().map(|run| run.name()).collect();
    names.sort();
    names
}

#[test]
fn two_runs_are_compared_in_json_in_a_picture_and_on_the_screen() {
    let workplace = two_runs();
    let names = names(&workplace);
    let (a, b) = (names[0].as_str(), names[1].as_str());

    // A run is named by its folder's name or path.
    let path = format!("runs/{b}");
    let outcome = workplace.run(&["compare", a, &path, "--json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    for run in report["runs"].as_array().unwrap() {
        assert_eq!((&run["state"], &run["steps"]), (&"finished".into(), &60.into()));
    }
    let mut ks = report["differences"]["wrapper.k"].as_array().unwrap().clone();
    ks.sort_by(|a, b| a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()));
    assert_eq!(ks, [10.0, 40.0]);
    let keys: Vec<&String> = report["differences"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["seed", "wrapper.k"]);

    let outcome = workplace.run(&["compare", a, b, "--svg", "both.svg", "--by", "epochs"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
    let svg = fs::read_to_string(workplace.path().join("both.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("epochs"));

    let mut pty = Pty::start(&workplace, &["compare", a, b], SIZE);
    let screen = pty.wait_until("both are read", |screen| screen.matches("finished").count() == 2);
    for part in ["Test accuracy", "Loss", "Ranking distance", "wrapper.k", "seed"] {
        assert!(screen.contains(part), "`{part}` is not in\n{screen}");
    }
    pty.keys("B");
    pty.wait_for("is hidden");
    pty.keys("xx");
    pty.wait_for("aligned by seconds");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let workplace = Workplace::new();
    workplace.run(&["compare", "a", "b"]).assert_refused(2, &["no run in runs is called a"]);
    let outcome = workplace.run(&["compare", "a"]);
    assert_eq!(outcome.code, Some(2));
    workplace.write("runs/damaged/events.jsonl", "{\"step\":\n{}\n");
    let twice = ["compare", "damaged", "damaged", "--json"];
    workplace.run(&twice).assert_refused(2, &["experiment.toml"]);
    workplace.write("runs/damaged/experiment.toml", "seed = 1\nk = = 2\n");
    workplace.run(&twice).assert_refused(2, &["experiment.toml", "line 2"]);
    workplace.write("runs/damaged/experiment.toml", "seed = 1\n");
    workplace.run(&twice).assert_refused(2, &["events.jsonl", "not the log of a run"]);
    workplace.run(&twice[..3]).assert_refused(2, &["terminal", "--json"]);
}

#[test]
fn marked_runs_are_compared_and_deleted_on_the_start_screen() {
    let workplace = two_runs();
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_until("both runs are listed", |screen| screen.matches("finished").count() == 2);
    pty.keys("\t");
    pty.wait_for("▸runs");
    pty.keys("/finished\r");
    pty.wait_for("filter: finished");
    pty.keys("  ");
    pty.wait_for("2 marked");
    pty.keys("c");
    pty.wait_for("Differences");
    // Back in the list, with the marks.
    pty.keys("q");
    pty.wait_for("2 marked");
    pty.keys("D");
    let screen = pty.wait_for("They are gone for good");
    for name in names(&workplace) {
        assert!(screen.contains(&name), "{screen}");
    }
    assert_eq!(workplace.runs().len(), 2);
    pty.keys("y");
    pty.wait_for("deleted 2 runs");
    assert_eq!(workplace.runs(), []);
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
}

#[test]
fn a_living_run_is_listed_followed_and_never_deleted() {
    let workplace = two_runs();
    let before = names(&workplace);
    let living = workplace.start(&["run", "small.toml", "--headless", "--epochs", "100000"]);
    let name = eventually("the run begins", || {
        names(&workplace).into_iter().find(|name| !before.contains(name))
    });
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("running");
    pty.keys("/running\r");
    pty.wait_for(&name);
    pty.keys("D");
    pty.wait_for("stop it first");
    let outcome = workplace.run(&["runs", "--delete", &name, "--yes"]);
    outcome.assert_refused(2, &[&name, "is being trained"]);
    // Its steps increase in the list,
    let steps = |screen: &str| {
        let line = screen.lines().find(|line| line.contains("running")).map(str::to_owned);
        line.unwrap_or_default()
    };
    let earlier = steps(&pty.text());
    pty.wait_until("its steps go on", |screen| steps(screen) != earlier);
    // and in the comparison.
    pty.keys(" /\x15finished\r c");
    pty.wait_for("Differences");
    let earlier = steps(&pty.wait_for("running"));
    pty.wait_until("its steps go on", |screen| steps(screen) != earlier);
    pty.keys("q");
    pty.wait_for("2 marked");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    // A run that is over is deleted, but not without confirmation.
    workplace.run(&["runs", "--delete", &before[0]]).assert_refused(2, &["--yes"]);
    let outcome = workplace.run(&["runs", "--delete", &before[0], "--yes"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(workplace.runs().len(), 2);
    // A run whose process was killed counts as crashed.
    drop(living);
    let mut pty = Pty::start(&workplace, &[], SIZE);
    pty.wait_for("crashed");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
}
