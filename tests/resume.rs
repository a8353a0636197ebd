//! Resuming a run from its checkpoint: it ends as if it had never been interrupted.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use laperm::experiment::Experiment;
use laperm::instructions::InstructionSet;
use laperm::run::{Resumption, RunFolder, read_checkpoint, read_events, read_frame, read_state};
use laperm::session::Live;
use laperm::train::{Backend, Checkpoint, Command, Event, EventKind, Prepared, Reason, Script};
use rustix::process::Signal;
use serde_json::Value;
use support::{Outcome, SMALL, Workplace, events, eventually, reason};
use tempfile::TempDir;

/// Dropout and Adam, with every monitor active in every step. 10 steps per epoch.
const MLP: &str = r#"
name = "mlp"
[data]
dataset = "glyphs"
glyphs = { train_examples = 200, test_examples = 50 }
[network]
layers = [
    { type = "flatten" },
    { type = "dense", units = 16 },
    { type = "dropout", rate = 0.3 },
    { type = "dense", units = 10 },
]
[wrapper]
k = 7
[train]
batch = 20
epochs = 4
[evaluate]
syncs = 1
before_sync = true
train_examples = 30
[monitor]
distance_every = 1
frame_seconds = 0.0
"#;

/// Convolutions with batch norm and augmentation. 10 steps per epoch.
const CONVOLUTIONS: &str = r#"
name = "convolutions"
[data]
dataset = "glyphs"
glyphs = { train_examples = 80, test_examples = 20 }
augmentation = { rotation = 10.0, shift = 0.1 }
[network]
layers = [
    { type = "conv", filters = 4, kernel = 3, stride = 2, bias = false },
    { type = "batch-norm" },
    { type = "relu" },
    { type = "max-pool" },
    { type = "conv", filters = 6, kernel = 3 },
    { type = "flatten" },
    { type = "dense", units = 10 },
]
[prune]
ratio = [[0, 0.0], [2, 0.4]]
[wrapper]
k = 6
biases = true
[train]
batch = 8
epochs = 4
[evaluate]
train_examples = 20
[monitor]
distance_every = 1
frame_seconds = 0.0
"#;

/// A run that has ended, in its own folder.
struct Run {
    _runs: TempDir,
    folder: RunFolder,
}

impl Run {
    /// Trains to the end, obeying the commands of `script`.
    fn new(experiment: &str, overrides: &[&str], script: &[(u64, Command)]) -> Run {
        let runs = tempfile::tempdir().unwrap();
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let experiment = Experiment::parse(experiment, "test", &overrides).unwrap();
        let prepared = Prepared::new(experiment, Backend::Flex).unwrap();
        let experiment = &prepared.experiment;
        let folder = RunFolder::create(runs.path(), experiment, Backend::Flex, &[]).unwrap();
        let applied = script.iter().map(|(step, command)| Event {
            step: *step,
            seconds: 0.0,
            kind: EventKind::Applied { command: command.clone(), by: None },
        });
        let script = Script::of(&applied.collect::<Vec<_>>());
        finish(Live::rerun(prepared, script, folder.clone()).unwrap());
        Run { _runs: runs, folder }
    }

    /// Resumes the run up to this total number of epochs or steps.
    fn resume(&self, epochs: Option<u64>, steps: Option<u64>) {
        let mut resumption = Resumption::open(self.folder.clone()).unwrap();
        resumption.extend(epochs, steps).unwrap();
        finish(Live::resume(resumption).unwrap());
    }

    fn events(&self) -> Vec<Event> {
        events(&self.folder)
    }

    fn checksum(&self) -> String {
        checksum(&self.events())
    }
}

/// Waits for the end. Stops the run if it diverges.
fn finish(mut live: Live) {
    while let Some(event) = live.next() {
        if matches!(event.kind, EventKind::Diverged { .. }) {
            live.send(Command::Stop);
        }
    }
    live.wait();
}

#[track_caller]
fn checksum(events: &[Event]) -> String {
    match &events.last().unwrap().kind {
        EventKind::Finished { weights_checksum: Some(checksum), .. } => checksum.clone(),
        last => panic!("the run has not ended but with {last:?}"),
    }
}

