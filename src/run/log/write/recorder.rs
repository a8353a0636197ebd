//! Recording a run: every event of the trainer goes to the files of the run folder, to the
//! subscribers of its log, and to this process.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::LogFeed;
use super::file::{LogFile, LogNews};
use super::journal::{Journal, lock};
use crate::model::WeightsFile;
use crate::run::checkpoint::CheckpointWriter;
use crate::run::folder::HEARTBEAT_SECONDS;
use crate::run::{Claim, RunFolder, frames};
use crate::train::{Checkpoint, Event, EventKind, FrameLocation, LogPosition, Recorder};

/// Batches of events that this process may have queued. When the queue is full, samples are
/// dropped.
const MOST_QUEUED: usize = 512;

/// Interval at which per-step events are published. Batching them avoids waking a client on every
/// step, which would compete with training for a core; no screen shows more.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);

/// Interval at which the log is flushed at least.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes at which the log is flushed, however little time has passed.
const FLUSH_AT: usize = 1 << 16;

/// Writes `events.jsonl`, `frames.bin`, `snapshots/`, `checkpoint/` and `host.json`.
pub struct RunRecorder {
    folder: RunFolder,
    journal: Arc<Mutex<Journal>>,
    frames: FramesFile,
    checkpoints: CheckpointWriter,
    queue: EventQueue,
    keeper: Option<(SyncSender<()>, JoinHandle<()>)>,
    /// Step and seconds of the latest event.
    last: (u64, f64),
    published: Instant,
    /// Position in the log from which a resumed run continues, until the log was cut there.
    rewind: Option<LogPosition>,
    _claim: Claim,
}

/// The channel of events to this process. The trainer never waits for it.
struct EventQueue {
    sender: Option<SyncSender<Vec<Event>>>,
    unsent: Vec<Event>,
}

/// `frames.bin`.
struct FramesFile {
    file: File,
    length: u64,
}

impl FramesFile {
    /// Appends a frame. Returns `None` if it cannot be written, which costs a picture but no
    /// measurement.
    fn append(&mut self, bytes: &[u8]) -> Option<FrameLocation> {
        let offset = self.length;
        if self.file.write_all(bytes).is_err() {
            let _ = self.file.set_len(offset);
            return None;
        }
        self.length += bytes.len() as u64;
        Some(FrameLocation { offset, length: bytes.len() as u64, crc: crc32fast::hash(bytes) })
    }
}

/// How an event is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// A sample of a curve or a picture: with the next batch, and dropped if the queue is full.
    Sample,
    /// With the next batch. Such an event may happen at every step.
    Batched,
    /// At once.
    Immediate,
}

impl Delivery {
    fn of(kind: &EventKind) -> Self {
        match kind {
            EventKind::Step { .. }
            | EventKind::RankingDistance { .. }
            | EventKind::Distribution { .. }
            | EventKind::Frame { .. } => Delivery::Sample,
            EventKind::Sync { .. } | EventKind::Lookahead { .. } => Delivery::Batched,
            EventKind::Started(_)
            | EventKind::Epoch { .. }
            | EventKind::Schedule(_)
            | EventKind::Evaluation { .. }
            | EventKind::Applied { .. }
            | EventKind::Refused { .. }
            | EventKind::Phase { .. }
            | EventKind::Snapshot { .. }
            | EventKind::Diverged { .. }
            | EventKind::Resumed { .. }
            | EventKind::Notice { .. }
            | EventKind::Finished { .. }
            | EventKind::Unknown => Delivery::Immediate,
        }
    }
}

impl RunRecorder {
    /// Starts to record in `folder`. The receiver gets the events too, in batches.
    ///
    /// # Errors
    /// The log cannot be created, or exists.
    pub fn start(folder: RunFolder) -> io::Result<(Self, Receiver<Vec<Event>>)> {
        let log = LogFile::create(&folder.events())?;
        let claim = folder.claim().map_err(io::Error::other)?;
        let file = OpenOptions::new().append(true).create_new(true).open(folder.frames())?;
        let frames = FramesFile { file, length: 0 };
        let (mut recorder, receiver) = Self::over(folder, log, frames, claim);
        recorder.keeper = Some(keep(recorder.folder.clone(), recorder.journal.clone())?);
        Ok((recorder, receiver))
    }

