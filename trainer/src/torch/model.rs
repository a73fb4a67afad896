//! A decoder of the `llama` architecture, in the tensor layout GGUF files have.
//!
//! Grouped-query attention, rotary positions on adjacent pairs (as llama.cpp rotates
//! this architecture), SwiGLU, RMS norms, tied embeddings. Parameters carry their GGUF
//! names, so that an export copies them verbatim.
//!
//! A row may be a tree of dialogues ([`Sequence`]): each branch sees the trunk and itself.
//!
//! Shapes: tokens `[B, T]`, residual stream `[B, T, D]`, heads `[B, H, T, E]`.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::{TorchError, prior};
use crate::config::{Precision, Shape};
use crate::dataset::sequence::Sequence;

/// Held from seeding until the last draw: libtorch has one generator for all threads.
static GENERATOR: Mutex<()> = Mutex::new(());
/// Added to the scores of what is not seen: far below any score, yet a bf16.
const UNSEEN: f32 = -30_000.0;

/// The weights and how to run them.
pub(crate) struct Model {
    shape: Shape,
    kind: Kind,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    /// `cos + i·sin` by position and frequency, `[context, 1, E / 2]`.
    rotations: Tensor,
}

struct Block {
    attn_norm: Tensor,
    attn_q: Tensor,
    attn_k: Tensor,
    attn_v: Tensor,
    attn_output: Tensor,
    ffn_norm: Tensor,
    ffn_gate: Tensor,
    ffn_up: Tensor,
    ffn_down: Tensor,
}

impl Model {
    /// A model with random weights; equal seeds give equal weights.
    pub(crate) fn new(shape: Shape, precision: Precision, seed: u64) -> Result<Self, TorchError> {
        let _held = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        tch::manual_seed(seed as i64);
        let width = shape.width as i64;
        let mut embedding = matrix(shape.vocabulary as i64, width, prior::EMBEDDING)?;
        let mut blocks = (0..shape.layers)
            .map(|_| Block::new(&shape))
            .collect::<Result<Vec<_>, _>>()?;
        tch::no_grad(|| {
            prior::embedding(&mut embedding)?;
            if let [first, second, ..] = &mut blocks[..]
                && prior::fits(&shape)
            {
                prior::look_back(&shape, first.attention())?;
                prior::repeat(&shape, second.attention())?;
            }
            Ok::<(), TorchError>(())
        })?;
        Ok(Self {
            shape,
            kind: match precision {
                Precision::F32 => Kind::Float,
                Precision::Bf16 => Kind::BFloat16,
            },
            embedding,
            blocks,
            norm: ones(width)?,
            rotations: rotations(&shape)?,
        })
    }

