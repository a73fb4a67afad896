//! Checking every table against every other, and building anew what is derived.
//!
//! Truth is in `sessions`, `episodes`, `memories`, `examples` and `tombstones`; all else
//! follows from them, but for the vectors, which an embedder makes again.

use std::collections::{BTreeMap, BTreeSet};

use heed::{RoTxn, RwTxn};
use shared::id::{EpisodeId, MemoryId};

use super::append::Part;
use super::table::{Postings, Table, hex, term_key};
use super::{DATA_FILE, Store, StoreError, Tables, pages};
use crate::memory::episode::{Episode, ItemId};
use crate::memory::lexicon::Posting;
use crate::memory::record::MemoryRecord;
use crate::memory::report::{Fault, Report};
use crate::memory::schema::rows::PassageRow;
use crate::memory::schema::{Key, Row, Space, slot_keys};

/// What the tables should follow from.
pub(crate) struct Rules<'a> {
    /// What an episode is found by, without vectors.
    pub(crate) parts: &'a dyn Fn(&Episode, usize) -> Vec<Part>,
    /// The items that an example hangs on; `None` if it cannot be read.
    pub(crate) items: &'a dyn Fn(&[u8]) -> Option<Vec<ItemId>>,
}

/// A term and the bytes of a posting, in the order of the table.
type TermPosting = (Vec<u8>, Vec<u8>);

/// A table of vectors, and how many bytes a vector of so many dimensions has there.
type VectorTable<'a> = (&'a Table<(Space, Row), Vec<u8>>, fn(usize) -> usize);

/// What is known to be true, read once.
#[derive(Default)]
struct Truth {
    episodes: BTreeMap<EpisodeId, Episode>,
    memories: BTreeMap<MemoryId, MemoryRecord>,
    /// How many memories rest on each episode.
    taught: BTreeMap<EpisodeId, usize>,
    report: Report,
}

impl Truth {
    /// What an episode is found by, without vectors.
    fn parts(&self, episode: &Episode, rules: &Rules<'_>) -> Vec<Part> {
        let memories = self.taught.get(&episode.id).copied().unwrap_or(0);
        (rules.parts)(episode, memories)
    }

    fn fault(&mut self, table: &'static str, key: impl Into<String>, problem: &str) {
        self.report.faults.push(Fault {
            table,
            key: key.into(),
            problem: problem.to_owned(),
        });
    }

