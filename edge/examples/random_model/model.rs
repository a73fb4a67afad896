//! Random weights in the shape and layout of real `llama` models.
//!
//! Quantised tensors are random codes under fixed scales: centred on zero, never NaN.
//! Norms are one. The tokenizer is byte-level BPE without merges: every byte is a token.
//!
//! Source of the block layouts: ggml-common.h of llama.cpp.

use shared::gguf::write::Builder;
use shared::gguf::{GgufError, TensorType};

/// Dimensions of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) width: u64,
    pub(crate) feed_forward: u64,
    pub(crate) layers: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    pub(crate) vocabulary: u64,
    pub(crate) context: u32,
    pub(crate) is_tied: bool,
}

impl Shape {
    /// Small enough to be made in each test.
    pub(crate) const TINY: Self = Self {
        name: "random-tiny",
        width: 256,
        feed_forward: 512,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        vocabulary: 512,
        context: 2_048,
        is_tied: true,
    };
    /// The shape of Llama 3.2 1B.
    pub(crate) const ONE_B: Self = Self {
        name: "random-1b",
        width: 2_048,
        feed_forward: 8_192,
        layers: 16,
        heads: 32,
        kv_heads: 8,
        vocabulary: 128_256,
        context: 131_072,
        is_tied: true,
    };
    /// The shape of Llama 3.1 8B.
    pub(crate) const EIGHT_B: Self = Self {
        name: "random-8b",
        width: 4_096,
        feed_forward: 14_336,
        layers: 32,
        heads: 32,
        kv_heads: 8,
        vocabulary: 128_256,
        context: 131_072,
        is_tied: false,
    };
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 16-bit floats.
    F16,
    /// llama.cpp's mix of that name.
    Q4KM,
}

/// ChatML, as many models have it.
pub(crate) const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// A model with random weights; equal seeds give equal ones.
///
/// # Errors
/// [`GgufError`] if the shape is not possible.
pub(crate) fn random(shape: &Shape, kind: Kind, seed: u64) -> Result<Builder, GgufError> {
    let mut out = Builder::default();
    hyperparameters(&mut out, shape)?;
    tokenizer(&mut out, shape.vocabulary as usize)?;
    let mut random = Random(seed);
    let ones = 1.0_f32.to_le_bytes().repeat(shape.width as usize);
    out.tensor(
        "output_norm.weight",
        &[shape.width],
        TensorType::F32,
        ones.clone(),
    )?;
    for layer in 0..shape.layers {
        for norm in ["attn_norm", "ffn_norm"] {
            let name = format!("blk.{layer}.{norm}.weight");
            out.tensor(&name, &[shape.width], TensorType::F32, ones.clone())?;
        }
    }
    for (name, columns, rows) in matrices(shape) {
        let stored = stored_as(&name, kind, shape);
        let bytes = random.matrix(stored, columns, rows);
        out.tensor(&name, &[columns, rows], stored, bytes)?;
    }
    Ok(out)
}

fn hyperparameters(out: &mut Builder, shape: &Shape) -> Result<(), GgufError> {
    out.text("general.architecture", "llama")?;
    out.text("general.name", shape.name)?;
    out.u32("llama.block_count", shape.layers)?;
    out.u32("llama.context_length", shape.context)?;
    out.u32("llama.embedding_length", shape.width as u32)?;
    out.u32("llama.feed_forward_length", shape.feed_forward as u32)?;
    out.u32("llama.attention.head_count", shape.heads)?;
    out.u32("llama.attention.head_count_kv", shape.kv_heads)?;
    out.u32(
        "llama.rope.dimension_count",
        shape.width as u32 / shape.heads,
    )?;
    out.f32("llama.rope.freq_base", 500_000.0)?;
    out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5)?;
    out.u32("llama.vocab_size", shape.vocabulary as u32)
}

/// 256 bytes, fillers, and four special tokens last.
fn tokenizer(out: &mut Builder, vocabulary: usize) -> Result<(), GgufError> {
    let special = [
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|im_start|>",
        "<|im_end|>",
    ];
    let mut tokens: Vec<String> = (0..=u8::MAX).map(stand_in).map(String::from).collect();
    tokens.extend((tokens.len()..vocabulary - special.len()).map(|n| format!("<filler{n}>")));
    tokens.extend(special.map(str::to_owned));
    let first = (vocabulary - special.len()) as u32;
    // 1 is a usual token, 3 a control token, 5 one that is never used.
    let mut types = vec![1; 256];
    types.resize(first as usize, 5);
    types.resize(vocabulary, 3);
    out.text("tokenizer.ggml.model", "gpt2")?;
    out.text("tokenizer.ggml.pre", "llama-bpe")?;
    out.texts("tokenizer.ggml.tokens", &tokens)?;
    out.i32s("tokenizer.ggml.token_type", &types)?;
    out.texts("tokenizer.ggml.merges", &["Ġ t"])?;
    out.u32("tokenizer.ggml.bos_token_id", first)?;
    out.u32("tokenizer.ggml.eos_token_id", first + 3)?;
    out.bool("tokenizer.ggml.add_bos_token", true)?;
    out.text("tokenizer.chat_template", TEMPLATE)
}

