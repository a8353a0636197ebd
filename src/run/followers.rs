//! Several logs at once, read on a thread of their own and followed as they grow.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Follower, ReadError, RunFolder};
use crate::train::Event;

/// How often a log that was read to its end is looked at again.
const PAUSE: Duration = Duration::from_millis(250);

/// Pieces that wait to be taken at most: some megabytes of events each.
const MOST_WAITING: usize = 4;

/// The logs of several runs, read from their beginnings and followed until this is dropped.
#[derive(Debug)]
pub struct Followers {
    pieces: Receiver<Piece>,
    /// Dropped with the rest, which is what ends the thread.
    _stop: Sender<()>,
}

/// News of one of the logs.
#[derive(Debug)]
pub enum Piece {
    /// The next events of the run of this index.
    Events(usize, Vec<Event>),
    /// All that is in the run's log so far was read.
    Caught(usize),
    /// The run's log was cut: it is read from its beginning again, and what was known is void.
    Restarted(usize),
    /// The run's log cannot be read any further.
    Failed(usize, ReadError),
}

impl Followers {
    /// Starts to read the logs of `runs`.
    pub fn start(runs: Vec<RunFolder>) -> Self {
        let (sender, pieces) = sync_channel(MOST_WAITING);
        let (stop, stopped) = channel();
        thread::spawn(move || follow(runs, &sender, &stopped));
        Followers { pieces, _stop: stop }
    }

    /// Takes the news there are, without waiting.
    pub fn poll(&self) -> Vec<Piece> {
        self.pieces.try_iter().take(MOST_WAITING).collect()
    }
}

/// One of the logs.
struct Log {
    index: usize,
    folder: RunFolder,
    follower: Option<Follower>,
    /// The first events after the log was cut.
    anew: Option<Vec<Event>>,
    caught: bool,
    failed: bool,
}

/// Reads the logs in turns until nobody listens any more.
fn follow(runs: Vec<RunFolder>, pieces: &SyncSender<Piece>, stopped: &Receiver<()>) {
    let log = |(index, folder)| Log {
        index,
        folder,
        follower: None,
        anew: None,
        caught: false,
        failed: false,
    };
    let mut logs: Vec<Log> = runs.into_iter().enumerate().map(log).collect();
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
        if let Some(events) = self.anew.take() {
            return Ok(Some(Piece::Events(self.index, events)));
        }
        let follower = match &mut self.follower {
            Some(follower) => follower,
            empty => empty.insert(Follower::open(self.folder.clone())?),
        };
        let events = follower.next_events()?;
        if follower.take_restarted() {
            (self.anew, self.caught) = (Some(events), false);
            return Ok(Some(Piece::Restarted(self.index)));
        }
        if !events.is_empty() {
            return Ok(Some(Piece::Events(self.index, events)));
        }
        let news = !std::mem::replace(&mut self.caught, true);
        Ok(news.then_some(Piece::Caught(self.index)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    const LINE: &str =
        "{\"step\":7,\"seconds\":0.5,\"type\":\"step\",\"loss\":2.0,\"accuracy\":0.5}\n";

    /// Waits for the next piece, in words.
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
        // A torn line is left for later.
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
