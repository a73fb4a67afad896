//! GGUF, the file format of llama.cpp's models and adapters: what a file declares.
//!
//! [`Gguf::parse`] reads the header, the metadata and the table of tensors from bytes
//! (a mapped file, say) and copies no tensor; [`write::Builder`] makes such bytes.
//!
//! # Invariants
//! - Every byte string is answered with a value or an error. Memory asked for is
//!   bounded by the input's length.
//! - In a [`Gguf`], names are unique and every tensor's bytes lie within the file.
//!
//! Units: sizes and positions in bytes. Tensor dimensions as ggml counts them, the one
//! that runs fastest first. All numbers are little-endian; versions 2 and 3 are read.
//! Source: the GGUF specification in the ggml repository, docs/gguf.md.

mod cursor;
pub mod write;

use std::collections::HashMap;
use std::ops::Range;

use self::cursor::Cursor;

const MAGIC: [u8; 4] = *b"GGUF";
const NEWEST_VERSION: u32 = 3;
const OLDEST_VERSION: u32 = 2;
const DEFAULT_ALIGNMENT: u64 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";
/// ggml's own limit.
const MOST_DIMENSIONS: u32 = 4;

/// Why bytes are no usable GGUF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The first bytes are something else.
    #[error("not a GGUF file")]
    Magic,
    /// A version we do not read; 1 is obsolete, others are unknown.
    #[error(
        "GGUF version {found} is not supported, versions {OLDEST_VERSION} and {NEWEST_VERSION} are"
    )]
    Version {
        /// The version.
        found: u32,
    },
    /// The file ends early.
    #[error("the file ends at byte {length}, inside {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// The file's length.
        length: usize,
    },
    /// A name or text is not UTF-8.
    #[error("{what} at byte {at} is not UTF-8")]
    Text {
        /// What was being read.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A metadata value has a type that does not exist, or arrays are nested too deep.
    #[error("metadata key {key} has unknown type {found}")]
    ValueType {
        /// The key.
        key: String,
        /// The type's number.
        found: u32,
    },
    /// Two entries share a name.
    #[error("{name} is there twice")]
    Duplicate {
        /// Key or tensor name.
        name: String,
    },
    /// The alignment is not a power of two.
    #[error("alignment {found} is not a power of two")]
    Alignment {
        /// What the file says.
        found: u64,
    },
    /// A tensor's type is not known to us.
    #[error("tensor {name} has unknown type {found}")]
    TensorType {
        /// The tensor.
        name: String,
        /// The type's number.
        found: u32,
    },
    /// A tensor has impossible dimensions.
    #[error("tensor {name} has impossible dimensions")]
    Dimensions {
        /// The tensor.
        name: String,
    },
    /// A tensor's bytes do not lie within the file, or not where alignment wants them.
    #[error("tensor {name} does not lie within the file")]
    Place {
        /// The tensor.
        name: String,
    },
    /// A key is missing, or its value has another type.
    #[error("metadata key {key} is missing or not {expected}")]
    Key {
        /// The key.
        key: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// A tensor's bytes and its dimensions disagree.
    #[error("tensor {name} has {found} bytes, its dimensions need {expected}")]
    Size {
        /// The tensor.
        name: String,
        /// Its bytes.
        found: usize,
        /// What its dimensions need.
        expected: u64,
    },
}

/// A metadata value, borrowed from the file.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type it is named after")]
pub enum Value<'a> {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(&'a str),
    U64(u64),
    I64(i64),
    F64(f64),
    Array(Array<'a>),
}

/// A list of metadata values of one type; read on demand, checked already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Array<'a> {
    kind: u32,
    length: usize,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// How many values it has.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Its values in order.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut cursor = Cursor::new(self.bytes);
        let kind = self.kind;
        // Checked when the file was parsed, so no value is lost here.
        (0..self.length).map_while(move |_| cursor.value(kind, "").ok())
    }
}

/// How a tensor's numbers are stored: its name, values per block and bytes per block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    code: u32,
    name: &'static str,
    block_values: u64,
    block_bytes: u64,
}

impl TensorType {
    /// 32-bit floats.
    pub const F32: Self = Self::new(0, "F32", 1, 4);
    /// 16-bit floats.
    pub const F16: Self = Self::new(1, "F16", 1, 2);
    /// 4-bit K-quants.
    pub const Q4_K: Self = Self::new(12, "Q4_K", 256, 144);
    /// 6-bit K-quants.
    pub const Q6_K: Self = Self::new(14, "Q6_K", 256, 210);

