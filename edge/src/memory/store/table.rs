//! One table: typed keys and values over LMDB's bytes.

use std::marker::PhantomData;
use std::ops::Bound;

use heed::types::Bytes;
use heed::{Database, RoTxn, RwTxn};

use super::StoreError;
use crate::memory::lexicon::Posting;
use crate::memory::schema::rows::Value;
use crate::memory::schema::{Key, MAX_TERM_BYTES, Row, SchemaError};

/// What every table is underneath.
pub(super) type Raw = Database<'static, Bytes, Bytes>;

/// A table of `K` to `V`.
pub(super) struct Table<K, V> {
    pub(super) name: &'static str,
    raw: Raw,
    kinds: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Table<K, V> {
    pub(super) fn new(name: &'static str, raw: Raw) -> Self {
        Self {
            name,
            raw,
            kinds: PhantomData,
        }
    }

    pub(super) fn get(&self, txn: &RoTxn, key: &K) -> Result<Option<V>, StoreError> {
        let key = key.bytes();
        let found = self.raw.get(txn, &key)?;
        found
            .map(|bytes| V::from_stored(bytes).map_err(|e| self.broken(&key, e)))
            .transpose()
    }

    pub(super) fn get_bytes<'t>(
        &self,
        txn: &'t RoTxn,
        key: &K,
    ) -> Result<Option<&'t [u8]>, StoreError> {
        Ok(self.raw.get(txn, &key.bytes())?)
    }

    pub(super) fn has(&self, txn: &RoTxn, key: &K) -> Result<bool, StoreError> {
        Ok(self.raw.get(txn, &key.bytes())?.is_some())
    }

    pub(super) fn put(&self, txn: &mut RwTxn, key: &K, value: &V) -> Result<(), StoreError> {
        let key = key.bytes();
        let bytes = value.to_stored().map_err(|e| self.broken(&key, e))?;
        Ok(self.raw.put(txn, &key, &bytes)?)
    }

    /// Whether the key was there.
    pub(super) fn delete(&self, txn: &mut RwTxn, key: &K) -> Result<bool, StoreError> {
        Ok(self.raw.delete(txn, &key.bytes())?)
    }

    pub(super) fn clear(&self, txn: &mut RwTxn) -> Result<(), StoreError> {
        Ok(self.raw.clear(txn)?)
    }

    pub(super) fn len(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        Ok(self.raw.len(txn)?)
    }

    /// Pages that it takes.
    pub(super) fn pages(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        pages(&self.raw, txn)
    }

    /// Bytes of a page of the file.
    pub(super) fn page_bytes(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        Ok(u64::from(self.raw.stat(txn)?.page_size))
    }

    pub(super) fn last_key(&self, txn: &RoTxn) -> Result<Option<K>, StoreError> {
        match self.raw.last(txn)? {
            Some((key, _)) => Ok(Some(self.key(key)?)),
            None => Ok(None),
        }
    }

    /// Every entry, in order of the keys.
    pub(super) fn iter<'t>(
        &'t self,
        txn: &'t RoTxn,
    ) -> Result<impl Iterator<Item = Result<(K, V), StoreError>> + 't, StoreError> {
        let entries = self.raw.iter(txn)?;
        Ok(entries.map(|entry| self.entry(entry?)))
    }

    /// Every key, in order.
    pub(super) fn keys<'t>(
        &'t self,
        txn: &'t RoTxn,
    ) -> Result<impl Iterator<Item = Result<K, StoreError>> + 't, StoreError> {
        let entries = self.raw.iter(txn)?;
        Ok(entries.map(|entry| self.key(entry?.0)))
    }

    /// Every entry, last key first.
    pub(super) fn rev_iter<'t>(
        &'t self,
        txn: &'t RoTxn,
    ) -> Result<impl Iterator<Item = Result<(K, V), StoreError>> + 't, StoreError> {
        let entries = self.raw.rev_iter(txn)?;
        Ok(entries.map(|entry| self.entry(entry?)))
    }

    /// The entries from a key on, in order.
    pub(super) fn from<'t>(
        &'t self,
        txn: &'t RoTxn,
        from: &K,
    ) -> Result<impl Iterator<Item = Result<(K, V), StoreError>> + 't, StoreError> {
        let from = from.bytes();
        let range = (Bound::Included(from.as_slice()), Bound::Unbounded);
        let entries = self.raw.range(txn, &range)?;
        Ok(entries.map(|entry| self.entry(entry?)))
    }

    fn entry(&self, (key, value): (&[u8], &[u8])) -> Result<(K, V), StoreError> {
        let value = V::from_stored(value).map_err(|e| self.broken(key, e))?;
        Ok((self.key(key)?, value))
    }

    fn key(&self, bytes: &[u8]) -> Result<K, StoreError> {
        K::decode(bytes).map_err(|e| self.broken(bytes, e))
    }

    pub(super) fn broken(&self, key: &[u8], source: SchemaError) -> StoreError {
        StoreError::Entry {
            table: self.name,
            key: hex(key),
            source,
        }
    }
}

