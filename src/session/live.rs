//! A run in this process: the trainer on a dedicated thread. Screens are clients in other
//! processes, through a [`Server`](super::Server).

use std::fmt::Display;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};
use std::vec;

use rayon::ThreadPoolBuilder;

use crate::run::{LogFeed, Resumption, ResumptionError, RunFolder, RunRecorder};
use crate::train::{
    Event, EventKind, Order, Prepared, Reason, Recorder, ResumeError, Script, StartError, Trainer,
};

/// A run that this process trains.
pub struct Live {
    folder: RunFolder,
    feed: LogFeed,
    events: Receiver<Vec<Event>>,
    /// The rest of the latest batch of events.
    waiting: vec::IntoIter<Event>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts a new run, recorded in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn start(prepared: Prepared, folder: RunFolder) -> io::Result<Self> {
        Self::new_run(folder, |inbox, recorder| Trainer::new(prepared, inbox, recorder))
    }

    /// Starts a new run that applies the commands of `script` at their steps.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn rerun(prepared: Prepared, script: Script, folder: RunFolder) -> io::Result<Self> {
        Self::new_run(folder, |inbox, recorder| Trainer::rerun(prepared, script, inbox, recorder))
    }

    /// Continues a run from its checkpoint, recorded in the same folder.
    ///
    /// # Errors
    /// The data is missing or has changed, the checkpoint or the log cannot be continued, or no
    /// steps are left. The log is unchanged in all these cases.
    pub fn resume(resumption: Resumption) -> Result<Self, ResumptionError> {
        let prepared = resumption.prepare()?;
        let Resumption { folder, claim, checkpoint, .. } = resumption;
        let (recorder, events) = RunRecorder::resume(folder.clone(), claim, checkpoint.log())?;
        let (started, outcome) = mpsc::sync_channel(1);
        let live = Self::spawn(folder, recorder, events, Some(started), |inbox, recorder| {
            Trainer::resume(prepared, checkpoint, inbox, recorder)
        })?;
        let outcome = outcome
            .recv()
            .unwrap_or_else(|_| Err(NotStarted::Panicked("its thread is gone".into())));
        match outcome {
            Ok(()) => Ok(live),
            Err(NotStarted::Refused(error)) => Err(error.into()),
            Err(NotStarted::Panicked(message)) => Err(ResumeError::Broken(message).into()),
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
        started: Option<SyncSender<Result<(), NotStarted<E>>>>,
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
        let feed = recorder.feed();
        let (orders, inbox) = mpsc::channel();
        // The trainer is a thread of a pool, so that kernels split their work without handing it
        // over to other threads first. The pool is its own, so that it competes with no other work
        // in this process.
        let pool = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads());
        let pool = pool.build().map_err(io::Error::other)?;
        let body = move || pool.install(|| train(inbox, recorder, started, begin));
        let thread = thread::Builder::new().name("trainer".into()).spawn(body)?;
        let waiting = Vec::new().into_iter();
        Ok(Live { folder, feed, events, waiting, orders, thread: Some(thread) })
    }

    /// Returns the folder of the run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Returns the channel of orders to the trainer.
    pub fn orders(&self) -> Sender<Order> {
        self.orders.clone()
    }

    /// Returns a handle with which to subscribe to the run's log.
    pub fn feed(&self) -> LogFeed {
        self.feed.clone()
    }

    /// Sends an order to the trainer. The answer is an event.
    pub fn send(&self, order: impl Into<Order>) {
        // Fails if the trainer has ended, which its last event reports.
        let _ = self.orders.send(order.into());
    }

    /// Waits until the run has ended and is saved.
    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Iterates over the events, waiting for each.
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

/// Why a trainer did not start.
enum NotStarted<E> {
    Refused(E),
    Panicked(String),
}

/// Runs the trainer. A panic ends the run with a message, but not the program. If `started` is
/// given, it receives whether the trainer has started, and nothing is recorded if it has not.
fn train<E, F>(
    orders: Receiver<Order>,
    mut recorder: RunRecorder,
    mut started: Option<SyncSender<Result<(), NotStarted<E>>>>,
    begin: F,
) where
    E: Display,
    F: for<'a> FnOnce(
        Receiver<Order>,
        &'a mut RunRecorder,
    ) -> Result<Trainer<&'a mut RunRecorder>, E>,
{
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut trainer = begin(orders, &mut recorder)?;
        if let Some(started) = started.take() {
            // The run continues even if its owner no longer waits for the answer.
            let _ = started.send(Ok(()));
        }
        trainer.run();
        Ok(())
    }));
    let failure = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => NotStarted::Refused(error),
        Err(panic) => NotStarted::Panicked(message_of(&*panic)),
    };
    if let Some(started) = started {
        drop(recorder);
        let _ = started.send(Err(failure));
        return;
    }
    let message = match failure {
        NotStarted::Refused(error) => error.to_string(),
        NotStarted::Panicked(message) => format!("the trainer crashed: {message}"),
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
