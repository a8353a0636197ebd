//! Writing a run down while it happens, and passing it on to whoever watches.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::checkpoint::CheckpointWriter;
use super::folder::HEARTBEAT_SECONDS;
use super::journal::{Journal, Listening, lock};
use super::log::{LogFile, LogNews};
use super::{Claim, RunFolder, frames};
use crate::model::WeightsFile;
use crate::train::{Checkpoint, Event, EventKind, FrameLocation, LogPosition, Recorder};

/// How often a watcher may be told something before it looks; after that, what is only for looking is left out.
const WATCHER_QUEUE: usize = 512;
/// How long what comes with every step is kept back to be told together: whoever is woken takes a processor from the
/// training, and no screen shows more.
const TOGETHER: Duration = Duration::from_millis(100);
/// Bytes of the log that are written at once, however short the time.
const WRITE_AT: usize = 1 << 16;

/// Writes `events.jsonl`, `frames.bin`, `snapshots/`, `checkpoint/` and `host.json`.
pub struct RunRecorder {
    folder: RunFolder,
    journal: Arc<Mutex<Journal>>,
    frames: Option<FramesFile>,
    checkpoints: CheckpointWriter,
    watcher: Watcher,
    keeper: Option<(SyncSender<()>, JoinHandle<()>)>,
    last: (u64, f64),
    /// When listeners and watcher were last told everything.
    told: Instant,
    /// Where to go on from, until that is done.
    rewind: Option<LogPosition>,
    _claim: Claim,
}

/// The channel to a screen. The trainer never waits for it.
struct Watcher {
    sender: Option<SyncSender<Vec<Event>>>,
    /// What it has not been told.
    untold: Vec<Event>,
}

struct FramesFile {
    file: File,
    length: u64,
}

impl RunRecorder {
    /// Starts to record in `folder`. The receiver gets the events too, some of them together.
    ///
    /// # Errors
    /// A log that cannot be made, or is there already.
    pub fn start(folder: RunFolder) -> io::Result<(Self, Receiver<Vec<Event>>)> {
        let log = LogFile::create(&folder.events())?;
        let claim = folder.claim().map_err(io::Error::other)?;
        let file = OpenOptions::new().append(true).create_new(true).open(folder.frames())?;
        let frames = FramesFile { file, length: 0 };
        let (mut recorder, receiver) = Self::over(folder, log, frames, claim);
        recorder.keeper = Some(keep(recorder.folder.clone(), recorder.journal.clone())?);
        Ok((recorder, receiver))
    }

    /// Records on in the claimed `folder`, from `position` of its log. Nothing is written or cut before
    /// [`Recorder::rewind`].
    ///
    /// # Errors
    /// A log that cannot be opened.
    pub fn resume(
        folder: RunFolder,
        claim: Claim,
        position: LogPosition,
    ) -> io::Result<(Self, Receiver<Vec<Event>>)> {
        let log = LogFile::open(&folder.events())?;
        let file = OpenOptions::new().append(true).create(true).open(folder.frames())?;
        // Frames are only for looking: as many as there are will do.
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
        let (sender, receiver) = mpsc::sync_channel(WATCHER_QUEUE);
        let recorder = RunRecorder {
            checkpoints: CheckpointWriter::new(&folder),
            folder,
            journal: Arc::new(Mutex::new(Journal::new(log))),
            frames: Some(frames),
            watcher: Watcher { sender: Some(sender), untold: Vec::new() },
            keeper: None,
            last: (0, 0.0),
            told: Instant::now(),
            rewind: None,
            _claim: claim,
        };
        (recorder, receiver)
    }

    /// Where others can listen to the events as they are written.
    pub fn listening(&self) -> Listening {
        Listening::new(self.journal.clone())
    }

