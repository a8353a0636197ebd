//! Everything that can be done on the screen of a run, and its keys.

use crossterm::event::KeyCode;

use super::app::App;
use super::keys::{Binding, Key, PROGRAM, free};
use super::panels::Panel;
use crate::session::Transport;

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Pauses the run, or lets it go on.
    PauseOrResume,
    /// Takes one step and holds again.
    StepOnce,
    /// The next larger k of 1, 2, 5, 10, 20, …
    PeriodUp,
    /// The next smaller one.
    PeriodDown,
    /// Asks for k.
    SetPeriod,
    /// Five points more of p.
    PruneMore,
    /// Five points less.
    PruneLess,
    /// Asks for p.
    SetPruning,
    /// Asks for the learning rate.
    SetLearningRate,
    /// Synchronizes now.
    Sync,
    /// Hands k, p and lr back to their schedules.
    BackToSchedule,
    /// Evaluates now.
    Evaluate,
    /// Saves the weights now.
    Snapshot,
    /// Moves in a recorded run.
    Replay(Transport),
    /// Asks for a moment of a recorded run.
    JumpTo,
    /// Fills the screen with the focused panel, or shows all again.
    Zoom,
    /// Shows all panels.
    Unzoom,
    /// Focuses the next panel.
    NextPanel,
    /// Focuses the panel before.
    PreviousPanel,
    /// Focuses the panel of this index.
    Focus(usize),
    /// Saves the focused panel's figure into the run's folder.
    SaveFigure,
    /// Shows the next layer.
    NextLayer,
    /// Shows the layer before.
    PreviousLayer,
    /// Shows the next weight vector.
    NextVector,
    /// Shows the weight vector before.
    PreviousVector,
    /// Moves the cursor to the right.
    CursorRight,
    /// Moves the cursor to the left.
    CursorLeft,
    /// Moves the cursor far to the right.
    CursorFarRight,
    /// Moves the cursor far to the left.
    CursorFarLeft,
    /// Moves the cursor to the first step shown.
    CursorToStart,
    /// Lets the cursor follow the run.
    CursorToNow,
    /// Shows half as many steps.
    ZoomIn,
    /// Shows twice as many steps.
    ZoomOut,
    /// Shows the whole run, without a cursor.
    ResetView,
    /// Moves the cursor along the ranks to the right.
    RankRight,
    /// Moves the cursor along the ranks to the left.
    RankLeft,
    /// Shows the curves of all layers on one axis, or those of the chosen one.
    AllLayers,
    /// Sorts the table of layers by its next column.
    Sort,
    /// Smooths curves more, and in the end not at all.
    Smooth,
    /// Switches logarithmic axes on or off.
    Logarithmic,
    /// Shows permutations since the start, or since the sync before.
    SinceStart,
    /// Counts time in steps, epochs or seconds.
    TimeUnit,
    /// Holds what is shown, or lets it go on.
    Freeze,
    /// Shows all keys.
    Help,
    /// Shows all actions.
    Palette,
    /// Draws everything again.
    Redraw,
    /// Stops the program until the shell continues it.
    Suspend,
    /// Leaves; the run goes on without the terminal.
    Detach,
    /// Leaves, after a question while the run goes on.
    Quit,
    /// Asks the same question; asked already, stops and saves.
    Interrupt,
}

use Action::*;
use Transport::{Change, End, Faster, PlayOrStop, Scrub, Slower, Start};

type Row = Binding<Action, App>;

const fn steer(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
    obstacle: fn(&App) -> Option<&'static str>,
) -> Row {
    Row::new("steering (* is held by hand)", action, keys, description, hint, obstacle)
}

const fn replay(
    transport: Transport,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("replay", Replay(transport), keys, description, hint, App::no_replay)
}

const fn panel(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    Row::new("panels", action, keys, description, None, free)
}

const fn focus<const INDEX: usize>(keys: &'static [Key]) -> Row {
    Row::new("panels", Focus(INDEX), keys, "focus panel", None, no_panel::<INDEX>)
}

const fn layer(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    Row::new("what is shown", action, keys, description, Some("layer"), App::without_layers)
}

