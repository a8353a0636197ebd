//! The protocol between the host of a run and its clients: lines of JSON over the run's socket.
//!
//! ```text
//! client                                 host
//! {"laperm":1,"role":"attach"}     ──►
//!                                  ◄──   {"welcome":{"laperm":1,"offset":4096,"you":"attach 4711"}}
//!                                  ◄──   {"step":7,"seconds":0.5,"type":"step",…}
//! {"command":"pause"}              ──►
//!                                  ◄──   {"refused":{"reason":"…","again":true}}   (and closes)
//! ```
//!
//! A client says [`Hello`]; each further line is a [`Command`](crate::train::Command). Every line
//! of the host is a [`FromHost`]: first `welcome` or `refused`, then the events as they are written
//! to the log.

use std::io::{self, BufRead, ErrorKind, Read};

use serde::{Deserialize, Serialize};

use crate::run::log;
use crate::train::Event;

/// Version of the protocol.
pub(super) const VERSION: u32 = 1;

/// Longest line of a client, in bytes.
pub(super) const LONGEST_COMMAND: u64 = 1 << 16;

/// Longest line of a host, in bytes.
pub(super) const LONGEST_EVENT: u64 = 1 << 24;

/// The first line of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// [`VERSION`] of the client.
    pub laperm: u32,
    /// Kind of the client, in a word: `attach`, `ctl`.
    pub role: String,
}

/// A line of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FromHost {
    /// The client may listen and send commands.
    Welcome {
        /// [`VERSION`] of the host.
        laperm: u32,
        /// Bytes of the log that are on disk. The events in them are not sent.
        offset: u64,
        /// The signature of the client's commands in the log.
        you: String,
    },
    /// The client may not, or no longer, do so. The connection ends.
    Refused {
        /// The reason, as a sentence.
        reason: String,
        /// Whether the client may connect again at once.
        again: bool,
    },
    /// An event, as in the log.
    #[serde(untagged)]
    Event(Event),
}

impl FromHost {
    /// Decodes a line.
    ///
    /// # Errors
    /// The line is neither an event nor an answer.
    pub(super) fn decode(line: &str) -> Result<Self, serde_json::Error> {
        // Nearly all lines are events, which the parser of the log reads faster than this enum
        // does. An answer is not an event: it has no `step`.
        log::parse(line.as_bytes())
            .map(FromHost::Event)
            .or_else(|error| serde_json::from_str(line).map_err(|_| error))
    }
}

/// Encodes a message as a line.
pub(super) fn encode(message: &impl Serialize) -> io::Result<String> {
    let mut line = serde_json::to_string(message).map_err(io::Error::other)?;
    line.push('\n');
    Ok(line)
}

/// Reads the next line, without its line break. Returns `None` at the end of the stream; a torn
/// last line counts as the end.
///
/// # Errors
/// The line has more than `longest` bytes or is not UTF-8, or the stream fails.
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
    use crate::train::EventKind;

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
    fn every_line_of_a_host_is_decoded_as_it_was_encoded() {
        let lines = [
            (
                FromHost::Welcome { laperm: 1, offset: 2, you: "ctl 3".into() },
                r#"{"welcome":{"laperm":1,"offset":2,"you":"ctl 3"}}"#,
            ),
            (
                FromHost::Refused { reason: "no".into(), again: false },
                r#"{"refused":{"reason":"no","again":false}}"#,
            ),
            (
                FromHost::Event(Event {
                    step: 1,
                    seconds: 0.5,
                    kind: EventKind::Step { loss: 2.0, accuracy: 0.25 },
                }),
                r#"{"step":1,"seconds":0.5,"type":"step","loss":2.0,"accuracy":0.25}"#,
            ),
            (
                FromHost::Event(Event {
                    step: 1,
                    seconds: 0.5,
                    kind: EventKind::Epoch { epoch: 1 },
                }),
                r#"{"step":1,"seconds":0.5,"type":"epoch","epoch":1}"#,
            ),
        ];
        for (message, line) in lines {
            assert_eq!(encode(&message).expect("encodes"), format!("{line}\n"));
            assert_eq!(FromHost::decode(line).expect("decodes"), message);
        }
    }

    #[test]
    fn lines_of_a_later_host_are_read_and_nonsense_is_refused() {
        let later = r#"{"welcome":{"laperm":1,"offset":2,"you":"ctl 3","mood":"good"}}"#;
        assert!(matches!(FromHost::decode(later), Ok(FromHost::Welcome { offset: 2, .. })));
        let unknown = r#"{"step":1,"seconds":0.5,"type":"teleported"}"#;
        let Ok(FromHost::Event(event)) = FromHost::decode(unknown) else { panic!("not an event") };
        assert_eq!(event.kind, EventKind::Unknown);
        for line in ["", "{}", "[]", r#"{"welcome":1}"#, r#"{"goodbye":{}}"#, "\0"] {
            assert!(FromHost::decode(line).is_err(), "{line}");
        }
    }
}
