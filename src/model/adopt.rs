//! Weights that another program trained, for a network of ours.
//!
//! A file's tensors are taken *by name* where each of the network's ([`Network::tensors`]) is there, perhaps all under
//! one prefix such as `module.`. Otherwise they are taken *by order*: the first convolution of the file is the
//! network's first convolution, and likewise for dense layers and for batch norms. What a tensor does is told by the
//! end of its name (`weight`, `kernel`, `gamma`, …) and by its number of axes, so `0.weight` of a PyTorch `Sequential`
//! is as good as `conv2d_3/kernel:0`. Every shape must be the network's, and nothing may be left over.
//!
//! Keras has its outputs last: a kernel `[height, width, in, out]` becomes `[out, in, height, width]`, and a dense
//! `[in, out]` becomes `[out, in]`. It also flattens an image by rows, columns, channels where we do by channels, rows,
//! columns; what lies along such an axis is put in our order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{NamedTensor, Network, Role};
use crate::weights::{Format, TensorFile, TensorFileError};

/// Another program's weights, as a network of ours has them.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The weights, in the order of [`Network::tensors`].
    pub tensors: Vec<NamedTensor>,
    /// For each of them the tensor of the file that it was.
    pub sources: Vec<String>,
    /// How it was found.
    pub matching: Matching,
    /// The file's format.
    pub format: Format,
}

/// How the tensors of a file are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matching {
    /// By their names.
    ByName,
    /// Layer by layer, by their order among layers of their kind.
    ByOrder,
}

/// A file of weights that does not fit a network.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// A tensor has another shape.
    #[error(
        "{}: tensor `{name}` has the shape {found:?}, but the network's `{own}` would be {expected:?} there",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The file's tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The network's tensor.
        own: String,
        /// Its shape as the file would have it.
        expected: Vec<usize>,
    },
    /// A tensor is not there.
    #[error(
        "{}: there is no tensor for the network's `{own}`, which would be {expected:?} there{}",
        path.display(),
        layer.as_ref().map(|layer| format!(", in `{layer}`")).unwrap_or_default()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The network's tensor.
        own: String,
        /// Its shape as the file would have it.
        expected: Vec<usize>,
        /// The file's layer that lacks it, if there is one.
        layer: Option<String>,
    },
    /// A tensor is left over.
    #[error(
        "{}: the network has nothing that tensor `{name}`, of the shape {found:?}, could be",
        path.display()
    )]
    Unused {
        /// The file.
        path: PathBuf,
        /// The file's tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
    },
}

/// Reads the weights of a file of any format that [`TensorFile`] knows as those of `network`.
///
/// # Errors
/// A file that cannot be read or does not fit the network; the tensor is named.
pub fn adopt(network: &Network, path: &Path) -> Result<Adopted, AdoptError> {
    let file = TensorFile::open(path)?;
    let search = Search { network, file: &file, keras: file.format() == Format::Hdf5 };
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
    let tensors = network.tensors().zip(&sources).enumerate();
    let tensors = tensors.map(|(index, ((name, shape), &source))| {
        let values = search.arranged(index, &shape, file.read(source)?);
        Ok(NamedTensor { name, shape, values })
    });
    Ok(Adopted {
        tensors: tensors.collect::<Result<_, AdoptError>>()?,
        sources: sources.iter().map(|&source| file.tensors()[source].name.clone()).collect(),
        matching,
        format: file.format(),
    })
}

/// What a layer with weights is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Conv,
    Dense,
    Norm,
}

/// What a tensor is in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Or batch norm's gamma.
    Weight,
    /// Or batch norm's beta.
    Bias,
    Mean,
    Variance,
}

/// The tensors of one layer, by index.
struct LayerTensors {
    name: String,
    tensors: BTreeMap<Part, usize>,
}

/// A network and a file that is to fit it.
struct Search<'a> {
    network: &'a Network,
    file: &'a TensorFile,
    keras: bool,
}