const fn ranks(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    Row::new("what is shown", action, keys, description, Some("rank"), App::without_profiles)
}

const fn look(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("what is shown", action, keys, description, hint, free)
}

const fn cursor(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row::new("what is shown", action, keys, description, hint, App::scrubs)
}

/// The table of the run's screen. Steering and panels go first: the footer shows as many hints as fit.
pub static ACTIONS: &[Row] = &[
    steer(PauseOrResume, &[Key::char(' ')], "pause or resume", Some("pause"), App::over),
    steer(StepOnce, &[Key::char('n')], "take one step", Some("step"), App::not_paused),
    steer(
        PeriodUp,
        &[Key::char('+'), Key::char('=')],
        "k up: 1, 2, 5, 10, ...",
        Some("k"),
        App::without_period,
    ),
    steer(PeriodDown, &[Key::char('-')], "k down", Some("k"), App::without_period),
    steer(SetPeriod, &[Key::char('K')], "type a value for k", None, App::without_period),
    steer(
        PruneMore,
        &[Key::char('>'), Key::char('.')],
        "p up by 5 points",
        Some("p"),
        App::without_pruning,
    ),
    steer(
        PruneLess,
        &[Key::char('<'), Key::char(',')],
        "p down by 5 points",
        Some("p"),
        App::without_pruning,
    ),
    steer(SetPruning, &[Key::char('P')], "type a value for p", None, App::without_pruning),
    steer(Sync, &[Key::char('y')], "synchronize now", Some("sync"), App::without_period),
    steer(SetLearningRate, &[Key::char('L')], "type the learning rate", None, App::over),
    steer(BackToSchedule, &[Key::char('a')], "k, p, lr by schedule", None, App::over),
    steer(Evaluate, &[Key::char('e')], "evaluate now", None, App::over),
    steer(Snapshot, &[Key::char('s')], "save a snapshot", Some("snapshot"), App::over),
    replay(PlayOrStop, &[Key::char(' ')], "play or stop", Some("play")),
    replay(Scrub(-1), &[Key::plain(KeyCode::Left)], "scrub back", Some("scrub")),
    replay(Scrub(1), &[Key::plain(KeyCode::Right)], "scrub forward", Some("scrub")),
    replay(Scrub(-10), &[Key::shift(KeyCode::Left)], "scrub far back", None),
    replay(Scrub(10), &[Key::shift(KeyCode::Right)], "scrub far forward", None),
    replay(Start, &[Key::plain(KeyCode::Home)], "to the start", None),
    replay(End, &[Key::plain(KeyCode::End)], "to the end", None),
    replay(Faster, &[Key::char('+'), Key::char('=')], "faster: 2x, 5x, ...", Some("speed")),
    replay(Slower, &[Key::char('-')], "slower", Some("speed")),
    replay(Transport::Step { forward: false }, &[Key::char(',')], "a step back", Some("step")),
    replay(Transport::Step { forward: true }, &[Key::char('.')], "a step forward", Some("step")),
    replay(Transport::Sync { forward: true }, &[Key::char('n')], "next sync", Some("sync")),
    replay(Transport::Sync { forward: false }, &[Key::char('N')], "previous sync", None),
    replay(Change { forward: true }, &[Key::char('c')], "next change by hand", Some("change")),
    replay(Change { forward: false }, &[Key::char('C')], "previous change", None),
    Row::new(
        "replay",
        JumpTo,
        &[Key::char('G')],
        "to a step, epoch or 50%",
        Some("go to"),
        App::no_replay,
    ),
    Row::new(
        "panels",
        Zoom,
        &[Key::char('z'), Key::plain(KeyCode::Enter)],
        "zoom the panel",
        Some("zoom"),
        free,
    ),
    panel(Unzoom, &[Key::plain(KeyCode::Esc)], "back to all panels"),
    Row::new("panels", NextPanel, &[Key::plain(KeyCode::Tab)], "next panel", Some("panel"), free),
    panel(PreviousPanel, &[Key::plain(KeyCode::BackTab)], "previous panel"),
    focus::<0>(&[Key::char('1')]),
    focus::<1>(&[Key::char('2')]),
    focus::<2>(&[Key::char('3')]),
    focus::<3>(&[Key::char('4')]),
    focus::<4>(&[Key::char('5')]),
    focus::<5>(&[Key::char('6')]),
    focus::<6>(&[Key::char('7')]),
    focus::<7>(&[Key::char('8')]),
    focus::<8>(&[Key::char('9')]),
    Row::new(
        "panels",
        SaveFigure,
        &[Key::char('w')],
        "save its figure as SVG",
        None,
        App::without_figure,
    ),
    layer(PreviousLayer, &[Key::char('['), Key::plain(KeyCode::Up)], "previous layer"),
    layer(NextLayer, &[Key::char(']'), Key::plain(KeyCode::Down)], "next layer"),
    Row::new(
        "what is shown",
        PreviousVector,
        &[Key::char('{')],
        "previous weight vector",
        Some("vector"),
        App::without_vectors,
    ),
    Row::new(
        "what is shown",
        NextVector,
        &[Key::char('}')],
        "next weight vector",
        Some("vector"),
        App::without_vectors,
    ),
    ranks(RankLeft, &[Key::char('h')], "rank cursor left"),
    ranks(RankRight, &[Key::char('l')], "rank cursor right"),
    Row::new(
        "what is shown",
        Sort,
        &[Key::char('S')],
        "sort the table of layers",
        Some("sort"),
        App::without_profiles,
    ),
    cursor(CursorLeft, &[Key::plain(KeyCode::Left)], "cursor left", Some("cursor")),
    cursor(CursorRight, &[Key::plain(KeyCode::Right)], "cursor right", Some("cursor")),
    cursor(CursorFarLeft, &[Key::shift(KeyCode::Left)], "cursor far left", None),
    cursor(CursorFarRight, &[Key::shift(KeyCode::Right)], "cursor far right", None),
    cursor(CursorToStart, &[Key::plain(KeyCode::Home)], "cursor to the start", None),
    cursor(CursorToNow, &[Key::plain(KeyCode::End)], "cursor follows the run", None),
    Row::new(
        "what is shown",
        AllLayers,
        &[Key::char('A')],
        "all layers, or one",
        None,
        App::without_layers,
    ),
    look(ZoomIn, &[Key::char('i'), Key::ctrl(KeyCode::Right)], "zoom time in", Some("zoom time")),
    look(ZoomOut, &[Key::char('o'), Key::ctrl(KeyCode::Left)], "zoom time out", Some("zoom time")),
    look(ResetView, &[Key::char('0')], "show the whole run", None),
    look(Smooth, &[Key::char('m')], "smooth curves more", None),
    look(Logarithmic, &[Key::char('g')], "logarithmic axes", None),
    look(SinceStart, &[Key::char('b')], "moves since the start", None),
    look(TimeUnit, &[Key::char('x')], "steps, epochs, seconds", None),
    Row::new(
        "what is shown",
        Freeze,
        &[Key::char('f')],
        "freeze the view",
        None,
        App::stops_instead,
    ),
    Row::program(Palette, &[Key::char(':')], "actions by name", None),
    Row::program(Help, &[Key::char('?')], "this help", Some("help")),
    Row::program(Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    Row::program(Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    Row::new(
        PROGRAM,
        Detach,
        &[Key::char('d')],
        "detach: the run goes on",
        Some("detach"),
        App::over,
    ),
    Row::program(Quit, &[Key::char('q')], "quit", Some("quit")),
    Row::program(Interrupt, &[Key::ctrl(KeyCode::Char('c'))], "quit; twice: stop, save", None),
];

fn no_panel<const INDEX: usize>(_: &App) -> Option<&'static str> {
    (INDEX >= Panel::ALL.len()).then_some("no such panel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Playback;
    use crate::tui::keys::find_possible;

    /// Every one that a key stands for.
    const TRANSPORTS: [Transport; 15] = [
        PlayOrStop,
        Faster,
        Slower,
        Scrub(-10),
        Scrub(-1),
        Scrub(1),
        Scrub(10),
        Start,
        End,
        Transport::Step { forward: false },
        Transport::Step { forward: true },
        Transport::Sync { forward: false },
        Transport::Sync { forward: true },
        Change { forward: false },
        Change { forward: true },
    ];

    /// The next action in the order of the enum; the compiler sees to it that none is forgotten.
    fn all() -> Vec<Action> {
        let mut all = vec![PauseOrResume];
        while let Some(next) = all.last().and_then(|&last| after(last)) {
            all.push(next);
        }
        all
    }

    fn after(action: Action) -> Option<Action> {
        Some(match action {
            PauseOrResume => StepOnce,
            StepOnce => PeriodUp,
            PeriodUp => PeriodDown,
            PeriodDown => SetPeriod,
            SetPeriod => PruneMore,
            PruneMore => PruneLess,
            PruneLess => SetPruning,
            SetPruning => SetLearningRate,
            SetLearningRate => Sync,
            Sync => BackToSchedule,
            BackToSchedule => Evaluate,
            Evaluate => Snapshot,
            Snapshot => Replay(TRANSPORTS[0]),
            Replay(transport) => {
                let index = TRANSPORTS.iter().position(|&known| known == transport);
                let next = index.and_then(|index| TRANSPORTS.get(index + 1));
                next.map_or(JumpTo, |&next| Replay(next))
            }
            JumpTo => Zoom,
            Zoom => Unzoom,
            Unzoom => NextPanel,
            NextPanel => PreviousPanel,
            PreviousPanel => Focus(0),
            Focus(8) => SaveFigure,
            SaveFigure => NextLayer,
            Focus(panel) => Focus(panel + 1),
            NextLayer => PreviousLayer,
            PreviousLayer => NextVector,
            NextVector => PreviousVector,
            PreviousVector => CursorRight,
            CursorRight => CursorLeft,
            CursorLeft => CursorFarRight,
            CursorFarRight => CursorFarLeft,
            CursorFarLeft => CursorToStart,
            CursorToStart => CursorToNow,
            CursorToNow => RankRight,
            RankRight => RankLeft,
            RankLeft => AllLayers,
            AllLayers => Sort,
            Sort => ZoomIn,
            ZoomIn => ZoomOut,
            ZoomOut => ResetView,
            ResetView => Smooth,
            Smooth => Logarithmic,
            Logarithmic => SinceStart,
            SinceStart => TimeUnit,
            TimeUnit => Freeze,
            Freeze => Help,
            Help => Palette,
            Palette => Redraw,
            Redraw => Suspend,
            Suspend => Detach,
            Detach => Quit,
            Quit => Interrupt,
            Interrupt => return None,
        })
    }

    #[test]
    fn every_action_has_one_row() {
        let all = all();
        for action in &all {
            assert_eq!(ACTIONS.iter().filter(|row| row.action == *action).count(), 1, "{action:?}");
        }
        assert_eq!(ACTIONS.len(), all.len());
    }

    #[test]
    fn no_key_is_taken_twice() {
        for (index, row) in ACTIONS.iter().enumerate() {
            assert!(!row.keys.is_empty(), "{:?}", row.action);
            // What a recorded run listens to may mean something else to a live one.
            let same = |other: &&Row| (other.group == "replay") == (row.group == "replay");
            let mut others = ACTIONS[..index].iter().filter(same);
            let taken = others.find(|other| other.keys.iter().any(|key| row.keys.contains(key)));
            assert!(taken.is_none(), "{:?} and {:?}", row.action, taken.map(|row| row.action));
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
        for row in ACTIONS.iter().filter(|row| row.group == "replay") {
            for &key in row.keys {
                let found = find_possible(ACTIONS, &replay, key).map(|found| found.action);
                assert_eq!(found, Some(row.action), "{key}");
                let found = find_possible(ACTIONS, &live, key).map(|found| found.action);
                let others = ACTIONS.iter().filter(|row| row.keys.contains(&key)).count() > 1;
                assert_eq!(found != Some(row.action), others, "{key}");
            }
        }
    }
}
