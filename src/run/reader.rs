//! Reading a run back from its folder.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{RunFolder, RunState, frames};
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
    /// A line in the middle is not an event.
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

/// The events of a run, without their frames' arrays. A torn last line, which a crash leaves, is ignored.
///
/// # Errors
/// A file that cannot be read, or a broken line with others after it.
pub fn read_events(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    read(folder, |_| true)
}

/// As [`read_events`], but of all that happened at every step only the newest: enough to sum a run up, and many times
/// faster.
///
/// # Errors
/// As [`read_events`].
pub fn read_outline(folder: &RunFolder) -> Result<Vec<Event>, ReadError> {
    const AT_EVERY_STEP: [&[u8]; 2] = [b"\"type\":\"step\"", b"\"type\":\"ranking_distance\""];
    // The type follows step and seconds.
    const BEGINNING: usize = 80;
    read(folder, |line| {
        let beginning = &line[..line.len().min(BEGINNING)];
        let holds = |kind: &[u8]| beginning.windows(kind.len()).any(|window| window == kind);
        !AT_EVERY_STEP.into_iter().any(holds)
    })
}

/// The events whose line is `wanted`, and the last one.
fn read(folder: &RunFolder, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<Event>, ReadError> {
    let path = folder.events();
    let text = fs::read(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    // What follows the last line break is torn, or nothing.
    let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    lines.pop();
    let last = lines.len().saturating_sub(1);
    let wanted = lines.iter().enumerate().filter(|(index, line)| *index == last || wanted(line));
    let event = |(index, line): (usize, &&[u8])| {
        serde_json::from_slice(line).map_err(|error| ReadError::Line {
            path: path.clone(),
            line: index + 1,
            problem: error.to_string(),
        })
    };
    wanted.map(event).collect()
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
    BufReader::new(file).read_until(b'\n', &mut line).map_err(io)?;
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
    let mut state = RunState::default();
    let mut last_frame = None;
    for event in read_events(folder)? {
        if let EventKind::Frame { at: Some(at), .. } = event.kind {
            last_frame = Some((event.step, at));
        }
        state.apply(&event);
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
    let Some(Event { step: end, kind: EventKind::Finished { .. }, .. }) = events.last() else {
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
