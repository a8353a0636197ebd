//! The view of one run, live or recorded: its panels, and the keys that steer or play it.
//!
//! [`App`] is the state: events and keys go in, commands come out. The driver connects it with a
//! [`Source`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::chrome::Chrome;
use super::content::{Action, Content, Pages};
use super::driven::Driven;
use super::layout;
use super::pace::Pace;
use super::panels::Panel;
use super::theme::Theme;
use super::window::Window;
use crate::session::Source;

mod act;
mod actions;
mod driver;
mod figure;
mod header;
mod news;
mod obstacles;
mod picture;
mod quantity;
mod questions;
mod state;
mod steer;
#[cfg(test)]
mod tests;

pub use state::App;

/// The view of a run, as a screen's first view or for another view to open.
pub(crate) fn run_view(source: Source, pace: Pace) -> Box<dyn Window> {
    let content = App::new(matches!(source, Source::Attached(_)));
    Box::new(Driven { content, driver: driver::RunDriver::new(source, pace) })
}

/// Draws the view of a run.
pub fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    layout::render(app, theme, area, buffer);
}

impl Content for App {
    const ACTIONS: &'static [&'static [Action<Self>]] = actions::ACTIONS;
    const PANELS: usize = Panel::ALL.len();
    const TOO_SMALL: &'static str = "Training continues. Ctrl-C twice stops and saves.";

    fn chrome(&self) -> &Chrome<Self> {
        &self.chrome
    }

    fn chrome_mut(&mut self) -> &mut Chrome<Self> {
        &mut self.chrome
    }

    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
        picture::render(self, theme, area, buffer)
    }

    fn status(&self, theme: &Theme, _width: u16) -> Line<'static> {
        picture::status(self, theme)
    }

    fn leave(&mut self) {
        self.quit();
    }
}