/// The part of the log that an interruption must not change: everything except times and messages.
fn course(folder: &RunFolder) -> Vec<String> {
    let kind = |event: Event| match event.kind {
        EventKind::Evaluation { weights, test, train, .. } => {
            Some(format!("{} evaluation {weights:?} {test:?} {train:?}", event.step))
        }
        EventKind::Sync { sync, layers, .. } => {
            Some(format!("{} sync {sync} {layers:?}", event.step))
        }
        EventKind::Frame { at, .. } => {
            let frame = read_frame(folder, at.unwrap()).expect("a whole frame");
            Some(format!("{} frame {frame:?}", event.step))
        }
        EventKind::Step { .. }
        | EventKind::RankingDistance { .. }
        | EventKind::Distribution { .. }
        | EventKind::Lookahead { .. }
        | EventKind::Epoch { .. }
        | EventKind::Diverged { .. }
        | EventKind::Applied { .. } => Some(format!("{} {:?}", event.step, event.kind)),
        _ => None,
    };
    events(folder).into_iter().filter_map(kind).collect()
}

/// Asserts that a run of this experiment is the same if it is interrupted after each of the steps in
/// `breaks`, and after all of them.
#[track_caller]
fn assert_continues(
    experiment: &str,
    overrides: &[&str],
    script: &[(u64, Command)],
    breaks: &[u64],
) {
    let whole = Run::new(experiment, overrides, script);
    let expected = course(&whole.folder);
    let epochs = Experiment::read(&whole.folder.experiment(), &[]).unwrap().train.epochs;
    let mut chains: Vec<&[u64]> = breaks.chunks(1).collect();
    chains.push(breaks);
    for chain in chains {
        let first = format!("train.steps={}", chain[0]);
        let run = Run::new(experiment, &[overrides, &[&first]].concat(), script);
        for &next in &chain[1..] {
            run.resume(None, Some(next));
        }
        run.resume(Some(epochs), None);
        let found = course(&run.folder);
        let different = expected.iter().zip(&found).position(|(a, b)| a != b);
        if let Some(first) = different {
            let (expected, found) = (&expected[first], &found[first]);
            panic!("interrupted at {chain:?}: {found:.300} instead of {expected:.300}");
        }
        assert_eq!(found.len(), expected.len(), "interrupted at {chain:?}");
        assert_eq!(run.checksum(), whole.checksum(), "interrupted at {chain:?}");
        let (steps, seconds) = (|e: &Event| e.step, |a: &Event, b: &Event| a.seconds <= b.seconds);
        assert!(run.events().is_sorted_by_key(steps) && run.events().is_sorted_by(seconds));
    }
}

#[test]
fn an_mlp_with_dropout_continues() {
    assert_continues(MLP, &[], &[], &[1, 7, 10, 23, 39]);
}

#[test]
fn convolutions_with_batch_norm_augmentation_and_pruning_continue() {
    assert_continues(CONVOLUTIONS, &[], &[], &[5, 12, 20, 33]);
}

#[test]
fn sgd_with_momentum_under_lookahead_continues() {
    let sgd = ["optimizer.name=sgd", "optimizer.momentum=0.9", "optimizer.l2=1e-3"];
    let more = ["optimizer.lr=0.05", "wrapper.name=lookahead"];
    assert_continues(MLP, &[sgd.as_slice(), &more].concat(), &[], &[3, 7, 24]);
    assert_continues(CONVOLUTIONS, &[sgd.as_slice(), &["prune.ratio=0"]].concat(), &[], &[15]);
}

#[test]
fn every_optimizer_continues_under_every_wrapper() {
    let optimizers: [&[&str]; 6] = [
        &["optimizer.name=sgd", "optimizer.momentum=0.9"],
        &["optimizer.name=adam", "optimizer.l2=1e-3"],
        &["optimizer.name=adamw", "optimizer.weight_decay=0.1"],
        &["optimizer.name=rmsprop"],
        &["optimizer.name=rmsprop", "optimizer.momentum=0.5", "optimizer.l2=1e-3"],
        &["optimizer.name=lion", "optimizer.weight_decay=0.1"],
    ];
    let schedule = "optimizer.lr=[[0, 1e-3], [2, 3e-4]]";
    for optimizer in optimizers {
        for wrapper in ["none", "lookahead", "laperm"] {
            let wrapper = format!("wrapper.name={wrapper}");
            let more = [schedule, "prune.ratio=0.3", "evaluate.syncs=0", &wrapper];
            assert_continues(MLP, &[optimizer, &more].concat(), &[], &[17]);
        }
    }
}

