//! State of the view of a run. It has no terminal and no clock, so all of it is tested from a list
//! of events and keys.

use crossterm::event::KeyEvent;

use crate::run::RunState;
use crate::session::{Playback, Transport};
use crate::train::{Command, LayerInfo, Phase};
use crate::tui::chrome::Chrome;
use crate::tui::content;
use crate::tui::pace::Change;
use crate::tui::panels::Panel;
use crate::tui::view::View;

/// State of the view of a run.
#[derive(Default)]
pub struct App {
    pub(super) chrome: Chrome<App>,
    pub(super) run: RunState,
    /// Shown in place of `run` while the view is frozen.
    pub(super) frozen: Option<Box<RunState>>,
    pub(super) view: View,
    /// Commands that have not been answered, oldest first.
    pub(super) pending: Vec<Command>,
    /// How a recorded run is played; `None` for a live run.
    pub(super) playback: Option<Playback>,
    pub(super) steerable: bool,
    transports: Vec<Transport>,
    outbox: Vec<Command>,
    /// Whether the figure of the focused panel was asked for.
    figure: bool,
}

impl App {
    /// The view of a run that has sent no events yet. A `steerable` run accepts commands.
    pub fn new(steerable: bool) -> Self {
        Self { steerable, ..Self::default() }
    }

    /// Updates whether the run accepts commands. It stops to do so when its host is gone.
    pub fn steer(&mut self, steerable: bool) {
        if std::mem::replace(&mut self.steerable, steerable) != steerable {
            self.touch();
        }
    }

    /// The data that the panels are drawn from.
    pub fn shown(&self) -> &RunState {
        self.frozen.as_deref().unwrap_or(&self.run)
    }

    /// How the view has changed since it was last drawn.
    pub fn change(&self) -> Change {
        self.chrome.change()
    }

    /// Marks the picture as up to date.
    pub fn drawn(&mut self) {
        self.chrome.drawn();
    }

    /// Marks the picture as outdated.
    pub fn touch(&mut self) {
        self.chrome.touch();
    }

    /// Handles a key.
    pub fn key(&mut self, event: KeyEvent) {
        content::press(self, event);
    }

    /// Handles pasted text, which only a popup takes.
    pub fn paste(&mut self, text: &str) {
        content::paste(self, text);
    }

    /// Selects the layer of this index, if it exists.
    pub fn choose_layer(&mut self, layer: usize) {
        if layer < self.layers().len() {
            self.view.layer = layer;
            self.touch();
        }
    }

    /// Fills the screen with the panel of this index, if it exists.
    pub fn zoom_panel(&mut self, panel: usize) {
        if panel < Panel::ALL.len() {
            self.chrome.focus = panel;
            self.chrome.zoomed = true;
            self.touch();
        }
    }

    /// The focused panel.
    pub fn panel(&self) -> Panel {
        Panel::ALL[self.chrome.focus % Panel::ALL.len()]
    }

    /// Takes the commands to send to the run.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.outbox)
    }

    /// Takes the movements in time that were asked of a recorded run.
    pub fn take_transports(&mut self) -> Vec<Transport> {
        std::mem::take(&mut self.transports)
    }

    /// Returns true once if the figure of the focused panel was asked for.
    pub(super) fn take_figure(&mut self) -> bool {
        std::mem::take(&mut self.figure)
    }

    /// Shows what was known of a run at one moment.
    pub fn set_state(&mut self, state: RunState) {
        if self.run.started.is_none() {
            self.view.layer = state.started.as_ref().map_or(0, |started| largest(&started.layers));
        }
        self.view.keep_in_sight(state.step);
        self.run = state;
        self.chrome.refresh();
    }

    /// Makes the run a recorded one, which is played like this.
    pub fn set_playback(&mut self, playback: Playback) {
        self.playback = Some(playback);
        self.chrome.refresh();
    }

    /// Sends a command, and remembers it until it is answered.
    pub(super) fn ask(&mut self, command: Command) {
        self.pending.push(command.clone());
        self.outbox.push(command);
    }

    /// Sends a command from a popup. The run may have ended since the popup was opened.
    pub(super) fn send(&mut self, command: Command) {
        match self.not_steered() {
            None => self.ask(command),
            Some(why) => self.chrome.warn(why),
        }
    }

    /// Asks a recorded run to move in time.
    pub(super) fn play(&mut self, transport: Transport) {
        self.transports.push(transport);
    }

    /// Asks for the figure of the focused panel.
    pub(super) fn draw_figure(&mut self) {
        self.figure = true;
    }

    /// Asks for frames with the permutation of the selected vector. Replaces an earlier such
    /// command that was not sent yet.
    pub(super) fn watch(&mut self) {
        if self.not_steered().is_some() {
            return;
        }
        self.outbox.retain(|command| !matches!(command, Command::Watch { .. }));
        let View { layer, vector, .. } = self.view;
        self.outbox.push(Command::Watch { layer, vector });
    }

    /// Why the run accepts no commands; `None` if it does.
    pub(super) fn not_steered(&self) -> Option<&'static str> {
        match self.run.phase {
            _ if self.playback.is_some() => Some("this is a replay, which is not steered"),
            Phase::Finished => Some("the run is over"),
            _ if !self.steerable => Some("this run is not steered from here"),
            _ => None,
        }
    }

    /// Returns true if the run can be left without a question.
    pub(super) fn may_leave(&self) -> bool {
        !self.steerable || self.run.phase == Phase::Finished
    }

    /// Returns true if the run is paused, or will be once the pending commands are obeyed.
    pub(super) fn paused(&self) -> bool {
        let asked = self.pending.iter().rev().find_map(|command| match command {
            Command::Pause => Some(true),
            Command::Resume => Some(false),
            _ => None,
        });
        asked.unwrap_or(matches!(self.run.phase, Phase::Paused | Phase::Diverged))
    }

    /// k, or the last value that was asked for.
    pub(super) fn period(&self) -> u64 {
        let asked = self.pending.iter().rev().find_map(|command| match command {
            Command::SetPeriod { k } => Some(*k),
            _ => None,
        });
        asked.unwrap_or(self.run.schedule.k)
    }

    /// p, or the last value that was asked for.
    pub(super) fn pruning(&self) -> f64 {
        let asked = self.pending.iter().rev().find_map(|command| match command {
            Command::SetPruning { p } => Some(*p),
            _ => None,
        });
        asked.unwrap_or(self.run.schedule.p)
    }

    pub(super) fn layers(&self) -> &[LayerInfo] {
        self.run.started.as_ref().map_or(&[], |started| started.layers.as_slice())
    }
}

/// Index of the layer with the most weights, which shows the most; of equal layers the first.
pub(super) fn largest(layers: &[LayerInfo]) -> usize {
    let weights = |&layer: &usize| layers[layer].vectors * layers[layer].length;
    (0..layers.len()).rev().max_by_key(weights).unwrap_or_default()
}
