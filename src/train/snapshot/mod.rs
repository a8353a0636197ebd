//! Snapshots: the weights of a run with their metadata, and the proof that they are a permutation
//! of the initial weights.
//!
//! There are two formats. A .safetensors file has the weights under the names and in the layouts of
//! [`Network::tensors`], and in its metadata strings for the experiment, its seed, step, k, p and
//! accuracy. A *coded* snapshot, [.lperm](coded), has the same strings, and permutations in place
//! of the weights.

pub mod coded;
mod info;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::control::Control;
use super::start::{StartError, initial_weights};
use super::wrapper::{Permuted, reservoirs};
use super::{Command, Schedule};
use crate::experiment::{Experiment, Problem, WrapperName};
use crate::method::CodingError;
use crate::model::{NamedTensor, Network, Weights, WeightsFile, WeightsFileError};

pub(crate) use info::SnapshotInfo;
pub(crate) use verify::Verified;

/// Weights of a network, and the experiment that they come from.
#[derive(Debug, Clone)]
pub struct Snapshot {
    origin: Origin,
    /// In the order of [`Network::tensors`].
    tensors: Vec<NamedTensor>,
    kind: SnapshotKind,
    /// Number of bytes of each tensor in the file.
    tensor_bytes: Vec<usize>,
    /// Number of bytes of the file.
    bytes: usize,
}

/// The format of a snapshot's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotKind {
    /// Values, in a .safetensors file.
    Safetensors,
    /// Permutations, in an .lperm file.
    Lperm,
}

/// A file that is not a snapshot, or not one that serves the purpose.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] WeightsFileError),
    /// The file is not a snapshot of laperm.
    #[error("{}: not a snapshot of laperm: its metadata has no readable `{key}`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The key that is missing from its metadata.
        key: &'static str,
    },
    /// The experiment in its metadata is invalid.
    #[error("{}: the experiment in its metadata: {problem}", path.display())]
    Experiment {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A tensor is missing or has another shape.
    #[error("{}: tensor `{name}` is missing or not of the shape {shape:?}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape in the network.
        shape: Vec<usize>,
    },
    /// A tensor is not one of the network's.
    #[error("{}: tensor `{name}` is not one of the network's", path.display())]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The weights were not trained by permuting, or are not synchronized.
    #[error("{}: not a permutation of its initial weights: {reason}", path.display())]
    NotPermuted {
        /// The file.
        path: PathBuf,
        /// The reason, as a sentence.
        reason: &'static str,
    },
    /// The initial weights cannot be drawn again.
    #[error("{}: {source}", path.display())]
    Initial {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StartError,
    },
    /// A parameter cannot be coded.
    #[error("{}: tensor `{name}`: {source}", path.display())]
    Coding {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Why.
        source: CodingError,
    },
    /// An .lperm file is truncated, changed, or was never one.
    #[error("{}: not a readable .lperm file: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The decoded weights are not those that were encoded.
    #[error(
        "{}: the decoded weights are not those that were encoded: the snapshot named in initial.weights.shuffled \
         was changed, or another version of laperm encoded them",
        path.display()
    )]
    Inexact {
        /// The file.
        path: PathBuf,
    },
}

/// The origin of weights: their file, its metadata, and the experiment and network named there.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    path: PathBuf,
    metadata: HashMap<String, String>,
    experiment: Experiment,
    network: Network,
}

