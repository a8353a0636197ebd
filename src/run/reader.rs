//! Reading a run back from its folder.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{RunFolder, RunState, frames};
use crate::train::{Event, EventKind, Frame, FrameLocation};

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
    let path = folder.events();
    let io = |source| ReadError::Io { path: path.clone(), source };
    let mut lines = BufReader::new(File::open(&path).map_err(io)?);
    let (mut events, mut line, mut number) = (Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let whole = lines.read_until(b'\n', &mut line).map_err(io)? > 0 && line.ends_with(b"\n");
        if !whole {
            return Ok(events);
        }
        let event = serde_json::from_slice(&line);
        events.push(event.map_err(|error| ReadError::Line {
            path: path.clone(),
            line: number,
            problem: error.to_string(),
        })?);
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
