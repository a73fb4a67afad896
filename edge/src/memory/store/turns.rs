//! Sessions, episodes, memories and examples, one by one.

use heed::{RoTxn, RwTxn};
use shared::clock::Timestamp;
use shared::id::{EpisodeId, ExampleId, MemoryId, SessionId};

use super::append::after;
use super::{Store, StoreError, Tables};
use crate::memory::episode::{Episode, ItemId, SessionSummary, Verdict};
use crate::memory::record::MemoryRecord;
use crate::memory::schema::rows::{EpisodeRow, MemoryRow, SessionRow};
use crate::memory::schema::{Key, slot_keys};

impl Store {
    /// Begins a conversation.
    pub(crate) fn new_session(
        &self,
        title: &str,
        now: Timestamp,
        random: u128,
    ) -> Result<SessionId, StoreError> {
        self.write(|tables, txn| {
            let last = tables.sessions.last_key(txn)?;
            let id = after(SessionId::new(now, random), last, SessionId::successor);
            let row = SessionRow {
                title: title.to_owned(),
                started: now,
            };
            tables.sessions.put(txn, &id, &row)?;
            Ok(id)
        })
    }

    /// Every conversation, the one with the newest episode first.
    pub(crate) fn sessions(&self) -> Result<Vec<SessionSummary>, StoreError> {
        self.read(|tables, txn| {
            let mut sessions = Vec::new();
            for entry in tables.sessions.iter(txn)? {
                let (id, row) = entry?;
                let turns = tables.session_episodes.seconds(txn, &id)?;
                let last = match turns.last() {
                    Some(turn) => tables.episode(txn, *turn)?.map(|episode| episode.said_at),
                    None => None,
                };
                sessions.push(SessionSummary {
                    id,
                    started: row.started,
                    last: last.unwrap_or(row.started),
                    turns: turns.len() as u64,
                    title: row.title,
                });
            }
            sessions.sort_by_key(|session| std::cmp::Reverse((session.last, session.id)));
            Ok(sessions)
        })
    }

    /// Whether there is such a conversation.
    pub(crate) fn has_session(&self, id: SessionId) -> Result<bool, StoreError> {
        self.read(|tables, txn| Ok(tables.sessions.get(txn, &id)?.is_some()))
    }

    /// Every conversation's title and beginning.
    pub(crate) fn session_rows(&self) -> Result<Vec<(SessionId, SessionRow)>, StoreError> {
        self.read(|tables, txn| tables.sessions.iter(txn)?.collect())
    }

    /// A conversation's episodes, oldest first.
    pub(crate) fn session_episodes(&self, id: SessionId) -> Result<Vec<Episode>, StoreError> {
        self.read(|tables, txn| {
            let ids = tables.session_episodes.seconds(txn, &id)?;
            ids.into_iter()
                .map(|id| tables.expect_episode(txn, id))
                .collect()
        })
    }

    /// The last episode of a conversation, or of all, that `wanted` accepts.
    pub(crate) fn last_episode(
        &self,
        session: Option<SessionId>,
        wanted: impl Fn(&Episode) -> bool,
    ) -> Result<Option<Episode>, StoreError> {
        self.read(|tables, txn| {
            if let Some(session) = session {
                for id in tables
                    .session_episodes
                    .seconds(txn, &session)?
                    .into_iter()
                    .rev()
                {
                    let episode = tables.expect_episode(txn, id)?;
                    if wanted(&episode) {
                        return Ok(Some(episode));
                    }
                }
                return Ok(None);
            }
            for entry in tables.episodes.rev_iter(txn)? {
                let (id, row) = entry?;
                let episode = tables.read_episode(id, row)?;
                if wanted(&episode) {
                    return Ok(Some(episode));
                }
            }
            Ok(None)
        })
    }

    /// The newest episodes that `wanted` accepts, newest first, at most `limit`.
    pub(crate) fn newest_episodes(
        &self,
        limit: usize,
        wanted: impl Fn(&Episode) -> bool,
    ) -> Result<Vec<Episode>, StoreError> {
        self.read(|tables, txn| {
            let mut newest = Vec::new();
            for entry in tables.episodes.rev_iter(txn)? {
                if newest.len() == limit {
                    break;
                }
                let (id, row) = entry?;
                let episode = tables.read_episode(id, row)?;
                if wanted(&episode) {
                    newest.push(episode);
                }
            }
            Ok(newest)
        })
    }

