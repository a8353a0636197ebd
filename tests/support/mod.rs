//! Runs the real program in a folder of its own, on small experiments.

#![allow(dead_code, reason = "every test program uses a part of this module")]

pub(crate) mod pty;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use laperm::run::{RunFolder, list_runs, read_events};
use laperm::train::{Event, EventKind, Reason};
use rustix::process::{Pid, Signal, kill_process};

/// The program under test.
pub(crate) const LAPERM: &str = env!("CARGO_BIN_EXE_laperm");

/// An experiment that is trained in a moment: three weight matrices, few generated digits.
pub(crate) const SMALL: &str = r#"
description = "A test"

[data]
dataset = "glyphs"
glyphs = { train_examples = 600, test_examples = 200 }

[network]
name = "f2"

[wrapper]
k = 20

[train]
batch = 50
epochs = 5
"#;

/// Time limit for everything that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the lock under which processes are started. Without it, a process could inherit a file
/// that another thread has just opened.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder, which is also the program's home folder.
pub(crate) struct Workplace {
    folder: tempfile::TempDir,
}

/// The result of a program that has ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit code, or `None` if a signal ended the program.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A running program without a terminal.
pub(crate) struct Running {
    child: Child,
    outputs: tempfile::TempDir,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Workplace { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The environment variables that keep the program away from the files of the user who runs the
    /// tests.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        let folder = self.path();
        [
            ("HOME", folder.into()),
            ("XDG_CONFIG_HOME", folder.join(".config")),
            ("XDG_CACHE_HOME", folder.join(".cache")),
            ("TMPDIR", folder.join("tmp")),
        ]
    }

    /// Returns a command for `program`, which is the program under test or another that starts it.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).envs(self.environment());
        for variable in FOREIGN_VARIABLES {
            command.env_remove(variable);
        }
        command
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(LAPERM, arguments))
    }

    /// Runs the program and waits for its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).wait()
    }

    pub(crate) fn runs(&self) -> Vec<RunFolder> {
        list_runs(&self.path().join("runs"))
    }

    /// Returns the folder of the only run.
    #[track_caller]
    pub(crate) fn only_run(&self) -> RunFolder {
        let runs = self.runs();
        let [run] = runs.as_slice() else { panic!("not one run: {runs:?}") };
        run.clone()
    }

    /// Returns the relative path of every file in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path());
                }
            }
        }
        let relative =
            |file: PathBuf| file.strip_prefix(self.path()).unwrap().display().to_string();
        let mut files: Vec<_> = files.into_iter().map(relative).collect();
        files.sort();
        files
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // Ends the hosts that a failed test has left running. Some runs are on a small disk.
        let program = fs::canonicalize(LAPERM).unwrap();
        let runs = ["runs", "disk/runs"].map(|runs| list_runs(&self.path().join(runs)));
        for host in runs.iter().flatten().filter_map(RunFolder::host) {
            let process = Path::new("/proc").join(host.pid.to_string()).join("exe");
            if fs::read_link(process).is_ok_and(|exe| exe == program) {
                // It may have ended since.
                let _ = kill_process(pid(host.pid), Signal::KILL);
            }
        }
    }
}

/// Environment variables that change the program's behaviour.
pub(crate) const FOREIGN_VARIABLES: [&str; 5] =
    ["LAPERM_DATA", "NO_COLOR", "COLORTERM", "RUST_BACKTRACE", "RAYON_NUM_THREADS"];

impl Outcome {
    /// Checks that the program ended with `code` and printed exactly one message, which contains
    /// each of `parts`.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: i32, parts: &[&str]) {
        let Outcome { stdout, stderr, .. } = self;
        assert_eq!((self.code, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
        }
    }
}

impl Running {
    /// Starts a command with an empty standard input.
    pub(crate) fn start(command: &mut Command) -> Self {
        let outputs = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(outputs.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let _guard = one_at_a_time();
        let child = command.spawn().unwrap();
        Running { child, outputs }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.child.id()), signal).unwrap();
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.outputs.path().join(name)).unwrap()).unwrap()
    }

    /// Waits for the program's end and returns its peak memory in kilobytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let read = || -> Option<u64> {
            let status = fs::read_to_string(&status).ok()?;
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            peak.trim().trim_end_matches(" kB").parse().ok()
        };
        let mut peak = 0;
        // The status of a process that has ended has no such line.
        while let Some(latest) = read() {
            peak = latest;
            thread::sleep(Duration::from_millis(1));
        }
        peak
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Outcome {
        let status = eventually("the program ends", || self.child.try_wait().unwrap());
        Outcome { code: status.code(), stdout: self.read("stdout"), stderr: self.read("stderr") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // In most cases the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small file system in memory, for as long as this lives.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at `folder`, which only root may do.
    #[track_caller]
    pub(crate) fn mount(folder: &Path, options: &str) -> Self {
        fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
        let output = mount.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cannot mount a small disk: {message}");
        SmallDisk(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Calls `ask` until it returns a value. Fails after [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

/// Returns the events of a run and checks that its log is complete.
#[track_caller]
pub(crate) fn events(run: &RunFolder) -> Vec<Event> {
    let log = fs::read_to_string(run.events()).unwrap();
    assert!(log.ends_with('\n'), "the last line is torn: {log}");
    let events = read_events(run).unwrap();
    assert_eq!(events.len(), log.lines().count());
    events
}

/// Returns the reason why a run ended, from its last event.
#[track_caller]
pub(crate) fn reason(events: &[Event]) -> Reason {
    match events.last().map(|event| &event.kind) {
        Some(EventKind::Finished { reason, .. }) => *reason,
        last => panic!("the log does not end with `finished` but with {last:?}"),
    }
}
