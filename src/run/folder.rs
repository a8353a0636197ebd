//! The folder of a run: the paths of its files, and the process that hosts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::data::DataFile;
use crate::experiment::Experiment;
use crate::model::write_atomically;
use crate::train::Backend;

/// Error of creating a run folder.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write to the runs folder {}: {source} (choose another with --runs)",
    path.display()
)]
pub struct FolderError {
    path: PathBuf,
    source: io::Error,
}

impl FolderError {
    /// `source` is why the runs folder at `path` cannot be written to.
    pub fn new(path: &Path, source: io::Error) -> Self {
        FolderError { path: path.to_owned(), source }
    }

    /// Returns true if the folder that the user gave is at fault, rather than a full disk.
    pub fn is_input(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        !matches!(self.source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}

/// The data is not the data that a run was trained on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not the data that this run is trained on: it was {} with SHA-256 {sha256}; \
     restore it, or start a new run",
    path.display(), recorded.display()
)]
pub struct DataChanged {
    path: PathBuf,
    recorded: PathBuf,
    sha256: String,
}

/// The folder of a run. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The process that hosts a run: `host.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Process id.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// Time at which it began to host the run, in seconds since 1970.
    pub started: i64,
    /// Time at which it was last alive, in seconds since 1970.
    pub heartbeat: i64,
}

/// Interval between two heartbeats.
pub(super) const HEARTBEAT_SECONDS: u64 = 5;

/// Age of the last heartbeat at which a process on another machine counts as dead.
const DEAD_AFTER_SECONDS: i64 = 30;

/// How far in the future a heartbeat is still believed: the clocks of two machines differ, and
/// clocks are set back.
const MOST_AHEAD_SECONDS: i64 = 3600;

impl RunFolder {
    /// The folder of an existing run.
    pub fn open(path: &Path) -> Self {
        RunFolder { path: path.to_owned() }
    }

