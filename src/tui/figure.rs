//! The focused panel's figure as a file in the run's folder, drawn while the screen goes on.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::app::App;
use crate::figure::{Kind, Options, Source, draw};
use crate::model::write_atomically;
use crate::run::{RunFolder, RunState, Setup};

/// Figures that are drawn aside.
pub(super) struct Figures {
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
}

/// The file, or why there is none.
type Outcome = Result<String, String>;

impl Figures {
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Figures { sender, receiver }
    }

    /// Begins to draw what the focused panel of `app` shows, for the run in `folder`.
    pub fn begin(&self, app: &App, folder: &Path) {
        let Some(kind) = app.panel().figure() else { return };
        let (state, options) = (app.shown().clone(), options(app, kind));
        let (folder, sender) = (RunFolder::open(folder), self.sender.clone());
        // Nobody waits for it: a person who leaves at once has no figure.
        thread::spawn(move || sender.send(save(kind, state, &options, &folder)));
    }

    /// Tells of the figures that were finished.
    pub fn tell(&self, app: &mut App) {
        for outcome in self.receiver.try_iter() {
            match outcome {
                Ok(file) => app.say(format!("saved {file}")),
                Err(why) => app.warn(format!("no figure: {why}")),
            }
        }
    }
}

/// The figure as the screen shows it.
fn options(app: &App, kind: Kind) -> Options {
    let layer = app.layers().get(app.view.layer).map(|layer| layer.name.clone());
    Options {
        unit: app.view.unit,
        layer: layer.filter(|_| kind.is_of_one_layer()),
        ..Options::default()
    }
}

/// Draws and saves it; returns the file within the run's folder.
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
