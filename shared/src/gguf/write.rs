//! Writes GGUF version 3.

use std::collections::HashSet;
use std::io::{self, Write};

use super::cursor::kind;
use super::{DEFAULT_ALIGNMENT, GgufError, MAGIC, NEWEST_VERSION, TensorType};

/// Collects metadata and tensors; they are written in the order they came.
///
/// ```
/// use shared::gguf::{Gguf, TensorType, write::Builder};
/// let mut builder = Builder::default();
/// builder.text("general.architecture", "llama")?;
/// builder.tensor("norm.weight", &[2], TensorType::F32, vec![0; 8])?;
/// let mut file = Vec::new();
/// builder.write_to(&mut file)?;
/// assert_eq!(Gguf::parse(&file)?.architecture()?, "llama");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    keys: HashSet<String>,
    metadata: Vec<u8>,
    names: HashSet<String>,
    table: Vec<u8>,
    tensors: Vec<Vec<u8>>,
    /// Where the next tensor's bytes begin, counted from the first one's.
    offset: u64,
}

impl Builder {
    /// Adds a text.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`] if the key is taken; so for all metadata.
    pub fn text(&mut self, key: &str, value: &str) -> Result<(), GgufError> {
        self.key(key, kind::TEXT)?;
        push_text(&mut self.metadata, value);
        Ok(())
    }

    /// Adds a whole number.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`].
    pub fn u32(&mut self, key: &str, value: u32) -> Result<(), GgufError> {
        self.key(key, kind::U32)?;
        self.metadata.extend(value.to_le_bytes());
        Ok(())
    }

    /// Adds a number with a fraction.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`].
    pub fn f32(&mut self, key: &str, value: f32) -> Result<(), GgufError> {
        self.key(key, kind::F32)?;
        self.metadata.extend(value.to_le_bytes());
        Ok(())
    }

    /// Adds yes or no.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`].
    pub fn bool(&mut self, key: &str, value: bool) -> Result<(), GgufError> {
        self.key(key, kind::BOOL)?;
        self.metadata.push(u8::from(value));
        Ok(())
    }

    /// Adds a list of texts.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`].
    pub fn texts(&mut self, key: &str, values: &[impl AsRef<str>]) -> Result<(), GgufError> {
        self.list(key, kind::TEXT, values.len())?;
        for value in values {
            push_text(&mut self.metadata, value.as_ref());
        }
        Ok(())
    }

    /// Adds a list of whole numbers.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`].
    pub fn i32s(&mut self, key: &str, values: &[i32]) -> Result<(), GgufError> {
        self.list(key, kind::I32, values.len())?;
        for value in values {
            self.metadata.extend(value.to_le_bytes());
        }
        Ok(())
    }

    /// Adds a tensor; `dimensions` begin with the one that runs fastest.
    ///
    /// # Errors
    /// [`GgufError::Duplicate`] if the name is taken, [`GgufError::Dimensions`] or
    /// [`GgufError::Size`] if the bytes do not fit the dimensions.
    pub fn tensor(
        &mut self,
        name: &str,
        dimensions: &[u64],
        kind: TensorType,
        bytes: Vec<u8>,
    ) -> Result<(), GgufError> {
        let name = name.to_owned();
        let Some(expected) = kind.bytes(dimensions).filter(|_| dimensions.len() <= 4) else {
            return Err(GgufError::Dimensions { name });
        };
        let found = bytes.len();
        if found as u64 != expected {
            return Err(GgufError::Size {
                name,
                found,
                expected,
            });
        }
        if !self.names.insert(name.clone()) {
            return Err(GgufError::Duplicate { name });
        }
        push_text(&mut self.table, &name);
        self.table.extend((dimensions.len() as u32).to_le_bytes());
        for dimension in dimensions {
            self.table.extend(dimension.to_le_bytes());
        }
        self.table.extend(kind.code.to_le_bytes());
        self.table.extend(self.offset.to_le_bytes());
        self.offset += expected.next_multiple_of(DEFAULT_ALIGNMENT);
        self.tensors.push(bytes);
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Whatever `out` says.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&MAGIC)?;
        out.write_all(&NEWEST_VERSION.to_le_bytes())?;
        out.write_all(&(self.tensors.len() as u64).to_le_bytes())?;
        out.write_all(&(self.keys.len() as u64).to_le_bytes())?;
        out.write_all(&self.metadata)?;
        out.write_all(&self.table)?;
        let header = MAGIC.len() + 4 + 8 + 8 + self.metadata.len() + self.table.len();
        pad(out, header)?;
        for bytes in &self.tensors {
            out.write_all(bytes)?;
            pad(out, bytes.len())?;
        }
        Ok(())
    }

    fn key(&mut self, key: &str, kind: u32) -> Result<(), GgufError> {
        if !self.keys.insert(key.to_owned()) {
            let name = key.to_owned();
            return Err(GgufError::Duplicate { name });
        }
        push_text(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
        Ok(())
    }

    fn list(&mut self, key: &str, kind: u32, length: usize) -> Result<(), GgufError> {
        self.key(key, kind::ARRAY)?;
        self.metadata.extend(kind.to_le_bytes());
        self.metadata.extend((length as u64).to_le_bytes());
        Ok(())
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Fills up with zeros to the next aligned place after `written` bytes.
fn pad(out: &mut impl Write, written: usize) -> io::Result<()> {
    const ZEROS: [u8; DEFAULT_ALIGNMENT as usize] = [0; DEFAULT_ALIGNMENT as usize];
    let missing = written.next_multiple_of(ZEROS.len()) - written;
    out.write_all(&ZEROS[..missing])
}
