//! An event file for TensorBoard. A record is a length, its checksum, a protocol buffer, and its
//! checksum.
//!
//! The tags are `accuracy/test`, `accuracy/test_before_sync`, `accuracy/train`, `accuracy/batch`,
//! the same of `loss`; `distance_mean/LAYER` and `distance_sd/LAYER` as ratios of the length of a
//! vector; `sync_moved/LAYER`, `sync_distance/LAYER` and `sync/milliseconds`; `schedule/lr`,
//! `schedule/k` and `schedule/p`; and the text `changes/by_hand`.

use std::io::{self, Write};
use std::path::Path;

use super::file::NewFile;
use super::{Export, Exported};
use crate::run::{RunFolder, RunState, Summary};
use crate::train::{Event, EventKind, Score};

/// An incomplete event file.
pub(super) struct EventFile {
    file: NewFile,
    /// Time at which the run began, in seconds since 1970.
    begun: i64,
    records: u64,
}

/// The values of one event, as a `Summary` protocol buffer.
#[derive(Default)]
struct Values(Vec<u8>);

impl EventFile {
    pub(super) fn create(run: &RunFolder, folder: &Path) -> io::Result<Self> {
        let begun = Summary::of(&RunState::default(), run).begun.unwrap_or(0);
        let file = NewFile::create(folder, &format!("events.out.tfevents.{begun:010}.laperm"))?;
        let mut events = EventFile { file, begun, records: 0 };
        let mut version = Vec::new();
        double(&mut version, 1, begun as f64);
        bytes(&mut version, 3, b"brain.Event:2");
        events.record(&version)?;
        Ok(events)
    }

    fn record(&mut self, record: &[u8]) -> io::Result<()> {
        let length = (record.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked_crc(&length).to_le_bytes())?;
        self.file.write_all(record)?;
        self.records += 1;
        self.file.write_all(&masked_crc(record).to_le_bytes())
    }
}

impl Export for EventFile {
    fn write(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        let values = Values::of(&event.kind, state);
        if values.0.is_empty() {
            return Ok(());
        }
        let mut record = Vec::with_capacity(values.0.len() + 24);
        double(&mut record, 1, self.begun as f64 + event.seconds);
        tag(&mut record, 2, 0);
        varint(&mut record, event.step);
        bytes(&mut record, 5, &values.0);
        self.record(&record)
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<Exported>> {
        Ok(vec![Exported { file: self.file.finish()?, rows: self.records }])
    }
}

impl Values {
    /// Takes the measurements of an event, and a manual change.
    fn of(kind: &EventKind, state: &RunState) -> Self {
        let mut values = Values::default();
        match kind {
            EventKind::Step { loss, accuracy } => {
                values.scalar("loss/batch", *loss);
                values.scalar("accuracy/batch", *accuracy);
            }
            EventKind::Evaluation { weights, test, train, .. } => {
                if state.is_before_sync(*weights) {
                    values.scores("test_before_sync", test);
                } else {
                    values.scores("test", test);
                    train.iter().for_each(|train| values.scores("train", train));
                }
            }
            EventKind::RankingDistance { layers } => {
                for sample in layers {
                    let Some((name, length)) = layer(state, sample.layer) else { continue };
                    values.scalar(&format!("distance_mean/{name}"), sample.mean / length);
                    values.scalar(&format!("distance_sd/{name}"), sample.sd / length);
                }
            }
            EventKind::Sync { milliseconds, layers, .. } => {
                values.scalar("sync/milliseconds", *milliseconds as f32);
                for sync in layers {
                    let Some((name, _)) = layer(state, sync.layer) else { continue };
                    values.scalar(&format!("sync_moved/{name}"), sync.moved);
                    values.scalar(&format!("sync_distance/{name}"), sync.distance);
                }
            }
            EventKind::Schedule(schedule) => {
                values.scalar("schedule/lr", schedule.lr as f32);
                values.scalar("schedule/k", schedule.k as f32);
                values.scalar("schedule/p", schedule.p as f32);
            }
            EventKind::Applied { command, .. } if command.steers() => {
                values.text("changes/by_hand", &command.to_string());
            }
            // Listed one by one: for a new kind, decide what TensorBoard shows of it.
            EventKind::Started(_)
            | EventKind::Epoch { .. }
            | EventKind::Lookahead { .. }
            | EventKind::Distribution { .. }
            | EventKind::Frame { .. }
            | EventKind::Applied { .. }
            | EventKind::Refused { .. }
            | EventKind::Phase { .. }
            | EventKind::Snapshot { .. }
            | EventKind::Diverged { .. }
            | EventKind::Resumed { .. }
            | EventKind::Notice { .. }
            | EventKind::Finished { .. }
            | EventKind::Unknown => {}
        }
        values
    }

