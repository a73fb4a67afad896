//! One turn: capture, recall, prompt, generate, remember.
//!
//! An [`Assistant`] carries one conversation. Each question is written down before it is
//! answered and each answer as it was shown; what the answer was made from is kept with
//! it, and the finished turn waits as a training example.
//!
//! # Invariants
//! - What cannot be asked (too long for the context) is not written down.
//! - A question is never recalled as the answer to itself.
//! - An answer that was broken off is kept as what was shown.

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::tz::TimeZone;
use shared::chat::{Message, Role};
use shared::clock::{Clock, Timestamp};
use shared::id::{EpisodeId, SessionId};
use shared::turn::SYSTEM_PROMPT;

use crate::generate::{
    Completion, Event, GenerateError, Keep, LanguageModel, ModelCard, Request, Token,
};
use crate::memory::episode::{Appended, Episode, ItemId, Source};
use crate::memory::query::{Hit, Recall};
use crate::memory::{Memory, MemoryError};
use crate::prompt::render::{RenderError, Renderer};
use crate::prompt::{Conversation, Evidence, Plan, PlanError, Question, Turn};
use crate::sample::Sampling;

mod ask;
pub mod defaults;
pub mod exchange;
mod notes;

use notes::{About, Answer, Notes};

/// How an assistant behaves.
#[derive(Clone)]
pub struct Settings {
    /// Where its words are written down as coming from.
    pub source: Source,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The owner's time zone.
    pub zone: TimeZone,
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// How words are chosen.
    pub sampling: Sampling,
    /// Memories shown beside a question, at most; 0 recalls nothing.
    pub recall_limit: usize,
    /// Tokens that these may take together.
    pub recall_tokens: usize,
    /// Below this confidence nothing is shown.
    pub least_confidence: f32,
}

impl Settings {
    /// Answers of at most 512 tokens, five memories in 512, greedy.
    pub fn new(source: Source, clock: Arc<dyn Clock>, zone: TimeZone) -> Self {
        Self {
            source,
            clock,
            zone,
            max_tokens: 512,
            sampling: Sampling::GREEDY,
            recall_limit: 5,
            recall_tokens: 512,
            least_confidence: 0.2,
        }
    }
}

/// Carries one conversation.
pub struct Assistant {
    notes: Notes,
    model: Box<dyn LanguageModel>,
    session: SessionId,
    renderer: Renderer,
    conversation: Conversation,
    /// Whether there may be words in it that memory has left out or forgotten.
    stays_off_disk: bool,
}

/// A question answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The answer, as it was shown.
    pub text: String,
    /// Where the question was written down.
    pub question: EpisodeId,
    /// Where the answer was written down.
    pub answer: EpisodeId,
    /// What was recalled and shown to the model, best first.
    pub recalled: Vec<Hit>,
    /// How surely anything recalled fits, `0.0..=1.0`.
    pub confidence: f32,
    /// How many of the oldest turns left the context to make room.
    pub dropped_turns: usize,
    /// What was learnt from the question.
    pub remembered: Appended,
    /// What the model did.
    pub completion: Completion,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssistantError {
    /// Memory failed.
    #[error("memory cannot do its part")]
    Memory {
        /// Why.
        #[from]
        source: MemoryError,
    },
    /// The model failed.
    #[error("the model cannot answer")]
    Generate {
        /// Why.
        #[from]
        source: GenerateError,
    },
    /// The prompt cannot be written.
    #[error("the model's chat template cannot be used")]
    Render {
        /// Why.
        #[from]
        source: RenderError,
    },
    /// The question is longer than the context.
    #[error("the question needs {tokens} tokens, the context has room for {budget}")]
    TooLong {
        /// What it needs, instructions included.
        tokens: usize,
        /// What there is beside the answer.
        budget: usize,
    },
    /// The context has no room for the answers that are asked for.
    #[error("answers of {max_tokens} tokens leave no room in a context of {context}")]
    NoRoom {
        /// Most tokens of an answer.
        max_tokens: usize,
        /// Tokens of context.
        context: usize,
    },
}

