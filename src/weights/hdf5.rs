//! HDF5 as Keras writes it: nested groups of datasets, which are read a few rows at a time.
//!
//! Keras stores a dataset named `kernel:0` in a group named after its layer, which is in another
//! group of the same name, and lists the layers in order in an attribute. The order comes from that
//! attribute; the groups themselves determine which datasets exist.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use hdf5_pure::{
    Dataset, Datatype, DatatypeByteOrder, File, FloatingPointLayout, Group, Layout as Storage,
};

use super::float::{Float, PIECE};
use super::layout::Layout;
use super::names;
use super::reader::{Content, Format, OpenError, ReadTensor, Reader};
use super::tensor::{TensorInfo, elements};

pub(super) const READER: Reader = Reader { format: Format::Hdf5, open };

/// Maximum nesting of groups. Keras needs about six levels; a group that contains itself has no
/// last one.
const DEEPEST: usize = 32;

/// Maximum number of datasets. It ends the search in groups that contain each other many times.
const MOST_DATASETS: usize = 100_000;

/// Maximum number of bytes that one compressed byte expands to: the limit of deflate, far above
/// that of LZF.
const MOST_EXPANSION: u64 = 1032;

/// Attributes in which Keras lists the layers in order, and the weights of one layer.
const ORDERS: [&str; 2] = ["layer_names", "weight_names"];

struct Tensors {
    file: File,
    /// Whether each tensor is stored with the most significant byte first.
    big_endian: Vec<bool>,
}

fn open(path: &Path, _start: &[u8]) -> Result<Option<Content>, OpenError> {
    if !hdf5_pure::is_hdf5(path)? {
        return Ok(None);
    }
    let file = File::open_streaming(path).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    walk(&file.root(), "", 0, &mut found)?;
    let (tensors, big_endian) = found.into_iter().unzip();
    Ok(Some(Content {
        format: Format::Hdf5,
        layout: Layout::OutputLast,
        tensors,
        metadata: BTreeMap::new(),
        ignored: Vec::new(),
        values: Box::new(Tensors { file, big_endian }),
    }))
}

/// Appends the datasets of a group to `found`, in the order that the group states, otherwise by
/// name.
fn walk(
    group: &Group,
    path: &str,
    depth: usize,
    found: &mut Vec<(TensorInfo, bool)>,
) -> Result<(), String> {
    let at = |problem: &dyn std::fmt::Display| format!("group `/{path}`: {problem}");
    if depth > DEEPEST {
        return Err(at(&format!("more than {DEEPEST} nested groups; does one contain itself?")));
    }
    let datasets = group.iter_datasets().map_err(|error| at(&error))?;
    let groups = group.iter_groups().map_err(|error| at(&error))?;
    let mut members: Vec<(String, Member)> = datasets
        .map(|(name, dataset)| (name, Member::Dataset(Box::new(dataset))))
        .chain(groups.map(|(name, group)| (name, Member::Group(group))))
        .collect();
    let order = stated_order(group);
    let is_there = |name: &str| members.iter().any(|(member, _)| member == name);
    if let Some(missing) = order.keys().filter(|name| !is_there(name)).min() {
        return Err(at(&format!("it lists `{missing}`, which is missing")));
    }
    members.sort_by(|(a, _), (b, _)| compare(&order, a, b));
    for (name, member) in members {
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        match member {
            Member::Dataset(dataset) => found.push(describe(&dataset, path)?),
            Member::Group(group) => walk(&group, &path, depth + 1, found)?,
        }
        if found.len() > MOST_DATASETS {
            let problem = "datasets; do groups contain each other?";
            return Err(format!("more than {MOST_DATASETS} {problem}"));
        }
    }
    Ok(())
}

enum Member {
    Dataset(Box<Dataset>),
    Group(Group),
}

/// Returns the position of each member that the group lists. The order is only a convenience: if
/// there is no readable list, the members are ordered by name.
fn stated_order(group: &Group) -> HashMap<String, usize> {
    let attributes = group.attrs().unwrap_or_default();
    let lists = ORDERS.iter().filter_map(|name| attributes.get(*name)?.as_strings());
    let mut order = HashMap::new();
    for (position, name) in lists.flatten().enumerate() {
        // A weight is listed by its path from this group.
        let member = name.split('/').next().unwrap_or(name).trim_end_matches('\0');
        order.entry(member.to_owned()).or_insert(position);
    }
    order
}

/// Compares two members: listed ones come first, in the listed order, then the others by name.
fn compare(order: &HashMap<String, usize>, a: &str, b: &str) -> Ordering {
    let position = |name| order.get(name).copied().unwrap_or(usize::MAX);
    position(a).cmp(&position(b)).then_with(|| names::by_nature(a, b))
}

/// Describes a dataset. Also returns whether its values are big-endian.
fn describe(dataset: &Dataset, name: String) -> Result<(TensorInfo, bool), String> {
    let at = |problem: String| format!("tensor `{name}`: {problem}");
    let shape = dataset.shape().map_err(|error| at(error.to_string()))?;
    let shape = shape.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|error| at(error.to_string()))?;
    elements(&shape).map_err(at)?;
    let kind = dataset.datatype().map_err(|error| at(error.to_string()))?;
    let float = float(&kind);
    let info = TensorInfo {
        name,
        shape,
        float: float.map(|(float, _)| float),
        kind: dataset.dtype().map_err(|error| error.to_string())?.to_string(),
    };
    Ok((info, float.is_some_and(|(_, big_endian)| big_endian)))
}

