//! A place for one answer at a time, and what it has read.
//!
//! # Invariants
//! - `held` lists exactly the tokens of the slot's sequence, from position 0, all read
//!   with the adapter that `key` tells.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::job::{Done, Update};
use super::loaded::Chosen;
use super::place::{Key, View};
use crate::generate::stream::Assembler;
use crate::generate::{Completion, Stop, Token, TokenScore};
use crate::llama::choose::Chooser;
use crate::llama::score::score;
use crate::llama::snapshot::Identity;
use crate::llama::speculate::Lookup;
use crate::llama::ticket::{Ticket, now};
use crate::llama::weights::Weights;

/// A place for one answer at a time.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) held: Vec<Token>,
    pub(super) key: Key,
    /// When it was last used, in requests.
    pub(super) used: u64,
    pub(super) work: Option<Work>,
    /// What a snapshot of it belongs to.
    pub(super) identity: Identity,
    /// Whether all that was read may be kept on disk.
    pub(super) may_save: bool,
    /// How many tokens it had when it was written to disk.
    pub(super) saved: usize,
}

impl Slot {
    pub(super) fn view(&self) -> View<'_> {
        let is_reading = |work: &&Work| self.held.len() < work.prompt.len();
        let coming = self.work.as_ref().filter(is_reading);
        View {
            held: &self.held,
            coming: coming.map_or(&[], |work| &work.prompt),
            key: self.key,
            is_free: self.work.is_none(),
            cells: self
                .work
                .as_ref()
                .map_or(self.held.len(), |work| work.cells),
            used: self.used,
        }
    }

    /// New tokens of the prompt that are not read yet.
    pub(super) fn unread(&self) -> usize {
        let prompt = self.work.as_ref().map_or(0, |work| work.prompt.len());
        prompt.saturating_sub(self.held.len())
    }
}

/// A request in its slot.
pub(super) struct Work {
    pub(super) prompt: Vec<Token>,
    /// Cells it may come to hold.
    pub(super) cells: usize,
    /// How many tokens of the prompt had been read before.
    pub(super) cached: usize,
    /// Wait until another slot has read this many tokens, and share them.
    pub(super) follow: Option<(usize, usize)>,
    pub(super) adapter: Option<Chosen>,
    pub(super) line: Line,
    pub(super) aim: Aim,
    pub(super) began: Instant,
    /// When the prompt was read.
    pub(super) read: Option<Instant>,
}

/// What is made of a prompt.
pub(super) enum Aim {
    Answer(Box<Answer>),
    Score { top: usize, scores: Vec<TokenScore> },
}

/// An answer being made.
pub(super) struct Answer {
    pub(super) chooser: Chooser,
    pub(super) out: Assembler,
    /// Chosen, and not read yet.
    pub(super) next: Option<Token>,
    /// Tokens chosen so far.
    pub(super) count: usize,
    pub(super) most: usize,
    pub(super) logprobs: Option<usize>,
    /// Guesses ahead, if any are made.
    pub(super) lookup: Option<Lookup>,
    /// Prompt and answer, `next` included.
    pub(super) text: Vec<Token>,
}

/// The way to the client.
pub(super) struct Line {
    pub(super) ticket: Arc<Ticket>,
    /// Never blocks, and holds no more than an answer: every request has a limit.
    pub(super) updates: Sender<Update>,
}

impl Line {
    /// Tells the client; one that has gone away counts as having cancelled.
    pub(super) fn tell(&self, update: Update) {
        if self.updates.send(update).is_err() {
            self.ticket.cancel();
        }
    }
}

impl Answer {
    /// Chooses the next token by the logits after the last one, and tells of it; why the
    /// answer ends, if it does.
    pub(super) fn choose(
        &mut self,
        logits: &[f32],
        weights: &Weights,
        line: &Line,
    ) -> Result<Token, Stop> {
        if self.count == self.most {
            return Err(Stop::Limit);
        }
        let token = self.chooser.choose(logits).ok_or(Stop::End)?;
        if weights.ends_answer(token) {
            return Err(Stop::End);
        }
        self.count += 1;
        self.text.push(token);
        if let Some(top) = self.logprobs {
            line.tell(Update::Scores(vec![scored(logits, token, top, weights)]));
        }
        let piece = self.out.push(&weights.piece(token));
        if !piece.text.is_empty() {
            line.tell(Update::Text(piece.text.to_owned()));
        }
        if piece.stopped {
            return Err(Stop::Word);
        }
        if self.count == self.most {
            return Err(Stop::Limit);
        }
        Ok(token)
    }
}

/// How likely a token is by a row of logits, with bytes.
pub(super) fn scored(logits: &[f32], token: Token, top: usize, weights: &Weights) -> TokenScore {
    let (logprob, top) = score(logits, token, top);
    let with_bytes = |(token, logprob)| (token, weights.piece(token), logprob);
    TokenScore {
        token,
        bytes: weights.piece(token),
        logprob,
        top: top.into_iter().map(with_bytes).collect(),
    }
}

impl Work {
    /// How the answer ended, for the client.
    pub(super) fn finish(self, stop: Stop) -> Done {
        let ended = now();
        let read = self.read.unwrap_or(ended);
        match self.aim {
            Aim::Score { scores, .. } => Done::Scored(scores),
            Aim::Answer(mut answer) => {
                let rest = answer.out.finish(stop);
                if !rest.is_empty() {
                    // Whoever has gone away needs no rest.
                    let _ = self.line.updates.send(Update::Text(rest.to_owned()));
                }
                Done::Answered(Completion {
                    stop,
                    prompt_tokens: self.prompt.len(),
                    cached_tokens: self.cached,
                    generated_tokens: answer.count,
                    prefill: read.saturating_duration_since(self.began),
                    decode: ended.saturating_duration_since(read),
                    adapter: self.adapter.map(|adapter| adapter.name),
                    text: answer.out.into_text(),
                })
            }
        }
    }
}

/// An answer that never began.
pub(super) fn unbegun(prompt: &[Token], stop: Stop) -> Completion {
    Completion {
        text: String::new(),
        stop,
        prompt_tokens: prompt.len(),
        cached_tokens: 0,
        generated_tokens: 0,
        prefill: Duration::ZERO,
        decode: Duration::ZERO,
        adapter: None,
    }
}
