//! The runs of a folder and how they stand, read on a thread of its own and kept up to date.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{ReadError, RunFolder, Summary, list_runs};

/// How often the folder is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// A log is read again at the earliest after so many times what reading it took, so that long logs that grow cost
/// little.
const REST: u32 = 20;

/// All runs in a folder, watched until this is dropped.
#[derive(Debug)]
pub struct RunWatch {
    news: Receiver<RunNews>,
    /// Dropped with the rest, which is what ends the thread.
    _stop: Sender<()>,
}

/// What has changed.
#[derive(Debug)]
pub enum RunNews {
    /// These are all the runs there are, newest first.
    Listed(Vec<RunFolder>),
    /// How a run stands, or why that cannot be said.
    Read(PathBuf, Box<Result<Summary, ReadError>>),
}

impl RunWatch {
    /// Starts to watch the runs in the folder `runs`. Which there are is known at once.
    pub fn start(runs: &Path) -> Self {
        let (sender, news) = sync_channel(256);
        let (stop, stopped) = channel();
        let (runs, listed) = (runs.to_owned(), list_runs(runs));
        // There is room for one.
        let _ = sender.try_send(RunNews::Listed(listed.clone()));
        thread::spawn(move || watch(&runs, listed, &sender, &stopped));
        RunWatch { news, _stop: stop }
    }

    /// Takes the news there are, without waiting.
    pub fn poll(&self) -> Vec<RunNews> {
        self.news.try_iter().collect()
    }
}

/// What was last seen of a run.
struct Seen {
    changed: Option<(SystemTime, u64)>,
    living: bool,
    /// When it may be read again.
    due: Instant,
}

/// Looks again and again, until nobody listens any more.
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
            let Some((after, summary)) = look(folder, before) else { continue };
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

/// Reads a run whose log has grown or whose process is gone since it was seen `before`.
fn look(folder: &RunFolder, before: Option<&Seen>) -> Option<(Seen, Result<Summary, ReadError>)> {
    let file = fs::metadata(folder.events()).ok();
    let changed = file.and_then(|file| Some((file.modified().ok()?, file.len())));
    if let Some(seen) = before {
        let died = || seen.living && !folder.host().is_some_and(|host| host.is_alive());
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

    /// Waits for the next news, in words.
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
        // It lives while this process says that it hosts it.
        fs::create_dir_all(old.path()).expect("a folder");
        old.beat(jiff::Timestamp::now()).expect("writes");
        log(&old, 3);
        assert_eq!(next(&watch), "1 runs");
        assert_eq!(next(&watch), "a-old running 3");
        fs::create_dir_all(new.path()).expect("a folder");
        fs::write(new.events(), "no event\n").expect("writes");
        assert_eq!(next(&watch), "2 runs");
        assert!(next(&watch).starts_with("b-new "));
        fs::remove_file(old.path().join("host.json")).expect("deletes");
        assert_eq!(next(&watch), "a-old crashed 3");
        fs::remove_dir_all(new.path()).expect("deletes");
        assert_eq!(next(&watch), "1 runs");
    }
}
