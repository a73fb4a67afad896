//! One step: a batch of the next tokens of all answers, and a piece of prompts.
//!
//! Every answer being made gives its next token, and what is guessed after it. What room
//! is left goes to prompts, in equal parts; while others answer, only so much of it that
//! they do not stall.
//!
//! # Invariants
//! - A batch holds slots of one adapter only; adapters take turns.
//! - Guesses are kept as far as they are what the model chooses itself.

use std::sync::Arc;
use std::time::Duration;

use super::job::Update;
use super::loaded;
use super::owner::Owner;
use super::slot::{Aim, Work, scored};
use crate::generate::{GenerateError, Stop, Token};
use crate::llama::context::{ABORTED, Context};
use crate::llama::speculate;
use crate::llama::ticket::now;
use crate::llama::{BATCH_TOKENS, GUESSED_TOKENS};

/// While others answer, reading prompts delays them by about this much a step.
const STALL: Duration = Duration::from_millis(200);

/// The least piece of a prompt that is read in a step.
const LEAST_PIECE: usize = 16;

/// How fast prompts are read here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Seconds a token, smoothed; 0 before anything was measured.
    token_seconds: f64,
}

impl Pace {
    fn measure(&mut self, tokens: usize, took: Duration) {
        let measured = took.as_secs_f64() / tokens as f64;
        self.token_seconds = if self.token_seconds == 0.0 {
            measured
        } else {
            0.8 * self.token_seconds + 0.2 * measured
        };
    }

    /// How much of prompts to read beside the answers that are being made.
    fn piece(&self, answers: usize) -> usize {
        if answers == 0 {
            return BATCH_TOKENS;
        }
        if self.token_seconds == 0.0 {
            return LEAST_PIECE;
        }
        let fits = STALL.as_secs_f64() / self.token_seconds;
        (fits as usize).clamp(LEAST_PIECE, BATCH_TOKENS)
    }
}

/// One slot's part of a batch.
struct Part {
    slot: usize,
    /// Where it begins in the batch.
    from: usize,
    /// Tokens of the prompt, or the next token with guesses.
    tokens: Vec<Token>,
    is_prompt: bool,
}

impl Owner {
    /// Computes one batch, if there is anything to compute.
    pub(super) fn step(&mut self) {
        self.share_what_was_waited_for();
        let count = self.slots.len();
        let order = (0..count).map(|n| (self.turn + n) % count);
        let Some(first) = order.into_iter().find(|&slot| self.is_ready(slot)) else {
            return;
        };
        self.turn = (first + 1) % count;
        let work = self.slots[first].work.as_ref();
        self.compute_with(work.and_then(|work| work.adapter.clone()));

        let parts = self.fill();
        let tickets = parts.iter().filter_map(|part| {
            let work = self.slots[part.slot].work.as_ref()?;
            Some(Arc::clone(&work.line.ticket))
        });
        self.context.watch().set(tickets.collect());
        let began = now();
        let decoded = self.context.decode(&mut self.batch);
        let took = now().saturating_duration_since(began);
        self.context.watch().set(Vec::new());
        match decoded {
            Ok(()) => {
                self.note_time(&parts, took);
                for part in &parts {
                    self.advance(part);
                }
            }
            Err(code) => self.undo(&parts, code),
        }
    }

    /// Whether a slot has something to compute with the present adapter, or any.
    fn is_ready(&self, slot: usize) -> bool {
        let work = self.slots[slot].work.as_ref();
        work.is_some_and(|work| work.follow.is_none())
    }

    /// Slots that wait for a common beginning get it once it was read, and wait no
    /// longer if it never will be.
    fn share_what_was_waited_for(&mut self) {
        for slot in 0..self.slots.len() {
            let work = self.slots[slot].work.as_ref();
            let Some((leader, count)) = work.and_then(|work| work.follow) else {
                continue;
            };
            let wanted: Vec<Token> = work.map_or(Vec::new(), |w| w.prompt[..count].to_vec());
            let ahead = &self.slots[leader];
            let is_same = ahead.key == self.slots[slot].key;
            let was_read = is_same && ahead.held.starts_with(&wanted);
            let is_reading = ahead
                .work
                .as_ref()
                .is_some_and(|work| work.prompt.starts_with(&wanted));
            if !was_read && is_same && is_reading {
                continue;
            }
            if was_read {
                self.share(leader, slot, &wanted);
            }
            if let Some(work) = &mut self.slots[slot].work {
                work.follow = None;
                work.cached = if was_read { count } else { work.cached };
                work.line
                    .tell(Update::Prefill(0, work.prompt.len() - work.cached));
            }
        }
    }

