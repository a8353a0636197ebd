//! The lines of a live run: first to the file, then to every subscriber.
//!
//! A subscriber gets the offset in the file up to which it can read by itself, and a queue of all
//! later lines: together every line once. A subscriber that falls too far behind is dropped,
//! because the writer never waits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::{LogFile, LogNews};

/// Lines that a subscriber may have queued before it is dropped: seconds of the fastest training.
/// It can subscribe again and read the lines that it missed from the file.
const MOST_QUEUED: usize = 1 << 14;

/// The log of a live run and its subscribers.
#[derive(Debug)]
pub(super) struct Journal {
    log: LogFile,
    subscribers: Vec<Subscriber>,
    /// Lines that were not sent to the subscribers yet.
    unsent: Lines,
    ended: bool,
}

/// Lines, each with its line break.
#[derive(Debug, Clone, Default)]
struct Lines {
    text: String,
    count: usize,
}

/// The sending end of a [`Subscription`].
#[derive(Debug)]
struct Subscriber {
    lines: Sender<Arc<Lines>>,
    backlog: Arc<Backlog>,
}

/// How far a subscriber is behind. Its two ends share it.
#[derive(Debug, Default)]
struct Backlog {
    /// Lines that were sent and not taken.
    lines: AtomicUsize,
    too_long: AtomicBool,
}

/// A handle with which to subscribe to the log of a live run.
#[derive(Debug, Clone)]
pub struct LogFeed(Arc<Mutex<Journal>>);

/// All lines from now on, and the position of all lines before.
#[derive(Debug)]
pub struct Subscription {
    /// Bytes of the file. The lines in them are not repeated here.
    pub offset: u64,
    /// Whole lines that are not in the file yet.
    pub waiting: Vec<u8>,
    lines: Receiver<Arc<Lines>>,
    backlog: Arc<Backlog>,
}

impl Subscriber {
    fn is_connected(&self) -> bool {
        Arc::strong_count(&self.backlog) > 1
    }

    /// Queues lines. Returns false if the subscriber has left or is too far behind.
    fn send(&self, lines: &Arc<Lines>) -> bool {
        let queued = self.backlog.lines.fetch_add(lines.count, Ordering::Relaxed) + lines.count;
        if queued > MOST_QUEUED {
            self.backlog.too_long.store(true, Ordering::Relaxed);
            return false;
        }
        self.lines.send(lines.clone()).is_ok()
    }
}

impl Journal {
    pub(super) fn new(log: LogFile) -> Self {
        Journal { log, subscribers: Vec::new(), unsent: Lines::default(), ended: false }
    }

    /// Takes a line, without its line break. [`Journal::publish`] sends it to the subscribers.
    pub(super) fn push(&mut self, line: &str) {
        self.log.push(line);
        if !self.subscribers.is_empty() {
            self.unsent.text.extend([line, "\n"]);
            self.unsent.count += 1;
        }
    }

    /// Sends the subscribers all lines that they have not been sent.
    pub(super) fn publish(&mut self) {
        if self.unsent.count == 0 {
            return;
        }
        let lines = Arc::new(std::mem::take(&mut self.unsent));
        self.subscribers.retain(|subscriber| subscriber.send(&lines));
    }

    /// Flushes and syncs the file. Called before the last event is published, so that a subscriber
    /// that receives it finds everything on disk.
    pub(super) fn settle(&mut self) {
        self.log.flush();
        self.log.sync();
    }

    /// The file. Lines are added by [`Journal::push`] only.
    pub(super) fn log(&mut self) -> &mut LogFile {
        &mut self.log
    }

    /// Takes the change in the state of the disk since the last call.
    pub(super) fn news(&mut self) -> Option<LogNews> {
        self.log.news()
    }

    /// Publishes the last lines and closes all subscriptions.
    pub(super) fn end(&mut self) {
        self.settle();
        self.publish();
        self.subscribers.clear();
        self.ended = true;
    }
}

