//! Faults of connections, disks and machines, caused for real and repeatedly.
//!
//! `LAPERM_FAULTS=50 cargo test --release --test faults -- --nocapture` prints the numbers in the
//! table of measurements.

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, SystemTime};

use laperm::random::{Purpose, stream};
use laperm::run::{RunFolder, read_events, read_frame};
use laperm::train::{Checkpoint, Event, EventKind, Reason};
use rand::RngExt;
use rustix::process::Signal;
use serde_json::Value;
use support::pty::Pty;
use support::{SMALL, SmallDisk, Workplace, events, eventually, pid, reason};

/// How often each fault is caused: LAPERM_FAULTS, or 10.
fn times() -> u64 {
    std::env::var("LAPERM_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// A random time of up to `most` milliseconds, which depends only on the number of the fault.
fn moment(fault: u64, most: u64) -> Duration {
    let mut random = stream(fault, Purpose::EvaluationSample, 1, 0);
    Duration::from_millis(random.random_range(0..most))
}

/// A small network with every kind of state that a checkpoint contains. At almost any moment, a
/// checkpoint is being written.
const BUSY: &str = r#"
[data]
dataset = "glyphs"
glyphs = { train_examples = 400, test_examples = 100 }

[[network.layers]]
type = "flatten"
[[network.layers]]
type = "dense"
units = 64
[[network.layers]]
type = "batch-norm"
[[network.layers]]
type = "dropout"
rate = 0.3
[[network.layers]]
type = "dense"
units = 10

[wrapper]
k = 30

[train]
batch = 20
epochs = 30

[monitor]
distance_every = 1

[checkpoint]
every_steps = 3
"#;

fn object(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn killed_at_any_moment() {
    let workplace = Workplace::new();
    workplace.write("busy.toml", BUSY);
    let outcome = workplace.run(&["run", "busy.toml", "--json", "--runs", "whole"]);
    let whole = object(&outcome.stdout);
    // Duration of a run. It shrinks once the other tests of this program have ended.
    let mut most = (whole["seconds"].as_f64().unwrap() * 1e3) as u64;
    let (mut equal, mut early, mut over, mut longest) = (0, 0, 0, 0.0f64);
    for fault in 0..times() {
        let runs = format!("killed{fault}");
        let running = workplace.start(&["run", "busy.toml", "--json", "--runs", &runs]);
        sleep(moment(fault, most));
        running.signal(Signal::KILL);
        let killed = SystemTime::now();
        drop(running);
        let folders = laperm::run::list_runs(&workplace.path().join(&runs));
        let Some(run) = folders.first() else {
            early += 1;
            continue;
        };
        let log = read_events(run).unwrap();
        assert_frames_are_whole(run, &log);
        let ended = log.iter().any(|event| matches!(event.kind, EventKind::Finished { .. }));
        if !ended && let Some(last) = log.last() {
            longest = longest.max(lost(run, killed, last.seconds));
        }
        let Ok(checkpoint) = fs::read(run.path().join("checkpoint/state.safetensors")) else {
            early += 1;
            continue;
        };
        Checkpoint::from_bytes(&checkpoint).unwrap();
        if ended {
            over += 1;
            most -= most / 4;
            continue;
        }
        let resumed =
            workplace.run(&["resume", run.path().to_str().unwrap(), "--headless", "--json"]);
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        assert_eq!(object(&resumed.stdout)["weights_checksum"], whole["weights_checksum"]);
        assert_eq!(reason(&events(run)), Reason::Finished);
        equal += 1;
    }
    println!(
        "killed -9 {} times: {equal} resumed and ended with the weights of the run that was never \
         killed, {early} had no checkpoint yet, {over} were over; every log, frame and checkpoint \
         was readable; at most {longest:.2} s of events were lost",
        times()
    );
    assert!(equal > 0 || times() < 10, "no run was killed between a checkpoint and its end");
    assert!(longest <= MOST_LOST, "{longest} s of events were lost");
}

/// Checks that every frame that the log announces can be read.
#[track_caller]
fn assert_frames_are_whole(run: &RunFolder, log: &[Event]) {
    for event in log {
        if let EventKind::Frame { at: Some(at), .. } = event.kind {
            assert!(read_frame(run, at).is_some(), "an announced frame is whole");
        }
    }
}

/// Seconds of events that a kill may lose. The log is flushed at least once a second.
const MOST_LOST: f64 = 1.5;

/// Seconds between the latest event on disk and the kill.
fn lost(run: &RunFolder, killed: SystemTime, last: f64) -> f64 {
    // The log is created when the run begins. File systems without creation times leave the
    // experiment, which is written shortly before.
    let log = fs::metadata(run.events()).unwrap().created();
    let experiment = || fs::metadata(run.path().join("experiment.toml")).unwrap().modified();
    let begun = log.or_else(|_| experiment()).unwrap();
    killed.duration_since(begun).unwrap_or_default().as_secs_f64() - last
}

#[test]
fn the_terminal_is_gone() {
    let load = Load::start();
    let (mut went_on, mut saved, mut idle) = (0, 0, 0);
    for fault in 0..times() {
        let workplace = Workplace::new();
        workplace.write("long.toml", SMALL);
        let policy = if fault % 3 == 0 { "stop" } else { "go-on" };
        let arguments = ["run", "long.toml", "--epochs", "100000", "--on-hangup", policy];
        let mut pty = Pty::start(&workplace, &arguments, (100, 30));
        pty.wait_for("epoch");
        sleep(moment(fault, 300));
        if fault % 2 == 0 {
            pty.keys(" ");
            pty.wait_for("paused");
        }
        pty.hang_up();
        let run = workplace.only_run();
        if policy == "stop" {
            assert_eq!(reason(&events(&run)), Reason::Stopped);
            saved += 1;
            continue;
        }
        if fault % 2 == 0 {
            assert_idle(run.host().unwrap().pid);
            idle += 1;
        }
        let outcome = workplace.run(&["ctl", &run.name(), "stop"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(reason(&events(&run)), Reason::Stopped);
        went_on += 1;
    }
    drop(load);
    println!(
        "terminal closed {} times while all cores were busy: {went_on} runs continued ({idle} of \
         them paused, using no processor time), {saved} were stopped and saved as asked; no \
         process of a screen was left",
        times()
    );
}

/// Checks that a paused run uses no processor time.
fn assert_idle(process: u32) {
    let ticks = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // User and system time.
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    sleep(Duration::from_millis(500));
    // In hundredths of a second. A busy loop would use fifty, or its share of them.
    assert!(ticks() - before <= 3);
}

/// Threads that keep every core busy until the value is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Self {
        let over = Arc::<AtomicBool>::default();
        for _ in 0..thread::available_parallelism().map_or(1, |n| n.get()) {
            let over = over.clone();
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Load(over)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn the_disk_is_full_and_has_room_again() {
    let workplace = Workplace::new();
    workplace.write("long.toml", SMALL);
    let disk = workplace.path().join("disk");
    let _disk = SmallDisk::mount(&disk, "size=16m");
    let arguments = ["run", "long.toml", "--epochs", "100000", "--runs", "disk/runs"];
    let mut pty = Pty::start(&workplace, &arguments, (100, 30));
    pty.wait_for("best");
    let [run] = &laperm::run::list_runs(&disk.join("runs"))[..] else { panic!("not one run") };
    eventually("something is written", || {
        fs::metadata(run.events()).ok().filter(|log| log.len() > 0)
    });
    // Fills the disk: the write fails once no room is left.
    let ballast = disk.join("ballast");
    let _ = fs::write(&ballast, vec![0; 16 << 20]);
    pty.wait_for("the log cannot be written");
    // A write that fits only in part leaves a torn line, until the part is cut off again.
    let whole = eventually("all lines are whole", || {
        Some(fs::read(run.events()).unwrap()).filter(|log| log.ends_with(b"\n"))
    });
    let before = read_events(run).unwrap().len();
    let trained = step(&pty.text());
    pty.wait_until("the training continues on a full disk", |screen| step(screen) > trained);
    fs::remove_file(&ballast).unwrap();
    pty.wait_for("the log is written again");
    eventually("the log grows", || (read_events(run).unwrap().len() > before + 100).then_some(()));
    assert!(fs::read(run.events()).unwrap().starts_with(&whole), "what was written is untouched");
    pty.keys("qs");
    assert_eq!(pty.wait_for_end(), 0);
    let log = events(run);
    let reported = |what: &str| {
        log.iter().any(
            |event| matches!(&event.kind, EventKind::Notice { message } if message.contains(what)),
        )
    };
    assert!(reported("the log cannot be written") && reported("the log is written again"));
    println!(
        "disk full and free again: training continued, nothing that was written was damaged, and \
         both were reported"
    );
}

/// The training step that the screen shows; 0 if it shows none.
fn step(screen: &str) -> u64 {
    let digits = |(_, rest): (&str, &str)| rest.split('/').next()?.parse().ok();
    screen.split_once("step ").and_then(digits).unwrap_or(0)
}

#[test]
fn two_want_the_same_run() {
    let workplace = Workplace::new();
    workplace.write("busy.toml", BUSY);
    let _running = workplace.start(&["run", "busy.toml", "--headless", "--epochs", "100000"]);
    let run = eventually("a checkpoint is there", || {
        let run = workplace.runs().into_iter().next()?;
        run.path().join("checkpoint/state.safetensors").exists().then_some(run)
    });
    let host = run.host().unwrap().pid.to_string();
    let second = workplace.run(&["resume", &run.name(), "--headless"]);
    second.assert_refused(2, &[&host, "laperm attach"]);
    rustix::process::kill_process(pid(run.host().unwrap().pid), Signal::TERM).unwrap();
}
