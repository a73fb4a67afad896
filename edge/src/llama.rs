//! The only caller of llama.cpp: loads a GGUF file and continues prompts with it.
//!
//! A file is read by our own reader first ([`mod@file`]), because llama.cpp prints and
//! sometimes aborts on what it cannot load. The weights are memory-mapped. What was
//! read stays in the context; each call reads only what is new.
//!
//! # Invariants
//! - One [`LlamaModel`] owns one native context; it moves between threads but is never
//!   shared.
//! - `held` lists exactly the tokens in the context, at positions `0..held.len()`.
//! - llama.cpp's words go to `tracing`, never to the terminal.
//!
//! Units: contexts in tokens, memory in bytes.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shared::board::{KvType, Threads};

use crate::generate::{
    Completion, Event, GenerateError, LanguageModel, ModelCard, Request, Stop, Token,
};

mod backend;
mod choose;
mod context;
pub mod file;
pub mod quantise;
mod weights;

use crate::generate::stream::{Assembler, Piece};
use choose::Chooser;
use context::{Context, ContextOptions};
use file::{FileError, Header};
use weights::{Control, Weights};

pub use backend::system_description;

/// New tokens read between two looks at whether to go on.
const PREFILL_CHUNK_TOKENS: usize = 128;

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
}

const fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Stops a model that is computing, from another thread.
#[derive(Clone, Debug, Default)]
pub struct Abort(Arc<AtomicBool>);

