//! The events of a log: piece by piece, all at once, or folded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::ReadError;
use super::lines::{LineReader, damage_message};
use crate::run::log::line::is_per_step;
use crate::run::log::parse;
use crate::run::{RunFolder, RunState, read_frame};
use crate::train::{Event, EventKind, Started};

/// The longest first line that is read. A file that is not a log may have no line break at all.
const LONGEST_FIRST_LINE: u64 = 1 << 24;

/// A position in a run's log that advances over its events, also while the log grows.
#[derive(Debug)]
pub struct LogCursor {
    reader: LineReader,
    restarted: bool,
    /// Step and seconds of the latest event.
    last: (u64, f64),
}

impl LogCursor {
    /// Starts at the beginning of the log of the run in `folder`.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub fn open(folder: &RunFolder) -> Result<Self, ReadError> {
        let path = folder.events();
        match File::open(&path) {
            Ok(_) => {
                Ok(LogCursor { reader: LineReader::new(path), restarted: false, last: (0, 0.0) })
            }
            Err(source) => Err(ReadError::Io { path, source }),
        }
    }

    /// Number of bytes of the log that were read.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Reads the next events, a few megabytes of lines at most. Returns none if there is no further
    /// whole line; a torn last line is left for the next call. Lines that are not events are
    /// skipped, and an [`EventKind::Notice`] with their number is added.
    ///
    /// # Errors
    /// The file cannot be read, or is not a log.
    pub fn next_events(&mut self) -> Result<Vec<Event>, ReadError> {
        self.next_events_to(u64::MAX)
    }

    /// As [`LogCursor::next_events`], but reads no byte at or beyond `end`.
    ///
    /// # Errors
    /// As [`LogCursor::next_events`].
    pub fn next_events_to(&mut self, end: u64) -> Result<Vec<Event>, ReadError> {
        let mut events = Vec::new();
        // A batch of blank lines has no events, and is not the end.
        while events.is_empty() {
            let Some(batch) = self.reader.read(end, |_| true)? else { break };
            self.restarted |= batch.restarted;
            events.extend(batch.lines.into_iter().map(|line| line.event));
            if let Some(last) = events.last() {
                self.last = (last.step, last.seconds);
            }
            events.extend(damage_notice(batch.damaged, self.last));
        }
        Ok(events)
    }

    /// Returns true if the log was cut since the last call, as resuming a run does. Earlier events
    /// are void then, and the latest ones start with the first event of the log.
    pub fn take_restarted(&mut self) -> bool {
        std::mem::take(&mut self.restarted)
    }
}

fn damage_notice(lines: u64, (step, seconds): (u64, f64)) -> Option<Event> {
    let message = damage_message(lines)?;
    Some(Event { step, seconds, kind: EventKind::Notice { message } })
}

/// Reads all events of a run; frames come without their arrays. A torn last line, which a crash
/// leaves, is ignored. Lines that are not events are skipped, and a notice at the end says how
/// many.
///
/// # Errors
/// The file cannot be read, or is not a log.
pub fn read_events(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    read(folder, |_| true)
}

/// As [`read_events`], but without most of the events that happen at every step: enough to
/// summarize a run, and many times faster.
///
/// # Errors
/// As [`read_events`].
pub fn read_outline(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    read(folder, |line| !is_per_step(line))
}

/// Reads the events whose lines are `wanted`, and the last one.
fn read(
    folder: &RunFolder,
    wanted: impl Fn(&[u8]) -> bool + Sync,
) -> Result<Vec<Event>, ReadError> {
    let mut reader = LineReader::new(folder.events());
    let (mut events, mut damaged) = (Vec::<Event>::new(), 0);
    while let Some(batch) = reader.read(u64::MAX, &wanted)? {
        if batch.restarted {
            (events, damaged) = (Vec::new(), 0);
        }
        damaged += batch.damaged;
        events.extend(batch.lines.into_iter().map(|line| line.event));
    }
    let last = events.last().map_or((0, 0.0), |event| (event.step, event.seconds));
    events.extend(damage_notice(damaged, last));
    Ok(events)
}

/// Reads the first event of a run. Returns `None` if its log is still empty.
///
/// # Errors
/// The file cannot be read, or its first line is not a `started` event.
pub(crate) fn read_started(folder: &RunFolder) -> Result<Option<Started>, ReadError> {
    let path = folder.events();
    let io = |source| ReadError::Io { path: path.clone(), source };
    let mut line = Vec::new();
    let file = File::open(&path).map_err(io)?;
    BufReader::new(file.take(LONGEST_FIRST_LINE)).read_until(b'\n', &mut line).map_err(io)?;
    if !line.ends_with(b"\n") {
        return Ok(None);
    }
    match parse(&line) {
        Ok(Event { kind: EventKind::Started(started), .. }) => Ok(Some(*started)),
        Ok(_) => Err(ReadError::Line { path, line: 1, problem: "not `started`".into() }),
        Err(error) => Err(ReadError::Line { path, line: 1, problem: error.to_string() }),
    }
}

/// Folds a run's log to its end, and reads its last frame.
///
/// # Errors
/// As [`read_events`].
pub fn read_state(folder: &RunFolder) -> Result<RunState, ReadError> {
    read_state_at(folder, u64::MAX)
}

/// Folds a run's log up to and including `step`, and reads the last frame until then.
///
/// # Errors
/// As [`read_events`].
pub(crate) fn read_state_at(folder: &RunFolder, step: u64) -> Result<RunState, ReadError> {
    let mut log = LogCursor::open(folder)?;
    let (mut state, mut last_frame) = (RunState::default(), None);
    loop {
        let events = log.next_events()?;
        if events.is_empty() {
            break;
        }
        if log.take_restarted() {
            (state, last_frame) = (RunState::default(), None);
        }
        for event in events.into_iter().filter(|event| event.step <= step) {
            if let EventKind::Frame { at: Some(at), .. } = event.kind {
                last_frame = Some((event.step, at));
            }
            state.apply(&event);
        }
    }
    if let Some((step, at)) = last_frame {
        state.frame = read_frame(folder, at).map(|frame| (step, Arc::new(frame)));
    }
    Ok(state)
}

/// Returns true if a run is on disk to its end: its log ends with `finished`, and the weights of
/// its last step are saved.
///
/// # Errors
/// As [`read_events`].
pub fn is_complete(folder: &RunFolder) -> Result<bool, ReadError> {
    let events = read_outline(folder)?;
    // A notice about damaged lines may come after the last event of the log.
    let last = events.iter().rfind(|event| !matches!(event.kind, EventKind::Notice { .. }));
    let Some(Event { step: end, kind: EventKind::Finished { .. }, .. }) = last else {
        return Ok(false);
    };
    let is_saved_at_end = |event: &Event| match &event.kind {
        EventKind::Snapshot { file, .. } => {
            event.step == *end && folder.path().join(file).is_file()
        }
        _ => false,
    };
    Ok(events.iter().rev().any(is_saved_at_end))
}
