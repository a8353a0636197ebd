//! The actions on a run. Steering and panels come first, because the footer shows as many hints as
//! fit.

use crossterm::event::KeyCode;

use super::state::App;
use super::steer;
use crate::session::Transport;
use crate::train::Command;
use crate::tui::content::{Action, PROGRAM};
use crate::tui::keys::Key;
use crate::tui::shared::{PANELS, Shared};

pub(super) const ACTIONS: &[&[Action<App>]] = &[
    STEERING,
    REPLAY,
    Shared::PANELS,
    Shared::NUMBERS,
    FIGURE,
    SELECTION,
    TIME,
    LOOK,
    DETACH,
    Shared::PROGRAM,
    INTERRUPT,
];

const STEERING: &[Action<App>] = &[
    steer(&[Key::char(' ')], "pause or resume", App::pause_or_resume).hint("pause"),
    steer(&[Key::char('n')], "take one step", |app| app.ask(Command::Step))
        .hint("step")
        .unless(App::not_paused),
    steer(&[Key::char('+'), Key::char('=')], "k up: 1, 2, 5, 10, ...", |app| {
        app.set_period(steer::period_up(app.period()));
    })
    .hint("k")
    .unless(App::without_period),
    steer(&[Key::char('-')], "k down", |app| app.set_period(steer::period_down(app.period())))
        .hint("k")
        .unless(App::without_period),
    steer(&[Key::char('K')], "type a value for k", App::type_period).unless(App::without_period),
    steer(&[Key::char('>'), Key::char('.')], "p up by 5 points", |app| {
        app.set_pruning(steer::pruning_by(app.pruning(), 5.0));
    })
    .hint("p")
    .unless(App::without_pruning),
    steer(&[Key::char('<'), Key::char(',')], "p down by 5 points", |app| {
        app.set_pruning(steer::pruning_by(app.pruning(), -5.0));
    })
    .hint("p")
    .unless(App::without_pruning),
    steer(&[Key::char('P')], "type a value for p", App::type_pruning).unless(App::without_pruning),
    steer(&[Key::char('y')], "synchronize now", |app| app.ask(Command::Sync))
        .hint("sync")
        .unless(App::without_period),
    steer(&[Key::char('L')], "type the learning rate", App::type_learning_rate),
    steer(&[Key::char('a')], "k, p, lr by schedule", |app| app.ask(Command::BackToSchedule)),
    steer(&[Key::char('e')], "evaluate now", |app| app.ask(Command::Evaluate)),
    steer(&[Key::char('s')], "save a snapshot", |app| app.ask(Command::Snapshot)).hint("snapshot"),
];

const REPLAY: &[Action<App>] = &[
    replay(&[Key::char(' ')], "play or stop", |app| app.play(Transport::PlayOrStop)).hint("play"),
    replay(&[Key::plain(KeyCode::Left)], "scrub back", |app| app.play(Transport::Scrub(-1)))
        .hint("scrub"),
    replay(&[Key::plain(KeyCode::Right)], "scrub forward", |app| app.play(Transport::Scrub(1)))
        .hint("scrub"),
    replay(&[Key::shift(KeyCode::Left)], "scrub far back", |app| app.play(Transport::Scrub(-10))),
    replay(&[Key::shift(KeyCode::Right)], "scrub far forward", |app| {
        app.play(Transport::Scrub(10));
    }),
    replay(&[Key::plain(KeyCode::Home)], "to the start", |app| app.play(Transport::Start)),
    replay(&[Key::plain(KeyCode::End)], "to the end", |app| app.play(Transport::End)),
    replay(&[Key::char('+'), Key::char('=')], "faster: 2x, 5x, ...", |app| {
        app.play(Transport::Faster);
    })
    .hint("speed"),
    replay(&[Key::char('-')], "slower", |app| app.play(Transport::Slower)).hint("speed"),
    replay(&[Key::char(',')], "a step back", |app| app.play(Transport::Step { forward: false }))
        .hint("step"),
    replay(&[Key::char('.')], "a step forward", |app| {
        app.play(Transport::Step { forward: true });
    })
    .hint("step"),
    replay(&[Key::char('n')], "next sync", |app| app.play(Transport::Sync { forward: true }))
        .hint("sync"),
    replay(&[Key::char('N')], "previous sync", |app| app.play(Transport::Sync { forward: false })),
    replay(&[Key::char('c')], "next change by hand", |app| {
        app.play(Transport::Change { forward: true });
    })
    .hint("change"),
    replay(&[Key::char('C')], "previous change", |app| {
        app.play(Transport::Change { forward: false });
    }),
    replay(&[Key::char('G')], "to a step, epoch or 50%", App::type_moment).hint("go to"),
];

const FIGURE: &[Action<App>] =
    &[Action::new(PANELS, &[Key::char('w')], "save its figure as SVG", App::draw_figure)
        .unless(App::without_figure)];

