//! PyTorch's `.pt` and `.pth`: a pickle that names the tensors, followed by their bytes.
//!
//! The reader interprets the opcodes for dictionaries and tensors. Of every other Python object it
//! keeps only the name, so that no code in a pickle can run. The names are reported, because they
//! warn against opening the file with a program that does run them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};

use super::float::Float;
use super::layout::Layout;
use super::names;
use super::reader::{Content, Format, OpenError, ReadTensor, Reader};
use super::tensor::{TensorInfo, elements};

pub(super) const READER: Reader = Reader { format: Format::Pytorch, open };

/// Number of bytes at the beginning of a file that are searched for names. The pickle is there and
/// needs a few hundred bytes per tensor.
const SEARCHED: u64 = 1 << 22;

/// Beginning of the reader's message for a file of another format.
const FOREIGN: &str = "not a PyTorch checkpoint";

fn open(path: &Path, _start: &[u8]) -> Result<Option<Content>, OpenError> {
    Ok(content_of(path)?)
}

/// Returns the content of a file, or `None` if it is not PyTorch's.
fn content_of(path: &Path) -> Result<Option<Content>, String> {
    // The reader returns the same kind of error for other formats and for damaged files.
    let root = match PytorchReader::read_pickle_data(path, None) {
        Err(PytorchError::InvalidFormat(problem)) if problem.starts_with(FOREIGN) => {
            return Ok(None);
        }
        root => root.map_err(|error| error.to_string())?,
    };
    if let PickleValue::Unsupported(kind) = &root {
        return Err(format!("it contains a `{kind}` and no named tensors; nothing of it was run"));
    }
    let reader = PytorchReader::new(path).map_err(|error| error.to_string())?;
    let strings = read_strings(path).map_err(|error| error.to_string())?;
    let mut tensors: Vec<Tensor> = reader.into_tensors().into_values().collect();
    tensors.sort_by(|a, b| strings.order(&a.name, &b.name));
    for tensor in &tensors {
        elements(tensor.shape())
            .map_err(|problem| format!("tensor `{}`: {problem}", tensor.name))?;
    }
    let infos = tensors.iter().map(|tensor| TensorInfo {
        name: tensor.name.clone(),
        shape: tensor.shape().to_vec(),
        float: float(tensor.dtype()),
        kind: format!("{:?}", tensor.dtype()),
    });
    let mut ignored = strings.globals;
    collect_objects(&root, &mut ignored);
    ignored.retain(|name| !is_harmless(name));
    Ok(Some(Content {
        format: Format::Pytorch,
        layout: Layout::OutputFirst,
        tensors: infos.collect(),
        metadata: BTreeMap::new(),
        ignored: ignored.into_iter().collect(),
        values: Box::new(Tensors {
            tensors,
            file_length: path.metadata().map_err(|error| error.to_string())?.len(),
        }),
    }))
}

fn float(kind: DType) -> Option<Float> {
    match kind {
        DType::F16 => Some(Float::F16),
        DType::BF16 => Some(Float::Bf16),
        DType::F32 => Some(Float::F32),
        DType::F64 => Some(Float::F64),
        _ => None,
    }
}

struct Tensors {
    tensors: Vec<Tensor>,
    file_length: u64,
}

impl ReadTensor for Tensors {
    fn read(&self, index: usize, _info: &TensorInfo, float: Float) -> Result<Vec<f32>, String> {
        let tensor = self.tensors.get(index).ok_or("there is none")?;
        // A view can repeat a few values any number of times.
        let (promised, length) = (tensor.byte_len() as u64, self.file_length);
        if promised > length {
            return Err(format!("it would take {promised} bytes, but the file has {length}"));
        }
        tensor.read().map(|bytes| float.decode_all(bytes)).map_err(|error| error.to_string())
    }
}

/// Adds the names of the Python objects that were not interpreted to `names`.
fn collect_objects(value: &PickleValue, names: &mut BTreeSet<String>) {
    match value {
        PickleValue::Unsupported(name) => drop(names.insert(name.clone())),
        PickleValue::List(values) => values.iter().for_each(|value| collect_objects(value, names)),
        PickleValue::Dict(values) => {
            values.values().for_each(|value| collect_objects(value, names))
        }
        _ => {}
    }
}

