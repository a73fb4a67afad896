//! Forgetting: what goes, everything that hangs on it, and the tombstone that stays.

use std::collections::{BTreeMap, BTreeSet};

use heed::{RoTxn, RwTxn};
use sha2::{Digest, Sha256};
use shared::clock::Timestamp;
use shared::id::{EpisodeId, ExampleId, MemoryId, SessionId};

use super::append::Part;
use super::{Store, StoreError, Tables};
use crate::memory::episode::{Episode, ItemId};
use crate::memory::lexicon::Posting;
use crate::memory::record::MemoryRecord;
use crate::memory::report::Receipt;
use crate::memory::schema::rows::TombstoneRow;
use crate::memory::schema::{Row, slot_keys};

/// What is to go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removal {
    /// Episodes that go with everything derived from them.
    pub(crate) episodes: BTreeSet<EpisodeId>,
    /// Memories that go.
    pub(crate) memories: BTreeSet<MemoryId>,
    /// Episodes that lose some of their words, and what they are found by then.
    pub(crate) cut: Vec<(Episode, Vec<Part>)>,
    /// A conversation that goes once its episodes are gone.
    pub(crate) session: Option<SessionId>,
}

/// An episode that says more than what is to be forgotten.
pub(crate) struct Shared {
    /// It, with all its words.
    pub(crate) episode: Episode,
    /// The words to be forgotten.
    pub(crate) words: String,
    /// How many other memories rest on it.
    pub(crate) others: usize,
}

/// The terms of a passage, as they were counted when it was written.
pub(crate) type TermsOf<'a> = &'a dyn Fn(&str) -> (Vec<(String, u16)>, u16);

impl Store {
    /// What has to go so that an item is forgotten: a memory takes the episodes with it
    /// that say nothing else, and both take the answers that were made from them.
    ///
    /// Answers with the removal, and with the episodes that hold more than the memory.
    pub(crate) fn plan_removal(&self, item: ItemId) -> Result<(Removal, Vec<Shared>), StoreError> {
        self.read(|tables, txn| {
            let mut removal = Removal::default();
            let mut shared = Vec::new();
            match item {
                ItemId::Episode(id) => {
                    let episode = tables.expect_episode(txn, id)?;
                    removal.episodes.insert(episode.id);
                }
                ItemId::Memory(id) => {
                    let memory = tables.memory(txn, id)?;
                    let memory =
                        memory.ok_or_else(|| StoreError::Missing { id: id.to_string() })?;
                    removal.memories.insert(id);
                    for evidence in &memory.evidence {
                        let Some(episode) = tables.episode(txn, *evidence)? else {
                            continue;
                        };
                        let all = tables.memories_of(txn, *evidence)?;
                        let others = all.iter().filter(|other| other.id != id).count();
                        if others > 0 && episode.text.contains(&memory.text) {
                            shared.push(Shared {
                                episode,
                                words: memory.text.clone(),
                                others,
                            });
                        } else {
                            removal.episodes.insert(*evidence);
                        }
                    }
                }
            }
            let given: BTreeSet<ItemId> = removal
                .episodes
                .iter()
                .map(|id| ItemId::Episode(*id))
                .chain([item])
                .collect();
            tables.add_answers(txn, &given, &mut removal.episodes)?;
            Ok((removal, shared))
        })
    }

    /// The episodes of a conversation, to be removed with it.
    pub(crate) fn plan_session_removal(&self, id: SessionId) -> Result<Removal, StoreError> {
        self.read(|tables, txn| {
            if !tables.sessions.has(txn, &id)? {
                return Err(StoreError::Missing { id: id.to_string() });
            }
            Ok(Removal {
                episodes: tables
                    .session_episodes
                    .seconds(txn, &id)?
                    .into_iter()
                    .collect(),
                session: Some(id),
                ..Removal::default()
            })
        })
    }

