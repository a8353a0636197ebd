//! Coded snapshots, `.lperm`: synchronized weights as a rule, a seed and permutations (the paper's
//! section 7).
//!
//! The initial weights can be drawn again, so a file only has to say where each of them went. Its
//! layout is
//!
//! | bytes | |
//! |---|---|
//! | 6 | `\x93LPERM` |
//! | 2 | the version of the format, 1 |
//! | 4 | the length n of the header |
//! | n | the header: JSON, compressed as a zlib stream |
//! | all but 4 of the rest | the tensors' content, one after the other in the header's order |
//! | 4 | CRC-32 (IEEE) of all preceding bytes |
//!
//! Numbers are unsigned and little-endian. The header is an object:
//!
//! - `metadata`: the strings in the metadata of a .safetensors snapshot. `experiment` is the
//!   experiment's TOML, which gives the network and the initial weights; `p` is the pruning ratio
//!   in effect, and `p_by_hand` says whether it applied to every layer (`true`) or the experiment's
//!   ratios of single layers took precedence (`false`).
//! - `tensors`: for each tensor its `name`, its `shape`, its number of `bytes`, and its `coding`.
//! - `sha256`: the SHA-256 of the values of all parameters in order, as little-endian 32-bit
//!   floats, in hexadecimal.
//!
//! A tensor's coding is either `values`, plain 32-bit floats (batch norm, biases that are not
//! permuted), or `permutation`, which is decoded as follows:
//!
//! 1. Draw the parameter's initial values ([`initial_values`](crate::model::initial_values)) by the
//!    experiment's rule and seed ([`random`](crate::random)), and set the pruned ones to zero
//!    ([`pruning_priority`](crate::model::pruning_priority),
//!    [`PruneRule`](crate::method::PruneRule)).
//! 2. Sort each weight vector: a slice along all axes but the first; a bias is one vector. Equal
//!    values form a class.
//! 3. Read the bytes as the stream of a range coder with 32-bit words and 64 bits of state (the
//!    crate constriction's `DefaultRangeDecoder`): words with the most significant byte first,
//!    zeros beyond the end. The stream has all vectors, one after the other.
//! 4. For each position of a vector with n values left: if only one class is left, the value is of
//!    that class. Otherwise the coder's 28-bit quantile q selects the class that has the value of
//!    rank min(q / ⌊2²⁸ / n⌋, n - 1) among those left. A class of m values with b values before it
//!    has the interval from b ⌊2²⁸ / n⌋ to (b + m) ⌊2²⁸ / n⌋, and the last class the interval up to
//!    2²⁸. Remove one value of the class.
//!
//! Decoding ends with a comparison of the SHA-256, so the result is either exact to the bit or an
//! error.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::wrapper::Permuted;
use super::{Origin, Snapshot, SnapshotError, SnapshotKind};
use crate::method::Reservoir;
use crate::model::{NamedTensor, WeightsFileError};

const MAGIC: &[u8; 6] = b"\x93LPERM";
const VERSION: u16 = 1;

/// Number of bytes before the header.
const PREAMBLE: usize = 12;

/// Maximum number of bytes of a decompressed header.
const MOST_HEADER: u64 = 1 << 24;

#[derive(Serialize, Deserialize)]
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: Vec<Entry>,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    coding: Coding,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Coding {
    Permutation,
    Values,
}

/// Whether a file begins like an .lperm file.
///
/// # Errors
/// Returns an error of the file system.
pub(super) fn is_coded(path: &Path) -> Result<bool, SnapshotError> {
    let mut begin = Vec::new();
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    file.take(MAGIC.len() as u64)
        .read_to_end(&mut begin)
        .map_err(|source| io_error(path, source))?;
    Ok(begin == MAGIC)
}

pub(super) fn read(path: &Path) -> Result<Snapshot, SnapshotError> {
    let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
    Snapshot::decode(path, &bytes)
}

fn io_error(path: &Path, source: io::Error) -> SnapshotError {
    WeightsFileError::Io { path: path.into(), source }.into()
}

