//! The content of a view: its state, and a table of actions.
//!
//! An action is one row: its keys, its words, when it is available, and its effect. The same table
//! drives dispatch, footer, help and palette, so these cannot disagree.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::chrome::Chrome;
use super::keys::Key;
use super::popup::Reaction;
use super::theme::Theme;
use super::window::Leave;

/// The state of a view. It knows neither a terminal nor a clock: keys and news go in, requests come
/// out, and it is drawn into a buffer. Hence every view is tested without a terminal.
pub(super) trait Content: Sized + 'static {
    /// The actions, in the order in which footer and help list them. If a key occurs twice, the
    /// first action that is available has it.
    const ACTIONS: &'static [&'static [Action<Self>]];

    /// Number of panels that can be focused.
    const PANELS: usize;

    /// Advice to the user if the terminal is too small to show anything.
    const TOO_SMALL: &'static str;

    fn chrome(&self) -> &Chrome<Self>;

    fn chrome_mut(&mut self) -> &mut Chrome<Self>;

    /// Draws everything above the status line.
    fn render(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Pages;

    /// The status line.
    fn status(&self, theme: &Theme, _width: u16) -> Line<'static> {
        self.chrome().status_line(theme).unwrap_or_default()
    }

    /// Takes a key as text that is being typed. Returns false if the key is not text.
    fn typed(&mut self, _key: KeyEvent) -> bool {
        false
    }

    /// Takes pasted text if text is being typed.
    fn pasted(&mut self, _text: &str) {}

    /// Undoes what narrows the view, such as a filter. Returns false if nothing does.
    fn widen(&mut self) -> bool {
        false
    }

    /// Leaves the view, or asks first.
    fn leave(&mut self) {
        self.chrome_mut().leave(Leave::Left);
    }
}

/// Position among the pages that the panels are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pages {
    /// Counted from 0.
    pub page: usize,
    pub count: usize,
}

impl Pages {
    /// Everything is on one page.
    pub(super) const ONE: Pages = Pages { page: 0, count: 1 };
}

/// A row of a table: something that the user can do.
pub(super) struct Action<C: 'static> {
    /// Keys that trigger it. The footer shows the first.
    pub keys: &'static [Key],
    /// Its effect, in words, for help and palette. Neighbours with the same description share a line.
    pub description: &'static str,
    /// Heading in the help.
    pub group: &'static str,
    /// One word for the footer. Neighbours with the same hint share it.
    pub hint: Option<&'static str>,
    /// Why it is not available now; `None` if it is.
    pub obstacle: fn(&C) -> Option<&'static str>,
    effect: fn(&mut C),
    /// Whether it works while a popup or a filter takes the keys.
    anywhere: bool,
}

/// The group whose hints the footer shows on the right, whatever the width.
pub(super) const PROGRAM: &str = "program";

impl<C> Action<C> {
    /// An action that is always available and has no hint.
    pub(super) const fn new(
        group: &'static str,
        keys: &'static [Key],
        description: &'static str,
        effect: fn(&mut C),
    ) -> Self {
        const fn free<C>(_: &C) -> Option<&'static str> {
            None
        }
        Action {
            keys,
            description,
            group,
            hint: None,
            obstacle: free::<C>,
            effect,
            anywhere: false,
        }
    }

    pub(super) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Makes the action unavailable for the reason that `obstacle` returns.
    pub(super) const fn unless(mut self, obstacle: fn(&C) -> Option<&'static str>) -> Self {
        self.obstacle = obstacle;
        self
    }

    /// Makes the action work while a popup or a filter takes the keys.
    pub(super) const fn anywhere(mut self) -> Self {
        self.anywhere = true;
        self
    }

    /// All keys, as help writes them.
    pub(super) fn key_names(&self) -> String {
        let names: Vec<_> = self.keys.iter().map(Key::to_string).collect();
        names.join(" ")
    }
}

impl<C: Content> Action<C> {
    /// Does it, or says why it is not available.
    pub(super) fn perform(&self, content: &mut C) {
        content.chrome_mut().status = None;
        match (self.obstacle)(content) {
            Some(why) => content.chrome_mut().warn(format!("{}: {why}", self.description)),
            None => (self.effect)(content),
        }
    }
}

/// All actions of a view.
pub(super) fn actions<C: Content>() -> impl Iterator<Item = &'static Action<C>> + Clone {
    C::ACTIONS.iter().copied().flatten()
}

/// The first action for `key` that is available, or else the first: that one says why not.
pub(super) fn find<C: Content>(content: &C, key: Key) -> Option<&'static Action<C>> {
    let mut found = actions::<C>().filter(|action| action.keys.contains(&key));
    let available = found.clone().find(|action| (action.obstacle)(content).is_none());
    available.or_else(|| found.next())
}

/// Handles a key.
pub(super) fn press<C: Content>(content: &mut C, event: KeyEvent) {
    content.chrome_mut().touch();
    let action = find(content, Key::from(event));
    if let Some(action) = action.filter(|action| action.anywhere) {
        return action.perform(content);
    }
    if let Some(mut popup) = content.chrome_mut().take_popup() {
        match popup.key(event) {
            Reaction::Stay => content.chrome_mut().put_popup(popup),
            Reaction::Close => {}
            Reaction::Act(act) => act(content),
        }
    } else if !content.typed(event)
        && let Some(action) = action
    {
        action.perform(content);
    }
}

/// Handles pasted text: only a popup or a filter takes it.
pub(super) fn paste<C: Content>(content: &mut C, text: &str) {
    content.chrome_mut().touch();
    match content.chrome_mut().popup_mut() {
        Some(popup) => popup.paste(text),
        None => content.pasted(text),
    }
}
