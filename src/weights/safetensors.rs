//! `.safetensors`: a JSON header followed by the bytes of the tensors, which are read in place.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata};

use super::float::{Float, PIECE};
use super::layout::Layout;
use super::names;
use super::reader::{Content, Format, OpenError, ReadTensor, Reader};
use super::tensor::TensorInfo;

pub(super) const READER: Reader = Reader { format: Format::Safetensors, open };

/// Maximum length of the header in bytes, as defined by the format.
const MOST_HEADER: u64 = 100_000_000;

/// Number of bytes that store the header's length.
const LENGTH: u64 = 8;

/// Value of the metadata key `format` in a snapshot of this program, up to its version.
const SNAPSHOT: &str = "laperm-snapshot";

/// Returns true if a file's first bytes are the length of a header and the start of a JSON object.
fn begins(start: &[u8]) -> bool {
    let length = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length <= MOST_HEADER) && start.get(LENGTH as usize) == Some(&b'{')
}

struct Tensors {
    file: RefCell<File>,
    /// Position of each tensor's first byte in the file.
    starts: Vec<u64>,
}

fn open(path: &Path, start: &[u8]) -> Result<Option<Content>, OpenError> {
    if !begins(start) {
        return Ok(None);
    }
    Ok(Some(content_of(File::open(path)?)?))
}

fn content_of(mut file: File) -> Result<Content, String> {
    let header = read_header(&mut file).map_err(|error| error.to_string())?;
    let header_end = LENGTH + header.len() as u64;
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|e| format!("its header: {e}"))?;
    let promised = header_end + header.data_len() as u64;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if promised != length {
        return Err(format!("its header promises {promised} bytes, but it has {length}"));
    }
    let mut tensors: Vec<_> = header.tensors().into_iter().collect();
    tensors.sort_by(|(a, _), (b, _)| names::by_nature(a, b));
    let starts = tensors.iter().map(|(_, info)| header_end + info.data_offsets.0 as u64).collect();
    let tensors = tensors.into_iter().map(|(name, info)| TensorInfo {
        name,
        shape: info.shape.clone(),
        float: float(info.dtype),
        kind: format!("{:?}", info.dtype),
    });
    let metadata = header.metadata().iter().flatten();
    let metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
    let is_snapshot = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get("format"))
        .is_some_and(|format| format.starts_with(SNAPSHOT));
    Ok(Content {
        format: if is_snapshot { Format::Snapshot } else { Format::Safetensors },
        layout: Layout::OutputFirst,
        tensors: tensors.collect(),
        metadata,
        ignored: Vec::new(),
        values: Box::new(Tensors { file: RefCell::new(file), starts }),
    })
}

/// Reads the header. Refuses a header that is longer than the file before allocating memory for it.
fn read_header(file: &mut File) -> io::Result<Vec<u8>> {
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let length = file.metadata()?.len();
    let mut bytes = [0; LENGTH as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    let promised = u64::from_le_bytes(bytes);
    if promised > MOST_HEADER.min(length - LENGTH) {
        let problem =
            format!("a header of {promised} bytes is promised, but it has {length} in all");
        return Err(invalid(problem));
    }
    let mut header = vec![0; promised as usize];
    file.read_exact(&mut header)?;
    Ok(header)
}

fn float(kind: Dtype) -> Option<Float> {
    match kind {
        Dtype::F16 => Some(Float::F16),
        Dtype::BF16 => Some(Float::Bf16),
        Dtype::F32 => Some(Float::F32),
        Dtype::F64 => Some(Float::F64),
        _ => None,
    }
}

impl ReadTensor for Tensors {
    fn read(&self, index: usize, info: &TensorInfo, float: Float) -> Result<Vec<f32>, String> {
        let start = *self.starts.get(index).ok_or("there is none")?;
        read_values(&mut self.file.borrow_mut(), start, info.elements(), float)
            .map_err(|error| error.to_string())
    }
}

fn read_values(file: &mut File, start: u64, count: usize, float: Float) -> io::Result<Vec<f32>> {
    file.seek(SeekFrom::Start(start))?;
    let mut values = Vec::with_capacity(count);
    let mut piece = vec![0; PIECE.min(count * float.size())];
    let mut left = count * float.size();
    while left > 0 {
        let piece = &mut piece[..PIECE.min(left)];
        file.read_exact(piece)?;
        values.extend(float.decode(piece));
        left -= piece.len();
    }
    Ok(values)
}
