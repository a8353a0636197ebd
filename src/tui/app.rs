//! The screen of a run as plain state: events and keys go in, commands and requests come out, and
//! [`render`](super::picture::render) draws it. No terminal and no clock, so all of it is tested
//! from a list of events and keys.

use crossterm::event::KeyEvent;

use super::actions::{ACTIONS, Action};
use super::keys::{Key, find_possible};
use super::panels::Panel;
use super::popup::{Popup, Reaction};
use super::question::{Question, Topic};
use super::view::View;
use crate::experiment::WrapperName;
use crate::run::RunState;
use crate::session::{Playback, Transport};
use crate::train::{Command, Event, EventKind, LayerInfo, Phase, Reason};

/// The screen of a run.
#[derive(Debug, Default)]
pub struct App {
    pub(super) run: RunState,
    /// What is shown instead while the view is frozen.
    pub(super) frozen: Option<Box<RunState>>,
    pub(super) view: View,
    /// Index of the focused panel.
    pub(super) focus: usize,
    pub(super) zoomed: bool,
    /// The last one has the keys.
    pub(super) popups: Vec<Popup>,
    pub(super) status: Option<Status>,
    /// Commands that were not answered yet, oldest first.
    pub(super) pending: Vec<Command>,
    /// How a recorded run is played; `None` for one that is live.
    pub(super) playback: Option<Playback>,
    transports: Vec<Transport>,
    outbox: Vec<Command>,
    request: Option<Request>,
    steerable: bool,
    change: Change,
}

/// A line about what was just done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub text: String,
    pub warning: bool,
}

/// What the screen wants of its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Leave a run that is over or that others host.
    Leave,
    /// Leave, and let the run stop and save.
    Stop,
    /// Leave, and let the run go on.
    Detach,
    /// Stop the program until the shell continues it.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Save the focused panel's figure.
    Figure,
}

/// Whether the picture is still right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is.
    None,
    /// The run went on.
    Run,
    /// A person did something, and waits to see it.
    #[default]
    Person,
}

/// The layer with the most weights: there is the most to see. The first of equals.
fn largest(layers: &[LayerInfo]) -> usize {
    let weights = |&layer: &usize| layers[layer].vectors * layers[layer].length;
    (0..layers.len()).rev().max_by_key(weights).unwrap_or_default()
}

impl App {
    /// The screen of a run that has sent nothing yet, and that listens to commands if it is
    /// `steerable`.
    pub fn new(steerable: bool) -> Self {
        Self { steerable, ..Self::default() }
    }

    /// Says whether the run listens to commands; one whose host is gone does no longer.
    pub fn steer(&mut self, steerable: bool) {
        if std::mem::replace(&mut self.steerable, steerable) != steerable {
            self.touch();
        }
    }

    /// What the panels draw from.
    pub fn shown(&self) -> &RunState {
        self.frozen.as_deref().unwrap_or(&self.run)
    }

    /// How the picture has changed since it was last drawn.
    pub fn change(&self) -> Change {
        self.change
    }

    /// The picture was drawn.
    pub fn drawn(&mut self) {
        self.change = Change::None;
    }

    /// The picture must be drawn again.
    pub fn touch(&mut self) {
        self.change = Change::Person;
    }

    /// Shows the layer of this index, if there is one.
    pub fn choose_layer(&mut self, layer: usize) {
        if self.run.started.as_ref().is_some_and(|started| layer < started.layers.len()) {
            self.view.layer = layer;
            self.touch();
        }
    }

