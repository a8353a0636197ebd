//! The actions on a file's weight matrices. An action that another view has too has the same key
//! there.

use crossterm::event::KeyCode;

use super::state::Profiles;
use crate::tui::content::Action;
use crate::tui::keys::Key;
use crate::tui::shared::Shared;

pub(super) const ACTIONS: &[&[Action<Profiles>]] =
    &[MATRICES, PROFILE, Shared::PANELS, Shared::NUMBERS, Shared::PROGRAM, Shared::INTERRUPT];

/// Number of rows that a page key moves by.
const PAGE: isize = 10;

const MATRICES: &[Action<Profiles>] = &[
    matrix(
        &[Key::plain(KeyCode::Up), Key::char('k'), Key::char('[')],
        "previous matrix",
        |profiles| profiles.move_by(-1),
    )
    .hint("matrix"),
    matrix(
        &[Key::plain(KeyCode::Down), Key::char('j'), Key::char(']')],
        "next matrix",
        |profiles| profiles.move_by(1),
    )
    .hint("matrix"),
    matrix(&[Key::plain(KeyCode::PageUp)], "ten up", |profiles| profiles.move_by(-PAGE)),
    matrix(&[Key::plain(KeyCode::PageDown)], "ten down", |profiles| profiles.move_by(PAGE)),
    matrix(&[Key::plain(KeyCode::Home), Key::char('g')], "to the top", |profiles| {
        profiles.move_by(isize::MIN);
    }),
    matrix(&[Key::plain(KeyCode::End), Key::char('G')], "to the bottom", |profiles| {
        profiles.move_by(isize::MAX);
    }),
    matrix(&[Key::char('S')], "sort by the next column", Profiles::sort_by_next).hint("sort"),
    matrix(&[Key::char('/')], "type to filter", |profiles| profiles.filter.begin()).hint("filter"),
];

const PROFILE: &[Action<Profiles>] = &[
    rank(&[Key::plain(KeyCode::Left), Key::char('h')], "rank cursor left", |profiles| {
        profiles.move_rank(-1);
    })
    .hint("rank"),
    rank(&[Key::plain(KeyCode::Right), Key::char('l')], "rank cursor right", |profiles| {
        profiles.move_rank(1);
    })
    .hint("rank"),
    rank(&[Key::shift(KeyCode::Left)], "rank cursor far left", |profiles| {
        profiles.move_rank(-10);
    }),
    rank(&[Key::shift(KeyCode::Right)], "rank cursor far right", |profiles| {
        profiles.move_rank(10);
    }),
    rank(&[Key::char('0')], "no rank cursor", |profiles| profiles.rank = None),
];

/// An action on the table of matrices.
const fn matrix(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut Profiles),
) -> Action<Profiles> {
    Action::new("matrices", keys, description, effect)
}

/// An action on the cursor in the profile.
const fn rank(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut Profiles),
) -> Action<Profiles> {
    Action::new("profile", keys, description, effect).unless(without_matrix)
}

fn without_matrix(profiles: &Profiles) -> Option<&'static str> {
    profiles.chosen().is_none().then_some("there is no matrix")
}
