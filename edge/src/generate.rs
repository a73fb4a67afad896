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
//! - Many clients of one [`Engine`] may generate at once, each from its own thread.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use shared::gguf::GgufError;

use crate::sample::{Sampling, SamplingError};

pub mod scripted;
pub(crate) mod stream;

/// The greatest weight an adapter can be added with.
pub const MOST_SCALE: f32 = 16.0;

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

    /// Cuts text into tokens; the names of [`ModelCard::control`] tokens in it stay words.
    ///
    /// # Errors
    /// As [`Self::tokenize`].
    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError>;

    /// The bytes of a token's text; they may be part of a character, and control tokens
    /// have none.
    ///
    /// # Errors
    /// [`GenerateError::Token`] if the vocabulary has no such token.
    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError>;

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

/// A model that answers many at once.
pub trait Engine: Send + Sync {
    /// What model this is.
    fn card(&self) -> &ModelCard;

    /// A client: cheap, and as many as are wanted.
    ///
    /// Breaking from its callback, and dropping it, frees its place at once.
    fn model(&self) -> Box<dyn LanguageModel>;

    /// How likely each of `tokens` is after those before it, with the `top` likeliest
    /// beside it. The first token has nothing before it: it is left out.
    ///
    /// # Errors
    /// [`GenerateError`] as for a prompt of these tokens.
    fn score(
        &self,
        tokens: &[Token],
        top: usize,
        adapter: &AdapterChoice,
    ) -> Result<Vec<TokenScore>, GenerateError>;

    /// What it is doing and has done.
    fn status(&self) -> EngineStatus;

    /// The adapters that are loaded, by name.
    fn adapters(&self) -> Vec<AdapterState>;

    /// Loads an adapter, in the place of another of that name, and tells what it does.
    ///
    /// # Errors
    /// [`GenerateError::Adapter`] if the file is no adapter for this model; nothing has
    /// changed then.
    fn load_adapter(
        &self,
        name: &str,
        path: &Path,
        scale: f32,
    ) -> Result<AdapterState, GenerateError>;

    /// Answers with this adapter from now on where a request names none, or without.
    ///
    /// # Errors
    /// [`GenerateError::Adapter`] if none of that name is loaded.
    fn activate_adapter(&self, name: Option<&str>) -> Result<(), GenerateError>;

    /// Gives an adapter another weight; answers being made keep the one they have.
    ///
    /// # Errors
    /// [`GenerateError::Adapter`] if none of that name is loaded.
    fn scale_adapter(&self, name: &str, scale: f32) -> Result<(), GenerateError>;

    /// Frees an adapter, once answers being made with it are finished.
    ///
    /// # Errors
    /// [`GenerateError::Adapter`] if none of that name is loaded.
    fn unload_adapter(&self, name: &str) -> Result<(), GenerateError>;

    /// Forgets what was read and is not being answered, on disk too.
    fn forget(&self);
}

/// A loaded adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterState {
    /// What it is called here.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// The weight it is added with; 1 is what it was trained for.
    pub scale: f32,
    /// Whether it answers where a request names none.
    pub is_active: bool,
    /// Whether the model answers otherwise with it: one that changes nothing is of no use.
    pub changes_answers: bool,
}

/// How busy an engine is, and what it did since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineStatus {
    /// Answers that can be made at once.
    pub slots: usize,
    /// Answers being made.
    pub busy: usize,
    /// Requests that wait for a slot.
    pub queued: usize,
    /// Requests that were taken on, those that wait included.
    pub requests: u64,
    /// Requests that were told to come back.
    pub refused: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// How many of them had been read before.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Tokens guessed ahead.
    pub drafted_tokens: u64,
    /// How many of these guesses were right.
    pub accepted_tokens: u64,
    /// Time spent reading prompts.
    pub prefill: Duration,
    /// Time spent generating.
    pub decode: Duration,
    /// The active adapter.
    pub adapter: Option<String>,
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
    /// The texts of tokens that direct the model: begin and end of a message, and the
    /// like. In a person's words they mean nothing.
    pub control: Vec<String>,
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
    /// Report how likely each token was, with this many of the likeliest beside it, a
    /// hundred at most.
    pub logprobs: Option<usize>,
    /// What form the answer must have.
    pub constraint: Option<Constraint>,
    /// End when this much time has passed since the request was made.
    pub deadline: Option<Duration>,
    /// With which adapter.
    pub adapter: AdapterChoice,
    /// Where what was read and answered may be kept.
    pub keep: Keep,
}

