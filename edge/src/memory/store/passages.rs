//! Passages, vectors and terms: what the index in memory is read from.

use heed::RoTxn;

use super::append::Embedded;
use super::table::NEXT_ROW;
use super::{Store, StoreError, Tables};
use crate::memory::lexicon::Posting;
use crate::memory::report::Fault;
use crate::memory::schema::rows::{Extent, PassageRow, SpaceRow};
use crate::memory::schema::{Key, Row, Space};

/// What was last seen of the passages; [`Store::changes`] tells what came after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// LMDB's number of the snapshot.
    snapshot: usize,
    /// The first row not seen.
    next_row: u64,
    /// The first entry of the journal not seen.
    journal: u64,
}

/// A passage that is new, changed or gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// Its row.
    pub(crate) row: Row,
    /// What it is now; `None`: it is gone.
    pub(crate) passage: Option<Passage>,
}

/// A passage with its code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Passage {
    /// The passage.
    pub(crate) row: PassageRow,
    /// Its code in the space asked for.
    pub(crate) code: Option<Vec<u8>>,
}

/// What [`Store::changes`] tells.
pub(crate) enum Changes {
    /// Nothing was written since.
    None,
    /// These passages, in order of their rows.
    Some(Vec<Change>),
    /// Too much: read everything anew.
    Everything(Vec<Change>),
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) episodes: u64,
    pub(crate) sessions: u64,
    pub(crate) memories: u64,
    pub(crate) superseded: u64,
    pub(crate) sensitive: u64,
    pub(crate) terms: u64,
    pub(crate) examples: u64,
    pub(crate) tombstones: u64,
    pub(crate) file_bytes: u64,
    pub(crate) used_bytes: u64,
}

/// So many changes of older passages are remembered.
const JOURNAL_ENTRIES: u64 = 65_536;

impl Store {
    /// The number of an embedder's space; given one where it has none.
    pub(crate) fn space(&self, embedder: &str, dimensions: usize) -> Result<Space, StoreError> {
        let known = self.read(|tables, txn| tables.space_of(txn, embedder, dimensions))?;
        if let Some(space) = known {
            return Ok(space);
        }
        self.write(|tables, txn| {
            if let Some(space) = tables.space_of(txn, embedder, dimensions)? {
                return Ok(space);
            }
            let last = tables.spaces.last_key(txn)?;
            let space = last.map_or(0, |last| last.saturating_add(1));
            let row = SpaceRow {
                embedder: embedder.to_owned(),
                dimensions: u32::try_from(dimensions).unwrap_or(u32::MAX),
            };
            tables.spaces.put(txn, &space, &row)?;
            Ok(space)
        })
    }

    /// What became of the passages since `seen`, which is moved on.
    pub(crate) fn changes(
        &self,
        seen: &mut Seen,
        space: Option<Space>,
    ) -> Result<Changes, StoreError> {
        self.read(|tables, txn| {
            let snapshot = txn.id();
            if snapshot == seen.snapshot {
                return Ok(Changes::None);
            }
            let next_row = tables.meta.number(txn, NEXT_ROW)?;
            let (oldest, next) = tables.journal_range(txn)?;
            let anew = seen.journal < oldest || seen.next_row > next_row;
            let first = if anew { 0 } else { seen.next_row };
            let mut changes = Vec::new();
            if !anew {
                for entry in tables.journal.from(txn, &seen.journal)? {
                    let row = entry?.1;
                    if u64::from(row) < first {
                        changes.push(tables.change(txn, row, space)?);
                    }
                }
            }
            let first = Row::try_from(first).unwrap_or(Row::MAX);
            for entry in tables.passages.from(txn, &first)? {
                let (row, passage) = entry?;
                let passage = tables.with_code(txn, row, passage, space)?;
                changes.push(Change {
                    row,
                    passage: Some(passage),
                });
            }
            *seen = Seen {
                snapshot,
                next_row,
                journal: next,
            };
            Ok(if anew {
                Changes::Everything(changes)
            } else {
                Changes::Some(changes)
            })
        })
    }

    /// The postings of several terms, in one snapshot.
    pub(crate) fn postings(&self, terms: &[&str]) -> Result<Vec<Vec<Posting>>, StoreError> {
        self.read(|tables, txn| {
            terms
                .iter()
                .map(|term| tables.postings.of(txn, term))
                .collect()
        })
    }

    /// The stored vectors of passages, where there are any.
    pub(crate) fn vectors(
        &self,
        space: Space,
        rows: &[Row],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.read(|tables, txn| {
            rows.iter()
                .map(|row| tables.vectors.get(txn, &(space, *row)))
                .collect()
        })
    }

