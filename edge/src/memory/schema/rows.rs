//! Values as versioned bytes: one byte of version, then `postcard`.
//!
//! Rows are types of their own, apart from what callers see, so that a change there
//! never changes what is stored by accident.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::chat::Role;
use shared::clock::Timestamp;
use shared::id::{EpisodeId, MemoryId, SessionId};

use super::{Key, Row, SchemaError};
use crate::memory::episode::{Episode, Given, Intent, ItemId, Source, Verdict};
use crate::memory::lexicon::{Asks, Posting};
use crate::memory::query::Why;
use crate::memory::record::{Kind, MemoryRecord};

/// Something that is stored under a key.
pub(crate) trait Value: Sized {
    /// Its bytes.
    ///
    /// # Errors
    /// [`SchemaError::Value`] if it cannot be written.
    fn to_stored(&self) -> Result<Vec<u8>, SchemaError>;

    /// Reads what [`Self::to_stored`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`SchemaError`] for another version, for malformed fields and for trailing bytes.
    fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError>;
}

fn encode_versioned(version: u8, row: &impl Serialize) -> Result<Vec<u8>, SchemaError> {
    postcard::to_extend(row, vec![version]).map_err(|_| SchemaError::Value {
        problem: "it cannot be written",
    })
}

fn decode_versioned<R: DeserializeOwned>(expected: u8, bytes: &[u8]) -> Result<R, SchemaError> {
    let (&found, fields) = bytes.split_first().ok_or(SchemaError::Value {
        problem: "it is empty",
    })?;
    if found != expected {
        return Err(SchemaError::Version { found, expected });
    }
    match postcard::take_from_bytes(fields) {
        Ok((row, [])) => Ok(row),
        Ok(_) => Err(SchemaError::Value {
            problem: "bytes follow its end",
        }),
        Err(_) => Err(SchemaError::Value {
            problem: "its fields are malformed",
        }),
    }
}

macro_rules! versions {
    ($($row:ty = $version:literal)*) => {$(
        impl Value for $row {
            fn to_stored(&self) -> Result<Vec<u8>, SchemaError> {
                encode_versioned($version, self)
            }

            fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError> {
                decode_versioned($version, bytes)
            }
        }
    )*};
}
versions! { SessionRow = 1 MemoryRow = 1 PassageRow = 1 SpaceRow = 1 TombstoneRow = 1 }

/// What version 1 of an episode lacks at its end: no author.
const NO_AUTHOR: u8 = 0;