    /// Step and seconds of the newest event.
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
        // What the disk refuses is tried again by the keeper, not at every event.
        if journal.log().waiting() >= WRITE_AT && !journal.log().refusing() {
            journal.log().flush();
        }
        let news = journal.news();
        drop(journal);
        if let Some(news) = news {
            self.report(&news);
        }
    }

    /// Tells everybody what they have not been told.
    fn tell(&mut self) {
        lock(&self.journal).tell();
        self.watcher.tell();
        self.told = Instant::now();
    }

    /// Tells about trouble with the log, on the screen and, when it can be, in the log itself.
    fn report(&mut self, news: &LogNews) {
        let message = match news {
            LogNews::Refused(why) => {
                format!("the log cannot be written: {why}; training goes on, events wait in memory")
            }
            LogNews::Recovered(0) => "the log is written again; nothing is lost".to_owned(),
            LogNews::Recovered(lost) => format!("the log is written again; {lost} events are lost"),
        };
        self.notice(message);
    }

    /// Tells something on the screen and in the log.
    fn notice(&mut self, message: String) {
        let (step, seconds) = self.last;
        let event = Event { step, seconds, kind: EventKind::Notice { message } };
        if let Ok(line) = serde_json::to_string(&event) {
            lock(&self.journal).push(&line);
        }
        self.watcher.push(event);
        self.tell();
    }

    /// Appends a frame; `None` if it cannot be written, which costs a picture and no number.
    fn write_frame(&mut self, bytes: &[u8]) -> Option<FrameLocation> {
        let frames = self.frames.as_mut()?;
        let offset = frames.length;
        if frames.file.write_all(bytes).is_err() {
            let _ = frames.file.set_len(offset);
            return None;
        }
        frames.length += bytes.len() as u64;
        Some(FrameLocation { offset, length: bytes.len() as u64, crc: crc32fast::hash(bytes) })
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
            *at = bytes.and_then(|bytes| self.write_frame(&bytes));
        }
        self.write(&event);
        let can_wait = can_wait(&event.kind);
        self.watcher.push(event);
        if !can_wait || self.told.elapsed() >= TOGETHER {
            self.tell();
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
        // While the disk refuses lines, there is no place in the log that a run could go on from.
        let (Some(events), Ok(handle)) = (log.position(), log.handle()) else { return };
        drop(journal);
        let mut files = vec![handle];
        files.extend(self.frames.as_ref().and_then(|frames| frames.file.try_clone().ok()));
        let frames = self.frames.as_ref().map_or(0, |frames| frames.length);
        checkpoint.set_log(LogPosition { events, frames });
        if let Some(message) = self.checkpoints.start(checkpoint, files) {
            self.notice(message);
        }
    }

    fn rewind(&mut self) -> Result<u64, String> {
        let Some(position) = self.rewind.take() else { return Ok(0) };
        let at = |path: PathBuf| move |error: io::Error| format!("{}: {error}", path.display());
        let cut =
            lock(&self.journal).log().cut(position.events).map_err(at(self.folder.events()))?;
        if let Some(frames) = &self.frames {
            frames.file.set_len(frames.length).map_err(at(self.folder.frames()))?;
        }
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

impl Watcher {
    fn push(&mut self, event: Event) {
        if self.sender.is_some() {
            self.untold.push(event);
        }
    }

    fn tell(&mut self) {
        let Some(sender) = self.sender.as_ref().filter(|_| !self.untold.is_empty()) else { return };
        match sender.try_send(std::mem::take(&mut self.untold)) {
            Ok(()) => {}
            Err(TrySendError::Full(mut events)) => {
                events.retain(|event| !is_only_for_looking(&event.kind));
                self.untold = events;
            }
            Err(TrySendError::Disconnected(_)) => self.sender = None,
        }
    }
}

/// Whether nobody minds if one is left out.
fn is_only_for_looking(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Step { .. }
            | EventKind::RankingDistance { .. }
            | EventKind::Distribution { .. }
            | EventKind::Frame { .. }
    )
}

/// Whether it may come with every step.
fn can_wait(kind: &EventKind) -> bool {
    is_only_for_looking(kind)
        || matches!(kind, EventKind::Sync { .. } | EventKind::Lookahead { .. })
}

/// A thread that flushes the log at least once a second and beats the heart, paused or not.
fn keep(
    folder: RunFolder,
    journal: Arc<Mutex<Journal>>,
) -> io::Result<(SyncSender<()>, JoinHandle<()>)> {
    let started = Timestamp::now();
    folder.beat(started)?;
    let (stop, stopped) = mpsc::sync_channel::<()>(0);
    let thread = thread::Builder::new().name("log-keeper".into()).spawn(move || {
        let half_second = Duration::from_millis(500);
        for tick in 1u64.. {
            if stopped.recv_timeout(half_second) == Err(mpsc::RecvTimeoutError::Disconnected) {
                break;
            }
            {
                let mut journal = lock(&journal);
                journal.log().flush();
                // A training that takes long over something has told nothing meanwhile.
                journal.tell();
            }
            if tick.is_multiple_of(2 * HEARTBEAT_SECONDS) {
                // A full disk is told by the log; a missed beat only makes the run look old.
                let _ = folder.beat(started);
            }
        }
    })?;
    Ok((stop, thread))
}
