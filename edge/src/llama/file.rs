//! What a model file says of itself, read before llama.cpp sees it.
//!
//! llama.cpp prints, and sometimes aborts, on files it cannot load: here every such file
//! is answered with an error that says what is wrong. What a model will need in memory
//! is reckoned from the same numbers.
//!
//! # Invariants
//! - A [`Header`] is of a whole file with an architecture, a tokenizer and weights.
//!
//! Units: bytes, tokens. Sources: the GGUF specification, and llama.cpp's names of keys.

use std::path::Path;

use memmap2::Mmap;
use shared::board::KvType;
use shared::gguf::{Gguf, GgufError, Value};

/// Tokens that one step reads at once, at most: what working memory is reckoned for.
const STEP_TOKENS: u64 = super::BATCH_TOKENS as u64;

/// What a file's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the model is called.
    pub name: Option<String>,
    /// Its architecture.
    pub architecture: String,
    /// Its chat template, as Jinja source.
    pub chat_template: Option<String>,
    /// The longest context it was trained on.
    pub context_tokens: u32,
    /// How many weights it has.
    pub parameters: u64,
    /// Size of the file.
    pub file_bytes: u64,
    weight_bytes: u64,
    layers: u64,
    /// Values that are kept of each read token, in each layer.
    kept_values: u64,
    /// Values of one head's key.
    head_values: u64,
    /// Widest row of working memory of one token.
    widest: u64,
    vocabulary: u64,
}

/// Memory that a model takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The weights.
    pub weights: u64,
    /// Keys and values of read tokens.
    pub kv: u64,
    /// Working memory.
    pub compute: u64,
}

impl Need {
    /// All of it.
    pub const fn total(&self) -> u64 {
        self.weights
            .saturating_add(self.kv)
            .saturating_add(self.compute)
    }
}

impl Header {
    /// What the model needs for one answer at a time, with a context of `tokens`.
    pub fn need(&self, tokens: u32, kv_type: KvType) -> Need {
        let outputs = super::engine::outputs(1, self.vocabulary());
        self.need_of_cells(tokens.min(self.context_tokens), kv_type, outputs)
    }

    /// What the model needs to keep `cells` tokens, and `outputs` rows of logits.
    pub(super) fn need_of_cells(&self, cells: u32, kv_type: KvType, outputs: usize) -> Need {
        let kept = self.kept_values.saturating_mul(u64::from(cells));
        // A step keeps a handful of rows of each token; logits are computed, and copied.
        let rows = self.widest.saturating_mul(4).saturating_mul(STEP_TOKENS);
        let logits = self.vocabulary.saturating_mul(2 * outputs as u64);
        Need {
            weights: self.weight_bytes,
            kv: kv_type.bytes(kept).saturating_mul(self.layers),
            compute: rows.saturating_add(logits).saturating_mul(4),
        }
    }

    /// How many tokens there are.
    pub(super) fn vocabulary(&self) -> usize {
        usize::try_from(self.vocabulary).unwrap_or(usize::MAX)
    }

    /// Whether keys and values can be kept in blocks of eight-bit numbers.
    pub(super) const fn can_quantise_kv(&self) -> bool {
        self.head_values.is_multiple_of(32)
    }

    fn new(gguf: &Gguf<'_>, file_bytes: u64) -> Result<Self, FileError> {
        let architecture = gguf.architecture().map_err(format)?;
        if architecture == "clip" {
            // A projector for images: a companion of models, not one.
            return Err(FileError::NoTokenizer);
        }
        let key = |name: &str| format!("{architecture}.{name}");
        let number = |name: &str| gguf.u32(&key(name)).ok().map(u64::from);
        let needed = |name: &str| number(name).ok_or_else(|| FileError::Missing { key: key(name) });
        let tokens = match gguf.value("tokenizer.ggml.tokens") {
            Some(Value::Array(tokens)) => tokens.len(),
            _ => 0,
        };
        if gguf.str("tokenizer.ggml.model").is_err() || tokens == 0 {
            return Err(FileError::NoTokenizer);
        }
        if gguf.tensors().is_empty() {
            return Err(FileError::NoWeights);
        }
        let layers = needed("block_count")?;
        let width = needed("embedding_length")?;
        let context = needed("context_length")?;
        // Lists of heads per layer are read as the most there can be.
        let heads = number("attention.head_count").unwrap_or(1).max(1);
        let kv_heads = number("attention.head_count_kv").unwrap_or(heads);
        let head = |name: &str| number(name).unwrap_or(width / heads);
        let kept = head("attention.key_length") + head("attention.value_length");
        let wide = number("feed_forward_length").unwrap_or(4 * width);
        let text = |name: &str| gguf.str(name).ok().map(str::to_owned);
        Ok(Self {
            name: text("general.name"),
            chat_template: text("tokenizer.chat_template"),
            architecture: architecture.to_owned(),
            context_tokens: u32::try_from(context).unwrap_or(u32::MAX),
            parameters: gguf.tensors().iter().map(|tensor| tensor.values()).sum(),
            weight_bytes: gguf.tensors().iter().map(|t| t.range.len() as u64).sum(),
            file_bytes,
            layers,
            head_values: head("attention.key_length"),
            kept_values: kept.saturating_mul(kv_heads),
            widest: wide
                .saturating_mul(2)
                .saturating_add(width.saturating_mul(4)),
            vocabulary: tokens as u64,
        })
    }
}

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system cannot read it.
    #[error("the file cannot be read")]
    Read {
        /// What the system says.
        source: std::io::Error,
    },
    /// It is damaged, cut off, or something else.
    #[error("the file is not a whole GGUF model")]
    Format {
        /// What is wrong.
        source: GgufError,
    },
    /// There is nothing to turn text into tokens: an adapter, or part of a model.
    #[error("the file holds no tokenizer: it is no language model by itself")]
    NoTokenizer,
    /// There are no weights in it.
    #[error("the file holds no weights")]
    NoWeights,
    /// It leaves out what its architecture needs.
    #[error("the file does not say {key}")]
    Missing {
        /// The key.
        key: String,
    },
}

const fn format(source: GgufError) -> FileError {
    FileError::Format { source }
}

/// Reads what a file says of itself.
///
/// # Errors
/// [`FileError`] for anything but a whole language model.
#[expect(
    unsafe_code,
    reason = "the file is mapped, not copied; see the comment inside"
)]
pub fn read(path: &Path) -> Result<Header, FileError> {
    let fail = |source| FileError::Read { source };
    let file = fs_err::File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    if length == 0 {
        return Err(format(GgufError::Magic));
    }
    // SAFETY: only read, and only here. Another program that cuts the file off meanwhile
    // would end this one with a bus error, as it would once llama.cpp has mapped it.
    let bytes = unsafe { Mmap::map(file.file()) }.map_err(fail)?;
    Header::new(&Gguf::parse(&bytes).map_err(format)?, length)
}