impl<A: Key, B: Key, V: Value> Table<(A, B), V> {
    /// The second parts of all keys with this first part, in order.
    pub(super) fn seconds(&self, txn: &RoTxn, first: &A) -> Result<Vec<B>, StoreError> {
        let entries = self.raw.prefix_iter(txn, &first.bytes())?;
        entries
            .map(|entry| self.key(entry?.0).map(|(_, second)| second))
            .collect()
    }
}

/// The index of words: for each term, its postings in order of the rows.
pub(super) struct Postings {
    raw: Raw,
}

impl Postings {
    pub(super) const NAME: &'static str = "postings";

    pub(super) fn new(raw: Raw) -> Self {
        Self { raw }
    }

    /// Pages that it takes.
    pub(super) fn pages(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        pages(&self.raw, txn)
    }

    pub(super) fn put(
        &self,
        txn: &mut RwTxn,
        term: &str,
        posting: &Posting,
    ) -> Result<(), StoreError> {
        Ok(self.raw.put(txn, term_key(term), &posting.bytes())?)
    }

    /// Whether it was there.
    pub(super) fn delete(
        &self,
        txn: &mut RwTxn,
        term: &str,
        posting: &Posting,
    ) -> Result<bool, StoreError> {
        Ok(self
            .raw
            .delete_one_duplicate(txn, term_key(term), &posting.bytes())?)
    }

    /// A term's postings, in order of the rows.
    pub(super) fn of(&self, txn: &RoTxn, term: &str) -> Result<Vec<Posting>, StoreError> {
        let mut found = Vec::new();
        if let Some(entries) = self.raw.get_duplicates(txn, term_key(term))? {
            for entry in entries {
                found.push(posting(entry?.1)?);
            }
        }
        Ok(found)
    }

    /// Every term with every posting.
    pub(super) fn iter<'t>(
        &self,
        txn: &'t RoTxn,
    ) -> Result<impl Iterator<Item = Result<(&'t [u8], Posting), StoreError>> + 't, StoreError>
    {
        let entries = self.raw.iter(txn)?;
        Ok(entries.map(|entry| {
            let (term, bytes) = entry?;
            Ok((term, posting(bytes)?))
        }))
    }

    /// How many different terms there are.
    pub(super) fn terms(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        let mut count = 0;
        for entry in self.raw.iter(txn)?.move_between_keys() {
            entry?;
            count += 1;
        }
        Ok(count)
    }

    pub(super) fn clear(&self, txn: &mut RwTxn) -> Result<(), StoreError> {
        Ok(self.raw.clear(txn)?)
    }
}

fn posting(bytes: &[u8]) -> Result<Posting, StoreError> {
    Posting::decode(bytes).map_err(|source| StoreError::Entry {
        table: Postings::NAME,
        key: hex(bytes),
        source,
    })
}

/// A term as a key: cut at a character where it is too long.
pub(super) fn term_key(term: &str) -> &[u8] {
    let end = term.floor_char_boundary(MAX_TERM_BYTES);
    &term.as_bytes()[..end]
}

/// Named bytes and numbers.
pub(super) struct Meta {
    raw: Raw,
}

impl Meta {
    pub(super) const NAME: &'static str = "meta";

    pub(super) fn new(raw: Raw) -> Self {
        Self { raw }
    }

    /// Pages that it takes.
    pub(super) fn pages(&self, txn: &RoTxn) -> Result<u64, StoreError> {
        pages(&self.raw, txn)
    }

    pub(super) fn bytes<'t>(
        &self,
        txn: &'t RoTxn,
        name: &str,
    ) -> Result<Option<&'t [u8]>, StoreError> {
        Ok(self.raw.get(txn, name.as_bytes())?)
    }

    pub(super) fn put_bytes(
        &self,
        txn: &mut RwTxn,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        Ok(self.raw.put(txn, name.as_bytes(), bytes)?)
    }

    /// A number; 0 where there is none.
    pub(super) fn number(&self, txn: &RoTxn, name: &str) -> Result<u64, StoreError> {
        let Some(bytes) = self.bytes(txn, name)? else {
            return Ok(0);
        };
        <u64 as Key>::decode(bytes).map_err(|source| StoreError::Entry {
            table: Self::NAME,
            key: name.to_owned(),
            source,
        })
    }

    pub(super) fn put_number(
        &self,
        txn: &mut RwTxn,
        name: &str,
        number: u64,
    ) -> Result<(), StoreError> {
        self.put_bytes(txn, name, &number.bytes())
    }

    /// Takes the numbers of `count` new passages, in a row; answers with the first.
    pub(super) fn take_rows(&self, txn: &mut RwTxn, count: usize) -> Result<Row, StoreError> {
        let first = self.number(txn, NEXT_ROW)?;
        let next = first.saturating_add(count as u64);
        let (Ok(row), true) = (Row::try_from(first), next <= u64::from(Row::MAX)) else {
            return Err(StoreError::TooManyPassages);
        };
        self.put_number(txn, NEXT_ROW, next)?;
        Ok(row)
    }
}

fn pages(raw: &Raw, txn: &RoTxn) -> Result<u64, StoreError> {
    let stat = raw.stat(txn)?;
    Ok((stat.branch_pages + stat.leaf_pages + stat.overflow_pages) as u64)
}

/// Where the next passage's number is kept.
pub(super) const NEXT_ROW: &str = "next-row";

/// Bytes in hexadecimal, as errors and reports name keys.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