    /// Every parameter under its GGUF name, in the file's order.
    pub(crate) fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut all = vec![("token_embd.weight".to_owned(), &self.embedding)];
        for (index, block) in self.blocks.iter().enumerate() {
            for (name, tensor) in block.parameters() {
                all.push((format!("blk.{index}.{name}.weight"), tensor));
            }
        }
        all.push(("output_norm.weight".to_owned(), &self.norm));
        all.into_iter()
            .map(|(name, tensor)| (name, tensor.shallow_clone()))
            .collect()
    }

    /// What the last norm gives for each token: `[B, T, D]`.
    pub(crate) fn hidden(&self, rows: &Rows) -> Result<Tensor, TorchError> {
        if rows.depth > self.shape.context {
            return Err(TorchError::TooLong {
                found: rows.depth,
                most: self.shape.context,
            });
        }
        let (batch, length) = rows.tokens.size2()?;
        let rotations = self
            .rotations
            .f_index_select(0, &rows.positions)?
            .f_reshape([batch, length, 1, self.shape.head() as i64 / 2])?;
        let unseen = rows.unseen.f_to_kind(self.kind)?;
        let mut x = Tensor::f_embedding(&self.embedding, &rows.tokens, -1, false, false)?;
        for block in &self.blocks {
            let y = self.norm(&x, &block.attn_norm)?;
            x = x.f_add(&self.attention(block, &y, &rotations, &unseen)?)?;
            let y = self.norm(&x, &block.ffn_norm)?;
            x = x.f_add(&self.feed_forward(block, &y)?)?;
        }
        self.norm(&x, &self.norm)
    }

    /// Scores of every token: `[N, D]` to `[N, V]`, in 32 bits.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor, TorchError> {
        Ok(self
            .linear(hidden, &self.embedding)?
            .f_to_kind(Kind::Float)?)
    }

    /// Causal attention. Query heads of one group are rows of one product, which runs
    /// two to three times faster on a CPU than the library's fused attention does.
    fn attention(
        &self,
        block: &Block,
        x: &Tensor,
        rotations: &Tensor,
        unseen: &Tensor,
    ) -> Result<Tensor, TorchError> {
        let (batch, length, _) = x.size3()?;
        let (heads, kv) = (self.shape.heads as i64, self.shape.kv_heads as i64);
        let (head, groups) = (self.shape.head() as i64, heads / kv);
        let scale = 1.0 / (head as f64).sqrt();
        let q = self.rotated(&self.linear(x, &block.attn_q)?, heads, rotations)?;
        let k = self.rotated(&self.linear(x, &block.attn_k)?, kv, rotations)?;
        let v = self
            .linear(x, &block.attn_v)?
            .f_reshape([batch, length, kv, head])?
            .f_transpose(1, 2)?
            .f_reshape([batch * kv, length, head])?;
        let q = q.f_reshape([batch * kv, groups * length, head])?;
        let k = k
            .f_mul_scalar(scale)?
            .f_reshape([batch * kv, length, head])?;
        let scores = q
            .f_bmm(&k.f_transpose(1, 2)?)?
            .f_reshape([batch, heads, length, length])?
            .f_add(unseen)?;
        let seen = scores.f_softmax(-1, self.kind)?;
        let out = seen
            .f_reshape([batch * kv, groups * length, length])?
            .f_bmm(&v)?
            .f_reshape([batch, heads, length, head])?
            .f_transpose(1, 2)?
            .f_reshape([batch, length, heads * head])?;
        self.linear(&out, &block.attn_output)
    }

    /// Splits into heads and turns adjacent pairs: `[B, T, H·E]` to `[B, H, T, E]`.
    fn rotated(&self, x: &Tensor, heads: i64, rotations: &Tensor) -> Result<Tensor, TorchError> {
        let (batch, length, _) = x.size3()?;
        let head = self.shape.head() as i64;
        let pairs = x
            .f_to_kind(Kind::Float)?
            .f_reshape([batch, length, heads, head / 2, 2])?
            .f_view_as_complex()?;
        Ok(pairs
            .f_mul(rotations)?
            .f_view_as_real()?
            .f_reshape([batch, length, heads, head])?
            .f_to_kind(self.kind)?
            .f_transpose(1, 2)?)
    }

    fn feed_forward(&self, block: &Block, x: &Tensor) -> Result<Tensor, TorchError> {
        let gate = self.linear(x, &block.ffn_gate)?.f_silu()?;
        let up = self.linear(x, &block.ffn_up)?;
        self.linear(&gate.f_mul(&up)?, &block.ffn_down)
    }

    fn norm(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor, TorchError> {
        let width = [self.shape.width as i64];
        Ok(x.f_rms_norm(width, Some(weight), self.shape.norm_epsilon)?
            .f_to_kind(self.kind)?)
    }

    fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor, TorchError> {
        Ok(x.f_linear(&weight.f_to_kind(self.kind)?, None::<Tensor>)?)
    }
}

/// Token rows as the model reads them, padded at the right to the longest.
///
/// Attention looks back only, so padding is never seen.
pub(crate) struct Rows {
    /// `[B, T]`.
    tokens: Tensor,
    /// The position of each token in its dialogue, `[B·T]`.
    positions: Tensor,
    /// Added to scores: 0 where a row's token (third index) sees another (fourth),
    /// [`UNSEEN`] elsewhere; `[B, 1, T, T]`.
    unseen: Tensor,
    /// Tokens in the longest dialogue.
    depth: usize,
    length: usize,
}

