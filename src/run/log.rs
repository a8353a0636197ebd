//! Appending to a file that must never be torn by our own hand.
//!
//! Lines are collected in memory and written whole. When the disk refuses (it is full, the network drive is gone),
//! the file is cut back to its last whole line, what could not be written is counted, and writing is tried again
//! later: training goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What is kept in memory while the disk refuses; more is lost, and counted.
const MOST_WAITING: usize = 4 << 20;

/// A file of lines, appended to.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    /// Bytes of whole lines that are in the file.
    written: u64,
    waiting: Vec<u8>,
    waiting_lines: u64,
    lost_lines: u64,
    refusing: bool,
    news: Option<LogNews>,
}

/// A change in how writing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNews {
    /// The disk began to refuse: why.
    Refused(String),
    /// The disk takes lines again; so many are lost.
    Recovered(u64),
}

impl LogFile {
    /// Opens a file to append to; it must not exist yet.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create_new(true).open(path).map(Self::over)
    }

    /// Opens a file that is there to append to.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(LogFile { written, ..Self::over(file) })
    }

    /// Cuts the file to its first `length` bytes, which end with a line; how many lines were cut, a torn one included.
    ///
    /// # Errors
    /// A file that is shorter, or has no line that ends there.
    pub fn cut(&mut self, length: u64) -> io::Result<u64> {
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

    /// The file's length, if everything that was pushed is in it.
    pub fn position(&self) -> Option<u64> {
        let length = self.file.metadata().ok()?.len();
        (self.missing() == 0 && length == self.written).then_some(self.written)
    }

    /// Another handle to the file, to sync it to disk without keeping others from writing.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
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

    /// Takes a line, without its end; it is in the file after the next [`LogFile::flush`].
    pub fn push(&mut self, line: &str) {
        if self.waiting.len() + line.len() > MOST_WAITING {
            self.lost_lines += 1;
            return;
        }
        self.waiting.extend_from_slice(line.as_bytes());
        self.waiting.push(b'\n');
        self.waiting_lines += 1;
    }

    /// Bytes of whole lines that are in the file.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Whole lines that wait for the next flush.
    pub fn waiting_lines(&self) -> &[u8] {
        &self.waiting
    }

    /// Bytes that wait for the next flush.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the last try to write failed.
    pub fn refusing(&self) -> bool {
        self.refusing
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
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
                // A part may have been written: back to whole lines. If even that fails, a reader skips the torn one.
                let _ = self.file.set_len(self.written);
                if !std::mem::replace(&mut self.refusing, true) {
                    self.news = Some(LogNews::Refused(error.to_string()));
                }
            }
        }
    }

    /// Whether writing began to fail, or to work again, since this was last asked.
    pub fn news(&mut self) -> Option<LogNews> {
        self.news.take()
    }

    /// Lines that are not in the file: they wait, or are lost.
    pub fn missing(&self) -> u64 {
        self.waiting_lines + self.lost_lines
    }

    /// Asks the disk to keep what is written.
    pub fn sync(&self) {
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