    /// The words of passages, where these are still there.
    pub(crate) fn words_of(&self, rows: &[Row]) -> Result<Vec<(Row, String)>, StoreError> {
        self.read(|tables, txn| {
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                if let Some(passage) = tables.passages.get(txn, row)? {
                    found.push((*row, tables.words(txn, *row, &passage)?));
                }
            }
            Ok(found)
        })
    }

    /// The passages that have no vector of any embedder.
    pub(crate) fn without_any_vector(&self) -> Result<Vec<Fault>, StoreError> {
        self.read(|tables, txn| {
            let spaces: Vec<Space> = tables.spaces.keys(txn)?.collect::<Result<_, _>>()?;
            let mut faults = Vec::new();
            for row in tables.passages.keys(txn)? {
                let row = row?;
                let mut coded = false;
                for space in &spaces {
                    coded |= tables.codes.has(txn, &(*space, row))?;
                }
                if !coded {
                    faults.push(Fault {
                        table: tables.codes.name,
                        key: row.to_string(),
                        problem: "the passage has no vector".to_owned(),
                    });
                }
            }
            Ok(faults)
        })
    }

    /// How much there is of everything.
    pub(crate) fn counts(&self) -> Result<Counts, StoreError> {
        let file_bytes = self.file_bytes()?;
        self.read(|tables, txn| {
            let mut counts = Counts {
                episodes: tables.episodes.len(txn)?,
                sessions: tables.sessions.len(txn)?,
                terms: tables.postings.terms(txn)?,
                examples: tables.examples.len(txn)?,
                tombstones: tables.tombstones.len(txn)?,
                used_bytes: tables.used_bytes(txn)?,
                file_bytes,
                ..Counts::default()
            };
            for entry in tables.memories.iter(txn)? {
                let (id, row) = entry?;
                let memory = tables.read_memory(id, row)?;
                counts.sensitive += u64::from(memory.sensitive);
                if memory.is_live() {
                    counts.memories += 1;
                } else {
                    counts.superseded += 1;
                }
            }
            for entry in tables.episodes.iter(txn)? {
                counts.sensitive += u64::from(entry?.1.sensitive);
            }
            Ok(counts)
        })
    }

    /// Gives passages their vectors; those that are gone by now are left out. Vectors of
    /// other spaces leave with them.
    pub(crate) fn put_vectors(&self, vectors: &[(Row, Embedded)]) -> Result<u64, StoreError> {
        self.write(|tables, txn| {
            let mut done = 0;
            let spaces: Vec<Space> = tables.spaces.keys(txn)?.collect::<Result<_, _>>()?;
            for (row, embedded) in vectors {
                if !tables.passages.has(txn, row)? {
                    continue;
                }
                for other in spaces.iter().filter(|space| **space != embedded.space) {
                    tables.codes.delete(txn, &(*other, *row))?;
                    tables.vectors.delete(txn, &(*other, *row))?;
                }
                tables.put_vector(txn, *row, embedded)?;
                tables.note_change(txn, *row)?;
                done += 1;
            }
            Ok(done)
        })
    }
}

impl Tables {
    fn space_of(
        &self,
        txn: &RoTxn,
        embedder: &str,
        dimensions: usize,
    ) -> Result<Option<Space>, StoreError> {
        for entry in self.spaces.iter(txn)? {
            let (space, row) = entry?;
            if row.embedder == embedder && row.dimensions as usize == dimensions {
                return Ok(Some(space));
            }
        }
        Ok(None)
    }

    /// The first and the next number of the journal.
    fn journal_range(&self, txn: &RoTxn) -> Result<(u64, u64), StoreError> {
        let next = self.journal.last_key(txn)?.map_or(0, |last| last + 1);
        let oldest = self.journal.keys(txn)?.next().transpose()?;
        Ok((oldest.unwrap_or(0), next))
    }

    /// Writes into the journal that a passage was changed or removed.
    pub(super) fn note_change(&self, txn: &mut heed::RwTxn, row: Row) -> Result<(), StoreError> {
        let (oldest, next) = self.journal_range(txn)?;
        self.journal.put(txn, &next, &row)?;
        if next - oldest >= JOURNAL_ENTRIES {
            self.journal.delete(txn, &oldest)?;
        }
        Ok(())
    }

    /// Makes everybody read everything anew.
    pub(super) fn break_journal(&self, txn: &mut heed::RwTxn) -> Result<(), StoreError> {
        let (_, next) = self.journal_range(txn)?;
        self.journal.clear(txn)?;
        self.journal.put(txn, &(next + 1), &0)
    }

    fn change(&self, txn: &RoTxn, row: Row, space: Option<Space>) -> Result<Change, StoreError> {
        let passage = self.passages.get(txn, &row)?;
        let passage = passage
            .map(|passage| self.with_code(txn, row, passage, space))
            .transpose()?;
        Ok(Change { row, passage })
    }

    fn with_code(
        &self,
        txn: &RoTxn,
        row: Row,
        passage: PassageRow,
        space: Option<Space>,
    ) -> Result<Passage, StoreError> {
        let code = match space {
            Some(space) => self.codes.get(txn, &(space, row))?,
            None => None,
        };
        Ok(Passage { row: passage, code })
    }

    /// Where a passage lies.
    pub(super) fn extent(&self, row: Row, passage: &PassageRow) -> Result<Extent, StoreError> {
        passage
            .extent()
            .map_err(|e| self.passages.broken(&row.bytes(), e))
    }

    /// The words of a passage.
    pub(super) fn words(
        &self,
        txn: &RoTxn,
        row: Row,
        passage: &PassageRow,
    ) -> Result<String, StoreError> {
        let episode = self.expect_episode(txn, passage.episode)?;
        let extent = self.extent(row, passage)?;
        let words = episode.text.get(extent.start as usize..extent.end as usize);
        Ok(words.unwrap_or_default().to_owned())
    }
}