    /// Notes an entry that cannot be read; other errors are passed on.
    fn keep<T>(&mut self, entry: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        self.report.checked += 1;
        match entry {
            Ok(entry) => Ok(Some(entry)),
            Err(StoreError::Entry { table, key, source }) => {
                self.fault(table, key, &source.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// Looks at every entry of every table.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read at all.
    pub(crate) fn check(&self, rules: &Rules<'_>) -> Result<Report, StoreError> {
        let file = self.dir.join(DATA_FILE);
        self.read(|tables, txn| {
            // Under this snapshot no other process reuses a page that is pointed at.
            pages::check_pages(&file, tables.episodes.page_bytes(txn)?)?;
            let mut truth = tables.truth(txn)?;
            tables.check_sessions(txn, &mut truth)?;
            tables.check_memories(txn, &mut truth)?;
            tables.check_passages(txn, &mut truth, rules)?;
            tables.check_postings(txn, &mut truth, rules)?;
            tables.check_vectors(txn, &mut truth)?;
            tables.check_examples(txn, &mut truth, rules)?;
            for entry in tables.tombstones.iter(txn)? {
                truth.keep(entry)?;
            }
            truth.report.faults.sort();
            Ok(truth.report)
        })
    }

    /// Builds everything derived anew, vectors apart: those that fit stay. Entries that
    /// cannot be read are left as they are.
    pub(crate) fn rebuild(&self, rules: &Rules<'_>) -> Result<(), StoreError> {
        self.write(|tables, txn| {
            let mut truth = tables.truth(txn)?;
            tables.mend_memories(txn, &mut truth)?;
            tables.rebuild_links(txn, &truth)?;
            tables.rebuild_passages(txn, &truth, rules)?;
            tables.drop_stray_vectors(txn)?;
            tables.rebuild_lineage(txn, rules)?;
            tables.break_journal(txn)
        })
    }
}

impl Tables {
    fn truth(&self, txn: &RoTxn) -> Result<Truth, StoreError> {
        let mut truth = Truth::default();
        for entry in self.sessions.iter(txn)? {
            truth.keep(entry)?;
        }
        for entry in self.episodes.iter(txn)? {
            let read = entry.and_then(|(id, row)| self.read_episode(id, row));
            if let Some(episode) = truth.keep(read)? {
                truth.episodes.insert(episode.id, episode);
            }
        }
        for entry in self.memories.iter(txn)? {
            let read = entry.and_then(|(id, row)| self.read_memory(id, row));
            if let Some(memory) = truth.keep(read)? {
                for evidence in &memory.evidence {
                    *truth.taught.entry(*evidence).or_default() += 1;
                }
                truth.memories.insert(memory.id, memory);
            }
        }
        Ok(truth)
    }

    fn check_sessions(&self, txn: &RoTxn, truth: &mut Truth) -> Result<(), StoreError> {
        let expected: BTreeSet<_> = truth
            .episodes
            .values()
            .map(|episode| (episode.session, episode.id))
            .collect();
        for (session, id) in &expected {
            if !self.sessions.has(txn, session)? {
                truth.fault(
                    self.sessions.name,
                    session.to_string(),
                    &format!("missing, episode {id} is in it"),
                );
            }
        }
        self.compare(txn, &self.session_episodes, &expected, truth)
    }

    fn check_memories(&self, txn: &RoTxn, truth: &mut Truth) -> Result<(), StoreError> {
        let name = self.memories.name;
        let memories = std::mem::take(&mut truth.memories);
        let mut evidence = BTreeSet::new();
        let mut slots = BTreeSet::new();
        for memory in memories.values() {
            for id in &memory.evidence {
                if truth.episodes.contains_key(id) {
                    evidence.insert((*id, memory.id));
                } else {
                    truth.fault(
                        name,
                        memory.id.to_string(),
                        &format!("rests on {id}, which is missing"),
                    );
                }
            }
            if let Some(next) = memory.successor.filter(|next| !memories.contains_key(next)) {
                truth.fault(
                    name,
                    memory.id.to_string(),
                    &format!("gave way to {next}, which is missing"),
                );
            }
            if memory.is_live() {
                let keys = slot_keys(&memory.subject, &memory.attribute);
                slots.extend(keys.into_iter().map(|key| (key, memory.id)));
            }
        }
        truth.memories = memories;
        self.compare(txn, &self.episode_memories, &evidence, truth)?;
        self.compare(txn, &self.slots, &slots, truth)
    }

    /// Faults of a table that should hold exactly these keys.
    fn compare<K: Key + Ord>(
        &self,
        txn: &RoTxn,
        table: &Table<K, ()>,
        expected: &BTreeSet<K>,
        truth: &mut Truth,
    ) -> Result<(), StoreError> {
        let mut found = BTreeSet::new();
        for entry in table.iter(txn)? {
            if let Some((key, ())) = truth.keep(entry)? {
                found.insert(key);
            }
        }
        for key in expected.difference(&found) {
            truth.fault(table.name, hex(&key.bytes()), "missing");
        }
        for key in found.difference(expected) {
            truth.fault(table.name, hex(&key.bytes()), "stands for nothing");
        }
        Ok(())
    }

    fn check_passages(
        &self,
        txn: &RoTxn,
        truth: &mut Truth,
        rules: &Rules<'_>,
    ) -> Result<(), StoreError> {
        let mut rows = BTreeSet::new();
        let mut found: BTreeMap<EpisodeId, Vec<(Row, PassageRow)>> = BTreeMap::new();
        for entry in self.passages.iter(txn)? {
            if let Some((row, passage)) = truth.keep(entry)? {
                rows.insert((passage.episode, row));
                found
                    .entry(passage.episode)
                    .or_default()
                    .push((row, passage));
            }
        }
        let episodes = std::mem::take(&mut truth.episodes);
        for (id, passages) in &found {
            if !episodes.contains_key(id) {
                for (row, _) in passages {
                    truth.fault(
                        self.passages.name,
                        row.to_string(),
                        "its episode is missing",
                    );
                }
            }
        }
        for episode in episodes.values() {
            let passages = found.get(&episode.id).map_or(&[][..], Vec::as_slice);
            if !fits(passages, episode, &truth.parts(episode, rules)) {
                let key = episode.id.to_string();
                truth.fault(
                    self.passages.name,
                    key,
                    "the passages are not those of the words",
                );
            }
        }
        truth.episodes = episodes;
        self.compare(txn, &self.episode_passages, &rows, truth)
    }

    fn check_postings(
        &self,
        txn: &RoTxn,
        truth: &mut Truth,
        rules: &Rules<'_>,
    ) -> Result<(), StoreError> {
        let mut expected = self
            .expected_postings(txn, truth, rules)?
            .into_iter()
            .peekable();
        for entry in self.postings.iter(txn)? {
            let Some((term, posting)) = truth.keep(entry)? else {
                continue;
            };
            let found = (term.to_vec(), posting.bytes());
            while let Some(missing) = expected.next_if(|next| *next < found) {
                truth.fault(Postings::NAME, name_of(&missing), "missing");
            }
            if expected.next_if_eq(&found).is_none() {
                truth.fault(Postings::NAME, name_of(&found), "stands for nothing");
            }
        }
        for missing in expected {
            truth.fault(Postings::NAME, name_of(&missing), "missing");
        }
        Ok(())
    }

    /// Terms with the bytes of their postings, in the order of the table.
    fn expected_postings(
        &self,
        txn: &RoTxn,
        truth: &Truth,
        rules: &Rules<'_>,
    ) -> Result<Vec<TermPosting>, StoreError> {
        let mut expected = Vec::new();
        for episode in truth.episodes.values() {
            let rows = self.episode_passages.seconds(txn, &episode.id)?;
            for (row, part) in rows.into_iter().zip(truth.parts(episode, rules)) {
                for (term, count) in part.terms {
                    let posting = Posting {
                        row,
                        count,
                        length: part.extent.length,
                    };
                    expected.push((term_key(&term).to_vec(), posting.bytes()));
                }
            }
        }
        expected.sort_unstable();
        expected.dedup();
        Ok(expected)
    }

    fn check_vectors(&self, txn: &RoTxn, truth: &mut Truth) -> Result<(), StoreError> {
        let mut spaces = BTreeMap::new();
        for entry in self.spaces.iter(txn)? {
            if let Some((space, row)) = truth.keep(entry)? {
                spaces.insert(space, row.dimensions as usize);
            }
        }
        let mut coded = BTreeSet::new();
        let tables: [VectorTable<'_>; 2] = [
            (&self.codes, |dimensions| dimensions + 4),
            (&self.vectors, |dimensions| 2 * dimensions),
        ];
        for (table, bytes_of) in tables {
            let mut found = BTreeSet::new();
            for entry in table.iter(txn)? {
                let Some(((space, row), bytes)) = truth.keep(entry)? else {
                    continue;
                };
                let expected = spaces.get(&space).map(|dimensions| bytes_of(*dimensions));
                let key = format!("{space}/{row}");
                if expected != Some(bytes.len()) {
                    truth.fault(table.name, key, "not a vector of its space");
                } else if !self.passages.has(txn, &row)? {
                    truth.fault(table.name, key, "its passage is missing");
                } else {
                    found.insert((space, row));
                }
            }
            for (space, row) in coded.symmetric_difference(&found) {
                if table.name == self.vectors.name {
                    truth.fault(
                        table.name,
                        format!("{space}/{row}"),
                        "code without vector, or vector without code",
                    );
                }
            }
            coded = found;
        }
        Ok(())
    }

    fn check_examples(
        &self,
        txn: &RoTxn,
        truth: &mut Truth,
        rules: &Rules<'_>,
    ) -> Result<(), StoreError> {
        let mut expected = BTreeSet::new();
        for entry in self.examples.iter(txn)? {
            let Some((id, bytes)) = truth.keep(entry)? else {
                continue;
            };
            match (rules.items)(&bytes) {
                Some(items) => expected.extend(items.into_iter().map(|item| (item, id))),
                None => truth.fault(self.examples.name, id.to_string(), "cannot be read"),
            }
        }
        self.compare(txn, &self.lineage, &expected, truth)
    }

    fn mend_memories(&self, txn: &mut RwTxn, truth: &mut Truth) -> Result<(), StoreError> {
        let known: BTreeSet<MemoryId> = truth.memories.keys().copied().collect();
        for memory in truth.memories.values_mut() {
            let before = (memory.evidence.len(), memory.successor);
            memory.evidence.retain(|id| truth.episodes.contains_key(id));
            memory.successor = memory.successor.filter(|next| known.contains(next));
            if before != (memory.evidence.len(), memory.successor) {
                self.put_memory(txn, memory)?;
            }
        }
        Ok(())
    }

    fn rebuild_links(&self, txn: &mut RwTxn, truth: &Truth) -> Result<(), StoreError> {
        self.session_episodes.clear(txn)?;
        self.episode_memories.clear(txn)?;
        self.slots.clear(txn)?;
        for episode in truth.episodes.values() {
            self.ensure_session(txn, episode.session, episode.said_at)?;
            self.session_episodes
                .put(txn, &(episode.session, episode.id), &())?;
        }
        for memory in truth.memories.values() {
            for evidence in &memory.evidence {
                self.episode_memories
                    .put(txn, &(*evidence, memory.id), &())?;
            }
            if memory.is_live() {
                for slot in slot_keys(&memory.subject, &memory.attribute) {
                    self.slots.put(txn, &(slot, memory.id), &())?;
                }
            }
        }
        Ok(())
    }

    /// Passages that fit keep their rows, and so their vectors; the others get new ones.
    fn rebuild_passages(
        &self,
        txn: &mut RwTxn,
        truth: &Truth,
        rules: &Rules<'_>,
    ) -> Result<(), StoreError> {
        let mut found: BTreeMap<EpisodeId, Vec<(Row, PassageRow)>> = BTreeMap::new();
        let rows: Vec<Row> = self.passages.keys(txn)?.collect::<Result<_, _>>()?;
        for row in rows {
            match self.passages.get(txn, &row) {
                Ok(Some(passage)) => found
                    .entry(passage.episode)
                    .or_default()
                    .push((row, passage)),
                Ok(None) => {}
                Err(StoreError::Entry { .. }) => self.drop_passage(txn, row)?,
                Err(error) => return Err(error),
            }
        }
        self.episode_passages.clear(txn)?;
        self.postings.clear(txn)?;
        for (id, passages) in &found {
            let episode = truth.episodes.get(id);
            let parts = episode.map(|episode| (episode, truth.parts(episode, rules)));
            match parts {
                Some((episode, parts)) if fits(passages, episode, &parts) => {
                    for ((row, _), part) in passages.iter().zip(&parts) {
                        self.episode_passages.put(txn, &(*id, *row), &())?;
                        self.put_terms(txn, *row, part)?;
                    }
                }
                _ => {
                    for (row, _) in passages {
                        self.drop_passage(txn, *row)?;
                    }
                }
            }
        }
        for episode in truth.episodes.values() {
            if self.episode_passages.seconds(txn, &episode.id)?.is_empty() {
                self.put_parts(txn, episode, &truth.parts(episode, rules))?;
            }
        }
        Ok(())
    }

    fn drop_passage(&self, txn: &mut RwTxn, row: Row) -> Result<(), StoreError> {
        self.passages.delete(txn, &row)?;
        self.note_change(txn, row)
    }

    /// Vectors of no passage, of no known space, or without their other half.
    fn drop_stray_vectors(&self, txn: &mut RwTxn) -> Result<(), StoreError> {
        for table in [&self.codes, &self.vectors] {
            let keys: Vec<_> = table.keys(txn)?.collect::<Result<_, _>>()?;
            for key in keys {
                let dimensions = self.spaces.get(txn, &key.0)?.map(|s| s.dimensions as usize);
                let length = |table: &Table<_, Vec<u8>>| {
                    Ok::<_, StoreError>(table.get_bytes(txn, &key)?.map(<[u8]>::len))
                };
                let whole = length(&self.codes)? == dimensions.map(|d| d + 4)
                    && length(&self.vectors)? == dimensions.map(|d| 2 * d);
                if !(whole && dimensions.is_some() && self.passages.has(txn, &key.1)?) {
                    self.codes.delete(txn, &key)?;
                    self.vectors.delete(txn, &key)?;
                    self.note_change(txn, key.1)?;
                }
            }
        }
        Ok(())
    }

    fn rebuild_lineage(&self, txn: &mut RwTxn, rules: &Rules<'_>) -> Result<(), StoreError> {
        self.lineage.clear(txn)?;
        let examples: Vec<_> = self.examples.iter(txn)?.collect::<Result<_, _>>()?;
        for (id, bytes) in examples {
            for item in (rules.items)(&bytes).unwrap_or_default() {
                self.lineage.put(txn, &(item, id), &())?;
            }
        }
        Ok(())
    }
}

/// Whether these are the passages of an episode's words.
fn fits(passages: &[(Row, PassageRow)], episode: &Episode, parts: &[Part]) -> bool {
    passages.len() == parts.len()
        && passages.iter().zip(parts).all(|((_, passage), part)| {
            passage.extent().is_ok_and(|found| {
                let mut extent = part.extent;
                extent.importance = found.importance;
                *passage == PassageRow::of(episode, &extent)
            })
        })
}

fn name_of((term, posting): &TermPosting) -> String {
    format!("{}/{}", String::from_utf8_lossy(term), hex(posting))
}
