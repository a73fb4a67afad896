//! How fast a model runs here.
//!
//! Everything is measured through the engine, as programs use it: reading prompts,
//! answering one and several at once, and the wait for the first token of a new prompt,
//! of a conversation that goes on, and of one that goes on after a restart.
//!
//! Prompts are arbitrary tokens, a different one each time; answers are greedy, without
//! guesses ahead. Where several tries are made the fastest counts: other programs only
//! slow a run down.
//!
//! Units: tokens, seconds, bytes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::context::{Batch, Context, ContextOptions};
use super::engine::{Engine, EngineOptions, Speculate};
use super::snapshot::SnapshotOptions;
use super::ticket::now;
use super::weights::Weights;
use super::{BATCH_TOKENS, LlamaError, LoadOptions};
use crate::generate::{
    Completion, Engine as _, Event, GenerateError, Keep, LanguageModel, Request, Token,
};

/// How often what is short is measured.
const TRIES: usize = 3;

/// Prompt of each answer where several are made at once.
const SHORT_PROMPT: usize = 16;

/// What a conversation grows by between two answers.
const NEXT_TURN: usize = 16;

/// Bytes that are read to learn how fast memory is.
const SPAN_BYTES: usize = 256 << 20;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Tokens of the prompt that is read.
    pub prompt_tokens: usize,
    /// Tokens that are generated in each answer.
    pub answer_tokens: usize,
    /// How many answers at once.
    pub batches: Vec<usize>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// From the file to a model that is ready.
    pub load: Duration,
    /// Tokens of a prompt read in a second.
    pub prefill_per_second: f64,
    /// Tokens that llama.cpp computes in a second, one at a time, with no engine around
    /// it and nothing chosen: what one answer can be measured against.
    pub bare_per_second: f64,
    /// For each number of answers at once, the tokens that all generate in a second.
    pub decode_per_second: Vec<(usize, f64)>,
    /// To the first token of a prompt of which nothing was read.
    pub first_token_cold: Duration,
    /// To the first token of a conversation that goes on.
    pub first_token_warm: Duration,
    /// To the first token of one that goes on after a restart, from disk.
    pub first_token_restarted: Duration,
    /// Tokens of that prompt that were read anew.
    pub restarted_new_tokens: usize,
    /// Bytes read from memory in a second, by as many threads as generate.
    pub memory_bytes_per_second: f64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The model cannot be loaded.
    #[error("cannot load the model")]
    Load {
        /// Why.
        #[from]
        source: LlamaError,
    },
    /// The model fails.
    #[error("the model cannot answer")]
    Generate {
        /// Why.
        #[from]
        source: GenerateError,
    },
    /// The model ends each answer at once.
    #[error("the model answers arbitrary tokens with nothing")]
    Silent,
}

