//! One line of a log.
//!
//! An event's type decides which fields follow, which serde can only find out by reading a line twice. Nearly all lines
//! of a long log are of a few types that happen at every step or every sync; those are recognized by their beginning
//! as this program writes it, and read at once.

use serde::{Deserialize, Deserializer};
use serde_json::Error;

use crate::train::{Event, EventKind, LayerDistance, LayerSync};

/// Reads a line; zeros before it are passed over.
///
/// # Errors
/// A line that is not an event.
pub(super) fn parse(line: &[u8]) -> Result<Event, Error> {
    let hole = line.iter().take_while(|&&byte| byte == 0).count();
    let line = &line[hole..];
    let quick = match kind(line) {
        Some(b"step") => event::<Step>(line),
        Some(b"ranking_distance") => event::<Distance>(line),
        Some(b"sync") => event::<Sync>(line),
        _ => return serde_json::from_slice(line),
    };
    // What is odd about it, only the long way can tell.
    quick.or_else(|_| serde_json::from_slice(line))
}

/// Whether a line tells something that happens at every step.
pub(super) fn is_of_every_step(line: &[u8]) -> bool {
    matches!(kind(line), Some(b"step" | b"ranking_distance"))
}

/// The type, if the line begins as this program writes it: `{"step":7,"seconds":0.5,"type":"step"`.
fn kind(line: &[u8]) -> Option<&[u8]> {
    let number = |rest: &[u8]| {
        let digit = |byte: &u8| byte.is_ascii_digit() || b".+-eE".contains(byte);
        rest.iter().take_while(|byte| digit(byte)).count()
    };
    let rest = line.strip_prefix(b"{\"step\":")?;
    let rest = rest[number(rest)..].strip_prefix(b",\"seconds\":")?;
    let rest = rest[number(rest)..].strip_prefix(b",\"type\":\"")?;
    rest.split(|&byte| byte == b'"').next()
}

fn event<'a, T: Deserialize<'a> + Into<Event>>(line: &'a [u8]) -> Result<Event, Error> {
    serde_json::from_slice::<T>(line).map(Into::into)
}

/// A line of type `step`.
#[derive(Deserialize)]
struct Step {
    step: u64,
    seconds: f64,
    #[serde(deserialize_with = "gap")]
    loss: f32,
    #[serde(deserialize_with = "gap")]
    accuracy: f32,
}

/// A line of type `ranking_distance`.
#[derive(Deserialize)]
struct Distance {
    step: u64,
    seconds: f64,
    layers: Vec<LayerDistance>,
}

/// A line of type `sync`.
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

/// A missing number is a gap; a missing field is an error.
fn gap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
}

impl From<Step> for Event {
    fn from(Step { step, seconds, loss, accuracy }: Step) -> Self {
        Event { step, seconds, kind: EventKind::Step { loss, accuracy } }
    }
}

impl From<Distance> for Event {
    fn from(Distance { step, seconds, layers }: Distance) -> Self {
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

    /// A damaged byte in some of them.
    fn line() -> impl Strategy<Value = String> {
        let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), 32u8..127));
        (any::<u64>(), 0.0..1e9, kinds(), damage).prop_map(|(step, seconds, kind, damage)| {
            let event = Event { step, seconds, kind };
            let mut line = serde_json::to_vec(&event).unwrap_or_default();
            if let Some((place, byte)) = damage {
                let place = place.index(line.len());
                line[place] = byte;
            }
            String::from_utf8_lossy(&line).into_owned()
        })
    }

    proptest! {
        #[test]
        fn the_quick_way_reads_the_same_as_the_long_way(line in line()) {
            let long = serde_json::from_slice::<Event>(line.as_bytes());
            prop_assert_eq!(parse(line.as_bytes()).ok(), long.ok());
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
        let of_every_step = |text: &str| is_of_every_step(text.as_bytes());
        assert!(of_every_step(r#"{"step":1,"seconds":1e-7,"type":"step","loss":1,"accuracy":0}"#));
        assert!(!of_every_step(r#"{"step":1,"seconds":1,"type":"stepped"}"#));
        assert!(!of_every_step(
            r#"{"step":1,"seconds":1,"type":"notice","message":"\"type\":\"step\""}"#
        ));
        assert!(!of_every_step(r#"{"type":"step"}"#));
    }
}