impl Search<'_> {
    /// The file's tensors that are weights or statistics of a network, by index.
    fn candidates(&self) -> impl Iterator<Item = (usize, &str)> {
        let tensors = self.file.tensors().iter().enumerate();
        tensors
            .filter(|(_, tensor)| tensor.float.is_some() && !tensor.is_optimizer_state())
            .map(|(index, tensor)| (index, tensor.name.as_str()))
    }

    /// The file's tensor for each of the network's, if all are there by name.
    fn by_name(&self) -> Option<Vec<usize>> {
        let candidates: BTreeMap<&str, usize> =
            self.candidates().map(|(index, name)| (name, index)).collect();
        let own: Vec<String> = self.network.tensors().map(|(name, _)| name).collect();
        let first = own.first()?;
        let prefixes = candidates.keys().filter_map(|name| name.strip_suffix(first.as_str()));
        let prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
        prefixes.into_iter().find_map(|prefix| {
            own.iter()
                .map(|name| candidates.get(format!("{prefix}{name}").as_str()).copied())
                .collect()
        })
    }

    /// The file's tensor for each of the network's, kind by kind in their order.
    fn by_order(&self) -> Result<Vec<usize>, AdoptError> {
        let own = self.own_layers();
        let theirs = self.their_layers()?;
        let mut sources = vec![0; self.network.tensors().count()];
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
        let names: Vec<String> = self.network.tensors().map(|(name, _)| name).collect();
        let mut layers = grouped(names.iter().map(String::as_str).enumerate());
        let kind = |layer: &LayerTensors| {
            let weight = layer.tensors.get(&Part::Weight);
            let parameter = weight.map(|&index| &self.network.parameters()[index]);
            match parameter {
                Some(p) if p.role == Role::Weight && p.shape.len() == 4 => Kind::Conv,
                Some(p) if p.role == Role::Weight => Kind::Dense,
                _ => Kind::Norm,
            }
        };
        layers.drain(..).map(|layer| (kind(&layer), layer)).collect()
    }

    /// The file's layers that have weights, in its order.
    fn their_layers(&self) -> Result<Vec<(Kind, LayerTensors)>, AdoptError> {
        if let Some((index, _)) = self.candidates().find(|(_, name)| split(name).is_none()) {
            return Err(self.unused(index));
        }
        let layers = grouped(self.candidates()).into_iter().map(|layer| {
            let weight = layer.tensors.get(&Part::Weight);
            let axes = weight.map(|&index| self.file.tensors()[index].shape.len());
            let kind = match axes {
                Some(4) => Kind::Conv,
                Some(2) => Kind::Dense,
                Some(1) => Kind::Norm,
                _ => {
                    let any = layer.tensors.values().next().copied();
                    return Err(self.unused(weight.copied().or(any).unwrap_or_default()));
                }
            };
            Ok((kind, layer))
        });
        layers.collect()
    }

    /// Looks whether the file's tensor `source` has the shape of the network's tensor at `index`.
    fn check_shape(&self, index: usize, source: usize) -> Result<(), AdoptError> {
        let (own, expected) = self.own_tensor(index);
        let tensor = &self.file.tensors()[source];
        if tensor.shape == expected {
            return Ok(());
        }
        let (name, found) = (tensor.name.clone(), tensor.shape.clone());
        Err(AdoptError::Shape { path: self.path(), name, found, own, expected })
    }

    /// Looks whether nothing is left over.
    fn check_whole(&self, sources: &[usize]) -> Result<(), AdoptError> {
        match self.candidates().find(|(index, _)| !sources.contains(index)) {
            Some((index, _)) => Err(self.unused(index)),
            None => Ok(()),
        }
    }

    /// The network's tensor at `index`: its name, and its shape as the file would have it.
    fn own_tensor(&self, index: usize) -> (String, Vec<usize>) {
        let (name, shape) = self.network.tensors().nth(index).unwrap_or_default();
        let shape = self.foreign_shape(&shape);
        (name, shape)
    }

    /// A shape of ours as the file would have it.
    fn foreign_shape(&self, shape: &[usize]) -> Vec<usize> {
        match *shape {
            [outputs, inputs, height, width] if self.keras => vec![height, width, inputs, outputs],
            [outputs, inputs] if self.keras => vec![inputs, outputs],
            _ => shape.to_vec(),
        }
    }

    /// The values of the network's tensor at `index`, which are `values` in the file.
    fn arranged(&self, index: usize, shape: &[usize], values: Vec<f32>) -> Vec<f32> {
        if !self.keras {
            return values;
        }
        let values = outputs_first(values, shape);
        match self.flattened(index) {
            Some(image) => channels_first(&values, image),
            None => values,
        }
    }

    /// The image whose flattening is the last axis of the network's tensor at `index`.
    fn flattened(&self, index: usize) -> Option<[usize; 3]> {
        let parameters = self.network.parameters();
        let parameter = parameters.get(index).or_else(|| {
            // Mean and variance of each norm follow the parameters.
            let (layer, _) = &self.network.norms()[(index - parameters.len()) / 2];
            parameters.iter().find(|parameter| parameter.layer == *layer)
        });
        parameter?.flattened
    }

    fn path(&self) -> PathBuf {
        self.file.path().into()
    }

    fn missing(&self, index: usize, layer: Option<&LayerTensors>) -> AdoptError {
        let (own, expected) = self.own_tensor(index);
        let layer = layer.map(|layer| layer.name.clone());
        AdoptError::Missing { path: self.path(), own, expected, layer }
    }

    fn unused(&self, index: usize) -> AdoptError {
        let tensor = &self.file.tensors()[index];
        let (name, found) = (tensor.name.clone(), tensor.shape.clone());
        AdoptError::Unused { path: self.path(), name, found }
    }
}

/// Tensors, by index and name, as layers in the order of their first tensors.
fn grouped<'a>(tensors: impl Iterator<Item = (usize, &'a str)>) -> Vec<LayerTensors> {
    let mut layers: Vec<LayerTensors> = Vec::new();
    for (index, name) in tensors {
        let Some((layer, part)) = split(name) else { continue };
        let known = layers.iter().position(|known| known.name == layer);
        let place = known.unwrap_or_else(|| {
            layers.push(LayerTensors { name: layer.into(), tensors: BTreeMap::new() });
            layers.len() - 1
        });
        layers[place].tensors.insert(part, index);
    }
    layers
}

/// A tensor's layer, and what it is there, from its name.
fn split(name: &str) -> Option<(&str, Part)> {
    let name = name.strip_suffix(":0").unwrap_or(name);
    // A module saved alone has no name of its own.
    let (layer, part) = name.rsplit_once(['.', '/']).unwrap_or(("", name));
    // Newer Keras numbers the variables of a layer.
    let part = match part {
        "weight" | "kernel" | "gamma" | "0" => Part::Weight,
        "bias" | "beta" | "1" => Part::Bias,
        "running_mean" | "moving_mean" | "2" => Part::Mean,
        "running_var" | "moving_variance" | "3" => Part::Variance,
        _ => return None,
    };
    Some((layer, part))
}

/// From `[…, in, out]` to `[out, in, …]`, which is `shape`.
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

/// From rows, columns, channels to channels, rows, columns, in each flattened image of `values`.
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
