//! What is remembered: episodes verbatim, memories derived from them, and recall.
//!
//! One [`Memory`] is one folder with one LMDB environment. Everything that is written
//! passes redaction first; what was recalled is never learnt from again.
//!
//! # Invariants
//! - What a call has answered is on the disk: a write is one transaction, synced.
//! - Several processes may have one folder open; each sees the others' writes at its
//!   next call. Within one process a folder is opened once and shared.
//! - Vectors, codes and terms are derived: [`Memory::verify`] builds them anew.

pub mod embedder;
pub mod episode;
pub mod extract;
pub mod index;
pub mod lexicon;
pub mod query;
pub mod recall;
pub mod record;
pub mod report;
pub mod retain;
pub mod schema;
mod store;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use shared::chat::Message;
use shared::clock::Clock;
use shared::id::{EpisodeId, ExampleId, MemoryId, SessionId};

use embedder::{EmbedError, Embedder};
use episode::{Appended, Episode, Feedback, ItemId, NewEpisode, SessionSummary};
use query::{Filter, Query, Recall};
use record::{MemoryRecord, Pin};
use report::{
    Compacted, ExportOptions, Exported, Imported, Progress, Receipt, Repair, Report, Stats,
};

/// How a memory behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The owner's time zone: what "yesterday" means.
    pub zone: TimeZone,
    /// Makes identifiers differ between processes; random in life, fixed in tests.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            seed: 0,
        }
    }
}

/// Why memory could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The folder cannot be made or read.
    #[error("cannot use memory folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A text could not be embedded.
    #[error("cannot embed the text")]
    Embed {
        /// What the embedder says.
        source: EmbedError,
    },
    /// No such item, or too many.
    #[error("nothing in memory is called {name:?}")]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

/// A memory, open.
pub struct Memory {
    embedder: Arc<dyn Embedder>,
    clock: Arc<dyn Clock>,
    options: Options,
}

#[expect(
    unused_variables,
    clippy::todo,
    missing_docs,
    clippy::missing_errors_doc,
    reason = "bodies follow"
)]
impl Memory {
    pub fn open(
        dir: &Path,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, MemoryError> {
        todo!()
    }
    pub fn append(&self, episode: NewEpisode) -> Result<Appended, MemoryError> {
        todo!()
    }
    pub fn append_all(&self, episodes: Vec<NewEpisode>) -> Result<Vec<Appended>, MemoryError> {
        todo!()
    }
    pub fn new_session(&self, title: &str) -> Result<SessionId, MemoryError> {
        todo!()
    }
    /// Newest first.
    pub fn sessions(&self) -> Result<Vec<SessionSummary>, MemoryError> {
        todo!()
    }
    /// Oldest first; empty for an unknown session.
    pub fn session_episodes(&self, id: SessionId) -> Result<Vec<Episode>, MemoryError> {
        todo!()
    }
    pub fn delete_session(&self, id: SessionId) -> Result<Receipt, MemoryError> {
        todo!()
    }
    pub fn recall(&self, query: &Query) -> Result<Recall, MemoryError> {
        todo!()
    }
    pub fn memory(&self, id: MemoryId) -> Result<Option<MemoryRecord>, MemoryError> {
        todo!()
    }
    pub fn episode(&self, id: EpisodeId) -> Result<Option<Episode>, MemoryError> {
        todo!()
    }
    /// Oldest first.
    pub fn memories(&self, filter: &Filter) -> Result<Vec<MemoryRecord>, MemoryError> {
        todo!()
    }
    /// Finds an item by its full id, or by an ending of at least 4 characters that only it has.
    pub fn find(&self, name: &str) -> Result<ItemId, MemoryError> {
        todo!()
    }
    pub fn correct(&self, id: MemoryId, text: &str) -> Result<Appended, MemoryError> {
        todo!()
    }
    pub fn forget(&self, item: ItemId) -> Result<Receipt, MemoryError> {
        todo!()
    }
    pub fn pin(&self, id: MemoryId, pin: Pin) -> Result<(), MemoryError> {
        todo!()
    }
    pub fn note_use(&self, items: &[ItemId]) -> Result<(), MemoryError> {
        todo!()
    }
    pub fn feedback(&self, answer: EpisodeId, feedback: Feedback) -> Result<(), MemoryError> {
        todo!()
    }
    pub fn finish_turn(
        &self,
        question: EpisodeId,
        answer: EpisodeId,
        prompt: &[Message],
        given: &[ItemId],
    ) -> Result<ExampleId, MemoryError> {
        todo!()
    }
    pub fn last_answer(&self, session: Option<SessionId>) -> Result<Option<Episode>, MemoryError> {
        todo!()
    }
    pub fn stats(&self) -> Result<Stats, MemoryError> {
        todo!()
    }
    pub fn verify(&self, repair: Repair) -> Result<Report, MemoryError> {
        todo!()
    }
    pub fn compact(&self) -> Result<Compacted, MemoryError> {
        todo!()
    }
    pub fn export(
        &self,
        out: &mut dyn Write,
        options: ExportOptions,
    ) -> Result<Exported, MemoryError> {
        todo!()
    }
    pub fn import(&self, from: &mut dyn BufRead) -> Result<Imported, MemoryError> {
        todo!()
    }
    pub fn reembed_step(&self, max: usize) -> Result<Progress, MemoryError> {
        todo!()
    }
}
