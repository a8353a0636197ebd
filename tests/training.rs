//! Training through the public library: the effects of commands and schedules, step by step.

use std::path::Path;
use std::sync::Arc;

use laperm::experiment::Experiment;
use laperm::model::WeightsFile;
use laperm::run::RunFolder;
use laperm::session::Live;
use laperm::train::{
    Backend, Command, Event, EventKind, Frame, LayerDistribution, Phase, Prepared, Reason,
    Snapshot, Weights,
};
use tempfile::TempDir;

/// A small network on a few generated digits. 12 steps per epoch.
const SMALL: &str = r#"
    name = "small"
    [data]
    dataset = "glyphs"
    glyphs = { train_examples = 600, test_examples = 100 }
    [network]
    layers = [
        { type = "flatten" },
        { type = "dense", units = 16 },
        { type = "dropout", rate = 0.2 },
        { type = "dense", units = 10 },
    ]
    [evaluate]
    train_examples = 100
    [monitor]
    frame_seconds = 0.0
"#;

struct Run {
    runs: TempDir,
    live: Live,
    events: Vec<Event>,
}

impl Run {
    /// Starts the small experiment with these overrides.
    fn start(overrides: &[&str]) -> Run {
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let experiment = Experiment::parse(SMALL, "small", &overrides).expect("a valid experiment");
        let prepared = Prepared::new(experiment, Backend::Flex).expect("everything is there");
        let runs = tempfile::tempdir().expect("a folder");
        let folder = RunFolder::create(runs.path(), &prepared.experiment, Backend::Flex, &[]);
        let live = Live::start(prepared, folder.expect("a run folder")).expect("a run");
        Run { runs, live, events: Vec::new() }
    }

    /// Waits for an event.
    fn wait(&mut self, wanted: impl Fn(&EventKind) -> bool) -> Event {
        loop {
            let event = self.live.next().expect("the event comes before the end");
            self.events.push(event.clone());
            if wanted(&event.kind) {
                return event;
            }
        }
    }

    fn tell(&mut self, command: Command) -> Event {
        self.live.send(command.clone());
        self.wait(|kind| match kind {
            EventKind::Applied { command: done, .. } | EventKind::Refused { command: done, .. } => {
                *done == command
            }
            _ => false,
        })
    }

    /// Waits for the end of the run, and returns all its events.
    fn finish(mut self) -> (Vec<Event>, TempDir) {
        self.events.extend(self.live.by_ref());
        self.live.wait();
        (self.events, self.runs)
    }

    fn snapshot(&mut self) -> std::path::PathBuf {
        self.live.send(Command::Snapshot);
        let event = self.wait(|kind| matches!(kind, EventKind::Snapshot { .. }));
        let EventKind::Snapshot { file, .. } = event.kind else { unreachable!("waited for it") };
        self.live.folder().path().join(file)
    }
}

fn sync_steps(events: &[Event]) -> Vec<u64> {
    let syncs = events.iter().filter(|event| matches!(event.kind, EventKind::Sync { .. }));
    syncs.map(|event| event.step).collect()
}

fn checksum(events: &[Event]) -> String {
    let last = events.last().map(|event| event.kind.clone());
    match last {
        Some(EventKind::Finished { weights_checksum: Some(checksum), .. }) => checksum,
        other => panic!("the run did not finish: {other:?}"),
    }
}

#[test]
fn a_sync_comes_every_k_steps_and_inside_the_window() {
    let (events, _) = Run::start(&["wrapper.k=5", "train.epochs=2"]).finish();
    assert_eq!(sync_steps(&events), [5, 10, 15, 20]);
    let window = ["wrapper.k=5", "wrapper.start=1", "wrapper.stop=2", "train.epochs=3"];
    let (events, _) = Run::start(&window).finish();
    assert_eq!(sync_steps(&events), [17, 22]);
}

