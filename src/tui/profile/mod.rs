//! The view of a file's weight matrices: a table of all of them, the profile of the selected one,
//! and all profiles side by side. Large files take time to read, so matrices appear one by one.

use std::sync::mpsc::Receiver;

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

mod actions;
mod driver;
mod picture;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use state::ProfileNews;
pub use state::Profiles;

/// The view of a file's weight matrices, of which `news` reports one after the other.
pub(crate) fn profile_view(profiles: Profiles, news: Receiver<ProfileNews>) -> Box<dyn Window> {
    Box::new(Driven { content: profiles, driver: driver::ProfileDriver { news } })
}

impl Content for Profiles {
    const ACTIONS: &'static [&'static [Action<Self>]] = actions::ACTIONS;
    const PANELS: usize = <state::ProfilePanel as strum::VariantArray>::VARIANTS.len();
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
        picture::status(self, theme, width)
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
        let narrowed = !self.filter.is_empty();
        self.filter.clear();
        self.filtered();
        narrowed
    }
}
