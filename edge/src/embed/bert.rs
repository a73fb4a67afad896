//! MiniLM as an ONNX graph: encoder, mean pooling and length 1 inside.
//!
//! Pure: weights in, bytes of an ONNX file out. One input, `input_ids` `[B, S]`: texts of
//! a batch are equally long, so there is no mask. GELU is written with `Erf`, which the
//! runtime fuses; spelt with `Tanh` the network runs at half the speed.
//!
//! Source: Devlin et al., "BERT" (2018), and the published `config.json` of the model.

use std::fmt::Display;

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use shared::minilm::{self, HEADS, HIDDEN, INTERMEDIATE, LAYERS, MAX_POSITIONS, VOCABULARY};
use shared::onnx::{Attribute, Dim, Element, Graph, OnnxError, Values};

/// Operator set of the file: the first with `LayerNormalization`.
const OPERATOR_SET: u32 = 17;

/// Why weights do not make a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The weights file or one of its tensors cannot be read.
    #[error("cannot read tensor {tensor}")]
    Tensor {
        /// The tensor's name; empty for the file itself.
        tensor: String,
        /// What the reader says.
        source: SafeTensorError,
    },
    /// A tensor has another shape or type than the network wants.
    #[error("tensor {tensor} is {found:?} {kind:?}, expected 32-bit floats {expected:?}")]
    Layout {
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// Its type.
        kind: Dtype,
        /// The shape expected.
        expected: Vec<usize>,
    },
    /// The graph could not be written.
    #[error("cannot write the network")]
    Write {
        /// What the writer says.
        #[from]
        source: OnnxError,
    },
}

/// The bytes of an ONNX file for MiniLM's weights.
pub(super) fn encode(weights: &minilm::Weights) -> Result<Vec<u8>, GraphError> {
    let tensors =
        SafeTensors::deserialize(weights.safetensors()).map_err(|source| GraphError::Tensor {
            tensor: String::new(),
            source,
        })?;
    let mut encoder = Encoder {
        graph: Graph::new("all-MiniLM-L6-v2"),
        tensors,
    };
    encoder.build()?;
    Ok(encoder.graph.encode(OPERATOR_SET))
}

struct Encoder<'a> {
    graph: Graph,
    tensors: SafeTensors<'a>,
}