#[test]
fn schedules_of_k_and_p_take_effect_at_their_epoch() {
    let (events, _) = Run::start(&[
        "wrapper.k=[[0, 6], [1, 4]]",
        "prune.ratio=[[0, 0.0], [2, 0.5]]",
        "prune.input_cap=1.0",
        "train.epochs=3",
    ])
    .finish();
    // Steps 1-12 every 6, from 13 on every 4; the new p synchronizes at once, after step 24.
    assert_eq!(sync_steps(&events), [6, 12, 16, 20, 24, 24, 28, 32, 36]);
    let zeros = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Sync { layers, .. } => Some(layers[0].zeros),
        _ => None,
    });
    let share = zeros.expect("a sync") as f64 / (784.0 * 16.0);
    assert!((share - 0.5).abs() < 0.02, "{share}");
}

#[test]
fn a_lowered_k_never_skips_its_sync() {
    let mut run = Run::start(&["wrapper.k=1000", "train.epochs=1000"]);
    run.wait(|kind| matches!(kind, EventKind::Step { .. }));
    let paused = run.tell(Command::Pause).step;
    assert_eq!(run.tell(Command::SetPeriod { k: 1 }).step, paused);
    run.tell(Command::Step);
    let sync = run.wait(|kind| matches!(kind, EventKind::Sync { .. }));
    assert_eq!(sync.step, paused + 1);
    run.tell(Command::Stop);
    let (events, _) = run.finish();
    assert!(matches!(
        events.last().map(|event| &event.kind),
        Some(EventKind::Finished { reason: Reason::Stopped, .. })
    ));
}

#[test]
fn every_snapshot_proves_itself_whatever_p_was_set_to() {
    let mut run = Run::start(&[
        "wrapper.k=7",
        "wrapper.biases=true",
        "train.epochs=1000",
        "prune.input_cap=0.3",
    ]);
    run.wait(|kind| matches!(kind, EventKind::Step { .. }));
    run.tell(Command::Pause);
    let mut snapshots = Vec::new();
    for p in [0.0, 0.5, 0.9, 0.25] {
        run.tell(Command::SetPruning { p });
        for _ in 0..3 {
            run.tell(Command::Step);
            run.wait(|kind| *kind == EventKind::Phase { phase: Phase::Paused });
        }
        snapshots.push(run.snapshot());
    }
    for snapshot in &snapshots {
        let snapshot = Snapshot::read(snapshot).expect("readable");
        let coded = snapshot.encode().expect("synchronized");
        let decoded = Snapshot::decode(Path::new("coded"), &coded).expect("decodable");
        assert_eq!(decoded.tensors(), snapshot.tensors());
        let verified = snapshot.verify().expect("provable");
        assert_eq!(verified.len(), 4);
        assert!(verified.iter().all(|parameter| parameter.foreign.is_empty()), "{verified:?}");
    }
    // A single changed value is found, with its location.
    let mut file = WeightsFile::read(&snapshots[0]).expect("reads");
    let tensor =
        file.tensors.iter_mut().find(|tensor| tensor.name == "dense1.weight").expect("is there");
    tensor.values[5 * 784 + 3] += 0.5;
    let forged = run.runs.path().join("forged.safetensors");
    file.write(&forged).expect("writes");
    let verified =
        Snapshot::read(&forged).and_then(|snapshot| snapshot.verify()).expect("readable");
    let first =
        verified.iter().find(|parameter| parameter.parameter == "dense1.weight").expect("is there");
    assert_eq!(first.foreign, [5]);
    run.tell(Command::Stop);
    run.finish();
}

#[test]
fn commands_that_make_no_sense_are_refused_with_a_reason() {
    let mut run = Run::start(&["wrapper.name=none", "train.epochs=1000"]);
    run.wait(|kind| matches!(kind, EventKind::Step { .. }));
    run.tell(Command::Pause);
    for command in [
        Command::SetPeriod { k: 5 },
        Command::SetPruning { p: 0.5 },
        Command::SetLearningRate { lr: -1.0 },
        Command::Watch { layer: 9, vector: 0 },
        Command::Watch { layer: 1, vector: 10 },
        Command::Pause,
    ] {
        let answer = run.tell(command.clone());
        assert!(matches!(answer.kind, EventKind::Refused { .. }), "{command:?}: {answer:?}");
    }
    run.tell(Command::Stop);
    run.finish();
}