    /// Continues to record in the claimed `folder`, from `position` of its log. Nothing is written
    /// or cut before [`Recorder::rewind`].
    ///
    /// # Errors
    /// The log cannot be opened.
    pub fn resume(
        folder: RunFolder,
        claim: Claim,
        position: LogPosition,
    ) -> io::Result<(Self, Receiver<Vec<Event>>)> {
        let log = LogFile::open(&folder.events())?;
        let file = OpenOptions::new().append(true).create(true).open(folder.frames())?;
        // A crash may have lost frames. They are pictures only: the run continues without them.
        let length = file.metadata()?.len().min(position.frames);
        let frames = FramesFile { file, length };
        let (mut recorder, receiver) = Self::over(folder, log, frames, claim);
        recorder.rewind = Some(position);
        Ok((recorder, receiver))
    }

    fn over(
        folder: RunFolder,
        log: LogFile,
        frames: FramesFile,
        claim: Claim,
    ) -> (Self, Receiver<Vec<Event>>) {
        let (sender, receiver) = mpsc::sync_channel(MOST_QUEUED);
        let recorder = RunRecorder {
            checkpoints: CheckpointWriter::new(&folder),
            folder,
            journal: Arc::new(Mutex::new(Journal::new(log))),
            frames,
            queue: EventQueue { sender: Some(sender), unsent: Vec::new() },
            keeper: None,
            last: (0, 0.0),
            published: Instant::now(),
            rewind: None,
            _claim: claim,
        };
        (recorder, receiver)
    }

    /// Returns a handle with which to subscribe to the lines of the log as they are written.
    pub fn feed(&self) -> LogFeed {
        LogFeed::new(self.journal.clone())
    }

    /// Step and seconds of the latest event.
    pub fn last(&self) -> (u64, f64) {
        self.last
    }

    fn write(&mut self, event: &Event) {
        let Ok(line) = serde_json::to_string(event) else { return };
        let mut journal = lock(&self.journal);
        journal.push(&line);
        if matches!(event.kind, EventKind::Finished { .. }) {
            journal.settle();
        }
        // While the disk refuses to write, the keeper retries, not every event.
        if journal.log().waiting().len() >= FLUSH_AT && !journal.log().refusing() {
            journal.log().flush();
        }
        let news = journal.news();
        drop(journal);
        if let Some(news) = news {
            self.report(&news);
        }
    }

    /// Sends all events that are held back, to subscribers and to this process.
    fn publish(&mut self) {
        lock(&self.journal).publish();
        self.queue.flush();
        self.published = Instant::now();
    }

    fn report(&mut self, news: &LogNews) {
        let message = match news {
            LogNews::Refused(reason) => format!(
                "the log cannot be written: {reason}; training continues, events wait in memory"
            ),
            LogNews::Recovered(0) => "the log is written again; nothing is lost".to_owned(),
            LogNews::Recovered(lost) => format!("the log is written again; {lost} events are lost"),
        };
        self.notice(message);
    }

    /// Records a notice and publishes it at once.
    fn notice(&mut self, message: String) {
        let (step, seconds) = self.last;
        let event = Event { step, seconds, kind: EventKind::Notice { message } };
        if let Ok(line) = serde_json::to_string(&event) {
            lock(&self.journal).push(&line);
        }
        self.queue.push(event);
        self.publish();
    }
}

