//! The view of several runs side by side: their curves in the same charts, their results in one
//! table, and the settings in which they differ.
//!
//! Each run has a letter, which is drawn in its curves, so that the runs can be told apart without
//! colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::chrome::Chrome;
use super::content::{Action, Content, Pages};
use super::driven::Driven;
use super::layout;
use super::theme::Theme;
use super::window::Window;

mod actions;
mod align;
mod charts;
mod driver;
mod member;
mod picture;
mod state;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use member::MOST_RUNS;
pub(crate) use state::Compare;

/// The view of several runs, which follows those that go on.
pub(crate) fn compare_view(compare: Compare) -> Box<dyn Window> {
    let driver = driver::CompareDriver::new(compare.folders());
    Box::new(Driven { content: compare, driver })
}

/// Draws the view of several runs.
pub(crate) fn render_compare(compare: &Compare, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    layout::render(compare, theme, area, buffer);
}

impl Content for Compare {
    const ACTIONS: &'static [&'static [Action<Self>]] = actions::ACTIONS;
    const PANELS: usize = state::ComparePanel::ALL.len();
    const TOO_SMALL: &'static str = "q leaves.";

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
}