impl Snapshot {
    /// Reads a file of either format, which is detected from its content.
    ///
    /// # Errors
    /// Returns an error for a file that is not readable, not a snapshot of laperm, or does not have
    /// exactly the tensors of its network; and for an .lperm file whose initial weights cannot be
    /// drawn again, or whose decoded weights are not those that were encoded.
    pub fn read(path: &Path) -> Result<Self, SnapshotError> {
        if coded::is_coded(path)? {
            return coded::read(path);
        }
        let file = WeightsFile::read(path)?;
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len() as usize);
        Snapshot::new(path, file, bytes)
    }

    /// Whether a file is an .lperm file, which only [`Snapshot::read`] reads.
    ///
    /// # Errors
    /// Returns an error of the file system.
    pub fn is_coded(path: &Path) -> Result<bool, SnapshotError> {
        coded::is_coded(path)
    }

    /// The snapshot in a weights file of `bytes` bytes that was read from `path`.
    fn new(path: &Path, file: WeightsFile, bytes: usize) -> Result<Self, SnapshotError> {
        let origin = Origin::new(path, file.metadata)?;
        let mut found: BTreeMap<String, NamedTensor> =
            file.tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let tensors = origin.network.tensors().map(|(name, shape)| {
            let tensor = found.remove(&name).filter(|tensor| tensor.shape == shape);
            tensor.ok_or_else(|| SnapshotError::Tensor { path: path.into(), name, shape })
        });
        let tensors = tensors.collect::<Result<Vec<NamedTensor>, _>>()?;
        if let Some(name) = found.into_keys().next() {
            return Err(SnapshotError::UnknownTensor { path: path.into(), name });
        }
        let tensor_bytes = tensors.iter().map(|tensor| tensor.values.len() * 4).collect();
        Ok(Snapshot { origin, tensors, kind: SnapshotKind::Safetensors, tensor_bytes, bytes })
    }

    /// The experiment that trained the weights.
    pub fn experiment(&self) -> &Experiment {
        &self.origin.experiment
    }

    /// The network that the weights belong to.
    pub fn network(&self) -> &Network {
        &self.origin.network
    }

    /// The weights, in the order of [`Network::tensors`].
    pub fn tensors(&self) -> &[NamedTensor] {
        &self.tensors
    }

    /// The format of the file.
    pub fn kind(&self) -> SnapshotKind {
        self.kind
    }

    /// Number of bytes of the file.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// SHA-256 over the values of all parameters in order, in hexadecimal: the `weights_checksum`
    /// in a run's log and in `laperm runs --json`.
    pub fn checksum(&self) -> String {
        let parameters = self.network().parameters().len();
        checksum(&self.tensors[..parameters])
    }

    /// Converts the snapshot to the content of a .safetensors file.
    pub fn into_weights_file(self) -> WeightsFile {
        WeightsFile { tensors: self.tensors, metadata: self.origin.metadata }
    }
}

impl Origin {
    fn new(path: &Path, metadata: HashMap<String, String>) -> Result<Self, SnapshotError> {
        let foreign = || SnapshotError::Foreign { path: path.into(), key: "experiment" };
        let text = metadata.get("experiment").ok_or_else(foreign)?;
        let experiment: Experiment = toml::from_str(text).map_err(|_| foreign())?;
        let network = experiment
            .network()
            .map_err(|problem| SnapshotError::Experiment { path: path.into(), problem })?;
        Ok(Origin { path: path.into(), metadata, experiment, network })
    }

    fn text(&self, key: &'static str) -> Result<&str, SnapshotError> {
        let text = self.metadata.get(key).map(String::as_str);
        text.ok_or_else(|| SnapshotError::Foreign { path: self.path.clone(), key })
    }

    /// Draws the reservoirs of all permuted parameters again, from seed and rule alone, with the
    /// pruning ratio that was in effect.
    fn permuted(&self) -> Result<Vec<Permuted>, SnapshotError> {
        let path = &self.path;
        let not = |reason| SnapshotError::NotPermuted { path: path.clone(), reason };
        if self.experiment.wrapper.name != WrapperName::Laperm {
            return Err(not("it was not trained under the laperm wrapper"));
        }
        if self.text("synced")? != "true" {
            return Err(not("it holds the inner optimizer's weights, not synchronized ones"));
        }
        self.experiment
            .check()
            .map_err(|problem| SnapshotError::Experiment { path: path.clone(), problem })?;
        let foreign = |key| SnapshotError::Foreign { path: path.clone(), key };
        let p: f64 = self.text("p")?.parse().map_err(|_| foreign("p"))?;
        let p_by_hand = self.text("p_by_hand")? == "true";
        let command = Command::SetPruning { p };
        if command.problem().is_some() {
            return Err(foreign("p"));
        }
        let mut control = Control::new(&self.experiment);
        if p_by_hand {
            control.obey(&command);
        }
        let schedule = Schedule { p, p_by_hand, ..Schedule::default() };
        let unusable = |source| SnapshotError::Initial { path: path.clone(), source };
        let initial = initial_weights(&self.experiment, &self.network).map_err(unusable)?;
        reservoirs(&self.experiment, &self.network, initial, &schedule, &control)
            .map_err(|error| unusable(error.into()))
    }
}

/// When weights were taken, and under which schedule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) step: u64,
    pub(super) schedule: Schedule,
    /// Whether they are the synchronized weights.
    pub(super) synced: bool,
    /// The latest accuracy on the test set.
    pub(super) accuracy: Option<f32>,
}