impl Recorder for RunRecorder {
    fn record(&mut self, mut event: Event) {
        self.last = (event.step, event.seconds);
        let news = match event.kind {
            EventKind::Finished { .. } => self.checkpoints.wait(),
            _ => self.checkpoints.news(),
        };
        if let Some(message) = news {
            self.notice(message);
        }
        if let EventKind::Frame { at, frame: Some(frame) } = &mut event.kind {
            let bytes = frames::encode(frame).ok();
            *at = bytes.and_then(|bytes| self.frames.append(&bytes));
        }
        self.write(&event);
        let delivery = Delivery::of(&event.kind);
        self.queue.push(event);
        if delivery == Delivery::Immediate || self.published.elapsed() >= PUBLISH_INTERVAL {
            self.publish();
        }
    }

    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String> {
        let file = format!("{name}.safetensors");
        weights.write(&self.folder.snapshots().join(&file)).map_err(|error| error.to_string())?;
        Ok(format!("snapshots/{file}"))
    }

    fn ready_for_checkpoint(&mut self) -> bool {
        self.checkpoints.is_ready()
    }

    fn checkpoint(&mut self, mut checkpoint: Checkpoint) {
        let mut journal = lock(&self.journal);
        let log = journal.log();
        log.flush();
        // While the disk refuses lines, the log has no position from which a run could continue.
        let (Some(events), Ok(handle)) = (log.position(), log.handle()) else { return };
        drop(journal);
        let mut files = vec![handle];
        files.extend(self.frames.file.try_clone());
        checkpoint.set_log(LogPosition { events, frames: self.frames.length });
        if let Some(message) = self.checkpoints.start(checkpoint, files) {
            self.notice(message);
        }
    }

    fn rewind(&mut self) -> Result<u64, String> {
        let Some(position) = self.rewind.take() else { return Ok(0) };
        let at = |path: PathBuf| move |error: io::Error| format!("{}: {error}", path.display());
        let cut =
            lock(&self.journal).log().cut(position.events).map_err(at(self.folder.events()))?;
        self.frames.file.set_len(self.frames.length).map_err(at(self.folder.frames()))?;
        let keeper = keep(self.folder.clone(), self.journal.clone());
        self.keeper = Some(keeper.map_err(at(self.folder.path().into()))?);
        Ok(cut)
    }
}

impl Drop for RunRecorder {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.keeper.take() {
            drop(stop);
            let _ = thread.join();
        }
        lock(&self.journal).end();
    }
}

impl EventQueue {
    fn push(&mut self, event: Event) {
        if self.sender.is_some() {
            self.unsent.push(event);
        }
    }

    fn flush(&mut self) {
        let Some(sender) = self.sender.as_ref().filter(|_| !self.unsent.is_empty()) else { return };
        match sender.try_send(std::mem::take(&mut self.unsent)) {
            Ok(()) => {}
            Err(TrySendError::Full(mut events)) => {
                events.retain(|event| Delivery::of(&event.kind) != Delivery::Sample);
                self.unsent = events;
            }
            Err(TrySendError::Disconnected(_)) => self.sender = None,
        }
    }
}

/// Starts a thread that flushes the log at least once a second and updates the heartbeat, whether
/// the run is paused or not. It ends when the sender is dropped.
fn keep(
    folder: RunFolder,
    journal: Arc<Mutex<Journal>>,
) -> io::Result<(SyncSender<()>, JoinHandle<()>)> {
    let started = Timestamp::now();
    folder.beat(started)?;
    let (stop, stopped) = mpsc::sync_channel::<()>(0);
    let thread = thread::Builder::new().name("log-keeper".into()).spawn(move || {
        for tick in 1u64.. {
            if stopped.recv_timeout(FLUSH_INTERVAL) == Err(mpsc::RecvTimeoutError::Disconnected) {
                break;
            }
            {
                let mut journal = lock(&journal);
                journal.log().flush();
                // The trainer publishes nothing while it is busy with something that takes long.
                journal.publish();
            }
            // Two ticks a second.
            if tick.is_multiple_of(2 * HEARTBEAT_SECONDS) {
                // A failure needs no report: the log reports a full disk, and a run without a
                // heartbeat only looks old.
                let _ = folder.beat(started);
            }
        }
    })?;
    Ok((stop, thread))
}
