//! A run that another process hosts, on this machine.
//!
//! Past events are read from the run's log; later ones come over its socket. A client that was
//! disconnected because it did not keep up (its terminal was stopped, say) connects again and reads
//! the log from the beginning. The events then start with `started` again, at which a
//! [`RunState`](crate::run::RunState) is reset.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::connection::Commands;
use super::{ConnectError, Connection};
use crate::run::{LogCursor, ReadError, RunFolder, read_frame};
use crate::train::{Command, Event, EventKind, Reason};

/// Batches of events that may be queued. The reading thread blocks when the queue is full.
const MOST_QUEUED: usize = 64;

/// A client of a run in another process.
pub struct Attached {
    folder: RunFolder,
    events: Receiver<Vec<Event>>,
    commands: Arc<Mutex<Option<Commands>>>,
    over: bool,
}

/// Error of attaching to a run.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Attached {
    /// Connects to the host of the run in `folder`.
    ///
    /// # Errors
    /// No process hosts it, the host refuses, or the log cannot be read.
    pub fn open(folder: RunFolder) -> Result<Self, AttachError> {
        let connection = Connection::open(&folder, "attach")?;
        let history = LogCursor::open(&folder)?;
        let commands = Arc::new(Mutex::new(connection.commands().ok()));
        let (sender, events) = mpsc::sync_channel(MOST_QUEUED);
        let mut reader =
            Reader { folder: folder.clone(), sender, commands: commands.clone(), last: None };
        thread::Builder::new()
            .name("attached".into())
            .spawn(move || reader.follow(connection, history))
            .map_err(ConnectError::from)?;
        Ok(Attached { folder, events, commands, over: false })
    }

    /// Folder of the run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns false once the connection has ended, because the run is over or its host is gone.
    pub fn steerable(&self) -> bool {
        !self.over
    }

    /// Takes the events that have arrived since the last call, without waiting.
    pub fn poll(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(more) => events.extend(more),
                Err(TryRecvError::Empty) => return events,
                Err(TryRecvError::Disconnected) => {
                    self.over = true;
                    return events;
                }
            }
        }
    }

    /// Sends a command to the run. The answer arrives as an event.
    pub fn send(&mut self, command: Command) {
        if let Some(commands) = lock(&self.commands).as_mut() {
            // If the host is gone, the reading thread reports it.
            let _ = commands.send(&command);
        }
    }

    /// Waits until the run has ended and everything is saved. Discards the events until then.
    pub fn wait(&mut self) {
        while self.events.recv().is_ok() {}
        self.over = true;
    }
}

/// The state of the reading thread.
struct Reader {
    folder: RunFolder,
    sender: SyncSender<Vec<Event>>,
    commands: Arc<Mutex<Option<Commands>>>,
    last: Option<Last>,
}

/// The latest event.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    step: u64,
    seconds: f64,
    /// The run has finished.
    finished: bool,
}

/// The [`Attached`] was dropped.
struct Dropped;

impl Reader {
    /// Reads events until the run ends, the host is gone, or the [`Attached`] is dropped.
    fn follow(&mut self, connection: Connection, history: LogCursor) {
        let mut next = Some((connection, history));
        while let Some((connection, history)) = next.take() {
            match self.read(connection, history) {
                Err(Dropped) => return,
                Ok(Some(ConnectError::Refused { again: true, .. })) => {
                    let again = Connection::open(&self.folder, "attach").ok();
                    next = again.zip(LogCursor::open(&self.folder).ok());
                    if let Some((connection, _)) = &next {
                        *lock(&self.commands) = connection.commands().ok();
                    }
                }
                Ok(_) => {}
            }
        }
        *lock(&self.commands) = None;
        self.report_lost_host();
    }

    /// Reads the log, then the connection to its end. Returns an error if the connection ended in
    /// any other way than by the host closing it.
    fn read(
        &mut self,
        mut connection: Connection,
        mut history: LogCursor,
    ) -> Result<Option<ConnectError>, Dropped> {
        while history.offset() < connection.offset {
            match history.next_events_to(connection.offset) {
                Ok(events) if events.is_empty() => break,
                Ok(mut events) => {
                    // Only the last frame of a batch is ever shown.
                    if let Some(frame) = events.iter_mut().rev().find(|event| is_frame(event)) {
                        *frame = self.with_frame(frame.clone());
                    }
                    self.pass(events)?;
                }
                Err(error) => {
                    let message = format!("a part of the run's history is not shown: {error}");
                    self.pass(vec![self.notice(message)])?;
                    break;
                }
            }
        }
        let mut events = VecDeque::new();
        loop {
            match connection.next_event() {
                Ok(Some(event)) => events.push_back(self.with_frame(event)),
                Ok(None) => return self.pass(events.into()).map(|()| None),
                Err(error) => return self.pass(events.into()).map(|()| Some(error)),
            }
            if !connection.has_more() {
                self.pass(std::mem::take(&mut events).into())?;
            }
        }
    }

    fn pass(&mut self, events: Vec<Event>) -> Result<(), Dropped> {
        let Some(last) = events.last() else { return Ok(()) };
        let is_end = |event: &Event| matches!(event.kind, EventKind::Finished { .. });
        let finished = self.last.is_some_and(|last| last.finished) || events.iter().any(is_end);
        self.last = Some(Last { step: last.step, seconds: last.seconds, finished });
        self.sender.send(events).map_err(|_| Dropped)
    }

    /// Adds the arrays of a frame, which are on disk.
    fn with_frame(&self, mut event: Event) -> Event {
        if let EventKind::Frame { at: Some(at), frame } = &mut event.kind {
            *frame = read_frame(&self.folder, *at).map(Arc::new);
        }
        event
    }

    /// Ends the events with a failure if the run has not finished: its host was killed.
    fn report_lost_host(&mut self) {
        let Last { step, seconds, finished } = self.last.unwrap_or_default();
        if finished {
            return;
        }
        let name = self.folder.name();
        let message = format!(
            "the process that hosts the run is gone; its log is complete up to here, \
             and `laperm resume {name}` continues it"
        );
        let kind = EventKind::Finished {
            reason: Reason::Failed,
            message: Some(message),
            weights_checksum: None,
            data_wait_seconds: None,
        };
        let _ = self.sender.send(vec![Event { step, seconds, kind }]);
    }

    fn notice(&self, message: String) -> Event {
        let Last { step, seconds, .. } = self.last.unwrap_or_default();
        Event { step, seconds, kind: EventKind::Notice { message } }
    }
}

fn is_frame(event: &Event) -> bool {
    matches!(event.kind, EventKind::Frame { at: Some(_), .. })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