/// The printable character that stands for a byte in byte-level BPE.
fn stand_in(byte: u8) -> char {
    let stays = |b: u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    if stays(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&b| !stays(b)).count() as u32;
    char::from_u32(256 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Name, columns and rows of every matrix.
fn matrices(shape: &Shape) -> Vec<(String, u64, u64)> {
    let (width, wide) = (shape.width, shape.feed_forward);
    let kept = width / u64::from(shape.heads) * u64::from(shape.kv_heads);
    let mut all = vec![("token_embd.weight".to_owned(), width, shape.vocabulary)];
    for layer in 0..shape.layers {
        let matrices = [
            ("attn_q", width, width),
            ("attn_k", width, kept),
            ("attn_v", width, kept),
            ("attn_output", width, width),
            ("ffn_gate", width, wide),
            ("ffn_up", width, wide),
            ("ffn_down", wide, width),
        ];
        let named = matrices.map(|(name, c, r)| (format!("blk.{layer}.{name}.weight"), c, r));
        all.extend(named);
    }
    if !shape.is_tied {
        all.push(("output.weight".to_owned(), width, shape.vocabulary));
    }
    all
}

/// The mix that llama.cpp makes for Q4_K_M.
fn stored_as(name: &str, kind: Kind, shape: &Shape) -> TensorType {
    if kind == Kind::F16 {
        return TensorType::F16;
    }
    if name == "output.weight" || (shape.is_tied && name == "token_embd.weight") {
        return TensorType::Q6_K;
    }
    let layer: u32 = name
        .split('.')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let eighth = shape.layers / 8;
    let is_finer =
        layer < eighth || layer >= 7 * shape.layers / 8 || layer.saturating_sub(eighth) % 3 == 2;
    if is_finer && (name.contains("attn_v") || name.contains("ffn_down")) {
        return TensorType::Q6_K;
    }
    TensorType::Q4_K
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Weights whose products keep about the size of what they are multiplied with.
    fn matrix(&mut self, stored: TensorType, columns: u64, rows: u64) -> Vec<u8> {
        let spread = (columns as f32).sqrt().recip();
        let blocks = columns * rows / stored.block_values();
        match stored {
            TensorType::Q4_K => self.blocks(blocks, |block, random| random.q4_k(block, spread)),
            TensorType::Q6_K => self.blocks(blocks, |block, random| random.q6_k(block, spread)),
            _ => self.blocks(blocks, |block, random| {
                let uniform = random.next() as f32 / u64::MAX as f32 - 0.5;
                let value = half::f16::from_f32(uniform * spread * 12.0_f32.sqrt());
                block.extend(value.to_le_bytes());
            }),
        }
    }

    fn blocks(&mut self, count: u64, fill: impl Fn(&mut Vec<u8>, &mut Self)) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            fill(&mut bytes, self);
        }
        bytes
    }

    fn bytes(&mut self, out: &mut Vec<u8>, count: usize) {
        for _ in 0..count / 8 {
            out.extend(self.next().to_le_bytes());
        }
    }

    /// Scale, minimum, 12 bytes of sub-scales (all 32), 128 bytes of codes 0..=15.
    fn q4_k(&mut self, out: &mut Vec<u8>, spread: f32) {
        let scale = spread / (32.0 * 4.61);
        out.extend(half::f16::from_f32(scale).to_le_bytes());
        out.extend(half::f16::from_f32(scale * 7.5).to_le_bytes());
        out.extend([0xa0; 8]);
        out.extend([0; 4]);
        self.bytes(out, 128);
    }

    /// 192 bytes of codes 0..=63, 16 sub-scales (all 32), scale.
    fn q6_k(&mut self, out: &mut Vec<u8>, spread: f32) {
        self.bytes(out, 192);
        out.extend([32; 16]);
        out.extend(half::f16::from_f32(spread / (32.0 * 18.5)).to_le_bytes());
    }
}
