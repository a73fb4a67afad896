//! Writes ONNX files: enough for a table lookup with a mean, and for a BERT encoder.
//!
//! Pure: a [`Graph`] is filled node by node, [`Graph::encode`] gives the bytes of a
//! `ModelProto`. There is no reader: the runtime that executes the file has one.
//!
//! # Invariants
//! - A tensor holds as many values as its shape says, else it is refused.
//! - Equal calls give equal bytes.
//!
//! Source: `onnx.proto3` of the ONNX project (field numbers), and the protocol buffer
//! encoding guide (varints and length-delimited fields).

use half::f16;

/// Version of the file layout itself, not of its operators.
const IR_VERSION: u64 = 8;

/// Why a graph was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A tensor's shape and its number of values disagree.
    #[error("tensor {name} holds {found} values, its shape {shape:?} wants {expected}")]
    Shape {
        /// The tensor's name.
        name: String,
        /// Its declared shape.
        shape: Vec<usize>,
        /// The product of the shape.
        expected: usize,
        /// Values given.
        found: usize,
    },
}

/// What the values of an input or output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 64-bit integer.
    I64,
}

impl Element {
    fn code(self) -> u64 {
        match self {
            Self::F32 => 1,
            Self::I64 => 7,
        }
    }
}

/// One axis of an input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim<'a> {
    /// A known length.
    Fixed(usize),
    /// A length known only when the graph runs.
    Named(&'a str),
}

/// The values of a constant tensor.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
    /// 8-bit integers.
    I8(&'a [i8]),
    /// 64-bit integers.
    I64(&'a [i64]),
}

impl Values<'_> {
    fn len(self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::I64(v) => v.len(),
        }
    }

    fn code(self) -> u64 {
        match self {
            Self::F32(_) => 1,
            Self::I8(_) => 3,
            Self::I64(_) => 7,
            Self::F16(_) => 10,
        }
    }

    /// Little-endian bytes, as `raw_data` wants them.
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::I8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

/// A setting of a node.
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// A whole number.
    Int(i64),
    /// A 32-bit float.
    Float(f32),
    /// Several whole numbers.
    Ints(&'a [i64]),
}

/// A graph being written.
///
/// ```
/// use shared::onnx::{Attribute, Dim, Element, Graph, Values};
///
/// let mut graph = Graph::new("twice");
/// graph.input("x", Element::F32, &[Dim::Named("N")]);
/// let two = graph.tensor("two", &[1], Values::F32(&[2.0]))?;
/// let y = graph.node("Mul", &["x", &two], &[]);
/// graph.output(&y, Element::F32, &[Dim::Named("N")]);
/// assert!(!graph.encode(17).is_empty());
/// # Ok::<(), shared::onnx::OnnxError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    name: String,
    nodes: Vec<u8>,
    tensors: Vec<u8>,
    inputs: Vec<u8>,
    outputs: Vec<u8>,
    next: usize,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            nodes: Vec::new(),
            tensors: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            next: 0,
        }
    }

    /// Declares what the caller feeds in.
    pub fn input(&mut self, name: &str, element: Element, shape: &[Dim<'_>]) {
        message(&mut self.inputs, 11, &value_info(name, element, shape));
    }

    /// Declares what comes out: the name of a node's result.
    pub fn output(&mut self, name: &str, element: Element, shape: &[Dim<'_>]) {
        message(&mut self.outputs, 12, &value_info(name, element, shape));
    }

    /// Adds a constant in row-major order; an empty shape is a scalar. Returns its name.
    ///
    /// # Errors
    /// [`OnnxError::Shape`] if shape and values disagree.
    pub fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        values: Values<'_>,
    ) -> Result<String, OnnxError> {
        let expected = shape.iter().product();
        if values.len() != expected {
            return Err(OnnxError::Shape {
                name: name.to_owned(),
                shape: shape.to_vec(),
                expected,
                found: values.len(),
            });
        }
        let mut tensor = Vec::new();
        shape
            .iter()
            .for_each(|dim| number(&mut tensor, 1, *dim as u64));
        number(&mut tensor, 2, values.code());
        message(&mut tensor, 8, name.as_bytes());
        message(&mut tensor, 9, &values.bytes());
        message(&mut self.tensors, 5, &tensor);
        Ok(name.to_owned())
    }

    /// Adds an operator of one result; returns the result's name.
    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        let result = format!("v{}", self.next);
        self.next += 1;
        let mut node = Vec::new();
        inputs
            .iter()
            .for_each(|input| message(&mut node, 1, input.as_bytes()));
        message(&mut node, 2, result.as_bytes());
        message(&mut node, 4, operator.as_bytes());
        for (name, value) in attributes {
            message(&mut node, 5, &attribute(name, *value));
        }
        message(&mut self.nodes, 1, &node);
        result
    }

    /// The bytes of a model that uses this version of ONNX's own operator set.
    #[must_use]
    pub fn encode(&self, operator_set: u32) -> Vec<u8> {
        let parts = [&self.nodes, &self.tensors, &self.inputs, &self.outputs];
        let mut graph = Vec::with_capacity(64 + parts.iter().map(|part| part.len()).sum::<usize>());
        message(&mut graph, 2, self.name.as_bytes());
        parts.iter().for_each(|part| graph.extend_from_slice(part));

        let mut set = Vec::new();
        message(&mut set, 1, b"");
        number(&mut set, 2, u64::from(operator_set));

        let mut model = Vec::with_capacity(64 + graph.len());
        number(&mut model, 1, IR_VERSION);
        message(&mut model, 2, b"scrubjay");
        message(&mut model, 8, &set);
        message(&mut model, 7, &graph);
        model
    }
}