    /// An episode.
    pub(crate) fn episode(&self, id: EpisodeId) -> Result<Option<Episode>, StoreError> {
        self.read(|tables, txn| tables.episode(txn, id))
    }

    /// Shows every episode to `f`, oldest first.
    pub(crate) fn each_episode<E: From<StoreError>>(
        &self,
        mut f: impl FnMut(Episode) -> Result<(), E>,
    ) -> Result<(), E> {
        self.read(|tables, txn| {
            for entry in tables.episodes.iter(txn)? {
                let (id, row) = entry?;
                f(tables.read_episode(id, row)?)?;
            }
            Ok(())
        })
    }

    /// Shows every episode with its memories to `f`, oldest first.
    pub(crate) fn each_episode_with_memories<E: From<StoreError>>(
        &self,
        mut f: impl FnMut(Episode, Vec<MemoryRecord>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.read(|tables, txn| {
            for entry in tables.episodes.iter(txn)? {
                let (id, row) = entry?;
                let memories = tables.memories_of(txn, id)?;
                f(tables.read_episode(id, row)?, memories)?;
            }
            Ok(())
        })
    }

    /// A memory.
    pub(crate) fn memory(&self, id: MemoryId) -> Result<Option<MemoryRecord>, StoreError> {
        self.read(|tables, txn| tables.memory(txn, id))
    }

    /// The memories that `wanted` accepts, oldest first.
    pub(crate) fn memories(
        &self,
        wanted: impl Fn(&MemoryRecord) -> bool,
    ) -> Result<Vec<MemoryRecord>, StoreError> {
        self.read(|tables, txn| {
            let mut memories = Vec::new();
            for entry in tables.memories.iter(txn)? {
                let (id, row) = entry?;
                let memory = tables.read_memory(id, row)?;
                if wanted(&memory) {
                    memories.push(memory);
                }
            }
            Ok(memories)
        })
    }

    /// The memories that rest on an episode, oldest first.
    pub(crate) fn memories_of(&self, id: EpisodeId) -> Result<Vec<MemoryRecord>, StoreError> {
        self.read(|tables, txn| tables.memories_of(txn, id))
    }

    /// The memories of several episodes, in one snapshot.
    pub(crate) fn episodes_with_memories(
        &self,
        ids: &[EpisodeId],
    ) -> Result<Vec<(Episode, Vec<MemoryRecord>)>, StoreError> {
        self.read(|tables, txn| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(episode) = tables.episode(txn, *id)? {
                    found.push((episode, tables.memories_of(txn, *id)?));
                }
            }
            Ok(found)
        })
    }

    /// The items whose identifiers end so, two at most.
    pub(crate) fn ending(&self, ending: &str) -> Result<Vec<ItemId>, StoreError> {
        self.read(|tables, txn| {
            let mut found = Vec::new();
            for entry in tables.memories.keys(txn)? {
                let id = entry?;
                if id.to_string().ends_with(ending) {
                    found.push(ItemId::Memory(id));
                }
            }
            for entry in tables.episodes.keys(txn)? {
                let id = entry?;
                if id.to_string().ends_with(ending) {
                    found.push(ItemId::Episode(id));
                }
            }
            found.truncate(2);
            Ok(found)
        })
    }

    /// Changes memories in place.
    pub(crate) fn change_memories(
        &self,
        ids: &[MemoryId],
        change: impl Fn(&mut MemoryRecord),
    ) -> Result<(), StoreError> {
        self.write(|tables, txn| {
            for id in ids {
                let missing = || StoreError::Missing { id: id.to_string() };
                let mut memory = tables.memory(txn, *id)?.ok_or_else(missing)?;
                change(&mut memory);
                tables.put_memory(txn, &memory)?;
            }
            Ok(())
        })
    }

    /// Changes what is thought of an episode, and of the examples made of it.
    pub(crate) fn judge(
        &self,
        id: EpisodeId,
        change: impl Fn(&mut Verdict),
        change_example: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.write(|tables, txn| {
            let mut episode = tables.expect_episode(txn, id)?;
            change(&mut episode.verdict);
            tables.put_episode(txn, &episode)?;
            for example in tables.lineage.seconds(txn, &ItemId::Episode(id))? {
                let bytes = tables.examples.get(txn, &example)?;
                if let Some(bytes) = bytes.as_deref().and_then(&change_example) {
                    tables.examples.put(txn, &example, &bytes)?;
                }
            }
            Ok(())
        })
    }

    /// Queues a training example made of `items`; `encode` is told its identifier.
    pub(crate) fn queue_example<E: From<StoreError>>(
        &self,
        now: Timestamp,
        random: u128,
        items: &[ItemId],
        encode: impl Fn(ExampleId) -> Result<Vec<u8>, E>,
    ) -> Result<ExampleId, E> {
        let mut failed = None;
        let id = self.write(|tables, txn| {
            let last = tables.examples.last_key(txn)?;
            let id = after(ExampleId::new(now, random), last, ExampleId::successor);
            match encode(id) {
                Ok(bytes) => tables.put_example(txn, id, &bytes, items)?,
                Err(error) => failed = Some(error),
            }
            Ok(id)
        })?;
        failed.map_or(Ok(id), Err)
    }

    /// Every example in the queue, oldest first.
    pub(crate) fn examples(&self) -> Result<Vec<(ExampleId, Vec<u8>)>, StoreError> {
        self.read(|tables, txn| tables.examples.iter(txn)?.collect())
    }
}

