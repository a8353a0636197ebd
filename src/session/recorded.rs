//! A run on disk, as it ended.

use std::path::Path;
use std::sync::Arc;

use super::Session;
use crate::run::{ReadError, RunFolder, read_events, read_frame};
use crate::train::{Command, Event, EventKind};

/// A recorded run: all its events at once.
pub struct Recorded {
    folder: RunFolder,
    events: Vec<Event>,
}

impl Recorded {
    /// Reads the log of a run.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn open(folder: RunFolder) -> Result<Self, ReadError> {
        let mut events = read_events(&folder)?;
        // Only the last frame will be seen.
        let last = events.iter_mut().rev().find_map(|event| match &mut event.kind {
            EventKind::Frame { at: Some(at), frame } => Some((*at, frame)),
            _ => None,
        });
        if let Some((at, frame)) = last {
            *frame = read_frame(&folder, at).map(Arc::new);
        }
        Ok(Recorded { folder, events })
    }
}

impl Session for Recorded {
    fn poll(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn send(&mut self, _command: Command) {}

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn steerable(&self) -> bool {
        false
    }

    fn wait(&mut self) {}
}
