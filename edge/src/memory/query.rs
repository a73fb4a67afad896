//! Questions to memory, and what comes back.

use serde::{Deserialize, Serialize};
use shared::chat::Role;
use shared::clock::Timestamp;
use shared::id::{EpisodeId, SessionId};

use super::episode::{ItemId, Source};
use super::record::{Kind, MemoryRecord};

/// What a conversation lets memory do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryUse {
    /// Nothing.
    Off,
    /// Recall, and keep nothing.
    ReadOnly,
    /// Recall and keep.
    Use,
}

impl MemoryUse {
    /// Every use.
    pub const ALL: [Self; 3] = [Self::Off, Self::ReadOnly, Self::Use];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 3] = ["off", "read_only", "use"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Which memories are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only memories of this kind.
    pub kind: Option<Kind>,
    /// Only what was said at or after this instant.
    pub since: Option<Timestamp>,
    /// Only what was said before this instant.
    pub until: Option<Timestamp>,
    /// Only what came from here.
    pub source: Option<Source>,
    /// Only what this side said; memories are all the owner's.
    pub role: Option<Role>,
    /// Whether secrets that the owner wants remembered are shown: to the owner, yes.
    pub include_sensitive: bool,
    /// Whether memories that were replaced are shown.
    pub include_superseded: bool,
}

impl Default for Filter {
    /// The owner looks at everything that still holds.
    fn default() -> Self {
        Self {
            kind: None,
            since: None,
            until: None,
            source: None,
            role: None,
            include_sensitive: true,
            include_superseded: false,
        }
    }
}

impl Filter {
    /// Whether a memory passes.
    pub fn passes(&self, memory: &MemoryRecord) -> bool {
        self.kind.is_none_or(|kind| memory.kind == kind)
            && self.source.is_none_or(|source| memory.source == source)
            && self.since.is_none_or(|since| memory.said_at >= since)
            && self.until.is_none_or(|until| memory.said_at < until)
            && (self.include_sensitive || !memory.sensitive)
            && (self.include_superseded || memory.is_live())
    }
}

/// A question to memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The words.
    pub text: String,
    /// At most this many hits.
    pub limit: usize,
    /// At most about this many tokens of text; `None`: no bound.
    pub token_budget: Option<usize>,
    /// The conversation it is asked in.
    pub session: Option<SessionId>,
    /// Episodes that the asker sees already.
    pub exclude: Vec<EpisodeId>,
    /// Which memories are looked at.
    pub filter: Filter,
    /// When it is asked.
    pub now: Timestamp,
}

impl Query {
    /// A plain question: ten hits, no filter.
    pub fn new(text: impl Into<String>, now: Timestamp) -> Self {
        Self {
            text: text.into(),
            limit: 10,
            token_budget: None,
            session: None,
            exclude: Vec::new(),
            filter: Filter::default(),
            now,
        }
    }
}

/// What a score is made of: each part's share of the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Words in common.
    pub lexical: f32,
    /// Nearness in meaning.
    pub dense: f32,
    /// How lately it was said.
    pub recency: f32,
    /// How much it matters.
    pub importance: f32,
    /// Names in common.
    pub names: f32,
    /// A time that the question names.
    pub time: f32,
    /// What was said beside it.
    pub neighbour: f32,
}

/// One thing recalled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The memory, or the episode where no memory was taken from these words.
    pub item: ItemId,
    /// The episode the words stand in.
    pub episode: EpisodeId,
    /// The words.
    pub text: String,
    /// When they were said.
    pub said_at: Timestamp,
    /// Who said them.
    pub role: Role,
    /// Greater is better; comparable within one recall only.
    pub score: f32,
    /// What the score is made of.
    pub why: Why,
    /// Whether it holds; what was replaced may be shown to say whom the words mean.
    pub holds: bool,
    /// Whether it is a secret that its owner wants remembered.
    pub sensitive: bool,
}

/// How the vectors were searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchPath {
    /// Not at all: words only.
    Lexical,
    /// Every vector in int8, the best in full precision.
    Scan,
    /// 1-bit codes, then int8, then full precision.
    Cascade,
    /// Sealed graphs for the archive, codes for the rest.
    Segments,
}

impl SearchPath {
    /// The name that output uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Scan => "scan",
            Self::Cascade => "cascade",
            Self::Segments => "segments",
        }
    }
}

/// What a question brought back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Best first.
    pub hits: Vec<Hit>,
    /// `0.0..=1.0`; low when nothing fits.
    pub confidence: f32,
    /// How the vectors were searched.
    pub path: SearchPath,
}