fn value_info(name: &str, element: Element, shape: &[Dim<'_>]) -> Vec<u8> {
    let mut dims = Vec::new();
    for dim in shape {
        let mut axis = Vec::new();
        match dim {
            Dim::Fixed(length) => number(&mut axis, 1, *length as u64),
            Dim::Named(name) => message(&mut axis, 2, name.as_bytes()),
        }
        message(&mut dims, 1, &axis);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, element.code());
    message(&mut tensor, 2, &dims);
    let mut kind = Vec::new();
    message(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    message(&mut info, 1, name.as_bytes());
    message(&mut info, 2, &kind);
    info
}

fn attribute(name: &str, value: Attribute<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, 1, name.as_bytes());
    let kind = match value {
        Attribute::Float(x) => {
            varint(&mut out, (2 << 3) | 5);
            out.extend_from_slice(&x.to_le_bytes());
            1
        }
        Attribute::Int(x) => {
            number(&mut out, 3, x.cast_unsigned());
            2
        }
        Attribute::Ints(xs) => {
            xs.iter()
                .for_each(|x| number(&mut out, 8, x.cast_unsigned()));
            7
        }
    };
    number(&mut out, 20, kind);
    out
}

/// Writes a whole number as field `field`.
fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

/// Writes bytes, a string or a nested message as field `field`.
fn message(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, (field << 3) | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field number, wire type and payload of every field of a message.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
        fn take(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            value
        }
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let key = take(&mut bytes);
            let payload = match key & 7 {
                0 => take(&mut bytes).to_le_bytes().to_vec(),
                2 => {
                    let length = take(&mut bytes) as usize;
                    let (head, tail) = bytes.split_at(length);
                    bytes = tail;
                    head.to_vec()
                }
                5 => {
                    let (head, tail) = bytes.split_at(4);
                    bytes = tail;
                    head.to_vec()
                }
                other => panic!("wire type {other}"),
            };
            found.push((key >> 3, key & 7, payload));
        }
        found
    }

    fn field(bytes: &[u8], number: u64) -> Vec<u8> {
        let mut all = fields(bytes).into_iter().filter(|f| f.0 == number);
        let found = all.next().unwrap_or_else(|| panic!("no field {number}")).2;
        assert!(all.next().is_none(), "field {number} comes twice");
        found
    }

    #[test]
    fn a_model_names_its_graph_operators_and_set() {
        let mut graph = Graph::new("g");
        graph.input("x", Element::I64, &[Dim::Named("B"), Dim::Fixed(300)]);
        let y = graph.node("Cast", &["x"], &[("to", Attribute::Int(1))]);
        graph.output(&y, Element::F32, &[Dim::Named("B"), Dim::Fixed(300)]);
        let model = graph.encode(17);

        let set = field(&model, 8);
        assert_eq!(field(&set, 2), 17_u64.to_le_bytes());
        let written = field(&model, 7);
        assert_eq!(field(&written, 2), b"g");
        let node = field(&written, 1);
        assert_eq!(field(&node, 4), b"Cast");
        assert_eq!(field(&node, 2), y.as_bytes());
        let input = field(&written, 11);
        let tensor = field(&field(&input, 2), 1);
        assert_eq!(field(&tensor, 1), 7_u64.to_le_bytes());
        let shape: Vec<_> = fields(&field(&tensor, 2));
        assert_eq!(field(&shape[0].2, 2), b"B");
        assert_eq!(field(&shape[1].2, 1), 300_u64.to_le_bytes());
    }

    #[test]
    fn tensors_keep_shape_type_and_little_endian_values() {
        let mut graph = Graph::new("g");
        graph
            .tensor("w", &[2, 1], Values::F32(&[1.0, -2.5]))
            .unwrap();
        let tensor = field(&field(&graph.encode(17), 7), 5);
        let dims: Vec<_> = fields(&tensor).into_iter().filter(|f| f.0 == 1).collect();
        assert_eq!(dims.len(), 2);
        assert_eq!(dims[0].2, 2_u64.to_le_bytes());
        assert_eq!(field(&tensor, 2), 1_u64.to_le_bytes());
        let raw = field(&tensor, 9);
        assert_eq!(
            raw,
            [1.0_f32.to_le_bytes(), (-2.5_f32).to_le_bytes()].concat()
        );
    }

    #[test]
    fn a_scalar_has_no_dims_and_negative_attributes_survive() {
        let mut graph = Graph::new("g");
        graph.tensor("s", &[], Values::I64(&[-1])).unwrap();
        graph.node("Softmax", &["s"], &[("axis", Attribute::Int(-1))]);
        let written = field(&graph.encode(17), 7);
        assert!(fields(&field(&written, 5)).iter().all(|f| f.0 != 1));
        let axis = field(&field(&written, 1), 5);
        assert_eq!(field(&axis, 3), (-1_i64).to_le_bytes());
        assert_eq!(field(&axis, 20), 2_u64.to_le_bytes());
    }

    #[test]
    fn a_tensor_that_does_not_fill_its_shape_is_refused() {
        let found = Graph::new("g").tensor("w", &[2, 3], Values::I8(&[1, 2]));
        assert_eq!(
            found,
            Err(OnnxError::Shape {
                name: "w".into(),
                shape: vec![2, 3],
                expected: 6,
                found: 2
            })
        );
    }
}