/// Measures a model; snapshots go to `folder`, `progress` hears of the steps done.
///
/// # Errors
/// [`BenchError`] if the model cannot be loaded or does not answer.
pub fn measure(
    load: &LoadOptions,
    plan: &Plan,
    folder: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<Measured, BenchError> {
    let steps = 4 + plan.batches.len() as u64;
    let load = LoadOptions {
        // Only tells snapshots apart, in a folder of their own.
        digest: Some("bench".to_owned()),
        ..load.clone()
    };
    let options = EngineOptions {
        speculate: Speculate::No,
        snapshots: Some(SnapshotOptions {
            folder: folder.to_path_buf(),
            most_bytes: u64::MAX,
        }),
        ..EngineOptions::default()
    };
    progress(0, steps);
    let began = now();
    let engine = Engine::start(&load, &options)?;
    let took = began.elapsed();
    let mut prompts = Prompts::new(engine.model().as_ref())?;

    let (prefill, cold) = prefill(&engine, &mut prompts, plan)?;
    progress(1, steps);
    let (warm, history) = warm(&engine, &mut prompts, plan)?;
    progress(2, steps);
    drop(engine);
    let engine = Engine::start(&load, &options)?;
    let next = [history.as_slice(), &prompts.next(NEXT_TURN)].concat();
    let restarted = first_token(engine.model().as_mut(), &next)?;
    drop(engine);
    progress(3, steps);
    let bare = bare(&load, &mut prompts, plan)?;
    progress(4, steps);
    let mut decode = Vec::new();
    for (done, &streams) in (5..).zip(&plan.batches) {
        decode.push((streams, together(&load, &mut prompts, plan, streams)?));
        progress(done, steps);
    }
    Ok(Measured {
        load: took,
        prefill_per_second: prefill,
        bare_per_second: bare,
        decode_per_second: decode,
        first_token_cold: cold,
        first_token_warm: warm,
        first_token_restarted: restarted.0,
        restarted_new_tokens: restarted.1.prompt_tokens - restarted.1.cached_tokens,
        memory_bytes_per_second: memory_speed(load.threads.decode as usize),
    })
}

/// Tokens read in a second, and the wait for the first token.
fn prefill(
    engine: &Engine,
    prompts: &mut Prompts,
    plan: &Plan,
) -> Result<(f64, Duration), BenchError> {
    let mut best = (0.0, Duration::MAX);
    for _ in 0..TRIES {
        let prompt = prompts.next(plan.prompt_tokens);
        let (waited, done) = first_token(engine.model().as_mut(), &prompt)?;
        let new = (done.prompt_tokens - done.cached_tokens) as f64;
        best.0 = f64::max(best.0, new / done.prefill.as_secs_f64());
        best.1 = best.1.min(waited);
    }
    Ok(best)
}

/// The wait for the first token when a conversation goes on, and the conversation.
fn warm(
    engine: &Engine,
    prompts: &mut Prompts,
    plan: &Plan,
) -> Result<(Duration, Vec<Token>), BenchError> {
    let mut model = engine.model();
    let mut history = prompts.next(plan.prompt_tokens);
    first_token(model.as_mut(), &history)?;
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        history.extend(prompts.next(NEXT_TURN));
        best = best.min(first_token(model.as_mut(), &history)?.0);
    }
    Ok((best, history))
}

/// How long the first token takes.
fn first_token(
    model: &mut dyn LanguageModel,
    prompt: &[Token],
) -> Result<(Duration, Completion), BenchError> {
    let request = Request {
        keep: Keep::Disk,
        ..Request::greedy(1)
    };
    let began = now();
    let done = model.generate(prompt, &request, &mut |_| ControlFlow::Continue(()))?;
    Ok((began.elapsed(), done))
}

