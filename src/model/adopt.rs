//! Converts another program's weights into those of a network.
//!
//! Tensors are matched *by name* if the file has each of the network's tensors
//! ([`Network::tensors`]), possibly with a common prefix such as `module.`. Otherwise they are
//! matched *by order*: the first convolution of the file is the network's first convolution, and so
//! on; dense layers and batch norms likewise. The role of a tensor follows from the end of its name
//! (`weight`, `kernel`, `gamma`, …) and from its number of axes, so `0.weight` of a PyTorch
//! `Sequential` is recognized like `conv2d_3/kernel:0`. Every shape must be the network's, and no
//! tensor of the file may be left over.
//!
//! Keras stores the outputs last: a kernel `[height, width, in, out]` becomes
//! `[out, in, height, width]`, and a dense matrix `[in, out]` becomes `[out, in]`. Keras also
//! flattens an image by rows, columns, channels. The entries along such an axis are reordered to
//! channels, rows, columns, the order of this program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{NamedTensor, Network, Role};
use crate::weights::{Format, Layout, TensorFile, TensorFileError};

/// Another program's weights, converted for a network.
#[derive(Debug, Clone)]
pub(crate) struct Adopted {
    /// The weights, in the order of [`Network::tensors`].
    pub tensors: Vec<NamedTensor>,
    /// Name of the file's tensor that each of them comes from.
    pub sources: Vec<String>,
    pub matching: Matching,
    pub format: Format,
}

/// How the tensors of a file were matched with those of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Matching {
    /// By name.
    ByName,
    /// By order among the layers of the same kind.
    ByOrder,
}

/// A file of weights that does not fit a network.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdoptError {
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// A tensor has the wrong shape.
    #[error(
        "{}: tensor `{name}` has the shape {found:?}, but the network's `{own}` needs {expected:?}",
        path.display()
    )]
    Shape {
        path: PathBuf,
        /// Name of the tensor in the file.
        name: String,
        found: Vec<usize>,
        /// Name of the network's tensor.
        own: String,
        /// Shape of the network's tensor in the file's layout.
        expected: Vec<usize>,
    },
    /// The file lacks a tensor.
    #[error(
        "{}: there is no tensor for the network's `{own}`, which needs the shape {expected:?}{}",
        path.display(),
        layer.as_ref().map(|layer| format!(", in `{layer}`")).unwrap_or_default()
    )]
    Missing {
        path: PathBuf,
        /// Name of the network's tensor.
        own: String,
        /// Shape of the network's tensor in the file's layout.
        expected: Vec<usize>,
        /// The file's layer that lacks the tensor, if it has the layer.
        layer: Option<String>,
    },
    /// The file has a tensor that the network does not.
    #[error(
        "{}: the network has no counterpart of tensor `{name}`, which has the shape {found:?}",
        path.display()
    )]
    Unused {
        path: PathBuf,
        /// Name of the tensor in the file.
        name: String,
        found: Vec<usize>,
    },
}

/// Reads a file in any format that [`TensorFile`] supports and converts its tensors to those of
/// `network`.
///
/// # Errors
/// A file that cannot be read, or that does not fit the network. The error names the tensor.
pub(crate) fn adopt(network: &Network, path: &Path) -> Result<Adopted, AdoptError> {
    let file = TensorFile::open(path)?;
    let search = Search {
        network,
        own: network.tensors().collect(),
        file: &file,
        outputs_last: file.convention() == Layout::OutputLast,
    };
    let (matching, sources) = match search.by_name() {
        Some(sources) => {
            for (index, &source) in sources.iter().enumerate() {
                search.check_shape(index, source)?;
            }
            (Matching::ByName, sources)
        }
        None => (Matching::ByOrder, search.by_order()?),
    };
    search.check_whole(&sources)?;
    let tensors = search.own.iter().zip(&sources).enumerate();
    let tensors = tensors.map(|(index, ((name, shape), &source))| {
        let values = search.arranged(index, file.read(source)?);
        Ok(NamedTensor { name: name.clone(), shape: shape.clone(), values })
    });
    Ok(Adopted {
        tensors: tensors.collect::<Result<_, AdoptError>>()?,
        sources: sources.iter().map(|&source| file.tensors()[source].name.clone()).collect(),
        matching,
        format: file.format(),
    })
}

/// Kind of a layer with weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Conv,
    Dense,
    Norm,
}

/// Role of a tensor in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Weights, or batch norm's gamma.
    Weight,
    /// Bias, or batch norm's beta.
    Bias,
    Mean,
    Variance,
}

/// The tensors of one layer, by index.
struct LayerTensors {
    name: String,
    tensors: BTreeMap<Part, usize>,
}

/// The search for a network's tensors in a file.
struct Search<'a> {
    network: &'a Network,
    /// Name and shape of each of the network's tensors.
    own: Vec<(String, Vec<usize>)>,
    file: &'a TensorFile,
    /// Whether the file has Keras's layout.
    outputs_last: bool,
}