    /// Fills the batch; answers with its parts.
    fn fill(&mut self) -> Vec<Part> {
        self.batch.clear();
        let key = loaded::key(self.set.as_ref());
        let (mut answering, mut reading) = (Vec::new(), Vec::new());
        for slot in 0..self.slots.len() {
            if self.is_ready(slot) && self.slots[slot].key == key {
                if self.slots[slot].unread() == 0 {
                    answering.push(slot);
                } else {
                    reading.push(slot);
                }
            }
        }
        let mut parts = Vec::new();
        let guesses = GUESSED_TOKENS / answering.len().max(1);
        for &slot in &answering {
            parts.extend(self.add_answer(slot, guesses.min(speculate::MOST)));
        }
        let piece = self.pace.piece(answering.len());
        let mut room = piece.min(BATCH_TOKENS - self.batch.len());
        // The shortest first: what they leave over is for the others.
        reading.sort_by_key(|&slot| self.slots[slot].unread());
        let mut left = reading.len();
        for slot in reading {
            let share = room.div_ceil(left);
            left -= 1;
            if let Some(part) = self.add_prompt(slot, share, left) {
                room -= part.tokens.len();
                parts.push(part);
            }
            if room == 0 {
                break;
            }
        }
        parts
    }

    /// The next token of an answer, and guesses at those after it.
    fn add_answer(&mut self, slot: usize, most: usize) -> Option<Part> {
        let place = &mut self.slots[slot];
        let position = place.held.len();
        let Some(Work {
            aim: Aim::Answer(answer),
            ..
        }) = &mut place.work
        else {
            return None;
        };
        let mut tokens = vec![answer.next?];
        let left = (answer.most - answer.count).saturating_sub(1);
        if let Some(lookup) = &mut answer.lookup {
            tokens.extend(lookup.guess(&answer.text, most.min(left)));
        }
        let from = self.batch.len();
        for (n, &token) in tokens.iter().enumerate() {
            self.batch.push(token, position + n, slot, true);
        }
        Some(Part {
            slot,
            from,
            tokens,
            is_prompt: false,
        })
    }

    /// The next tokens of a prompt, at most `most`; `others` come after it and may need
    /// an output each.
    fn add_prompt(&mut self, slot: usize, most: usize, others: usize) -> Option<Part> {
        let place = &self.slots[slot];
        let work = place.work.as_ref()?;
        let position = place.held.len();
        let last = work.prompt.len() - 1;
        let scores = matches!(work.aim, Aim::Score { .. });
        let outputs = self.context.outputs() - self.batch.asking() - others;
        let most = if scores { most.min(outputs) } else { most };
        let end = work.prompt.len().min(position + most);
        let tokens = work.prompt[position..end].to_vec();
        if tokens.is_empty() {
            return None;
        }
        let from = self.batch.len();
        for (at, &token) in (position..).zip(&tokens) {
            // Nothing comes after the last token of a text that is scored.
            let output = (at == last) != scores;
            self.batch.push(token, at, slot, output);
        }
        Some(Part {
            slot,
            from,
            tokens,
            is_prompt: true,
        })
    }

    /// Divides the time of a batch between prompts and answers by their tokens.
    fn note_time(&mut self, parts: &[Part], took: Duration) {
        let count = |is_prompt: bool| -> usize {
            let of = parts.iter().filter(|part| part.is_prompt == is_prompt);
            of.map(|part| part.tokens.len()).sum()
        };
        let (prompt, answer) = (count(true), count(false));
        if prompt >= LEAST_PIECE {
            self.pace.measure(prompt + answer, took);
        }
        let prefill = took.mul_f64(prompt as f64 / (prompt + answer).max(1) as f64);
        self.shared.count(|status| {
            status.prefill += prefill;
            status.decode += took.saturating_sub(prefill);
        });
    }

