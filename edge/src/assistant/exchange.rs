//! One turn of a conversation that a client keeps.
//!
//! The client sends the whole conversation each time; what is recalled is shown beside
//! its newest question, exactly as an [`Assistant`](super::Assistant) shows it. The past
//! turns of a session are known by [`past`], so that they can be sent again with the very
//! words they were sent with.
//!
//! # Invariants
//! - What cannot be asked (too long for the context) is not written down.
//! - No turn of the client's leaves the prompt: where room is short, memories that fit
//!   least are not shown.

use std::sync::Arc;

use shared::chat::Message;
use shared::id::{EpisodeId, SessionId};

use super::notes::{About, Answer, Notes, evidence, shown_hits};
use super::{AssistantError, Settings, Turn, past_turns};
use crate::generate::{Completion, Token};
use crate::memory::episode::{Appended, ItemId};
use crate::memory::query::{Hit, Recall};
use crate::memory::{Memory, MemoryError};
use crate::prompt::{Evidence, Question};

/// The title of a conversation: none, for its first words tell it.
const UNTITLED: &str = "";

/// A finished turn of a session.
#[derive(Clone, Debug)]
pub struct Past {
    /// The question's own words.
    pub words: String,
    /// The turn, as it was sent.
    pub turn: Turn,
}

/// The finished turns of a session, oldest first, but for what was forgotten since.
///
/// # Errors
/// [`AssistantError::Memory`] if they cannot be read.
pub fn past(
    memory: &Memory,
    session: SessionId,
    settings: &Settings,
) -> Result<Vec<Past>, AssistantError> {
    let turns = past_turns(memory, session, &settings.zone)?;
    let past = |(words, turn)| Past { words, turn };
    Ok(turns.into_iter().map(past).collect())
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The newest question.
    pub words: &'a str,
    /// The conversation it belongs to, if it has one already.
    pub session: Option<SessionId>,
    /// Whether question and answer are written down.
    pub keep: Keep,
    /// Turns that stand in the conversation already: nothing in them is recalled.
    pub seen: &'a [Turn],
    /// Tokens that the prompt may have.
    pub budget: usize,
    /// Tokens that it may have with what is recalled.
    pub budget_shown: usize,
}

/// Whether a turn is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is not.
    No,
    /// In this conversation.
    In(SessionId),
    /// In a new one.
    InNew,
}

/// A turn that was begun: its prompt, and what it was made from.
pub struct Exchange {
    notes: Notes,
    session: Option<SessionId>,
    /// The question as it is sent.
    pub sent: String,
    /// The prompt.
    pub prompt: Vec<Token>,
    /// What was recalled and shown, best first.
    pub recalled: Vec<Hit>,
    /// How surely anything recalled fits, `0.0..=1.0`.
    pub confidence: f32,
    /// Where the question was written down, and what was learnt from it.
    pub question: Option<Appended>,
}

impl Exchange {
    /// Recalls what fits and writes the question down; `tokenize` makes the whole prompt
    /// with the newest question as it is sent.
    ///
    /// # Errors
    /// [`AssistantError::TooLong`] if the conversation does not fit as it is: nothing is
    /// written down then.
    pub fn begin(
        memory: Arc<Memory>,
        settings: Settings,
        asked: &Asked<'_>,
        tokenize: &mut dyn FnMut(&str) -> Result<Vec<Token>, AssistantError>,
    ) -> Result<Self, AssistantError> {
        let alone = tokenize(asked.words)?;
        if alone.len() > asked.budget {
            return Err(AssistantError::TooLong {
                tokens: alone.len(),
                budget: asked.budget,
            });
        }
        let notes = Notes { memory, settings };
        let session = match asked.keep {
            Keep::No => None,
            Keep::In(session) => Some(session),
            Keep::InNew => Some(notes.memory.new_session(UNTITLED)?),
        };
        let question = match session {
            Some(session) => {
                let question = notes.question(session, asked.words);
                Some(notes.memory.append(question)?)
            }
            None => None,
        };
        let recall = notes.recalled(asked, question.as_ref().map(|q| q.episode))?;
        let mut exchange = Self {
            session: session.or(asked.session),
            sent: asked.words.to_owned(),
            prompt: alone,
            recalled: Vec::new(),
            confidence: recall.confidence,
            question,
            notes,
        };
        exchange.show(&recall, asked, tokenize)?;
        Ok(exchange)
    }

    /// Shows as much of what was recalled as fits.
    fn show(
        &mut self,
        recall: &Recall,
        asked: &Asked<'_>,
        tokenize: &mut dyn FnMut(&str) -> Result<Vec<Token>, AssistantError>,
    ) -> Result<(), AssistantError> {
        let seen = |item: ItemId| asked.seen.iter().any(|turn| turn.shown.contains(&item));
        let mut shown: Vec<Evidence> = recall.hits.iter().map(evidence).collect();
        shown.retain(|evidence| !seen(evidence.item));
        let settings = &self.notes.settings;
        let now = settings.clock.now();
        while !shown.is_empty() {
            let question = Question {
                words: asked.words,
                evidence: &shown,
                now,
                zone: &settings.zone,
            };
            let sent = question.sent(&shown.iter().collect::<Vec<_>>());
            let prompt = tokenize(&sent)?;
            if prompt.len() <= asked.budget_shown {
                self.recalled = shown_hits(recall, &shown);
                (self.sent, self.prompt) = (sent, prompt);
                break;
            }
            shown.pop();
        }
        Ok(())
    }

    /// The conversation that the turn belongs to.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Writes the answer down beside its question, if that was written down; `messages`
    /// are what the model of this name read. Where the answer stands.
    ///
    /// # Errors
    /// [`AssistantError::Memory`] if it cannot be written.
    pub fn finish(
        &self,
        model: &str,
        messages: &[Message],
        completion: &Completion,
    ) -> Result<Option<EpisodeId>, AssistantError> {
        let (Some(session), Some(question)) = (self.session, &self.question) else {
            return Ok(None);
        };
        let written = self.notes.answer(&Answer {
            session,
            question: question.episode,
            text: &completion.text,
            model,
            adapter: completion.adapter.as_deref(),
            messages,
            recalled: &self.recalled,
        })?;
        Ok(Some(written))
    }
}

impl Notes {
    fn recalled(
        &self,
        asked: &Asked<'_>,
        question: Option<EpisodeId>,
    ) -> Result<Recall, MemoryError> {
        let seen = asked.seen.iter().flat_map(|turn| &turn.episodes).copied();
        self.recall(About {
            words: asked.words,
            session: asked.session,
            exclude: seen.chain(question).collect(),
            now: self.settings.clock.now(),
        })
    }
}