    /// Takes the commands that are to be sent.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.outbox)
    }

    /// Takes what a recorded run is to do.
    pub fn take_transports(&mut self) -> Vec<Transport> {
        std::mem::take(&mut self.transports)
    }

    /// Takes what is wanted of the loop.
    pub fn take_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    /// Folds events in. While the view is frozen they change the picture only where they are told
    /// in words.
    pub fn take_events(&mut self, events: &[Event]) {
        for event in events {
            self.run.apply(event);
            self.tell(event);
        }
        if !events.is_empty() && self.frozen.is_none() {
            self.change = self.change.max(Change::Run);
        }
    }

    /// Shows what was known of a run at one moment.
    pub fn set_state(&mut self, state: RunState) {
        if self.run.started.is_none() {
            self.view.layer = state.started.as_ref().map_or(0, |started| largest(&started.layers));
        }
        self.view.keep_in_sight(state.step);
        self.run = state;
        self.change = self.change.max(Change::Run);
    }

    /// The run is a recorded one, and played like this.
    pub fn set_playback(&mut self, playback: Playback) {
        self.playback = Some(playback);
        self.change = self.change.max(Change::Run);
    }

    /// A key was pressed.
    pub fn key(&mut self, event: KeyEvent) {
        self.touch();
        let key = Key::from(event);
        let action = find_possible(ACTIONS, self, key).map(|binding| binding.action);
        match (self.popups.pop(), action) {
            // Ctrl-C means the same wherever it is pressed.
            (popup, Some(Action::Interrupt)) => {
                self.popups.extend(popup);
                self.act(Action::Interrupt);
            }
            (Some(mut popup), _) => match popup.key(event) {
                Reaction::Stay => self.popups.push(popup),
                reaction => self.react(reaction),
            },
            (None, Some(action)) => self.act(action),
            (None, None) => {}
        }
    }

    /// Text was pasted. It is taken where something is typed, and never as keys.
    pub fn paste(&mut self, text: &str) {
        self.touch();
        if let Some(popup) = self.popups.last_mut() {
            popup.paste(text);
        }
    }

    fn react(&mut self, reaction: Reaction) {
        match reaction {
            Reaction::Stay | Reaction::Close => {}
            Reaction::Run(action) => self.act(action),
            Reaction::Send(command) => match self.over() {
                None => self.ask(command),
                Some(why) => self.warn(why),
            },
            Reaction::Stop => self.request = Some(Request::Stop),
            Reaction::Detach => self.request = Some(Request::Detach),
        }
    }

    /// Sends a command, and remembers it until it is answered.
    pub(super) fn ask(&mut self, command: Command) {
        self.pending.push(command.clone());
        self.outbox.push(command);
    }

    /// Asks a recorded run to move.
    pub(super) fn play(&mut self, transport: Transport) {
        self.transports.push(transport);
    }

    /// Lets frames carry the permutation of the vector shown. Only the newest such wish counts.
    pub(super) fn watch(&mut self) {
        if self.over().is_some() {
            return;
        }
        self.outbox.retain(|command| !matches!(command, Command::Watch { .. }));
        let View { layer, vector, .. } = self.view;
        self.outbox.push(Command::Watch { layer, vector });
    }

    pub(super) fn request(&mut self, request: Request) {
        self.request = Some(request);
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), warning: false });
        self.touch();
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.status = Some(Status { text: text.into(), warning: true });
        self.touch();
    }

    /// Says in words what needs words.
    fn tell(&mut self, event: &Event) {
        let step = event.step;
        match &event.kind {
            EventKind::Applied { command, by } => {
                let asked_here = self.answered(command);
                let done = match command {
                    Command::Watch { .. } | Command::Step => return,
                    Command::Snapshot | Command::Stop => return,
                    Command::Pause => format!("paused after step {step}"),
                    Command::Resume => format!("on from step {step}"),
                    Command::Sync => format!("synchronized at step {step}"),
                    Command::Evaluate => format!("evaluated at step {step}"),
                    _ => format!("{command}, from step {step} on"),
                };
                self.say(match by {
                    Some(by) if !asked_here => format!("{done} ({by})"),
                    _ => done,
                });
            }
            EventKind::Refused { command, reason, .. } => {
                self.answered(command);
                self.warn(format!("not done: {command}: {reason}"));
            }
            EventKind::Started(started) => self.view.layer = largest(&started.layers),
            EventKind::Snapshot { file, .. } => self.say(format!("saved {file}")),
            EventKind::Notice { message } => self.say(message.clone()),
            EventKind::Phase { phase: Phase::Running } => self.withdraw(Topic::Diverged),
            EventKind::Diverged { place, good_step } => {
                self.announce(Question::diverged(place, *good_step, self.steerable));
            }
            EventKind::Finished { reason, message, .. } => {
                self.ended(*reason, message.as_deref(), step);
            }
            _ => {}
        }
    }

    fn ended(&mut self, reason: Reason, message: Option<&str>, step: u64) {
        self.pending.clear();
        self.withdraw(Topic::Diverged);
        self.withdraw(Topic::Quit);
        match reason {
            Reason::Finished => {
                self.say("all steps taken; everything can still be looked at, q leaves")
            }
            Reason::Stopped => self.say(format!("stopped after step {step}; q leaves")),
            Reason::Diverged => self.warn(format!("diverged after step {step}; q leaves")),
            Reason::Failed => {
                let message = message.unwrap_or("the reason is not known");
                self.announce(Question::failed(message));
                self.warn(format!("failed after step {step}: {message}"));
            }
        }
    }

    /// Commands are answered in their order, but an answer's numbers may have been rounded on the
    /// way.
    /// Tells whether it was asked for here.
    fn answered(&mut self, command: &Command) -> bool {
        let same =
            |pending: &Command| std::mem::discriminant(pending) == std::mem::discriminant(command);
        let index = self.pending.iter().position(same);
        if let Some(index) = index {
            self.pending.remove(index);
            self.touch();
        }
        index.is_some()
    }

    /// Opens a question below all else, so that it takes no key that was meant for something open.
    fn announce(&mut self, question: Question) {
        self.withdraw(question.topic);
        self.popups.insert(0, Popup::Question(question));
        self.touch();
    }

    /// Closes a question that has answered itself.
    fn withdraw(&mut self, topic: Topic) {
        let asks =
            |popup: &Popup| matches!(popup, Popup::Question(question) if question.topic == topic);
        self.popups.retain(|popup| !asks(popup));
        self.touch();
    }

    /// Whether it is asked on top of all else whether to leave.
    pub(super) fn asks_to_quit(&self) -> bool {
        match self.popups.last() {
            Some(Popup::Question(question)) => question.topic == Topic::Quit,
            _ => false,
        }
    }

    /// Whether leaving needs no question.
    pub(super) fn may_leave(&self) -> bool {
        !self.steerable || self.run.phase == Phase::Finished
    }

    /// Whether the run holds, or was asked to: what space turns around.
    pub(super) fn holds(&self) -> bool {
        let wish = self.pending.iter().rev().find_map(|command| match command {
            Command::Pause => Some(true),
            Command::Resume => Some(false),
            _ => None,
        });
        wish.unwrap_or(matches!(self.run.phase, Phase::Paused | Phase::Diverged))
    }

    /// k as it is or was asked for.
    pub(super) fn period(&self) -> u64 {
        let wish = self.pending.iter().rev().find_map(|command| match command {
            Command::SetPeriod { k } => Some(*k),
            _ => None,
        });
        wish.unwrap_or(self.run.schedule.k)
    }

    /// p as it is or was asked for.
    pub(super) fn pruning(&self) -> f64 {
        let wish = self.pending.iter().rev().find_map(|command| match command {
            Command::SetPruning { p } => Some(*p),
            _ => None,
        });
        wish.unwrap_or(self.run.schedule.p)
    }

    /// The focused panel.
    pub fn panel(&self) -> Panel {
        Panel::ALL[self.focus % Panel::ALL.len()]
    }
}

