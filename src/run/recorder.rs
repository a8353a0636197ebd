//! Writing a run down while it happens, and passing it on to whoever watches.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

use super::folder::HEARTBEAT_SECONDS;
use super::journal::{Journal, Listening, lock};
use super::log::{LogFile, LogNews};
use super::{RunFolder, frames};
use crate::model::WeightsFile;
use crate::train::{Event, EventKind, FrameLocation, Recorder};

/// Events a watcher may be behind before what is only for looking is left out.
const WATCHER_QUEUE: usize = 8192;
/// Bytes of the log that are written at once, however short the time.
const WRITE_AT: usize = 1 << 16;

/// Writes `events.jsonl`, `frames.bin`, `snapshots/` and `host.json`.
pub struct RunRecorder {
    folder: RunFolder,
    journal: Arc<Mutex<Journal>>,
    frames: Option<FramesFile>,
    watcher: Watcher,
    keeper: Option<(SyncSender<()>, JoinHandle<()>)>,
    last: (u64, f64),
}

/// The channel to a screen. The trainer never waits for it.
struct Watcher {
    sender: Option<SyncSender<Event>>,
    /// What must not be left out, while the queue is full.
    pending: VecDeque<Event>,
}

struct FramesFile {
    file: File,
    length: u64,
}

impl RunRecorder {
    /// Starts to record in `folder`. The receiver gets the events too.
    ///
    /// # Errors
    /// A log that cannot be made, or is there already.
    pub fn start(folder: RunFolder) -> io::Result<(Self, Receiver<Event>)> {
        let journal = Arc::new(Mutex::new(Journal::new(LogFile::create(&folder.events())?)));
        let file = OpenOptions::new().append(true).create_new(true).open(folder.frames())?;
        let (sender, receiver) = mpsc::sync_channel(WATCHER_QUEUE);
        let recorder = RunRecorder {
            keeper: Some(keep(folder.clone(), journal.clone())?),
            folder,
            journal,
            frames: Some(FramesFile { file, length: 0 }),
            watcher: Watcher { sender: Some(sender), pending: VecDeque::new() },
            last: (0, 0.0),
        };
        Ok((recorder, receiver))
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
        let last = matches!(event.kind, EventKind::Finished { .. });
        if last || journal.log().waiting() >= WRITE_AT {
            journal.log().flush();
        }
        if last {
            journal.log().sync();
        }
        let news = journal.news();
        drop(journal);
        if let Some(news) = news {
            self.report(&news);
        }
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
        let (step, seconds) = self.last;
        let event = Event { step, seconds, kind: EventKind::Notice { message } };
        if let Ok(line) = serde_json::to_string(&event) {
            lock(&self.journal).push(&line);
        }
        self.watcher.send(event);
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
        if let EventKind::Frame { at, frame: Some(frame) } = &mut event.kind {
            let bytes = frames::encode(frame).ok();
            *at = bytes.and_then(|bytes| self.write_frame(&bytes));
        }
        self.write(&event);
        self.watcher.send(event);
    }

    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String> {
        let file = format!("{name}.safetensors");
        weights.write(&self.folder.snapshots().join(&file)).map_err(|error| error.to_string())?;
        Ok(format!("snapshots/{file}"))
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
    fn send(&mut self, event: Event) {
        let Some(sender) = &self.sender else { return };
        while let Some(waiting) = self.pending.pop_front() {
            if let Err(error) = sender.try_send(waiting) {
                match error {
                    TrySendError::Full(waiting) => self.pending.push_front(waiting),
                    TrySendError::Disconnected(_) => self.sender = None,
                }
                break;
            }
        }
        let only_for_looking = matches!(
            event.kind,
            EventKind::Step { .. } | EventKind::RankingDistance { .. } | EventKind::Frame { .. }
        );
        if !self.pending.is_empty() {
            if !only_for_looking {
                self.pending.push_back(event);
            }
            return;
        }
        match self.sender.as_ref().map(|sender| sender.try_send(event)) {
            Some(Err(TrySendError::Full(event))) if !only_for_looking => {
                self.pending.push_back(event)
            }
            Some(Err(TrySendError::Disconnected(_))) => self.sender = None,
            _ => {}
        }
    }
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
            lock(&journal).log().flush();
            if tick.is_multiple_of(2 * HEARTBEAT_SECONDS) {
                // A full disk is told by the log; a missed beat only makes the run look old.
                let _ = folder.beat(started);
            }
        }
    })?;
    Ok((stop, thread))
}
