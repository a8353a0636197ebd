//! A log as whole lines, from any place on, however long it is and whatever has become of it.
//!
//! A torn last line is left for later: it may still be written. A line that is not an event is skipped and counted, so
//! that damage costs what it hit and nothing else.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rayon::prelude::*;

use super::{ReadError, line};
use crate::train::Event;

/// Bytes read at once: a log of any length is never in memory as a whole.
const PIECE: usize = 4 << 20;

/// A longer line is damage.
const LONGEST_LINE: usize = 16 << 20;

/// How much of what was read last is remembered, to see whether it is still there.
const MEMORY: usize = 64;

/// An event, and the place in the log where its line ends.
#[derive(Debug)]
pub(super) struct Line {
    pub end: u64,
    pub event: Event,
}

/// What was read in one go.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub lines: Vec<Line>,
    /// Lines that are not events.
    pub damaged: u64,
    /// The log was cut: these lines are its first ones.
    pub restarted: bool,
}

/// Lines as they are in the file.
pub(super) struct WholeLines {
    /// Where they begin.
    pub start: u64,
    pub text: Vec<u8>,
    /// How many lines before them were too long.
    skipped: u64,
}

/// A place in a log, moving on.
#[derive(Debug)]
pub(super) struct LogReader {
    path: PathBuf,
    /// Bytes of whole lines that were read.
    offset: u64,
    /// Within a line that is too long.
    skipping: bool,
    /// The last bytes before `offset`.
    memory: Vec<u8>,
    /// Whether anything was an event so far.
    readable: bool,
}

impl LogReader {
    /// At the beginning of a log.
    pub fn new(path: PathBuf) -> Self {
        LogReader { path, offset: 0, skipping: false, memory: Vec::new(), readable: false }
    }

    /// In the middle of a log, at the beginning of a line.
    pub fn at(path: PathBuf, offset: u64) -> Self {
        LogReader { offset, ..Self::new(path) }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next lines that are `wanted`, some megabytes at most, and no byte at or beyond `end`; `None` when all whole
    /// lines were read. The last line of a batch is always wanted.
    pub fn read(
        &mut self,
        end: u64,
        wanted: impl Fn(&[u8]) -> bool + Sync,
    ) -> Result<Option<Batch>, ReadError> {
        let file = File::open(&self.path).map_err(|source| self.io(source))?;
        let restarted = !self.is_as_read(&file);
        if restarted {
            *self = LogReader::new(std::mem::take(&mut self.path));
        }
        let before = self.offset;
        let text = self.whole_lines(&file, PIECE, end);
        let WholeLines { start, text, skipped } = text.map_err(|source| self.io(source))?;
        let mut batch = parse(start, &text, wanted);
        batch.restarted = restarted;
        batch.damaged += skipped;
        self.remember(&text);
        self.readable |= !batch.lines.is_empty();
        if !self.readable && batch.damaged > 0 {
            return Err(self.not_a_log(&text));
        }
        Ok((restarted || self.offset > before).then_some(batch))
    }

    /// Whether what was read last is still in the file.
    fn is_as_read(&self, file: &File) -> bool {
        let mut now = vec![0; self.memory.len()];
        let start = self.offset - now.len() as u64;
        file.read_exact_at(&mut now, start).is_ok() && now == self.memory
    }

    fn remember(&mut self, text: &[u8]) {
        self.memory.extend_from_slice(&text[text.len().saturating_sub(MEMORY)..]);
        let surplus = self.memory.len().saturating_sub(MEMORY);
        self.memory.drain(..surplus);
    }

    /// The next whole lines: those within `length` bytes, or the next one if it is longer.
    pub fn whole_lines(&mut self, file: &File, length: usize, end: u64) -> io::Result<WholeLines> {
        let (mut length, mut skipped) = (length, 0);
        loop {
            let mut text = read_up_to(file, self.offset, length, end)?;
            let filled = text.len();
            if self.skipping {
                let rest = text.iter().position(|&byte| byte == b'\n');
                self.skipping = rest.is_none();
                skipped += u64::from(rest.is_some());
                let gone = &text[..rest.map_or(filled, |rest| rest + 1)];
                self.offset += gone.len() as u64;
                self.remember(gone);
                if filled == 0 {
                    return Ok(WholeLines { start: self.offset, text, skipped });
                }
                continue;
            }
            text.truncate(whole(&text));
            match text.is_empty() && filled == length {
                // A line longer than that: take more at once, up to a limit.
                true if length < LONGEST_LINE => length = (2 * length).min(LONGEST_LINE),
                true => self.skipping = true,
                false => {
                    let start = self.offset;
                    self.offset += text.len() as u64;
                    return Ok(WholeLines { start, text, skipped });
                }
            }
        }
    }

    fn not_a_log(&self, text: &[u8]) -> ReadError {
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let problem = match line::parse(first) {
            Err(error) if !first.is_empty() => error.to_string(),
            _ => "not an event".into(),
        };
        ReadError::NotALog { path: self.path.clone(), problem }
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.clone(), source }
    }
}

/// The bytes up to and with the last line break.
fn whole(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)
}

