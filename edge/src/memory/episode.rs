//! Episodes: what was said or done, verbatim after redaction.
//!
//! # Invariants
//! - An episode's words never change; a correction is a new episode.
//! - Identifiers grow in the order of appending, whatever the clock does.

use serde::{Deserialize, Serialize};
use shared::chat::Role;
use shared::clock::Timestamp;
use shared::id::{EpisodeId, MemoryId, SessionId};

use super::query::{Hit, Why};

/// Where words came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A conversation.
    Chat,
    /// A single question.
    Ask,
    /// The owner's own hand: `edge memory add`, `correct`.
    Command,
    /// Brought in from a file.
    Import,
    /// A note.
    Note,
    /// Another program.
    Api,
    /// An editor or an agent, by the Model Context Protocol.
    Mcp,
}

impl Source {
    /// Every source, in the order of their names in the help.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Ask,
        Self::Command,
        Self::Import,
        Self::Note,
        Self::Api,
        Self::Mcp,
    ];

    /// The name used in filters and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Ask => "ask",
            Self::Command => "command",
            Self::Import => "import",
            Self::Note => "note",
            Self::Api => "api",
            Self::Mcp => "mcp",
        }
    }
}

/// Whether the words were only said, or given to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Said in passing: memories are taken from it by pattern, secrets become placeholders.
    #[default]
    Said,
    /// Asked to be remembered: kept as it is, a secret in it marks it sensitive.
    Remember,
}

/// A memory or an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemId {
    /// Something remembered.
    Memory(MemoryId),
    /// Something said.
    Episode(EpisodeId),
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory(id) => id.fmt(f),
            Self::Episode(id) => id.fmt(f),
        }
    }
}

/// What an answer was given to read, and why.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// What was shown.
    pub item: ItemId,
    /// Its score at that time.
    pub score: f32,
    /// What the score was made of.
    pub why: Why,
}

impl From<&Hit> for Given {
    fn from(hit: &Hit) -> Self {
        Self {
            item: hit.item,
            score: hit.score,
            why: hit.why,
        }
    }
}

/// An episode to be appended.
#[derive(Clone, Debug)]
pub struct NewEpisode {
    /// The conversation it belongs to.
    pub session: SessionId,
    /// Who speaks.
    pub role: Role,
    /// The words.
    pub text: String,
    /// Where they came from.
    pub source: Source,
    /// The program that said them in its owner's place, by name; `None`: the owner.
    pub author: Option<String>,
    /// The model that made them, if one did.
    pub model: Option<String>,
    /// The adapter on that model.
    pub adapter: Option<String>,
    /// What the words were made from; an episode with any is never learnt from again.
    pub given: Vec<Given>,
    /// When it was said; `None` is now.
    pub said_at: Option<Timestamp>,
    /// Said in passing, or to be kept.
    pub intent: Intent,
}

impl NewEpisode {
    /// What a person says now, in passing.
    pub fn said(session: SessionId, source: Source, text: impl Into<String>) -> Self {
        Self {
            session,
            role: Role::User,
            text: text.into(),
            source,
            author: None,
            model: None,
            adapter: None,
            given: Vec::new(),
            said_at: None,
            intent: Intent::Said,
        }
    }
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// The new episode.
    pub episode: EpisodeId,
    /// Memories derived from it.
    pub memories: Vec<MemoryId>,
    /// Memories that these replace.
    pub superseded: Vec<MemoryId>,
    /// The kinds of secret that became placeholders.
    pub redactions: Vec<String>,
    /// Whether a secret was kept because its owner wants it remembered.
    pub sensitive: bool,
}

/// What the owner thought of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// From 1 (bad) to 5 (good).
    pub rating: Option<u8>,
    /// What the answer should have been.
    pub correction: Option<String>,
}

/// Feedback on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// Five of five.
    Good,
    /// One of five.
    Bad,
    /// From 1 to 5.
    Rating(u8),
    /// What the answer should have been.
    Correction(String),
}

/// An episode as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Its identifier.
    pub id: EpisodeId,
    /// The conversation it belongs to.
    pub session: SessionId,
    /// Who spoke.
    pub role: Role,
    /// The words, after redaction.
    pub text: String,
    /// Where they came from.
    pub source: Source,
    /// The program that said them in its owner's place, by name; `None`: the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Said in passing, or to be kept.
    pub intent: Intent,
    /// When it was said.
    pub said_at: Timestamp,
    /// The model that made them, if one did.
    pub model: Option<String>,
    /// The adapter on that model.
    pub adapter: Option<String>,
    /// What the words were made from.
    pub given: Vec<Given>,
    /// The kinds of secret that became placeholders.
    pub redactions: Vec<String>,
    /// Whether it holds a secret that its owner wants remembered.
    pub sensitive: bool,
    /// What the owner thought of it.
    pub verdict: Verdict,
}

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Its identifier.
    pub id: SessionId,
    /// When it began.
    pub started: Timestamp,
    /// When something was last said in it.
    pub last: Timestamp,
    /// How many episodes it holds.
    pub turns: u64,
    /// Its title.
    pub title: String,
}