impl Value for EpisodeRow {
    fn to_stored(&self) -> Result<Vec<u8>, SchemaError> {
        encode_versioned(2, self)
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError> {
        match bytes.first() {
            Some(1) => {
                let row: Self = decode_versioned(1, &[bytes, &[NO_AUTHOR]].concat())?;
                // An author could only have come from a byte too many.
                row.author
                    .is_none()
                    .then_some(row)
                    .ok_or(SchemaError::Value {
                        problem: "bytes follow its end",
                    })
            }
            _ => decode_versioned(2, bytes),
        }
    }
}

impl Value for () {
    fn to_stored(&self) -> Result<Vec<u8>, SchemaError> {
        Ok(Vec::new())
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError> {
        if bytes.is_empty() {
            return Ok(());
        }
        Err(SchemaError::Value {
            problem: "it should be empty",
        })
    }
}

impl Value for Row {
    fn to_stored(&self) -> Result<Vec<u8>, SchemaError> {
        Ok(self.bytes())
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError> {
        <Self as Key>::decode(bytes)
    }
}

impl Value for Vec<u8> {
    fn to_stored(&self) -> Result<Vec<u8>, SchemaError> {
        Ok(self.clone())
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, SchemaError> {
        Ok(bytes.to_vec())
    }
}

macro_rules! codes {
    ($($kind:ty, $what:literal: $($variant:ident = $code:literal)*;)*) => {$(
        impl Code for $kind {
            fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            fn from_code(found: u8) -> Result<Self, SchemaError> {
                match found {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(SchemaError::Code { what: $what, found }),
                }
            }
        }
    )*};
}

/// An enumeration with stored numbers.
pub(crate) trait Code: Sized {
    /// Its number.
    fn code(self) -> u8;
    /// The one with that number.
    fn from_code(code: u8) -> Result<Self, SchemaError>;
}

codes! {
    Role, "a role": System = 0 User = 1 Assistant = 2;
    Source, "a source": Chat = 0 Ask = 1 Command = 2 Import = 3 Note = 4 Api = 5
        Mcp = 6;
    Intent, "an intent": Said = 0 Remember = 1;
    Asks, "a way to ask": No = 0 Among = 1 Last = 2;
    Kind, "a kind": Identity = 0 Preference = 1 Relation = 2 Definition = 3 Date = 4
        Place = 5 Belonging = 6 Secret = 7 Note = 8;
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) title: String,
    pub(crate) started: Timestamp,
}

/// What an episode was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GivenRow {
    tag: u8,
    id: [u8; 16],
    score: f32,
    why: [f32; 7],
}

impl From<&Given> for GivenRow {
    fn from(given: &Given) -> Self {
        let (tag, id) = match given.item {
            ItemId::Memory(id) => (1, id.to_bytes()),
            ItemId::Episode(id) => (2, id.to_bytes()),
        };
        let why = &given.why;
        Self {
            tag,
            id,
            score: given.score,
            why: [
                why.lexical,
                why.dense,
                why.recency,
                why.importance,
                why.names,
                why.time,
                why.neighbour,
            ],
        }
    }
}

impl GivenRow {
    fn given(&self) -> Result<Given, SchemaError> {
        let item = match self.tag {
            1 => ItemId::Memory(MemoryId::from_bytes(self.id)),
            2 => ItemId::Episode(EpisodeId::from_bytes(self.id)),
            found => return Err(SchemaError::KeyTag { found }),
        };
        let [lexical, dense, recency, importance, names, time, neighbour] = self.why;
        Ok(Given {
            item,
            score: self.score,
            why: Why {
                lexical,
                dense,
                recency,
                importance,
                names,
                time,
                neighbour,
            },
        })
    }
}

/// An episode, without its identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpisodeRow {
    pub(crate) session: SessionId,
    role: u8,
    source: u8,
    intent: u8,
    said_at: Timestamp,
    text: String,
    model: Option<String>,
    adapter: Option<String>,
    given: Vec<GivenRow>,
    redactions: Vec<String>,
    pub(crate) sensitive: bool,
    rating: Option<u8>,
    correction: Option<String>,
    author: Option<String>,
}

impl From<&Episode> for EpisodeRow {
    fn from(episode: &Episode) -> Self {
        Self {
            session: episode.session,
            role: episode.role.code(),
            source: episode.source.code(),
            intent: episode.intent.code(),
            said_at: episode.said_at,
            text: episode.text.clone(),
            model: episode.model.clone(),
            adapter: episode.adapter.clone(),
            given: episode.given.iter().map(GivenRow::from).collect(),
            redactions: episode.redactions.clone(),
            sensitive: episode.sensitive,
            rating: episode.verdict.rating,
            correction: episode.verdict.correction.clone(),
            author: episode.author.clone(),
        }
    }
}

impl EpisodeRow {
    /// The episode these bytes are of.
    ///
    /// # Errors
    /// [`SchemaError::Code`] for a number that stands for nothing.
    pub(crate) fn into_episode(self, id: EpisodeId) -> Result<Episode, SchemaError> {
        let given = self.given.iter().map(GivenRow::given);
        Ok(Episode {
            id,
            session: self.session,
            role: Role::from_code(self.role)?,
            source: Source::from_code(self.source)?,
            author: self.author,
            intent: Intent::from_code(self.intent)?,
            said_at: self.said_at,
            given: given.collect::<Result<_, _>>()?,
            text: self.text,
            model: self.model,
            adapter: self.adapter,
            redactions: self.redactions,
            sensitive: self.sensitive,
            verdict: Verdict {
                rating: self.rating,
                correction: self.correction,
            },
        })
    }
}

/// A memory, without its identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemoryRow {
    kind: u8,
    subject: String,
    attribute: String,
    value: String,
    text: String,
    evidence: Vec<EpisodeId>,
    source: u8,
    said_at: Timestamp,
    valid_from: Timestamp,
    valid_until: Option<Timestamp>,
    successor: Option<MemoryId>,
    importance: f32,
    uses: u32,
    last_use: Option<Timestamp>,
    pinned: bool,
    sensitive: bool,
}

