//! Changing one's mind: correcting, forgetting, pinning, and what was used.

use std::collections::BTreeSet;

use shared::chat::Role;
use shared::id::{MemoryId, SessionId};

use super::episode::{Appended, Episode, Intent, ItemId, NewEpisode, Source};
use super::lexicon::Analyser;
use super::record::Pin;
use super::report::Receipt;
use super::store::StoreError;
use super::store::append::Part;
use super::store::remove::Removal;
use super::{Memory, MemoryError};

/// What stands where forgotten words stood.
const FORGOTTEN: &str = "[forgotten]";

impl Memory {
    /// Replaces a memory by what is right: a new episode and a new memory; the old one
    /// stays, closed, and names its successor.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown memory.
    pub fn correct(&self, id: MemoryId, text: &str) -> Result<Appended, MemoryError> {
        let missing = StoreError::Missing { id: id.to_string() };
        let old = self.store.memory(id)?.ok_or(missing)?;
        let session = match old.evidence.first() {
            Some(evidence) => self.store.episode(*evidence)?.map(|e| e.session),
            None => None,
        };
        let session = match session {
            Some(session) => session,
            None => self.new_session("")?,
        };
        let prepared = self.prepare(NewEpisode {
            intent: Intent::Remember,
            ..NewEpisode::said(session, Source::Command, text)
        })?;
        let mut appended = self.write(vec![prepared.replacing(&old)])?;
        appended
            .pop()
            .ok_or_else(|| super::unknown("the correction"))
    }

    /// Forgets: words, vectors, terms, memories, queued examples, and the answers that
    /// were made from them. What else the same words said is kept.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown item.
    pub fn forget(&self, item: ItemId) -> Result<Receipt, MemoryError> {
        let (mut removal, shared) = self.store.plan_removal(item)?;
        let mut cut: Vec<(Episode, Vec<Part>)> = shared
            .into_iter()
            .map(|shared| {
                let mut episode = shared.episode;
                episode.text = episode.text.replace(&shared.words, FORGOTTEN);
                let parts = self.parts(&episode, shared.others);
                (episode, parts)
            })
            .collect();
        let parts = cut
            .iter_mut()
            .flat_map(|(episode, parts)| parts.iter_mut().map(|part| (&*episode, part)));
        self.embed_parts(parts.collect());
        removal.cut = cut;
        self.remove(&removal)
    }

    /// What an item says, and the words it was taken from: what to remove elsewhere when
    /// it is forgotten.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn texts(&self, item: ItemId) -> Result<Vec<String>, MemoryError> {
        let mut texts = Vec::new();
        let mut said = Vec::new();
        match item {
            ItemId::Episode(id) => said.push(id),
            ItemId::Memory(id) => {
                if let Some(memory) = self.store.memory(id)? {
                    texts.push(memory.text);
                    said = memory.evidence;
                }
            }
        }
        for id in said {
            texts.extend(self.store.episode(id)?.map(|episode| episode.text));
        }
        Ok(texts)
    }

    /// What the owner said in a conversation: what to remove elsewhere when it is deleted.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn session_texts(&self, id: SessionId) -> Result<Vec<String>, MemoryError> {
        let mut said = self.session_episodes(id)?;
        said.retain(|episode| episode.role == Role::User);
        Ok(said.into_iter().map(|episode| episode.text).collect())
    }

    /// Deletes a conversation with everything derived from it.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown conversation.
    pub fn delete_session(&self, id: SessionId) -> Result<Receipt, MemoryError> {
        let removal = self.store.plan_session_removal(id)?;
        self.remove(&removal)
    }

    /// Keeps a memory whatever the policy says, or no longer.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown memory.
    pub fn pin(&self, id: MemoryId, pin: Pin) -> Result<(), MemoryError> {
        let change = |memory: &mut super::MemoryRecord| memory.pinned = pin == Pin::On;
        Ok(self.store.change_memories(&[id], change)?)
    }

    /// Notes that memories were used in an answer; episodes keep no such count.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for an unknown memory.
    pub fn note_use(&self, items: &[ItemId]) -> Result<(), MemoryError> {
        let now = self.clock.now();
        let ids: BTreeSet<MemoryId> = items
            .iter()
            .filter_map(|item| match item {
                ItemId::Memory(id) => Some(*id),
                ItemId::Episode(_) => None,
            })
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<MemoryId> = ids.into_iter().collect();
        Ok(self.store.change_memories(&ids, |memory| {
            memory.uses = memory.uses.saturating_add(1);
            memory.last_use = Some(memory.last_use.map_or(now, |last| last.max(now)));
        })?)
    }

    pub(super) fn remove(&self, removal: &Removal) -> Result<Receipt, MemoryError> {
        let analyser = Analyser::new();
        let terms_of = |words: &str| {
            let terms = analyser.terms(words);
            (terms.counts, terms.length)
        };
        Ok(self.store.remove(removal, self.clock.now(), &terms_of)?)
    }
}
