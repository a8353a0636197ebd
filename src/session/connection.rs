//! The client's side: a line to the process that hosts a run.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::socket;
use super::wire::{self, Hello, LONGEST_EVENT, Reply, VERSION};
use crate::run::RunFolder;
use crate::train::{Command, Event};

/// A host that cannot be reached, or does not want us.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error(
        "no process on this machine hosts the run {}: look at it with `laperm replay`, or go on with `laperm resume`",
        .0.display()
    )]
    NotHosted(PathBuf),
    /// A process on another machine hosts it.
    #[error("the run {} is hosted on another machine: attach to it on {host}", run.display())]
    Elsewhere {
        /// The run's folder.
        run: PathBuf,
        /// The machine's name.
        host: String,
    },
    /// The host says no.
    #[error("the process that hosts the run refuses: {reason}")]
    Refused {
        /// Why, as a sentence.
        reason: String,
        /// Whether it is worth trying again.
        again: bool,
    },
    /// The connection broke, or what came over it is not understood.
    #[error("the connection to the run's host is broken: {0}")]
    Broken(#[from] io::Error),
}

/// A connection to the host of a run.
pub struct Connection {
    reader: BufReader<UnixStream>,
    /// Bytes of the log on disk whose events will not come over this connection.
    pub offset: u64,
    /// How the host signs commands that come from here.
    pub you: String,
}

/// The way of commands to a host.
pub struct Commands(UnixStream);

impl Connection {
    /// Connects to the host of the run in `folder`, as what `role` says in a word.
    ///
    /// # Errors
    /// Nobody hosts the run, or the host refuses.
    pub fn open(folder: &RunFolder, role: &str) -> Result<Self, ConnectError> {
        let mut stream = socket::connect(folder).map_err(|_| not_hosted(folder))?;
        // Whoever put a socket there: what it says is believed only if it is this user.
        socket::peer(&stream)?;
        let hello = Hello { laperm: VERSION, role: role.to_owned() };
        stream.write_all(wire::line(&hello)?.as_bytes())?;
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        match next_reply(&mut reader)? {
            Reply::Welcome { offset, you, .. } => Ok(Connection { reader, offset, you }),
            Reply::Refused { reason, again } => Err(ConnectError::Refused { reason, again }),
        }
    }

    /// The way of commands, for another thread.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn commands(&self) -> io::Result<Commands> {
        self.reader.get_ref().try_clone().map(Commands)
    }

    /// Waits for the next event; `None` when the host has closed the connection.
    ///
    /// # Errors
    /// The host lets us go, or the connection breaks.
    pub fn next_event(&mut self) -> Result<Option<Event>, ConnectError> {
        let Some(line) = wire::read_line(&mut self.reader, LONGEST_EVENT)? else {
            return Ok(None);
        };
        if Reply::is(&line) {
            return Err(match serde_json::from_str(&line).map_err(io::Error::other)? {
                Reply::Refused { reason, again } => ConnectError::Refused { reason, again },
                Reply::Welcome { .. } => io::Error::from(io::ErrorKind::InvalidData).into(),
            });
        }
        Ok(Some(serde_json::from_str(&line).map_err(io::Error::other)?))
    }

    /// Whether a whole event has arrived already, so that the next one needs no waiting.
    pub fn has_more(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }
}

impl Commands {
    /// Asks the host to do something; the answer comes as an event.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send(&mut self, command: &Command) -> io::Result<()> {
        self.0.write_all(wire::line(command)?.as_bytes())
    }
}

fn not_hosted(folder: &RunFolder) -> ConnectError {
    let run = folder.path().to_owned();
    match folder.host().filter(|host| host.is_elsewhere() && host.is_alive()) {
        Some(host) => ConnectError::Elsewhere { run, host: host.host },
        None => ConnectError::NotHosted(run),
    }
}

fn next_reply(reader: &mut BufReader<UnixStream>) -> Result<Reply, ConnectError> {
    match wire::read_line(reader, LONGEST_EVENT)? {
        Some(line) => Ok(serde_json::from_str(&line).map_err(io::Error::other)?),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}
