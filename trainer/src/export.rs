//! Trained weights as a GGUF that llama.cpp loads.
//!
//! Weights are copied verbatim: a learner keeps them in the file's own layout and under
//! its names. Matrices become 16-bit floats, norms stay in 32 bits.

use half::f16;
use shared::gguf::write::Builder;
use shared::gguf::{GgufError, TensorType};

use crate::config::{Recipe, Shape};
use crate::dataset::tokenizer::{CHAT_TEMPLATE, ChatTokenizer, END_OF_TEXT, IM_END, SPECIALS};
use crate::run::{Array, State};

/// `general.file_type` of a file that is mostly 16-bit floats.
const MOSTLY_F16: u32 = 1;
const NORMAL_TOKEN: i32 = 1;
const CONTROL_TOKEN: i32 = 3;

/// Why no file was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The file's parts contradict one another.
    #[error("the model does not fit its file format")]
    Format {
        /// What contradicts.
        #[from]
        source: GgufError,
    },
    /// Writing failed.
    #[error("the model file was not written")]
    Write {
        /// Why.
        #[from]
        source: std::io::Error,
    },
    /// Vocabulary and embedding differ in size.
    #[error("the vocabulary has {found} tokens, the model {expected}")]
    Vocabulary {
        /// Tokens in the vocabulary.
        found: usize,
        /// Rows in the embedding.
        expected: usize,
    },
    /// A weight is too large for 16 bits.
    #[error("tensor {name} holds {value}, which 16 bits cannot")]
    Overflow {
        /// The tensor.
        name: String,
        /// The weight.
        value: f32,
    },
}

/// A trained model as the bytes of a GGUF file.
///
/// # Errors
/// [`ExportError`] if weights, vocabulary and recipe do not fit together.
pub fn model(
    recipe: &Recipe,
    state: &State,
    tokenizer: &ChatTokenizer,
) -> Result<Vec<u8>, ExportError> {
    let mut builder = Builder::default();
    describe(&mut builder, &recipe.name, &recipe.model)?;
    add_vocabulary(&mut builder, &recipe.model, tokenizer)?;
    for (name, array) in state.weights() {
        add_tensor(&mut builder, name, array)?;
    }
    let mut file = Vec::new();
    builder.write_to(&mut file)?;
    Ok(file)
}

fn describe(builder: &mut Builder, name: &str, shape: &Shape) -> Result<(), GgufError> {
    builder.text("general.architecture", "llama")?;
    builder.text("general.type", "model")?;
    builder.text("general.name", name)?;
    builder.text("general.license", "MIT OR Apache-2.0")?;
    builder.u32("general.file_type", MOSTLY_F16)?;
    for (key, value) in [
        ("vocab_size", shape.vocabulary),
        ("context_length", shape.context),
        ("embedding_length", shape.width),
        ("block_count", shape.layers),
        ("feed_forward_length", shape.feed_forward),
        ("attention.head_count", shape.heads),
        ("attention.head_count_kv", shape.kv_heads),
        ("rope.dimension_count", shape.head()),
    ] {
        // Sizes in a checked recipe are far below 32 bits.
        builder.u32(&format!("llama.{key}"), value as u32)?;
    }
    let epsilon = shape.norm_epsilon as f32;
    builder.f32("llama.attention.layer_norm_rms_epsilon", epsilon)?;
    builder.f32("llama.rope.freq_base", shape.rope_base as f32)
}

fn add_vocabulary(
    builder: &mut Builder,
    shape: &Shape,
    tokenizer: &ChatTokenizer,
) -> Result<(), ExportError> {
    let tokens = tokenizer.tokens();
    if tokens.len() != shape.vocabulary {
        return Err(ExportError::Vocabulary {
            found: tokens.len(),
            expected: shape.vocabulary,
        });
    }
    let types: Vec<i32> = (0..tokens.len())
        .map(|id| {
            if id < SPECIALS.len() {
                CONTROL_TOKEN
            } else {
                NORMAL_TOKEN
            }
        })
        .collect();
    builder.text("tokenizer.ggml.model", "gpt2")?;
    builder.text("tokenizer.ggml.pre", "smollm")?;
    builder.texts("tokenizer.ggml.tokens", &tokens)?;
    builder.i32s("tokenizer.ggml.token_type", &types)?;
    builder.texts("tokenizer.ggml.merges", &tokenizer.merges())?;
    builder.u32("tokenizer.ggml.bos_token_id", END_OF_TEXT)?;
    builder.u32("tokenizer.ggml.eos_token_id", IM_END)?;
    builder.u32("tokenizer.ggml.padding_token_id", END_OF_TEXT)?;
    builder.bool("tokenizer.ggml.add_bos_token", false)?;
    builder.text("tokenizer.chat_template", CHAT_TEMPLATE)?;
    Ok(())
}

fn add_tensor(builder: &mut Builder, name: &str, array: &Array) -> Result<(), ExportError> {
    // GGUF lists the fastest dimension first.
    let dimensions: Vec<u64> = array.dimensions.iter().rev().map(|&n| n as u64).collect();
    if dimensions.len() < 2 {
        let bytes = bytemuck::cast_slice(&array.values).to_vec();
        builder.tensor(name, &dimensions, TensorType::F32, bytes)?;
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(array.values.len() * 2);
    for &value in &array.values {
        let short = f16::from_f32(value);
        if !short.is_finite() {
            return Err(ExportError::Overflow {
                name: name.to_owned(),
                value,
            });
        }
        bytes.extend(short.to_le_bytes());
    }
    builder.tensor(name, &dimensions, TensorType::F16, bytes)?;
    Ok(())
}