/// Returns the type of a dataset's values and whether they are big-endian, or `None` if the type is
/// not a floating-point type that can be read.
fn float(kind: &Datatype) -> Option<(Float, bool)> {
    let Datatype::FloatingPoint { size, byte_order, layout } = kind else { return None };
    let FloatingPointLayout { exponent_size, mantissa_size, bit_offset: 0, .. } = *layout else {
        return None;
    };
    let float = match (size, exponent_size, mantissa_size) {
        (2, 5, 10) => Float::F16,
        (2, 8, 7) => Float::Bf16,
        (4, 8, 23) => Float::F32,
        (8, 11, 52) => Float::F64,
        _ => return None,
    };
    match byte_order {
        DatatypeByteOrder::LittleEndian => Some((float, false)),
        DatatypeByteOrder::BigEndian => Some((float, true)),
        DatatypeByteOrder::Vax => None,
    }
}

impl ReadTensor for Tensors {
    fn read(&self, index: usize, info: &TensorInfo, float: Float) -> Result<Vec<f32>, String> {
        let dataset = self.file.dataset(&info.name).map_err(|error| error.to_string())?;
        let bytes = (info.elements() * float.size()) as u64;
        check_promise(&dataset, bytes, self.file.file_size())?;
        // A scalar is one row.
        let rows = info.shape.first().copied().unwrap_or(1);
        let at_once = rows_at_once(&dataset, info, float)?;
        let big_endian = *self.big_endian.get(index).ok_or("there is none")?;
        if rows <= at_once {
            let bytes = dataset.read_raw().map_err(|error| error.to_string())?;
            return Ok(float.decode_all(little_endian(bytes, float, big_endian)));
        }
        let mut values = Vec::with_capacity(info.elements());
        for row in (0..rows).step_by(at_once) {
            let bytes = dataset.read_raw_rows(row as u64, at_once as u64);
            let bytes = bytes.map_err(|error| error.to_string())?;
            values.extend(float.decode(&little_endian(bytes, float, big_endian)));
        }
        Ok(values)
    }
}

/// Refuses a dataset that claims more values than the file can contain.
fn check_promise(dataset: &Dataset, bytes: u64, file_size: u64) -> Result<(), String> {
    let promise = |promised: u64, stored: u64| {
        if promised > stored {
            return Err(format!("it would take {promised} bytes, more than the file can contain"));
        }
        Ok(())
    };
    match dataset.layout().map_err(|error| error.to_string())? {
        Storage::Compact { size } | Storage::Contiguous { address: Some(_), size } => {
            promise(bytes, size.min(file_size))
        }
        Storage::Contiguous { address: None, .. } => Err("its values were never written".into()),
        Storage::Chunked { chunk_shape, .. } => {
            let stored = if dataset.filters().is_empty() {
                file_size
            } else {
                file_size.saturating_mul(MOST_EXPANSION)
            };
            promise(bytes, stored)?;
            let size = dataset.element_size().map_err(|error| error.to_string())?;
            let chunk = chunk_shape.iter().try_fold(size, |size, &axis| size.checked_mul(axis));
            // A product that overflows is larger than any file.
            promise(chunk.unwrap_or(u64::MAX), stored)?;
            check_chunks(dataset, &chunk_shape)
        }
        _ => Err("its values are in other files".into()),
    }
}

/// Refuses a dataset with missing chunks, whose values were never written.
fn check_chunks(dataset: &Dataset, chunk_shape: &[u64]) -> Result<(), String> {
    // Some kinds of chunk index cannot be listed.
    let Ok(chunks) = dataset.chunks() else { return Ok(()) };
    let shape = dataset.shape().map_err(|error| error.to_string())?;
    let mut along =
        shape.iter().zip(chunk_shape).map(|(axis, chunk)| axis.div_ceil((*chunk).max(1)));
    let needed = along.try_fold(1u64, u64::checked_mul).unwrap_or(u64::MAX);
    if (chunks.len() as u64) < needed {
        return Err(format!("only {} of its {needed} chunks exist", chunks.len()));
    }
    Ok(())
}

/// Returns the number of rows to read at once: whole chunks of about [`PIECE`] bytes together.
fn rows_at_once(dataset: &Dataset, info: &TensorInfo, float: Float) -> Result<usize, String> {
    let chunk = dataset.chunk_shape().map_err(|error| error.to_string())?;
    let chunk_rows = chunk.and_then(|chunk| chunk.first().copied()).unwrap_or(1);
    let chunk_rows = usize::try_from(chunk_rows).unwrap_or(usize::MAX).max(1);
    let row_bytes = info.shape.iter().skip(1).product::<usize>() * float.size();
    let chunks = (PIECE / row_bytes.max(1) / chunk_rows).max(1);
    Ok(chunks.saturating_mul(chunk_rows))
}

fn little_endian(mut bytes: Vec<u8>, float: Float, big_endian: bool) -> Vec<u8> {
    if big_endian {
        bytes.chunks_exact_mut(float.size()).for_each(<[u8]>::reverse);
    }
    bytes
}