impl Assistant {
    /// Goes on with the conversation `session`, or begins it.
    ///
    /// # Errors
    /// [`AssistantError`] if the session cannot be read or the model is not made for
    /// conversations.
    pub fn new(
        memory: Arc<Memory>,
        model: Box<dyn LanguageModel>,
        session: SessionId,
        settings: Settings,
    ) -> Result<Self, AssistantError> {
        let context = model.card().context_tokens;
        if settings.max_tokens >= context {
            return Err(AssistantError::NoRoom {
                max_tokens: settings.max_tokens,
                context,
            });
        }
        let today = settings.clock.now().date(&settings.zone);
        let renderer = Renderer::new(model.card(), Some(today))?;
        let conversation = resumed(&memory, session, &settings.zone)?;
        Ok(Self {
            notes: Notes { memory, settings },
            model,
            session,
            renderer,
            conversation,
            stays_off_disk: false,
        })
    }

    /// Leaves this conversation for another, with the same model.
    ///
    /// # Errors
    /// [`AssistantError::Memory`] if the session cannot be read; this one goes on then.
    pub fn begin(&mut self, session: SessionId) -> Result<(), AssistantError> {
        self.conversation = resumed(&self.notes.memory, session, &self.settings().zone)?;
        self.session = session;
        self.stays_off_disk = false;
        Ok(())
    }

    /// From now on what the model reads of this conversation is kept in memory only.
    pub fn stay_off_disk(&mut self) {
        self.stays_off_disk = true;
    }

    /// What model answers.
    pub fn model(&self) -> &ModelCard {
        self.model.card()
    }