impl Search<'_> {
    /// Index and name of the file's tensors that belong to a network rather than an optimizer.
    fn candidates(&self) -> impl Iterator<Item = (usize, &str)> {
        let tensors = self.file.tensors().iter().enumerate();
        tensors
            .filter(|(_, tensor)| tensor.float.is_some() && !tensor.is_optimizer_state())
            .map(|(index, tensor)| (index, tensor.name.as_str()))
    }

    /// Returns the file's tensor for each of the network's, if the file has all of their names.
    fn by_name(&self) -> Option<Vec<usize>> {
        let candidates: BTreeMap<&str, usize> =
            self.candidates().map(|(index, name)| (name, index)).collect();
        let (first, _) = self.own.first()?;
        let prefixes = candidates.keys().filter_map(|name| name.strip_suffix(first.as_str()));
        let prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
        prefixes.into_iter().find_map(|prefix| {
            self.own
                .iter()
                .map(|(name, _)| candidates.get(format!("{prefix}{name}").as_str()).copied())
                .collect()
        })
    }

    /// Returns the file's tensor for each of the network's, matched in order within each kind of
    /// layer.
    fn by_order(&self) -> Result<Vec<usize>, AdoptError> {
        let own = self.own_layers();
        let theirs = self.their_layers()?;
        // Every index is set: each of the network's tensors is in one of its layers.
        let mut sources = vec![0; self.own.len()];
        for kind in [Kind::Conv, Kind::Dense, Kind::Norm] {
            let mut theirs = theirs.iter().filter(|(other, _)| *other == kind);
            for (_, layer) in own.iter().filter(|(own, _)| *own == kind) {
                let other = theirs.next().map(|(_, layer)| layer);
                for (part, &index) in &layer.tensors {
                    let source = other.and_then(|other| other.tensors.get(part));
                    let source = *source.ok_or_else(|| self.missing(index, other))?;
                    self.check_shape(index, source)?;
                    sources[index] = source;
                }
            }
        }
        Ok(sources)
    }

    /// The network's layers that have tensors, in order.
    fn own_layers(&self) -> Vec<(Kind, LayerTensors)> {
        let names = self.own.iter().map(|(name, _)| name.as_str());
        let kind = |layer: &LayerTensors| {
            let weight = layer.tensors.get(&Part::Weight);
            let parameter = weight.map(|&index| &self.network.parameters()[index]);
            match parameter {
                Some(p) if p.role == Role::Weight && p.shape.len() == 4 => Kind::Conv,
                Some(p) if p.role == Role::Weight => Kind::Dense,
                _ => Kind::Norm,
            }
        };
        grouped(names.enumerate()).into_iter().map(|layer| (kind(&layer), layer)).collect()
    }

    /// The file's layers that have weights, in the file's order.
    fn their_layers(&self) -> Result<Vec<(Kind, LayerTensors)>, AdoptError> {
        if let Some((index, _)) = self.candidates().find(|(_, name)| split(name).is_none()) {
            return Err(self.unused(index));
        }
        let layers = grouped(self.candidates()).into_iter().map(|layer| {
            // Without weights the layer is of no known kind; its first tensor is reported.
            let Some(&first) = layer.tensors.values().next() else {
                unreachable!("a layer has at least one tensor")
            };
            let weight = layer.tensors.get(&Part::Weight).copied();
            let kind = match weight.map(|index| self.file.tensors()[index].shape.len()) {
                Some(4) => Kind::Conv,
                Some(2) => Kind::Dense,
                Some(1) => Kind::Norm,
                _ => return Err(self.unused(weight.unwrap_or(first))),
            };
            Ok((kind, layer))
        });
        layers.collect()
    }

    /// Checks that the file's tensor `source` has the shape of the network's tensor at `index`.
    fn check_shape(&self, index: usize, source: usize) -> Result<(), AdoptError> {
        let (own, expected) = (self.own[index].0.clone(), self.shape_in_file(index));
        let tensor = &self.file.tensors()[source];
        if tensor.shape == expected {
            return Ok(());
        }
        let (name, found) = (tensor.name.clone(), tensor.shape.clone());
        Err(AdoptError::Shape { path: self.path(), name, found, own, expected })
    }

    /// Checks that no tensor of the file is left over.
    fn check_whole(&self, sources: &[usize]) -> Result<(), AdoptError> {
        match self.candidates().find(|(index, _)| !sources.contains(index)) {
            Some((index, _)) => Err(self.unused(index)),
            None => Ok(()),
        }
    }

    /// The shape of the network's tensor at `index` in the file's layout.
    fn shape_in_file(&self, index: usize) -> Vec<usize> {
        let shape = &self.own[index].1;
        match shape[..] {
            [outputs, inputs, height, width] if self.outputs_last => {
                vec![height, width, inputs, outputs]
            }
            [outputs, inputs] if self.outputs_last => vec![inputs, outputs],
            _ => shape.clone(),
        }
    }

    /// Converts the file's values of the network's tensor at `index` to the network's layout.
    fn arranged(&self, index: usize, values: Vec<f32>) -> Vec<f32> {
        if !self.outputs_last {
            return values;
        }
        let values = outputs_first(values, &self.own[index].1);
        match self.flattened(index) {
            Some(image) => channels_first(&values, image),
            None => values,
        }
    }

    /// Channels, height and width of the image whose flattening is the last axis of the network's
    /// tensor at `index`, if it is one.
    fn flattened(&self, index: usize) -> Option<[usize; 3]> {
        let parameters = self.network.parameters();
        let parameter = parameters.get(index).or_else(|| {
            // The mean and variance of each batch norm follow the parameters.
            let (layer, _) = &self.network.norms()[(index - parameters.len()) / 2];
            parameters.iter().find(|parameter| parameter.layer == *layer)
        });
        parameter?.flattened
    }

    fn path(&self) -> PathBuf {
        self.file.path().into()
    }

    fn missing(&self, index: usize, layer: Option<&LayerTensors>) -> AdoptError {
        let (own, expected) = (self.own[index].0.clone(), self.shape_in_file(index));
        let layer = layer.map(|layer| layer.name.clone());
        AdoptError::Missing { path: self.path(), own, expected, layer }
    }

    fn unused(&self, index: usize) -> AdoptError {
        let tensor = &self.file.tensors()[index];
        let (name, found) = (tensor.name.clone(), tensor.shape.clone());
        AdoptError::Unused { path: self.path(), name, found }
    }
}

