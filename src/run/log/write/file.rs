//! Appending whole lines to a file, on a disk that may refuse to take them.
//!
//! Lines are collected in memory and written together. When the disk refuses them (it is full, the
//! network drive is gone), the file is cut back to its last whole line and the write is retried
//! later. Lines that no longer fit in memory meanwhile are dropped and counted. Training continues.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes kept in memory while the disk refuses them.
const MOST_WAITING: usize = 4 << 20;

/// A file of lines that is appended to.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    /// Bytes of whole lines in the file.
    written: u64,
    waiting: Vec<u8>,
    waiting_lines: u64,
    lost_lines: u64,
    refusing: bool,
    news: Option<LogNews>,
}

/// A change in the state of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogNews {
    /// Writing began to fail, for this reason.
    Refused(String),
    /// Writing works again; this number of lines is lost.
    Recovered(u64),
}

impl LogFile {
    /// Creates a file to append to; it must not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create_new(true).open(path).map(Self::over)
    }

    /// Opens an existing file to append to.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(LogFile { written, ..Self::over(file) })
    }

    fn over(file: File) -> Self {
        LogFile {
            file,
            written: 0,
            waiting: Vec::new(),
            waiting_lines: 0,
            lost_lines: 0,
            refusing: false,
            news: None,
        }
    }

    /// Cuts the file to its first `length` bytes, at which a line must end. Returns the number of
    /// lines that were cut, a torn one included.
    ///
    /// # Errors
    /// The file is shorter, no line ends there, or the system refuses.
    pub(super) fn cut(&mut self, length: u64) -> io::Result<u64> {
        let damaged = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message);
        if self.file.metadata()?.len() < length {
            return Err(damaged("it is shorter than when the checkpoint was taken"));
        }
        let mut end = [b'\n'];
        if length > 0 {
            self.file.read_exact_at(&mut end, length - 1)?;
        }
        if end != [b'\n'] {
            return Err(damaged("no line ends where it was when the checkpoint was taken"));
        }
        let lines = self.lines_after(length)?;
        self.file.set_len(length)?;
        self.written = length;
        Ok(lines)
    }

    fn lines_after(&self, mut offset: u64) -> io::Result<u64> {
        let mut piece = vec![0; 1 << 16];
        let (mut lines, mut last) = (0, b'\n');
        loop {
            match self.file.read_at(&mut piece, offset)? {
                0 => return Ok(lines + u64::from(last != b'\n')),
                read => {
                    lines += piece[..read].iter().filter(|&&byte| byte == b'\n').count() as u64;
                    last = piece[read - 1];
                    offset += read as u64;
                }
            }
        }
    }

    /// Returns the length of the file if every line that was pushed is in it.
    pub(super) fn position(&self) -> Option<u64> {
        let length = self.file.metadata().ok()?.len();
        (self.missing() == 0 && length == self.written).then_some(self.written)
    }

    /// Returns another handle to the file, with which it can be synced to disk without blocking its
    /// writer.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Takes a line, without its line break. It is in the file after the next [`LogFile::flush`].
    pub(super) fn push(&mut self, line: &str) {
        if self.waiting.len() + line.len() > MOST_WAITING {
            self.lost_lines += 1;
            return;
        }
        self.waiting.extend_from_slice(line.as_bytes());
        self.waiting.push(b'\n');
        self.waiting_lines += 1;
    }

    /// Bytes of whole lines in the file.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whole lines that are not in the file yet.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Returns true if the last write failed.
    pub(super) fn refusing(&self) -> bool {
        self.refusing
    }

    /// Writes the waiting lines.
    pub(super) fn flush(&mut self) {
        if self.waiting.is_empty() && !self.refusing {
            return;
        }
        match self.file.write_all(&self.waiting) {
            Ok(()) => {
                self.written += self.waiting.len() as u64;
                self.waiting.clear();
                self.waiting_lines = 0;
                if std::mem::take(&mut self.refusing) {
                    self.news = Some(LogNews::Recovered(std::mem::take(&mut self.lost_lines)));
                }
            }
            Err(error) => {
                // A part may have been written. If it cannot be cut off, readers skip the torn
                // line.
                let _ = self.file.set_len(self.written);
                if !std::mem::replace(&mut self.refusing, true) {
                    self.news = Some(LogNews::Refused(error.to_string()));
                }
            }
        }
    }

    /// Takes the change in the state of the disk since the last call.
    pub(super) fn news(&mut self) -> Option<LogNews> {
        self.news.take()
    }

    /// Number of pushed lines that are not in the file: they wait, or are lost.
    pub(super) fn missing(&self) -> u64 {
        self.waiting_lines + self.lost_lines
    }

    /// Syncs the file to disk, as far as the system does.
    pub(super) fn sync(&self) {
        let _ = self.file.sync_data();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut log = LogFile::create(&path).expect("creates");
        log.push("one");
        log.push("two");
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), "");
        log.flush();
        log.push("three");
        log.flush();
        assert_eq!((log.news(), log.missing()), (None, 0));
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), "one\ntwo\nthree\n");
    }

    #[test]
    fn an_existing_log_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        LogFile::create(&path).expect("creates");
        assert!(LogFile::create(&path).is_err());
    }

    #[test]
    fn a_log_is_cut_where_a_line_ends_and_goes_on_from_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, "one\ntwo\nthree\nto").expect("writes");
        let mut log = LogFile::open(&path).expect("opens");
        for wrong in [2, 5, 100] {
            assert!(log.cut(wrong).is_err(), "{wrong}");
        }
        assert_eq!(log.cut(4).expect("cuts"), 3);
        log.push("2");
        assert_eq!(log.position(), None);
        log.flush();
        assert_eq!(log.position(), Some(6));
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), "one\n2\n");
        assert_eq!(log.cut(0).expect("cuts"), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_once_and_counted() {
        let file = OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let mut log = LogFile::over(file);
        log.push("one");
        log.flush();
        assert!(matches!(log.news(), Some(LogNews::Refused(_))));
        log.flush();
        assert_eq!(log.news(), None);
        log.push(&"x".repeat(MOST_WAITING));
        assert_eq!(log.missing(), 2);
        let folder = tempfile::tempdir().expect("a folder");
        log.file = File::create(folder.path().join("log")).expect("room again");
        log.flush();
        assert_eq!(log.news(), Some(LogNews::Recovered(1)));
        assert_eq!(std::fs::read_to_string(folder.path().join("log")).expect("reads"), "one\n");
    }
}
