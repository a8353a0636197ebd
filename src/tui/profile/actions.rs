//! Everything that can be done on the screen of a file's weight matrices, and its keys. What the other screens can do
//! too has the same key there.

use crossterm::event::KeyCode;

use super::state::Profiles;
use crate::tui::keys::{Binding, Key, free};

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Sort,
    Filter,
    RankRight,
    RankLeft,
    RankFarRight,
    RankFarLeft,
    WithoutRank,
    Zoom,
    Back,
    NextPanel,
    PreviousPanel,
    Focus(usize),
    Help,
    Redraw,
    Suspend,
    Quit,
}

use Action::*;

type Row = Binding<Action, Profiles>;

const fn list(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("matrices", action, keys, description, hint, free)
}

const fn rank(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("profile", action, keys, description, hint, free)
}

const fn panel(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("panels", action, keys, description, hint, free)
}

/// The table.
pub(super) static ACTIONS: &[Row] = &[
    list(
        Up,
        &[Key::plain(KeyCode::Up), Key::char('k'), Key::char('[')],
        "previous matrix",
        Some("matrix"),
    ),
    list(
        Down,
        &[Key::plain(KeyCode::Down), Key::char('j'), Key::char(']')],
        "next matrix",
        Some("matrix"),
    ),
    list(PageUp, &[Key::plain(KeyCode::PageUp)], "ten up", None),
    list(PageDown, &[Key::plain(KeyCode::PageDown)], "ten down", None),
    list(First, &[Key::plain(KeyCode::Home), Key::char('g')], "to the top", None),
    list(Last, &[Key::plain(KeyCode::End), Key::char('G')], "to the bottom", None),
    list(Sort, &[Key::char('S')], "sort by the next column", Some("sort")),
    list(Filter, &[Key::char('/')], "type to filter", Some("filter")),
    rank(RankLeft, &[Key::plain(KeyCode::Left), Key::char('h')], "rank cursor left", Some("rank")),
    rank(
        RankRight,
        &[Key::plain(KeyCode::Right), Key::char('l')],
        "rank cursor right",
        Some("rank"),
    ),
    rank(RankFarLeft, &[Key::shift(KeyCode::Left)], "rank cursor far left", None),
    rank(RankFarRight, &[Key::shift(KeyCode::Right)], "rank cursor far right", None),
    rank(WithoutRank, &[Key::char('0')], "no rank cursor", None),
    panel(Zoom, &[Key::char('z'), Key::plain(KeyCode::Enter)], "zoom the panel", Some("zoom")),
    panel(Back, &[Key::plain(KeyCode::Esc)], "all panels, all rows", None),
    panel(NextPanel, &[Key::plain(KeyCode::Tab)], "next panel", Some("panel")),
    panel(PreviousPanel, &[Key::plain(KeyCode::BackTab)], "previous panel", None),
    panel(Focus(0), &[Key::char('1')], "focus panel", None),
    panel(Focus(1), &[Key::char('2')], "focus panel", None),
    panel(Focus(2), &[Key::char('3')], "focus panel", None),
    Row::program(Help, &[Key::char('?')], "this help", Some("help")),
    Row::program(Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    Row::program(Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    Row::program(Quit, &[Key::char('q'), Key::ctrl(KeyCode::Char('c'))], "quit", Some("quit")),
];
