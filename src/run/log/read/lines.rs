//! A log as whole lines, from any position on.
//!
//! A torn last line is left for the next call: it may still be in the middle of being written. A
//! line that is not an event is skipped and counted, so that damage costs the lines it hit and
//! nothing else. A log that was cut, as resuming a run does, is detected and read from its
//! beginning again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rayon::prelude::*;

use super::ReadError;
use crate::run::log::parse;
use crate::train::Event;

/// Bytes read at once, so that memory does not grow with the log.
const CHUNK: usize = 4 << 20;

/// Bytes that one core parses at a time.
const CHUNK_PER_TASK: usize = 1 << 18;

/// A longer line is damage.
const LONGEST_LINE: usize = 16 << 20;

/// Bytes before the current position that are remembered and compared, to detect a log that was cut
/// and has grown again.
const FINGERPRINT: usize = 64;

/// An event, and the offset in the log at which its line ends.
#[derive(Debug)]
pub(super) struct Line {
    pub end: u64,
    pub event: Event,
}

/// The result of one read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub lines: Vec<Line>,
    /// Number of lines that are not events.
    pub damaged: u64,
    /// The log was cut since the last read: these are its first lines.
    pub restarted: bool,
}

/// Lines as bytes.
pub(super) struct WholeLines {
    /// Offset of the first one.
    pub start: u64,
    pub text: Vec<u8>,
    /// Number of overlong lines before them.
    skipped: u64,
}

/// Reads a log forward, batch by batch.
#[derive(Debug)]
pub(super) struct LineReader {
    path: PathBuf,
    /// End of the last line that was read.
    offset: u64,
    /// `offset` is inside an overlong line.
    skipping: bool,
    /// The last bytes before `offset`.
    fingerprint: Vec<u8>,
    /// At least one line was an event.
    readable: bool,
}

impl LineReader {
    /// Starts at the beginning of the log.
    pub(super) fn new(path: PathBuf) -> Self {
        LineReader { path, offset: 0, skipping: false, fingerprint: Vec::new(), readable: false }
    }

    /// Starts at `offset`, which must be the beginning of a line.
    pub(super) fn at(path: PathBuf, offset: u64) -> Self {
        LineReader { offset, ..Self::new(path) }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next few megabytes of lines and parses those that are `wanted`; the last line of a
    /// batch is always parsed. Reads no byte at or beyond `end`. Returns `None` if there is no
    /// further whole line.
    ///
    /// # Errors
    /// The file cannot be read, or none of its first lines is an event.
    pub(super) fn read(
        &mut self,
        end: u64,
        wanted: impl Fn(&[u8]) -> bool + Sync,
    ) -> Result<Option<Batch>, ReadError> {
        let file = File::open(&self.path).map_err(|source| self.io(source))?;
        let restarted = !self.is_unchanged(&file);
        if restarted {
            *self = LineReader::new(std::mem::take(&mut self.path));
        }
        let before = self.offset;
        let text = self.whole_lines(&file, CHUNK, end);
        let WholeLines { start, text, skipped } = text.map_err(|source| self.io(source))?;
        let mut batch = parse_lines(start, &text, wanted);
        batch.restarted = restarted;
        batch.damaged += skipped;
        self.remember(&text);
        self.readable |= !batch.lines.is_empty();
        if !self.readable && batch.damaged > 0 {
            return Err(self.not_a_log(&text));
        }
        Ok((restarted || self.offset > before).then_some(batch))
    }

    /// Reads the next whole lines: those within `length` bytes, or the next one if it is longer.
    pub(super) fn whole_lines(
        &mut self,
        file: &File,
        length: usize,
        end: u64,
    ) -> io::Result<WholeLines> {
        let (mut length, mut skipped) = (length, 0);
        loop {
            let mut text = read_up_to(file, self.offset, length, end)?;
            let filled = text.len();
            if self.skipping {
                skipped += u64::from(self.skip_in(&text));
                if filled == 0 {
                    return Ok(WholeLines { start: self.offset, text, skipped });
                }
                continue;
            }
            text.truncate(length_of_whole_lines(&text));
            let is_too_short = text.is_empty() && filled == length;
            if !is_too_short {
                let start = self.offset;
                self.offset += text.len() as u64;
                return Ok(WholeLines { start, text, skipped });
            }
            if length < LONGEST_LINE {
                length = (2 * length).min(LONGEST_LINE);
            } else {
                self.skipping = true;
            }
        }
    }

    /// Passes over the part of an overlong line that is in `text`. Returns true if it ends there.
    fn skip_in(&mut self, text: &[u8]) -> bool {
        let line_end = text.iter().position(|&byte| byte == b'\n');
        let passed = &text[..line_end.map_or(text.len(), |at| at + 1)];
        self.skipping = line_end.is_none();
        self.offset += passed.len() as u64;
        self.remember(passed);
        line_end.is_some()
    }

    /// Returns true if the bytes that were read last are still in the file.
    fn is_unchanged(&self, file: &File) -> bool {
        let mut now = vec![0; self.fingerprint.len()];
        let start = self.offset - now.len() as u64;
        file.read_exact_at(&mut now, start).is_ok() && now == self.fingerprint
    }

    fn remember(&mut self, text: &[u8]) {
        self.fingerprint.extend_from_slice(&text[text.len().saturating_sub(FINGERPRINT)..]);
        let surplus = self.fingerprint.len().saturating_sub(FINGERPRINT);
        self.fingerprint.drain(..surplus);
    }

    fn not_a_log(&self, text: &[u8]) -> ReadError {
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let problem = match parse(first) {
            Err(error) if !first.is_empty() => error.to_string(),
            _ => "not an event".into(),
        };
        ReadError::NotALog { path: self.path.clone(), problem }
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.clone(), source }
    }
}