#[test]
fn a_pruned_network_without_a_wrapper_continues() {
    let plain = ["wrapper.name=none", "prune.ratio=0.5", "monitor.distance_layers=[\"dense2\"]"];
    assert_continues(MLP, &plain, &[], &[4, 30]);
    assert_continues(MLP, &["wrapper.start=1", "wrapper.stop=3"], &[], &[9, 10, 19, 35]);
}

#[test]
fn a_run_that_was_steered_by_hand_continues() {
    let script = [
        (3, Command::SetPeriod { k: 5 }),
        (8, Command::SetPruning { p: 0.3 }),
        (8, Command::SetLearningRate { lr: 0.1 + 0.2 }),
        (11, Command::Sync),
        (15, Command::SetPruning { p: 0.1 }),
        (20, Command::SetPeriod { k: 100 }),
        (20, Command::SetLearningRate { lr: 3.3e-4 }),
        (34, Command::BackToSchedule),
    ];
    // The commands come before the first interruption. Values set by hand stay in effect after it, or
    // return to their schedules.
    assert_continues(MLP, &["prune.ratio=0.05"], &script[..7], &[20, 21, 30]);
    assert_continues(MLP, &["prune.ratio=0.05"], &script, &[34, 36, 39]);
    assert_continues(CONVOLUTIONS, &[], &script[..3], &[8, 15]);
    assert_continues(CONVOLUTIONS, &[], &script, &[35]);
}

#[test]
fn a_divergence_falls_back_to_the_same_state() {
    // The latest good state is that of the sync after step 14; the network diverges after step 16.
    let script = [(16, Command::SetLearningRate { lr: 1e30 })];
    for overrides in [&[][..], &["wrapper.name=none"]] {
        let whole = Run::new(MLP, overrides, &script);
        let good = whole.events().into_iter().find_map(|event| match event.kind {
            EventKind::Diverged { good_step, .. } => Some((event.step, good_step)),
            _ => None,
        });
        let (diverged, good) = good.expect("it diverges");
        assert!(good < 17 && diverged >= 17, "{good} {diverged}");
        let run = Run::new(MLP, &[overrides, &["train.steps=17"]].concat(), &script);
        if diverged > 17 {
            run.resume(Some(4), None);
        }
        assert_eq!(run.checksum(), whole.checksum());
    }
}

#[test]
fn a_resumed_log_says_so_and_is_in_one_piece() {
    let run = Run::new(MLP, &["train.steps=25"], &[]);
    let before = run.events();
    run.resume(Some(4), None);
    let after = run.events();
    let resumed = after.iter().position(|e| matches!(e.kind, EventKind::Resumed { .. })).unwrap();
    let EventKind::Resumed { cut, total_steps } = after[resumed].kind else { unreachable!() };
    assert_eq!((after[resumed].step, total_steps), (25, 40));
    assert_eq!(before.len() as u64, resumed as u64 + cut);
    assert_eq!(before[..resumed], after[..resumed]);
    assert!(after[resumed].seconds >= before[resumed - 1].seconds);
    let state = read_state(&run.folder).unwrap();
    let notice = format!("resumed from step 25; {cut} events after it were cut");
    assert!(state.notices.iter().any(|n| n.message == notice), "{:?}", state.notices);
    assert_eq!((state.step, state.progress()), (40, 1.0));
    let experiment = Experiment::read(&run.folder.experiment(), &[]).unwrap();
    assert_eq!((experiment.train.epochs, experiment.train.steps), (4, None));
}

#[test]
fn a_checkpoint_that_was_changed_is_refused_or_the_same() {
    let run = Run::new(CONVOLUTIONS, &["train.steps=15"], &[]);
    let bytes = fs::read(run.folder.checkpoint()).unwrap();
    let whole = Checkpoint::from_bytes(&bytes).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut draw = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for round in 0..4000 {
        let mut changed = bytes.clone();
        for _ in 0..=draw(3) {
            // Mostly in the header, which has more fields to misread.
            let at = draw(if round % 4 == 0 { changed.len() } else { header.min(changed.len()) });
            match draw(4) {
                0 => changed[at] ^= 1 << draw(8),
                1 => changed[at] = draw(256) as u8,
                2 => changed.truncate(at.max(1)),
                _ => changed.insert(at, draw(256) as u8),
            }
        }
        if let Ok(checkpoint) = Checkpoint::from_bytes(&changed) {
            assert_eq!(checkpoint, whole, "round {round}");
        }
    }
    for length in (0..bytes.len()).step_by(97) {
        assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
}

// Through the binary.

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("small.toml", SMALL);
    workplace
}

