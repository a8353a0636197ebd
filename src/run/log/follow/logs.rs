//! Several logs, read on one thread and followed as they grow.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use crate::run::{LogCursor, ReadError, RunFolder};
use crate::train::Event;

/// Interval at which logs that were read to their ends are checked for more.
const PAUSE: Duration = Duration::from_millis(250);

/// Pieces that may be queued, a few megabytes of events each. The thread blocks when the queue is
/// full.
const MOST_QUEUED: usize = 4;

/// The logs of several runs, read from their beginnings and followed until this is dropped.
#[derive(Debug)]
pub(crate) struct Followers {
    pieces: Receiver<Piece>,
    /// Dropping it ends the thread.
    _stop: Sender<()>,
}

/// News about the log of the run with the given index.
#[derive(Debug)]
pub(crate) enum Piece {
    Events(usize, Vec<Event>),
    /// The log was read to its present end.
    Caught(usize),
    /// The log was cut. It is read from its beginning again; earlier events are void.
    Restarted(usize),
    /// The log cannot be read any further.
    Failed(usize, ReadError),
}

impl Followers {
    /// Starts to read the logs of `runs`.
    pub(crate) fn start(runs: Vec<RunFolder>) -> Self {
        let (sender, pieces) = sync_channel(MOST_QUEUED);
        let (stop, stopped) = channel();
        thread::spawn(move || follow(runs, &sender, &stopped));
        Followers { pieces, _stop: stop }
    }

    /// Takes the queued news, without waiting.
    pub(crate) fn poll(&self) -> Vec<Piece> {
        self.pieces.try_iter().take(MOST_QUEUED).collect()
    }
}

/// One of the logs.
struct Log {
    index: usize,
    folder: RunFolder,
    cursor: Option<LogCursor>,
    /// Events to deliver after [`Piece::Restarted`].
    after_restart: Option<Vec<Event>>,
    caught_up: bool,
    failed: bool,
}

/// Reads the logs in turns until the receiver is dropped.
fn follow(runs: Vec<RunFolder>, pieces: &SyncSender<Piece>, stopped: &Receiver<()>) {
    let mut logs: Vec<Log> = runs.into_iter().enumerate().map(Log::new).collect();
    loop {
        let mut idle = true;
        for log in &mut logs {
            if let Some(piece) = log.next() {
                idle = false;
                if pieces.send(piece).is_err() {
                    return;
                }
            }
        }
        if idle && stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

impl Log {
    fn new((index, folder): (usize, RunFolder)) -> Self {
        Log { index, folder, cursor: None, after_restart: None, caught_up: false, failed: false }
    }

    fn next(&mut self) -> Option<Piece> {
        if self.failed {
            return None;
        }
        self.read().unwrap_or_else(|error| {
            self.failed = true;
            Some(Piece::Failed(self.index, error))
        })
    }

    fn read(&mut self) -> Result<Option<Piece>, ReadError> {
        if let Some(events) = self.after_restart.take() {
            return Ok(Some(Piece::Events(self.index, events)));
        }
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            empty => empty.insert(LogCursor::open(&self.folder)?),
        };
        let events = cursor.next_events()?;
        if cursor.take_restarted() {
            (self.after_restart, self.caught_up) = (Some(events), false);
            return Ok(Some(Piece::Restarted(self.index)));
        }
        if !events.is_empty() {
            return Ok(Some(Piece::Events(self.index, events)));
        }
        let is_news = !std::mem::replace(&mut self.caught_up, true);
        Ok(is_news.then_some(Piece::Caught(self.index)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    const LINE: &str =
        "{\"step\":7,\"seconds\":0.5,\"type\":\"step\",\"loss\":2.0,\"accuracy\":0.5}\n";

    /// Waits for the next piece, and describes it.
    fn next(followers: &Followers) -> String {
        match followers.pieces.recv_timeout(Duration::from_secs(20)).expect("a piece") {
            Piece::Events(index, events) => format!("{index}: {} events", events.len()),
            Piece::Caught(index) => format!("{index}: caught up"),
            Piece::Restarted(index) => format!("{index}: restarted"),
            Piece::Failed(index, error) => format!("{index}: {error}"),
        }
    }

    #[test]
    fn logs_are_followed_as_they_grow_and_when_they_are_cut() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = RunFolder::open(place.path());
        fs::write(folder.events(), LINE.repeat(3)).expect("writes");
        let followers = Followers::start(vec![folder.clone()]);
        assert_eq!(next(&followers), "0: 3 events");
        assert_eq!(next(&followers), "0: caught up");
        let mut log = OpenOptions::new().append(true).open(folder.events()).expect("opens");
        // A torn line is not read yet.
        write!(log, "{LINE}{}", &LINE[..9]).expect("writes");
        assert_eq!(next(&followers), "0: 1 events");
        log.write_all(&LINE.as_bytes()[9..]).expect("writes");
        assert_eq!(next(&followers), "0: 1 events");
        log.set_len(LINE.len() as u64).expect("cuts");
        assert_eq!(next(&followers), "0: restarted");
        assert_eq!(next(&followers), "0: 1 events");
    }

    #[test]
    fn one_that_cannot_be_read_does_not_hold_up_the_others() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = RunFolder::open(place.path());
        fs::write(folder.events(), LINE).expect("writes");
        let nowhere = RunFolder::open(&place.path().join("nowhere"));
        let followers = Followers::start(vec![nowhere, folder]);
        assert!(next(&followers).contains("nowhere"));
        assert_eq!(next(&followers), "1: 1 events");
    }
}