/// Groups tensors, given by index and name, into layers in the order of their first tensors.
/// Tensors with an unknown name are left out.
fn grouped<'a>(tensors: impl Iterator<Item = (usize, &'a str)>) -> Vec<LayerTensors> {
    let mut layers: Vec<LayerTensors> = Vec::new();
    for (index, name) in tensors {
        let Some((layer, part)) = split(name) else { continue };
        let known = layers.iter().position(|known| known.name == layer);
        let position = known.unwrap_or_else(|| {
            layers.push(LayerTensors { name: layer.into(), tensors: BTreeMap::new() });
            layers.len() - 1
        });
        layers[position].tensors.insert(part, index);
    }
    layers
}

/// Splits a tensor's name into the name of its layer and its role there.
fn split(name: &str) -> Option<(&str, Part)> {
    let name = name.strip_suffix(":0").unwrap_or(name);
    // The tensors of a module that was saved alone have no layer name.
    let (layer, part) = name.rsplit_once(['.', '/']).unwrap_or(("", name));
    // Newer versions of Keras number the variables of a layer.
    let part = match part {
        "weight" | "kernel" | "gamma" | "0" => Part::Weight,
        "bias" | "beta" | "1" => Part::Bias,
        "running_mean" | "moving_mean" | "2" => Part::Mean,
        "running_var" | "moving_variance" | "3" => Part::Variance,
        _ => return None,
    };
    Some((layer, part))
}

/// Transposes values from `[…, in, out]` to `shape`, which is `[out, in, …]`.
fn outputs_first(values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    let &[outputs, inputs, ref area @ ..] = shape else { return values };
    let area: usize = area.iter().product();
    let mut arranged = Vec::with_capacity(values.len());
    for output in 0..outputs {
        for input in 0..inputs {
            for pixel in 0..area {
                arranged.push(values[(pixel * inputs + input) * outputs + output]);
            }
        }
    }
    arranged
}

/// Reorders each flattened image of `values` from rows, columns, channels to channels, rows,
/// columns.
fn channels_first(values: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let pixels = height * width;
    let mut arranged = Vec::with_capacity(values.len());
    for image in values.chunks(channels * pixels) {
        for channel in 0..channels {
            arranged.extend((0..pixels).map(|pixel| image[pixel * channels + channel]));
        }
    }
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_get_their_outputs_first() {
        // Inputs 3, outputs 2.
        let dense = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(outputs_first(dense, &[2, 3]), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        // One output of two inputs, two pixels wide: both inputs of the first pixel come first.
        let conv = vec![1.0, 10.0, 2.0, 20.0];
        assert_eq!(outputs_first(conv, &[1, 2, 1, 2]), [1.0, 2.0, 10.0, 20.0]);
        assert_eq!(outputs_first(vec![1.0, 2.0], &[2]), [1.0, 2.0]);
    }

    #[test]
    fn flattened_images_get_their_channels_first() {
        // Two images of two pixels with two channels.
        let images = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
        let expected = [1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0];
        assert_eq!(channels_first(&images, [2, 1, 2]), expected);
    }

    #[test]
    fn a_tensors_part_is_told_by_its_name() {
        let parts = [
            ("conv2d_3/conv2d_3/kernel:0", Some(("conv2d_3/conv2d_3", Part::Weight))),
            (
                "layers/batch_normalization/vars/3",
                Some(("layers/batch_normalization/vars", Part::Variance)),
            ),
            ("features.0.bias", Some(("features.0", Part::Bias))),
            ("bn1.num_batches_tracked", None),
            ("weight", Some(("", Part::Weight))),
        ];
        for (name, expected) in parts {
            assert_eq!(split(name), expected, "{name}");
        }
    }
}
