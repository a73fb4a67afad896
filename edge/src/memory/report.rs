//! What the upkeep of a memory answers with.

use serde::Serialize;
use shared::id::{EpisodeId, ExampleId, MemoryId};

use super::query::SearchPath;

/// What was removed, and what had to follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Episodes whose words are gone.
    pub episodes: Vec<EpisodeId>,
    /// Memories that are gone.
    pub memories: Vec<MemoryId>,
    /// Training examples that left the queue.
    pub examples: Vec<ExampleId>,
    /// Vectors removed.
    pub vectors: u64,
    /// Entries removed from the index of words.
    pub postings: u64,
}

/// What a memory holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Episodes.
    pub episodes: u64,
    /// Conversations.
    pub sessions: u64,
    /// Memories that hold.
    pub memories: u64,
    /// Memories that were replaced.
    pub superseded: u64,
    /// Memories or episodes marked sensitive.
    pub sensitive: u64,
    /// Passages that can be recalled.
    pub passages: u64,
    /// Passages without a vector of the present embedder.
    pub unembedded: u64,
    /// Different words in the index.
    pub terms: u64,
    /// Training examples in the queue.
    pub examples: u64,
    /// Contents that may not come back.
    pub tombstones: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the file in use.
    pub used_bytes: u64,
    /// The present embedder.
    pub embedder: String,
    /// Its dimensions; 0: words only.
    pub dimensions: usize,
    /// How vectors are searched.
    pub path: SearchPath,
    /// Version of the stored layout.
    pub schema: u32,
}

/// Whether [`super::Memory::verify`] mends what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Only report.
    No,
    /// Build anew what is derived.
    Yes,
}

/// Whether [`super::Memory::prune`] only says what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Change nothing.
    Yes,
    /// Do it.
    No,
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The table that is wrong.
    pub table: &'static str,
    /// The entry.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entries looked at.
    pub checked: u64,
    /// What did not fit.
    pub faults: Vec<Fault>,
    /// How many faults were mended.
    pub repaired: u64,
}

impl Report {
    /// Whether everything fits, or was made to.
    pub fn is_clean(&self) -> bool {
        self.faults.len() as u64 == self.repaired
    }
}

/// How far the re-embedding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Passages embedded by this step.
    pub done: u64,
    /// Passages still without a vector.
    pub left: u64,
}

/// What compaction gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Bytes of the file before.
    pub before_bytes: u64,
    /// Bytes of the file after.
    pub after_bytes: u64,
}

/// What an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Whether sensitive episodes and memories are written.
    pub sensitive: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Lines, without the header.
    pub lines: u64,
    /// Sensitive entries left out.
    pub left_out: u64,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Entries that are new here.
    pub added: u64,
    /// Entries that were here already.
    pub known: u64,
    /// Entries refused because they were forgotten here.
    pub forgotten: u64,
    /// Tombstones passed over: something was forgotten in both memories, and the other
    /// one's hashes hide their words with a salt that is not this one's.
    pub tombstones_skipped: u64,
}
