//! The host's side of the socket: clients of the same user may listen to a run and steer it.
//!
//! The trainer never waits for a client: lines are queued by the run's journal, which drops a
//! client that falls too far behind. A client that sends anything but a command is disconnected,
//! and no other is affected.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::socket::{self, Bound};
use super::wire::{self, FromHost, Hello, LONGEST_COMMAND, VERSION};
use crate::run::{LogFeed, RunFolder, Subscription};
use crate::train::{Command, Order};

/// Number of clients at a time. More are a mistake rather than a use.
const MOST_CLIENTS: usize = 32;

/// Time in which a client must say hello, and take each piece of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Interval at which a client that has left is detected while there is nothing to send.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

/// The socket of a hosted run. Dropping it waits until all clients have received the last event.
pub struct Server {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// State shared by the threads of all clients.
struct Shared {
    bound: Bound,
    feed: LogFeed,
    orders: Mutex<Sender<Order>>,
    closing: AtomicBool,
    clients: AtomicUsize,
    /// Whether a client was ever welcomed.
    visited: AtomicBool,
}

impl Server {
    /// Accepts clients for the run in `folder`.
    ///
    /// # Errors
    /// A socket can be created neither in the run folder nor in the user's runtime folder.
    pub fn start(folder: &RunFolder, feed: LogFeed, orders: Sender<Order>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            bound: Bound::new(folder)?,
            feed,
            orders: Mutex::new(orders),
            closing: AtomicBool::new(false),
            clients: AtomicUsize::new(0),
            visited: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("server".into()).spawn({
            let shared = shared.clone();
            move || accept(&shared)
        })?;
        Ok(Server { shared, thread: Some(thread) })
    }

    /// Waits for the first client, but no longer than `patience`. Without it, a run that ends at
    /// once would be gone before the screen that started it has connected.
    pub fn await_first(&self, patience: Duration) {
        let begun = Instant::now();
        while !self.shared.visited.load(Ordering::Relaxed) && begun.elapsed() < patience {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.shared.bound.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts clients until the server closes, then waits until all have received the last event.
fn accept(shared: &Arc<Shared>) {
    let mut clients: Vec<JoinHandle<()>> = Vec::new();
    for stream in shared.bound.listener.incoming() {
        if shared.closing.load(Ordering::Relaxed) {
            break;
        }
        clients.retain(|client| !client.is_finished());
        let Ok(stream) = stream else {
            // Most likely there are no file descriptors left; some may be free again soon.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let shared = shared.clone();
        let client = thread::Builder::new().name("client".into()).spawn(move || {
            let too_many = shared.clients.fetch_add(1, Ordering::Relaxed) >= MOST_CLIENTS;
            // The reason is for the client; one that has left already needs none.
            if let Err(reason) = serve(&shared, &stream, too_many) {
                let _ = refuse(&stream, reason);
            }
            let _ = stream.shutdown(Shutdown::Both);
            shared.clients.fetch_sub(1, Ordering::Relaxed);
        });
        clients.extend(client);
    }
    for client in clients {
        let _ = client.join();
    }
}

/// Serves one client until it leaves or the run ends.
///
/// # Errors
/// The reason why the client is refused, as a sentence.
fn serve(shared: &Arc<Shared>, stream: &UnixStream, too_many: bool) -> Result<(), String> {
    if stream.set_read_timeout(Some(PATIENCE)).is_err()
        || stream.set_write_timeout(Some(PATIENCE)).is_err()
    {
        return Ok(());
    }
    let process = socket::peer(stream).map_err(|_| "this run belongs to another user")?;
    let (Ok(input), Ok(output)) = (stream.try_clone(), stream.try_clone()) else { return Ok(()) };
    let mut reader = BufReader::new(input);
    let role = greet(&mut reader, too_many)?;
    let you = process.map_or(role.clone(), |process| format!("{role} {process}"));
    let subscription = shared.feed.subscribe();
    let offset = subscription.offset;
    shared.visited.store(true, Ordering::Relaxed);
    if send(stream, &FromHost::Welcome { laperm: VERSION, offset, you: you.clone() }).is_err() {
        return Ok(());
    }
    let writer = Arc::new(Mutex::new(()));
    let gone = Arc::<AtomicBool>::default();
    let sender = thread::Builder::new().name("client-events".into()).spawn({
        let (writer, gone) = (writer.clone(), gone.clone());
        move || {
            let _ = send_events(&output, &writer, &gone, &subscription);
            let _ = output.shutdown(Shutdown::Both);
        }
    });
    let Ok(sender) = sender else { return Ok(()) };
    // From now on a client may be silent for any time.
    let _ = stream.set_read_timeout(None);
    if let Err(reason) = receive_commands(shared, &mut reader, &you) {
        let _whole_line = lock(&writer);
        let _ = refuse(stream, reason);
        let _ = stream.shutdown(Shutdown::Both);
    }
    gone.store(true, Ordering::Relaxed);
    let _ = sender.join();
    Ok(())
}

/// Reads a client's hello and returns its role, reduced to 16 letters and digits.
///
/// # Errors
/// The reason why the client is refused, as a sentence.
fn greet(reader: &mut BufReader<UnixStream>, too_many: bool) -> Result<String, String> {
    let hello = match wire::read_line(reader, LONGEST_COMMAND) {
        Ok(Some(line)) => serde_json::from_str::<Hello>(&line).ok(),
        _ => None,
    };
    let hello = hello.ok_or("a client must say hello first")?;
    if too_many {
        return Err(format!("{MOST_CLIENTS} clients are connected to this run already"));
    }
    if hello.laperm != VERSION {
        let (theirs, program) = (hello.laperm, env!("CARGO_PKG_VERSION"));
        return Err(format!(
            "this run is hosted by laperm {program}, \
             which speaks version {VERSION} of the protocol, not {theirs}"
        ));
    }
    Ok(hello.role.chars().filter(|c| c.is_alphanumeric()).take(16).collect())
}

/// Sends a client all events from now on, until the run ends or the client is gone or too slow.
/// `writer` is locked for each write, so that lines of two threads do not mix.
fn send_events(
    mut stream: &UnixStream,
    writer: &Mutex<()>,
    gone: &AtomicBool,
    subscription: &Subscription,
) -> io::Result<()> {
    {
        let _whole_lines = lock(writer);
        stream.write_all(&subscription.waiting)?;
    }
    while let Some(lines) = subscription.next_lines(IDLE_INTERVAL) {
        if gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _whole_lines = lock(writer);
        stream.write_all(lines.as_bytes())?;
    }
    if subscription.too_slow() {
        let reason = "it did not keep up with the run's events".into();
        send(stream, &FromHost::Refused { reason, again: true })?;
    }
    Ok(())
}

/// Passes a client's commands to the trainer until the client leaves.
///
/// # Errors
/// The client sent a line that is not a command; the reason is a sentence.
fn receive_commands(
    shared: &Shared,
    reader: &mut BufReader<UnixStream>,
    you: &str,
) -> Result<(), String> {
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
        // Fails if the trainer has ended, which its last event reports.
        let _ = lock(&shared.orders).send(order);
    }
}

fn refuse(stream: &UnixStream, reason: String) -> io::Result<()> {
    send(stream, &FromHost::Refused { reason, again: false })
}

fn send(mut stream: &UnixStream, message: &FromHost) -> io::Result<()> {
    stream.write_all(wire::encode(message)?.as_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
