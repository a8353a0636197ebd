//! The start view: experiments to launch, and runs to open, compare, resume or delete.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::chrome::Chrome;
use super::content::{Action, Content, Pages};
use super::driven::Driven;
use super::filter::Typed;
use super::theme::Theme;
use super::window::Window;
use crate::run::RunWatch;

mod actions;
mod choice;
mod driver;
mod item;
mod picture;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use choice::Choice;
pub(crate) use item::ExperimentItem;
pub use state::Start;

/// The start view. `runs` reports which runs exist. `open` makes the view that a choice leads to,
/// or says why that is impossible.
pub(crate) fn start_view(
    start: Start,
    runs: RunWatch,
    open: impl FnMut(Choice) -> Result<Box<dyn Window>, String> + 'static,
) -> Box<dyn Window> {
    Box::new(Driven { content: start, driver: driver::StartDriver::new(runs, open) })
}

impl Content for Start {
    const ACTIONS: &'static [&'static [Action<Self>]] = actions::ACTIONS;
    const PANELS: usize = 2;
    const TOO_SMALL: &'static str = "q leaves.";

    fn chrome(&self) -> &Chrome<Self> {
        &self.chrome
    }

    fn chrome_mut(&mut self) -> &mut Chrome<Self> {
        &mut self.chrome
    }

    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages {
        picture::render(self, theme, area, buffer);
        Pages::ONE
    }

    fn status(&self, theme: &Theme, width: u16) -> Line<'static> {
        let status = self.chrome.status_line(theme);
        status.or_else(|| self.filter.line(width, theme)).unwrap_or_default()
    }

    fn typed(&mut self, key: KeyEvent) -> bool {
        let typed = self.filter.key(key);
        if typed == Typed::Changed {
            self.filtered();
        }
        typed != Typed::Passed
    }

    fn pasted(&mut self, text: &str) {
        if self.filter.paste(text) {
            self.filtered();
        }
    }

    fn widen(&mut self) -> bool {
        if !self.filter.is_empty() {
            self.filter.clear();
            self.filtered();
            return true;
        }
        self.unmark()
    }
}