    /// Removes, and leaves tombstones. Durable once this returns.
    pub(crate) fn remove(
        &self,
        removal: &Removal,
        now: Timestamp,
        terms_of: TermsOf<'_>,
    ) -> Result<Receipt, StoreError> {
        self.write(|tables, txn| {
            let mut work = Work {
                now,
                terms_of,
                heirs: tables.heirs(txn)?,
                receipt: Receipt::default(),
            };
            for id in &removal.memories {
                tables.remove_memory(txn, *id, &mut work)?;
            }
            for id in &removal.episodes {
                tables.remove_episode(txn, *id, &mut work)?;
            }
            for (episode, parts) in &removal.cut {
                tables.cut_episode(txn, episode, parts, &mut work)?;
            }
            if let Some(session) = removal.session {
                tables.sessions.delete(txn, &session)?;
            }
            tables.remove_lineage(txn, &work.receipt.examples)?;
            Ok(work.receipt)
        })
    }
}

/// One removal under way.
struct Work<'a> {
    now: Timestamp,
    terms_of: TermsOf<'a>,
    /// For each memory, those that it replaced.
    heirs: BTreeMap<MemoryId, Vec<MemoryId>>,
    receipt: Receipt,
}

impl Tables {
    fn heirs(&self, txn: &RoTxn) -> Result<BTreeMap<MemoryId, Vec<MemoryId>>, StoreError> {
        let mut heirs: BTreeMap<MemoryId, Vec<MemoryId>> = BTreeMap::new();
        for entry in self.memories.iter(txn)? {
            let (id, row) = entry?;
            if let Some(successor) = self.read_memory(id, row)?.successor {
                heirs.entry(successor).or_default().push(id);
            }
        }
        Ok(heirs)
    }

    /// Adds the answers that were given any of these items to read.
    fn add_answers(
        &self,
        txn: &RoTxn,
        given: &BTreeSet<ItemId>,
        episodes: &mut BTreeSet<EpisodeId>,
    ) -> Result<(), StoreError> {
        for entry in self.episodes.iter(txn)? {
            let (id, row) = entry?;
            let episode = self.read_episode(id, row)?;
            if episode.given.iter().any(|g| given.contains(&g.item)) {
                episodes.insert(id);
            }
        }
        Ok(())
    }

    fn remove_episode(
        &self,
        txn: &mut RwTxn,
        id: EpisodeId,
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        let Some(episode) = self.episode(txn, id)? else {
            return Ok(());
        };
        self.remove_passages(txn, &episode, work)?;
        for memory in self.memories_of(txn, id)? {
            self.episode_memories.delete(txn, &(id, memory.id))?;
            let rest = MemoryRecord {
                evidence: memory
                    .evidence
                    .iter()
                    .copied()
                    .filter(|e| *e != id)
                    .collect(),
                ..memory
            };
            if rest.evidence.is_empty() {
                self.remove_memory(txn, rest.id, work)?;
            } else {
                self.put_memory(txn, &rest)?;
            }
        }
        self.remove_examples(txn, ItemId::Episode(id), &mut work.receipt)?;
        self.session_episodes.delete(txn, &(episode.session, id))?;
        self.episodes.delete(txn, &id)?;
        self.bury(txn, &episode.text, work.now)?;
        work.receipt.episodes.push(id);
        Ok(())
    }

    fn remove_memory(
        &self,
        txn: &mut RwTxn,
        id: MemoryId,
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        let Some(memory) = self.memory(txn, id)? else {
            return Ok(());
        };
        for evidence in &memory.evidence {
            self.episode_memories.delete(txn, &(*evidence, id))?;
        }
        for heir in work.heirs.remove(&id).unwrap_or_default() {
            if let Some(mut heir) = self.memory(txn, heir)? {
                heir.successor = memory.successor;
                self.put_memory(txn, &heir)?;
                if let Some(next) = memory.successor {
                    work.heirs.entry(next).or_default().push(heir.id);
                }
            }
        }
        for slot in slot_keys(&memory.subject, &memory.attribute) {
            self.slots.delete(txn, &(slot, id))?;
        }
        self.remove_examples(txn, ItemId::Memory(id), &mut work.receipt)?;
        self.memories.delete(txn, &id)?;
        self.bury(txn, &memory.text, work.now)?;
        work.receipt.memories.push(id);
        Ok(())
    }