impl From<&MemoryRecord> for MemoryRow {
    fn from(memory: &MemoryRecord) -> Self {
        Self {
            kind: memory.kind.code(),
            subject: memory.subject.clone(),
            attribute: memory.attribute.clone(),
            value: memory.value.clone(),
            text: memory.text.clone(),
            evidence: memory.evidence.clone(),
            source: memory.source.code(),
            said_at: memory.said_at,
            valid_from: memory.valid_from,
            valid_until: memory.valid_until,
            successor: memory.successor,
            importance: memory.importance,
            uses: memory.uses,
            last_use: memory.last_use,
            pinned: memory.pinned,
            sensitive: memory.sensitive,
        }
    }
}

impl MemoryRow {
    /// The memory these bytes are of.
    ///
    /// # Errors
    /// [`SchemaError::Code`] for a number that stands for nothing.
    pub(crate) fn into_memory(self, id: MemoryId) -> Result<MemoryRecord, SchemaError> {
        Ok(MemoryRecord {
            id,
            kind: Kind::from_code(self.kind)?,
            subject: self.subject,
            attribute: self.attribute,
            value: self.value,
            text: self.text,
            evidence: self.evidence,
            source: Source::from_code(self.source)?,
            said_at: self.said_at,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            successor: self.successor,
            importance: self.importance,
            uses: self.uses,
            last_use: self.last_use,
            pinned: self.pinned,
            sensitive: self.sensitive,
        })
    }
}

/// Where a passage lies in its episode, and what ranking knows of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Extent {
    /// Where it begins in the episode's words.
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    /// How many terms it has: the length that BM25 knows.
    pub(crate) length: u16,
    /// Whether it asks.
    pub(crate) asks: Asks,
    /// How much it matters, `0.0..=1.0`.
    pub(crate) importance: f32,
}

/// A passage: the part of an episode that is ranked as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PassageRow {
    /// The episode it is part of.
    pub(crate) episode: EpisodeId,
    /// That episode's conversation.
    pub(crate) session: SessionId,
    /// When that was said.
    pub(crate) said_at: Timestamp,
    start: u32,
    end: u32,
    length: u16,
    asks: u8,
    importance: f32,
    role: u8,
    source: u8,
    /// Whether its episode is sensitive.
    pub(crate) sensitive: bool,
}

impl PassageRow {
    /// A passage of an episode.
    pub(crate) fn of(episode: &Episode, extent: &Extent) -> Self {
        Self {
            episode: episode.id,
            session: episode.session,
            said_at: episode.said_at,
            start: extent.start,
            end: extent.end,
            length: extent.length,
            asks: extent.asks.code(),
            importance: extent.importance,
            role: episode.role.code(),
            source: episode.source.code(),
            sensitive: episode.sensitive,
        }
    }

    /// Where it lies and what ranking knows of it.
    ///
    /// # Errors
    /// [`SchemaError::Code`] for a number that stands for nothing.
    pub(crate) fn extent(&self) -> Result<Extent, SchemaError> {
        Ok(Extent {
            start: self.start,
            end: self.end,
            length: self.length,
            asks: Asks::from_code(self.asks)?,
            importance: self.importance,
        })
    }

    /// Who speaks.
    pub(crate) fn role(&self) -> Result<Role, SchemaError> {
        Role::from_code(self.role)
    }

    /// Where the words came from.
    pub(crate) fn source(&self) -> Result<Source, SchemaError> {
        Source::from_code(self.source)
    }
}

/// One embedder's vector space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpaceRow {
    pub(crate) embedder: String,
    pub(crate) dimensions: u32,
}

/// Something that was forgotten and may not come back by an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TombstoneRow {
    pub(crate) at: Timestamp,
}

impl Key for Posting {
    const LEN: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        self.row.encode(out);
        self.count.encode(out);
        self.length.encode(out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        let ((row, count), length) = <((u32, u16), u16)>::decode(bytes)?;
        Ok(Self { row, count, length })
    }
}

#[cfg(test)]
mod tests;
