//! Everything that can be done where runs are compared, and its keys. What the screen of a run can do too has the same
//! key there.

use crossterm::event::KeyCode;

use super::state::{Compare, Panel};
use crate::tui::keys::{Binding, Key, free};

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Hides the run of this index, or shows it again.
    Hide(usize),
    Zoom,
    Unzoom,
    NextPanel,
    PreviousPanel,
    Focus(usize),
    ScrollUp,
    ScrollDown,
    NextLayer,
    PreviousLayer,
    CursorRight,
    CursorLeft,
    CursorFarRight,
    CursorFarLeft,
    CursorToStart,
    CursorToNow,
    ZoomIn,
    ZoomOut,
    ResetView,
    Smooth,
    Logarithmic,
    TimeUnit,
    Help,
    Redraw,
    Suspend,
    Quit,
}

use Action::*;

type Row = Binding<Action, Compare>;

const fn hide<const INDEX: usize>(keys: &'static [Key]) -> Row {
    Row::new("runs", Hide(INDEX), keys, "hide or show the run", Some("hide"), no_run::<INDEX>)
}

const fn focus<const INDEX: usize>(keys: &'static [Key]) -> Row {
    Row::new("panels", Focus(INDEX), keys, "focus panel", None, free)
}

const fn panel(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("panels", action, keys, description, hint, free)
}

const fn look(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("what is shown", action, keys, description, hint, free)
}

const fn layer(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    Row::new("what is shown", action, keys, description, Some("layer"), without_layers)
}

const fn scroll(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    Row::new("what is shown", action, keys, description, Some("scroll"), no_list)
}

/// The table.
pub(super) static ACTIONS: &[Row] = &[
    hide::<0>(&[Key::char('A')]),
    hide::<1>(&[Key::char('B')]),
    hide::<2>(&[Key::char('C')]),
    hide::<3>(&[Key::char('D')]),
    hide::<4>(&[Key::char('E')]),
    hide::<5>(&[Key::char('F')]),
    hide::<6>(&[Key::char('G')]),
    hide::<7>(&[Key::char('H')]),
    look(TimeUnit, &[Key::char('x')], "steps, epochs, seconds", Some("align")),
    look(CursorLeft, &[Key::plain(KeyCode::Left)], "cursor left", Some("cursor")),
    look(CursorRight, &[Key::plain(KeyCode::Right)], "cursor right", Some("cursor")),
    look(CursorFarLeft, &[Key::shift(KeyCode::Left)], "cursor far left", None),
    look(CursorFarRight, &[Key::shift(KeyCode::Right)], "cursor far right", None),
    look(CursorToStart, &[Key::plain(KeyCode::Home)], "cursor to the start", None),
    look(CursorToNow, &[Key::plain(KeyCode::End)], "newest values", None),
    look(ZoomIn, &[Key::char('i'), Key::ctrl(KeyCode::Right)], "zoom time in", None),
    look(ZoomOut, &[Key::char('o'), Key::ctrl(KeyCode::Left)], "zoom time out", None),
    look(ResetView, &[Key::char('0')], "show the whole runs", None),
    layer(PreviousLayer, &[Key::char('[')], "previous layer"),
    layer(NextLayer, &[Key::char(']')], "next layer"),
    look(Smooth, &[Key::char('m')], "smooth loss, distance", Some("smooth")),
    look(Logarithmic, &[Key::char('g')], "logarithmic axes", Some("log")),
    scroll(ScrollUp, &[Key::plain(KeyCode::Up), Key::char('k')], "scroll differences up"),
    scroll(ScrollDown, &[Key::plain(KeyCode::Down), Key::char('j')], "scroll differences down"),
    panel(Zoom, &[Key::char('z'), Key::plain(KeyCode::Enter)], "zoom the panel", Some("zoom")),
    panel(Unzoom, &[Key::plain(KeyCode::Esc)], "all panels, or go back", None),
    panel(NextPanel, &[Key::plain(KeyCode::Tab)], "next panel", Some("panel")),
    panel(PreviousPanel, &[Key::plain(KeyCode::BackTab)], "previous panel", None),
    focus::<0>(&[Key::char('1')]),
    focus::<1>(&[Key::char('2')]),
    focus::<2>(&[Key::char('3')]),
    focus::<3>(&[Key::char('4')]),
    focus::<4>(&[Key::char('5')]),
    Row::program(Help, &[Key::char('?')], "this help", Some("help")),
    Row::program(Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    Row::program(Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    Row::program(Quit, &[Key::char('q'), Key::ctrl(KeyCode::Char('c'))], "go back", Some("back")),
];

fn no_run<const INDEX: usize>(compare: &Compare) -> Option<&'static str> {
    (INDEX >= compare.members.len()).then_some("no such run")
}

fn without_layers(compare: &Compare) -> Option<&'static str> {
    (compare.layers().len() < 2).then_some("there is no other layer")
}

fn no_list(compare: &Compare) -> Option<&'static str> {
    let differences = Panel::ALL[compare.focus] == Panel::Differences;
    (!differences).then_some("only where the differences are focused")
}