impl LogFeed {
    pub(super) fn new(journal: Arc<Mutex<Journal>>) -> Self {
        LogFeed(journal)
    }

    /// Subscribes to all lines from now on. The subscription of a run that has ended is closed.
    pub fn subscribe(&self) -> Subscription {
        let mut journal = lock(&self.0);
        // Sending detects subscribers that have left, but a paused run sends nothing.
        journal.subscribers.retain(Subscriber::is_connected);
        journal.publish();
        journal.log.flush();
        let (sender, lines) = mpsc::channel();
        let backlog = Arc::<Backlog>::default();
        if !journal.ended {
            journal.subscribers.push(Subscriber { lines: sender, backlog: backlog.clone() });
        }
        Subscription {
            offset: journal.log.written(),
            waiting: journal.log.waiting().to_vec(),
            lines,
            backlog,
        }
    }
}

impl Subscription {
    /// Returns the next lines, each with its line break: waits up to `patience` for the first, and
    /// takes all others that are queued. Empty if there are none, `None` if the subscription is
    /// closed.
    pub fn next_lines(&self, patience: Duration) -> Option<String> {
        let first = match self.lines.recv_timeout(patience) {
            Ok(lines) => Some(lines),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let mut text = String::new();
        for lines in first.into_iter().chain(self.lines.try_iter()) {
            text.push_str(&lines.text);
            self.backlog.lines.fetch_sub(lines.count, Ordering::Relaxed);
        }
        Some(text)
    }

    /// Returns true if the subscription was closed because its owner did not keep up.
    pub fn too_slow(&self) -> bool {
        self.backlog.too_long.load(Ordering::Relaxed)
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
        let subscription = LogFeed::new(journal.clone()).subscribe();
        assert_eq!((subscription.offset, subscription.waiting.as_slice()), (8, &b""[..]));
        lock(&journal).push("three");
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some(""), "not published");
        lock(&journal).push("four");
        lock(&journal).publish();
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some("three\nfour\n"));
        lock(&journal).push("five");
        let newcomer = LogFeed::new(journal.clone()).subscribe();
        assert_eq!((newcomer.offset, newcomer.next_lines(SOON).as_deref()), (24, Some("")));
        lock(&journal).push("six");
        lock(&journal).end();
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some("five\nsix\n"));
        assert_eq!(newcomer.next_lines(SOON).as_deref(), Some("six\n"));
        assert_eq!(subscription.next_lines(SOON), None);
        assert!(!subscription.too_slow());
        assert_eq!(LogFeed::new(journal).subscribe().next_lines(SOON), None);
    }

    #[test]
    fn who_hears_the_end_finds_everything_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        let listener = LogFeed::new(journal.clone()).subscribe();
        let log = folder.path().join("log");
        // Another thread waits for the line, and then reads the file.
        let on_disk = std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let heard = listener.next_lines(Duration::from_secs(10));
                (heard, std::fs::read_to_string(log).expect("reads"))
            });
            let mut journal = lock(&journal);
            journal.push("the end");
            journal.settle();
            journal.publish();
            // The lock is held: the reader finds what was written before the line was published.
            reader.join().expect("no panic")
        });
        assert_eq!(on_disk, (Some("the end\n".into()), "the end\n".into()));
    }

    #[test]
    fn who_has_left_is_forgotten_though_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(&folder);
        let feed = LogFeed::new(journal.clone());
        let stays = feed.subscribe();
        drop(feed.subscribe());
        let newest = feed.subscribe();
        assert_eq!(lock(&journal).subscribers.len(), 2);
        lock(&journal).push("line");
        lock(&journal).publish();
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
        let slow = LogFeed::new(journal.clone()).subscribe();
        for _ in 0..=MOST_QUEUED {
            lock(&journal).push("line");
            lock(&journal).publish();
        }
        let kept = slow.next_lines(SOON).map(|lines| lines.lines().count());
        assert_eq!(kept, Some(MOST_QUEUED));
        assert_eq!(slow.next_lines(SOON), None);
        assert!(slow.too_slow());
    }
}