    /// Adds a number, unless it is not finite.
    fn scalar(&mut self, name: &str, value: f32) {
        if !value.is_finite() {
            return;
        }
        let mut scalar = Vec::with_capacity(name.len() + 8);
        bytes(&mut scalar, 1, name.as_bytes());
        tag(&mut scalar, 2, 5);
        scalar.extend(value.to_le_bytes());
        bytes(&mut self.0, 1, &scalar);
    }

    fn scores(&mut self, set: &str, score: &Score) {
        self.scalar(&format!("accuracy/{set}"), score.accuracy);
        self.scalar(&format!("loss/{set}"), score.loss);
    }

    /// Adds a tensor of one string, for the text plugin.
    fn text(&mut self, name: &str, value: &str) {
        const STRING: u64 = 7;
        let (mut tensor, mut plugin, mut metadata, mut text) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        tag(&mut tensor, 1, 0);
        varint(&mut tensor, STRING);
        bytes(&mut tensor, 2, b"");
        bytes(&mut tensor, 8, value.as_bytes());
        bytes(&mut plugin, 1, b"text");
        bytes(&mut metadata, 1, &plugin);
        bytes(&mut text, 1, name.as_bytes());
        bytes(&mut text, 9, &metadata);
        bytes(&mut text, 8, &tensor);
        bytes(&mut self.0, 1, &text);
    }
}

/// Returns the name of a layer and the length of its weight vectors.
fn layer(state: &RunState, index: usize) -> Option<(&str, f32)> {
    let layer = state.started.as_ref()?.layers.get(index)?;
    Some((&layer.name, layer.length.max(1) as f32))
}

fn double(buffer: &mut Vec<u8>, field: u64, value: f64) {
    tag(buffer, field, 1);
    buffer.extend(value.to_le_bytes());
}

fn bytes(buffer: &mut Vec<u8>, field: u64, value: &[u8]) {
    tag(buffer, field, 2);
    varint(buffer, value.len() as u64);
    buffer.extend(value);
}

/// Writes the number of a field and its wire type: 0 varint, 1 eight bytes, 2 length and bytes, 5
/// four bytes.
fn tag(buffer: &mut Vec<u8>, field: u64, wire: u64) {
    varint(buffer, field << 3 | wire);
}

fn varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Returns the CRC-32C of `bytes`, masked as in TensorFlow, so that data that contains checksums
/// can be checksummed.
fn masked_crc(bytes: &[u8]) -> u32 {
    let crc = !bytes
        .iter()
        .fold(!0u32, |crc, &byte| crc >> 8 ^ CASTAGNOLI[usize::from(crc as u8 ^ byte)]);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C of every byte.
const CASTAGNOLI: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4, and the well-known check value; unmasked.
        let unmasked = |bytes: &[u8]| masked_crc(bytes).wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked(&[0; 32]), 0x8a91_36aa);
        assert_eq!(unmasked(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_scalar_is_a_protocol_buffer_by_hand() {
        let mut values = Values::default();
        values.scalar("a", 1.0);
        values.scalar("b", f32::NAN);
        assert_eq!(values.0, [0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0x3f]);
        let mut number = Vec::new();
        varint(&mut number, 300);
        assert_eq!(number, [0xac, 0x02]);
    }
}
