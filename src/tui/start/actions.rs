//! Everything that can be done on the start screen, and its keys.

use crossterm::event::KeyCode;

use super::state::{List, Start};
use crate::tui::compare::MOST_RUNS;
use crate::tui::keys::{Binding, Key, free};

/// What a person can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Choose,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    OtherList,
    Filter,
    Mark,
    Compare,
    Resume,
    Replay,
    Delete,
    Help,
    Redraw,
    Suspend,
    Quit,
    Leave,
}

use Action::*;

type Row = Binding<Action, Start>;
type Obstacle = fn(&Start) -> Option<&'static str>;

/// The heading of what is done with what is chosen.
const CHOSEN: &str = "what is chosen";

const fn list(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("lists", action, keys, description, hint, free)
}

const fn run(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: &'static str,
    obstacle: Obstacle,
) -> Row {
    Row::new(CHOSEN, action, keys, description, Some(hint), obstacle)
}

/// The table.
pub(super) static ACTIONS: &[Row] = &[
    run(Choose, &[Key::plain(KeyCode::Enter)], "launch or open", "start", free),
    run(Mark, &[Key::char(' ')], "mark the run", "mark", without_run),
    run(Compare, &[Key::char('c')], "compare the marked runs", "compare", not_comparable),
    run(Resume, &[Key::char('r')], "go on with the run", "resume", Start::not_resumable),
    run(Replay, &[Key::char('R')], "replay the run", "replay", not_replayable),
    run(Delete, &[Key::char('D')], "delete it, or marked", "delete", not_deletable),
    list(Up, &[Key::plain(KeyCode::Up), Key::char('k')], "up", None),
    list(Down, &[Key::plain(KeyCode::Down), Key::char('j')], "down", None),
    list(PageUp, &[Key::plain(KeyCode::PageUp)], "ten up", None),
    list(PageDown, &[Key::plain(KeyCode::PageDown)], "ten down", None),
    list(First, &[Key::plain(KeyCode::Home), Key::char('g')], "to the top", None),
    list(Last, &[Key::plain(KeyCode::End), Key::char('G')], "to the bottom", None),
    list(
        OtherList,
        &[Key::plain(KeyCode::Tab), Key::plain(KeyCode::BackTab)],
        "the other list",
        Some("other list"),
    ),
    list(Filter, &[Key::char('/')], "type to filter", Some("filter")),
    Row::program(Help, &[Key::char('?')], "this help", Some("help")),
    Row::program(Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    Row::program(Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    Row::program(Leave, &[Key::plain(KeyCode::Esc)], "clear, then quit", None),
    Row::program(Quit, &[Key::char('q'), Key::ctrl(KeyCode::Char('c'))], "quit", Some("quit")),
];

fn without_run(start: &Start) -> Option<&'static str> {
    match (start.list, start.chosen_run()) {
        (List::Experiments, _) => Some("only in the list of runs"),
        (List::Runs, None) => Some("there is no run"),
        (List::Runs, Some(_)) => None,
    }
}

fn not_comparable(start: &Start) -> Option<&'static str> {
    match start.marked().count() {
        0 | 1 => Some("mark two or more runs with space first"),
        2..=MOST_RUNS => None,
        _ => Some("at most eight runs can be compared"),
    }
}

fn not_replayable(start: &Start) -> Option<&'static str> {
    without_run(start).or_else(|| start.chosen_run()?.problem().map(|_| "its log cannot be read"))
}

/// Several at once are looked at one by one, so that each obstacle has a name.
fn not_deletable(start: &Start) -> Option<&'static str> {
    if start.marked().next().is_some() {
        return None;
    }
    without_run(start)
        .or_else(|| start.chosen_run()?.is_living().then_some("it is being trained: stop it first"))
}
