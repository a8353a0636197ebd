//! A run that another process hosts, on this machine.
//!
//! What has happened is read from the run's log; what happens comes over its socket. A reader that was let go because
//! it did not keep up (its terminal was stopped, say) comes back by itself and reads everything anew: events begin
//! with `started` again, at which a [`RunState`](crate::run::RunState) forgets all before.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::connection::Commands;
use super::{ConnectError, Connection};
use crate::run::{Follower, ReadError, RunFolder, read_frame};
use crate::train::{Command, Event, EventKind, Reason};

/// Pieces of events that may wait to be looked at.
const MOST_WAITING: usize = 64;

/// A run in another process.
pub struct Attached {
    folder: RunFolder,
    events: Receiver<Vec<Event>>,
    commands: Arc<Mutex<Option<Commands>>>,
    over: bool,
}

/// Why a run cannot be attached to.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The host cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Attached {
    /// Connects to the host of the run in `folder`.
    ///
    /// # Errors
    /// Nobody hosts it, or its log cannot be read.
    pub fn open(folder: RunFolder) -> Result<Self, AttachError> {
        let connection = Connection::open(&folder, "attach")?;
        let history = Follower::open(folder.clone())?;
        let commands = Arc::new(Mutex::new(connection.commands().ok()));
        let (sender, events) = mpsc::sync_channel(MOST_WAITING);
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

/// The thread that reads.
struct Reader {
    folder: RunFolder,
    sender: SyncSender<Vec<Event>>,
    commands: Arc<Mutex<Option<Commands>>>,
    /// Step and seconds of the newest event, and whether it was the run's last.
    last: Option<(u64, f64, bool)>,
}

/// Nobody wants to know any more.
struct Unwanted;

impl Reader {
    fn follow(&mut self, connection: Connection, history: Follower) {
        let mut next = Some((connection, history));
        while let Some((connection, history)) = next.take() {
            match self.read(connection, history) {
                Err(Unwanted) => return,
                Ok(Some(ConnectError::Refused { again: true, .. })) => {
                    let again = Connection::open(&self.folder, "attach").ok();
                    next = again.zip(Follower::open(self.folder.clone()).ok());
                    if let Some((connection, _)) = &next {
                        *lock(&self.commands) = connection.commands().ok();
                    }
                }
                Ok(_) => {}
            }
        }
        *lock(&self.commands) = None;
        self.miss_the_end();
    }

    /// Reads the log and then the connection, to its end; tells why it ended if not by the host closing it.
    fn read(
        &mut self,
        mut connection: Connection,
        mut history: Follower,
    ) -> Result<Option<ConnectError>, Unwanted> {
        while history.offset() < connection.offset {
            match history.next_events_to(connection.offset) {
                Ok(events) if events.is_empty() => break,
                Ok(mut events) => {
                    // Of so many frames at once only the newest is looked at.
                    if let Some(frame) = events.iter_mut().rev().find(|event| is_frame(event)) {
                        *frame = self.with_frame(frame.clone());
                    }
                    self.pass(events)?;
                }
                Err(error) => {
                    let message = format!("not all of the run's past is shown: {error}");
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

    fn pass(&mut self, events: Vec<Event>) -> Result<(), Unwanted> {
        let Some(last) = events.last() else { return Ok(()) };
        let ends = |event: &Event| matches!(event.kind, EventKind::Finished { .. });
        let ended = self.last.is_some_and(|(.., ended)| ended) || events.iter().any(ends);
        self.last = Some((last.step, last.seconds, ended));
        self.sender.send(events).map_err(|_| Unwanted)
    }

    /// The event with its frame's arrays, which are on disk.
    fn with_frame(&self, mut event: Event) -> Event {
        if let EventKind::Frame { at: Some(at), frame } = &mut event.kind {
            *frame = read_frame(&self.folder, *at).map(Arc::new);
        }
        event
    }

    /// A host that was killed cannot say so.
    fn miss_the_end(&mut self) {
        let (step, seconds, ended) = self.last.unwrap_or_default();
        if ended {
            return;
        }
        let name = self.folder.name();
        let message = format!(
            "the process that hosts the run is gone; what it did is in its log, and `laperm resume {name}` goes on"
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
        let (step, seconds, _) = self.last.unwrap_or_default();
        Event { step, seconds, kind: EventKind::Notice { message } }
    }
}

fn is_frame(event: &Event) -> bool {
    matches!(event.kind, EventKind::Frame { at: Some(_), .. })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