    /// Every type that llama.cpp's files hold today; numbers that are missing were retired.
    const KNOWN: [Self; 34] = [
        Self::F32,
        Self::F16,
        Self::new(2, "Q4_0", 32, 18),
        Self::new(3, "Q4_1", 32, 20),
        Self::new(6, "Q5_0", 32, 22),
        Self::new(7, "Q5_1", 32, 24),
        Self::new(8, "Q8_0", 32, 34),
        Self::new(9, "Q8_1", 32, 36),
        Self::new(10, "Q2_K", 256, 84),
        Self::new(11, "Q3_K", 256, 110),
        Self::Q4_K,
        Self::new(13, "Q5_K", 256, 176),
        Self::Q6_K,
        Self::new(15, "Q8_K", 256, 292),
        Self::new(16, "IQ2_XXS", 256, 66),
        Self::new(17, "IQ2_XS", 256, 74),
        Self::new(18, "IQ3_XXS", 256, 98),
        Self::new(19, "IQ1_S", 256, 50),
        Self::new(20, "IQ4_NL", 32, 18),
        Self::new(21, "IQ3_S", 256, 110),
        Self::new(22, "IQ2_S", 256, 82),
        Self::new(23, "IQ4_XS", 256, 136),
        Self::new(24, "I8", 1, 1),
        Self::new(25, "I16", 1, 2),
        Self::new(26, "I32", 1, 4),
        Self::new(27, "I64", 1, 8),
        Self::new(28, "F64", 1, 8),
        Self::new(29, "IQ1_M", 256, 56),
        Self::new(30, "BF16", 1, 2),
        Self::new(34, "TQ1_0", 256, 54),
        Self::new(35, "TQ2_0", 256, 66),
        Self::new(39, "MXFP4", 32, 17),
        Self::new(40, "NVFP4", 64, 36),
        Self::new(41, "Q1_0", 128, 18),
    ];

    const fn new(code: u32, name: &'static str, block_values: u64, block_bytes: u64) -> Self {
        Self {
            code,
            name,
            block_values,
            block_bytes,
        }
    }

    fn find(code: u32) -> Option<Self> {
        Self::KNOWN.into_iter().find(|kind| kind.code == code)
    }

    /// Its name in ggml.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Values in one block; a row is a whole number of blocks.
    pub const fn block_values(self) -> u64 {
        self.block_values
    }

    /// Bytes of a tensor with these dimensions, if it can exist.
    pub fn bytes(self, dimensions: &[u64]) -> Option<u64> {
        if dimensions.is_empty() || !dimensions[0].is_multiple_of(self.block_values) {
            return None;
        }
        let values = dimensions
            .iter()
            .try_fold(1_u64, |product, &n| product.checked_mul(n))?;
        (values / self.block_values).checked_mul(self.block_bytes)
    }
}

/// A tensor in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its dimensions, the one that runs fastest first.
    pub dimensions: Vec<u64>,
    /// How its numbers are stored.
    pub kind: TensorType,
    /// Where its bytes lie in the file.
    pub range: Range<usize>,
}

impl Tensor<'_> {
    /// How many numbers it has.
    pub fn values(&self) -> u64 {
        self.dimensions.iter().product()
    }
}

/// A parsed file: metadata and tensors in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Gguf<'a> {
    bytes: &'a [u8],
    version: u32,
    metadata: Vec<(&'a str, Value<'a>)>,
    keys: HashMap<&'a str, usize>,
    tensors: Vec<Tensor<'a>>,
    names: HashMap<&'a str, usize>,
}

