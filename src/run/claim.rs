//! Which process hosts a run: at most one, which holds a lock on the log.
//!
//! The kernel releases the lock when the process ends, in whatever way, so a lock is never stale.
//! `host.json` only describes the process to people.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Host, RunFolder};

/// The exclusive right to host a run, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    /// `None` on a file system without locks.
    _locked: Option<File>,
}

/// Error of claiming a run.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error("{name} is hosted by {who}: watch and steer it with `laperm attach {name}`")]
    Held {
        name: String,
        /// The process, its machine and since when.
        who: String,
    },
    /// The log cannot be opened.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Number of attempts to take the lock. Other processes hold it for a moment to check it.
const TRIES: u32 = 20;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

impl RunFolder {
    /// Makes this process the run's host.
    ///
    /// # Errors
    /// Another process hosts the run, or the run has no log.
    pub fn claim(&self) -> Result<Claim, ClaimError> {
        let path = self.events();
        let io = |source: io::Error| ClaimError::Io { path: path.clone(), source };
        if self.host().is_some_and(|host| host.is_elsewhere() && host.is_alive()) {
            return Err(self.held());
        }
        let file = OpenOptions::new().read(true).append(true).open(&path).map_err(io)?;
        for attempt in 1.. {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if attempt < TRIES => thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err(self.held()),
                // A file system without locks.
                Err(_) if self.host().is_some_and(|host| host.is_alive()) => {
                    return Err(self.held());
                }
                Err(_) => return Ok(Claim { _locked: None }),
            }
        }
        Ok(Claim { _locked: Some(file) })
    }

    /// Returns true if a process hosts the run: according to the lock on this machine, to the
    /// heartbeat on another.
    pub fn is_hosted(&self) -> bool {
        let Ok(file) = File::open(self.events()) else { return false };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => true,
            Ok(()) => self.host().is_some_and(|host| host.is_elsewhere() && host.is_alive()),
            Err(_) => self.host().is_some_and(|host| host.is_alive()),
        }
    }

    fn held(&self) -> ClaimError {
        let who = self.host().map_or("another process".into(), |host| describe(&host));
        ClaimError::Held { name: self.name(), who }
    }
}

fn describe(host: &Host) -> String {
    let since = Timestamp::from_second(host.started)
        .map(|time| format!(" since {}", time.strftime("%Y-%m-%d %H:%M:%S UTC")));
    format!("process {} on {}{}", host.pid, host.host, since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(folder.path());
        std::fs::write(run.events(), "").expect("writes");
        (folder, run)
    }

    #[test]
    fn a_run_has_one_host_at_a_time() {
        let (_folder, run) = folder();
        assert!(!run.is_hosted());
        let claim = run.claim().expect("no process has it");
        run.beat(Timestamp::now()).expect("writes");
        assert!(run.is_hosted() && run.is_hosted());
        let error = run.claim().expect_err("taken").to_string();
        assert!(error.contains(&format!("process {} on", std::process::id())), "{error}");
        assert!(error.contains("laperm attach"), "{error}");
        drop(claim);
        // The heartbeat is recent and the process lives, but it no longer hosts the run.
        assert!(!run.is_hosted());
        assert!(run.claim().is_ok());
    }

    #[test]
    fn a_look_does_not_keep_a_host_away() {
        let (_folder, run) = folder();
        let checked = run.clone();
        let checks = thread::spawn(move || (0..2000).filter(|_| checked.is_hosted()).count());
        let claims = (0..200).filter(|_| run.claim().is_ok()).count();
        assert_eq!(claims, 200);
        checks.join().expect("no panic");
    }

    #[test]
    fn on_another_machine_the_heartbeat_tells() {
        let (_folder, run) = folder();
        let now = Timestamp::now().as_second();
        let hosted = |heartbeat| {
            let host = Host { pid: 1, host: "elsewhere".into(), started: now, heartbeat };
            let text = serde_json::to_vec(&host).expect("serializes");
            std::fs::write(run.path().join("host.json"), text).expect("writes");
            (run.is_hosted(), run.claim().is_ok())
        };
        assert_eq!(hosted(now), (true, false));
        assert_eq!(hosted(now - 60), (false, true));
        // The other clock is ahead, or ours was set back. A difference of a day is not believed.
        assert_eq!(hosted(now + 600), (true, false));
        assert_eq!(hosted(now + 86_400), (false, true));
        assert_eq!(hosted(i64::MAX), (false, true));
        assert_eq!(hosted(i64::MIN), (false, true));
    }
}