#[test]
fn looking_changes_nothing() {
    let plain = [
        "wrapper.k=5",
        "train.epochs=40",
        "evaluate.epochs=0",
        "monitor.frame_seconds=1000",
        "monitor.distribution=false",
    ];
    let (events, _) = Run::start(&plain).finish();
    let looked = [
        "wrapper.k=5",
        "train.epochs=40",
        "evaluate.syncs=1",
        "evaluate.before_sync=true",
        "monitor.distance_every=1",
        "monitor.distribution_layers=[\"dense2\"]",
    ];
    let mut run = Run::start(&looked);
    run.tell(Command::Watch { layer: 0, vector: 3 });
    run.tell(Command::Evaluate);
    run.tell(Command::Snapshot);
    run.tell(Command::Pause);
    run.tell(Command::Resume);
    let (looked, _) = run.finish();
    assert_eq!(checksum(&events), checksum(&looked));
    let evaluations = |which| {
        looked
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Evaluation { weights, .. } if weights == which))
            .count()
    };
    // Just before each of the 96 syncs and at the end of the 40 epochs, 8 of which are a sync too.
    assert_eq!(evaluations(Weights::Inner), 128);
    assert!(evaluations(Weights::Synced) >= 128);
    let distances = looked
        .iter()
        .filter(|event| matches!(event.kind, EventKind::RankingDistance { .. }))
        .count();
    assert_eq!(distances, 480);
    assert_eq!(distributions(&events), []);
    let steps: Vec<u64> = distributions(&looked).iter().map(|(step, _)| *step).collect();
    assert_eq!(steps[..22], [(0..20).collect::<Vec<_>>(), vec![20, 22]].concat());
    assert_eq!(steps[steps.len() - 2..], [414, 454]);
    for (_, layers) in distributions(&looked) {
        let [LayerDistribution { layer: 1, min, max, p15, p50, p85 }] = &layers[..] else {
            panic!("not of dense2 alone: {layers:?}")
        };
        assert_eq!([p15.len(), p50.len(), p85.len()], [10; 3]);
        let ascending = |j: usize| [*min, p15[j], p50[j], p85[j], *max].is_sorted();
        assert!((0..10).all(ascending), "{layers:?}");
    }
}

fn distributions(events: &[Event]) -> Vec<(u64, Vec<LayerDistribution>)> {
    let distribution = |event: &Event| match &event.kind {
        EventKind::Distribution { layers } => Some((event.step, layers.clone())),
        _ => None,
    };
    events.iter().filter_map(distribution).collect()
}

fn frames(events: &[Event]) -> Vec<(u64, Arc<Frame>)> {
    let frame = |event: &Event| match &event.kind {
        EventKind::Frame { frame: Some(frame), .. } => Some((event.step, frame.clone())),
        _ => None,
    };
    events.iter().filter_map(frame).collect()
}

#[test]
fn a_look_tells_how_the_watched_vector_began_and_what_is_connected() {
    let (events, _) = Run::start(&["wrapper.k=5", "prune.ratio=0.5", "train.epochs=1"]).finish();
    let zeros = events.iter().find_map(|event| match &event.kind {
        EventKind::Sync { layers, .. } => Some([layers[0].zeros, layers[1].zeros]),
        _ => None,
    });
    let frames = frames(&events);
    let first = &frames[0].1.layers;
    for (_, frame) in &frames {
        for (layer, weights) in [16 * 784, 10 * 16].into_iter().enumerate() {
            let look = &frame.layers[layer];
            let missing = (0..weights).filter(|&i| look.connected(i) == Some(false)).count();
            assert_eq!(Some(missing), zeros.map(|zeros| zeros[layer]));
            // The vector has as many connections as at the start, in other positions.
            let length = look.values.len();
            let now =
                (0..length).filter(|&i| look.connected(look.vector * length + i) == Some(true));
            let before = look.initial_values.iter().filter(|&&value| value != 0.0);
            assert_eq!(now.count(), before.count());
            assert_eq!(look.initial_values, first[layer].initial_values);
        }
    }
    // Without LaPerm, the initial values of vectors that were not watched are kept, too.
    let mut run = Run::start(&["wrapper.name=none", "train.epochs=1"]);
    run.tell(Command::Watch { layer: 1, vector: 3 });
    let (events, _) = run.finish();
    let frames = self::frames(&events);
    let last = &frames.last().expect("a look at the end").1.layers[1];
    assert_eq!((last.vector, last.initial_values.len(), last.connections.len()), (3, 16, 0));
    assert_ne!(last.initial_values, last.values);
}