impl Rows {
    /// The rows `sequences`.
    pub(crate) fn new<'a>(
        sequences: impl ExactSizeIterator<Item = &'a Sequence> + Clone,
    ) -> Result<Self, TorchError> {
        let count = sequences.len();
        let longest = sequences.clone().map(|one| one.tokens.len()).max();
        let length = longest.unwrap_or(0).max(1);
        let depth = sequences.clone().map(Sequence::depth).max().unwrap_or(0);
        let mut tokens = vec![0_i64; count * length];
        let mut positions = vec![0_i64; count * length];
        let mut unseen = vec![UNSEEN; count * length * length];
        for (row, sequence) in sequences.enumerate() {
            let trunk = sequence.trunk();
            for (at, &token) in sequence.tokens.iter().enumerate() {
                tokens[row * length + at] = i64::from(token);
                positions[row * length + at] = sequence.position(at) as i64;
            }
            for at in 0..length {
                let start = (row * length + at) * length;
                let branch = sequence.branch(at).unwrap_or(0);
                unseen[start..start + at.min(trunk)].fill(0.0);
                unseen[start + branch..=start + at].fill(0.0);
            }
        }
        let (rows, columns) = (count as i64, length as i64);
        Ok(Self {
            tokens: Tensor::f_from_slice(&tokens)?.f_reshape([rows, columns])?,
            positions: Tensor::f_from_slice(&positions)?,
            unseen: Tensor::f_from_slice(&unseen)?.f_reshape([rows, 1, columns, columns])?,
            depth,
            length,
        })
    }

    /// Where token `at` of row `row` stands among all tokens, padding included.
    pub(crate) const fn place(&self, row: usize, at: usize) -> i64 {
        (row * self.length + at) as i64
    }
}

impl Block {
    /// Projections into the residual stream start at zero: each block begins by passing on.
    fn new(shape: &Shape) -> Result<Self, TorchError> {
        let (width, inner) = (shape.width as i64, shape.feed_forward as i64);
        let kv = (shape.kv_heads * shape.head()) as i64;
        let spread = 1.0 / (shape.width as f64).sqrt();
        Ok(Self {
            attn_norm: ones(width)?,
            attn_q: matrix(width, width, spread)?,
            attn_k: matrix(kv, width, spread)?,
            attn_v: matrix(kv, width, spread)?,
            attn_output: matrix(width, width, 0.0)?,
            ffn_norm: ones(width)?,
            ffn_gate: matrix(inner, width, spread)?,
            ffn_up: matrix(inner, width, spread)?,
            ffn_down: matrix(width, inner, 0.0)?,
        })
    }

    fn attention(&mut self) -> (&mut Tensor, &mut Tensor, &mut Tensor, &mut Tensor) {
        (
            &mut self.attn_q,
            &mut self.attn_k,
            &mut self.attn_v,
            &mut self.attn_output,
        )
    }

    fn parameters(&self) -> [(&'static str, &Tensor); 9] {
        [
            ("attn_norm", &self.attn_norm),
            ("attn_q", &self.attn_q),
            ("attn_k", &self.attn_k),
            ("attn_v", &self.attn_v),
            ("attn_output", &self.attn_output),
            ("ffn_norm", &self.ffn_norm),
            ("ffn_gate", &self.ffn_gate),
            ("ffn_up", &self.ffn_up),
            ("ffn_down", &self.ffn_down),
        ]
    }
}

fn matrix(rows: i64, columns: i64, spread: f64) -> Result<Tensor, TorchError> {
    Ok(
        Tensor::f_randn([rows, columns], (Kind::Float, Device::Cpu))?
            .f_mul_scalar(spread)?
            .f_set_requires_grad(true)?,
    )
}

fn ones(width: i64) -> Result<Tensor, TorchError> {
    Ok(Tensor::f_ones([width], (Kind::Float, Device::Cpu))?.f_set_requires_grad(true)?)
}

/// Pair `i` of a head turns by `position · base^(-2i / E)`.
fn rotations(shape: &Shape) -> Result<Tensor, TorchError> {
    let head = shape.head();
    let angles: Vec<f32> = (0..shape.context)
        .flat_map(|position| {
            (0..head / 2).map(move |pair| {
                let frequency = shape.rope_base.powf(-2.0 * pair as f64 / head as f64);
                (position as f64 * frequency) as f32
            })
        })
        .collect();
    let angles =
        Tensor::f_from_slice(&angles)?.f_reshape([shape.context as i64, 1, head as i64 / 2])?;
    Ok(Tensor::f_complex(&angles.f_cos()?, &angles.f_sin()?)?)
}