impl Snapshot {
    /// Returns the bytes of an .lperm file, after decoding them as a check.
    ///
    /// # Errors
    /// Returns an error for a snapshot that is not, to the bit, a permutation of its initial
    /// weights, or whose initial weights cannot be drawn again.
    pub fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let permuted = self.origin.permuted()?;
        let codes = self.tensors.par_iter().enumerate().map(|(index, tensor)| {
            let Some(reservoir) = reservoir(&permuted, index) else {
                let values = tensor.values.iter().flat_map(|value| value.to_le_bytes());
                return Ok((Coding::Values, values.collect()));
            };
            let code = reservoir.encode(&tensor.values).map_err(|source| {
                let (path, name) = (self.origin.path.clone(), tensor.name.clone());
                SnapshotError::Coding { path, name, source }
            })?;
            Ok((Coding::Permutation, code))
        });
        let codes: Vec<(Coding, Vec<u8>)> = codes.collect::<Result<_, SnapshotError>>()?;
        let entries = self.tensors.iter().zip(&codes).map(|(tensor, (coding, code))| Entry {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            coding: *coding,
            bytes: code.len(),
        });
        let header = Header {
            metadata: self.origin.metadata.clone().into_iter().collect(),
            tensors: entries.collect(),
            sha256: self.checksum(),
        };
        let content = codes.into_iter().flat_map(|(_, code)| code);
        let bytes = serde_json::to_vec(&header)
            .map_err(io::Error::from)
            .and_then(|header| container(&header, content))
            .map_err(|error| io_error(&self.origin.path, error))?;
        Snapshot::decode(&self.origin.path, &bytes)?;
        Ok(bytes)
    }

    /// Reads a snapshot from the bytes of an .lperm file, which errors call `path`.
    ///
    /// # Errors
    /// Returns an error for bytes that are truncated, changed, or were never an .lperm file; for an
    /// experiment whose initial weights cannot be drawn again; and for weights that are not those
    /// that were encoded.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let damaged = |problem: &str| damaged(path, problem);
        let inexact = || SnapshotError::Inexact { path: path.into() };
        let (header, content) = opened(bytes).map_err(|problem| damaged(&problem))?;
        let origin = Origin::new(path, header.metadata.into_iter().collect())?;
        let described =
            header.tensors.iter().map(|entry| (entry.name.clone(), entry.shape.clone()));
        if !described.eq(origin.network.tensors()) {
            return Err(damaged("its tensors are not those of its network"));
        }
        if !is_plausible(&header.tensors, bytes.len()) {
            return Err(damaged("it describes more weights than a file of its size can hold"));
        }
        let contents = split(&header.tensors, content)
            .ok_or_else(|| damaged("its tensors have another length than it has"))?;
        let permuted = origin.permuted()?;
        let tensors = header.tensors.par_iter().zip(contents).enumerate();
        let tensors = tensors.map(|(index, (entry, content))| {
            let values = match (reservoir(&permuted, index), entry.coding) {
                (Some(reservoir), Coding::Permutation) => {
                    // The CRC-32 matched, so it is the initial values that do not fit.
                    reservoir.decode(content).map_err(|_| inexact())?
                }
                (None, Coding::Values) => floats(content, entry)
                    .ok_or_else(|| damaged("a tensor has not as many values as its shape"))?,
                _ => return Err(damaged("what it permutes is not what its experiment does")),
            };
            Ok(NamedTensor { name: entry.name.clone(), shape: entry.shape.clone(), values })
        });
        let tensors = tensors.collect::<Result<_, _>>()?;
        let tensor_bytes = header.tensors.iter().map(|entry| entry.bytes).collect();
        let kind = SnapshotKind::Lperm;
        let snapshot = Snapshot { origin, tensors, kind, tensor_bytes, bytes: bytes.len() };
        if snapshot.checksum() == header.sha256 { Ok(snapshot) } else { Err(inexact()) }
    }
}

fn damaged(path: &Path, problem: impl Into<String>) -> SnapshotError {
    SnapshotError::Damaged { path: path.into(), problem: problem.into() }
}

/// The reservoir of the tensor at `index`, if it is permuted.
fn reservoir(permuted: &[Permuted], index: usize) -> Option<&Reservoir> {
    permuted.iter().find(|permuted| permuted.parameter == index).map(|found| &found.reservoir)
}

/// Returns the bytes of a file with this header, which is JSON.
fn container(header: &[u8], content: impl Iterator<Item = u8>) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(header)?;
    let header = encoder.finish()?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(header);
    bytes.extend(content);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

/// Returns the header and the tensors' content, or what is wrong with the file.
fn opened(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it begins as something else")?;
    let (version, rest) = rest.split_first_chunk().ok_or("it is cut")?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(format!("it is of version {version}; this laperm reads version {VERSION}"));
    }
    let (length, rest) = rest.split_first_chunk().ok_or("it is cut")?;
    let (rest, crc) = rest.split_last_chunk().ok_or("it is cut")?;
    if crc32fast::hash(&bytes[..PREAMBLE + rest.len()]) != u32::from_le_bytes(*crc) {
        return Err("it is cut or changed: its CRC-32 is another".into());
    }
    let length = u32::from_le_bytes(*length) as usize;
    let (header, content) = rest.split_at_checked(length).ok_or("its header is cut")?;
    let inflated = ZlibDecoder::new(header).take(MOST_HEADER);
    let header =
        serde_json::from_reader(inflated).map_err(|error| format!("its header: {error}"))?;
    Ok((header, content))
}