fn read_up_to(file: &File, offset: u64, length: usize, end: u64) -> io::Result<Vec<u8>> {
    let room = usize::try_from(end.saturating_sub(offset)).unwrap_or(length);
    let mut text = vec![0; length.min(room)];
    let mut filled = 0;
    while filled < text.len() {
        match file.read_at(&mut text[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    text.truncate(filled);
    Ok(text)
}

/// The lines of `text`, which begins at `start`, read on all cores.
fn parse(start: u64, text: &[u8], wanted: impl Fn(&[u8]) -> bool + Sync) -> Batch {
    const PART: usize = 1 << 18;
    let mut parts = Vec::new();
    let mut rest = 0;
    while rest < text.len() {
        let middle = (rest + PART).min(text.len());
        let end =
            text[middle..].iter().position(|&b| b == b'\n').map_or(text.len(), |i| middle + i + 1);
        parts.push((start + rest as u64, &text[rest..end]));
        rest = end;
    }
    let end = start + text.len() as u64;
    let wanted = |line: &[u8], line_end| line_end == end || wanted(line);
    let batches: Vec<Batch> =
        parts.into_par_iter().map(|(at, part)| parse_part(at, part, &wanted)).collect();
    let mut all = Batch::default();
    all.lines.reserve(batches.iter().map(|batch| batch.lines.len()).sum());
    for batch in batches {
        all.damaged += batch.damaged;
        all.lines.extend(batch.lines);
    }
    all
}

fn parse_part(start: u64, text: &[u8], wanted: &impl Fn(&[u8], u64) -> bool) -> Batch {
    let mut batch = Batch::default();
    let mut end = start;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        end += line.len() as u64;
        if line.trim_ascii().is_empty() || !wanted(line, end) {
            continue;
        }
        // A hole that a power cut left; what follows it is whole.
        batch.damaged += u64::from(line.starts_with(b"\0"));
        match line::parse(line) {
            Ok(event) => batch.lines.push(Line { end, event }),
            Err(_) => batch.damaged += u64::from(!line.starts_with(b"\0")),
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::EventKind;

    fn line(step: u64) -> String {
        let kind = EventKind::Step { loss: 1.0, accuracy: 0.5 };
        serde_json::to_string(&Event { step, seconds: 0.5, kind }).expect("a line") + "\n"
    }

    /// Everything there is: steps, damaged lines, restarts.
    fn all(reader: &mut LogReader) -> (Vec<u64>, u64, bool) {
        let (mut steps, mut damaged, mut restarted) = (Vec::new(), 0, false);
        while let Some(batch) = reader.read(u64::MAX, |_| true).expect("reads") {
            steps.extend(batch.lines.iter().map(|line| line.event.step));
            damaged += batch.damaged;
            restarted |= batch.restarted;
        }
        (steps, damaged, restarted)
    }

    fn log(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf, LogReader) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, text).expect("writes");
        (folder, path.clone(), LogReader::new(path))
    }

    #[test]
    fn a_torn_end_is_left_for_later() {
        let whole = line(1) + &line(2);
        let (_folder, path, mut reader) = log(&whole[..whole.len() - 9]);
        assert_eq!(all(&mut reader), (vec![1], 0, false));
        std::fs::write(&path, whole + &line(3)).expect("writes");
        assert_eq!(all(&mut reader), (vec![2, 3], 0, false));
        assert_eq!(all(&mut reader), (vec![], 0, false));
    }

    #[test]
    fn damage_is_skipped_and_counted_even_where_it_is_larger_than_memory() {
        let mut text = line(1).into_bytes();
        text.extend(b"{\"step\":2,\"seco\n\xff\xfe\n\n");
        text.extend(line(3).bytes());
        text.extend(vec![0; 2 * LONGEST_LINE + PIECE]);
        text.extend(b"\n");
        text.extend(line(4).bytes());
        let (_folder, _, mut reader) = log(text);
        assert_eq!(all(&mut reader), (vec![1, 3, 4], 3, false));
    }

    #[test]
    fn what_follows_a_hole_is_read() {
        let (_folder, _, mut reader) = log(line(1) + &"\0".repeat(99) + &line(2) + "\0\0\n");
        assert_eq!(all(&mut reader), (vec![1, 2], 2, false));
    }

    #[test]
    fn a_line_longer_than_a_piece_is_a_line() {
        let message = "x".repeat(PIECE + 10);
        let notice = Event { step: 2, seconds: 1.0, kind: EventKind::Notice { message } };
        let notice = serde_json::to_string(&notice).expect("a line");
        let (_folder, _, mut reader) = log(line(1) + &notice + "\n" + &line(3));
        assert_eq!(all(&mut reader), (vec![1, 2, 3], 0, false));
    }

    #[test]
    fn a_cut_log_begins_anew_even_if_it_has_grown_again() {
        let old: String = (1..50).map(line).collect();
        let (_folder, path, mut reader) = log(old);
        assert_eq!(all(&mut reader).0.len(), 49);
        std::fs::write(&path, line(1)).expect("writes");
        assert_eq!(all(&mut reader), (vec![1], 0, true));
        let longer: String = (1..9).map(|step| line(step).replace("0.5", "0.7")).collect();
        std::fs::write(&path, longer).expect("writes");
        assert_eq!(all(&mut reader), ((1..9).collect(), 0, true));
    }

    #[test]
    fn what_has_no_readable_line_is_not_a_log() {
        let (_folder, _, mut reader) = log("# A README\nsomething else\n");
        let error = reader.read(u64::MAX, |_| true).expect_err("not a log").to_string();
        assert!(error.contains("not the log of a run; its first line: expected value"), "{error}");
        let (_folder, _, mut empty) = log("");
        assert_eq!(all(&mut empty), (vec![], 0, false));
    }
}
