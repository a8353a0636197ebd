//! Reading a run back from its folder.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::follow::damage;
use super::lines::LogReader;
use super::{Follower, RunFolder, RunState, frames, line};
use crate::train::{Event, EventKind, Frame, FrameLocation, Started};

/// A log that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are lines, and none of the first is an event.
    #[error("{}: not the log of a run; its first line: {problem}", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        problem: String,
    },
    /// A line of the run's experiment is not understood.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// The events of a run, without their frames' arrays. A torn last line, which a crash leaves, is ignored. Lines that are
/// not events are skipped; a notice at the end says how many.
///
/// # Errors
/// A file that cannot be read, or that is not a log.
pub fn read_events(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    read(folder, |_| true)
}

/// As [`read_events`], but of what happened at every step only the newest and a few others: enough to sum a run up, and
/// many times faster.
///
/// # Errors
/// As [`read_events`].
pub fn read_outline(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    read(folder, |line| !line::is_of_every_step(line))
}

/// The events whose line is `wanted`, and the last one.
fn read(
    folder: &RunFolder,
    wanted: impl Fn(&[u8]) -> bool + Sync,
) -> Result<Vec<Event>, ReadError> {
    let mut reader = LogReader::new(folder.events());
    let (mut events, mut damaged) = (Vec::<Event>::new(), 0);
    while let Some(batch) = reader.read(u64::MAX, &wanted)? {
        if batch.restarted {
            (events, damaged) = (Vec::new(), 0);
        }
        damaged += batch.damaged;
        events.extend(batch.lines.into_iter().map(|line| line.event));
    }
    let last = events.last().map_or((0, 0.0), |event| (event.step, event.seconds));
    events.extend(damage(damaged, last));
    Ok(events)
}

/// What a run set out to train: its first event. `None` if its log is still empty.
///
/// # Errors
/// A file that cannot be read, or a first line that is not an event.
pub fn read_started(folder: &RunFolder) -> Result<Option<Started>, ReadError> {
    let path = folder.events();
    let io = |source| ReadError::Io { path: path.clone(), source };
    let mut line = Vec::new();
    let file = File::open(&path).map_err(io)?;
    // No first line is longer; a file that is no log may have none.
    BufReader::new(file.take(1 << 24)).read_until(b'\n', &mut line).map_err(io)?;
    if !line.ends_with(b"\n") {
        return Ok(None);
    }
    match serde_json::from_slice(&line) {
        Ok(Event { kind: EventKind::Started(started), .. }) => Ok(Some(*started)),
        Ok(_) => Err(ReadError::Line { path, line: 1, problem: "not `started`".into() }),
        Err(error) => Err(ReadError::Line { path, line: 1, problem: error.to_string() }),
    }
}

/// What is known of a run at its end, with its last frame.
///
/// # Errors
/// As [`read_events`].
pub fn read_state(folder: &RunFolder) -> Result<RunState, ReadError> {
    read_state_at(folder, u64::MAX)
}

/// What was known of a run after `step`, with the last frame until then.
///
/// # Errors
/// As [`read_events`].
pub fn read_state_at(folder: &RunFolder, step: u64) -> Result<RunState, ReadError> {
    let mut log = Follower::open(folder.clone())?;
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

/// Whether a run is on disk to its end: the log says that it is over, and its last weights are there.
///
/// # Errors
/// As [`read_events`].
pub fn is_complete(folder: &RunFolder) -> Result<bool, ReadError> {
    let events = read_outline(folder)?;
    // A notice of damage may follow.
    let last = events.iter().rfind(|event| !matches!(event.kind, EventKind::Notice { .. }));
    let Some(Event { step: end, kind: EventKind::Finished { .. }, .. }) = last else {
        return Ok(false);
    };
    let saved = |event: &Event| match &event.kind {
        EventKind::Snapshot { file, .. } => {
            event.step == *end && folder.path().join(file).is_file()
        }
        _ => false,
    };
    Ok(events.iter().rev().any(saved))
}

/// A frame's arrays, if they are whole.
pub fn read_frame(folder: &RunFolder, at: FrameLocation) -> Option<Frame> {
    let file = File::open(folder.frames()).ok()?;
    // The file's own length bounds what a damaged line can make us allocate.
    let available = file.metadata().ok()?.len();
    if at.offset.checked_add(at.length)? > available {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(at.length).ok()?];
    file.read_exact_at(&mut bytes, at.offset).ok()?;
    (crc32fast::hash(&bytes) == at.crc).then(|| frames::decode(&bytes).ok()).flatten()
}

/// The folders of all runs in `runs`, newest first; none if there is no such folder.
pub fn list_runs(runs: &Path) -> Vec<RunFolder> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let folders =
        entries.map(|entry| entry.path()).filter(|path| path.join("events.jsonl").is_file());
    let mut folders: Vec<_> = folders.collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders.iter().map(|path| RunFolder::open(path)).collect()
}