/// Whether a file of `length` bytes can hold these tensors. Prevents the allocation of absurd
/// sizes. A zero in a vector of almost nothing else costs next to nothing, so a small file may hold
/// many more weights than bytes.
fn is_plausible(entries: &[Entry], length: usize) -> bool {
    const MOST_WEIGHTS_A_BYTE: usize = 250;
    const SMALL: usize = 1 << 22;
    let weights = entries.iter().try_fold(0usize, |sum, entry| {
        let elements = entry.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        sum.checked_add(elements?)
    });
    weights.is_some_and(|weights| weights <= SMALL.saturating_add(length * MOST_WEIGHTS_A_BYTE))
}

/// Divides the content among the tensors; `None` if their lengths do not add up to it.
fn split<'a>(entries: &[Entry], mut content: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    for entry in entries {
        let (part, rest) = content.split_at_checked(entry.bytes)?;
        parts.push(part);
        content = rest;
    }
    content.is_empty().then_some(parts)
}

fn floats(content: &[u8], entry: &Entry) -> Option<Vec<f32>> {
    let (words, rest) = content.as_chunks();
    let whole = rest.is_empty() && words.len() == entry.shape.iter().product::<usize>();
    whole.then(|| words.iter().copied().map(f32::from_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::snapshot::tests::{FILE, snapshot};

    /// An .lperm file with a changed header and a valid CRC-32.
    fn forged(change: impl FnOnce(&mut Header, &mut Vec<u8>)) -> Vec<u8> {
        let bytes = snapshot("").encode().expect("a synchronized snapshot");
        let (mut header, content) = opened(&bytes).expect("whole");
        let mut content = content.to_vec();
        change(&mut header, &mut content);
        let header = serde_json::to_vec(&header).expect("serializes");
        container(&header, content.into_iter()).expect("a container")
    }

    fn error(bytes: &[u8]) -> String {
        Snapshot::decode(Path::new(FILE), bytes).expect_err("forged").to_string()
    }

    #[test]
    fn a_forged_header_is_refused() {
        let whole = forged(|_, _| {});
        assert!(Snapshot::decode(Path::new(FILE), &whole).is_ok());
        let tensors = |change: fn(&mut Vec<Entry>)| forged(|header, _| change(&mut header.tensors));
        let cases = [
            (tensors(|t| t[0].shape.reverse()), "not those of its network"),
            (tensors(|t| drop(t.pop())), "not those of its network"),
            (tensors(|t| t[0].bytes += 1), "another length"),
            (tensors(|t| t[0].coding = Coding::Values), "what it permutes"),
            (tensors(|t| t[1].coding = Coding::Permutation), "what it permutes"),
            (forged(|_, content| content.push(0)), "another length"),
            (forged(|_, content| content[7] ^= 1), "are not those that were encoded"),
            (forged(|header, _| header.sha256.clear()), "are not those that were encoded"),
            (forged(|header, _| header.metadata.clear()), "no readable `experiment`"),
        ];
        for (bytes, part) in cases {
            let error = error(&bytes);
            assert!(error.contains(part) && error.contains(FILE), "{part}: {error}");
        }
    }

    #[test]
    fn whatever_a_changed_header_is_taken_for_the_weights_are_the_same() {
        let snapshot = snapshot("[prune]\nratio = 0.5");
        let bytes = snapshot.encode().expect("a synchronized snapshot");
        let (header, content) = opened(&bytes).expect("whole");
        let header = serde_json::to_vec(&header).expect("serializes");
        for place in 0..header.len() {
            let mut changed = header.clone();
            changed[place] = b"9-\" }]"[place % 6];
            let bytes = container(&changed, content.iter().copied()).expect("a container");
            if let Ok(decoded) = Snapshot::decode(Path::new(FILE), &bytes) {
                assert_eq!(decoded.tensors(), snapshot.tensors());
            }
        }
    }

    #[test]
    fn an_absurd_network_is_never_allocated() {
        for units in ["1000000000", "4611686018427387904"] {
            let bytes = forged(|header, _| {
                let experiment = header.metadata.get_mut("experiment").expect("there");
                *experiment = experiment.replace("units = 8", &format!("units = {units}"));
                let network =
                    toml::from_str::<crate::experiment::Experiment>(experiment).expect("valid");
                let tensors = network.network().expect("fits");
                for (entry, (name, shape)) in header.tensors.iter_mut().zip(tensors.tensors()) {
                    (entry.name, entry.shape) = (name, shape);
                }
            });
            let error = error(&bytes);
            assert!(error.contains("more weights than a file of its size"), "{error}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_or_with_any_bit_changed_is_refused() {
        let bytes = snapshot("").encode().expect("a synchronized snapshot");
        for length in 0..bytes.len() {
            error(&bytes[..length]);
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << (place % 8);
            error(&changed);
        }
    }

    #[test]
    fn other_versions_are_named() {
        let mut bytes = snapshot("").encode().expect("a synchronized snapshot");
        bytes[6] = 2;
        assert!(error(&bytes).contains("it is of version 2; this laperm reads version 1"));
    }
}
