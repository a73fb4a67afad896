//! Reads a GGUF's fields one after the other, never past the end.

use super::{Array, GgufError, MOST_DIMENSIONS, Tensor, TensorType, Value};

/// Type numbers of metadata values.
pub(super) mod kind {
    pub(crate) const U8: u32 = 0;
    pub(crate) const I8: u32 = 1;
    pub(crate) const U16: u32 = 2;
    pub(crate) const I16: u32 = 3;
    pub(crate) const U32: u32 = 4;
    pub(crate) const I32: u32 = 5;
    pub(crate) const F32: u32 = 6;
    pub(crate) const BOOL: u32 = 7;
    pub(crate) const TEXT: u32 = 8;
    pub(crate) const ARRAY: u32 = 9;
    pub(crate) const U64: u32 = 10;
    pub(crate) const I64: u32 = 11;
    pub(crate) const F64: u32 = 12;
}

/// A place in the bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], GgufError> {
        let taken = self.bytes[self.position..]
            .get(..count)
            .ok_or(GgufError::Truncated {
                what,
                length: self.bytes.len(),
            })?;
        self.position += count;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], GgufError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N, what)?);
        Ok(number)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, GgufError> {
        self.number(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, GgufError> {
        self.number(what).map(u64::from_le_bytes)
    }

    /// A text with its length before it.
    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, GgufError> {
        let length = self.u64(what)?;
        let at = self.position;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX), what)?;
        std::str::from_utf8(bytes).map_err(|_| GgufError::Text { what, at })
    }

    /// A value of type `kind`, which stands under `key`.
    pub(super) fn value(&mut self, kind: u32, key: &str) -> Result<Value<'a>, GgufError> {
        const WHAT: &str = "a metadata value";
        Ok(match kind {
            kind::U8 => Value::U8(u8::from_le_bytes(self.number(WHAT)?)),
            kind::I8 => Value::I8(i8::from_le_bytes(self.number(WHAT)?)),
            kind::U16 => Value::U16(u16::from_le_bytes(self.number(WHAT)?)),
            kind::I16 => Value::I16(i16::from_le_bytes(self.number(WHAT)?)),
            kind::U32 => Value::U32(self.u32(WHAT)?),
            kind::I32 => Value::I32(i32::from_le_bytes(self.number(WHAT)?)),
            kind::F32 => Value::F32(f32::from_le_bytes(self.number(WHAT)?)),
            kind::BOOL => Value::Bool(self.number::<1>(WHAT)?[0] != 0),
            kind::TEXT => Value::Text(self.text(WHAT)?),
            kind::U64 => Value::U64(self.u64(WHAT)?),
            kind::I64 => Value::I64(i64::from_le_bytes(self.number(WHAT)?)),
            kind::F64 => Value::F64(f64::from_le_bytes(self.number(WHAT)?)),
            kind::ARRAY => Value::Array(self.array(key)?),
            found => {
                let key = key.to_owned();
                return Err(GgufError::ValueType { key, found });
            }
        })
    }

    /// Arrays of arrays exist in no model and are refused: depth would be unbounded.
    fn array(&mut self, key: &str) -> Result<Array<'a>, GgufError> {
        let kind = self.u32("a list's type")?;
        let length = self.u64("a list's length")?;
        if kind == kind::ARRAY {
            let key = key.to_owned();
            return Err(GgufError::ValueType { key, found: kind });
        }
        let start = self.position;
        for _ in 0..length {
            // Each value takes a byte at least, so this ends with the input.
            self.value(kind, key)?;
        }
        Ok(Array {
            kind,
            length: usize::try_from(length).unwrap_or(usize::MAX),
            bytes: &self.bytes[start..self.position],
        })
    }

    /// An entry of the tensor table, its place not yet known, and its offset.
    pub(super) fn tensor(&mut self) -> Result<(Tensor<'a>, u64), GgufError> {
        const WHAT: &str = "the tensor table";
        let name = self.text(WHAT)?;
        let impossible = || GgufError::Dimensions {
            name: name.to_owned(),
        };
        let count = self.u32(WHAT)?;
        if count > MOST_DIMENSIONS {
            return Err(impossible());
        }
        let dimensions = (0..count)
            .map(|_| self.u64(WHAT))
            .collect::<Result<Vec<_>, _>>()?;
        let code = self.u32(WHAT)?;
        let kind = TensorType::find(code).ok_or_else(|| GgufError::TensorType {
            name: name.to_owned(),
            found: code,
        })?;
        kind.bytes(&dimensions).ok_or_else(impossible)?;
        let offset = self.u64(WHAT)?;
        let tensor = Tensor {
            name,
            dimensions,
            kind,
            range: 0..0,
        };
        Ok((tensor, offset))
    }
}
