//! Answers, made on threads of their own and heard over a bounded channel.
//!
//! A model blocks, the server does not: each answer runs in `spawn_blocking` and sends
//! what happens to whoever writes the response.
//!
//! # Invariants
//! - When the receiver is gone the model is told to stop at its next event: a client that
//!   leaves frees its slot.
//! - A client that does not read for [`STALL`] counts as gone.
//! - Every answer ends with exactly one [`News::Done`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use shared::id::EpisodeId;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::now;
use super::refusal::Refusal;
use super::state::Shared;
use crate::generate::{Completion, Event, LanguageModel, Request, Stop, Token, TokenScore};

/// Events that may wait to be written.
const WAITING: usize = 64;
/// A client that takes nothing for so long is gone.
const STALL: Duration = Duration::from_secs(30);

/// What happens while an answer is made.
#[derive(Debug)]
pub(super) enum News {
    /// The prompt is ready; what the client is told of memory.
    Begun(Map<String, Value>),
    /// So many requests come first.
    Queued { ahead: usize },
    /// The prompt is being read.
    Prefill { done: usize, total: usize },
    /// The next piece of text, and how likely its tokens were.
    Text {
        text: String,
        scores: Vec<TokenScore>,
    },
    /// It is complete, or failed.
    Done(Result<Finished, Refusal>),
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) completion: Completion,
    /// Where it was written down, if it was.
    pub(super) answer: Option<EpisodeId>,
}

/// News of the answer with this number.
pub(super) type Heard = (usize, News);

/// Where news go.
#[derive(Clone)]
pub(super) struct Speaker {
    to: Sender<Heard>,
    runtime: Handle,
}

/// A channel for the news of one request. Called within the runtime.
pub(super) fn channel() -> (Speaker, Receiver<Heard>) {
    let (to, from) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    (Speaker { to, runtime }, from)
}

impl Speaker {
    /// Sends news, waiting for room as long as a client may take to read. Blocks.
    pub(super) fn say(&self, heard: Heard) -> ControlFlow<()> {
        let heard = match self.to.try_send(heard) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(TrySendError::Closed(_)) => return ControlFlow::Break(()),
            Err(TrySendError::Full(heard)) => heard,
        };
        let sent = self.runtime.block_on(self.to.send_timeout(heard, STALL));
        match sent {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Whether nobody listens any more.
    fn is_alone(&self) -> bool {
        self.to.is_closed()
    }
}

/// One answer to be made.
pub(super) struct Job<'a> {
    /// Its number among the answers of its request.
    pub(super) index: usize,
    pub(super) prompt: &'a [Token],
    pub(super) request: &'a Request,
}

/// Makes an answer and tells of it, but for its end. Blocks.
pub(super) fn generate(
    shared: &Arc<Shared>,
    model: &mut dyn LanguageModel,
    job: &Job<'_>,
    speaker: &Speaker,
) -> Result<Completion, Refusal> {
    let (completion, _) = generate_scored(shared, model, job, speaker)?;
    Ok(completion)
}

/// As [`generate`], with how likely each token was, if that was asked for.
pub(super) fn generate_scored(
    shared: &Arc<Shared>,
    model: &mut dyn LanguageModel,
    job: &Job<'_>,
    speaker: &Speaker,
) -> Result<(Completion, Vec<TokenScore>), Refusal> {
    let mut telling = Telling {
        shared,
        speaker,
        index: job.index,
        scores: Vec::new(),
        told: Vec::new(),
        pace: Pace::new(),
    };
    let done = model.generate(job.prompt, job.request, &mut |event| telling.event(event));
    let done = done?;
    if done.stop == Stop::Cancelled && shared.is_stopping() {
        return Err(Refusal::unavailable("stopping", "the server was stopped"));
    }
    telling.rest();
    shared.metrics.answered(&done, &telling.pace);
    Ok((done, telling.told))
}

/// When the first and the last piece of an answer came.
pub(super) struct Pace {
    begun: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Pace {
    fn new() -> Self {
        Self {
            begun: now(),
            first: None,
            last: None,
        }
    }

    fn note(&mut self) {
        let at = now();
        self.first.get_or_insert(at);
        self.last = Some(at);
    }

    /// Time until the first piece.
    pub(super) fn to_first(&self) -> Option<Duration> {
        Some(self.first?.duration_since(self.begun))
    }

    /// Time from the first piece to the last.
    pub(super) fn after_first(&self) -> Option<Duration> {
        Some(self.last?.duration_since(self.first?))
    }
}

/// Tells what a model does.
struct Telling<'a> {
    shared: &'a Arc<Shared>,
    speaker: &'a Speaker,
    index: usize,
    /// Scores whose text has not come yet.
    scores: Vec<TokenScore>,
    /// Scores that were told.
    told: Vec<TokenScore>,
    pace: Pace,
}

impl Telling<'_> {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if self.shared.is_stopping() || self.speaker.is_alone() {
            return ControlFlow::Break(());
        }
        let news = match event {
            Event::Queued { ahead } => News::Queued { ahead },
            Event::Prefill { done, total } => News::Prefill { done, total },
            Event::Scores(scores) => {
                self.scores.extend_from_slice(scores);
                return ControlFlow::Continue(());
            }
            Event::Text(text) => {
                self.pace.note();
                News::Text {
                    text: text.to_owned(),
                    scores: self.due(),
                }
            }
        };
        self.speaker.say((self.index, news))
    }

    fn due(&mut self) -> Vec<TokenScore> {
        let scores = std::mem::take(&mut self.scores);
        self.told.extend_from_slice(&scores);
        scores
    }

    /// Tokens that ended in the middle of a character have scores and no text.
    fn rest(&mut self) {
        let scores = self.due();
        if !scores.is_empty() {
            let text = String::new();
            let _ = self.speaker.say((self.index, News::Text { text, scores }));
        }
    }
}

impl Shared {
    /// Whether running answers are to end now.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