impl Encoder<'_> {
    fn build(&mut self) -> Result<(), GraphError> {
        let (batch, length) = (Dim::Named("B"), Dim::Named("S"));
        self.graph
            .input("input_ids", Element::I64, &[batch, length]);
        self.constants()?;
        let mut hidden = self.embeddings()?;
        for layer in 0..LAYERS {
            hidden = self.layer(layer, &hidden)?;
        }
        let pooled = self.graph.node(
            "ReduceMean",
            &[&hidden],
            &[
                ("axes", Attribute::Ints(&[1])),
                ("keepdims", Attribute::Int(0)),
            ],
        );
        let length = self.graph.node(
            "ReduceL2",
            &[&pooled],
            &[
                ("axes", Attribute::Ints(&[1])),
                ("keepdims", Attribute::Int(1)),
            ],
        );
        let vector = self.graph.node("Div", &[&pooled, &length], &[]);
        self.graph
            .output(&vector, Element::F32, &[batch, Dim::Fixed(HIDDEN)]);
        Ok(())
    }

    /// Numbers that several nodes use.
    fn constants(&mut self) -> Result<(), GraphError> {
        let head = HIDDEN / HEADS;
        let split = [0, 0, HEADS as i64, head as i64];
        self.graph.tensor("split", &[4], Values::I64(&split))?;
        self.graph
            .tensor("join", &[3], Values::I64(&[0, 0, HIDDEN as i64]))?;
        self.graph.tensor("zero", &[1], Values::I64(&[0]))?;
        self.graph.tensor("one", &[1], Values::I64(&[1]))?;
        for (name, value) in [
            ("scale", 1.0 / (head as f32).sqrt()),
            ("half", 0.5),
            ("unit", 1.0),
            ("root", std::f32::consts::FRAC_1_SQRT_2),
        ] {
            self.graph.tensor(name, &[], Values::F32(&[value]))?;
        }
        Ok(())
    }

    /// Word, position and segment vectors `[B, S, H]`, normalised.
    fn embeddings(&mut self) -> Result<String, GraphError> {
        let words = self.copy("embeddings.word_embeddings.weight", &[VOCABULARY, HIDDEN])?;
        let mut places = self.values(
            "embeddings.position_embeddings.weight",
            &[MAX_POSITIONS, HIDDEN],
        )?;
        let segments = self.values("embeddings.token_type_embeddings.weight", &[2, HIDDEN])?;
        for place in places.chunks_exact_mut(HIDDEN) {
            place.iter_mut().zip(&segments).for_each(|(a, b)| *a += b);
        }
        let places =
            self.graph
                .tensor("positions", &[MAX_POSITIONS, HIDDEN], Values::F32(&places))?;
        let word = self.graph.node("Gather", &[&words, "input_ids"], &[]);
        let shape = self.graph.node("Shape", &["input_ids"], &[]);
        let length = self.graph.node("Gather", &[&shape, "one"], &[]);
        let place = self
            .graph
            .node("Slice", &[&places, "zero", &length, "zero"], &[]);
        let sum = self.graph.node("Add", &[&word, &place], &[]);
        self.layer_norm("embeddings.LayerNorm", &sum)
    }

    /// One encoder layer: attention, then feed-forward, each added and normalised.
    fn layer(&mut self, layer: usize, hidden: &str) -> Result<String, GraphError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let attended = self.attention(&name("attention"), hidden)?;
        let sum = self.graph.node("Add", &[hidden, &attended], &[]);
        let middle = self.layer_norm(name("attention.output.LayerNorm"), &sum)?;
        let wide = self.linear(name("intermediate.dense"), &middle, [HIDDEN, INTERMEDIATE])?;
        let active = self.gelu(&wide);
        let narrow = self.linear(name("output.dense"), &active, [INTERMEDIATE, HIDDEN])?;
        let sum = self.graph.node("Add", &[&middle, &narrow], &[]);
        self.layer_norm(name("output.LayerNorm"), &sum)
    }

    fn attention(&mut self, name: &str, hidden: &str) -> Result<String, GraphError> {
        let heads = |this: &mut Self, part: &str, order: &[i64]| {
            let flat = this.linear(format!("{name}.self.{part}"), hidden, [HIDDEN, HIDDEN])?;
            let split = this.graph.node("Reshape", &[&flat, "split"], &[]);
            let order = [("perm", Attribute::Ints(order))];
            Ok::<_, GraphError>(this.graph.node("Transpose", &[&split], &order))
        };
        let query = heads(self, "query", &[0, 2, 1, 3])?;
        let key = heads(self, "key", &[0, 2, 3, 1])?;
        let value = heads(self, "value", &[0, 2, 1, 3])?;
        let scores = self.graph.node("MatMul", &[&query, &key], &[]);
        let scores = self.graph.node("Mul", &[&scores, "scale"], &[]);
        let shares = self
            .graph
            .node("Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
        let mixed = self.graph.node("MatMul", &[&shares, &value], &[]);
        let order = [("perm", Attribute::Ints(&[0, 2, 1, 3]))];
        let mixed = self.graph.node("Transpose", &[&mixed], &order);
        let mixed = self.graph.node("Reshape", &[&mixed, "join"], &[]);
        self.linear(format!("{name}.output.dense"), &mixed, [HIDDEN, HIDDEN])
    }

    /// `x/2 · (1 + erf(x/√2))`.
    fn gelu(&mut self, x: &str) -> String {
        let half = self.graph.node("Mul", &[x, "half"], &[]);
        let scaled = self.graph.node("Mul", &[x, "root"], &[]);
        let erf = self.graph.node("Erf", &[&scaled], &[]);
        let gate = self.graph.node("Add", &[&erf, "unit"], &[]);
        self.graph.node("Mul", &[&half, &gate], &[])
    }

    /// `x·W + b`, with W `[from, to]`: the file holds its transpose.
    fn linear(
        &mut self,
        name: impl Display,
        x: &str,
        [from, to]: [usize; 2],
    ) -> Result<String, GraphError> {
        let weight = self.values(&format!("{name}.weight"), &[to, from])?;
        let mut transposed = vec![0.0; weight.len()];
        for (row, values) in weight.chunks_exact(from).enumerate() {
            for (column, value) in values.iter().enumerate() {
                transposed[column * to + row] = *value;
            }
        }
        let weight = self.graph.tensor(
            &format!("{name}.weight"),
            &[from, to],
            Values::F32(&transposed),
        )?;
        let bias = self.copy(&format!("{name}.bias"), &[to])?;
        let product = self.graph.node("MatMul", &[x, &weight], &[]);
        Ok(self.graph.node("Add", &[&product, &bias], &[]))
    }

    fn layer_norm(&mut self, name: impl Display, x: &str) -> Result<String, GraphError> {
        let weight = self.copy(&format!("{name}.weight"), &[HIDDEN])?;
        let bias = self.copy(&format!("{name}.bias"), &[HIDDEN])?;
        let settings = [
            ("axis", Attribute::Int(-1)),
            ("epsilon", Attribute::Float(minilm::EPSILON)),
        ];
        Ok(self
            .graph
            .node("LayerNormalization", &[x, &weight, &bias], &settings))
    }

    /// A tensor of the weights, as it is.
    fn copy(&mut self, name: &str, shape: &[usize]) -> Result<String, GraphError> {
        let values = self.values(name, shape)?;
        Ok(self.graph.tensor(name, shape, Values::F32(&values))?)
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, GraphError> {
        let tensor = self
            .tensors
            .tensor(name)
            .map_err(|source| GraphError::Tensor {
                tensor: name.to_owned(),
                source,
            })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(GraphError::Layout {
                tensor: name.to_owned(),
                found: tensor.shape().to_vec(),
                kind: tensor.dtype(),
                expected: shape.to_vec(),
            });
        }
        let (values, _) = tensor.data().as_chunks::<4>();
        Ok(values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect())
    }
}
