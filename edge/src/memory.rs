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

mod answer;
mod archive;
pub mod bench;
pub mod embedder;
pub mod episode;
mod export;
pub mod extract;
pub mod index;
mod learn;
pub mod lexicon;
mod maintain;
mod passages;
pub mod query;
pub mod recall;
pub mod record;
pub mod report;
pub mod retain;
pub mod schema;
pub(crate) mod store;
mod training;
mod upkeep;
mod vector;
mod view;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use shared::clock::Clock;
use shared::example::ExampleError;
use shared::id::{EpisodeId, MemoryId, SessionId};
use shared::redact::{Redactor, RuleError, Rules};

use embedder::{EmbedError, Embedder};
use episode::{Appended, Episode, ItemId, NewEpisode, SessionSummary};
use query::Filter;
use record::MemoryRecord;
use schema::Space;
use store::{Access, Store, StoreError};
use view::View;

/// The title of the conversation that notes belong to.
const NOTES: &str = "notes";

/// How a memory behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What counts as a secret.
    pub redaction: Rules,
    /// How much is kept, and for how long.
    pub policy: retain::Policy,
    /// The owner's time zone: what "yesterday" means.
    pub zone: TimeZone,
    /// Makes identifiers differ between processes; random in life, fixed in tests.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            redaction: Rules::default(),
            policy: retain::Policy::default(),
            zone: TimeZone::UTC,
            seed: 0,
        }
    }
}

