//! Taking in what another memory, or an earlier one, has written.

use heed::RwTxn;
use shared::clock::Timestamp;
use shared::id::{ExampleId, MemoryId, SessionId};

use super::append::Part;
use super::remove::SALT;
use super::{Store, StoreError, Tables};
use crate::memory::episode::{Episode, ItemId};
use crate::memory::record::MemoryRecord;
use crate::memory::schema::Key;
use crate::memory::schema::rows::{SessionRow, TombstoneRow};

/// One entry to be taken in as it is, identifier included.
pub(crate) enum Incoming {
    /// A conversation.
    Session(SessionId, SessionRow),
    /// Something that was forgotten, under this memory's salt.
    Tombstone([u8; 32], Timestamp),
    /// A memory; it comes before its episodes.
    Memory(MemoryRecord),
    /// An episode, with what it is found by.
    Episode(Box<Episode>, Vec<Part>),
    /// A training example, with the items that it hangs on.
    Example(ExampleId, Vec<u8>, Vec<ItemId>),
}

/// What became of an incoming entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is new here.
    Added,
    /// It was here.
    Known,
    /// It was forgotten here.
    Forgotten,
}

impl Store {
    /// Takes entries in, all or none; what is here already stays as it is.
    pub(crate) fn take_in(&self, entries: &[Incoming]) -> Result<Vec<Outcome>, StoreError> {
        self.write(|tables, txn| {
            let taken = entries.iter().map(|entry| tables.take_in(txn, entry));
            taken.collect()
        })
    }

    /// What hides the words of the tombstones.
    pub(crate) fn salt(&self) -> Result<Vec<u8>, StoreError> {
        self.read(|tables, txn| Ok(tables.meta.bytes(txn, SALT)?.unwrap_or_default().to_vec()))
    }

    /// Takes over another memory's salt, if nothing was forgotten here yet. Whether the
    /// two are one now.
    pub(crate) fn adopt_salt(&self, salt: &[u8]) -> Result<bool, StoreError> {
        self.write(|tables, txn| {
            if tables.tombstones.len(txn)? == 0 {
                tables.meta.put_bytes(txn, SALT, salt)?;
            }
            Ok(tables.meta.bytes(txn, SALT)? == Some(salt))
        })
    }

    /// Every tombstone.
    pub(crate) fn tombstones(&self) -> Result<Vec<([u8; 32], Timestamp)>, StoreError> {
        self.read(|tables, txn| {
            let entries = tables.tombstones.iter(txn)?;
            entries
                .map(|entry| entry.map(|(key, row)| (key, row.at)))
                .collect()
        })
    }

    /// Takes from memories the evidence that did not come with them; a memory without
    /// any goes.
    pub(crate) fn settle(&self, ids: &[MemoryId]) -> Result<(), StoreError> {
        self.write(|tables, txn| {
            for id in ids {
                tables.settle(txn, *id)?;
            }
            Ok(())
        })
    }
}

impl Tables {
    fn take_in(&self, txn: &mut RwTxn, entry: &Incoming) -> Result<Outcome, StoreError> {
        match entry {
            Incoming::Session(id, row) => {
                if self.sessions.has(txn, id)? {
                    return Ok(Outcome::Known);
                }
                self.sessions.put(txn, id, row)?;
            }
            Incoming::Tombstone(key, at) => {
                if self.tombstones.has(txn, key)? {
                    return Ok(Outcome::Known);
                }
                self.tombstones.put(txn, key, &TombstoneRow { at: *at })?;
            }
            Incoming::Memory(memory) => return self.take_in_memory(txn, memory),
            Incoming::Episode(episode, parts) => return self.take_in_episode(txn, episode, parts),
            Incoming::Example(id, bytes, items) => {
                if self.examples.has(txn, id)? {
                    return Ok(Outcome::Known);
                }
                for item in items {
                    let here = match item {
                        ItemId::Memory(id) => self.memories.has(txn, id)?,
                        ItemId::Episode(id) => self.episodes.has(txn, id)?,
                    };
                    if !here {
                        return Ok(Outcome::Forgotten);
                    }
                }
                self.put_example(txn, *id, bytes, items)?;
            }
        }
        Ok(Outcome::Added)
    }

    fn take_in_memory(
        &self,
        txn: &mut RwTxn,
        memory: &MemoryRecord,
    ) -> Result<Outcome, StoreError> {
        if self.memories.has(txn, &memory.id)? {
            return Ok(Outcome::Known);
        }
        if self.buried(txn, &memory.text, memory.id.created())? {
            return Ok(Outcome::Forgotten);
        }
        self.put_memory(txn, memory)?;
        for evidence in &memory.evidence {
            self.episode_memories
                .put(txn, &(*evidence, memory.id), &())?;
        }
        Ok(Outcome::Added)
    }

    fn take_in_episode(
        &self,
        txn: &mut RwTxn,
        episode: &Episode,
        parts: &[Part],
    ) -> Result<Outcome, StoreError> {
        if self.episodes.has(txn, &episode.id)? {
            return Ok(Outcome::Known);
        }
        if self.buried(txn, &episode.text, episode.id.created())? {
            return Ok(Outcome::Forgotten);
        }
        self.ensure_session(txn, episode.session, episode.said_at)?;
        self.put_episode(txn, episode)?;
        self.put_parts(txn, episode, parts)?;
        Ok(Outcome::Added)
    }

    /// Whether these words were forgotten after they were written.
    fn buried(&self, txn: &RwTxn, words: &str, written: Timestamp) -> Result<bool, StoreError> {
        let key = self.content_key(txn, words)?;
        let tombstone = self.tombstones.get(txn, &key)?;
        Ok(tombstone.is_some_and(|tombstone| tombstone.at >= written))
    }

    fn settle(&self, txn: &mut RwTxn, id: MemoryId) -> Result<(), StoreError> {
        let Some(mut memory) = self.memory(txn, id)? else {
            return Ok(());
        };
        let mut kept = Vec::new();
        for evidence in &memory.evidence {
            if self.episodes.has(txn, evidence)? {
                kept.push(*evidence);
            } else {
                self.episode_memories.delete(txn, &(*evidence, id))?;
            }
        }
        let successor = match memory.successor {
            Some(next) if !self.memories.has(txn, &next)? => None,
            successor => successor,
        };
        if kept.len() == memory.evidence.len() && successor == memory.successor {
            return Ok(());
        }
        memory.evidence = kept;
        memory.successor = successor;
        if memory.evidence.is_empty() {
            memory.valid_until = memory.valid_until.or(Some(memory.valid_from));
            self.put_memory(txn, &memory)?;
            self.memories.delete(txn, &id)?;
            return Ok(());
        }
        self.put_memory(txn, &memory)
    }
}

/// A tombstone's key from its hexadecimal form.
pub(crate) fn tombstone_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = digits
        .0
        .iter()
        .map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect();
    <[u8; 32] as Key>::decode(&bytes?).ok()
}