#[track_caller]
fn object(outcome: &Outcome, code: i32) -> Value {
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Number of epochs of the runs that are killed: enough to be killed in time.
const EPOCHS: &str = "60";

/// The weights of an uninterrupted run of the given number of epochs.
fn reference() -> &'static str {
    static REFERENCE: OnceLock<String> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let outcome = workplace().run(&["run", "small.toml", "--json", "--epochs", EPOCHS]);
        object(&outcome, 0)["weights_checksum"].as_str().unwrap().to_owned()
    })
}

fn start_checkpointed(workplace: &Workplace) -> support::Running {
    let often = ["--set", "checkpoint.every_steps=7", "--epochs", EPOCHS];
    workplace.start(&[&["run", "small.toml", "--json"], &often[..]].concat())
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    for milliseconds in [0, 3, 11, 40, 120] {
        let workplace = workplace();
        let running = start_checkpointed(&workplace);
        eventually("there is a checkpoint", || {
            workplace.runs().first()?.checkpoint().is_file().then_some(())
        });
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.signal(Signal::KILL);
        running.wait();
        let run = workplace.only_run();
        read_events(&run).unwrap();
        let checkpoint = read_checkpoint(&run).unwrap();
        if milliseconds == 0 {
            assert!(checkpoint.step() < 720, "it was killed in time");
        }
        // Again, in the middle of the resumed run.
        let again = workplace.start(&["resume", &run.name(), "--json"]);
        eventually("it goes on", || {
            let events = read_events(&run).ok()?;
            let resumed = |event: &Event| matches!(event.kind, EventKind::Resumed { .. });
            events.iter().any(resumed).then_some(())
        });
        again.signal(Signal::KILL);
        again.wait();
        let outcome = workplace.run(&["resume", &run.name(), "--json"]);
        let result = if outcome.code == Some(2) {
            // The run had ended before it was killed.
            outcome.assert_refused(2, &["--epochs"]);
            object(&workplace.run(&["runs", "--json"]), 0)["runs"][0].clone()
        } else {
            object(&outcome, 0)
        };
        assert_eq!(result["weights_checksum"], reference(), "killed after {milliseconds} ms");
        assert_eq!(result["steps"], 720);
        let events = events(&run);
        let steps = events.iter().filter(|event| matches!(event.kind, EventKind::Step { .. }));
        assert!(steps.map(|event| event.step).eq(1..=720), "each step once");
    }
}

