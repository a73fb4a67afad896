//! What recall keeps in memory: passages and vectors by row, brought up to date from the
//! store before each question.
//!
//! # Invariants
//! - After [`View::refresh`] it shows one snapshot of the store, whoever wrote it.
//! - A row that is gone has no place in a session, no vector and no terms to count.

use std::collections::HashMap;

use shared::chat::Role;
use shared::clock::Timestamp;
use shared::id::{EpisodeId, SessionId};

use super::episode::Source;
use super::index::Index;
use super::lexicon::{Asks, Collection};
use super::recall::Passage;
use super::schema::rows::PassageRow;
use super::schema::{Row, SchemaError, Space};
use super::store::passages::{Change, Changes, Seen};
use super::store::{Store, StoreError};
use super::{archive, recall, vector};

/// Passages and vectors as of one snapshot.
pub(super) struct View {
    seen: Seen,
    dimensions: usize,
    index: Index,
    passages: Vec<Passage>,
    facts: Vec<Option<Fact>>,
    last_of: HashMap<SessionId, Row>,
    collection: Collection,
}

/// What decides whether a passage may be recalled.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) episode: EpisodeId,
    pub(super) source: Source,
    pub(super) sensitive: bool,
    /// Where it begins and ends in the episode's words.
    pub(super) start: usize,
    pub(super) end: usize,
    session: SessionId,
    length: u16,
    embedded: bool,
}

impl View {
    /// An empty view for vectors of so many dimensions.
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            seen: Seen::default(),
            dimensions,
            index: Index::new(dimensions),
            passages: Vec::new(),
            facts: Vec::new(),
            last_of: HashMap::new(),
            collection: Collection::default(),
        }
    }

    /// Takes in what was written since the last time, by this process or another.
    pub(super) fn refresh(
        &mut self,
        store: &Store,
        space: Option<Space>,
    ) -> Result<(), StoreError> {
        let changes = match store.changes(&mut self.seen, space)? {
            Changes::None => return Ok(()),
            Changes::Some(changes) => changes,
            Changes::Everything(changes) => {
                *self = Self {
                    seen: self.seen,
                    ..Self::new(self.dimensions)
                };
                changes
            }
        };
        let anew = self.passages.is_empty();
        self.apply(&changes)?;
        if let (true, Some(space)) = (anew, space) {
            archive::attach(&mut self.index, &archive::file(store.dir(), space));
        }
        Ok(())
    }

    /// Everything is read anew at the next refresh.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.dimensions);
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            let broken = |source: SchemaError| StoreError::Entry {
                table: "passages",
                key: change.row.to_string(),
                source,
            };
            match &change.passage {
                None => self.remove(change.row),
                Some(passage) => {
                    self.put(change.row, &passage.row).map_err(broken)?;
                    self.embed(change.row, passage.code.as_deref());
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, row: Row, passage: &PassageRow) -> Result<(), SchemaError> {
        if self.fact(row).is_some() {
            return Ok(());
        }
        let extent = passage.extent()?;
        let at = row as usize;
        while self.passages.len() <= at {
            self.passages.push(absent());
            self.facts.push(None);
        }
        let previous = self.last_of.insert(passage.session, row);
        if let Some(previous) = previous {
            self.passages[previous as usize].next = Some(row);
        }
        self.passages[at] = Passage {
            previous,
            next: None,
            said_at: passage.said_at,
            role: passage.role()?,
            asks: extent.asks,
            importance: extent.importance,
        };
        self.facts[at] = Some(Fact {
            episode: passage.episode,
            source: passage.source()?,
            sensitive: passage.sensitive,
            start: extent.start as usize,
            end: extent.end as usize,
            session: passage.session,
            length: extent.length,
            embedded: false,
        });
        self.collection.passages += 1;
        self.collection.terms += u64::from(extent.length);
        Ok(())
    }

    fn embed(&mut self, row: Row, code: Option<&[u8]>) {
        let Some(Some(fact)) = self.facts.get_mut(row as usize) else {
            return;
        };
        let vector = code.and_then(|code| vector::read_code(code, self.dimensions));
        fact.embedded = vector.is_some();
        match vector {
            Some(vector) => self.index.insert(row, &vector),
            None => self.index.remove(row),
        }
    }

    fn remove(&mut self, row: Row) {
        let Some(fact) = self.facts.get_mut(row as usize).and_then(Option::take) else {
            return;
        };
        self.index.remove(row);
        self.collection.passages -= 1;
        self.collection.terms -= u64::from(fact.length);
        let gone = std::mem::replace(&mut self.passages[row as usize], absent());
        if let Some(previous) = gone.previous {
            self.passages[previous as usize].next = gone.next;
        }
        if let Some(next) = gone.next {
            self.passages[next as usize].previous = gone.previous;
        } else if let Some(previous) = gone.previous {
            self.last_of.insert(fact.session, previous);
        } else {
            self.last_of.remove(&fact.session);
        }
    }

    /// What is known of a row, if it is there.
    pub(super) fn fact(&self, row: Row) -> Option<&Fact> {
        self.facts.get(row as usize)?.as_ref()
    }

    /// All passages, by row; those that are gone have no neighbours.
    pub(super) fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// All passages, in numbers.
    pub(super) fn collection(&self) -> Collection {
        self.collection
    }

    /// All vectors.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Up to `max` passages without a vector, and how many there are.
    pub(super) fn unembedded(&self, max: usize) -> (Vec<Row>, u64) {
        let lacking = (0..)
            .zip(&self.facts)
            .filter(|(_, fact)| fact.as_ref().is_some_and(|fact| !fact.embedded));
        let mut rows = Vec::new();
        let mut count = 0;
        for (row, _) in lacking {
            count += 1;
            if rows.len() < max {
                rows.push(row);
            }
        }
        (rows, count)
    }
}

/// What stands at a row without a passage.
fn absent() -> recall::Passage {
    Passage {
        previous: None,
        next: None,
        said_at: Timestamp::from_millis(i64::MIN),
        role: Role::System,
        asks: Asks::No,
        importance: 0.0,
    }
}
