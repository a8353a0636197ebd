//! A log of any length, like that of a run of Conv7: the loss of every step, the ranking distances
//! of all layers every 10 steps, a sync every 20, evaluations before and after every tenth sync,
//! and occasional manual changes.

use std::fs::File;
use std::io::{BufWriter, Write};

use laperm::random::{Purpose, stream};
use laperm::run::RunFolder;
use laperm::train::{
    Command, Event, EventKind, LayerDistance, LayerInfo, LayerSync, Phase, Reason, Schedule, Score,
    Started, Weights,
};
use rand::RngExt;

const LAYERS: usize = 8;
const STEPS_PER_EPOCH: u64 = 1200;

/// Writes a log of `steps` steps into the folder of a run. Returns its length in bytes.
pub(crate) fn write(folder: &RunFolder, steps: u64) -> u64 {
    let mut random = stream(1, Purpose::Shuffle, 0, 0);
    let mut noise = || random.random_range(0.0..1.0f32);
    let mut log = BufWriter::new(File::create(folder.events()).unwrap());
    let mut write = |step: u64, kind: EventKind| {
        let event = Event { step, seconds: step as f64 * 0.0101234, kind };
        serde_json::to_writer(&mut log, &event).unwrap();
        log.write_all(b"\n").unwrap();
    };
    write(0, started(steps));
    write(0, EventKind::Phase { phase: Phase::Running });
    let schedule = Schedule { lr: 1e-3, k: 20, p: 0.5, active: true, ..Schedule::default() };
    write(0, EventKind::Schedule(schedule));
    for step in 1..=steps {
        let learnt = 1.0 - 0.9 / (1.0 + step as f32 / 500.0);
        let accuracy = ((learnt + 0.1 * noise()).min(1.0) * 50.0).round() / 50.0;
        write(step, EventKind::Step { loss: 2.3 * (1.0 - learnt) + 0.1 * noise(), accuracy });
        if step.is_multiple_of(10) {
            let layers =
                (0..LAYERS).map(|layer| LayerDistance { layer, mean: noise(), sd: noise() });
            write(step, EventKind::RankingDistance { layers: layers.collect() });
        }
        if step.is_multiple_of(200) {
            write(step, evaluation(Weights::Inner, learnt));
        }
        if step.is_multiple_of(20) {
            let layers = (0..LAYERS).map(|layer| LayerSync {
                layer,
                moved: noise(),
                distance: 9.0 * noise(),
                zeros: 1234,
            });
            let layers = layers.collect();
            let (sync, milliseconds, layer_milliseconds) = (step / 20, 2.5, vec![0.3; LAYERS]);
            let sync = EventKind::Sync { sync, milliseconds, layers, layer_milliseconds };
            write(step, sync);
        }
        if step.is_multiple_of(200) {
            write(step, evaluation(Weights::Synced, learnt));
        }
        if step.is_multiple_of(STEPS_PER_EPOCH) {
            write(step, EventKind::Epoch { epoch: step / STEPS_PER_EPOCH });
        }
        if step.is_multiple_of(50_000) {
            let command = Command::SetPeriod { k: 10 + step / 50_000 };
            write(step, EventKind::Applied { command, by: None });
        }
    }
    let reason = Reason::Finished;
    write(
        steps,
        EventKind::Finished {
            reason,
            message: None,
            weights_checksum: None,
            data_wait_seconds: None,
        },
    );
    log.flush().unwrap();
    folder.events().metadata().unwrap().len()
}

fn evaluation(weights: Weights, accuracy: f32) -> EventKind {
    let test = Score { loss: 1.0 - accuracy, accuracy, examples: 10_000 };
    let train = (weights == Weights::Synced).then_some(test);
    EventKind::Evaluation { weights, test, train, took: 0.5 }
}

fn started(total_steps: u64) -> EventKind {
    let layer = |number: usize| LayerInfo {
        name: format!("conv{}", number + 1),
        shape: vec![64, 64, 3, 3],
        vectors: 64,
        length: 576,
    };
    EventKind::Started(Box::new(Started {
        name: "a long run".into(),
        network: "conv7".into(),
        dataset: "mnist".into(),
        wrapper: "laperm".into(),
        optimizer: "adam".into(),
        train_examples: 60_000,
        steps_per_epoch: STEPS_PER_EPOCH,
        total_steps,
        layers: (0..LAYERS).map(layer).collect(),
        ..Started::default()
    }))
}

/// Peak memory of this process in bytes; `None` if the system does not report it.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
