//! The vectors of texts seen lately, by content.
//!
//! # Invariants
//! - Never more than `capacity` vectors; the one used longest ago leaves first.
//! - A text is known by its SHA-256 alone: no words are kept.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::memory::embedder::Purpose;

/// A text and its purpose, as 128 bits of their SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 16]);

impl Key {
    pub(super) fn of(purpose: Purpose, text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(match purpose {
            Purpose::Query => b"q",
            Purpose::Passage => b"p",
        });
        hash.update(text);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }
}

/// A bounded map from texts to vectors.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    ticks: u64,
    vectors: HashMap<Key, (u64, Vec<f32>)>,
    by_use: BTreeMap<u64, Key>,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ticks: 0,
            vectors: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    /// The vector of a text, which counts as used now.
    pub(super) fn find(&mut self, key: &Key) -> Option<Vec<f32>> {
        let (used, vector) = self.vectors.get_mut(key)?;
        self.by_use.remove(used);
        self.ticks += 1;
        *used = self.ticks;
        self.by_use.insert(self.ticks, *key);
        Some(vector.clone())
    }

    /// Keeps a vector, in place of the one used longest ago if there is no room.
    pub(super) fn insert(&mut self, key: Key, vector: Vec<f32>) {
        self.ticks += 1;
        if let Some((used, _)) = self.vectors.insert(key, (self.ticks, vector)) {
            self.by_use.remove(&used);
        }
        self.by_use.insert(self.ticks, key);
        if self.vectors.len() > self.capacity
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.vectors.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Key {
        Key::of(Purpose::Query, text)
    }

    #[test]
    fn what_was_used_longest_ago_leaves_first() {
        let mut cache = Cache::new(2);
        cache.insert(key("a"), vec![1.0]);
        cache.insert(key("b"), vec![2.0]);
        cache.find(&key("a"));
        cache.insert(key("c"), vec![3.0]);
        assert_eq!(cache.find(&key("a")), Some(vec![1.0]));
        assert_eq!(cache.find(&key("b")), None);
        assert_eq!(cache.find(&key("c")), Some(vec![3.0]));
    }

    #[test]
    fn purposes_are_kept_apart() {
        assert_ne!(key("a"), Key::of(Purpose::Passage, "a"));
    }

    proptest! {
        #[test]
        fn size_is_bounded_and_the_newest_is_found(texts in prop::collection::vec("[a-f]{1,2}", 1..60)) {
            let mut cache = Cache::new(5);
            for text in &texts {
                cache.insert(key(text), vec![text.len() as f32]);
                prop_assert_eq!(cache.find(&key(text)), Some(vec![text.len() as f32]));
                prop_assert!(cache.vectors.len() <= 5);
                prop_assert_eq!(cache.vectors.len(), cache.by_use.len());
            }
        }
    }
}
