//! The grammar of a line: one event as a JSON object, as in `events.jsonl` and on the socket.
//!
//! [`parse`] is the only parser. Which fields an event has depends on its `type`, so serde (for
//! `flatten` and `tag`) buffers the whole object before it can read any of it. Nearly all lines of
//! a long log are of three types, written at every step or sync. Those are recognized by their
//! first bytes, as this program writes them, and read in one pass into a struct with the same
//! fields, in half the time.
//!
//! The structs repeat the fields of three variants, because serde has no way to read a variant of a
//! tagged enum without the buffer. Reading only the head of a line by hand, and the rest as an
//! [`EventKind`], would need no repetition, but gains little: for a sync of eight layers it takes
//! 87 % of serde's time, against 45 % for the struct. The repetition is safe: a field that is added
//! to a variant does not compile until it is added here, and a property test compares both ways.

use serde::{Deserialize, Deserializer};
use serde_json::Error;

use crate::train::{Event, EventKind, LayerDistance, LayerSync};

/// Parses a line. Leading zero bytes, which a power cut leaves in a file, are skipped.
///
/// # Errors
/// The line is not an event.
pub(crate) fn parse(line: &[u8]) -> Result<Event, Error> {
    let zeros = line.iter().take_while(|&&byte| byte == 0).count();
    let line = &line[zeros..];
    let event = match type_of(line) {
        Some(b"step") => parse_as::<Step>(line),
        Some(b"ranking_distance") => parse_as::<RankingDistance>(line),
        Some(b"sync") => parse_as::<Sync>(line),
        _ => return serde_json::from_slice(line),
    };
    // A line with, say, a repeated field: serde decides.
    event.or_else(|_| serde_json::from_slice(line))
}

/// Returns true for the types of which there may be a line at every step.
pub(super) fn is_per_step(line: &[u8]) -> bool {
    matches!(type_of(line), Some(b"step" | b"ranking_distance"))
}

/// Returns the `type` of a line that begins as this program writes it:
/// `{"step":7,"seconds":0.5,"type":"step"`.
fn type_of(line: &[u8]) -> Option<&[u8]> {
    let rest = skip_number(line.strip_prefix(b"{\"step\":")?);
    let rest = skip_number(rest.strip_prefix(b",\"seconds\":")?);
    let rest = rest.strip_prefix(b",\"type\":\"")?;
    rest.split(|&byte| byte == b'"').next()
}

fn skip_number(text: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b".+-eE".contains(byte);
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    &text[length..]
}

fn parse_as<'a, T: Deserialize<'a> + Into<Event>>(line: &'a [u8]) -> Result<Event, Error> {
    serde_json::from_slice::<T>(line).map(Into::into)
}

/// The fields of [`EventKind::Step`].
#[derive(Deserialize)]
struct Step {
    step: u64,
    seconds: f64,
    #[serde(deserialize_with = "number_or_null")]
    loss: f32,
    #[serde(deserialize_with = "number_or_null")]
    accuracy: f32,
}

/// The fields of [`EventKind::RankingDistance`].
#[derive(Deserialize)]
struct RankingDistance {
    step: u64,
    seconds: f64,
    layers: Vec<LayerDistance>,
}

/// The fields of [`EventKind::Sync`].
#[derive(Deserialize)]
struct Sync {
    step: u64,
    seconds: f64,
    sync: u64,
    milliseconds: f64,
    layers: Vec<LayerSync>,
    #[serde(default)]
    layer_milliseconds: Vec<f64>,
}

/// Reads `null` as NaN. A missing field stays an error.
fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
}

impl From<Step> for Event {
    fn from(Step { step, seconds, loss, accuracy }: Step) -> Self {
        Event { step, seconds, kind: EventKind::Step { loss, accuracy } }
    }
}

impl From<RankingDistance> for Event {
    fn from(RankingDistance { step, seconds, layers }: RankingDistance) -> Self {
        Event { step, seconds, kind: EventKind::RankingDistance { layers } }
    }
}

impl From<Sync> for Event {
    fn from(Sync { step, seconds, sync, milliseconds, layers, layer_milliseconds }: Sync) -> Self {
        let kind = EventKind::Sync { sync, milliseconds, layers, layer_milliseconds };
        Event { step, seconds, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn kinds() -> impl Strategy<Value = EventKind> {
        let distance = |(layer, mean, sd)| LayerDistance { layer, mean, sd };
        let sync = |(layer, moved, distance, zeros)| LayerSync { layer, moved, distance, zeros };
        let number = || proptest::num::f32::NORMAL | proptest::num::f32::ZERO;
        let distances = vec((0usize..60, number(), number()).prop_map(distance), 0..4);
        let syncs = vec((0usize..60, number(), number(), any::<usize>()).prop_map(sync), 0..4);
        prop_oneof![
            (number(), number()).prop_map(|(loss, accuracy)| EventKind::Step { loss, accuracy }),
            distances.prop_map(|layers| EventKind::RankingDistance { layers }),
            (any::<u64>(), 0.0..1e6, syncs, vec(0.0..9.0, 0..3)).prop_map(
                |(sync, milliseconds, layers, layer_milliseconds)| {
                    EventKind::Sync { sync, milliseconds, layers, layer_milliseconds }
                }
            ),
            any::<u64>().prop_map(|epoch| EventKind::Epoch { epoch }),
        ]
    }

    /// Lines, a third of them with one damaged byte.
    fn line() -> impl Strategy<Value = String> {
        let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), 32u8..127));
        (any::<u64>(), 0.0..1e9, kinds(), damage).prop_map(|(step, seconds, kind, damage)| {
            let event = Event { step, seconds, kind };
            let mut line = serde_json::to_vec(&event).unwrap_or_default();
            if let Some((at, byte)) = damage {
                let at = at.index(line.len());
                line[at] = byte;
            }
            String::from_utf8_lossy(&line).into_owned()
        })
    }

    proptest! {
        #[test]
        fn the_quick_way_reads_the_same_as_the_long_way(line in line()) {
            let by_serde = serde_json::from_slice::<Event>(line.as_bytes());
            prop_assert_eq!(parse(line.as_bytes()).ok(), by_serde.ok());
        }
    }

    #[test]
    fn gaps_are_read_and_missing_fields_are_not() {
        let beginning = r#"{"step":1,"seconds":0.5,"type":"step","loss":null"#;
        let event = parse(format!("{beginning},\"accuracy\":1}}").as_bytes());
        let Ok(EventKind::Step { loss, accuracy }) = event.map(|event| event.kind) else {
            panic!("not a step")
        };
        assert!(loss.is_nan() && accuracy == 1.0);
        assert!(parse(format!("{beginning}}}").as_bytes()).is_err());
    }

    #[test]
    fn types_are_recognized_where_they_are_written() {
        let per_step = |text: &str| is_per_step(text.as_bytes());
        assert!(per_step(r#"{"step":1,"seconds":1e-7,"type":"step","loss":1,"accuracy":0}"#));
        assert!(!per_step(r#"{"step":1,"seconds":1,"type":"stepped"}"#));
        assert!(!per_step(
            r#"{"step":1,"seconds":1,"type":"notice","message":"\"type\":\"step\""}"#
        ));
        assert!(!per_step(r#"{"type":"step"}"#));
    }
}
