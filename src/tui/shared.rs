//! The actions that every view has, and those of every view with panels.

use crossterm::event::KeyCode;

use super::content::{Action, Content, PROGRAM};
use super::help::Help;
use super::keys::Key;
use super::palette::Palette;
use super::window::Request;

/// The shared actions of a view whose state is `C`.
pub(super) struct Shared<C>(std::marker::PhantomData<C>);

impl<C: Content> Shared<C> {
    /// Actions of the program itself. [`Self::INTERRUPT`] belongs behind them.
    pub(super) const PROGRAM: &'static [Action<C>] = &[
        program(&[Key::char(':')], "actions by name", |content: &mut C| {
            content.chrome_mut().open(Palette::default());
        }),
        program(&[Key::char('?')], "this help", |content: &mut C| {
            content.chrome_mut().open(Help::new::<C>());
        })
        .hint("help"),
        program(&[Key::ctrl(KeyCode::Char('l'))], "draw again", |content: &mut C| {
            content.chrome_mut().request(Request::Redraw);
        })
        .anywhere(),
        program(&[Key::ctrl(KeyCode::Char('z'))], "back to the shell", |content: &mut C| {
            content.chrome_mut().request(Request::Suspend);
        })
        .anywhere(),
        program(&[Key::plain(KeyCode::Esc)], "back, step by step", back),
        program(&[Key::char('q')], "leave this screen", C::leave).hint("leave"),
    ];

    /// Ctrl-C, unless the view has its own meaning for it.
    pub(super) const INTERRUPT: &'static [Action<C>] =
        &[program(&[Key::ctrl(KeyCode::Char('c'))], "leave at once", C::leave).anywhere()];

    /// Zoom, and moving the focus.
    pub(super) const PANELS: &'static [Action<C>] = &[
        panel(&[Key::char('z'), Key::plain(KeyCode::Enter)], "zoom the panel", zoom).hint("zoom"),
        panel(&[Key::plain(KeyCode::Tab)], "next panel", |content: &mut C| shift_focus(content, 1))
            .hint("panel"),
        panel(&[Key::plain(KeyCode::BackTab)], "previous panel", |content: &mut C| {
            shift_focus(content, C::PANELS - 1);
        }),
    ];

    /// Focusing a panel by its number. A tenth panel has none.
    pub(super) const NUMBERS: &'static [Action<C>] =
        Self::NINE.split_at(if C::PANELS < 9 { C::PANELS } else { 9 }).0;

    const NINE: &'static [Action<C>] = &[
        focus::<C, 0>(&[Key::char('1')]),
        focus::<C, 1>(&[Key::char('2')]),
        focus::<C, 2>(&[Key::char('3')]),
        focus::<C, 3>(&[Key::char('4')]),
        focus::<C, 4>(&[Key::char('5')]),
        focus::<C, 5>(&[Key::char('6')]),
        focus::<C, 6>(&[Key::char('7')]),
        focus::<C, 7>(&[Key::char('8')]),
        focus::<C, 8>(&[Key::char('9')]),
    ];
}

/// Heading of the actions on panels.
pub(super) const PANELS: &str = "panels";

const fn program<C: Content>(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut C),
) -> Action<C> {
    Action::new(PROGRAM, keys, description, effect)
}

const fn panel<C: Content>(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut C),
) -> Action<C> {
    Action::new(PANELS, keys, description, effect)
}

const fn focus<C: Content, const INDEX: usize>(keys: &'static [Key]) -> Action<C> {
    panel(keys, "focus panel", |content: &mut C| content.chrome_mut().focus = INDEX)
}

/// Fills the screen with the focused panel, or shows all panels again.
pub(super) fn zoom<C: Content>(content: &mut C) {
    let chrome = content.chrome_mut();
    chrome.zoomed = !chrome.zoomed;
}

/// Moves the focus by this many panels, round and round.
pub(super) fn shift_focus<C: Content>(content: &mut C, by: usize) {
    let chrome = content.chrome_mut();
    chrome.focus = (chrome.focus + by) % C::PANELS;
}

/// Undoes a zoom, or else what narrows the view, or else leaves it.
fn back<C: Content>(content: &mut C) {
    if content.chrome().zoomed {
        content.chrome_mut().zoomed = false;
    } else if !content.widen() {
        content.leave();
    }
}
