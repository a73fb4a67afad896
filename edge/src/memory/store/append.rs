//! Appending: an episode with its passages, vectors, terms and memories, in one
//! transaction.

use heed::RwTxn;
use shared::clock::Timestamp;
use shared::id::{EpisodeId, MemoryId, SessionId};

use super::{Store, StoreError, Tables};
use crate::memory::episode::Episode;
use crate::memory::lexicon::Posting;
use crate::memory::record::MemoryRecord;
use crate::memory::schema::rows::{EpisodeRow, Extent, PassageRow, SessionRow};
use crate::memory::schema::{Row, Space};

/// A part of an episode that is ranked as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Where it lies, and what ranking knows of it.
    pub(crate) extent: Extent,
    /// Its terms and how often each stands in it.
    pub(crate) terms: Vec<(String, u16)>,
    /// Its vector, where there is an embedder and it could be embedded.
    pub(crate) vector: Option<Embedded>,
}

/// A vector as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Embedded {
    /// Whose vector it is.
    pub(crate) space: Space,
    /// Scale and int8 of each dimension.
    pub(crate) code: Vec<u8>,
    /// f16 of each dimension.
    pub(crate) vector: Vec<u8>,
}

/// What a new memory is to one that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Nothing.
    Unrelated,
    /// It says the same.
    Repeats,
    /// It closes it.
    Closes,
}

/// A memory to be kept. Its identifier, evidence and time come from the episode.
pub(crate) struct Derived<'a> {
    /// What it says.
    pub(crate) record: MemoryRecord,
    /// Where the memories are that it may repeat or close.
    pub(crate) looks: Vec<u64>,
    /// What it is to one of those.
    pub(crate) judge: Box<dyn Fn(&MemoryRecord) -> Judgement + 'a>,
    /// A memory that it closes, whatever the judgement.
    pub(crate) replaces: Option<MemoryId>,
}

/// An episode to be written. Its identifier is given by the store.
pub(crate) struct Entry<'a> {
    /// The episode.
    pub(crate) episode: Episode,
    /// When it is written.
    pub(crate) now: Timestamp,
    /// Tells identifiers of one millisecond apart.
    pub(crate) random: u128,
    /// What is ranked; empty for what is never recalled.
    pub(crate) parts: Vec<Part>,
    /// What is learnt from it.
    pub(crate) derived: Vec<Derived<'a>>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The episode.
    pub(crate) episode: EpisodeId,
    /// Memories that now rest on it.
    pub(crate) memories: Vec<MemoryId>,
    /// Memories that were closed.
    pub(crate) superseded: Vec<MemoryId>,
}

impl Store {
    /// Writes episodes in order, all or none. Durable once this returns.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub(crate) fn append(&self, entries: &[Entry<'_>]) -> Result<Vec<Written>, StoreError> {
        self.write(|tables, txn| {
            entries
                .iter()
                .map(|entry| tables.append(txn, entry))
                .collect()
        })
    }
}

impl Tables {
    fn append(&self, txn: &mut RwTxn, entry: &Entry<'_>) -> Result<Written, StoreError> {
        let last = self.episodes.last_key(txn)?;
        let id = after(
            EpisodeId::new(entry.now, entry.random),
            last,
            EpisodeId::successor,
        );
        let mut episode = entry.episode.clone();
        episode.id = id;
        self.ensure_session(txn, episode.session, episode.said_at)?;
        self.put_episode(txn, &episode)?;
        self.put_parts(txn, &episode, &entry.parts)?;
        let mut written = Written {
            episode: id,
            memories: Vec::new(),
            superseded: Vec::new(),
        };
        for derived in &entry.derived {
            self.learn(txn, entry, derived, &mut written)?;
        }
        Ok(written)
    }

    pub(super) fn ensure_session(
        &self,
        txn: &mut RwTxn,
        id: SessionId,
        started: Timestamp,
    ) -> Result<(), StoreError> {
        if self.sessions.has(txn, &id)? {
            return Ok(());
        }
        let title = String::new();
        self.sessions.put(txn, &id, &SessionRow { title, started })
    }