/// The file for `weights` of `network`.
pub(super) fn weights_file(
    experiment: &Experiment,
    network: &Network,
    weights: &Weights,
    Moment { step, schedule, synced, accuracy }: Moment,
) -> WeightsFile {
    let statistics = weights.statistics.iter().flat_map(|s| [&s.mean, &s.variance]);
    let values = weights.parameters.iter().chain(statistics);
    let tensors = network.tensors().zip(values).map(|((name, shape), tensor)| NamedTensor {
        name,
        shape,
        values: tensor.clone().inner().into_data().try_to_vec::<f32>().unwrap_or_default(),
    });
    let mut metadata = HashMap::from([
        ("format".to_owned(), "laperm-snapshot-1".to_owned()),
        ("name".to_owned(), experiment.name.clone()),
        ("experiment".to_owned(), toml::to_string(experiment).unwrap_or_default()),
        ("network".to_owned(), experiment.network.title().to_owned()),
        ("seed".to_owned(), experiment.seed.to_string()),
        ("step".to_owned(), step.to_string()),
        ("k".to_owned(), schedule.k.to_string()),
        ("p".to_owned(), schedule.p.to_string()),
        ("p_by_hand".to_owned(), schedule.p_by_hand.to_string()),
        ("synced".to_owned(), synced.to_string()),
    ]);
    if let Some(accuracy) = accuracy {
        metadata.insert("accuracy".to_owned(), accuracy.to_string());
    }
    WeightsFile { tensors: tensors.collect(), metadata }
}

