//! The log of a run under way, and those who listen to it line by line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::log::{LogFile, LogNews};

/// Lines a listener may be behind before it is let go: seconds of the fastest training. It can come back and read
/// what it missed from the log.
const MOST_BEHIND: usize = 1 << 14;

/// Where lines go: to the file first, then to whoever listens. A listener never holds up the writer.
#[derive(Debug)]
pub(super) struct Journal {
    log: LogFile,
    listeners: Vec<Listener>,
    over: bool,
}

#[derive(Debug)]
struct Listener {
    lines: SyncSender<Arc<str>>,
    too_slow: Arc<AtomicBool>,
}

/// A way into the journal of a run, for those who want to listen.
#[derive(Debug, Clone)]
pub struct Listening(Arc<Mutex<Journal>>);

/// Everything from now on, and where everything before is.
#[derive(Debug)]
pub struct Subscription {
    /// Bytes of the log's file: what is in it is not repeated here.
    pub offset: u64,
    /// Whole lines that are not in the file yet.
    pub waiting: Vec<u8>,
    lines: Receiver<Arc<str>>,
    too_slow: Arc<AtomicBool>,
}

impl Listener {
    /// Whether the other end, which shares the flag, is still held by somebody.
    fn is_there(&self) -> bool {
        Arc::strong_count(&self.too_slow) > 1
    }
}

impl Journal {
    pub(super) fn new(log: LogFile) -> Self {
        Journal { log, listeners: Vec::new(), over: false }
    }

    /// Takes a line, without its end.
    pub(super) fn push(&mut self, line: &str) {
        self.log.push(line);
        self.tell(line);
    }

    /// Takes the line that ends the run: whoever hears it finds everything on disk.
    pub(super) fn push_last(&mut self, line: &str) {
        self.log.push(line);
        self.log.flush();
        self.log.sync();
        self.tell(line);
    }

    fn tell(&mut self, line: &str) {
        if self.listeners.is_empty() {
            return;
        }
        let line: Arc<str> = format!("{line}\n").into();
        self.listeners.retain(|listener| {
            let taken = listener.lines.try_send(line.clone()).is_ok();
            if !taken {
                listener.too_slow.store(true, Ordering::Relaxed);
            }
            taken
        });
    }

    /// The file, for all but adding lines.
    pub(super) fn log(&mut self) -> &mut LogFile {
        &mut self.log
    }

    /// Whether writing began to fail, or to work again, since this was last asked.
    pub(super) fn news(&mut self) -> Option<LogNews> {
        self.log.news()
    }

    /// No more lines will come.
    pub(super) fn end(&mut self) {
        self.log.flush();
        self.log.sync();
        self.listeners.clear();
        self.over = true;
    }
}

impl Listening {
    pub(super) fn new(journal: Arc<Mutex<Journal>>) -> Self {
        Listening(journal)
    }

    /// Listens from now on. Of a run that is over nothing comes any more.
    pub fn subscribe(&self) -> Subscription {
        let mut journal = lock(&self.0);
        // While nothing is written, as in a paused run, nobody else notices who has left.
        journal.listeners.retain(Listener::is_there);
        journal.log.flush();
        let (sender, lines) = mpsc::sync_channel(MOST_BEHIND);
        let too_slow = Arc::<AtomicBool>::default();
        if !journal.over {
            journal.listeners.push(Listener { lines: sender, too_slow: too_slow.clone() });
        }
        Subscription {
            offset: journal.log.written(),
            waiting: journal.log.waiting_lines().to_vec(),
            lines,
            too_slow,
        }
    }
}

impl Subscription {
    /// The next lines, each with its end: waits for the first for so long, and takes what else is there. Empty if none
    /// came, `None` when no more will come.
    pub fn next_lines(&self, patience: Duration) -> Option<String> {
        let mut text = match self.lines.recv_timeout(patience) {
            Ok(line) => line.to_string(),
            Err(RecvTimeoutError::Timeout) => String::new(),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        self.lines.try_iter().for_each(|line| text.push_str(&line));
        Some(text)
    }

    /// Whether it ended because its owner did not keep up.
    pub fn too_slow(&self) -> bool {
        self.too_slow.load(Ordering::Relaxed)
    }
}

pub(super) fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn journal(folder: &tempfile::TempDir) -> Arc<Mutex<Journal>> {
        let log = LogFile::create(&folder.path().join("log")).expect("creates");
        Arc::new(Mutex::new(Journal::new(log)))
    }

    #[test]
    fn what_is_on_disk_and_what_comes_are_everything_and_nothing_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        lock(&journal).push("one");
        lock(&journal).push("two");
        let subscription = Listening::new(journal.clone()).subscribe();
        assert_eq!((subscription.offset, subscription.waiting.as_slice()), (8, &b""[..]));
        lock(&journal).push("three");
        lock(&journal).push("four");
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some("three\nfour\n"));
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some(""));
        lock(&journal).end();
        assert_eq!(subscription.next_lines(SOON), None);
        assert!(!subscription.too_slow());
        assert_eq!(Listening::new(journal).subscribe().next_lines(SOON), None);
    }

    #[test]
    fn who_hears_the_end_finds_everything_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        let listener = Listening::new(journal.clone()).subscribe();
        let log = folder.path().join("log");
        // Nobody can look between writing and telling but from another thread, which waits for the news.
        let on_disk = std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let heard = listener.next_lines(Duration::from_secs(10));
                (heard, std::fs::read_to_string(log).expect("reads"))
            });
            let mut journal = lock(&journal);
            journal.push_last("the end");
            // The lock is held: what the reader finds was written before it was told.
            reader.join().expect("no panic")
        });
        assert_eq!(on_disk, (Some("the end\n".into()), "the end\n".into()));
    }

    #[test]
    fn who_has_left_is_forgotten_though_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        let listening = Listening::new(journal.clone());
        let stays = listening.subscribe();
        drop(listening.subscribe());
        let newest = listening.subscribe();
        assert_eq!(lock(&journal).listeners.len(), 2);
        lock(&journal).push("line");
        let line = Some("line\n");
        assert_eq!(
            [stays, newest].map(|s| s.next_lines(SOON)).each_ref().map(|l| l.as_deref()),
            [line; 2]
        );
    }

    #[test]
    fn who_does_not_keep_up_is_let_go_and_can_tell() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        let slow = Listening::new(journal.clone()).subscribe();
        for _ in 0..=MOST_BEHIND {
            lock(&journal).push("line");
        }
        let kept = slow.next_lines(SOON).map(|lines| lines.lines().count());
        assert_eq!(kept, Some(MOST_BEHIND));
        assert_eq!(slow.next_lines(SOON), None);
        assert!(slow.too_slow());
    }
}
