//! The runs of a folder and their summaries, read on a thread and kept up to date.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::run::{ReadError, RunFolder, Summary, list_runs};

/// Interval at which the folder is checked for changes.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause before a log is read again, as a multiple of the time that reading it took, so that
/// reading a long log that grows fills at most a twentieth of the time.
const REST: u32 = 20;

const MOST_QUEUED: usize = 256;

/// All runs in a folder, watched until this is dropped.
#[derive(Debug)]
pub(crate) struct RunWatch {
    news: Receiver<RunNews>,
    /// Dropping it ends the thread.
    _stop: Sender<()>,
}

/// A change in the folder.
#[derive(Debug)]
pub(crate) enum RunNews {
    /// The list of runs, latest first, if it has changed.
    Listed(Vec<RunFolder>),
    /// The summary of the run in this folder, or the reason why its log cannot be read.
    Read(PathBuf, Box<Result<Summary, ReadError>>),
}

impl RunWatch {
    /// Starts to watch the folder `runs`. Its list of runs is available at once.
    pub(crate) fn start(runs: &Path) -> Self {
        let (sender, news) = sync_channel(MOST_QUEUED);
        let (stop, stopped) = channel();
        let (runs, listed) = (runs.to_owned(), list_runs(runs));
        // Cannot fail: the queue is empty.
        let _ = sender.try_send(RunNews::Listed(listed.clone()));
        thread::spawn(move || watch(&runs, listed, &sender, &stopped));
        RunWatch { news, _stop: stop }
    }

    /// Takes the queued news, without waiting.
    pub(crate) fn poll(&self) -> Vec<RunNews> {
        self.news.try_iter().collect()
    }
}

/// State of a run when its log was last read.
struct Seen {
    /// Time of modification and length of its log.
    changed: Option<(SystemTime, u64)>,
    living: bool,
    /// Earliest time to read the log again.
    due: Instant,
}

/// Checks the folder and its runs until the receiver is dropped.
fn watch(
    runs: &Path,
    mut listed: Vec<RunFolder>,
    news: &SyncSender<RunNews>,
    stopped: &Receiver<()>,
) {
    let mut seen: HashMap<PathBuf, Seen> = HashMap::new();
    loop {
        for folder in &listed {
            let before = seen.get(folder.path());
            let Some((after, summary)) = read_if_changed(folder, before) else { continue };
            let path = folder.path().to_owned();
            seen.insert(path.clone(), after);
            if news.send(RunNews::Read(path, Box::new(summary))).is_err() {
                return;
            }
        }
        if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let folders = list_runs(runs);
        if listed != folders {
            seen.retain(|path, _| folders.iter().any(|folder| folder.path() == path));
            listed = folders;
            if news.send(RunNews::Listed(listed.clone())).is_err() {
                return;
            }
        }
    }
}

/// Summarizes a run whose log has changed, or whose process has ended, since `before`.
fn read_if_changed(
    folder: &RunFolder,
    before: Option<&Seen>,
) -> Option<(Seen, Result<Summary, ReadError>)> {
    let file = fs::metadata(folder.events()).ok();
    let changed = file.and_then(|file| Some((file.modified().ok()?, file.len())));
    if let Some(seen) = before {
        let died = || seen.living && !folder.is_hosted();
        if Instant::now() < seen.due || (changed == seen.changed && !died()) {
            return None;
        }
    }
    let begun = Instant::now();
    let summary = Summary::read(folder);
    let living = summary.as_ref().is_ok_and(|summary| summary.state.is_living());
    let due = Instant::now() + begun.elapsed() * REST;
    Some((Seen { changed, living, due }, summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for the next news, and describes it.
    fn next(watch: &RunWatch) -> String {
        match watch.news.recv_timeout(Duration::from_secs(20)).expect("news") {
            RunNews::Listed(folders) => format!("{} runs", folders.len()),
            RunNews::Read(path, summary) => {
                let name = path.file_name().expect("a name").to_string_lossy();
                match *summary {
                    Ok(summary) => format!("{name} {} {}", summary.state.name(), summary.steps),
                    Err(error) => format!("{name} {error}"),
                }
            }
        }
    }

    fn log(folder: &RunFolder, steps: u64) {
        let line =
            |step| format!("{{\"step\":{step},\"seconds\":1,\"type\":\"epoch\",\"epoch\":1}}\n");
        fs::write(folder.events(), (1..=steps).map(line).collect::<String>()).expect("writes");
    }

    #[test]
    fn only_what_has_changed_is_told_again() {
        let place = tempfile::tempdir().expect("a folder");
        let watch = RunWatch::start(place.path());
        assert_eq!(next(&watch), "0 runs");
        let [old, new] = ["a-old", "b-new"].map(|name| RunFolder::open(&place.path().join(name)));
        // A run counts as running while it is claimed. The folder is renamed into place when it is
        // complete, so that the watch never sees half of it.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let beside = RunFolder::open(&elsewhere.path().join("run"));
        fs::create_dir_all(beside.path()).expect("a folder");
        log(&beside, 3);
        let claim = beside.claim().expect("no process hosts it");
        fs::rename(beside.path(), old.path()).expect("renames");
        assert_eq!(next(&watch), "1 runs");
        assert_eq!(next(&watch), "a-old running 3");
        fs::create_dir_all(new.path()).expect("a folder");
        fs::write(new.events(), "no event\n").expect("writes");
        assert_eq!(next(&watch), "2 runs");
        assert!(next(&watch).starts_with("b-new "));
        drop(claim);
        assert_eq!(next(&watch), "a-old crashed 3");
        fs::remove_dir_all(new.path()).expect("deletes");
        assert_eq!(next(&watch), "1 runs");
    }
}
