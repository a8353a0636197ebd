//! Reading a log piece by piece, as far as it has been written.

use super::lines::LogReader;
use super::{ReadError, RunFolder};
use crate::train::{Event, EventKind};

/// A place in a run's log, moving on as the log grows.
#[derive(Debug)]
pub struct Follower {
    reader: LogReader,
    restarted: bool,
    /// Step and seconds of the newest event.
    last: (u64, f64),
}

impl Follower {
    /// Starts at the beginning of the log of the run in `folder`.
    ///
    /// # Errors
    /// A log that cannot be opened.
    pub fn open(folder: RunFolder) -> Result<Self, ReadError> {
        let path = folder.events();
        match std::fs::File::open(&path) {
            Ok(_) => {
                Ok(Follower { reader: LogReader::new(path), restarted: false, last: (0, 0.0) })
            }
            Err(source) => Err(ReadError::Io { path, source }),
        }
    }

    /// The bytes of the log that were read: up to here it is known.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The next events, some megabytes of lines at most; none when all whole lines were read. A torn last line is left
    /// for later. Lines that are not events are skipped; an [`EventKind::Notice`] says how many.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not a log.
    pub fn next_events(&mut self) -> Result<Vec<Event>, ReadError> {
        self.next_events_to(u64::MAX)
    }

    /// As [`Follower::next_events`], but reads no byte at or beyond `end`.
    ///
    /// # Errors
    /// As [`Follower::next_events`].
    pub fn next_events_to(&mut self, end: u64) -> Result<Vec<Event>, ReadError> {
        let mut events = Vec::new();
        // A batch may be empty: blank lines, say.
        while events.is_empty() {
            let Some(batch) = self.reader.read(end, |_| true)? else { break };
            self.restarted |= batch.restarted;
            events.extend(batch.lines.into_iter().map(|line| line.event));
            if let Some(last) = events.last() {
                self.last = (last.step, last.seconds);
            }
            events.extend(damage(batch.damaged, self.last));
        }
        Ok(events)
    }

    /// Whether the log was cut since this was last asked, as resuming a run does: what came after the cut is void, and
    /// events have begun anew with the very first.
    pub fn take_restarted(&mut self) -> bool {
        std::mem::take(&mut self.restarted)
    }
}

/// Says that lines were skipped, if any were.
pub(super) fn damage(lines: u64, (step, seconds): (u64, f64)) -> Option<Event> {
    let message = damage_in_words(lines)?;
    Some(Event { step, seconds, kind: EventKind::Notice { message } })
}

/// `3 damaged lines of the log were skipped`, if any were.
pub(super) fn damage_in_words(lines: u64) -> Option<String> {
    match lines {
        0 => None,
        1 => Some("a damaged line of the log was skipped".into()),
        lines => Some(format!("{lines} damaged lines of the log were skipped")),
    }
}