#[test]
fn a_look_right_after_a_sync_tells_what_it_did() {
    let rarely = ["wrapper.k=6", "train.epochs=1", "monitor.frame_seconds=1000"];
    let (events, _) = Run::start(&rarely).finish();
    assert_eq!(sync_steps(&events), [6, 12]);
    let frames = frames(&events);
    let (step, last) = frames.last().expect("a look at the end");
    assert_eq!((*step, last.since), (12, 6));
    assert!(last.layers.iter().any(|layer| layer.before != layer.after));
}

#[test]
fn lookahead_and_shuffled_weights_train() {
    let (events, runs) =
        Run::start(&["wrapper.name=lookahead", "wrapper.k=6", "train.epochs=1"]).finish();
    let moves =
        events.iter().filter(|event| matches!(event.kind, EventKind::Lookahead { .. })).count();
    assert_eq!(moves, 2);
    let snapshot = events.iter().find_map(|event| match &event.kind {
        EventKind::Snapshot { file, synced: false } => Some(file.clone()),
        _ => None,
    });
    let folder = std::fs::read_dir(runs.path())
        .expect("reads")
        .next()
        .expect("a run")
        .expect("reads")
        .path();
    let path = folder.join(snapshot.expect("the last weights are saved"));
    let shuffled = format!("initial.weights={{ shuffled = {:?} }}", path.display().to_string());
    let (events, shuffled_runs) =
        Run::start(&[&shuffled, "wrapper.k=3", "train.epochs=1"]).finish();
    assert_eq!(sync_steps(&events), [3, 6, 9, 12]);
    let folder = std::fs::read_dir(shuffled_runs.path())
        .expect("reads")
        .next()
        .expect("a run")
        .expect("reads");
    let last = folder.path().join("snapshots/step-0000012.safetensors");
    let verified = Snapshot::read(&last)
        .and_then(|snapshot| snapshot.verify())
        .expect("provable while the shuffled snapshot is there");
    assert!(verified.iter().all(|parameter| parameter.foreign.is_empty()));
}

#[test]
fn every_optimizer_learns_under_every_wrapper() {
    for optimizer in ["sgd", "adam", "adamw", "rmsprop", "lion"] {
        for wrapper in ["none", "lookahead", "laperm"] {
            // A rule that normalizes the gradient moves each weight by about the learning rate.
            let lr = match optimizer {
                "sgd" => 0.3,
                "lion" => 0.003,
                _ => 0.01,
            };
            let keys = [
                format!("optimizer.name={optimizer}"),
                format!("optimizer.lr={lr}"),
                format!("wrapper.name={wrapper}"),
            ];
            let [name, lr, wrapped] = keys.each_ref().map(String::as_str);
            let overrides = [name, lr, wrapped, "wrapper.k=6", "train.epochs=40"];
            let (events, _) = Run::start(&overrides).finish();
            let score = events.iter().rev().find_map(|event| match &event.kind {
                EventKind::Evaluation { test, .. } => Some(test.accuracy),
                _ => None,
            });
            // Guessing scores 0.1.
            assert!(score.is_some_and(|score| score > 0.25), "{optimizer} {wrapper}: {score:?}");
        }
    }
}