impl Request {
    /// At most `max_tokens`, always the likeliest, no stop words, nothing else.
    pub const fn greedy(max_tokens: usize) -> Self {
        Self {
            max_tokens,
            sampling: Sampling::GREEDY,
            stop: Vec::new(),
            logprobs: None,
            constraint: None,
            deadline: None,
            adapter: AdapterChoice::Active,
            keep: Keep::Memory,
        }
    }
}

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// A grammar in GBNF, llama.cpp's notation; it begins with `root`.
    Gbnf(String),
    /// A JSON value that this schema describes.
    Schema(serde_json::Value),
    /// Any JSON object.
    Json,
}

/// Where what a model has read may be kept, to be read no second time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// In memory, as long as the model is there: it may hold secrets.
    #[default]
    Memory,
    /// On disk as well, from where it comes back after a restart.
    Disk,
}

/// An adapter to answer with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AdapterChoice {
    /// The active one, or none.
    #[default]
    Active,
    /// None.
    Base,
    /// The one of this name.
    Named(String),
}

/// How likely a token was.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenScore {
    /// The token.
    pub token: Token,
    /// Its bytes; they may be part of a character.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability among all tokens.
    pub logprob: f32,
    /// The likeliest tokens there, their bytes and logarithms, best first.
    pub top: Vec<(Token, Vec<u8>, f32)>,
}

/// What happens while a model works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// Every slot is taken; `ahead` requests come first.
    Queued {
        /// Requests that come first.
        ahead: usize,
    },
    /// The prompt is being read: `done` of `total` new tokens.
    Prefill {
        /// New tokens read.
        done: usize,
        /// New tokens to read.
        total: usize,
    },
    /// The tokens that were just generated, if [`Request::logprobs`] asks for them. They
    /// come before the text they are part of.
    Scores(&'a [TokenScore]),
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
    /// [`Request::deadline`] passed.
    Deadline,
}

impl Stop {
    /// The name that output uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
            Self::Word => "word",
            Self::Deadline => "deadline",
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
    /// Time from the beginning of the reading to its end.
    pub prefill: Duration,
    /// Time from there to the end of the answer.
    pub decode: Duration,
    /// The adapter it was answered with.
    pub adapter: Option<String>,
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
    /// Every slot is taken and the queue is full.
    #[error("too many requests: try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The form that was asked for cannot be used.
    #[error("the answer cannot be constrained: {reason}")]
    Constraint {
        /// What is wrong with it.
        reason: String,
    },
    /// The adapter cannot be used.
    #[error("cannot use adapter {name}")]
    Adapter {
        /// Its name.
        name: String,
        /// Why.
        source: AdapterError,
    },
    /// The server that runs the model does not answer.
    #[error("cannot reach the server that runs the model")]
    Unreachable {
        /// Why.
        source: std::io::Error,
    },
    /// The server that runs the model answers something else.
    #[error("the server that runs the model says (status {status}): {reason}")]
    Refused {
        /// The status it answers with.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// The engine was stopped.
    #[error("the engine was stopped")]
    Stopped,
}

/// Why an adapter cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// None of this name is loaded.
    #[error("no adapter of this name is loaded")]
    Unknown,
    /// The system cannot read the file.
    #[error("the file cannot be read")]
    Read {
        /// What the system says.
        source: std::io::Error,
    },
    /// It is damaged, cut off, or something else.
    #[error("the file is not a whole GGUF adapter")]
    Format {
        /// What is wrong.
        source: GgufError,
    },
    /// It is a GGUF of another kind.
    #[error("the file holds a {found}, not a LoRA adapter")]
    Kind {
        /// What it says it is.
        found: String,
    },
    /// It was made for another kind of model.
    #[error("the adapter is for {found} models, this one is {expected}")]
    Architecture {
        /// What it is for.
        found: String,
        /// What the model is.
        expected: String,
    },
    /// Its weights do not fit the model's.
    #[error("the adapter does not fit this model's weights")]
    Shape,
    /// The weight it is to be added with is no number it can be.
    #[error("scale {scale} is not from -{MOST_SCALE} to {MOST_SCALE}")]
    Scale {
        /// The weight.
        scale: f32,
    },
    /// Every slot is taken: what it changes cannot be found out now.
    #[error("there is no room to try the adapter while every slot is full")]
    NoRoom,
}
