//! Named arrays, the larger part of a checkpoint.
//!
//! Adding a tensor costs the trainer next to nothing: it is shared, and copied to the host only
//! when its bytes are requested, on the thread that requests them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, View};

/// Arrays by name.
#[derive(Default)]
pub(super) struct Arrays(BTreeMap<String, Array>);

pub(super) struct Array {
    length: [usize; 1],
    content: Content,
}

enum Content {
    Tensor(Box<Tensor<1>>),
    Floats(Vec<f32>),
    Integers(Vec<u32>),
}

/// An array that is missing from a checkpoint or does not fit the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` {problem}")]
pub struct Misfit {
    name: String,
    problem: String,
}

impl Misfit {
    pub(super) fn new(name: &str, problem: impl Into<String>) -> Self {
        Misfit { name: name.into(), problem: problem.into() }
    }
}

impl Arrays {
    pub(super) fn put_tensor(&mut self, name: String, tensor: Tensor<1>) {
        self.put(name, tensor.dims(), Content::Tensor(Box::new(tensor)));
    }

    pub(super) fn put_floats(&mut self, name: String, values: Vec<f32>) {
        self.put(name, [values.len()], Content::Floats(values));
    }

    pub(super) fn put_integers(&mut self, name: String, values: Vec<u32>) {
        self.put(name, [values.len()], Content::Integers(values));
    }

    fn put(&mut self, name: String, length: [usize; 1], content: Content) {
        self.0.insert(name, Array { length, content });
    }

    /// Removes and returns an array of `length` 32-bit floats that was read from a file.
    ///
    /// # Errors
    /// Returns an error if there is no such array, or it has another length or type.
    pub(super) fn floats(&mut self, name: &str, length: usize) -> Result<Vec<f32>, Misfit> {
        match self.take(name, length)? {
            Content::Floats(values) => Ok(values),
            _ => Err(Misfit::new(name, "does not hold floats")),
        }
    }

    /// [`Arrays::floats`] as a tensor on a device.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        length: usize,
        device: &Device,
    ) -> Result<Tensor<1>, Misfit> {
        let values = self.floats(name, length)?;
        Ok(Tensor::from_data(TensorData::new(values, [length]), device))
    }

    /// [`Arrays::floats`] for 32-bit integers.
    pub(super) fn integers(&mut self, name: &str, length: usize) -> Result<Vec<u32>, Misfit> {
        match self.take(name, length)? {
            Content::Integers(values) => Ok(values),
            _ => Err(Misfit::new(name, "does not hold integers")),
        }
    }

    /// [`Arrays::floats`] for `count` rankings of `length` weights each, one after the other.
    pub(super) fn rankings(
        &mut self,
        name: &str,
        count: usize,
        length: usize,
    ) -> Result<Vec<u32>, Misfit> {
        let ranks = self.integers(name, count * length)?;
        let mut seen = vec![usize::MAX; length];
        for (vector, ranks) in ranks.chunks(length.max(1)).enumerate() {
            for &rank in ranks {
                match seen.get_mut(rank as usize) {
                    Some(last) if *last != vector => *last = vector,
                    _ => return Err(Misfit::new(name, "does not hold rankings")),
                }
            }
        }
        Ok(ranks)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn take(&mut self, name: &str, length: usize) -> Result<Content, Misfit> {
        let array = self.0.remove(name).ok_or_else(|| Misfit::new(name, "is missing"))?;
        if array.length != [length] {
            let problem = format!("has {} values, not {length}", array.length[0]);
            return Err(Misfit::new(name, problem));
        }
        Ok(array.content)
    }

    /// Iterates over the arrays in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.0.iter().map(|(name, array)| (name.as_str(), array))
    }

    #[cfg(test)]
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Reads all tensors of a file.
    ///
    /// # Errors
    /// Returns the first tensor that is not one-dimensional, or not of 32-bit floats or integers.
    pub(super) fn read(file: &SafeTensors) -> Result<Self, Misfit> {
        let mut arrays = Arrays::default();
        for (name, view) in file.iter() {
            let words = view.data().as_chunks().0.iter().copied();
            match (view.dtype(), view.shape()) {
                (Dtype::F32, [_]) => {
                    arrays.put_floats(name.into(), words.map(f32::from_le_bytes).collect());
                }
                (Dtype::U32, [_]) => {
                    arrays.put_integers(name.into(), words.map(u32::from_le_bytes).collect());
                }
                _ => return Err(Misfit::new(name, "is not a row of 32-bit floats or integers")),
            }
        }
        Ok(arrays)
    }
}

impl PartialEq for Arrays {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): ((&str, &Array), (&str, &Array))| {
            (a.0, a.1.dtype(), a.1.data()) == (b.0, b.1.dtype(), b.1.data())
        };
        self.0.len() == other.0.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        match self.content {
            Content::Integers(_) => Dtype::U32,
            _ => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.length
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.content {
            Content::Tensor(tensor) => {
                let values: Result<Vec<f32>, _> = (**tensor).clone().into_data().try_to_vec();
                match values {
                    Ok(values) => bytes(&values, f32::to_le_bytes).into(),
                    Err(error) => unreachable!("tensors are of 32-bit floats: {error:?}"),
                }
            }
            Content::Floats(values) => bytes(values, f32::to_le_bytes).into(),
            Content::Integers(values) => bytes(values, u32::to_le_bytes).into(),
        }
    }

    fn data_len(&self) -> usize {
        self.length[0] * 4
    }
}

fn bytes<T: Copy>(values: &[T], to_bytes: impl Fn(T) -> [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0; values.len() * 4];
    for (chunk, &value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(values) {
        *chunk = to_bytes(value);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let arrays = || {
            let mut arrays = Arrays::default();
            arrays.put_floats("floats".into(), vec![1.0, 2.0]);
            arrays.put_integers("ranks".into(), vec![1, 0, 0, 1]);
            arrays.put_integers("twice".into(), vec![0, 1, 1, 1]);
            arrays.put_integers("beyond".into(), vec![0, 2]);
            arrays
        };
        assert_eq!(arrays().floats("floats", 2), Ok(vec![1.0, 2.0]));
        assert_eq!(arrays().rankings("ranks", 2, 2), Ok(vec![1, 0, 0, 1]));
        let problems = [
            arrays().floats("none", 2).expect_err("missing").to_string(),
            arrays().floats("floats", 3).expect_err("too few").to_string(),
            arrays().floats("ranks", 4).expect_err("another type").to_string(),
            arrays().rankings("twice", 2, 2).expect_err("a rank twice").to_string(),
            arrays().rankings("beyond", 1, 2).expect_err("no such rank").to_string(),
        ];
        assert_eq!(
            problems,
            [
                "`none` is missing",
                "`floats` has 2 values, not 3",
                "`ranks` does not hold floats",
                "`twice` does not hold rankings",
                "`beyond` does not hold rankings",
            ]
        );
    }
}