    /// Creates the folder of a new run within `runs`, named after the time and the experiment, with
    /// `experiment.toml` in it.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn create(
        runs: &Path,
        experiment: &Experiment,
        backend: Backend,
        data: &[DataFile],
    ) -> Result<Self, FolderError> {
        let fail = |source| FolderError::new(runs, source);
        fs::create_dir_all(runs).map_err(fail)?;
        let path = Self::create_unique(runs, &experiment.name).map_err(fail)?;
        let folder = RunFolder { path };
        let filled = fs::create_dir(folder.snapshots())
            .and_then(|()| folder.write_experiment(experiment, backend, data));
        match filled {
            Ok(()) => Ok(folder),
            Err(source) => {
                folder.discard();
                Err(fail(source))
            }
        }
    }

    /// Removes the folder of a run that could not start, as far as possible.
    pub fn discard(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    fn create_unique(runs: &Path, name: &str) -> io::Result<PathBuf> {
        let now = Zoned::now();
        let time = now.strftime("%Y-%m-%d_%H%M%S");
        let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = name.chars().map(safe).take(60).collect();
        let salt =
            crc32fast::hash(format!("{} {}", now.timestamp(), std::process::id()).as_bytes());
        for attempt in 0..64u32 {
            let suffix = salt.wrapping_add(attempt) & 0xffff;
            let path = runs.join(format!("{time}_{name}_{suffix:04x}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|()| path),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the run on the command line: the last part of the path.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// `events.jsonl`: one event a line.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// `frames.bin`: the arrays that events announce.
    pub fn frames(&self) -> PathBuf {
        self.path.join("frames.bin")
    }

    /// `snapshots/`.
    pub fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// `checkpoint/state.safetensors`: the state from which the run is resumed.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint").join("state.safetensors")
    }

    /// `experiment.toml`.
    pub fn experiment(&self) -> PathBuf {
        self.path.join("experiment.toml")
    }

    /// Writes `experiment.toml`: the experiment as resolved, and in comments the backend and the
    /// checksums of the data.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_experiment(
        &self,
        experiment: &Experiment,
        backend: Backend,
        data: &[DataFile],
    ) -> io::Result<()> {
        write_atomically(&self.experiment(), resolved(experiment, backend, data).as_bytes())
    }

    /// Compares the data with the checksums in `experiment.toml`, if they are recorded there.
    ///
    /// # Errors
    /// The contents of a file have changed.
    pub fn check_data(&self, data: &[DataFile]) -> Result<(), DataChanged> {
        let text = fs::read_to_string(self.experiment()).unwrap_or_default();
        let recorded = text.lines().filter_map(|line| {
            let (sha256, path) = line.strip_prefix("# sha256 ")?.split_once(' ')?;
            Some((sha256, Path::new(path)))
        });
        for ((sha256, path), file) in recorded.zip(data) {
            if sha256 != file.sha256 {
                return Err(DataChanged {
                    path: file.path.clone(),
                    recorded: path.into(),
                    sha256: sha256.into(),
                });
            }
        }
        Ok(())
    }

    /// Returns the process that hosts the run, or did so last.
    pub fn host(&self) -> Option<Host> {
        serde_json::from_slice(&fs::read(self.path.join("host.json")).ok()?).ok()
    }

    /// Writes `host.json`: this process hosts the run and is alive.
    pub(super) fn beat(&self, started: Timestamp) -> io::Result<()> {
        let host = Host {
            pid: std::process::id(),
            host: machine(),
            started: started.as_second(),
            heartbeat: Timestamp::now().as_second(),
        };
        let text = serde_json::to_vec(&host).map_err(io::Error::other)?;
        // Not synced to disk: after a power cut no process is alive.
        let beside = self.path.join("host.json.new");
        fs::write(&beside, text)?;
        fs::rename(beside, self.path.join("host.json"))
    }
}

impl Host {
    /// Returns true if the process is on another machine.
    pub fn is_elsewhere(&self) -> bool {
        self.host != machine()
    }

    /// Returns true if a process with this id is alive on this machine, or the heartbeat from
    /// another machine is recent. The id may have been reused: [`RunFolder::is_hosted`] is exact.
    pub fn is_alive(&self) -> bool {
        if !self.is_elsewhere() {
            let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
            return pid.is_some_and(|pid| {
                // A process that may not be signalled is alive, too.
                !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
            });
        }
        let age = Timestamp::now().as_second().saturating_sub(self.heartbeat);
        (-MOST_AHEAD_SECONDS..DEAD_AFTER_SECONDS).contains(&age)
    }
}

fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the resolved experiment as TOML that can be run again as it is. Facts that are not part
/// of an experiment are comments.
fn resolved(experiment: &Experiment, backend: Backend, data: &[DataFile]) -> String {
    let set = backend.instruction_set().map(|set| format!(" ({})", set.name())).unwrap_or_default();
    let mut text = format!("# laperm {}, backend {backend}{set}\n", env!("CARGO_PKG_VERSION"));
    for file in data {
        text.push_str(&format!("# sha256 {} {}\n", file.sha256, file.path.display()));
    }
    text.push_str(&toml::to_string(experiment).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_data_than_a_run_was_trained_on_is_named() {
        let text = "[data]\ndataset = \"glyphs\"\n[network]\nname = \"f1\"\n";
        let experiment = Experiment::parse(text, "test", &[]).expect("valid");
        let file =
            |path: &str, digit: &str| DataFile { path: path.into(), sha256: digit.repeat(64) };
        let data = [file("data/train images", "a"), file("data/labels", "b")];
        let runs = tempfile::tempdir().expect("a folder");
        let run = RunFolder::create(runs.path(), &experiment, Backend::Flex, &data).expect("made");
        let read = Experiment::read(&run.experiment(), &[]).expect("reads");
        assert_eq!(read, Experiment { name: "experiment".into(), ..experiment });
        assert_eq!(run.check_data(&data), Ok(()));
        let moved = [file("elsewhere/train", "a"), file("elsewhere/labels", "b")];
        assert_eq!(run.check_data(&moved), Ok(()), "the contents count");
        let changed = [file("data/train images", "a"), file("data/labels", "c")];
        let error = run.check_data(&changed).expect_err("other labels").to_string();
        assert!(error.starts_with("data/labels is not the data that this run is trained on"));
        assert!(error.contains(&"b".repeat(64)), "{error}");
    }
}
