//! Frames in `frames.bin`: each is a safetensors buffer, so that any tool that reads the format can
//! take one out of the file.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::RunFolder;
use crate::train::{Frame, FrameLocation, LayerFrame};

/// Why a frame cannot be read or written, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a readable frame: {0}")]
pub struct FrameError(String);

/// Encodes a frame. Tensors of layer 3 are named `3/values` and so on.
///
/// # Errors
/// An array is too large for the format.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, FrameError> {
    let mut metadata = HashMap::from([
        ("since".to_owned(), frame.since.to_string()),
        ("layers".to_owned(), frame.layers.len().to_string()),
    ]);
    let mut arrays = Vec::new();
    for (index, layer) in frame.layers.iter().enumerate() {
        metadata.insert(format!("{index}/vector"), layer.vector.to_string());
        metadata.insert(format!("{index}/similarity"), layer.similarity.to_string());
        let points = layer.positions.len();
        let mut floats = |name: &str, shape: Vec<usize>, values: &[f32]| {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
            arrays.push((format!("{index}/{name}"), Dtype::F32, shape, bytes));
        };
        floats("initial", vec![layer.initial.len()], &layer.initial);
        floats("bands", vec![layer.bands.len(), points], &layer.bands.concat());
        floats("values", vec![layer.values.len()], &layer.values);
        floats("initial_values", vec![layer.initial_values.len()], &layer.initial_values);
        for (name, ranks) in
            [("positions", &layer.positions), ("before", &layer.before), ("after", &layer.after)]
        {
            let bytes = ranks.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
            arrays.push((format!("{index}/{name}"), Dtype::U32, vec![ranks.len()], bytes));
        }
        if !layer.connections.is_empty() {
            let (shape, bytes) = (vec![layer.connections.len()], layer.connections.clone());
            arrays.push((format!("{index}/connections"), Dtype::U8, shape, bytes));
        }
    }
    let fail = |error: safetensors::SafeTensorError| FrameError(error.to_string());
    let views = arrays.iter().map(|(name, dtype, shape, bytes)| {
        Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).map_err(fail)?))
    });
    let views = views.collect::<Result<Vec<_>, FrameError>>()?;
    safetensors::serialize(views, Some(metadata)).map_err(fail)
}

/// Reads the arrays of a frame from `frames.bin`. Returns `None` unless they are complete and match
/// their checksum.
pub fn read_frame(folder: &RunFolder, at: FrameLocation) -> Option<Frame> {
    let file = File::open(folder.frames()).ok()?;
    // The length of the file bounds the memory that a damaged location can ask for.
    let available = file.metadata().ok()?.len();
    if at.offset.checked_add(at.length)? > available {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(at.length).ok()?];
    file.read_exact_at(&mut bytes, at.offset).ok()?;
    (crc32fast::hash(&bytes) == at.crc).then(|| decode(&bytes).ok()).flatten()
}

/// Decodes a frame.
///
/// # Errors
/// `bytes` are not a frame.
pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
    let fail = |error: safetensors::SafeTensorError| FrameError(error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(fail)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let tensors = SafeTensors::deserialize(bytes).map_err(fail)?;
    let reader = FrameReader { metadata, tensors };
    let layers = (0..reader.metadata::<usize>("layers")?).map(|layer| reader.layer(layer));
    Ok(Frame { since: reader.metadata("since")?, layers: layers.collect::<Result<_, _>>()? })
}

struct FrameReader<'a> {
    metadata: HashMap<String, String>,
    tensors: SafeTensors<'a>,
}

impl FrameReader<'_> {
    fn metadata<T: std::str::FromStr>(&self, name: &str) -> Result<T, FrameError> {
        let number = self.metadata.get(name).and_then(|text| text.parse().ok());
        number.ok_or_else(|| FrameError(format!("`{name}` is missing or not a number")))
    }

    fn bytes(&self, name: &str, dtype: Dtype) -> Result<&[u8], FrameError> {
        let tensor = self.tensors.tensor(name).map_err(|error| FrameError(error.to_string()))?;
        if tensor.dtype() != dtype {
            return Err(FrameError(format!("`{name}` is not of type {dtype:?}")));
        }
        Ok(tensor.data())
    }

    fn words(&self, name: &str, dtype: Dtype) -> Result<Vec<[u8; 4]>, FrameError> {
        Ok(self.bytes(name, dtype)?.as_chunks().0.to_vec())
    }

    /// Reads a tensor that older versions do not write; returns the default if it is missing.
    fn read_if_present<T: Default>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, FrameError>,
    ) -> Result<T, FrameError> {
        match self.tensors.tensor(name) {
            Ok(_) => read(name),
            Err(_) => Ok(T::default()),
        }
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, FrameError> {
        Ok(self.words(name, Dtype::F32)?.into_iter().map(f32::from_le_bytes).collect())
    }

    fn ranks(&self, name: &str) -> Result<Vec<u32>, FrameError> {
        Ok(self.words(name, Dtype::U32)?.into_iter().map(u32::from_le_bytes).collect())
    }

    fn layer(&self, layer: usize) -> Result<LayerFrame, FrameError> {
        let positions = self.ranks(&format!("{layer}/positions"))?;
        let bands = self.floats(&format!("{layer}/bands"))?;
        Ok(LayerFrame {
            initial: self.floats(&format!("{layer}/initial"))?,
            bands: bands.chunks(positions.len().max(1)).map(<[f32]>::to_vec).collect(),
            similarity: self.metadata(&format!("{layer}/similarity"))?,
            vector: self.metadata(&format!("{layer}/vector"))?,
            initial_values: self
                .read_if_present(&format!("{layer}/initial_values"), |name| self.floats(name))?,
            values: self.floats(&format!("{layer}/values"))?,
            before: self.ranks(&format!("{layer}/before"))?,
            after: self.ranks(&format!("{layer}/after"))?,
            connections: self.read_if_present(&format!("{layer}/connections"), |name| {
                Ok(self.bytes(name, Dtype::U8)?.to_vec())
            })?,
            positions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            since: 40,
            layers: vec![
                LayerFrame {
                    positions: vec![0, 2],
                    initial: vec![-1.0, 1.0],
                    bands: vec![vec![-1.5, 0.5], vec![-1.0, 1.0]],
                    similarity: 0.25,
                    vector: 7,
                    initial_values: vec![-0.25, 0.0, 0.25],
                    values: vec![0.5, -0.5, 0.0],
                    before: vec![2, 0, 1],
                    after: vec![0, 1, 2],
                    connections: vec![0b0110_1101, 0b1],
                },
                LayerFrame::default(),
            ],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = encode(&frame()).expect("encodes");
        assert_eq!(decode(&bytes).expect("decodes"), frame());
    }

    #[test]
    fn a_frame_of_an_older_version_lacks_what_came_later() {
        let bytes = encode(&frame()).expect("encodes");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
        let tensors = SafeTensors::deserialize(&bytes).expect("tensors");
        let later = |name: &str| name.ends_with("initial_values") || name.ends_with("connections");
        let older = tensors.iter().filter(|(name, _)| !later(name));
        let older = safetensors::serialize(older, header.metadata().clone()).expect("encodes");
        let mut expected = frame();
        expected.layers[0].initial_values.clear();
        expected.layers[0].connections.clear();
        assert_eq!(decode(&older).expect("decodes"), expected);
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode(&frame()).expect("encodes");
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
        }
    }
}
