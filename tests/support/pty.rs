//! The real program in a pseudo-terminal: keys go in, the screen comes out.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Signal, kill_process};

use super::{FOREIGN_VARIABLES, LAPERM, PATIENCE, Workplace, eventually, one_at_a_time, pid};

/// A terminal in which the program runs. Dropping it kills the program.
pub(crate) struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
    /// The line settings before the program started.
    settings: String,
}

/// State of the reading thread.
struct Shared {
    parser: Mutex<vt100::Parser>,
    bytes: AtomicUsize,
    leaving: AtomicBool,
}

impl Pty {
    /// Starts the program in a terminal of this size.
    pub(crate) fn start(
        workplace: &Workplace,
        arguments: &[&str],
        (columns, rows): (u16, u16),
    ) -> Self {
        let mut command = CommandBuilder::new(LAPERM);
        command.args(arguments);
        command.cwd(workplace.path());
        for variable in FOREIGN_VARIABLES {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        workplace.environment().iter().for_each(|(name, value)| command.env(name, value));

        let guard = one_at_a_time();
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let settings = settings(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop((pair.slave, guard));

        let shared = Arc::new(Shared {
            parser: Mutex::new(vt100::Parser::new(whole(rows), whole(columns), 0)),
            bytes: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
        });
        let reader = thread::spawn({
            let (output, shared) = (pair.master.try_clone_reader().unwrap(), shared.clone());
            move || shared.read(output)
        });
        let writer = pair.master.take_writer().unwrap();
        Pty { master: pair.master, writer, child, shared, reader, settings }
    }

    /// Types characters; `\r` is enter, `\x1b` escape, `\x03` Ctrl-C.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Returns the text on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen(|screen| screen.contents())
    }

    /// Waits until `text` is on the screen. Returns the whole screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("`{text}` appears"), |screen| screen.contains(text))
    }

    /// Waits until `text` is no longer on the screen.
    #[track_caller]
    pub(crate) fn wait_without(&self, text: &str) -> String {
        self.wait_until(&format!("`{text}` is gone"), |screen| !screen.contains(text))
    }

    /// Waits until the text on the screen satisfies a condition.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "waited too long until {what}; the screen:\n{text}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resizes the terminal.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.parser(|parser| parser.screen_mut().set_size(whole(rows), whole(columns)));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Returns the id of the process in the terminal.
    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Returns the number of bytes received from the program.
    pub(crate) fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.process()), signal).unwrap();
    }

    /// Waits until the program ends and all its output is read. Returns its exit code.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> u32 {
        let status = eventually("the program ends", || self.child.try_wait().unwrap());
        assert_eq!(status.signal(), None, "a signal ended it; the screen:\n{}", self.text());
        eventually("all its output is read", || self.reader.is_finished().then_some(()));
        status.exit_code()
    }

    /// Closes the terminal while the program runs, as a lost connection does. Returns its exit code.
    #[track_caller]
    pub(crate) fn hang_up(self) -> u32 {
        let Pty { master, mut writer, mut child, shared, reader, .. } = self;
        shared.leaving.store(true, Ordering::Relaxed);
        // Ctrl-L redraws the screen, which wakes the reading thread so that it closes its end, too.
        writer.write_all(b"\x0c").unwrap();
        eventually("the reader lets go", || reader.is_finished().then_some(()));
        drop((writer, master));
        let status = eventually("the program ends", || child.try_wait().unwrap());
        assert_eq!(status.signal(), None, "a signal ended it");
        status.exit_code()
    }

    /// Asserts that the terminal is in the state in which the program found it.
    #[track_caller]
    pub(crate) fn assert_restored(&self) {
        let modes = |screen: &vt100::Screen| {
            (screen.alternate_screen(), screen.hide_cursor(), screen.bracketed_paste())
        };
        assert_eq!(self.screen(modes), (false, false, false), "{}", self.text());
        assert_eq!(settings(&*self.master), self.settings);
    }

    fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        self.parser(|parser| look(parser.screen()))
    }

    fn parser<T>(&self, act: impl FnOnce(&mut vt100::Parser) -> T) -> T {
        act(&mut self.shared.parser.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn read(&self, mut output: Box<dyn Read + Send>) {
        let mut buffer = [0; 1 << 14];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            self.parser.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..count]);
            self.bytes.fetch_add(count, Ordering::Relaxed);
            if self.leaving.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, ..PtySize::default() }
}

fn whole(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// Returns the line settings: echo, line editing and so on.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}