#[test]
fn a_run_killed_after_its_last_step_is_ended() {
    let workplace = workplace();
    let whole = object(&start_checkpointed(&workplace).wait(), 0);
    let run = workplace.only_run();
    let log = fs::read_to_string(run.events()).unwrap();
    // The final events of a run follow its last checkpoint.
    let cut = log.lines().position(|line| line.contains(r#""type":"finished""#)).unwrap();
    let lines: String = log.split_inclusive('\n').take(cut).collect();
    fs::write(run.events(), lines).unwrap();
    let ended = object(&workplace.run(&["resume", &run.name(), "--json"]), 0);
    assert_eq!(ended["weights_checksum"], whole["weights_checksum"]);
    assert_eq!((&ended["reason"], &ended["steps"]), (&"finished".into(), &720.into()));
    assert_eq!(reason(&events(&run)), Reason::Finished);
    workplace.run(&["resume", &run.name(), "--headless"]).assert_refused(2, &["all 720 steps"]);
}

#[test]
fn a_stopped_run_goes_on_and_a_finished_one_needs_more_to_do() {
    let workplace = workplace();
    let running = start_checkpointed(&workplace);
    eventually("a step is in the log", || {
        let events = read_events(workplace.runs().first()?).ok()?;
        events.iter().any(|event| event.step > 0).then_some(())
    });
    running.signal(Signal::TERM);
    let stopped = object(&running.wait(), 0);
    assert_eq!(stopped["reason"], "stopped");
    let name = workplace.only_run().name();
    let finished = object(&workplace.run(&["resume", &name, "--json"]), 0);
    assert_eq!(finished["weights_checksum"], reference());
    assert_eq!((&finished["reason"], &finished["steps"]), (&"finished".into(), &720.into()));
    let outcome = workplace.run(&["resume", &name, "--headless"]);
    outcome.assert_refused(2, &["all 720 steps are taken", "--epochs"]);
    workplace.run(&["resume", &name, "--json", "--epochs", "3"]).assert_refused(2, &["--epochs"]);
    let outcome = workplace.run(&["resume", &name[..12], "--json", "--steps", "725"]);
    let longer = object(&outcome, 0);
    assert_eq!((&longer["steps"], &longer["reason"]), (&725.into(), &"finished".into()));
    assert!(outcome.stderr.contains("resumed from step 720"), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_resumed_is_told() {
    let workplace = workplace();
    let nothing = workplace.run(&["resume", "2026", "--json"]);
    nothing.assert_refused(2, &["no run in runs", "there are no runs"]);
    object(&workplace.run(&["run", "small.toml", "--json"]), 0);
    let run = workplace.only_run();
    let resume = || workplace.run(&["resume", &run.name(), "--json", "--epochs", "7"]);
    let log = fs::read(run.events()).unwrap();
    let refused = |change: &dyn Fn(), parts: &[&str]| {
        change();
        resume().assert_refused(2, parts);
    };
    let experiment = fs::read_to_string(run.experiment()).unwrap();
    let write = |path: PathBuf, content: &[u8]| fs::write(path, content).unwrap();
    let changed = experiment.replace("[optimizer]\n", "[optimizer]\nl2 = 0.5\n");
    let changed = changed.replace("l2 = 0.0\n", "");
    refused(&|| write(run.experiment(), changed.as_bytes()), &["[optimizer] of experiment.toml"]);
    refused(&|| write(run.experiment(), b"[data"), &["experiment.toml:1:"]);
    write(run.experiment(), experiment.as_bytes());
    let checkpoint = fs::read(run.checkpoint()).unwrap();
    let cut = &checkpoint[..checkpoint.len() / 2];
    refused(&|| write(run.checkpoint(), cut), &["state.safetensors", "not a readable checkpoint"]);
    refused(&|| fs::remove_file(run.checkpoint()).unwrap(), &["no checkpoint", "laperm rerun"]);
    write(run.checkpoint(), &checkpoint);
    // After a power cut the log may be older than the checkpoint, if the disk reported writes too
    // early.
    refused(&|| write(run.events(), &log[..log.len() / 2]), &["events.jsonl", "shorter"]);
    write(run.events(), &log);
    assert_eq!(object(&resume(), 0)["steps"], 84, "all is well again");
}

#[test]
fn two_processes_cannot_have_the_same_run() {
    let workplace = workplace();
    let running = workplace.start(&["run", "small.toml", "--json", "--epochs", "100000"]);
    let run = eventually("the run has begun", || {
        let run = workplace.runs().into_iter().next()?;
        run.host().is_some().then_some(run)
    });
    let process = format!("process {}", run.host().unwrap().pid);
    let outcome = workplace.run(&["resume", &run.name(), "--json"]);
    outcome.assert_refused(2, &["is hosted by", &process, "laperm attach"]);
    let listed = object(&workplace.run(&["runs", "--json"]), 0);
    assert_eq!(listed["runs"][0]["state"], "running");
    running.signal(Signal::KILL);
    running.wait();
    // The heartbeat is recent, but the kernel has released the lock.
    let listed = object(&workplace.run(&["runs", "--json"]), 0);
    assert_eq!(listed["runs"][0]["state"], "crashed");
}

// Reruns.

/// A run in `workplace` that was steered by hand.
fn steered(workplace: &Workplace) -> RunFolder {
    let script = [
        (20, Command::SetPeriod { k: 7 }),
        (33, Command::SetPruning { p: 0.37 }),
        (33, Command::SetLearningRate { lr: 1.0 / 3e3 }),
        (50, Command::BackToSchedule),
        (58, Command::Sync),
    ];
    let run = Run::new(SMALL, &["train.steps=58", "name=steered"], &script);
    let folder = workplace.path().join("runs/original");
    copy(run.folder.path(), &folder);
    RunFolder::open(&folder)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_rerun_does_everything_again_and_ends_with_the_same_weights() {
    let workplace = workplace();
    let original = steered(&workplace);
    let outcome = workplace.run(&["rerun", "original", "--json"]);
    let again = object(&outcome, 0);
    assert_eq!(again["identical"], true);
    let checksum = checksum(&events(&original));
    for field in ["weights_checksum", "original_checksum"] {
        assert_eq!(again[field], checksum.as_str());
    }
    assert_eq!((&again["original"], &again["steps"]), (&"runs/original".into(), &58.into()));
    let folder = RunFolder::open(&workplace.path().join(again["run"].as_str().unwrap()));
    let by: Vec<_> = events(&folder)
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Applied { by, .. } => Some((event.step, by)),
            _ => None,
        })
        .collect();
    assert_eq!(by.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [20, 33, 33, 50, 58]);
    assert!(by.iter().all(|(_, by)| by.as_deref() == Some("rerun")), "{by:?}");
    let text = workplace.run(&["rerun", "original"]);
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    assert!(text.stdout.contains(&format!("identical to those of runs/original: {checksum}")));
}

#[test]
fn a_what_if_changes_one_thing() {
    let workplace = workplace();
    let original = steered(&workplace);
    let what_if = |more: &[&str]| {
        object(&workplace.run(&[&["rerun", "original", "--json"], more].concat()), 0)
    };
    let other = what_if(&["--set", "optimizer.lr=0.01"]);
    assert_eq!((&other["identical"], &other["steps"]), (&Value::Null, &58.into()));
    assert_ne!(other["weights_checksum"], other["original_checksum"]);
    let shorter = what_if(&["--until", "30"]);
    assert_eq!((&shorter["identical"], &shorter["steps"]), (&Value::Null, &30.into()));
    assert_eq!(shorter["k"], 7);
    let longer = what_if(&["--set", "train.steps=60"]);
    assert_eq!(longer["steps"], 60);
    let outcome = workplace.run(&["rerun", "original", "--json", "--until", "1000"]);
    outcome.assert_refused(2, &["--until 1000", "step 58", "train.epochs"]);
    assert_eq!(events(&original).last().unwrap().step, 58, "the original is as it was");
}

#[test]
fn a_rerun_that_should_be_the_same_and_is_not_fails() {
    let workplace = workplace();
    let original = steered(&workplace);
    let log = fs::read_to_string(original.events()).unwrap();
    let checksum = checksum(&events(&original));
    fs::write(original.events(), log.replace(&checksum, &"0".repeat(64))).unwrap();
    let result = object(&workplace.run(&["rerun", "original", "--json"]), 1);
    assert_eq!(result["identical"], false);
    // The log names the instruction set, and a rerun with another one says that this may explain a
    // difference.
    let set = InstructionSet::current().name();
    assert_eq!(
        (&result["instruction_set"], &result["original_instruction_set"]),
        (&set.into(), &set.into())
    );
    let elsewhere = log
        .replace(&checksum, &"0".repeat(64))
        .replace(&format!("\"instruction_set\":\"{set}\""), "\"instruction_set\":\"another\"");
    fs::write(original.events(), elsewhere).unwrap();
    let outcome = workplace.run(&["rerun", "original"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains(&format!("ran with another, these with {set}")),
        "{}",
        outcome.stdout
    );
    // Without the final event there are no weights to compare with.
    let end = log.trim_end().rfind('\n').unwrap() + 1;
    fs::write(original.events(), &log[..end]).unwrap();
    let result = object(&workplace.run(&["rerun", "original", "--json"]), 0);
    assert_eq!((&result["identical"], &result["original_checksum"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_run_that_went_on_after_its_end_and_a_divergence_is_rerun_as_one() {
    let run = Run::new(MLP, &["train.steps=15"], &[(13, Command::SetPeriod { k: 3 })]);
    run.resume(Some(4), None);
    let workplace = Workplace::new();
    copy(run.folder.path(), &workplace.path().join("runs/longer"));
    let again = object(&workplace.run(&["rerun", "longer", "--json"]), 0);
    assert_eq!((&again["identical"], &again["steps"]), (&true.into(), &40.into()));
    let script = [(16, Command::SetLearningRate { lr: 1e30 })];
    let run = Run::new(MLP, &[], &script);
    run.resume(Some(4), None);
    copy(run.folder.path(), &workplace.path().join("runs/diverged"));
    let outcome = workplace.run(&["rerun", "diverged", "--json"]);
    assert_eq!(object(&outcome, 0)["identical"], true, "{}", outcome.stderr);
}
