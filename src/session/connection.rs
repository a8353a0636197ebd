//! The client's side of the socket: a connection to the process that hosts a run.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::socket;
use super::wire::{self, FromHost, Hello, LONGEST_EVENT, VERSION};
use crate::run::RunFolder;
use crate::train::{Command, Event};

/// Error of connecting to a host, or of a connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "no process on this machine hosts the run {}: \
         open it with `laperm replay`, or continue it with `laperm resume`",
        .0.display()
    )]
    NotHosted(PathBuf),
    /// A process on another machine hosts the run.
    #[error("the run {} is hosted on another machine: attach to it on {host}", run.display())]
    Elsewhere { run: PathBuf, host: String },
    /// The host refused or ended the connection.
    #[error("the process that hosts the run refuses: {reason}")]
    Refused {
        reason: String,
        /// Whether a new connection may be tried at once.
        again: bool,
    },
    /// The connection failed, or the host sent a line that is not part of the protocol.
    #[error("the connection to the run's host is broken: {0}")]
    Broken(#[from] io::Error),
}

/// A connection to the host of a run.
pub struct Connection {
    reader: BufReader<UnixStream>,
    /// Bytes of the log on disk. The events in them do not come over this connection.
    pub offset: u64,
    /// The signature of this client's commands in the log.
    pub you: String,
}

/// The writing half of a [`Connection`].
pub struct Commands(UnixStream);

impl Connection {
    /// Connects to the host of the run in `folder`. `role` says in a word what this client is.
    ///
    /// # Errors
    /// No process hosts the run, or the host refuses.
    pub fn open(folder: &RunFolder, role: &str) -> Result<Self, ConnectError> {
        let mut stream = socket::connect(folder).map_err(|_| not_hosted(folder))?;
        // A socket in the run folder may be anyone's: talk only to processes of this user.
        socket::peer(&stream)?;
        let hello = Hello { laperm: VERSION, role: role.to_owned() };
        stream.write_all(wire::encode(&hello)?.as_bytes())?;
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        match next_line(&mut reader)? {
            Some(FromHost::Welcome { offset, you, .. }) => Ok(Connection { reader, offset, you }),
            Some(FromHost::Refused { reason, again }) => {
                Err(ConnectError::Refused { reason, again })
            }
            Some(FromHost::Event(_)) => Err(unexpected("an event before the welcome")),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// Returns the writing half, for another thread.
    ///
    /// # Errors
    /// The system has no file descriptors left.
    pub fn commands(&self) -> io::Result<Commands> {
        self.reader.get_ref().try_clone().map(Commands)
    }

    /// Waits for the next event. Returns `None` when the host has closed the connection.
    ///
    /// # Errors
    /// The host refuses to continue, or the connection fails.
    pub fn next_event(&mut self) -> Result<Option<Event>, ConnectError> {
        match next_line(&mut self.reader)? {
            Some(FromHost::Event(event)) => Ok(Some(event)),
            Some(FromHost::Refused { reason, again }) => {
                Err(ConnectError::Refused { reason, again })
            }
            Some(FromHost::Welcome { .. }) => Err(unexpected("a second welcome")),
            None => Ok(None),
        }
    }

    /// Returns true if a whole event has arrived already, so that reading it does not wait.
    pub fn has_more(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }
}

impl Commands {
    /// Sends a command. The answer is an event.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn send(&mut self, command: &Command) -> io::Result<()> {
        self.0.write_all(wire::encode(command)?.as_bytes())
    }
}

fn next_line(reader: &mut BufReader<UnixStream>) -> io::Result<Option<FromHost>> {
    let line = wire::read_line(reader, LONGEST_EVENT)?;
    line.map(|line| FromHost::decode(&line).map_err(io::Error::other)).transpose()
}

fn unexpected(line: &str) -> ConnectError {
    io::Error::new(io::ErrorKind::InvalidData, format!("the host sent {line}")).into()
}

fn not_hosted(folder: &RunFolder) -> ConnectError {
    let run = folder.path().to_owned();
    match folder.host().filter(|host| host.is_elsewhere() && host.is_alive()) {
        Some(host) => ConnectError::Elsewhere { run, host: host.host },
        None => ConnectError::NotHosted(run),
    }
}
