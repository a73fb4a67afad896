//! The tools' schemas: what they take and what they answer.
//!
//! The comments here are part of them: a client's model reads them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::desk::MAX_TEXT_BYTES;
use crate::memory::episode::Episode;
use crate::memory::query;
use crate::memory::record::MemoryRecord;
use crate::memory::report::Receipt;

/// The most items of one answer.
pub(super) const MOST_ITEMS: usize = 50;

/// Arguments of `remember`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remember {
    /// The fact, as the owner would say it.
    #[schemars(length(min = 1, max = MAX_TEXT_BYTES))]
    pub(super) text: String,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Remembered {
    /// The id of the words as they were kept.
    pub(super) id: String,
    /// Under which name they were kept.
    pub(super) author: String,
    /// What was learnt from them. May be empty: the words are found by `recall` all the same.
    pub(super) memories: Vec<Item>,
    /// What no longer holds because of them.
    pub(super) replaced: Vec<Item>,
    /// The kinds of secret that were taken out before the words were kept.
    pub(super) redacted: Vec<String>,
}

/// A memory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Item {
    /// Its id.
    pub(super) id: String,
    /// What it is about: identity, preference, relation, definition, date, place, belonging, secret, note.
    pub(super) kind: &'static str,
    /// What it says; null if it is sensitive.
    pub(super) text: Option<String>,
}

/// Arguments of `recall`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Recall {
    /// What to look for, in words.
    #[schemars(length(min = 1, max = MAX_TEXT_BYTES))]
    pub(super) question: String,
    /// At most so many hits (10 if left out).
    #[schemars(range(min = 1, max = MOST_ITEMS))]
    pub(super) limit: Option<usize>,
}

/// What fits, best first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Recalled {
    /// From 0 (nothing fits) to 1.
    pub(super) confidence: f64,
    /// The hits, best first.
    pub(super) hits: Vec<Hit>,
}

/// A memory or a turn that fits.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Hit {
    /// Its id.
    pub(super) id: String,
    /// What was said.
    pub(super) text: String,
    /// When it was said (RFC 3339).
    pub(super) said_at: String,
    /// The program that said it in the owner's place; null: the owner did.
    pub(super) author: Option<String>,
    /// Whether it holds. Where it does not, a newer hit replaced it, and it is here to say whom
    /// or what that one means.
    pub(super) holds: bool,
    /// Greater is better; comparable within one answer.
    pub(super) score: f64,
    /// What the score is made of.
    pub(super) why: Why,
}

/// Each part's share of a score.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Why {
    /// Words in common.
    pub(super) words: f64,
    /// Nearness in meaning.
    pub(super) meaning: f64,
    /// How lately it was said.
    pub(super) recency: f64,
    /// How much it matters.
    pub(super) importance: f64,
    /// Names in common.
    pub(super) names: f64,
    /// A time that the question names.
    pub(super) time: f64,
    /// What was said beside it.
    pub(super) neighbours: f64,
}

/// Arguments of `forget`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    /// The id of a memory or of a turn, from an answer of another tool.
    #[schemars(length(min = 1))]
    pub(super) id: String,
}

/// The receipt: everything that was removed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Forgotten {
    /// The ids of the memories that are gone.
    pub(super) memories: Vec<String>,
    /// The ids of the turns that are gone.
    pub(super) turns: Vec<String>,
    /// The ids of the training examples that are gone.
    pub(super) examples: Vec<String>,
    /// How many vectors were removed.
    pub(super) vectors: u64,
    /// How many entries of the index of words were removed.
    pub(super) index_entries: u64,
    /// How many lines left the history of what was typed.
    pub(super) typed_lines: usize,
}

/// Arguments of `history`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// The id of a memory or of a turn; what was told lately if left out.
    #[schemars(length(min = 1))]
    pub(super) id: Option<String>,
    /// At most so many entries (10 if left out).
    #[schemars(range(min = 1, max = MOST_ITEMS))]
    pub(super) limit: Option<usize>,
}

/// What was told, and what was made of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Lately {
    /// Turns and memories.
    pub(super) entries: Vec<Entry>,
}

/// A turn or a memory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    /// Its id.
    pub(super) id: String,
    /// "turn": words as they were said; "memory": what is known from them.
    pub(super) what: &'static str,
    /// What it says; null if it is sensitive.
    pub(super) text: Option<String>,
    /// When it was said (RFC 3339).
    pub(super) said_at: String,
    /// How it came: chat, ask, command, import, note, api, mcp.
    pub(super) source: &'static str,
    /// The program that said it in the owner's place; null: the owner did, or it is a memory.
    pub(super) author: Option<String>,
    /// Until when a memory held (RFC 3339); null: it holds still, or it is a turn.
    pub(super) held_until: Option<String>,
    /// The id of the memory that replaced it.
    pub(super) replaced_by: Option<String>,
}

impl Hit {
    pub(super) fn new(hit: &query::Hit, author: Option<String>) -> Self {
        Self {
            id: hit.item.to_string(),
            text: hit.text.clone(),
            said_at: hit.said_at.to_string(),
            author,
            holds: hit.holds,
            score: rounded(hit.score),
            why: Why {
                words: rounded(hit.why.lexical),
                meaning: rounded(hit.why.dense),
                recency: rounded(hit.why.recency),
                importance: rounded(hit.why.importance),
                names: rounded(hit.why.names),
                time: rounded(hit.why.time),
                neighbours: rounded(hit.why.neighbour),
            },
        }
    }
}

impl Forgotten {
    pub(super) fn new(receipt: &Receipt, typed_lines: usize) -> Self {
        let names = |ids: &mut dyn Iterator<Item = String>| ids.collect();
        Self {
            memories: names(&mut receipt.memories.iter().map(ToString::to_string)),
            turns: names(&mut receipt.episodes.iter().map(ToString::to_string)),
            examples: names(&mut receipt.examples.iter().map(ToString::to_string)),
            vectors: receipt.vectors,
            index_entries: receipt.postings,
            typed_lines,
        }
    }
}

impl Entry {
    pub(super) fn turn(episode: Episode) -> Self {
        Self {
            id: episode.id.to_string(),
            what: "turn",
            text: (!episode.sensitive).then_some(episode.text),
            said_at: episode.said_at.to_string(),
            source: episode.source.name(),
            author: episode.author,
            held_until: None,
            replaced_by: None,
        }
    }

    pub(super) fn memory(memory: MemoryRecord) -> Self {
        Self {
            id: memory.id.to_string(),
            what: "memory",
            text: (!memory.sensitive).then_some(memory.text),
            said_at: memory.said_at.to_string(),
            source: memory.source.name(),
            author: None,
            held_until: memory.valid_until.map(|at| at.to_string()),
            replaced_by: memory.successor.map(|id| id.to_string()),
        }
    }
}

impl Item {
    pub(super) fn new(memory: MemoryRecord) -> Self {
        Self {
            id: memory.id.to_string(),
            kind: memory.kind.name(),
            text: (!memory.sensitive).then_some(memory.text),
        }
    }
}

/// To three decimals: what JSON shows of an `f32` is noise after that.
pub(super) fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1000.0).round() / 1000.0
}
