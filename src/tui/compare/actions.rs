//! The actions on several runs. An action that the view of one run has too has the same key there.

use crossterm::event::KeyCode;

use super::state::{Compare, ComparePanel};
use crate::tui::content::Action;
use crate::tui::keys::Key;
use crate::tui::shared::Shared;

pub(super) const ACTIONS: &[&[Action<Compare>]] =
    &[RUNS, SHOWN, Shared::PANELS, Shared::NUMBERS, Shared::PROGRAM, Shared::INTERRUPT];

/// One row for each of the [`MOST_RUNS`](super::MOST_RUNS) runs.
const RUNS: &[Action<Compare>] = &[
    hide::<0>(&[Key::char('A')]),
    hide::<1>(&[Key::char('B')]),
    hide::<2>(&[Key::char('C')]),
    hide::<3>(&[Key::char('D')]),
    hide::<4>(&[Key::char('E')]),
    hide::<5>(&[Key::char('F')]),
    hide::<6>(&[Key::char('G')]),
    hide::<7>(&[Key::char('H')]),
];

const SHOWN: &[Action<Compare>] = &[
    shown(&[Key::char('x')], "steps, epochs, seconds", Compare::next_unit).hint("align"),
    shown(&[Key::plain(KeyCode::Left)], "cursor left", |runs| runs.move_cursor(-1)).hint("cursor"),
    shown(&[Key::plain(KeyCode::Right)], "cursor right", |runs| runs.move_cursor(1)).hint("cursor"),
    shown(&[Key::shift(KeyCode::Left)], "cursor far left", |runs| runs.move_cursor(-10)),
    shown(&[Key::shift(KeyCode::Right)], "cursor far right", |runs| runs.move_cursor(10)),
    shown(&[Key::plain(KeyCode::Home)], "cursor to the start", |runs| {
        runs.view.cursor_to_start(runs.now());
    }),
    shown(&[Key::plain(KeyCode::End)], "latest values", |runs| {
        runs.view.cursor_to_now(runs.now());
    }),
    shown(&[Key::char('i'), Key::ctrl(KeyCode::Right)], "zoom time in", |runs| {
        runs.view.zoom_in(runs.now());
    }),
    shown(&[Key::char('o'), Key::ctrl(KeyCode::Left)], "zoom time out", |runs| {
        runs.view.zoom_out(runs.now());
    }),
    shown(&[Key::char('0')], "show the whole runs", |runs| runs.view.reset()),
    shown(&[Key::char('[')], "previous layer", |runs| runs.choose_layer(-1))
        .hint("layer")
        .unless(without_layers),
    shown(&[Key::char(']')], "next layer", |runs| runs.choose_layer(1))
        .hint("layer")
        .unless(without_layers),
    shown(&[Key::char('m')], "smooth loss, distance", Compare::smooth).hint("smooth"),
    shown(&[Key::char('g')], "logarithmic axes", Compare::logarithmic).hint("log"),
    shown(&[Key::plain(KeyCode::Up), Key::char('k')], "scroll differences up", |runs| {
        runs.scroll_by(-1);
    })
    .hint("scroll")
    .unless(no_list),
    shown(&[Key::plain(KeyCode::Down), Key::char('j')], "scroll differences down", |runs| {
        runs.scroll_by(1);
    })
    .hint("scroll")
    .unless(no_list),
];

const fn hide<const INDEX: usize>(keys: &'static [Key]) -> Action<Compare> {
    Action::new("runs", keys, "hide or show the run", |runs: &mut Compare| runs.hide(INDEX))
        .hint("hide")
        .unless(no_run::<INDEX>)
}

/// An action that changes what is shown.
const fn shown(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut Compare),
) -> Action<Compare> {
    Action::new("what is shown", keys, description, effect)
}

fn no_run<const INDEX: usize>(compare: &Compare) -> Option<&'static str> {
    (INDEX >= compare.members.len()).then_some("no such run")
}

fn without_layers(compare: &Compare) -> Option<&'static str> {
    (compare.layers().len() < 2).then_some("there is no other layer")
}

fn no_list(compare: &Compare) -> Option<&'static str> {
    let differences = compare.panel() == ComparePanel::Differences;
    (!differences).then_some("only where the differences are focused")
}
