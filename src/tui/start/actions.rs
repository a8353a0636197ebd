//! The actions of the start view.

use crossterm::event::KeyCode;

use super::choice::Choice;
use super::state::{List, Start};
use crate::tui::compare::MOST_RUNS;
use crate::tui::content::Action;
use crate::tui::keys::Key;
use crate::tui::shared::{Shared, shift_focus, zoom};

pub(super) const ACTIONS: &[&[Action<Start>]] =
    &[CHOSEN, LISTS, Shared::NUMBERS, Shared::PROGRAM, Shared::INTERRUPT];

const CHOSEN: &[Action<Start>] = &[
    chosen(&[Key::plain(KeyCode::Enter)], "launch or open", Start::choose).hint("start"),
    chosen(&[Key::char(' ')], "mark the run", Start::mark).hint("mark").unless(without_run),
    chosen(&[Key::char('c')], "compare the marked runs", Start::compare)
        .hint("compare")
        .unless(not_comparable),
    chosen(&[Key::char('r')], "resume the run", |start| start.choose_run(Choice::Resume))
        .hint("resume")
        .unless(not_resumable),
    chosen(&[Key::char('R')], "replay the run", |start| start.choose_run(Choice::Replay))
        .hint("replay")
        .unless(not_replayable),
    chosen(&[Key::char('D')], "delete it, or marked", Start::ask_to_delete)
        .hint("delete")
        .unless(not_deletable),
];

/// Number of rows that a page key moves by.
const PAGE: isize = 10;

const LISTS: &[Action<Start>] = &[
    list(&[Key::plain(KeyCode::Up), Key::char('k')], "up", |start| start.move_by(-1)),
    list(&[Key::plain(KeyCode::Down), Key::char('j')], "down", |start| start.move_by(1)),
    list(&[Key::plain(KeyCode::PageUp)], "ten up", |start| start.move_by(-PAGE)),
    list(&[Key::plain(KeyCode::PageDown)], "ten down", |start| start.move_by(PAGE)),
    list(&[Key::plain(KeyCode::Home), Key::char('g')], "to the top", |start| {
        start.move_by(isize::MIN);
    }),
    list(&[Key::plain(KeyCode::End), Key::char('G')], "to the bottom", |start| {
        start.move_by(isize::MAX);
    }),
    list(&[Key::plain(KeyCode::Tab), Key::plain(KeyCode::BackTab)], "the other list", |start| {
        shift_focus(start, 1);
    })
    .hint("other list"),
    list(&[Key::char('z')], "zoom the list", zoom),
    list(&[Key::char('/')], "type to filter", |start| start.filter.begin()).hint("filter"),
];

/// An action on the selected experiment or run, or on the marked runs.
const fn chosen(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut Start),
) -> Action<Start> {
    Action::new("the selection", keys, description, effect)
}

/// An action on the lists.
const fn list(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut Start),
) -> Action<Start> {
    Action::new("lists", keys, description, effect)
}

fn without_run(start: &Start) -> Option<&'static str> {
    match (start.list(), start.chosen_run()) {
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

fn not_resumable(start: &Start) -> Option<&'static str> {
    without_run(start).or_else(|| start.chosen_run()?.not_resumable())
}

fn not_replayable(start: &Start) -> Option<&'static str> {
    without_run(start).or_else(|| start.chosen_run()?.problem().map(|_| "its log cannot be read"))
}

/// Why the selected run cannot be deleted. Marked runs are checked one by one when asked, so that
/// the message can name the one that is in the way.
fn not_deletable(start: &Start) -> Option<&'static str> {
    if start.marked().next().is_some() {
        return None;
    }
    without_run(start)
        .or_else(|| start.chosen_run()?.is_living().then_some("it is being trained: stop it first"))
}
