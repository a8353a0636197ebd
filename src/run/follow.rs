//! Reading a log piece by piece, as far as it has been written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{ReadError, RunFolder};
use crate::train::Event;

/// Bytes read at once: a log of any length is never in memory as a whole.
const PIECE: usize = 4 << 20;

/// A place in a run's log, moving on as the log grows.
#[derive(Debug)]
pub struct Follower {
    folder: RunFolder,
    file: File,
    /// Bytes of whole lines that were read.
    offset: u64,
    lines: usize,
}

impl Follower {
    /// Starts at the beginning of the log of the run in `folder`.
    ///
    /// # Errors
    /// A log that cannot be opened.
    pub fn open(folder: RunFolder) -> Result<Self, ReadError> {
        let path = folder.events();
        let file = File::open(&path).map_err(|source| ReadError::Io { path, source })?;
        Ok(Follower { folder, file, offset: 0, lines: 0 })
    }

    /// The bytes of the log that were read: up to here it is known.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next events, some megabytes of lines at most; none when all whole lines were read. A torn last line is left
    /// for later.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is not an event.
    pub fn next_events(&mut self) -> Result<Vec<Event>, ReadError> {
        self.next_events_to(u64::MAX)
    }

    /// As [`Follower::next_events`], but reads no byte at or beyond `end`.
    ///
    /// # Errors
    /// As [`Follower::next_events`].
    pub fn next_events_to(&mut self, end: u64) -> Result<Vec<Event>, ReadError> {
        let piece = self.piece(end).map_err(|source| self.io(source))?;
        let mut events = Vec::new();
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            self.lines += 1;
            let event = serde_json::from_slice(line).map_err(|error| ReadError::Line {
                path: self.folder.events(),
                line: self.lines,
                problem: error.to_string(),
            })?;
            self.offset += line.len() as u64;
            events.push(event);
        }
        Ok(events)
    }

    /// Whole lines from where we are.
    fn piece(&self, end: u64) -> io::Result<Vec<u8>> {
        let mut length = PIECE;
        loop {
            let most =
                length.min(usize::try_from(end.saturating_sub(self.offset)).unwrap_or(length));
            let mut piece = vec![0; most];
            let mut filled = 0;
            while filled < most {
                match self.file.read_at(&mut piece[filled..], self.offset + filled as u64)? {
                    0 => break,
                    read => filled += read,
                }
            }
            let whole =
                piece[..filled].iter().rposition(|&byte| byte == b'\n').map_or(0, |i| i + 1);
            // A line longer than a piece: take more at once.
            if whole == 0 && filled == length {
                length *= 2;
                continue;
            }
            piece.truncate(whole);
            return Ok(piece);
        }
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.folder.events(), source }
    }
}
