//! A view as the stack of views handles it, whatever it shows.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pace::{Change, Pace};
use super::theme::Theme;
use crate::run::RunFolder;
use crate::session::Attached;

/// A view on the stack. [`Driven`](super::driven::Driven) implements it for every view.
pub trait Window {
    /// Takes the news that have arrived, without waiting.
    fn poll(&mut self);

    fn key(&mut self, key: KeyEvent);

    /// Takes pasted text, which is never interpreted as keys.
    fn paste(&mut self, text: &str);

    /// Passes on what the keys have asked for, and takes what only the stack can do.
    fn take_request(&mut self) -> Option<Request>;

    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer);

    fn change(&self) -> Change;

    /// Marks the picture as up to date.
    fn drawn(&mut self);

    /// Marks the picture as outdated.
    fn touch(&mut self);

    /// Writes to the status line.
    fn say(&mut self, text: String);

    fn pace(&self) -> Pace;

    /// Ends the view. If it was attached to a run, returns how the run was left.
    fn close(self: Box<Self>, leave: Leave) -> Option<ClosedRun>;
}

/// A request of a view to the stack.
pub enum Request {
    /// Close this view, and return to the one below it.
    Leave(Leave),
    /// Show another view on top of this one.
    Open(Box<dyn Window>),
    /// Stop the program until the shell continues it.
    Suspend,
    /// Send the whole picture again.
    Redraw,
}

/// How a view was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The run is to stop and save, at the user's request or because of a signal. The command was
    /// sent.
    Stop,
    /// There was nothing to decide: the run is over, or is not steered from here.
    Left,
    /// The run continues without the screen.
    Detached,
    /// The terminal is gone, and the run does not know. The caller must end the program with
    /// [`std::process::exit`] and print nothing.
    HungUp,
}

/// A run whose view was closed.
pub struct ClosedRun {
    pub folder: RunFolder,
    pub leave: Leave,
    /// The connection, for a caller that waits for the run. `None` for a detached run.
    pub attached: Option<Attached>,
}
