//! Every table of a memory: its name, its key, its value, its version.
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `meta` | name | bytes: the version of the layout, counters |
//! | `sessions` | session | [`rows::SessionRow`] |
//! | `episodes` | episode | [`rows::EpisodeRow`] |
//! | `session_episodes` | session, episode | nothing |
//! | `memories` | memory | [`rows::MemoryRow`] |
//! | `episode_memories` | episode, memory | nothing: the evidence, backwards |
//! | `slots` | hash of what it is about, memory | nothing: memories that hold |
//! | `passages` | row | [`rows::PassageRow`] |
//! | `episode_passages` | episode, row | nothing |
//! | `spaces` | space | [`rows::SpaceRow`]: one embedder's vectors |
//! | `codes` | space, row | scale (f32), then one int8 for each dimension |
//! | `vectors` | space, row | one f16 for each dimension |
//! | `postings` | term | many `Posting`s, 8 bytes each |
//! | `journal` | number | row that was changed or removed |
//! | `examples` | example | a training example, in its own codec |
//! | `lineage` | item, example | nothing: which examples an item went into |
//! | `tombstones` | SHA-256 of the words | [`rows::TombstoneRow`] |
//!
//! `session_episodes`, `episode_memories`, `slots`, `passages`, `episode_passages`,
//! `codes`, `vectors`, `postings` and `lineage` are derived: they can be built anew
//! from the others.
//!
//! # Invariants
//! - Keys are big-endian and of one length for each table (but `meta` and `postings`):
//!   their bytes sort as they do, and every key reads back as it was written.
//! - A value begins with its version; unknown versions and trailing bytes are refused.
//! - Codes of enumerations are never renumbered.
//!
//! Units: times in milliseconds since 1970, positions in bytes of UTF-8.

mod keys;
pub(crate) mod rows;

pub(crate) use keys::{Key, slot_keys};

/// The layout this program writes. Another one is refused when a memory is opened.
pub const SCHEMA_VERSION: u32 = 1;

/// Number of an embedder's space.
pub(crate) type Space = u16;
/// Dense number of a passage: its place in every index.
pub(crate) type Row = u32;

/// Longest term kept in the index of words, in bytes; longer ones are cut at a character.
pub(crate) const MAX_TERM_BYTES: usize = 255;

/// Why stored bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A key has not the length of its kind.
    #[error("key has {found} bytes, expected {expected}")]
    KeyLength {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A key begins with a byte that no key begins with.
    #[error("key has unknown tag {found}")]
    KeyTag {
        /// The byte.
        found: u8,
    },
    /// A value is of a version this program does not know.
    #[error("value has version {found}, this program reads version {expected}")]
    Version {
        /// The version found.
        found: u8,
        /// The version known.
        expected: u8,
    },
    /// A value is empty, cut off, too long, or out of range.
    #[error("value cannot be read: {problem}")]
    Value {
        /// What is wrong.
        problem: &'static str,
    },
    /// A number that stands for nothing.
    #[error("unknown code {found} for {what}")]
    Code {
        /// What it should stand for.
        what: &'static str,
        /// The number.
        found: u8,
    },
}
