//! The figure of the focused panel as a file in the run's folder. A thread draws it, so that the
//! screen stays live.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::state::App;
use crate::figure::{Kind, Options, Source, draw};
use crate::model::write_atomically;
use crate::run::{RunFolder, RunState, Setup};

/// Figures in progress.
pub(super) struct Figures {
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
}

/// The file, or what went wrong.
type Outcome = Result<String, String>;

impl Figures {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Figures { sender, receiver }
    }

    /// Starts to draw the figure of the focused panel, for the run in `folder`.
    pub(super) fn begin(&self, app: &App, folder: &Path) {
        let Some(kind) = app.panel().figure() else { return };
        let (state, options) = (app.shown().clone(), options(app, kind));
        let (folder, sender) = (RunFolder::open(folder), self.sender.clone());
        // Leaving does not wait for the thread: a user who leaves at once gets no figure.
        thread::spawn(move || sender.send(save(kind, state, &options, &folder)));
    }

    /// Reports the figures that are finished.
    pub(super) fn report(&self, app: &mut App) {
        for outcome in self.receiver.try_iter() {
            match outcome {
                Ok(file) => app.chrome.say(format!("saved {file}")),
                Err(why) => app.chrome.warn(format!("no figure: {why}")),
            }
        }
    }
}

/// Options of a figure that shows what the screen shows.
fn options(app: &App, kind: Kind) -> Options {
    let layer = app.layers().get(app.view.layer).map(|layer| layer.name.clone());
    Options {
        unit: app.view.unit,
        layer: layer.filter(|_| kind.is_of_one_layer()),
        ..Options::default()
    }
}

/// Draws and saves a figure. Returns its file, relative to the run's folder.
fn save(kind: Kind, state: RunState, options: &Options, folder: &RunFolder) -> Outcome {
    let step = state.step;
    let setup = Setup::read(folder).map_err(|error| error.to_string())?;
    let source = Source { name: folder.name(), setup, state };
    let figure = draw(kind, &[source], options).map_err(|error| error.to_string())?;
    let file = format!("figures/{}-step-{step:07}.svg", kind.name());
    let path = folder.path().join(&file);
    let io = |error| format!("{}: {error}", path.display());
    fs::create_dir_all(folder.path().join("figures")).map_err(io)?;
    write_atomically(&path, figure.svg().as_bytes()).map_err(io)?;
    Ok(file)
}
