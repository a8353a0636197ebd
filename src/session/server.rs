//! The host's side: whoever is allowed to may listen to a run and steer it.
//!
//! The trainer never waits for a client: lines are queued by the journal, which lets a client go that is too far
//! behind. What a client sends that is not a command ends that client's connection and nothing else.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::socket::{self, Bound};
use super::wire::{self, Hello, LONGEST_COMMAND, Reply, VERSION};
use crate::run::{Listening, RunFolder, Subscription};
use crate::train::{Command, Order};

/// Clients at the same time: more is a mistake, not a use.
const MOST_CLIENTS: usize = 32;

/// How long a client may take to say hello, and to take a piece of what it asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How soon it is noticed that a client has left while nothing happens that it could be told.
const GLANCE: Duration = Duration::from_millis(500);

/// The open door of a run. Dropped, it closes after everybody has been told the end.
pub struct Server {
    door: Arc<Door>,
    thread: Option<JoinHandle<()>>,
}

/// What the threads of all clients share.
struct Door {
    bound: Bound,
    listening: Listening,
    orders: Mutex<Sender<Order>>,
    closing: AtomicBool,
    clients: AtomicUsize,
    /// Whether anybody was ever let in.
    visited: AtomicBool,
}

impl Server {
    /// Lets clients in to the run in `folder`.
    ///
    /// # Errors
    /// No socket can be made, neither in the run folder nor in a folder of the user's own.
    pub fn start(
        folder: &RunFolder,
        listening: Listening,
        orders: Sender<Order>,
    ) -> io::Result<Self> {
        let door = Arc::new(Door {
            bound: Bound::new(folder)?,
            listening,
            orders: Mutex::new(orders),
            closing: AtomicBool::new(false),
            clients: AtomicUsize::new(0),
            visited: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("door".into()).spawn({
            let door = door.clone();
            move || open(&door)
        })?;
        Ok(Server { door, thread: Some(thread) })
    }

    /// Waits for the first client, but no longer than `patience`: whoever asked for a run that was over at once has still
    /// to come.
    pub fn await_first(&self, patience: Duration) {
        let begun = Instant::now();
        while !self.door.visited.load(Ordering::Relaxed) && begun.elapsed() < patience {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.door.closing.store(true, Ordering::Relaxed);
        self.door.bound.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Lets clients in until the door closes, then waits until all have heard the end.
fn open(door: &Arc<Door>) {
    let mut clients: Vec<JoinHandle<()>> = Vec::new();
    for stream in door.bound.listener.incoming() {
        if door.closing.load(Ordering::Relaxed) {
            break;
        }
        clients.retain(|client| !client.is_finished());
        let Ok(stream) = stream else {
            // Out of descriptors, most likely: they come back.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let door = door.clone();
        let client = thread::Builder::new().name("client".into()).spawn(move || {
            let many = door.clients.fetch_add(1, Ordering::Relaxed) >= MOST_CLIENTS;
            serve(&door, &stream, many);
            let _ = stream.shutdown(Shutdown::Both);
            door.clients.fetch_sub(1, Ordering::Relaxed);
        });
        clients.extend(client);
    }
    for client in clients {
        let _ = client.join();
    }
}

/// Serves one client to its end.
fn serve(door: &Arc<Door>, stream: &UnixStream, too_many: bool) {
    // A client that cannot be told why is gone anyway.
    let refuse = |reason: String| {
        let _ = send(stream, &Reply::Refused { reason, again: false });
    };
    if stream.set_read_timeout(Some(PATIENCE)).is_err()
        || stream.set_write_timeout(Some(PATIENCE)).is_err()
    {
        return;
    }
    let process = match socket::peer(stream) {
        Ok(process) => process,
        Err(_) => return refuse("this run belongs to another user".into()),
    };
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    let hello = match wire::read_line(&mut reader, LONGEST_COMMAND) {
        Ok(Some(line)) => serde_json::from_str::<Hello>(&line).ok(),
        _ => None,
    };
    let Some(hello) = hello else { return refuse("a client must say hello first".into()) };
    if too_many {
        return refuse(format!("{MOST_CLIENTS} others look at this run already"));
    }
    if hello.laperm != VERSION {
        let (theirs, version) = (hello.laperm, env!("CARGO_PKG_VERSION"));
        return refuse(format!(
            "this run is hosted by laperm {version}, which speaks version {VERSION} of the protocol, not {theirs}"
        ));
    }
    let role: String = hello.role.chars().filter(|c| c.is_alphanumeric()).take(16).collect();
    let you = process.map_or(role.clone(), |process| format!("{role} {process}"));
    let subscription = door.listening.subscribe();
    let welcome = Reply::Welcome { laperm: VERSION, offset: subscription.offset, you: you.clone() };
    door.visited.store(true, Ordering::Relaxed);
    if send(stream, &welcome).is_err() {
        return;
    }
    let writer = Arc::new(Mutex::new(()));
    let gone = Arc::<AtomicBool>::default();
    let Ok(clone) = stream.try_clone() else { return };
    let teller = thread::Builder::new().name("client-events".into()).spawn({
        let (writer, gone) = (writer.clone(), gone.clone());
        move || {
            let _ = tell(&clone, &writer, &gone, &subscription);
            let _ = clone.shutdown(Shutdown::Both);
        }
    });
    let Ok(teller) = teller else { return };
    // From now on a client may be silent for as long as it likes.
    let _ = stream.set_read_timeout(None);
    if let Err(reason) = obey(door, &mut reader, &you) {
        let _whole = writer.lock().unwrap_or_else(PoisonError::into_inner);
        refuse(reason);
        let _ = stream.shutdown(Shutdown::Both);
    }
    gone.store(true, Ordering::Relaxed);
    let _ = teller.join();
}

/// Sends a client everything from now on, until the run is over or the client is gone or too slow.
fn tell(
    stream: &UnixStream,
    writer: &Mutex<()>,
    gone: &AtomicBool,
    subscription: &Subscription,
) -> io::Result<()> {
    let mut stream = stream;
    {
        let _whole = writer.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&subscription.waiting)?;
    }
    while let Some(lines) = subscription.next_lines(GLANCE) {
        if gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _whole = writer.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(lines.as_bytes())?;
    }
    if subscription.too_slow() {
        let reason = "it did not keep up with the run's events".into();
        send(stream, &Reply::Refused { reason, again: true })?;
    }
    Ok(())
}

/// Passes a client's commands on until it says no more. What is no command is an error, as a sentence.
fn obey(door: &Door, reader: &mut BufReader<UnixStream>, you: &str) -> Result<(), String> {
    loop {
        let line = match wire::read_line(reader, LONGEST_COMMAND) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(error.to_string()),
            Err(_) => return Ok(()),
        };
        let command: Command = serde_json::from_str(&line)
            .map_err(|error| format!("that is not a command: {error}"))?;
        let order = Order { command, by: Some(you.to_owned()) };
        // A trainer that has ended obeys nobody; its last event says so.
        let _ = door.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order);
    }
}

fn send(mut stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(wire::line(reply)?.as_bytes())
}