    /// Takes back what a failed batch may have left; ends its answers unless it was
    /// broken off, which they find themselves.
    fn undo(&mut self, parts: &[Part], code: i32) {
        for part in parts {
            let position = self.slots[part.slot].held.len();
            if !self.context.remove(part.slot, position) {
                self.slots[part.slot].held.clear();
            }
            if code != ABORTED {
                let error = GenerateError::Decode {
                    tokens: self.batch.len(),
                    position,
                    code,
                };
                self.fail(part.slot, error);
            }
        }
    }

    /// Goes on after a batch that was computed.
    fn advance(&mut self, part: &Part) {
        let slot = &mut self.slots[part.slot];
        let Some(work) = &mut slot.work else {
            return;
        };
        let stop = if part.is_prompt {
            slot.held.extend_from_slice(&part.tokens);
            read(work, slot.held.len(), part, &mut self.context)
        } else {
            let (guessed, before) = (part.tokens.len() - 1, slot.held.len());
            let stop = answer(work, &mut slot.held, part, &mut self.context);
            let right = slot.held.len() - before - 1;
            self.shared.count(|status| {
                status.drafted_tokens += guessed as u64;
                status.accepted_tokens += right as u64;
            });
            if right < guessed && !self.context.remove(part.slot, slot.held.len()) {
                slot.held.clear();
            }
            stop
        };
        if let Some(stop) = stop {
            self.finish(part.slot, stop);
        }
    }
}

/// A piece of a prompt was read, `held` tokens of it by now; why the request ends, if it
/// does.
fn read(work: &mut Work, held: usize, part: &Part, context: &mut Context) -> Option<Stop> {
    let (done, total) = (held - work.cached, work.prompt.len() - work.cached);
    work.line.tell(Update::Prefill(done, total));
    let weights = Arc::clone(context.weights());
    let is_whole = held == work.prompt.len();
    match &mut work.aim {
        Aim::Score { top, scores } => {
            let following = &work.prompt[held + 1 - part.tokens.len()..];
            for (n, &token) in following.iter().take(part.tokens.len()).enumerate() {
                scores.push(scored(context.logits(part.from + n), token, *top, &weights));
            }
            is_whole.then_some(Stop::End)
        }
        Aim::Answer(answer) if is_whole => {
            work.read = Some(now());
            let last = part.from + part.tokens.len() - 1;
            let chosen = answer.choose(context.logits(last), &weights, &work.line);
            chosen.map(|token| answer.next = Some(token)).err()
        }
        Aim::Answer(_) => None,
    }
}

/// The next token of an answer was read, and guesses after it: chooses as long as the
/// guesses are right. Why the answer ends, if it does.
fn answer(
    work: &mut Work,
    held: &mut Vec<Token>,
    part: &Part,
    context: &mut Context,
) -> Option<Stop> {
    let Aim::Answer(answer) = &mut work.aim else {
        return None;
    };
    let weights = Arc::clone(context.weights());
    held.push(part.tokens[0]);
    let mut right = 0;
    let stop = loop {
        let logits = context.logits(part.from + right);
        match answer.choose(logits, &weights, &work.line) {
            Err(stop) => break Some(stop),
            Ok(token) if part.tokens.get(right + 1) == Some(&token) => {
                held.push(token);
                right += 1;
            }
            Ok(token) => {
                answer.next = Some(token);
                break None;
            }
        }
    };
    if let Some(lookup) = &mut answer.lookup {
        lookup.learn(part.tokens.len() - 1, right, answer.text.len());
    }
    stop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_answers_as_much_of_a_prompt_is_read_as_does_not_stall_them() {
        let mut pace = Pace::default();
        assert_eq!((pace.piece(0), pace.piece(1)), (BATCH_TOKENS, LEAST_PIECE));
        pace.measure(100, Duration::from_millis(500));
        assert_eq!((pace.piece(0), pace.piece(1)), (BATCH_TOKENS, 40));
        for _ in 0..99 {
            pace.measure(100, Duration::from_secs(100));
        }
        assert_eq!(pace.piece(3), LEAST_PIECE);
    }
}
