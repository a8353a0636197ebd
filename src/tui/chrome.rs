//! The part of a view's state that every view has: focus and zoom, status line, popups, and
//! requests to the stack of views.

use ratatui::text::Line;

use super::pace::Change;
use super::popup::Popup;
use super::theme::Theme;
use super::window::{Leave, Request};

/// Shared state of a view whose own state is `C`.
pub(super) struct Chrome<C> {
    /// Index of the focused panel.
    pub focus: usize,
    /// Whether the focused panel fills the screen.
    pub zoomed: bool,
    /// The last action and its outcome. The next action clears it.
    pub status: Option<Status>,
    /// Open popups. The last one is visible and takes the keys.
    popups: Vec<Box<dyn Popup<C>>>,
    request: Option<Request>,
    change: Change,
}

/// Text of the status line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub text: String,
    pub warning: bool,
}

impl<C> Default for Chrome<C> {
    fn default() -> Self {
        Chrome {
            focus: 0,
            zoomed: false,
            status: None,
            popups: Vec::new(),
            request: None,
            change: Change::default(),
        }
    }
}

impl<C> Chrome<C> {
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), warning: false });
        self.touch();
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), warning: true });
        self.touch();
    }

    /// The status line as it is drawn.
    pub(super) fn status_line(&self, theme: &Theme) -> Option<Line<'static>> {
        let status = self.status.as_ref()?;
        let style = if status.warning { theme.warning } else { theme.text };
        Some(Line::styled(status.text.clone(), style))
    }

    /// Opens a popup over all others.
    pub(super) fn open(&mut self, popup: impl Popup<C> + 'static) {
        self.popups.push(Box::new(popup));
        self.touch();
    }

    /// Opens a popup below all others, so that it takes no key meant for an open one. Replaces a
    /// popup of the same title.
    pub(super) fn announce(&mut self, popup: impl Popup<C> + 'static) {
        self.close(popup.title());
        self.popups.insert(0, Box::new(popup));
    }

    /// Closes the popups of this title.
    pub(super) fn close(&mut self, title: &str) {
        self.popups.retain(|popup| popup.title() != title);
        self.touch();
    }

    /// The popup that takes the keys.
    pub(super) fn popup(&self) -> Option<&dyn Popup<C>> {
        self.popups.last().map(|popup| &**popup)
    }

    pub(super) fn popup_mut(&mut self) -> Option<&mut Box<dyn Popup<C>>> {
        self.popups.last_mut()
    }

    pub(super) fn take_popup(&mut self) -> Option<Box<dyn Popup<C>>> {
        self.popups.pop()
    }

    pub(super) fn put_popup(&mut self, popup: Box<dyn Popup<C>>) {
        self.popups.push(popup);
    }

    pub(super) fn request(&mut self, request: Request) {
        self.request = Some(request);
    }

    pub(super) fn leave(&mut self, leave: Leave) {
        self.request = Some(Request::Leave(leave));
    }

    pub(super) fn take_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    /// How the view has changed since it was last drawn.
    pub(super) fn change(&self) -> Change {
        self.change
    }

    /// Marks the picture as outdated by input.
    pub(super) fn touch(&mut self) {
        self.change = Change::Input;
    }

    /// Marks the picture as outdated by news.
    pub(super) fn refresh(&mut self) {
        self.change = self.change.max(Change::News);
    }

    /// Marks the picture as up to date.
    pub(super) fn drawn(&mut self) {
        self.change = Change::None;
    }
}
