//! A conversation and what is recalled to a prompt within budget.
//!
//! Pure. A conversation only grows at its end: what is recalled stands beside the newest
//! question, and past turns keep the very words they were sent with, so that what a model
//! has read stays read. Where the context is full the oldest turns leave, whole, and
//! enough of them that the next turns can grow again.
//!
//! # Invariants
//! - While no turn leaves, the messages of a turn begin with those of the one before.
//! - A plan's messages never measure more than the budget.
//! - What stands in the conversation already is not shown again.
//!
//! Units: tokens, as the caller measures them.

use jiff::tz::TimeZone;
use shared::chat::{Message, Role};
use shared::clock::Timestamp;
use shared::id::EpisodeId;
use shared::turn::{Recalled, user_message};

use crate::memory::episode::ItemId;

pub mod render;

/// When turns must leave, they leave until this share of the budget is used.
const ROOMY_PERCENT: usize = 75;

/// Something that may be shown beside the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is.
    pub item: ItemId,
    /// The episode its words stand in.
    pub episode: EpisodeId,
    /// When it was said.
    pub said_at: Timestamp,
    /// The words.
    pub text: String,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The question as it was sent, recalled memories included.
    pub sent: String,
    /// The answer.
    pub answer: String,
    /// What was shown beside the question.
    pub shown: Vec<ItemId>,
    /// The episodes that stand in this turn, spoken or shown.
    pub episodes: Vec<EpisodeId>,
}

/// What is asked now.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The words.
    pub words: &'a str,
    /// What may be shown beside them, best first.
    pub evidence: &'a [Evidence],
    /// When it is asked.
    pub now: Timestamp,
    /// Where the days begin.
    pub zone: &'a TimeZone,
}

impl Question<'_> {
    /// The question as it is sent with these beside it.
    pub fn sent(&self, shown: &[&Evidence]) -> String {
        let block: Vec<Recalled> = oldest_first(shown)
            .into_iter()
            .map(|evidence| Recalled {
                date: evidence.said_at.date(self.zone),
                text: evidence.text.clone(),
            })
            .collect();
        user_message(self.now.date(self.zone), &block, self.words)
    }
}

/// A prompt that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The whole conversation, the question last.
    pub messages: Vec<Message>,
    /// The question as it is sent.
    pub sent: String,
    /// What is shown beside it, oldest first.
    pub shown: Vec<Evidence>,
    /// How many of the oldest turns left to make room.
    pub dropped_turns: usize,
    /// What the messages measure.
    pub tokens: usize,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError<E: std::error::Error + 'static> {
    /// The question alone is too long.
    #[error("the question needs {tokens} tokens, there is room for {budget}")]
    TooLong {
        /// What it measures, instructions included.
        tokens: usize,
        /// What there is.
        budget: usize,
    },
    /// The messages cannot be measured.
    #[error("cannot measure the prompt")]
    Measure {
        /// Why.
        source: E,
    },
}

/// A conversation so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    instructions: String,
    turns: Vec<Turn>,
}

impl Conversation {
    /// A conversation that begins with standing instructions.
    pub fn new(instructions: impl Into<String>) -> Self {
        Self {
            instructions: instructions.into(),
            turns: Vec::new(),
        }
    }

    /// Adds a finished turn.
    pub fn push(&mut self, turn: Turn) {
        self.turns.push(turn);
    }

    /// The turns, oldest first.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Episodes that the model sees already.
    pub fn episodes(&self) -> impl Iterator<Item = EpisodeId> {
        self.turns.iter().flat_map(|turn| &turn.episodes).copied()
    }

    /// Fits `question` into `budget` tokens; `measure` tells what messages take.
    ///
    /// First the oldest turns leave, for good; then, once none is left, the memories
    /// that fit least are not shown.
    ///
    /// # Errors
    /// [`PlanError::TooLong`] if the words alone do not fit; no turn has left then.
    pub fn plan<E: std::error::Error + 'static>(
        &mut self,
        question: &Question<'_>,
        budget: usize,
        measure: &mut dyn FnMut(&[Message]) -> Result<usize, E>,
    ) -> Result<Plan, PlanError<E>> {
        let mut shown: Vec<&Evidence> = question.evidence.iter().collect();
        shown.retain(|evidence| {
            !self
                .turns
                .iter()
                .any(|turn| turn.shown.contains(&evidence.item))
        });
        let mut dropped = 0;
        let mut most = budget;
        loop {
            let (sent, messages) = self.messages(dropped, &shown, question);
            let tokens = measure(&messages).map_err(|source| PlanError::Measure { source })?;
            if tokens <= most {
                self.turns.drain(..dropped);
                return Ok(Plan {
                    messages,
                    sent,
                    shown: oldest_first(&shown).into_iter().cloned().collect(),
                    dropped_turns: dropped,
                    tokens,
                });
            }
            if dropped < self.turns.len() {
                dropped += 1;
                most = budget / 100 * ROOMY_PERCENT;
            } else if most < budget {
                most = budget;
            } else if shown.pop().is_none() {
                return Err(PlanError::TooLong { tokens, budget });
            }
        }
    }

    /// The question as it is sent, and all messages from the turn `from`.
    fn messages(
        &self,
        from: usize,
        shown: &[&Evidence],
        question: &Question<'_>,
    ) -> (String, Vec<Message>) {
        let sent = question.sent(shown);
        let mut messages = Vec::with_capacity(2 * (self.turns.len() - from) + 2);
        messages.push(Message::new(Role::System, &self.instructions));
        for turn in &self.turns[from..] {
            messages.push(Message::new(Role::User, &turn.sent));
            messages.push(Message::new(Role::Assistant, &turn.answer));
        }
        messages.push(Message::new(Role::User, &sent));
        (sent, messages)
    }
}

/// In the order of saying; of two said at once, the better first.
fn oldest_first<'a>(shown: &[&'a Evidence]) -> Vec<&'a Evidence> {
    let mut shown = shown.to_vec();
    shown.sort_by_key(|evidence| evidence.said_at);
    shown
}

#[cfg(test)]
mod tests;
