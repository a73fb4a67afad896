//! Memories: what was derived from episodes, with evidence and a time of validity.

use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::id::{EpisodeId, MemoryId};

use super::episode::Source;

/// What a memory is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Who the owner is.
    Identity,
    /// What the owner likes or wants.
    Preference,
    /// Who somebody is to somebody.
    Relation,
    /// What something is.
    Definition,
    /// When something is.
    Date,
    /// Where somebody or something is.
    Place,
    /// What somebody has.
    Belonging,
    /// A code or a password that the owner wants remembered.
    Secret,
    /// Whatever else was asked to be remembered.
    Note,
}

impl Kind {
    /// Every kind, in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Identity,
        Self::Preference,
        Self::Relation,
        Self::Definition,
        Self::Date,
        Self::Place,
        Self::Belonging,
        Self::Secret,
        Self::Note,
    ];

    /// The name used in filters and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Preference => "preference",
            Self::Relation => "relation",
            Self::Definition => "definition",
            Self::Date => "date",
            Self::Place => "place",
            Self::Belonging => "belonging",
            Self::Secret => "secret",
            Self::Note => "note",
        }
    }
}

/// A memory as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// Its identifier.
    pub id: MemoryId,
    /// What it is about.
    pub kind: Kind,
    /// Whom or what it tells of.
    pub subject: String,
    /// Which property.
    pub attribute: String,
    /// What it says.
    pub value: String,
    /// The sentence it was taken from, after redaction.
    pub text: String,
    /// The episodes it was taken from.
    pub evidence: Vec<EpisodeId>,
    /// Where those came from.
    pub source: Source,
    /// When it was said.
    pub said_at: Timestamp,
    /// From when it holds.
    pub valid_from: Timestamp,
    /// Until when it held; `None`: it holds still.
    pub valid_until: Option<Timestamp>,
    /// The memory that replaced it.
    pub successor: Option<MemoryId>,
    /// How much it matters, `0.0..=1.0`.
    pub importance: f32,
    /// How often it was used in an answer.
    pub uses: u32,
    /// When it was last used.
    pub last_use: Option<Timestamp>,
    /// Whether it is never dropped.
    pub pinned: bool,
    /// Whether it is a secret that its owner wants remembered.
    pub sensitive: bool,
}

impl MemoryRecord {
    /// Whether it still holds.
    pub fn is_live(&self) -> bool {
        self.successor.is_none() && self.valid_until.is_none()
    }
}

/// Whether a memory is kept whatever the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pin {
    /// Never dropped.
    On,
    /// Dropped when the policy says so.
    Off,
}