const SELECTION: &[Action<App>] = &[
    shown(&[Key::char('['), Key::plain(KeyCode::Up)], "previous layer", |app| app.select_layer(-1))
        .hint("layer")
        .unless(App::without_layers),
    shown(&[Key::char(']'), Key::plain(KeyCode::Down)], "next layer", |app| app.select_layer(1))
        .hint("layer")
        .unless(App::without_layers),
    shown(&[Key::char('{')], "previous weight vector", |app| app.select_vector(-1))
        .hint("vector")
        .unless(App::without_vectors),
    shown(&[Key::char('}')], "next weight vector", |app| app.select_vector(1))
        .hint("vector")
        .unless(App::without_vectors),
    shown(&[Key::char('h')], "rank cursor left", |app| app.view.move_rank(-1))
        .hint("rank")
        .unless(App::without_profiles),
    shown(&[Key::char('l')], "rank cursor right", |app| app.view.move_rank(1))
        .hint("rank")
        .unless(App::without_profiles),
    shown(&[Key::char('S')], "sort the table of layers", App::sort)
        .hint("sort")
        .unless(App::without_profiles),
];

const TIME: &[Action<App>] = &[
    shown(&[Key::plain(KeyCode::Left)], "cursor left", |app| app.move_cursor(-1))
        .hint("cursor")
        .unless(App::arrows_scrub),
    shown(&[Key::plain(KeyCode::Right)], "cursor right", |app| app.move_cursor(1))
        .hint("cursor")
        .unless(App::arrows_scrub),
    shown(&[Key::shift(KeyCode::Left)], "cursor far left", |app| app.move_cursor(-10))
        .unless(App::arrows_scrub),
    shown(&[Key::shift(KeyCode::Right)], "cursor far right", |app| app.move_cursor(10))
        .unless(App::arrows_scrub),
    shown(&[Key::plain(KeyCode::Home)], "cursor to the start", App::cursor_to_start)
        .unless(App::arrows_scrub),
    shown(&[Key::plain(KeyCode::End)], "cursor follows the run", App::cursor_to_now)
        .unless(App::arrows_scrub),
];

const LOOK: &[Action<App>] = &[
    shown(&[Key::char('A')], "all layers, or one", App::all_layers).unless(App::without_layers),
    shown(&[Key::char('i'), Key::ctrl(KeyCode::Right)], "zoom time in", App::zoom_time_in)
        .hint("zoom time"),
    shown(&[Key::char('o'), Key::ctrl(KeyCode::Left)], "zoom time out", App::zoom_time_out)
        .hint("zoom time"),
    shown(&[Key::char('0')], "show the whole run", |app| app.view.reset()),
    shown(&[Key::char('m')], "smooth curves more", App::smooth),
    shown(&[Key::char('g')], "logarithmic axes", App::logarithmic),
    shown(&[Key::char('b')], "moves since the start", App::since_start),
    shown(&[Key::char('x')], "steps, epochs, seconds", App::next_unit),
    shown(&[Key::char('f')], "freeze the view", App::freeze).unless(App::space_stops),
];

const DETACH: &[Action<App>] =
    &[Action::new(PROGRAM, &[Key::char('d')], "detach from the run", App::detach)
        .hint("detach")
        .unless(App::not_steered)];

const INTERRUPT: &[Action<App>] = &[Action::new(
    PROGRAM,
    &[Key::ctrl(KeyCode::Char('c'))],
    "leave; twice: stop, save",
    App::interrupt,
)
.anywhere()];

/// An action that changes the run.
const fn steer(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut App),
) -> Action<App> {
    Action::new("steering (* is set by hand)", keys, description, effect).unless(App::not_steered)
}

/// An action that moves a recorded run in time.
const fn replay(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut App),
) -> Action<App> {
    Action::new("replay", keys, description, effect).unless(App::no_replay)
}

/// An action that changes what is shown.
const fn shown(
    keys: &'static [Key],
    description: &'static str,
    effect: fn(&mut App),
) -> Action<App> {
    Action::new("what is shown", keys, description, effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Playback;
    use crate::tui::content::{actions, find};

    #[test]
    fn no_key_is_taken_twice() {
        for (index, row) in actions::<App>().enumerate() {
            assert!(!row.keys.is_empty(), "{}", row.description);
            // A key may have another meaning in a recorded run.
            let same = |other: &&Action<App>| (other.group == "replay") == (row.group == "replay");
            let mut others = actions::<App>().take(index).filter(same);
            let taken = others.find(|other| other.keys.iter().any(|key| row.keys.contains(key)));
            assert!(taken.is_none(), "{} and {:?}", row.description, taken.map(|t| t.description));
        }
    }

    #[test]
    fn a_replay_has_its_own_meanings_of_keys_and_a_live_run_none_of_them() {
        let live = App::new(true);
        let mut replay = App::new(false);
        replay.set_playback(Playback {
            last_step: 10,
            speed: 1,
            playing: false,
            at_end: true,
            living: false,
        });
        for row in actions::<App>().filter(|row| row.group == "replay") {
            for &key in row.keys {
                let found = find(&replay, key).map(|found| found.description);
                assert_eq!(found, Some(row.description), "{key}");
                let found = find(&live, key).map(|found| found.description);
                let others = actions::<App>().filter(|row| row.keys.contains(&key)).count() > 1;
                assert_eq!(found != Some(row.description), others, "{key}");
            }
        }
    }
}
