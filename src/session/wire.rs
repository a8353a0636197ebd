//! What a run's host and those who look at it say to each other: lines of JSON over the run's socket.
//!
//! A client begins with a [`Hello`]. The host answers with a [`Reply`], and from a [`Reply::Welcome`] on sends the
//! events as they are written to the log. Every further line of the client is a [`Command`](crate::train::Command).

use std::io::{self, BufRead, ErrorKind, Read};

use serde::{Deserialize, Serialize};

/// The version of what is spoken here.
pub(super) const VERSION: u32 = 1;

/// The longest line a client may send, and a host.
pub(super) const LONGEST_COMMAND: u64 = 1 << 16;
pub(super) const LONGEST_EVENT: u64 = 1 << 24;

/// The first line of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The [`VERSION`] it speaks.
    pub laperm: u32,
    /// What it is, in a word: `attach`, `ctl`.
    pub role: String,
}

/// A line of the host that is not an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The client may listen and give commands.
    Welcome {
        /// The version spoken.
        laperm: u32,
        /// Bytes of the log that are on disk: the events in them are not sent.
        offset: u64,
        /// How the client's commands are signed.
        you: String,
    },
    /// The client may not, or no longer. The connection ends.
    Refused {
        /// Why, as a sentence.
        reason: String,
        /// Whether it may try again at once.
        again: bool,
    },
}

impl Reply {
    /// Whether `line` is one, rather than an event.
    pub(super) fn is(line: &str) -> bool {
        line.starts_with("{\"welcome\"") || line.starts_with("{\"refused\"")
    }
}

/// A message as a line.
pub(super) fn line(message: &impl Serialize) -> io::Result<String> {
    let mut line = serde_json::to_string(message).map_err(io::Error::other)?;
    line.push('\n');
    Ok(line)
}

/// The next line, without its end; `None` at the end of the stream, torn lines included.
///
/// # Errors
/// A line of more than `longest` bytes, bytes that are not text, or the stream's own troubles.
pub(super) fn read_line(reader: &mut impl BufRead, longest: u64) -> io::Result<Option<String>> {
    let mut line = String::new();
    reader.by_ref().take(longest).read_line(&mut line)?;
    match line.pop() {
        Some('\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 >= longest => {
            Err(io::Error::new(ErrorKind::InvalidData, "a line is too long"))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_or_nothing() {
        let mut text = &b"one\n\ntorn"[..];
        let mut next = || read_line(&mut text, 8).expect("reads");
        assert_eq!(next().as_deref(), Some("one"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_an_error() {
        assert!(read_line(&mut &b"12345678\n"[..], 8).is_err());
        assert!(read_line(&mut &b"1234567\n"[..], 8).is_ok());
        assert!(read_line(&mut &b"\xff\xfe\n"[..], 8).is_err());
    }

    #[test]
    fn replies_are_told_from_events() {
        let welcome = Reply::Welcome { laperm: 1, offset: 2, you: "ctl 3".into() };
        let refused = Reply::Refused { reason: "no".into(), again: false };
        for reply in [welcome, refused] {
            assert!(Reply::is(&line(&reply).expect("serializes")));
        }
        assert!(!Reply::is(r#"{"step":1,"seconds":0.5,"type":"epoch","epoch":1}"#));
    }
}
