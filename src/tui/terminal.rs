//! The terminal as a screen: taken over at the start, and restored exactly once on every path out.
//!
//! Keys and signals are read on separate threads, because reading can spin for ever once a terminal
//! is gone. Both threads send to one channel, which the screen's loop receives from:
//!
//! - `SIGTERM` and `SIGINT` ask to stop, as the user can: training is saved.
//! - `SIGHUP` means that the terminal is gone. Nothing can be drawn or asked any more.
//! - `SIGCONT` means that the program continues after a stop. Another program may have changed the
//!   modes of the terminal meanwhile, so they are set again and everything is drawn again. A
//!   hang-up sends this signal too.
//! - `SIGTSTP` keeps its default effect. Ctrl-Z arrives as a key; the terminal is restored first,
//!   and then the program stops itself.
//!
//! A panic on the screen's thread restores the terminal before it is reported. A panic on any other
//! thread does not, because the screen is still in use: its report is kept until the terminal is
//! restored.

use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, KeyEvent, KeyEventKind,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{event, execute};
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};

/// Input to the screen's loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// The terminal has changed and must be drawn again.
    Redraw,
    /// A signal asks the program to stop.
    Stop,
    /// The terminal is gone.
    HungUp,
    /// The program continues after it was stopped.
    Continued,
}

/// The terminal, in the modes the screen needs. Closing or dropping it restores the terminal.
pub struct Screen {
    // Never dropped: its `drop` prints, and printing to a terminal that is gone aborts the program.
    terminal: ManuallyDrop<ratatui::Terminal<CrosstermBackend<BufWriter<Counted>>>>,
    sent: Arc<AtomicU64>,
    inputs: Receiver<Input>,
    signals: Handle,
    closed: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal over: alternate screen, raw mode, bracketed paste, no cursor. The mouse
    /// is left to the terminal, for selecting text.
    ///
    /// # Errors
    /// The terminal refuses, or signals cannot be received.
    pub fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| panicked(info, &report)));
        });
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCONT])?;
        enter()?;
        let sent = Arc::<AtomicU64>::default();
        let counted = Counted { stdout: io::stdout(), bytes: sent.clone() };
        let writer = BufWriter::with_capacity(1 << 16, counted);
        let terminal =
            ratatui::Terminal::new(CrosstermBackend::new(writer)).inspect_err(|_| restore())?;
        let (sender, inputs) = channel();
        let closed = Arc::new(AtomicBool::new(false));
        let handle = signals.handle();
        thread::spawn({
            let sender = sender.clone();
            move || listen(signals, &sender)
        });
        thread::spawn({
            let closed = closed.clone();
            move || read(&closed, &sender)
        });
        Ok(Self { terminal: ManuallyDrop::new(terminal), sent, inputs, signals: handle, closed })
    }

    /// Restores the terminal. If it may be gone, save everything first.
    pub fn close(self) {}

    /// Draws a whole picture, of which only what has changed is sent. Returns the number of bytes
    /// sent.
    pub(super) fn draw(&mut self, picture: impl FnOnce(Rect, &mut Buffer)) -> io::Result<u64> {
        let before = self.sent.load(Ordering::Relaxed);
        self.terminal.draw(|frame| picture(frame.area(), frame.buffer_mut()))?;
        Ok(self.sent.load(Ordering::Relaxed) - before)
    }

    /// Makes the next draw send everything.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal for the position of the cursor: the thread that
        // reads keys would take the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Waits for input, no longer than `patience`, and takes all that has arrived. No input follows
    /// [`Input::HungUp`].
    pub(super) fn wait(&mut self, patience: Duration) -> Vec<Input> {
        use std::sync::mpsc::RecvTimeoutError;
        let mut inputs = match self.inputs.recv_timeout(patience) {
            Ok(input) => vec![input],
            Err(RecvTimeoutError::Timeout) => return Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return vec![Input::HungUp],
        };
        inputs.extend(self.inputs.try_iter());
        if inputs.contains(&Input::HungUp) {
            return vec![Input::HungUp];
        }
        for input in &mut inputs {
            if *input == Input::Continued {
                *input = match self.resume() {
                    Ok(()) => Input::Redraw,
                    Err(_) => Input::HungUp,
                };
            }
        }
        inputs
    }

    /// Restores the terminal, stops the program as Ctrl-Z does, and takes the terminal over again
    /// once it continues. If no shell could continue the program, the system does not stop it.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::raise(SIGTSTP)?;
        enter()?;
        self.forget()
    }

    /// Sets the modes again that another program may have changed.
    fn resume(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnableBracketedPaste, Hide)?;
        self.forget()
    }
}

/// Standard output, with a count of the bytes written.
struct Counted {
    stdout: Stdout,
    bytes: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write(buffer)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        self.signals.close();
        restore();
    }
}

/// The thread that has taken the terminal over; `None` while the terminal is restored.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Reports of panics on other threads, kept until the terminal is restored.
static REPORTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    *lock(&OWNER) = Some(thread::current().id());
    let entered = execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide);
    entered.inspect_err(|_| restore())
}

/// Restores the terminal, unless that was done. Errors are ignored: the terminal may be gone.
fn restore() {
    if lock(&OWNER).take().is_none() {
        return;
    }
    let modes = (ResetColor, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = execute!(io::stdout(), modes.0, modes.1, modes.2, modes.3);
    let _ = disable_raw_mode();
    for report in lock(&REPORTS).drain(..) {
        let _ = writeln!(io::stderr(), "{report}");
    }
}

fn panicked(info: &PanicHookInfo, report: &dyn Fn(&PanicHookInfo)) {
    let owner = *lock(&OWNER);
    if owner.is_some_and(|owner| owner != thread::current().id()) {
        lock(&REPORTS).push(info.to_string());
        return;
    }
    restore();
    report(info);
}

/// Forwards signals until the handle is closed or the receiver is gone.
fn listen(mut signals: Signals, inputs: &Sender<Input>) {
    for signal in signals.forever() {
        let input = match signal {
            SIGHUP => Input::HungUp,
            SIGCONT => Input::Continued,
            _ => Input::Stop,
        };
        if inputs.send(input).is_err() {
            return;
        }
    }
}

/// Forwards keys until the screen is closed.
fn read(closed: &AtomicBool, inputs: &Sender<Input>) {
    // Long enough to cost nothing, short enough for the thread to end soon after the screen.
    const POLL: Duration = Duration::from_millis(200);
    while !closed.load(Ordering::Relaxed) {
        let input = match event::poll(POLL).and_then(|there| there.then(event::read).transpose()) {
            Ok(Some(Event::Key(key))) if key.kind != KeyEventKind::Release => Input::Key(key),
            Ok(Some(Event::Paste(text))) => Input::Paste(text),
            Ok(Some(Event::Resize(..))) => Input::Redraw,
            Ok(_) => continue,
            Err(_) => Input::HungUp,
        };
        let gone = input == Input::HungUp;
        if inputs.send(input).is_err() || gone {
            return;
        }
    }
}