/// Why memory could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The owner's rules of redaction cannot be used.
    #[error("cannot use the rules of redaction")]
    Rules {
        /// What is wrong with them.
        source: RuleError,
    },
    /// The question could not be embedded.
    #[error("cannot embed the question")]
    Embed {
        /// What the embedder says.
        source: EmbedError,
    },
    /// A text is longer than an episode may be.
    #[error("the text has {found} bytes, an episode holds {limit}")]
    TooLong {
        /// Its bytes.
        found: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Nothing is called so.
    #[error("nothing in memory is called {name:?}")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Several items are called so.
    #[error("more than one item in memory ends in {name:?}")]
    Ambiguous {
        /// What was asked for.
        name: String,
    },
    /// A rating that there is not.
    #[error("a rating is 1 to 5, not {found}")]
    Rating {
        /// What was given.
        found: u8,
    },
    /// An export could not be written.
    #[error("cannot write the export")]
    Write {
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of an import cannot be read.
    #[error("line {number} of the import cannot be read: {problem}")]
    Line {
        /// Its number, from 1.
        number: u64,
        /// What is wrong.
        problem: String,
    },
    /// The archive's graph could not be written.
    #[error("cannot write the archive's graph {path}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A training example could not be written or read.
    #[error("cannot keep the training example")]
    Example {
        /// What is wrong.
        source: ExampleError,
    },
}

/// A memory, open.
pub struct Memory {
    store: Arc<Store>,
    embedder: Arc<dyn Embedder>,
    /// The embedder's vectors; `None`: words only.
    space: Option<Space>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    options: Options,
    /// Identifiers made so far.
    made: AtomicU64,
    view: Mutex<View>,
}

impl Memory {
    /// Opens the memory in a folder, and makes it where there is none. On a file system
    /// that is read-only it can be read.
    ///
    /// # Errors
    /// [`MemoryError::Store`] where the folder cannot be used, the file is damaged or of
    /// another layout, or this program has it open; [`MemoryError::Rules`] for rules of
    /// redaction that cannot be used.
    pub fn open(
        dir: &Path,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, MemoryError> {
        let salt = salt(options.seed, clock.now().millis());
        let store = match Store::open(dir, Access::Write, salt) {
            Err(StoreError::ReadOnly { .. }) => Store::open(dir, Access::Read, salt)?,
            opened => opened?,
        };
        Self::over(Arc::new(store), embedder, clock, options)
    }

    fn over(
        store: Arc<Store>,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, MemoryError> {
        let redactor =
            Redactor::new(&options.redaction).map_err(|source| MemoryError::Rules { source })?;
        let space = match embedder.dimensions() {
            0 => None,
            dimensions => match store.space(embedder.id(), dimensions) {
                // A memory that cannot be written is searched by words until it can.
                Err(StoreError::ReadOnly { .. }) => None,
                space => Some(space?),
            },
        };
        let dimensions = space.map_or(0, |_| embedder.dimensions());
        Ok(Self {
            view: Mutex::new(View::new(dimensions)),
            store,
            embedder,
            space,
            clock,
            redactor,
            options,
            made: AtomicU64::new(0),
        })
    }

    /// Appends an episode: redacted, then written with its passages, vectors, terms and
    /// memories in one transaction. Durable once this returns.
    ///
    /// # Errors
    /// [`MemoryError`]; nothing is written then.
    pub fn append(&self, episode: NewEpisode) -> Result<Appended, MemoryError> {
        let mut appended = self.append_all(vec![episode])?;
        appended.pop().ok_or_else(|| unknown("the new episode"))
    }

    /// Appends episodes in order, all or none, in one transaction.
    ///
    /// # Errors
    /// [`MemoryError`]; nothing is written then.
    pub fn append_all(&self, episodes: Vec<NewEpisode>) -> Result<Vec<Appended>, MemoryError> {
        let prepared = episodes.into_iter().map(|new| self.prepare(new));
        self.write(prepared.collect::<Result<_, _>>()?)
    }

    /// Begins a conversation.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be written.
    pub fn new_session(&self, title: &str) -> Result<SessionId, MemoryError> {
        let title = self.redactor.redact(title).text;
        Ok(self
            .store
            .new_session(&title, self.clock.now(), self.random())?)
    }

    /// The conversation of this title; a new one where there is none.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read or written.
    pub fn session_titled(&self, title: &str) -> Result<SessionId, MemoryError> {
        let sessions = self.store.session_rows()?;
        let found = sessions.into_iter().find(|(_, row)| row.title == title);
        match found {
            Some((id, _)) => Ok(id),
            None => self.new_session(title),
        }
    }

    /// The conversation that notes belong to, which are no part of another.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read or written.
    pub fn notes_session(&self) -> Result<SessionId, MemoryError> {
        self.session_titled(NOTES)
    }

    /// Every conversation, the newest first. One without a title is called by its first words.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if they cannot be read.
    pub fn sessions(&self) -> Result<Vec<SessionSummary>, MemoryError> {
        Ok(self.store.sessions()?)
    }

    /// Whether there is such a conversation.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn has_session(&self, id: SessionId) -> Result<bool, MemoryError> {
        Ok(self.store.has_session(id)?)
    }

    /// A conversation's episodes, oldest first; none for an unknown one.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if they cannot be read.
    pub fn session_episodes(&self, id: SessionId) -> Result<Vec<Episode>, MemoryError> {
        Ok(self.store.session_episodes(id)?)
    }

    /// A memory.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn memory(&self, id: MemoryId) -> Result<Option<MemoryRecord>, MemoryError> {
        Ok(self.store.memory(id)?)
    }

    /// An episode.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn episode(&self, id: EpisodeId) -> Result<Option<Episode>, MemoryError> {
        Ok(self.store.episode(id)?)
    }

    /// The memories that pass a filter, oldest first.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if they cannot be read.
    pub fn memories(&self, filter: &Filter) -> Result<Vec<MemoryRecord>, MemoryError> {
        Ok(self.store.memories(|memory| filter.passes(memory))?)
    }

    /// Finds an item by its identifier, or by an ending of at least 4 characters that
    /// only it has.
    ///
    /// # Errors
    /// [`MemoryError::Unknown`] and [`MemoryError::Ambiguous`].
    pub fn find(&self, name: &str) -> Result<ItemId, MemoryError> {
        let ending = name.trim().to_ascii_uppercase();
        if ending.len() < ENDING_CHARACTERS {
            return Err(unknown(name));
        }
        match self.store.ending(&ending)?.as_slice() {
            [] => Err(unknown(name)),
            [item] => Ok(*item),
            _ => Err(MemoryError::Ambiguous {
                name: name.to_owned(),
            }),
        }
    }

    /// The last answer of a conversation, or of all: what it was given stands in it.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn last_answer(&self, session: Option<SessionId>) -> Result<Option<Episode>, MemoryError> {
        let is_answer = |episode: &Episode| episode.role == shared::chat::Role::Assistant;
        Ok(self.store.last_episode(session, is_answer)?)
    }

    /// The newest episodes that `wanted` accepts, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if they cannot be read.
    pub fn newest_episodes(
        &self,
        limit: usize,
        wanted: impl Fn(&Episode) -> bool,
    ) -> Result<Vec<Episode>, MemoryError> {
        Ok(self.store.newest_episodes(limit, wanted)?)
    }

    /// A memory with those it replaced and those that replaced it, oldest first; none
    /// for an unknown one.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if they cannot be read.
    pub fn lineage(&self, id: MemoryId) -> Result<Vec<MemoryRecord>, MemoryError> {
        let mut line: Vec<MemoryRecord> = self.store.memory(id)?.into_iter().collect();
        let mut others = self.store.memories(|memory| memory.id != id)?;
        let mut known = 0;
        while known < line.len() {
            known = line.len();
            let (of_line, rest) = others.into_iter().partition(|other| {
                let replaces = |memory: &MemoryRecord| memory.successor == Some(other.id);
                let replaced = |memory: &MemoryRecord| other.successor == Some(memory.id);
                line.iter()
                    .any(|memory| replaces(memory) || replaced(memory))
            });
            line.extend::<Vec<_>>(of_line);
            others = rest;
        }
        line.sort_by_key(|memory| (memory.said_at, memory.id));
        Ok(line)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bits that tell identifiers of one millisecond apart (SplitMix64).
    fn random(&self) -> u128 {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let start = self.options.seed.wrapping_add(count.wrapping_mul(2));
        u128::from(mix(start)) << 64 | u128::from(mix(start.wrapping_add(1)))
    }
}

/// An ending of an identifier shorter than this names nothing.
const ENDING_CHARACTERS: usize = 4;

fn unknown(name: &str) -> MemoryError {
    MemoryError::Unknown {
        name: name.to_owned(),
    }
}

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn salt(seed: u64, now: i64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(now.to_le_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
