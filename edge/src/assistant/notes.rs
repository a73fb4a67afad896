//! What a turn does with memory, whoever keeps the conversation.

use std::sync::Arc;

use shared::chat::{Message, Role};
use shared::clock::Timestamp;
use shared::id::{EpisodeId, SessionId};

use super::{Settings, ask};
use crate::memory::episode::{Given, Intent, ItemId, NewEpisode};
use crate::memory::query::{Filter, Hit, Query, Recall};
use crate::memory::{Memory, MemoryError};
use crate::prompt::Evidence;

/// Memory, and how it is used in conversations.
pub(super) struct Notes {
    pub(super) memory: Arc<Memory>,
    pub(super) settings: Settings,
}

/// What memory is asked before a question is answered.
pub(super) struct About<'a> {
    pub(super) words: &'a str,
    pub(super) session: Option<SessionId>,
    /// Episodes that the model sees already.
    pub(super) exclude: Vec<EpisodeId>,
    pub(super) now: Timestamp,
}

/// An answer, and what it was made from.
pub(super) struct Answer<'a> {
    pub(super) session: SessionId,
    pub(super) question: EpisodeId,
    pub(super) text: &'a str,
    /// The name of the model that gave it.
    pub(super) model: &'a str,
    /// The adapter on that model.
    pub(super) adapter: Option<&'a str>,
    /// What the model read.
    pub(super) messages: &'a [Message],
    /// What was recalled and shown to it, best first.
    pub(super) recalled: &'a [Hit],
}

impl Notes {
    /// A question as it is written down.
    pub(super) fn question(&self, session: SessionId, words: &str) -> NewEpisode {
        NewEpisode {
            intent: if ask::to_remember(words) {
                Intent::Remember
            } else {
                Intent::Said
            },
            ..NewEpisode::said(session, self.settings.source, words)
        }
    }

    /// What fits a question; nothing where nothing fits well.
    pub(super) fn recall(&self, about: About<'_>) -> Result<Recall, MemoryError> {
        let settings = &self.settings;
        let mut recall = self.memory.recall(&Query {
            limit: settings.recall_limit,
            token_budget: Some(settings.recall_tokens),
            session: about.session,
            exclude: about.exclude,
            // What a model once said is no evidence: it would come to believe itself.
            filter: Filter {
                role: Some(Role::User),
                ..Filter::default()
            },
            ..Query::new(about.words, about.now)
        })?;
        if recall.confidence < settings.least_confidence || settings.recall_limit == 0 {
            recall.hits.clear();
        }
        Ok(recall)
    }

    /// Writes an answer down, with what it was made from, as a training example, too.
    pub(super) fn answer(&self, answer: &Answer<'_>) -> Result<EpisodeId, MemoryError> {
        let items: Vec<ItemId> = answer.recalled.iter().map(|hit| hit.item).collect();
        let written = self.memory.append(NewEpisode {
            role: Role::Assistant,
            model: Some(answer.model.to_owned()),
            adapter: answer.adapter.map(str::to_owned),
            given: answer.recalled.iter().map(Given::from).collect(),
            ..NewEpisode::said(answer.session, self.settings.source, answer.text)
        })?;
        let messages = answer.messages;
        self.memory
            .finish_turn(answer.question, written.episode, messages, &items)?;
        self.memory.note_use(&items)?;
        Ok(written.episode)
    }
}

/// A hit as it may be shown.
pub(super) fn evidence(hit: &Hit) -> Evidence {
    Evidence {
        item: hit.item,
        episode: hit.episode,
        said_at: hit.said_at,
        text: hit.text.clone(),
    }
}

/// The hits that are shown, best first.
pub(super) fn shown_hits(recall: &Recall, shown: &[Evidence]) -> Vec<Hit> {
    let is_shown = |hit: &&Hit| shown.iter().any(|shown| shown.item == hit.item);
    recall.hits.iter().filter(is_shown).cloned().collect()
}
