//! The terminal as a screen: taken over at the start, given back exactly once on every way out.
//!
//! Keys are read on a thread of their own, and so are signals, because reading can spin for ever
//! once a terminal is gone. Both end in one channel, from which the screen's loop is told what
//! to do:
//!
//! - `SIGTERM` and `SIGINT` ask to stop, the same way as a person does: training is saved.
//! - `SIGHUP` says that the terminal is gone. Nothing can be drawn or asked any more.
//! - `SIGCONT` says that the program goes on after a stop: whoever had the terminal meanwhile may
//!   have changed its modes, so they are set again and everything is drawn again. A hang-up sends
//!   it too.
//! - `SIGTSTP` keeps its own effect. Ctrl-Z arrives as a key; the terminal is given back first, and
//!   then the program stops itself.
//!
//! A panic on the screen's thread gives the terminal back before it is reported. A panic on any
//! other thread does not: the screen still stands, so its report is kept until the terminal is
//! given back.

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

/// Something from outside for the screen's loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal changed: draw again.
    Redraw,
    /// A signal asks to stop.
    Stop,
    /// The terminal is gone.
    HungUp,
    /// The program goes on after it was stopped.
    Continued,
}

/// The terminal, in the modes the screen needs. One is enough for a whole program: it can be lent
/// to [`start()`](super::start()) and then to [`show()`](super::show()).
///
/// It gives the terminal back when it is closed or dropped.
pub struct Screen {
    // Never dropped: its own drop prints, and printing to a terminal that is gone aborts the
    // program.
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
    /// When the terminal does not obey, or signals cannot be listened to.
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

    /// Gives the terminal back. When it is gone, save what is to be saved before.
    pub fn close(self) {}

    /// Draws a whole picture; only what differs from the one before is sent. Returns how many bytes
    /// that was.
    pub(super) fn draw(&mut self, picture: impl FnOnce(Rect, &mut Buffer)) -> io::Result<u64> {
        let before = self.sent.load(Ordering::Relaxed);
        self.terminal.draw(|frame| picture(frame.area(), frame.buffer_mut()))?;
        Ok(self.sent.load(Ordering::Relaxed) - before)
    }

    /// Makes the next draw send everything.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Not `clear`: it asks the terminal where the cursor is, and the answer would go to our
        // other reader.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Waits for inputs, no longer than `patience`, and takes all there are. After
    /// [`Input::HungUp`] there is nothing to wait for any more.
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

    /// Gives the terminal back, stops the program as Ctrl-Z does, and takes the terminal again once
    /// it goes on. Where no shell could continue it, the system does not stop it.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::raise(SIGTSTP)?;
        enter()?;
        self.forget()
    }

    /// Sets the modes again that others may have changed.
    fn resume(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnableBracketedPaste, Hide)?;
        self.forget()
    }
}

/// Standard output, and how much was written to it.
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

/// The thread that owns the terminal while it is in the screen's modes.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Reports of panics on other threads meanwhile.
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

/// Gives the terminal back, unless that was done. A terminal that is gone cannot complain.
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

/// Passes signals on until they are closed or nobody listens.
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

/// Passes keys on until the screen is closed.
fn read(closed: &AtomicBool, inputs: &Sender<Input>) {
    // Long enough to sleep through, short enough to be gone soon after the screen.
    const GLANCE: Duration = Duration::from_millis(200);
    while !closed.load(Ordering::Relaxed) {
        let input = match event::poll(GLANCE).and_then(|there| there.then(event::read).transpose())
        {
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