/// Returns `3 damaged lines of the log were skipped`; `None` if none were.
pub(super) fn damage_message(lines: u64) -> Option<String> {
    match lines {
        0 => None,
        1 => Some("a damaged line of the log was skipped".into()),
        lines => Some(format!("{lines} damaged lines of the log were skipped")),
    }
}

/// Number of bytes up to and including the last line break.
fn length_of_whole_lines(text: &[u8]) -> usize {
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

/// Parses the lines of `text`, which begins at the offset `start`, on all cores.
fn parse_lines(start: u64, text: &[u8], wanted: impl Fn(&[u8]) -> bool + Sync) -> Batch {
    let end = start + text.len() as u64;
    let wanted = |line: &[u8], line_end| line_end == end || wanted(line);
    let batches: Vec<Batch> = tasks(text)
        .into_par_iter()
        .map(|(offset, part)| parse_part(start + offset as u64, part, &wanted))
        .collect();
    let mut all = Batch::default();
    all.lines.reserve(batches.iter().map(|batch| batch.lines.len()).sum());
    for batch in batches {
        all.damaged += batch.damaged;
        all.lines.extend(batch.lines);
    }
    all
}

/// Cuts `text` after line breaks into parts of about [`CHUNK_PER_TASK`] bytes, each with its
/// offset.
fn tasks(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let middle = (start + CHUNK_PER_TASK).min(text.len());
        let line_end = text[middle..].iter().position(|&byte| byte == b'\n');
        let end = line_end.map_or(text.len(), |at| middle + at + 1);
        parts.push((start, &text[start..end]));
        start = end;
    }
    parts
}

fn parse_part(start: u64, text: &[u8], wanted: &impl Fn(&[u8], u64) -> bool) -> Batch {
    let mut batch = Batch::default();
    let mut end = start;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        end += line.len() as u64;
        if line.trim_ascii().is_empty() || !wanted(line, end) {
            continue;
        }
        // A hole left by a power cut counts as one damaged line; what follows it may be an event.
        let has_hole = line.starts_with(b"\0");
        batch.damaged += u64::from(has_hole);
        match parse(line) {
            Ok(event) => batch.lines.push(Line { end, event }),
            Err(_) => batch.damaged += u64::from(!has_hole),
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

    /// Reads to the end: steps, number of damaged lines, whether the log was restarted.
    fn all(reader: &mut LineReader) -> (Vec<u64>, u64, bool) {
        let (mut steps, mut damaged, mut restarted) = (Vec::new(), 0, false);
        while let Some(batch) = reader.read(u64::MAX, |_| true).expect("reads") {
            steps.extend(batch.lines.iter().map(|line| line.event.step));
            damaged += batch.damaged;
            restarted |= batch.restarted;
        }
        (steps, damaged, restarted)
    }

    fn log(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf, LineReader) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, text).expect("writes");
        (folder, path.clone(), LineReader::new(path))
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
        text.extend(vec![0; 2 * LONGEST_LINE + CHUNK]);
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
        let message = "x".repeat(CHUNK + 10);
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
