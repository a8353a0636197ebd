//! Everything that can be done on the screen of a run, and its keys.

use crossterm::event::KeyCode;

use super::app::App;
use super::keys::{Binding, Key};
use super::panels::Panel;

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Smooths curves more, and in the end not at all.
    Smooth,
    /// Switches logarithmic axes on or off.
    Logarithmic,
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

type Row = Binding<Action, App>;

/// A row of the table. Steering and panels go first: the footer shows as many hints as fit.
const fn row(
    group: &'static str,
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
    obstacle: fn(&App) -> Option<&'static str>,
) -> Row {
    Row { action, keys, description, group, hint, obstacle }
}

const fn steer(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
    obstacle: fn(&App) -> Option<&'static str>,
) -> Row {
    row("steering (* is held by hand)", action, keys, description, hint, obstacle)
}

const fn panel(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    row("panels", action, keys, description, None, free)
}

const fn focus<const INDEX: usize>(keys: &'static [Key]) -> Row {
    row("panels", Focus(INDEX), keys, "focus panel", None, no_panel::<INDEX>)
}

const fn layer(action: Action, keys: &'static [Key], description: &'static str) -> Row {
    row("what is shown", action, keys, description, Some("layer"), App::without_layers)
}

const fn look(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    row("what is shown", action, keys, description, hint, free)
}

const fn program(
    action: Action,
    keys: &'static [Key],
    description: &'static str,
    hint: Option<&'static str>,
) -> Row {
    row(PROGRAM, action, keys, description, hint, free)
}

/// The group whose hints are always shown.
pub(super) const PROGRAM: &str = "program";

/// The table of the run's screen.
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
    row(
        "panels",
        Zoom,
        &[Key::char('z'), Key::plain(KeyCode::Enter)],
        "zoom the panel",
        Some("zoom"),
        free,
    ),
    panel(Unzoom, &[Key::plain(KeyCode::Esc)], "back to all panels"),
    row("panels", NextPanel, &[Key::plain(KeyCode::Tab)], "next panel", Some("panel"), free),
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
    layer(PreviousLayer, &[Key::char('['), Key::plain(KeyCode::Up)], "previous layer"),
    layer(NextLayer, &[Key::char(']'), Key::plain(KeyCode::Down)], "next layer"),
    row(
        "what is shown",
        PreviousVector,
        &[Key::char('{')],
        "previous weight vector",
        Some("vector"),
        App::without_layers,
    ),
    row(
        "what is shown",
        NextVector,
        &[Key::char('}')],
        "next weight vector",
        Some("vector"),
        App::without_layers,
    ),
    look(CursorLeft, &[Key::plain(KeyCode::Left)], "cursor left", Some("cursor")),
    look(CursorRight, &[Key::plain(KeyCode::Right)], "cursor right", Some("cursor")),
    look(CursorFarLeft, &[Key::shift(KeyCode::Left)], "cursor far left", None),
    look(CursorFarRight, &[Key::shift(KeyCode::Right)], "cursor far right", None),
    look(CursorToStart, &[Key::plain(KeyCode::Home)], "cursor to the start", None),
    look(CursorToNow, &[Key::plain(KeyCode::End)], "cursor follows the run", None),
    look(ZoomIn, &[Key::char('i'), Key::ctrl(KeyCode::Right)], "zoom time in", Some("zoom time")),
    look(ZoomOut, &[Key::char('o'), Key::ctrl(KeyCode::Left)], "zoom time out", Some("zoom time")),
    look(ResetView, &[Key::char('0')], "show the whole run", None),
    look(Smooth, &[Key::char('m')], "smooth curves more", None),
    look(Logarithmic, &[Key::char('g')], "logarithmic axes", None),
    look(TimeUnit, &[Key::char('x')], "steps, epochs, seconds", None),
    look(Freeze, &[Key::char('f')], "freeze the view", None),
    program(Palette, &[Key::char(':')], "actions by name", None),
    program(Help, &[Key::char('?')], "this help", Some("help")),
    program(Redraw, &[Key::ctrl(KeyCode::Char('l'))], "draw again", None),
    program(Suspend, &[Key::ctrl(KeyCode::Char('z'))], "back to the shell", None),
    row(PROGRAM, Detach, &[Key::char('d')], "detach: the run goes on", Some("detach"), App::over),
    program(Quit, &[Key::char('q')], "quit", Some("quit")),
    program(Interrupt, &[Key::ctrl(KeyCode::Char('c'))], "quit; twice: stop, save", None),
];

/// No obstacle.
fn free(_: &App) -> Option<&'static str> {
    None
}

fn no_panel<const INDEX: usize>(_: &App) -> Option<&'static str> {
    (INDEX >= Panel::ALL.len()).then_some("no such panel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::find;

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
            Snapshot => Zoom,
            Zoom => Unzoom,
            Unzoom => NextPanel,
            NextPanel => PreviousPanel,
            PreviousPanel => Focus(0),
            Focus(8) => NextLayer,
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
            CursorToNow => ZoomIn,
            ZoomIn => ZoomOut,
            ZoomOut => ResetView,
            ResetView => Smooth,
            Smooth => Logarithmic,
            Logarithmic => TimeUnit,
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
        for row in ACTIONS {
            assert!(!row.keys.is_empty(), "{:?}", row.action);
            for &key in row.keys {
                assert_eq!(find(ACTIONS, key).map(|found| found.action), Some(row.action), "{key}");
            }
        }
    }
}
