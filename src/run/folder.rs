//! The folder of a run: where everything about it is, and who hosts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::data::DataFile;
use crate::experiment::Experiment;
use crate::model::write_atomically;
use crate::train::Backend;

/// A run folder that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to the runs folder {}: {source} (choose another with --runs)", path.display())]
pub struct FolderError {
    path: PathBuf,
    source: io::Error,
}

impl FolderError {
    /// The folder at `path` refused to be written to.
    pub fn new(path: &Path, source: io::Error) -> Self {
        FolderError { path: path.to_owned(), source }
    }

    /// Whether the folder that the user gave is at fault, rather than a full disk.
    pub fn is_input(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        !matches!(self.source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}

/// The data is not what a run was trained on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not the data that this run is trained on: it was {} with SHA-256 {sha256}; put that back, or train anew",
    path.display(), recorded.display()
)]
pub struct DataChanged {
    path: PathBuf,
    recorded: PathBuf,
    sha256: String,
}

/// A run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// Which process hosts a run: `host.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Process id.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// When it began to host the run, in seconds since 1970.
    pub started: i64,
    /// When it was last alive.
    pub heartbeat: i64,
}

/// Seconds between two heartbeats, and after how many without one a run on another machine counts as dead.
pub(super) const HEARTBEAT_SECONDS: u64 = 5;
const DEAD_AFTER_SECONDS: i64 = 30;
/// How far in the future a heartbeat is still believed: clocks of two machines differ, and are set back.
const MOST_AHEAD_SECONDS: i64 = 3600;

impl RunFolder {
    /// A run's folder that is there already.
    pub fn open(path: &Path) -> Self {
        RunFolder { path: path.to_owned() }
    }

    /// Makes the folder of a new run within `runs`, named after the time and the experiment, with `experiment.toml` in
    /// it.
    ///
    /// # Errors
    /// Whatever the file system says.
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

    /// Removes the folder of a run that could not begin, as far as that can be done.
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
        let mut tries = (0..64u32).map(|i| {
            let path = runs.join(format!("{time}_{name}_{:04x}", (salt.wrapping_add(i)) & 0xffff));
            fs::create_dir(&path).map(|()| path)
        });
        let taken = |result: &io::Result<PathBuf>| !matches!(result, Err(error) if error.kind() == io::ErrorKind::AlreadyExists);
        tries.find(taken).unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its last part: what a run is called on the command line.
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

    /// `checkpoint/state.safetensors`: what the run goes on from.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint").join("state.safetensors")
    }

    /// `experiment.toml`.
    pub fn experiment(&self) -> PathBuf {
        self.path.join("experiment.toml")
    }

    /// Writes `experiment.toml`: the experiment as resolved, who computes, and the data's checksums.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_experiment(
        &self,
        experiment: &Experiment,
        backend: Backend,
        data: &[DataFile],
    ) -> io::Result<()> {
        write_atomically(&self.experiment(), resolved(experiment, backend, data).as_bytes())
    }

    /// Checks that the data is what the run was trained on, as far as its `experiment.toml` tells.
    ///
    /// # Errors
    /// A file with another content.
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

    /// Who hosts the run, or did.
    pub fn host(&self) -> Option<Host> {
        serde_json::from_slice(&fs::read(self.path.join("host.json")).ok()?).ok()
    }

    /// Says that this process hosts the run and is alive.
    pub(super) fn beat(&self, started: Timestamp) -> io::Result<()> {
        let host = Host {
            pid: std::process::id(),
            host: machine(),
            started: started.as_second(),
            heartbeat: Timestamp::now().as_second(),
        };
        let text = serde_json::to_vec(&host).map_err(io::Error::other)?;
        // Not synced to disk: it is of no use after a power cut.
        let beside = self.path.join("host.json.new");
        fs::write(&beside, text)?;
        fs::rename(beside, self.path.join("host.json"))
    }
}

impl Host {
    /// Whether it is on another machine than this.
    pub fn is_elsewhere(&self) -> bool {
        self.host != machine()
    }

    /// Whether the process is alive: asked of the kernel on the same machine, else judged by its heartbeat. A process
    /// of the same number need not be the host: [`RunFolder::is_hosted`] knows.
    pub fn is_alive(&self) -> bool {
        if !self.is_elsewhere() {
            let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
            return pid.is_some_and(|pid| {
                // Not permitted to signal it is alive, too.
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

/// The experiment as resolved; what is not part of it stands in comments, so that it can be run again as it is.
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
        assert_eq!(run.check_data(&moved), Ok(()), "the content counts");
        let changed = [file("data/train images", "a"), file("data/labels", "c")];
        let error = run.check_data(&changed).expect_err("other labels").to_string();
        assert!(error.starts_with("data/labels is not the data that this run is trained on"));
        assert!(error.contains(&"b".repeat(64)), "{error}");
    }
}
