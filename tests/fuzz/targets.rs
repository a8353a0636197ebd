//! Bytes from anywhere into everything that reads what a run has left or a stranger says. Nothing may panic, hang, or
//! take memory that the bytes do not pay for.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use laperm::run::{LogCursor, RunFolder, RunRecorder, RunState, Summary, frames};
use laperm::session::Server;
use laperm::train::{Checkpoint, Event, Order, Snapshot};
use laperm::weights::TensorFile;

/// A run folder to put a log in.
pub struct Log {
    home: tempfile::TempDir,
}

impl Log {
    pub fn new() -> Self {
        Log { home: tempfile::tempdir().unwrap() }
    }

    /// Reads `bytes` as `events.jsonl`, piece by piece and as a whole, and folds what is in it.
    pub fn read(&self, bytes: &[u8]) {
        let run = RunFolder::open(self.home.path());
        fs::write(run.events(), bytes).unwrap();
        let mut state = RunState::default();
        let mut cursor = LogCursor::open(&run).unwrap();
        while let Ok(events) = cursor.next_events() {
            if events.is_empty() {
                break;
            }
            events.iter().for_each(|event| state.apply(event));
        }
        let _ = (state.seconds_left(), state.images_per_second(), state.best());
        let _ = state.seconds_at(state.step / 2);
        let _ = Summary::read(&run);
    }
}

/// Reads `bytes` as one frame of `frames.bin`.
pub fn frame(bytes: &[u8]) {
    let _ = frames::decode(bytes);
}

/// Reads `bytes` as a checkpoint.
pub fn checkpoint(bytes: &[u8]) {
    let _ = Checkpoint::from_bytes(bytes);
}

/// Reads `bytes` as an .lperm file.
pub fn coded(bytes: &[u8]) {
    let _ = Snapshot::decode(Path::new("coded.lperm"), bytes);
}

/// A folder to put a file of weights in.
pub struct Weights {
    home: tempfile::TempDir,
}

impl Weights {
    pub fn new() -> Self {
        Weights { home: tempfile::tempdir().unwrap() }
    }

    /// Reads `bytes` as a file of weights, whatever its format, and sums up what is in it.
    pub fn read(&self, bytes: &[u8]) {
        let path = self.home.path().join("weights");
        // A file that is written over is flushed to disk by some file systems.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        let Ok(file) = TensorFile::open(&path) else { return };
        for index in 0..file.tensors().len() {
            if let Err(error) = file.summary(index, None) {
                assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            }
        }
    }
}

/// A run that nobody trains, with an open door.
pub struct Door {
    home: tempfile::TempDir,
    orders: Receiver<Order>,
    // In this order: the door closes when its recorder has said that no more will come.
    _recorder: RunRecorder,
    _events: Receiver<Vec<Event>>,
    _server: Server,
}

impl Door {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let run = RunFolder::open(home.path());
        let (recorder, events) = RunRecorder::start(run.clone()).unwrap();
        let (sender, orders) = mpsc::channel();
        let server = Server::start(&run, recorder.feed(), sender).unwrap();
        Door { home, orders, _recorder: recorder, _events: events, _server: server }
    }

    /// Says `bytes` at the door and waits for its last word.
    pub fn say(&self, bytes: &[u8]) {
        let mut stream = UnixStream::connect(self.home.path().join("control.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The door may have had enough before the end.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        // A guest who is welcome hears events until it leaves; none come here.
        let mut said = [0; 4096];
        let _ = stream.read(&mut said);
        self.orders.try_iter().for_each(drop);
    }
}