    fn remove_examples(
        &self,
        txn: &mut RwTxn,
        item: ItemId,
        receipt: &mut Receipt,
    ) -> Result<(), StoreError> {
        for example in self.lineage.seconds(txn, &item)? {
            self.lineage.delete(txn, &(item, example))?;
            if self.examples.delete(txn, &example)? {
                receipt.examples.push(example);
            }
        }
        Ok(())
    }

    /// Other items that removed examples hang on forget them too.
    fn remove_lineage(&self, txn: &mut RwTxn, gone: &[ExampleId]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let keys: Vec<(ItemId, ExampleId)> = self.lineage.keys(txn)?.collect::<Result<_, _>>()?;
        for key in keys.iter().filter(|key| gone.contains(&key.1)) {
            self.lineage.delete(txn, key)?;
        }
        Ok(())
    }

    fn cut_episode(
        &self,
        txn: &mut RwTxn,
        episode: &Episode,
        parts: &[Part],
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        let Some(before) = self.episode(txn, episode.id)? else {
            return Ok(());
        };
        self.remove_passages(txn, &before, work)?;
        self.remove_examples(txn, ItemId::Episode(episode.id), &mut work.receipt)?;
        self.put_episode(txn, episode)?;
        self.put_parts(txn, episode, parts)
    }

    /// Removes what an episode is found by.
    fn remove_passages(
        &self,
        txn: &mut RwTxn,
        episode: &Episode,
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        for row in self.episode_passages.seconds(txn, &episode.id)? {
            self.remove_terms(txn, row, episode, work)?;
            let spaces: Vec<_> = self.spaces.keys(txn)?.collect::<Result<_, _>>()?;
            for space in spaces {
                self.vectors.delete(txn, &(space, row))?;
                if self.codes.delete(txn, &(space, row))? {
                    work.receipt.vectors += 1;
                }
            }
            self.passages.delete(txn, &row)?;
            self.episode_passages.delete(txn, &(episode.id, row))?;
            self.note_change(txn, row)?;
        }
        Ok(())
    }

    fn remove_terms(
        &self,
        txn: &mut RwTxn,
        row: Row,
        episode: &Episode,
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        let Some(passage) = self.passages.get(txn, &row)? else {
            return Ok(());
        };
        let extent = self.extent(row, &passage)?;
        let words = episode.text.get(extent.start as usize..extent.end as usize);
        let (terms, length) = (work.terms_of)(words.unwrap_or_default());
        for (term, count) in terms {
            let posting = Posting { row, count, length };
            if self.postings.delete(txn, &term, &posting)? {
                work.receipt.postings += 1;
            }
        }
        Ok(())
    }

    fn bury(&self, txn: &mut RwTxn, words: &str, at: Timestamp) -> Result<(), StoreError> {
        let key = self.content_key(txn, words)?;
        self.tombstones.put(txn, &key, &TombstoneRow { at })
    }

    /// A key that tells nothing of the words to whoever has not this memory's salt.
    pub(super) fn content_key(&self, txn: &RoTxn, words: &str) -> Result<[u8; 32], StoreError> {
        let salt = self.meta.bytes(txn, SALT)?.unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(salt);
        for word in words.split_whitespace() {
            hash.update(word.to_lowercase());
            hash.update([0]);
        }
        Ok(hash.finalize().into())
    }
}

/// Where the salt of the tombstones is kept.
pub(super) const SALT: &str = "salt";