    /// Writes an episode's row and its place in the conversation.
    pub(super) fn put_episode(&self, txn: &mut RwTxn, episode: &Episode) -> Result<(), StoreError> {
        self.episodes
            .put(txn, &episode.id, &EpisodeRow::from(episode))?;
        self.session_episodes
            .put(txn, &(episode.session, episode.id), &())
    }

    /// Writes what an episode is found by.
    pub(super) fn put_parts(
        &self,
        txn: &mut RwTxn,
        episode: &Episode,
        parts: &[Part],
    ) -> Result<(), StoreError> {
        if parts.is_empty() {
            return Ok(());
        }
        let first = self.meta.take_rows(txn, parts.len())?;
        for (row, part) in (first..).zip(parts) {
            let passage = PassageRow::of(episode, &part.extent);
            self.passages.put(txn, &row, &passage)?;
            self.episode_passages.put(txn, &(episode.id, row), &())?;
            self.put_terms(txn, row, part)?;
            if let Some(embedded) = &part.vector {
                self.put_vector(txn, row, embedded)?;
            }
        }
        Ok(())
    }

    pub(super) fn put_terms(
        &self,
        txn: &mut RwTxn,
        row: Row,
        part: &Part,
    ) -> Result<(), StoreError> {
        for (term, count) in &part.terms {
            let posting = Posting {
                row,
                count: *count,
                length: part.extent.length,
            };
            self.postings.put(txn, term, &posting)?;
        }
        Ok(())
    }

    pub(super) fn put_vector(
        &self,
        txn: &mut RwTxn,
        row: Row,
        embedded: &Embedded,
    ) -> Result<(), StoreError> {
        let key = (embedded.space, row);
        self.codes.put(txn, &key, &embedded.code)?;
        self.vectors.put(txn, &key, &embedded.vector)
    }

    fn learn(
        &self,
        txn: &mut RwTxn,
        entry: &Entry<'_>,
        derived: &Derived<'_>,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        let mut memory = derived.record.clone();
        let mut closed = Vec::new();
        for mut old in self.related(txn, derived)? {
            let judgement = if derived.replaces == Some(old.id) {
                Judgement::Closes
            } else {
                (derived.judge)(&old)
            };
            match judgement {
                Judgement::Unrelated => {}
                Judgement::Repeats => {
                    old.evidence.push(written.episode);
                    self.put_memory(txn, &old)?;
                    self.episode_memories
                        .put(txn, &(written.episode, old.id), &())?;
                    written.memories.push(old.id);
                    return Ok(());
                }
                // What was said earlier and arrives later is closed from the start.
                Judgement::Closes if memory.said_at < old.said_at => {
                    memory.valid_until = Some(old.valid_from);
                    memory.successor = Some(old.id);
                }
                Judgement::Closes => closed.push(old),
            }
        }
        let last = self.memories.last_key(txn)?;
        // Other bits than the episode's: an ending must tell the two apart.
        memory.id = after(
            MemoryId::new(entry.now, !entry.random),
            last,
            MemoryId::successor,
        );
        memory.evidence = vec![written.episode];
        for mut old in closed {
            old.valid_until = Some(memory.valid_from);
            old.successor = Some(memory.id);
            self.put_memory(txn, &old)?;
            written.superseded.push(old.id);
        }
        self.put_memory(txn, &memory)?;
        self.episode_memories
            .put(txn, &(written.episode, memory.id), &())?;
        written.memories.push(memory.id);
        Ok(())
    }

    fn related(&self, txn: &RwTxn, derived: &Derived<'_>) -> Result<Vec<MemoryRecord>, StoreError> {
        let mut ids: Vec<MemoryId> = derived.replaces.into_iter().collect();
        for slot in &derived.looks {
            ids.extend(self.slots.seconds(txn, slot)?);
        }
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .filter_map(|id| self.memory(txn, id).transpose())
            .collect()
    }
}

/// The identifier itself, or the next after the last one if the clock went back.
pub(super) fn after<I: Copy + Ord>(
    fresh: I,
    last: Option<I>,
    successor: impl Fn(I) -> Option<I>,
) -> I {
    match last {
        Some(last) if fresh <= last => successor(last).unwrap_or(fresh),
        _ => fresh,
    }
}
