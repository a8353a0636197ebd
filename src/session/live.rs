//! A run in this process: the trainer on a thread of its own. Screens look at it from other processes, through a
//! [`Server`](super::Server).

use std::fmt::Display;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};
use std::vec;

use rayon::ThreadPoolBuilder;

use crate::run::{Listening, Resumption, ResumptionError, RunFolder, RunRecorder};
use crate::train::{
    Event, EventKind, Order, Prepared, Reason, Recorder, ResumeError, Script, StartError, Trainer,
};

/// A run that this process trains.
pub struct Live {
    folder: RunFolder,
    listening: Listening,
    events: Receiver<Vec<Event>>,
    /// What came together and was not looked at yet.
    waiting: vec::IntoIter<Event>,
    commands: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts to train what was prepared, recording in `folder`.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn start(prepared: Prepared, folder: RunFolder) -> io::Result<Self> {
        Self::new_run(folder, |inbox, recorder| Trainer::new(prepared, inbox, recorder))
    }

    /// The same, but does what `script` says at its steps.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn rerun(prepared: Prepared, script: Script, folder: RunFolder) -> io::Result<Self> {
        Self::new_run(folder, |inbox, recorder| Trainer::rerun(prepared, script, inbox, recorder))
    }

    /// Goes on with a run from its checkpoint, recording where it stopped.
    ///
    /// # Errors
    /// Data that is not there or not what it was, a checkpoint or a log that cannot be continued, or nothing left to
    /// train. The log is as it was then.
    pub fn resume(resumption: Resumption) -> Result<Self, ResumptionError> {
        let prepared = resumption.prepare()?;
        let Resumption { folder, claim, checkpoint, .. } = resumption;
        let (recorder, events) = RunRecorder::resume(folder.clone(), claim, checkpoint.log())?;
        let (ready, outcome) = mpsc::sync_channel(1);
        let live = Self::spawn(folder, recorder, events, Some(ready), |inbox, recorder| {
            Trainer::resume(prepared, checkpoint, inbox, recorder)
        })?;
        let outcome =
            outcome.recv().unwrap_or_else(|_| Err(Unready::Broken("its thread is gone".into())));
        match outcome {
            Ok(()) => Ok(live),
            Err(Unready::Refused(error)) => Err(error.into()),
            Err(Unready::Broken(message)) => Err(ResumeError::Broken(message).into()),
        }
    }

    fn new_run<F>(folder: RunFolder, begin: F) -> io::Result<Self>
    where
        F: for<'a> FnOnce(
                Receiver<Order>,
                &'a mut RunRecorder,
            ) -> Result<Trainer<&'a mut RunRecorder>, StartError>
            + Send
            + 'static,
    {
        let (recorder, events) = RunRecorder::start(folder.clone())?;
        Self::spawn(folder, recorder, events, None, begin)
    }

    fn spawn<E, F>(
        folder: RunFolder,
        recorder: RunRecorder,
        events: Receiver<Vec<Event>>,
        ready: Option<SyncSender<Result<(), Unready<E>>>>,
        begin: F,
    ) -> io::Result<Self>
    where
        E: Display + Send + 'static,
        F: for<'a> FnOnce(
                Receiver<Order>,
                &'a mut RunRecorder,
            ) -> Result<Trainer<&'a mut RunRecorder>, E>
            + Send
            + 'static,
    {
        let listening = recorder.listening();
        let (commands, inbox) = mpsc::channel();
        // Within a pool, kernels share out their work without handing it over; in one of its own, the trainer is in
        // nobody's way.
        let pool = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads());
        let pool = pool.build().map_err(io::Error::other)?;
        let body = move || pool.install(|| train(inbox, recorder, ready, begin));
        let thread = thread::Builder::new().name("trainer".into()).spawn(body)?;
        let waiting = Vec::new().into_iter();
        Ok(Live { folder, listening, events, waiting, commands, thread: Some(thread) })
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
        loop {
            if let Some(event) = self.waiting.next() {
                return Some(event);
            }
            self.waiting = self.events.recv().ok()?.into_iter();
        }
    }
}

/// Why a trainer did not begin.
enum Unready<E> {
    Refused(E),
    Broken(String),
}

/// The trainer's thread. A panic ends the run with a message, never the program. Whoever waits for `ready` is told
/// whether it began; if it did not, nothing is recorded.
fn train<E, F>(
    commands: Receiver<Order>,
    mut recorder: RunRecorder,
    mut ready: Option<SyncSender<Result<(), Unready<E>>>>,
    begin: F,
) where
    E: Display,
    F: for<'a> FnOnce(
        Receiver<Order>,
        &'a mut RunRecorder,
    ) -> Result<Trainer<&'a mut RunRecorder>, E>,
{
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut trainer = begin(commands, &mut recorder)?;
        if let Some(ready) = ready.take() {
            // Whoever waited is gone: so be it.
            let _ = ready.send(Ok(()));
        }
        trainer.run();
        Ok(())
    }));
    let failure = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Unready::Refused(error),
        Err(panic) => Unready::Broken(message_of(&*panic)),
    };
    if let Some(ready) = ready {
        drop(recorder);
        let _ = ready.send(Err(failure));
        return;
    }
    let message = match failure {
        Unready::Refused(error) => error.to_string(),
        Unready::Broken(message) => format!("the trainer broke down: {message}"),
    };
    let (step, seconds) = recorder.last();
    recorder.record(Event {
        step,
        seconds,
        kind: EventKind::Finished {
            reason: Reason::Failed,
            message: Some(message),
            weights_checksum: None,
            data_wait_seconds: None,
        },
    });
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
