//! A run in this process: the trainer on a thread of its own. Screens look at it from other processes, through a
//! [`Server`](super::Server).

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::run::{Listening, RunFolder, RunRecorder};
use crate::train::{Event, EventKind, Order, Prepared, Reason, Recorder, Trainer};

/// A run that this process trains.
pub struct Live {
    folder: RunFolder,
    listening: Listening,
    events: Receiver<Event>,
    commands: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts to train what was prepared, recording in `folder`.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn start(prepared: Prepared, folder: RunFolder) -> io::Result<Self> {
        let (recorder, events) = RunRecorder::start(folder.clone())?;
        let listening = recorder.listening();
        let (commands, inbox) = mpsc::channel();
        let body = move || train(prepared, inbox, recorder);
        let thread = thread::Builder::new().name("trainer".into()).spawn(body)?;
        Ok(Live { folder, listening, events, commands, thread: Some(thread) })
    }

    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Where orders go.
    pub fn orders(&self) -> Sender<Order> {
        self.commands.clone()
    }

    /// Where others can listen to the events.
    pub fn listening(&self) -> Listening {
        self.listening.clone()
    }

    /// Asks the trainer to do something; the answer comes as an event.
    pub fn send(&self, order: impl Into<Order>) {
        // A trainer that has ended obeys nobody; its last event says so.
        let _ = self.commands.send(order.into());
    }

    /// Waits until the run has ended and everything is saved.
    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The events as they come, waiting for each.
impl Iterator for Live {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }
}

/// The trainer's thread. A panic ends the run with a message, never the program.
fn train(prepared: Prepared, commands: Receiver<Order>, mut recorder: RunRecorder) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut trainer =
            Trainer::new(prepared, commands, &mut recorder).map_err(|e| e.to_string())?;
        trainer.run();
        Ok(())
    }));
    let message = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(message)) => message,
        Err(panic) => format!("the trainer broke down: {}", message_of(&*panic)),
    };
    let (step, seconds) = recorder.last();
    recorder.record(Event {
        step,
        seconds,
        kind: EventKind::Finished {
            reason: Reason::Failed,
            message: Some(message),
            weights_checksum: None,
        },
    });
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
