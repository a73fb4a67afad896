//! What a language model does for us, whatever runs it.
//!
//! A model turns tokens into text, one piece at a time, and keeps what it has read:
//! [`LanguageModel::generate`] is given the whole prompt each time and reads only what
//! it has not read yet. So a caller that only ever adds to the end of a conversation
//! pays for the new words alone.
//!
//! # Invariants
//! - Text arrives in whole characters; the pieces, joined, are [`Completion::text`].
//! - Breaking from the callback ends the call with [`Stop::Cancelled`] and what was
//!   generated so far; the model stays usable.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::sample::{Sampling, SamplingError};

pub mod scripted;

/// A token's number in its model's vocabulary.
pub type Token = i32;

/// A model that continues a prompt.
pub trait LanguageModel: Send {
    /// What model this is.
    fn card(&self) -> &ModelCard;

    /// Cuts text into tokens; the names of special tokens in it become those tokens.
    ///
    /// # Errors
    /// [`GenerateError::Tokenize`] if the vocabulary cannot express the text.
    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError>;

    /// Continues `prompt`, reporting progress and text to `on`.
    ///
    /// Reuses whatever beginning of `prompt` was read by an earlier call.
    ///
    /// # Errors
    /// [`GenerateError`]; nothing is generated then, and the next call starts afresh.
    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError>;
}

/// What a model says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name, from its file.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// Its architecture: `llama`, `qwen3`, …
    pub architecture: String,
    /// Most tokens that prompt and answer may have together, as it was loaded.
    pub context_tokens: usize,
    /// Its own chat template, as Jinja source.
    pub chat_template: Option<String>,
    /// The text of the token that begins a document; empty if it has none.
    pub bos: String,
    /// The text of the token that ends an answer; empty if it has none.
    pub eos: String,
    /// Whether every prompt must begin with [`Self::bos`].
    pub adds_bos: bool,
    /// How many weights it has.
    pub parameters: u64,
    /// How large its file is.
    pub file_bytes: u64,
}

/// What is asked of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Generate at most this many tokens.
    pub max_tokens: usize,
    /// How to choose each.
    pub sampling: Sampling,
    /// End before the first of these words; it is not part of the answer.
    pub stop: Vec<String>,
}

impl Request {
    /// At most `max_tokens`, always the likeliest, no stop words.
    pub const fn greedy(max_tokens: usize) -> Self {
        Self {
            max_tokens,
            sampling: Sampling::GREEDY,
            stop: Vec::new(),
        }
    }
}

/// What happens while a model works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The prompt is being read: `done` of `total` new tokens.
    Prefill {
        /// New tokens read.
        done: usize,
        /// New tokens to read.
        total: usize,
    },
    /// The next piece of the answer.
    Text(&'a str),
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It ended its answer.
    End,
    /// [`Request::max_tokens`] or the context is used up.
    Limit,
    /// The callback broke off.
    Cancelled,
    /// One of [`Request::stop`] came.
    Word,
}

impl Stop {
    /// The name that output uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
            Self::Word => "word",
        }
    }
}

/// What a model answered, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// Why it ended.
    pub stop: Stop,
    /// Tokens in the prompt.
    pub prompt_tokens: usize,
    /// How many of them had been read by an earlier call.
    pub cached_tokens: usize,
    /// Tokens generated.
    pub generated_tokens: usize,
    /// Time spent reading the prompt.
    pub prefill: Duration,
    /// Time spent generating.
    pub decode: Duration,
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The text has no tokens in this vocabulary.
    #[error("cannot cut {bytes} bytes of text into tokens")]
    Tokenize {
        /// Size of the text.
        bytes: usize,
    },
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The prompt leaves no room for an answer.
    #[error("the prompt has {prompt} tokens, the context holds {context}")]
    ContextFull {
        /// Tokens in the prompt.
        prompt: usize,
        /// Tokens the context holds.
        context: usize,
    },
    /// A token that is not in the vocabulary.
    #[error("token {token} is not among the model's {vocabulary}")]
    Token {
        /// The token.
        token: Token,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A sampling setting is out of range.
    #[error("cannot sample")]
    Sampling {
        /// Which.
        #[from]
        source: SamplingError,
    },
    /// The runtime failed while it computed.
    #[error("the runtime failed on {tokens} tokens at position {position} (code {code})")]
    Decode {
        /// Tokens in the batch.
        tokens: usize,
        /// Where the batch begins.
        position: usize,
        /// The runtime's code.
        code: i32,
    },
}