/// Tokens that the context alone computes in a second.
fn bare(load: &LoadOptions, prompts: &mut Prompts, plan: &Plan) -> Result<f64, BenchError> {
    let weights = Weights::load(&load.path, load.mapping, load.repack);
    let weights = weights.ok_or_else(|| LlamaError::Load {
        path: load.path.clone(),
        architecture: String::new(),
    })?;
    let tokens = SHORT_PROMPT + plan.answer_tokens;
    let cells = u32::try_from(tokens).unwrap_or(u32::MAX);
    let options = ContextOptions {
        cells,
        sequences: 1,
        threads: load.threads,
        kv_type: load.kv_type,
        batch_tokens: BATCH_TOKENS,
        outputs: 1,
    };
    let context = Context::new(Arc::new(weights), options, Arc::default());
    let mut context = context.ok_or(LlamaError::Context { tokens: cells })?;
    let mut batch = Batch::default();
    let mut best: f64 = 0.0;
    for _ in 0..TRIES {
        context.remove(0, 0);
        let text = prompts.next(tokens);
        let (prompt, answer) = text.split_at(SHORT_PROMPT);
        let mut compute = |tokens: &[Token], from: usize| {
            batch.clear();
            for (at, &token) in (from..).zip(tokens) {
                batch.push(token, at, 0, at + 1 == from + tokens.len());
            }
            context
                .decode(&mut batch)
                .map_err(|code| GenerateError::Decode {
                    tokens: tokens.len(),
                    position: from,
                    code,
                })
        };
        compute(prompt, 0)?;
        let began = now();
        for (at, token) in (SHORT_PROMPT..).zip(answer) {
            compute(std::slice::from_ref(token), at)?;
        }
        best = best.max(answer.len() as f64 / began.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Tokens that `streams` answers at once generate in a second.
fn together(
    load: &LoadOptions,
    prompts: &mut Prompts,
    plan: &Plan,
    streams: usize,
) -> Result<f64, BenchError> {
    let load = LoadOptions {
        context_tokens: u32::try_from(SHORT_PROMPT + plan.answer_tokens).unwrap_or(u32::MAX),
        ..load.clone()
    };
    let options = EngineOptions {
        slots: streams,
        speculate: Speculate::No,
        ..EngineOptions::default()
    };
    let engine = Engine::start(&load, &options)?;
    let mut best: f64 = 0.0;
    for _ in 0..TRIES {
        let asked: Vec<Vec<Token>> = (0..streams).map(|_| prompts.next(SHORT_PROMPT)).collect();
        let start = Barrier::new(streams);
        let answers: Vec<Result<Timed, GenerateError>> = std::thread::scope(|scope| {
            let answers: Vec<_> = asked
                .iter()
                .map(|prompt| {
                    scope.spawn(|| {
                        start.wait();
                        timed(engine.model().as_mut(), prompt, plan.answer_tokens)
                    })
                })
                .collect();
            let joined = answers.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined
                .map(|answer| answer.unwrap_or(Err(GenerateError::Stopped)))
                .collect()
        });
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let first = answers.iter().map(|answer| answer.first).min();
        let last = answers.iter().map(|answer| answer.last).max();
        let tokens: usize = answers.iter().map(|answer| answer.tokens).sum();
        if let (Some(first), Some(last)) = (first, last) {
            let seconds = last.saturating_duration_since(first).as_secs_f64();
            // What comes with the first token was read before the clock ran.
            let counted = tokens.saturating_sub(1) as f64;
            best = best.max(if seconds > 0.0 {
                counted / seconds
            } else {
                0.0
            });
        }
    }
    if best > 0.0 {
        Ok(best)
    } else {
        Err(BenchError::Silent)
    }
}

/// An answer, and when its first and last tokens came.
struct Timed {
    first: Instant,
    last: Instant,
    tokens: usize,
}

fn timed(
    model: &mut dyn LanguageModel,
    prompt: &[Token],
    tokens: usize,
) -> Result<Timed, GenerateError> {
    let mut first = None;
    // Scores come with every token, text only with whole characters.
    let request = Request {
        logprobs: Some(0),
        ..Request::greedy(tokens)
    };
    let done = model.generate(prompt, &request, &mut |event| {
        if matches!(event, Event::Scores(_)) {
            first.get_or_insert_with(now);
        }
        ControlFlow::Continue(())
    })?;
    let last = now();
    Ok(Timed {
        first: first.unwrap_or(last),
        last,
        tokens: done.generated_tokens,
    })
}

/// Arbitrary tokens, never the same twice.
struct Prompts {
    words: Vec<Token>,
    state: u64,
}

impl Prompts {
    /// The tokens are those of ordinary words.
    fn new(model: &dyn LanguageModel) -> Result<Self, GenerateError> {
        let words = model.tokenize_words(
            "the quick brown fox jumps over a lazy dog while seven wizards make toxic brew for \
             an evil queen and her jack, who packs my box with five dozen liquor jugs",
        )?;
        Ok(Self { words, state: 1 })
    }

    fn next(&mut self, count: usize) -> Vec<Token> {
        let draw = |state: &mut u64| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) as usize
        };
        (0..count)
            .map(|_| self.words[draw(&mut self.state) % self.words.len()])
            .collect()
    }
}

/// Bytes that `threads` read from memory in a second.
fn memory_speed(threads: usize) -> f64 {
    let span = vec![1_u64; SPAN_BYTES / 8];
    let read = || {
        let began = now();
        let sum: u64 = std::thread::scope(|scope| {
            let parts = span.chunks(span.len().div_ceil(threads.max(1)));
            let sums: Vec<_> = parts
                .map(|part| scope.spawn(|| part.iter().fold(0, |a: u64, b| a.wrapping_add(*b))))
                .collect();
            let joined = sums.into_iter().map(|sum| sum.join().unwrap_or(0));
            joined.sum()
        });
        // The sum is used, so that reading is not left out.
        SPAN_BYTES as f64 / began.elapsed().as_secs_f64() * f64::from(u8::from(sum > 0))
    };
    (0..TRIES).map(|_| read()).fold(0.0, f64::max)
}
