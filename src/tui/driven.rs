//! A view on the stack: its content, and the driver that connects the content with the world.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::content::{self, Content};
use super::layout;
use super::pace::{Change, Pace};
use super::theme::Theme;
use super::window::{ClosedRun, Leave, Request, Window};

/// Connects a view's content with the source of its news.
pub(super) trait Driver: 'static {
    type Content: Content;

    /// Passes on the news that have arrived, without waiting.
    fn poll(&mut self, content: &mut Self::Content);

    /// Does what the keys have asked for.
    fn obey(&mut self, _content: &mut Self::Content) {}

    fn pace(&self) -> Pace {
        Pace::LIVE
    }

    /// Ends the view. If it was attached to a run, returns how the run was left.
    fn close(self, _leave: Leave) -> Option<ClosedRun>
    where
        Self: Sized,
    {
        None
    }
}

/// A content and its driver.
pub(super) struct Driven<D: Driver> {
    pub content: D::Content,
    pub driver: D,
}

impl<D: Driver> Window for Driven<D> {
    fn poll(&mut self) {
        self.driver.poll(&mut self.content);
    }

    fn key(&mut self, key: KeyEvent) {
        content::press(&mut self.content, key);
    }

    fn paste(&mut self, text: &str) {
        content::paste(&mut self.content, text);
    }

    fn take_request(&mut self) -> Option<Request> {
        self.driver.obey(&mut self.content);
        self.content.chrome_mut().take_request()
    }

    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        layout::render(&self.content, theme, area, buffer);
    }

    fn change(&self) -> Change {
        self.content.chrome().change()
    }

    fn drawn(&mut self) {
        self.content.chrome_mut().drawn();
    }

    fn touch(&mut self) {
        self.content.chrome_mut().touch();
    }

    fn say(&mut self, text: String) {
        self.content.chrome_mut().say(text);
    }

    fn pace(&self) -> Pace {
        self.driver.pace()
    }

    fn close(self: Box<Self>, leave: Leave) -> Option<ClosedRun> {
        self.driver.close(leave)
    }
}
