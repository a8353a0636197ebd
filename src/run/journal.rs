//! The log of a run under way, and those who listen to it line by line.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
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
    /// Lines that the listeners have not been told.
    untold: Lines,
    over: bool,
}

/// Lines, each with its end.
#[derive(Debug, Clone, Default)]
struct Lines {
    text: String,
    count: usize,
}

#[derive(Debug)]
struct Listener {
    lines: Sender<Arc<Lines>>,
    standing: Arc<Standing>,
}

/// How a listener keeps up.
#[derive(Debug, Default)]
struct Standing {
    /// Lines that it was told and has not taken.
    behind: AtomicUsize,
    too_slow: AtomicBool,
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
    lines: Receiver<Arc<Lines>>,
    standing: Arc<Standing>,
}

impl Listener {
    /// Whether the other end, which shares the standing, is still held by somebody.
    fn is_there(&self) -> bool {
        Arc::strong_count(&self.standing) > 1
    }

    /// Tells lines; whether it goes on listening.
    fn tell(&self, lines: &Arc<Lines>) -> bool {
        let behind = self.standing.behind.fetch_add(lines.count, Ordering::Relaxed) + lines.count;
        if behind > MOST_BEHIND {
            self.standing.too_slow.store(true, Ordering::Relaxed);
            return false;
        }
        self.lines.send(lines.clone()).is_ok()
    }
}

impl Journal {
    pub(super) fn new(log: LogFile) -> Self {
        Journal { log, listeners: Vec::new(), untold: Lines::default(), over: false }
    }

    /// Takes a line, without its end. Listeners are told by [`tell`](Self::tell), or before they could miss it.
    pub(super) fn push(&mut self, line: &str) {
        self.log.push(line);
        if !self.listeners.is_empty() {
            self.untold.text.extend([line, "\n"]);
            self.untold.count += 1;
        }
    }

    /// Tells everybody who listens what they have not been told.
    pub(super) fn tell(&mut self) {
        if self.untold.count == 0 {
            return;
        }
        let lines = Arc::new(std::mem::take(&mut self.untold));
        self.listeners.retain(|listener| listener.tell(&lines));
    }

    /// Makes sure of what ends the run: whoever hears it finds everything on disk.
    pub(super) fn settle(&mut self) {
        self.log.flush();
        self.log.sync();
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
        self.settle();
        self.tell();
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
        journal.tell();
        journal.log.flush();
        let (sender, lines) = mpsc::channel();
        let standing = Arc::<Standing>::default();
        if !journal.over {
            journal.listeners.push(Listener { lines: sender, standing: standing.clone() });
        }
        Subscription {
            offset: journal.log.written(),
            waiting: journal.log.waiting_lines().to_vec(),
            lines,
            standing,
        }
    }
}

impl Subscription {
    /// The next lines, each with its end: waits for the first for so long, and takes what else is there. Empty if none
    /// came, `None` when no more will come.
    pub fn next_lines(&self, patience: Duration) -> Option<String> {
        let first = match self.lines.recv_timeout(patience) {
            Ok(lines) => Some(lines),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let mut text = String::new();
        for lines in first.into_iter().chain(self.lines.try_iter()) {
            text.push_str(&lines.text);
            self.standing.behind.fetch_sub(lines.count, Ordering::Relaxed);
        }
        Some(text)
    }

    /// Whether it ended because its owner did not keep up.
    pub fn too_slow(&self) -> bool {
        self.standing.too_slow.load(Ordering::Relaxed)
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
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some(""), "it can wait");
        lock(&journal).push("four");
        lock(&journal).tell();
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some("three\nfour\n"));
        lock(&journal).push("five");
        let newcomer = Listening::new(journal.clone()).subscribe();
        assert_eq!((newcomer.offset, newcomer.next_lines(SOON).as_deref()), (24, Some("")));
        lock(&journal).push("six");
        lock(&journal).end();
        assert_eq!(subscription.next_lines(SOON).as_deref(), Some("five\nsix\n"));
        assert_eq!(newcomer.next_lines(SOON).as_deref(), Some("six\n"));
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
            journal.push("the end");
            journal.settle();
            journal.tell();
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
        lock(&journal).tell();
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
            lock(&journal).tell();
        }
        let kept = slow.next_lines(SOON).map(|lines| lines.lines().count());
        assert_eq!(kept, Some(MOST_BEHIND));
        assert_eq!(slow.next_lines(SOON), None);
        assert!(slow.too_slow());
    }
}
