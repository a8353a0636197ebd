//! .safetensors: a header in JSON, and the tensors' bytes behind it, read where they are.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use safetensors::tensor::{Dtype, Metadata};

use super::file::{Content, ReadTensor, TensorInfo};
use super::float::{Float, PIECE};
use super::names;

/// The largest header that the format allows.
const MOST_HEADER: u64 = 100_000_000;

/// Bytes of the header's length.
const LENGTH: u64 = 8;

/// Whether a file that begins with these bytes is one: the length of a header, and a JSON object.
pub(super) fn begins(start: &[u8]) -> bool {
    let length = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length <= MOST_HEADER) && start.get(LENGTH as usize) == Some(&b'{')
}

/// Where the tensors are.
struct Tensors {
    file: RefCell<File>,
    starts: Vec<u64>,
}

pub(super) fn open(mut file: File) -> Result<Content, String> {
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
    Ok(Content {
        tensors: tensors.collect(),
        metadata: header.metadata().clone().unwrap_or_default().into_iter().collect(),
        ignored: Vec::new(),
        reader: Box::new(Tensors { file: RefCell::new(file), starts }),
    })
}

/// The header without its length, of which no more is believed than the file is long.
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
        let start = self.starts.get(index).copied().unwrap_or_default();
        read_numbers(&mut self.file.borrow_mut(), start, info.elements(), float)
            .map_err(|error| error.to_string())
    }
}

fn read_numbers(file: &mut File, start: u64, count: usize, float: Float) -> io::Result<Vec<f32>> {
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