/// Returns true for the names that appear in ordinary checkpoints.
fn is_harmless(name: &str) -> bool {
    name == "int" || name == "collections.OrderedDict" || name.starts_with("torch.")
}

/// Content of the pickle that the reader does not report.
struct Strings {
    /// Position of the first occurrence of each string, in bytes.
    positions: HashMap<String, usize>,
    /// Names of the classes and functions, used or not.
    globals: BTreeSet<String>,
}

fn read_strings(path: &Path) -> io::Result<Strings> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SEARCHED).read_to_end(&mut bytes)?;
    Ok(Strings::find(&bytes))
}

impl Strings {
    /// Finds what looks like the pickle's opcodes for strings and globals, without parsing it.
    fn find(bytes: &[u8]) -> Self {
        let mut strings = Strings { positions: HashMap::new(), globals: BTreeSet::new() };
        let mut position = 0;
        while let Some((opcode, rest)) = bytes.get(position..).and_then(<[u8]>::split_first) {
            let text = match opcode {
                b'X' => rest
                    .split_first_chunk()
                    .and_then(|(length, text)| text.get(..u32::from_le_bytes(*length) as usize)),
                0x8c => rest.split_first().and_then(|(length, text)| text.get(..*length as usize)),
                _ => None,
            };
            let text = text.filter(|text| text.len() < 1024).and_then(|t| str::from_utf8(t).ok());
            if let Some(text) = text {
                strings.positions.entry(text.to_owned()).or_insert(position);
            }
            let global = if *opcode == b'c' { global(rest) } else { None };
            // Skips the name of a global, which may itself contain that opcode.
            position += 1 + global.as_ref().map_or(0, |name| name.len() + "\n".len());
            strings.globals.extend(global);
        }
        strings
    }

    /// Compares two names by their position in the pickle, which has the network's order. Names
    /// that do not occur there come last, in natural order.
    fn order(&self, a: &str, b: &str) -> Ordering {
        self.position(a).cmp(&self.position(b)).then_with(|| names::by_nature(a, b))
    }

    /// Returns the position of the longest suffix of a name that is a string in the pickle: in
    /// nested dictionaries, each part of the name is a separate string.
    fn position(&self, name: &str) -> usize {
        let dots = name.match_indices('.').map(|(dot, _)| dot + 1);
        let mut ends = std::iter::once(0).chain(dots).map(|start| &name[start..]);
        ends.find_map(|end| self.positions.get(end)).copied().unwrap_or(usize::MAX)
    }
}

/// Returns the class or function named by the arguments of a GLOBAL opcode, which are two lines of
/// text.
fn global(rest: &[u8]) -> Option<String> {
    let mut lines = rest[..rest.len().min(200)].split(|&byte| byte == b'\n');
    let is_part = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.');
    let mut name = || {
        let line = lines.next().filter(|line| line.len() > 1 && line.iter().all(is_part));
        line.map(|line| String::from_utf8_lossy(line).into_owned())
    };
    let (module, name) = (name()?, name()?);
    Some(format!("{module}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_the_pickle() {
        let bytes = b"\x80\x02}X\x05\0\0\0modelX\x05\0\0\0b.two\x8c\x05a.oneX\xff\xff\xff\xffX";
        let strings = Strings::find(bytes);
        let mut names = ["z10", "model.a.one", "z9", "model.b.two"];
        names.sort_by(|a, b| strings.order(a, b));
        assert_eq!(names, ["model.b.two", "model.a.one", "z9", "z10"]);
    }

    #[test]
    fn globals_are_seen_wherever_they_are() {
        let strings = Strings::find(
            b"junkcposix\nsystem\n(X\x02\0\0\0idtR0ccollections\nOrderedDict\nc\n\ncno\n",
        );
        let globals: Vec<_> = strings.globals.iter().map(String::as_str).collect();
        assert_eq!(globals, ["collections.OrderedDict", "posix.system"]);
    }
}