/// SHA-256 over the values of these tensors, in hexadecimal.
pub(super) fn checksum(tensors: &[NamedTensor]) -> String {
    let mut hash = Sha256::new();
    for value in tensors.iter().flat_map(|tensor| &tensor.values) {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use burn::tensor::Device;
    use rand::RngExt;

    /// What errors call the snapshot.
    pub(crate) const FILE: &str = "some.file";

    const SMALL: &str = r#"
        [data]
        dataset = "glyphs"
        [network]
        layers = [
            { type = "conv", filters = 4, kernel = 5, stride = 2 },
            { type = "batch-norm" },
            { type = "flatten" },
            { type = "dense", units = 8 },
            { type = "dense", units = 10 },
        ]
    "#;

    /// A snapshot of the small network after a sync, with more keys.
    pub(crate) fn snapshot(more: &str) -> Snapshot {
        held(&format!("{SMALL}{more}"), None)
    }

    /// A snapshot of an experiment after a sync, with p as the schedule or a hand has it.
    fn held(text: &str, p: Option<f64>) -> Snapshot {
        let experiment = Experiment::parse(text, "test.toml", &[]).expect("valid");
        let network = experiment.network().expect("fits");
        let mut control = Control::new(&experiment);
        if let Some(p) = p {
            control.obey(&Command::SetPruning { p });
        }
        let schedule = control.at(0);
        let initial = initial_weights(&experiment, &network).expect("drawn");
        let permuted = reservoirs(&experiment, &network, initial, &schedule, &control);
        let permuted = permuted.expect("finite");
        let mut random = stream(3, Purpose::EvaluationSample, 0, 0);
        let learned = network.tensors().map(|(_, shape)| {
            (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect()
        });
        let mut learned: Vec<Vec<f32>> = learned.collect();
        for Permuted { parameter, reservoir, .. } in &permuted {
            reservoir.sync(&mut learned[*parameter]);
        }
        let weights = Weights::new(&network, learned, &Device::flex());
        let moment = Moment { step: 7, schedule, synced: true, accuracy: Some(0.25) };
        let file = weights_file(&experiment, &network, &weights, moment);
        Snapshot::new(Path::new(FILE), file, 0).expect("a snapshot")
    }

    fn assert_comes_back(snapshot: &Snapshot) -> SnapshotInfo {
        let bytes = snapshot.encode().expect("can be coded");
        let decoded = Snapshot::decode(Path::new(FILE), &bytes).expect("can be decoded");
        let bits = |snapshot: &Snapshot| -> Vec<u32> {
            let values = snapshot.tensors.iter().flat_map(|tensor| &tensor.values);
            values.map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(snapshot), bits(&decoded));
        let (before, after) = (snapshot.clone().into_weights_file(), decoded.clone());
        assert_eq!(before, after.into_weights_file());
        let verified = decoded.verify().expect("permuted");
        assert!(verified.iter().all(|parameter| parameter.foreign.is_empty()), "{verified:?}");
        let info = decoded.info().expect("has a bound");
        assert_eq!((info.kind, info.bytes), (SnapshotKind::Lperm, bytes.len()));
        info
    }

    #[test]
    fn every_kind_of_initial_weights_comes_back_to_the_bit() {
        for more in [
            "",
            "[wrapper]\nbiases = true",
            "[wrapper]\nbiases = true\n[initial]\nbiases = \"zeros\"",
            "[prune]\nratio = 0.5",
            "[prune]\nratio = 0.5\nrule = \"exact\"\ninput_cap = 1.0",
            "[prune]\nratio = 0.3\nlayers = { dense1 = 0.9 }",
            "[initial]\nweights = \"signed-constant\"\n[prune]\nratio = 0.5",
            "[initial]\nweights = { shared = 0.08 }\n[prune]\nratio = 0.5",
            "[initial]\nweights = { shared = 0.08 }",
        ] {
            assert_comes_back(&snapshot(more));
        }
        let by_hand = "[prune]\nratio = 0.3\nlayers = { dense1 = 0.9 }";
        let info = assert_comes_back(&held(&format!("{SMALL}{by_hand}"), Some(0.6)));
        assert_eq!(info.p, Some(0.6));
    }

    #[test]
    fn a_shuffled_snapshot_needs_its_source() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("source.safetensors");
        snapshot("").into_weights_file().write(&source).expect("writes");
        let rule = format!("[initial]\nweights = {{ shuffled = {:?} }}", source.display());
        let shuffled = snapshot(&rule);
        assert_comes_back(&shuffled);
        let bytes = shuffled.encode().expect("can be coded");
        let mut other = WeightsFile::read(&source).expect("reads");
        let kernel = other.tensors.iter_mut().find(|tensor| tensor.name == "conv1.weight");
        kernel.expect("is there").values[0] += 1.0;
        other.write(&source).expect("writes");
        let decode = || Snapshot::decode(Path::new(FILE), &bytes).map_err(|e| e.to_string());
        assert!(
            decode().expect_err("another source").contains("named in initial.weights.shuffled")
        );
        fs::remove_file(&source).expect("removes");
        let error = decode().expect_err("no source");
        assert!(error.contains("there is no file") && error.contains("source"), "{error}");
        assert!(shuffled.encode().is_err());
    }

    #[test]
    fn what_is_no_permutation_is_refused_in_a_sentence() {
        let error = |snapshot: &Snapshot| snapshot.encode().expect_err("refused").to_string();
        let unwrapped = error(&snapshot("[wrapper]\nname = \"none\""));
        assert!(unwrapped.contains("not trained under the laperm wrapper"), "{unwrapped}");
        let mut inner = snapshot("");
        inner.origin.metadata.insert("synced".into(), "false".into());
        assert!(error(&inner).contains("inner optimizer's weights"));
        assert_eq!(inner.info().expect("known").bound_bytes, None);
        let mut changed = snapshot("");
        changed.tensors[0].values[30] += 1.0;
        let error = error(&changed);
        let expected = "some.file: tensor `conv1.weight`: weight vector 1 is not a permutation";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_file_has_just_the_tensors_of_its_network() {
        let file = || snapshot("").into_weights_file();
        let error =
            |file| Snapshot::new(Path::new(FILE), file, 0).expect_err("refused").to_string();
        let mut lacking = file();
        lacking.tensors.pop();
        assert!(error(lacking).contains("`bn1.running_var` is missing"));
        let mut other = file();
        other.tensors[0].shape = vec![100];
        assert!(
            error(other).contains("`conv1.weight` is missing or not of the shape [4, 1, 5, 5]")
        );
        let mut more = file();
        more.tensors.push(NamedTensor { name: "more".into(), shape: vec![0], values: vec![] });
        assert!(error(more).contains("`more` is not one of the network's"));
        let mut foreign = file();
        foreign.metadata.clear();
        assert!(error(foreign).contains("not a snapshot of laperm"));
    }

    #[test]
    fn the_code_of_few_weights_is_near_its_bound_too() {
        let info = assert_comes_back(&snapshot("[prune]\nratio = 0.5"));
        let dense = info.tensors.iter().find(|tensor| tensor.name == "dense1.weight");
        let dense = dense.expect("a layer of 8 times 784 weights");
        let bound = dense.bound_bytes.expect("permuted");
        assert!(dense.bytes as f64 >= bound.floor() && dense.bytes as f64 <= bound * 1.02);
        assert!(bound < dense.float_bytes as f64 * 0.25, "{bound}");
        let least: f64 = info.bound_bytes.expect("permuted");
        assert!(least < info.bytes as f64 && info.bytes < info.float_bytes);
    }
}
