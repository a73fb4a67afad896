//! The only caller of llama.cpp: loads a GGUF file and continues prompts with it.
//!
//! A file is read by our own reader first ([`mod@file`]), because llama.cpp prints and
//! sometimes aborts on what it cannot load. The weights are memory-mapped. An
//! [`engine::Engine`] makes many answers at once; what was read stays in its slots, and
//! each request reads only what is new.
//!
//! # Invariants
//! - One thread owns one native context; it is never shared.
//! - llama.cpp's words go to `tracing`, never to the terminal.
//!
//! Units: contexts in tokens, memory in bytes.

use std::path::PathBuf;

use shared::board::{KvType, Threads};

use crate::generate::ModelCard;

mod adapter;
mod backend;
pub mod bench;
mod choose;
mod constrain;
mod context;
pub mod engine;
pub mod file;
mod fit;
mod gbnf;
pub mod quantise;
mod schema;
mod score;
pub mod snapshot;
mod speculate;
mod ticket;
mod weights;

use file::{FileError, Header};
use weights::Weights;

pub use backend::system_description;

/// Most tokens that are computed at once.
const BATCH_TOKENS: usize = 128;

/// How many of them may be guesses.
const GUESSED_TOKENS: usize = 16;

/// Most memory for rows of logits, unless a batch needs more for its slots.
const LOGITS_BYTES: usize = 16 << 20;

/// How to load a model.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The GGUF file.
    pub path: PathBuf,
    /// SHA-256 of the file in hexadecimal, where it is known.
    pub digest: Option<String>,
    /// Tokens that prompt and answer may have together; the model's own limit if that
    /// is lower.
    pub context_tokens: u32,
    /// Threads that compute.
    pub threads: Threads,
    /// How read tokens are kept.
    pub kv_type: KvType,
    /// Map the file instead of copying it.
    pub mapping: Mapping,
    /// Whether weights are rearranged for this processor.
    pub repack: Repack,
    /// Bytes that weights and cache may take; `None` is no limit.
    pub budget: Option<u64>,
}

impl LoadOptions {
    /// Maps `path` with a context of 4,096 tokens and one thread, without repacking.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            digest: None,
            context_tokens: 4_096,
            threads: Threads {
                prefill: 1,
                decode: 1,
            },
            kv_type: KvType::F16,
            mapping: Mapping::Mapped,
            repack: Repack::No,
            budget: None,
        }
    }
}

/// Whether the file is mapped into memory or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Pages are read when they are first used, and shared between processes.
    Mapped,
    /// The whole file is copied into memory of our own.
    Copied,
}

/// Whether weights are rearranged for this processor when they are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repack {
    /// Faster prompts on some processors, at the price of a second copy in memory.
    Yes,
    /// The mapped file is all there is.
    No,
}

/// Why a model was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlamaError {
    /// The file is not one that can be run.
    #[error("cannot use model file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// It does not fit.
    #[error(
        "model {path} needs {} MiB (weights {}, cache {}, working memory {}), the budget is {} MiB",
        mib(need.total()), mib(need.weights), mib(need.kv), mib(need.compute), mib(*budget)
    )]
    Budget {
        /// The file.
        path: PathBuf,
        /// What it needs, in bytes.
        need: file::Need,
        /// What there is, in bytes.
        budget: u64,
    },
    /// llama.cpp did not load it; its own words are in the log.
    #[error("llama.cpp does not load {path} (architecture {architecture})")]
    Load {
        /// The file.
        path: PathBuf,
        /// The architecture it names.
        architecture: String,
    },
    /// There is no memory for the context.
    #[error("no context of {tokens} tokens could be made: the memory may be too small")]
    Context {
        /// Tokens that were asked for.
        tokens: u32,
    },
    /// The runtime could not be started.
    #[error("llama.cpp did not start")]
    Backend,
    /// The engine's thread could not be started.
    #[error("no thread could be started")]
    Thread {
        /// What the system says.
        source: std::io::Error,
    },
}

const fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn card(options: &LoadOptions, header: Header, weights: &Weights, tokens: u32) -> ModelCard {
    let stem = options.path.file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().into_owned();
    ModelCard {
        name: header.name.unwrap_or(stem),
        digest: options.digest.clone().unwrap_or_default(),
        architecture: header.architecture,
        context_tokens: tokens as usize,
        chat_template: header.chat_template,
        bos: weights.bos(),
        eos: weights.eos(),
        adds_bos: weights.adds_bos(),
        control: weights.control(),
        parameters: header.parameters,
        file_bytes: header.file_bytes,
    }
}

#[cfg(test)]
mod tests;
