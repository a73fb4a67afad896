//! The adapters that an engine has loaded.
//!
//! # Invariants
//! - Each loading has a number of its own, so what was read with an adapter is never
//!   used with another of the same name.

use std::sync::Arc;

use super::place::Key;
use crate::generate::{AdapterChoice, AdapterError, AdapterState};
use crate::llama::adapter::Adapter;

/// An adapter with its weight, chosen for one answer.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) adapter: Arc<Adapter>,
    pub(super) scale: f32,
    number: u64,
}

impl Chosen {
    pub(super) const fn key(&self) -> Key {
        Some((self.number, self.scale.to_bits()))
    }
}

/// The key of a choice.
pub(super) fn key(chosen: Option<&Chosen>) -> Key {
    chosen.and_then(|chosen| chosen.key())
}

struct Loaded {
    chosen: Chosen,
    changes_answers: bool,
}

/// The adapters that are loaded, by name.
#[derive(Default)]
pub(super) struct Adapters {
    all: Vec<Loaded>,
    active: Option<String>,
    numbers: u64,
}

impl Adapters {
    /// Makes an adapter ready to be tried, and [`Self::keep`]-ed.
    pub(super) fn number(
        &mut self,
        name: String,
        digest: String,
        adapter: Adapter,
        scale: f32,
    ) -> Chosen {
        self.numbers += 1;
        Chosen {
            name,
            digest,
            adapter: Arc::new(adapter),
            scale,
            number: self.numbers,
        }
    }

    /// Keeps an adapter in the place of another of its name, which is returned.
    pub(super) fn keep(&mut self, chosen: Chosen, changes_answers: bool) -> Option<Chosen> {
        let replaced = self.remove(&chosen.name);
        self.all.push(Loaded {
            chosen,
            changes_answers,
        });
        self.all.sort_by(|a, b| a.chosen.name.cmp(&b.chosen.name));
        replaced
    }

    /// What a request means.
    pub(super) fn choose(&self, choice: &AdapterChoice) -> Result<Option<Chosen>, AdapterError> {
        let name = match choice {
            AdapterChoice::Base => return Ok(None),
            AdapterChoice::Active => match &self.active {
                None => return Ok(None),
                Some(name) => name,
            },
            AdapterChoice::Named(name) => name,
        };
        let found = self.all.iter().find(|loaded| loaded.chosen.name == *name);
        let found = found.ok_or(AdapterError::Unknown)?;
        Ok(Some(found.chosen.clone()))
    }

    pub(super) fn activate(&mut self, name: Option<String>) -> Result<(), AdapterError> {
        if let Some(name) = &name {
            self.find(name)?;
        }
        self.active = name;
        Ok(())
    }

    pub(super) fn scale(&mut self, name: &str, scale: f32) -> Result<(), AdapterError> {
        self.find(name)?.chosen.scale = scale;
        Ok(())
    }

    /// Gives up an adapter; answers being made may hold it still.
    pub(super) fn unload(&mut self, name: &str) -> Result<Chosen, AdapterError> {
        let gone = self.remove(name).ok_or(AdapterError::Unknown)?;
        if self.active.as_deref() == Some(name) {
            self.active = None;
        }
        Ok(gone)
    }

    /// Whether what was read with this key may be used again.
    pub(super) fn knows(&self, key: Key) -> bool {
        key.is_none() || self.all.iter().any(|loaded| loaded.chosen.key() == key)
    }

    pub(super) fn active(&self) -> Option<String> {
        self.active.clone()
    }

    pub(super) fn states(&self) -> Vec<AdapterState> {
        self.all.iter().map(|loaded| self.state(loaded)).collect()
    }

    /// What is told of one that is loaded.
    pub(super) fn state_of(&self, name: &str) -> Option<AdapterState> {
        let found = self.all.iter().find(|loaded| loaded.chosen.name == name);
        found.map(|loaded| self.state(loaded))
    }

    fn state(&self, loaded: &Loaded) -> AdapterState {
        AdapterState {
            name: loaded.chosen.name.clone(),
            digest: loaded.chosen.digest.clone(),
            scale: loaded.chosen.scale,
            is_active: self.active.as_ref() == Some(&loaded.chosen.name),
            changes_answers: loaded.changes_answers,
        }
    }

    fn find(&mut self, name: &str) -> Result<&mut Loaded, AdapterError> {
        let found = self.all.iter_mut().find(|l| l.chosen.name == name);
        found.ok_or(AdapterError::Unknown)
    }

    fn remove(&mut self, name: &str) -> Option<Chosen> {
        let at = self.all.iter().position(|l| l.chosen.name == name)?;
        Some(self.all.remove(at).chosen)
    }
}