impl Abort {
    /// Ends the present call to `generate` as soon as the runtime looks.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A loaded model with its context.
pub struct LlamaModel {
    card: ModelCard,
    context: Context,
    weights: Arc<Weights>,
    held: Vec<Token>,
    abort: Abort,
}

/// Loads a model.
///
/// # Errors
/// [`LlamaError`]: the file is bad or of a kind llama.cpp does not know, or there is not
/// enough memory.
pub fn load(options: &LoadOptions) -> Result<LlamaModel, LlamaError> {
    let path = options.path.as_path();
    let refuse = |source| LlamaError::File {
        path: path.to_path_buf(),
        source,
    };
    let header = file::read(path).map_err(refuse)?;
    let need = header.need(options.context_tokens, options.kv_type);
    if let Some(budget) = options.budget.filter(|&budget| need.total() > budget) {
        return Err(LlamaError::Budget {
            path: path.to_path_buf(),
            need,
            budget,
        });
    }
    backend::start()?;
    let weights = Weights::load(path, options.mapping, options.repack);
    let weights = weights.ok_or_else(|| LlamaError::Load {
        path: path.to_path_buf(),
        architecture: header.architecture.clone(),
    })?;
    let tokens = options.context_tokens.min(header.context_tokens);
    let weights = Arc::new(weights);
    let abort = Abort::default();
    let wanted = ContextOptions {
        tokens,
        threads: options.threads,
        kv_type: options.kv_type,
        batch_tokens: PREFILL_CHUNK_TOKENS,
    };
    let context = Context::new(Arc::clone(&weights), &wanted, Arc::clone(&abort.0))
        .ok_or(LlamaError::Context { tokens })?;
    Ok(LlamaModel {
        card: card(options, header, &weights, tokens),
        context,
        weights,
        held: Vec::new(),
        abort,
    })
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

impl LlamaModel {
    /// A handle that stops this model from another thread.
    pub fn abort(&self) -> Abort {
        self.abort.clone()
    }

    /// Forgets everything that was read.
    pub fn clear(&mut self) {
        self.context.clear();
        self.held.clear();
    }

    /// Drops from the context what `prompt` does not begin with; returns what stays.
    ///
    /// At least one token is left to read: logits are needed for the last one.
    fn keep_prefix(&mut self, prompt: &[Token]) -> usize {
        let same = self.held.iter().zip(prompt).take_while(|(a, b)| a == b);
        let keep = same.count().min(prompt.len() - 1);
        if keep < self.held.len() {
            if self.context.remove_from(keep) {
                self.held.truncate(keep);
            } else {
                self.clear();
            }
        }
        self.held.len()
    }

    /// Reads tokens at the end of what is held.
    fn read(&mut self, tokens: &[Token]) -> Result<ControlFlow<()>, GenerateError> {
        match self.context.decode(tokens, self.held.len()) {
            Ok(()) => {
                self.held.extend_from_slice(tokens);
                Ok(ControlFlow::Continue(()))
            }
            Err(code) => {
                let position = self.held.len();
                if !self.context.remove_from(position) {
                    self.clear();
                }
                if code == context::ABORTED {
                    return Ok(ControlFlow::Break(()));
                }
                Err(GenerateError::Decode {
                    tokens: tokens.len(),
                    position,
                    code,
                })
            }
        }
    }

    fn prefill(
        &mut self,
        new: &[Token],
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, GenerateError> {
        let total = new.len();
        for (index, chunk) in new.chunks(PREFILL_CHUNK_TOKENS).enumerate() {
            let done = index * PREFILL_CHUNK_TOKENS;
            if on(Event::Prefill { done, total }).is_break() || self.read(chunk)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(on(Event::Prefill { done: total, total }))
    }

    /// Generates until something ends it; the text is in `out`, the count in the result.
    fn decode(
        &mut self,
        request: &Request,
        out: &mut Assembler,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<(Stop, usize), GenerateError> {
        let mut chooser = Chooser::new(&request.sampling, self.weights.vocabulary(), &self.held);
        let room = self.card.context_tokens.saturating_sub(self.held.len());
        let most = request.max_tokens.min(room);
        for count in 0..most {
            let token = chooser.choose(self.context.logits());
            if self.weights.ends_answer(token) {
                return Ok((Stop::End, count));
            }
            let Piece { text, stopped } = out.push(&self.weights.piece(token));
            if !text.is_empty() && on(Event::Text(text)).is_break() {
                return Ok((Stop::Cancelled, count + 1));
            }
            if stopped {
                return Ok((Stop::Word, count + 1));
            }
            if count + 1 < most && self.read(&[token])?.is_break() {
                return Ok((Stop::Cancelled, count + 1));
            }
        }
        Ok((Stop::Limit, most))
    }

    fn check(&self, prompt: &[Token], request: &Request) -> Result<(), GenerateError> {
        request.sampling.check()?;
        let vocabulary = self.weights.vocabulary();
        if prompt.is_empty() {
            return Err(GenerateError::EmptyPrompt);
        }
        if prompt.len() >= self.card.context_tokens {
            return Err(GenerateError::ContextFull {
                prompt: prompt.len(),
                context: self.card.context_tokens,
            });
        }
        let known = |token: &Token| usize::try_from(*token).is_ok_and(|t| t < vocabulary);
        match prompt.iter().find(|token| !known(token)) {
            Some(&token) => Err(GenerateError::Token { token, vocabulary }),
            None => Ok(()),
        }
    }
}

impl LanguageModel for LlamaModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.weights
            .tokenize(text, Control::Read)
            .ok_or(GenerateError::Tokenize { bytes: text.len() })
    }

    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.weights
            .tokenize(text, Control::Words)
            .ok_or(GenerateError::Tokenize { bytes: text.len() })
    }

    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError> {
        let vocabulary = self.weights.vocabulary();
        if !usize::try_from(token).is_ok_and(|token| token < vocabulary) {
            return Err(GenerateError::Token { token, vocabulary });
        }
        Ok(self.weights.piece(token))
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        self.check(prompt, request)?;
        self.abort.0.store(false, Ordering::Relaxed);
        let mut out = Assembler::new(&request.stop);
        let cached = self.keep_prefix(prompt);
        let started = now();
        let mut done = Completion {
            text: String::new(),
            stop: Stop::Cancelled,
            prompt_tokens: prompt.len(),
            cached_tokens: cached,
            generated_tokens: 0,
            prefill: Duration::ZERO,
            decode: Duration::ZERO,
            adapter: None,
        };
        let read = self.prefill(&prompt[cached..], on)?;
        done.prefill = started.elapsed();
        if read.is_break() {
            return Ok(done);
        }
        let (stop, generated) = self.decode(request, &mut out, on)?;
        let rest = out.finish(stop);
        if !rest.is_empty() && stop != Stop::Cancelled {
            // The answer is complete: whether to go on no longer matters.
            let _ = on(Event::Text(rest));
        }
        done.stop = stop;
        done.generated_tokens = generated;
        done.decode = started.elapsed().saturating_sub(done.prefill);
        done.text = out.into_text();
        Ok(done)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long the runtime took; decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
