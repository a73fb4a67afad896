//! What slots have read, kept on disk while they rest.

use sha2::{Digest as _, Sha256};

use super::loaded::Chosen;
use super::owner::Owner;
use crate::generate::Token;
use crate::llama::LoadOptions;
use crate::llama::fit::Fit;
use crate::llama::snapshot::{Identity, Store};

/// Reading fewer tokens than this anew is not worth a look at the disk.
const WORTH_KEEPING: usize = 64;

/// At least this part of a snapshot must serve the prompt.
const LEAST_PART: usize = 4;

/// The snapshots, and what those of the bare model belong to.
pub(super) struct Disk {
    pub(super) store: Store,
    pub(super) model: Identity,
}

/// What must be the same for a snapshot to be used, the adapter apart: the model's file,
/// its template, how the cache is made, and this program's version.
pub(super) fn identity(
    digest: &str,
    template: Option<&str>,
    load: &LoadOptions,
    fit: &Fit,
) -> Identity {
    let mut hash = Sha256::new();
    let repack = format!("{:?}", load.repack);
    let context = fit.context_tokens.to_string();
    for part in [
        env!("CARGO_PKG_VERSION"),
        digest,
        template.unwrap_or_default(),
        fit.kv_type.name(),
        &context,
        &repack,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Owner {
    /// What snapshots made with an adapter belong to.
    pub(super) fn identity(&self, adapter: Option<&Chosen>) -> Identity {
        let Some(disk) = &self.disk else {
            return Identity::default();
        };
        let Some(adapter) = adapter else {
            return disk.model;
        };
        let mut hash = Sha256::new();
        hash.update(disk.model);
        hash.update(&adapter.digest);
        hash.update(adapter.scale.to_le_bytes());
        hash.finalize().into()
    }

    /// Reads a snapshot into a slot if it serves more of the prompt than the `have`
    /// tokens that are there; how many tokens serve it then.
    pub(super) fn restore(&mut self, slot: usize, prompt: &[Token], have: usize) -> Option<usize> {
        let identity = self.slots[slot].identity;
        let others = self.slots.iter().enumerate().filter(|&(at, _)| at != slot);
        let room = self.cache.cells - others.map(|(_, other)| other.view().cells).sum::<usize>();
        let disk = self.disk.as_mut()?;
        let most = prompt.len().saturating_sub(1);
        let (at, count) = disk.store.best(&identity, prompt)?;
        let tokens = disk.store.tokens(at).to_vec();
        let count = count.min(most);
        let whole = count == tokens.len() || self.cache.keeps_tokens;
        if !whole
            || count < have + WORTH_KEEPING
            || count * LEAST_PART < tokens.len()
            || tokens.len() > room
        {
            return None;
        }
        self.empty(slot);
        let (context, disk) = (&mut self.context, self.disk.as_mut()?);
        if !disk.store.load(at, |state| context.restore(slot, state)) {
            return None;
        }
        self.slots[slot].saved = tokens.len();
        self.slots[slot].held = tokens;
        Some(self.keep(slot, count))
    }

    /// Whether a resting slot has read what is not on disk and should be.
    pub(super) fn has_unsaved(&self) -> bool {
        (0..self.slots.len()).any(|slot| self.is_unsaved(slot))
    }

    /// Writes down what resting slots have read.
    pub(super) fn save(&mut self) {
        for slot in 0..self.slots.len() {
            if !self.is_unsaved(slot) {
                continue;
            }
            let resting = &mut self.slots[slot];
            resting.saved = resting.held.len();
            let (held, identity) = (resting.held.clone(), resting.identity);
            let Some(disk) = &mut self.disk else {
                return;
            };
            if disk.store.holds(&identity, &held) {
                continue;
            }
            if let Some(state) = self.context.state(slot)
                && let Err(error) = disk.store.save(&identity, &held, &state)
            {
                tracing::warn!(%error, "what was read is not kept on disk");
            }
        }
    }

    fn is_unsaved(&self, slot: usize) -> bool {
        let slot = &self.slots[slot];
        let rests = self.disk.is_some() && slot.work.is_none() && slot.may_save;
        rests && slot.held.len() >= WORTH_KEEPING && slot.held.len() != slot.saved
    }
}