    /// Answers `words`, reporting progress and text to `on`; breaking from it ends the
    /// answer there.
    ///
    /// # Errors
    /// [`AssistantError`]. Where the model failed, the question stays written down.
    pub fn reply(
        &mut self,
        words: &str,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Reply, AssistantError> {
        let now = self.settings().clock.now();
        self.check_length(words, now)?;
        let question = self.notes.question(self.session, words);
        let remembered = self.notes.memory.append(question)?;
        self.stays_off_disk |= !remembered.redactions.is_empty();
        let recall = self.recall(words, remembered.episode, now)?;
        let evidence: Vec<Evidence> = recall.hits.iter().map(notes::evidence).collect();
        let (plan, prompt) = self.plan(words, &evidence, now)?;
        let recalled = notes::shown_hits(&recall, &plan.shown);
        let completion = self.model.generate(&prompt, &self.request(), on)?;
        let answer = self.keep(&plan, &recalled, remembered.episode, &completion)?;
        Ok(Reply {
            text: completion.text.clone(),
            question: remembered.episode,
            answer,
            recalled,
            confidence: recall.confidence,
            dropped_turns: plan.dropped_turns,
            remembered,
            completion,
        })
    }

    fn settings(&self) -> &Settings {
        &self.notes.settings
    }

    fn request(&self) -> Request {
        Request {
            sampling: self.settings().sampling,
            // What memory does not write down, the model's cache does not either.
            keep: if self.stays_off_disk {
                Keep::Memory
            } else {
                Keep::Disk
            },
            ..Request::greedy(self.settings().max_tokens)
        }
    }

    /// Refuses words that fit no prompt, before anything is written down.
    fn check_length(&mut self, words: &str, now: Timestamp) -> Result<(), AssistantError> {
        let mut alone = Conversation::new(SYSTEM_PROMPT);
        std::mem::swap(&mut self.conversation, &mut alone);
        let fits = self.plan(words, &[], now);
        std::mem::swap(&mut self.conversation, &mut alone);
        fits.map(drop)
    }

    fn recall(
        &self,
        words: &str,
        question: EpisodeId,
        now: Timestamp,
    ) -> Result<Recall, MemoryError> {
        self.notes.recall(About {
            words,
            session: Some(self.session),
            exclude: self.conversation.episodes().chain([question]).collect(),
            now,
        })
    }

    /// A prompt that leaves room for the answer, and its tokens.
    fn plan(
        &mut self,
        words: &str,
        evidence: &[Evidence],
        now: Timestamp,
    ) -> Result<(Plan, Vec<Token>), AssistantError> {
        let budget = self.model.card().context_tokens - self.settings().max_tokens;
        let question = Question {
            words,
            evidence,
            now,
            zone: &self.notes.settings.zone,
        };
        let (renderer, model) = (&self.renderer, &self.model);
        let mut last = Vec::new();
        let mut measure = |messages: &[Message]| -> Result<usize, AssistantError> {
            last = renderer.tokens(messages, model.as_ref())?;
            Ok(last.len())
        };
        let planned = self.conversation.plan(&question, budget, &mut measure);
        let plan = planned.map_err(|error| match error {
            PlanError::TooLong { tokens, budget } => AssistantError::TooLong { tokens, budget },
            PlanError::Measure { source } => source,
        })?;
        Ok((plan, last))
    }

    /// Writes the answer down and lets the conversation grow.
    fn keep(
        &mut self,
        plan: &Plan,
        recalled: &[Hit],
        question: EpisodeId,
        completion: &Completion,
    ) -> Result<EpisodeId, MemoryError> {
        let answer = self.notes.answer(&Answer {
            session: self.session,
            question,
            text: &completion.text,
            model: &self.model.card().name,
            adapter: completion.adapter.as_deref(),
            messages: &plan.messages,
            recalled,
        })?;
        let shown_in = plan.shown.iter().map(|shown| shown.episode);
        self.conversation.push(Turn {
            sent: plan.sent.clone(),
            answer: completion.text.clone(),
            shown: plan.shown.iter().map(|shown| shown.item).collect(),
            episodes: [question, answer].into_iter().chain(shown_in).collect(),
        });
        Ok(answer)
    }
}

/// The conversation as it stands in memory.
fn resumed(
    memory: &Memory,
    session: SessionId,
    zone: &TimeZone,
) -> Result<Conversation, MemoryError> {
    let mut conversation = Conversation::new(SYSTEM_PROMPT);
    for (_, turn) in past_turns(memory, session, zone)? {
        conversation.push(turn);
    }
    Ok(conversation)
}

/// The finished turns of a session with the question's own words, oldest first.
fn past_turns(
    memory: &Memory,
    session: SessionId,
    zone: &TimeZone,
) -> Result<Vec<(String, Turn)>, MemoryError> {
    let mut turns = Vec::new();
    let mut question: Option<Episode> = None;
    for episode in memory.session_episodes(session)? {
        match (episode.role, question.take()) {
            (Role::User, _) => question = Some(episode),
            (Role::Assistant, Some(asked)) => {
                let turn = turn(memory, &asked, &episode, zone)?;
                turns.push((asked.text, turn));
            }
            _ => {}
        }
    }
    Ok(turns)
}

/// A past turn with the words it was sent with, but for what was forgotten since.
fn turn(
    memory: &Memory,
    question: &Episode,
    answer: &Episode,
    zone: &TimeZone,
) -> Result<Turn, MemoryError> {
    let mut shown = Vec::new();
    for given in &answer.given {
        shown.extend(looked_up(memory, given.item)?);
    }
    let asked = Question {
        words: &question.text,
        evidence: &shown,
        now: question.said_at,
        zone,
    };
    let sent = asked.sent(&shown.iter().collect::<Vec<_>>());
    let shown_in = shown.iter().map(|evidence| evidence.episode);
    Ok(Turn {
        sent,
        answer: answer.text.clone(),
        episodes: [question.id, answer.id]
            .into_iter()
            .chain(shown_in)
            .collect(),
        shown: shown.iter().map(|evidence| evidence.item).collect(),
    })
}

fn looked_up(memory: &Memory, item: ItemId) -> Result<Option<Evidence>, MemoryError> {
    Ok(match item {
        ItemId::Memory(id) => memory.memory(id)?.and_then(|record| {
            Some(Evidence {
                item,
                episode: *record.evidence.first()?,
                said_at: record.said_at,
                text: record.text,
            })
        }),
        ItemId::Episode(id) => memory.episode(id)?.map(|episode| Evidence {
            item,
            episode: id,
            said_at: episode.said_at,
            text: episode.text,
        }),
    })
}

#[cfg(test)]
mod tests;