impl<'a> Gguf<'a> {
    /// Reads what a file declares.
    ///
    /// # Errors
    /// [`GgufError`] for anything but a whole GGUF file of version 2 or 3.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.take(4, "the header").map_err(|_| GgufError::Magic)? != MAGIC {
            return Err(GgufError::Magic);
        }
        let version = cursor.u32("the header")?;
        if !(OLDEST_VERSION..=NEWEST_VERSION).contains(&version) {
            return Err(GgufError::Version { found: version });
        }
        let tensor_count = cursor.u64("the header")?;
        let key_count = cursor.u64("the header")?;
        let (metadata, keys) = read_metadata(&mut cursor, key_count)?;
        let mut gguf = Self {
            bytes,
            version,
            metadata,
            keys,
            tensors: Vec::new(),
            names: HashMap::new(),
        };
        let alignment = gguf.alignment()?;
        gguf.read_tensors(&mut cursor, tensor_count, alignment)?;
        Ok(gguf)
    }

    fn alignment(&self) -> Result<u64, GgufError> {
        let found = match self.value(ALIGNMENT_KEY) {
            None => DEFAULT_ALIGNMENT,
            Some(_) => u64::from(self.u32(ALIGNMENT_KEY)?),
        };
        if found.is_power_of_two() {
            Ok(found)
        } else {
            Err(GgufError::Alignment { found })
        }
    }

    fn read_tensors(
        &mut self,
        cursor: &mut Cursor<'a>,
        count: u64,
        alignment: u64,
    ) -> Result<(), GgufError> {
        let mut offsets = Vec::new();
        for _ in 0..count {
            let (tensor, offset) = cursor.tensor()?;
            let index = self.tensors.len();
            if self.names.insert(tensor.name, index).is_some() {
                let name = tensor.name.to_owned();
                return Err(GgufError::Duplicate { name });
            }
            self.tensors.push(tensor);
            offsets.push(offset);
        }
        let start = (cursor.position() as u64).next_multiple_of(alignment);
        for (tensor, offset) in self.tensors.iter_mut().zip(offsets) {
            tensor.range =
                place(tensor, start, offset, alignment, self.bytes.len()).ok_or_else(|| {
                    GgufError::Place {
                        name: tensor.name.to_owned(),
                    }
                })?;
        }
        Ok(())
    }

    /// The format's version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// All metadata in the order of the file.
    pub fn metadata(&self) -> &[(&'a str, Value<'a>)] {
        &self.metadata
    }

    /// All tensors in the order of the file.
    pub fn tensors(&self) -> &[Tensor<'a>] {
        &self.tensors
    }

    /// A tensor by name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.names.get(name).map(|&index| &self.tensors[index])
    }

    /// A tensor's bytes; none for a tensor of another file that does not fit this one.
    pub fn bytes_of(&self, tensor: &Tensor<'_>) -> &'a [u8] {
        self.bytes.get(tensor.range.clone()).unwrap_or_default()
    }

    /// A metadata value by key.
    pub fn value(&self, key: &str) -> Option<Value<'a>> {
        self.keys.get(key).map(|&index| self.metadata[index].1)
    }

    /// The model's architecture, such as `llama`.
    ///
    /// # Errors
    /// [`GgufError::Key`] if the file does not say.
    pub fn architecture(&self) -> Result<&'a str, GgufError> {
        self.str("general.architecture")
    }

    /// A text.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn str(&self, key: &str) -> Result<&'a str, GgufError> {
        match self.value(key) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(missing(key, "a text")),
        }
    }

    /// A whole number that fits 32 bits, of whatever integer type it is.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn u32(&self, key: &str) -> Result<u32, GgufError> {
        let number = match self.value(key) {
            Some(Value::U8(n)) => Some(u32::from(n)),
            Some(Value::U16(n)) => Some(u32::from(n)),
            Some(Value::U32(n)) => Some(n),
            Some(Value::U64(n)) => u32::try_from(n).ok(),
            Some(Value::I8(n)) => u32::try_from(n).ok(),
            Some(Value::I16(n)) => u32::try_from(n).ok(),
            Some(Value::I32(n)) => u32::try_from(n).ok(),
            Some(Value::I64(n)) => u32::try_from(n).ok(),
            _ => None,
        };
        number.ok_or_else(|| missing(key, "a whole number"))
    }

    /// A number with a fraction.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn f32(&self, key: &str) -> Result<f32, GgufError> {
        match self.value(key) {
            Some(Value::F32(number)) => Ok(number),
            Some(Value::F64(number)) => Ok(number as f32),
            _ => Err(missing(key, "a number")),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn bool(&self, key: &str) -> Result<bool, GgufError> {
        match self.value(key) {
            Some(Value::Bool(answer)) => Ok(answer),
            _ => Err(missing(key, "yes or no")),
        }
    }

    /// A list.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn array(&self, key: &str) -> Result<Array<'a>, GgufError> {
        match self.value(key) {
            Some(Value::Array(array)) => Ok(array),
            _ => Err(missing(key, "a list")),
        }
    }

    /// A list of texts.
    ///
    /// # Errors
    /// [`GgufError::Key`] if there is none under this key.
    pub fn strings(&self, key: &str) -> Result<Vec<&'a str>, GgufError> {
        let texts = self.array(key)?.values().map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        texts
            .collect::<Option<_>>()
            .ok_or_else(|| missing(key, "a list of texts"))
    }
}

type Metadata<'a> = (Vec<(&'a str, Value<'a>)>, HashMap<&'a str, usize>);

fn read_metadata<'a>(cursor: &mut Cursor<'a>, count: u64) -> Result<Metadata<'a>, GgufError> {
    let mut metadata = Vec::new();
    let mut keys = HashMap::new();
    for _ in 0..count {
        let key = cursor.text("a metadata key")?;
        let kind = cursor.u32("a metadata type")?;
        let value = cursor.value(kind, key)?;
        if keys.insert(key, metadata.len()).is_some() {
            let name = key.to_owned();
            return Err(GgufError::Duplicate { name });
        }
        metadata.push((key, value));
    }
    Ok((metadata, keys))
}

fn place(
    tensor: &Tensor<'_>,
    start: u64,
    offset: u64,
    alignment: u64,
    length: usize,
) -> Option<Range<usize>> {
    if !offset.is_multiple_of(alignment) {
        return None;
    }
    let begin = start.checked_add(offset)?;
    let end = begin.checked_add(tensor.kind.bytes(&tensor.dimensions)?)?;
    (end <= length as u64).then_some(begin as usize..end as usize)
}

fn missing(key: &str, expected: &'static str) -> GgufError {
    GgufError::Key {
        key: key.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests;