/// Why something cannot be done now.
impl App {
    pub(super) fn over(&self) -> Option<&'static str> {
        match self.run.phase {
            _ if self.playback.is_some() => Some("this is a replay, which is not steered"),
            Phase::Finished => Some("the run is over"),
            _ if !self.steerable => Some("this run is not steered from here"),
            _ => None,
        }
    }

    pub(super) fn not_paused(&self) -> Option<&'static str> {
        self.over().or((!self.holds()).then_some("only while paused"))
    }

    pub(super) fn without_period(&self) -> Option<&'static str> {
        self.over().or(self.wraps(&[WrapperName::None]).then_some("this run has no syncs"))
    }

    pub(super) fn without_pruning(&self) -> Option<&'static str> {
        let others = [WrapperName::None, WrapperName::Lookahead];
        self.over().or(self.wraps(&others).then_some("only LaPerm prunes"))
    }

    pub(super) fn no_replay(&self) -> Option<&'static str> {
        self.playback.is_none().then_some("only in a replay")
    }

    pub(super) fn scrubs(&self) -> Option<&'static str> {
        self.playback.map(|_| "in a replay the arrows scrub")
    }

    pub(super) fn stops_instead(&self) -> Option<&'static str> {
        self.playback.map(|_| "in a replay, space stops")
    }

    pub(super) fn without_vectors(&self) -> Option<&'static str> {
        let recorded = self.playback.map(|_| "a replay shows the vector that was watched");
        self.without_layers().or(recorded)
    }

    pub(super) fn without_profiles(&self) -> Option<&'static str> {
        let zoomed = self.zoomed && self.panel().has_rank_axis();
        (!zoomed).then_some("only where the weight profiles fill the screen")
    }

    pub(super) fn without_layers(&self) -> Option<&'static str> {
        self.layers().is_empty().then_some("no layers yet")
    }

    pub(super) fn without_figure(&self) -> Option<&'static str> {
        let none = self.panel().figure().is_none().then_some("this panel has none");
        none.or(self.run.started.is_none().then_some("the run has not begun"))
    }

    /// Returns true if the run is trained by one of `wrappers`.
    fn wraps(&self, wrappers: &[WrapperName]) -> bool {
        let started = self.run.started.as_ref();
        started.is_some_and(|started| wrappers.iter().any(|wrapper| started.wrapper == *wrapper))
    }

    pub(super) fn layers(&self) -> &[crate::train::LayerInfo] {
        self.run.started.as_ref().map_or(&[], |started| started.layers.as_slice())
    }
}
