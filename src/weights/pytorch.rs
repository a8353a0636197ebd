//! PyTorch's .pt and .pth: a pickle that names the tensors, and their bytes beside it.
//!
//! The reader interprets what makes dictionaries and tensors, and keeps of every other Python object only its name; so
//! no code of a pickle can run. Which names there were is told, since whoever opens such a file elsewhere should know.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};

use super::file::{Content, ReadTensor, TensorInfo, elements};
use super::float::Float;
use super::names;

/// How much of a file is searched for names. The pickle is at its beginning, and takes some hundred bytes a tensor.
const SEARCHED: u64 = 1 << 22;

/// How the reader's message begins for a file of another format.
const FOREIGN: &str = "not a PyTorch checkpoint";

/// Opens a file, if it is one of PyTorch's.
pub(super) fn open(path: &Path) -> Result<Option<Content>, String> {
    // The reader has one kind of error for files that are not PyTorch's and for those that it cannot make sense of.
    let root = match PytorchReader::read_pickle_data(path, None) {
        Err(PytorchError::InvalidFormat(problem)) if problem.starts_with(FOREIGN) => {
            return Ok(None);
        }
        root => root.map_err(|error| error.to_string())?,
    };
    if let PickleValue::Unsupported(kind) = &root {
        return Err(format!("it holds no tensors by name, but a `{kind}`; nothing of it was run"));
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
        tensors: infos.collect(),
        metadata: BTreeMap::new(),
        ignored: ignored.into_iter().collect(),
        reader: Box::new(Tensors {
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
        // A view may repeat its few values at will.
        let (promised, length) = (tensor.byte_len() as u64, self.file_length);
        if promised > length {
            return Err(format!("it would take {promised} bytes, but the file has {length}"));
        }
        tensor.read().map(|bytes| float.decode_all(bytes)).map_err(|error| error.to_string())
    }
}

/// The Python objects that were not interpreted, by name.
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

/// What every checkpoint is made of.
fn is_harmless(name: &str) -> bool {
    name == "int" || name == "collections.OrderedDict" || name.starts_with("torch.")
}

/// What is written in the pickle, which the reader does not tell.
struct Strings {
    /// Where each string is first.
    places: HashMap<String, usize>,
    /// Classes and functions, whatever is done with them.
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
        let mut strings = Strings { places: HashMap::new(), globals: BTreeSet::new() };
        let mut place = 0;
        while let Some((opcode, rest)) = bytes.get(place..).and_then(<[u8]>::split_first) {
            let text = match opcode {
                b'X' => rest
                    .split_first_chunk()
                    .and_then(|(length, text)| text.get(..u32::from_le_bytes(*length) as usize)),
                0x8c => rest.split_first().and_then(|(length, text)| text.get(..*length as usize)),
                _ => None,
            };
            let text = text.filter(|text| text.len() < 1024).and_then(|t| str::from_utf8(t).ok());
            if let Some(text) = text {
                strings.places.entry(text.to_owned()).or_insert(place);
            }
            let global = if *opcode == b'c' { global(rest) } else { None };
            // The name of a global may itself contain that opcode.
            place += 1 + global.as_ref().map_or(0, |name| name.len() + "\n".len());
            strings.globals.extend(global);
        }
        strings
    }

    /// The order of names in the pickle, which is the network's; else by nature.
    fn order(&self, a: &str, b: &str) -> Ordering {
        self.place(a).cmp(&self.place(b)).then_with(|| names::by_nature(a, b))
    }

    /// Where a name is: the longest end of it that is a string, since in nested dictionaries each key is one.
    fn place(&self, name: &str) -> usize {
        let dots = name.match_indices('.').map(|(dot, _)| dot + 1);
        let mut ends = std::iter::once(0).chain(dots).map(|start| &name[start..]);
        ends.find_map(|end| self.places.get(end)).copied().unwrap_or(usize::MAX)
    }
}

/// The class or function that the arguments of a GLOBAL opcode name: two lines of text.
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