impl Tables {
    pub(super) fn episode(
        &self,
        txn: &RoTxn,
        id: EpisodeId,
    ) -> Result<Option<Episode>, StoreError> {
        let row = self.episodes.get(txn, &id)?;
        row.map(|row| self.read_episode(id, row)).transpose()
    }

    pub(super) fn expect_episode(&self, txn: &RoTxn, id: EpisodeId) -> Result<Episode, StoreError> {
        self.episode(txn, id)?
            .ok_or_else(|| StoreError::Missing { id: id.to_string() })
    }

    pub(super) fn read_episode(
        &self,
        id: EpisodeId,
        row: EpisodeRow,
    ) -> Result<Episode, StoreError> {
        row.into_episode(id)
            .map_err(|e| self.episodes.broken(&id.bytes(), e))
    }

    pub(super) fn memory(
        &self,
        txn: &RoTxn,
        id: MemoryId,
    ) -> Result<Option<MemoryRecord>, StoreError> {
        let row = self.memories.get(txn, &id)?;
        row.map(|row| self.read_memory(id, row)).transpose()
    }

    pub(super) fn read_memory(
        &self,
        id: MemoryId,
        row: MemoryRow,
    ) -> Result<MemoryRecord, StoreError> {
        row.into_memory(id)
            .map_err(|e| self.memories.broken(&id.bytes(), e))
    }

    pub(super) fn memories_of(
        &self,
        txn: &RoTxn,
        id: EpisodeId,
    ) -> Result<Vec<MemoryRecord>, StoreError> {
        let ids = self.episode_memories.seconds(txn, &id)?;
        ids.into_iter()
            .filter_map(|id| self.memory(txn, id).transpose())
            .collect()
    }

    /// Writes a memory; where it holds, it is found by what it is about.
    pub(super) fn put_memory(
        &self,
        txn: &mut RwTxn,
        memory: &MemoryRecord,
    ) -> Result<(), StoreError> {
        for slot in slot_keys(&memory.subject, &memory.attribute) {
            if memory.is_live() {
                self.slots.put(txn, &(slot, memory.id), &())?;
            } else {
                self.slots.delete(txn, &(slot, memory.id))?;
            }
        }
        self.memories.put(txn, &memory.id, &MemoryRow::from(memory))
    }

    pub(super) fn put_example(
        &self,
        txn: &mut RwTxn,
        id: ExampleId,
        bytes: &[u8],
        items: &[ItemId],
    ) -> Result<(), StoreError> {
        self.examples.put(txn, &id, &bytes.to_vec())?;
        for item in items {
            self.lineage.put(txn, &(*item, id), &())?;
        }
        Ok(())
    }
}
