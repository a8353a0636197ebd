//! Arbitrary bytes for everything that reads the files of a run, or messages of other processes. No
//! reader may panic, hang, or allocate memory that the bytes do not pay for.

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

/// A run folder for a log.
pub(crate) struct Log {
    home: tempfile::TempDir,
}

impl Log {
    pub(crate) fn new() -> Self {
        Log { home: tempfile::tempdir().unwrap() }
    }

    /// Reads `bytes` as `events.jsonl`, piece by piece and as a whole, and folds the events.
    pub(crate) fn read(&self, bytes: &[u8]) {
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
pub(crate) fn frame(bytes: &[u8]) {
    let _ = frames::decode(bytes);
}

/// Reads `bytes` as a checkpoint.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let _ = Checkpoint::from_bytes(bytes);
}

/// Reads `bytes` as an .lperm file.
pub(crate) fn coded(bytes: &[u8]) {
    let _ = Snapshot::decode(Path::new("coded.lperm"), bytes);
}

/// A folder for a file of weights.
pub(crate) struct Weights {
    home: tempfile::TempDir,
}

impl Weights {
    pub(crate) fn new() -> Self {
        Weights { home: tempfile::tempdir().unwrap() }
    }

    /// Reads `bytes` as a file of weights in any format, and summarizes its tensors.
    pub(crate) fn read(&self, bytes: &[u8]) {
        let path = self.home.path().join("weights");
        // Some file systems flush an overwritten file to disk, which is slow.
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

/// The host of a run that is not trained.
pub(crate) struct Host {
    home: tempfile::TempDir,
    orders: Receiver<Order>,
    // Dropped in this order: the server closes after the recorder has ended the log.
    _recorder: RunRecorder,
    _events: Receiver<Vec<Event>>,
    _server: Server,
}

impl Host {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let run = RunFolder::open(home.path());
        let (recorder, events) = RunRecorder::start(run.clone()).unwrap();
        let (sender, orders) = mpsc::channel();
        let server = Server::start(&run, recorder.feed(), sender).unwrap();
        Host { home, orders, _recorder: recorder, _events: events, _server: server }
    }

    /// Sends `bytes` to the host, and waits for its answer.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut stream = UnixStream::connect(self.home.path().join("control.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The host may close the connection before the end.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        // A client that is welcome receives events until it leaves; here there are none.
        let mut answer = [0; 4096];
        let _ = stream.read(&mut answer);
        self.orders.try_iter().for_each(drop);
    }
}
