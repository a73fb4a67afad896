//! Adapters, on the engine's thread: load, try, set, give up.

use std::path::Path;

use super::job::AdapterJob;
use super::loaded::{self, Chosen};
use super::owner::Owner;
use crate::generate::{AdapterError, AdapterState, Token};
use crate::llama::adapter::Adapter;

/// What a new adapter is tried on.
const TRIAL: &str = "Hello";

/// Most tokens of it.
const TRIAL_TOKENS: usize = 4;

impl Owner {
    pub(super) fn adapter_job(&mut self, job: AdapterJob) {
        // Whoever asked may have gone away: then nobody needs the answer.
        let _ = match job {
            AdapterJob::Load {
                name,
                path,
                digest,
                scale,
                reply,
            } => reply.send(self.load(name, digest, &path, scale)).ok(),
            AdapterJob::Activate { name, reply } => reply.send(self.adapters.activate(name)).ok(),
            AdapterJob::Scale { name, scale, reply } => {
                reply.send(self.adapters.scale(&name, scale)).ok()
            }
            AdapterJob::Unload { name, reply } => {
                let unloaded = self.adapters.unload(&name).map(drop);
                self.give_up_adapters();
                reply.send(unloaded).ok()
            }
            AdapterJob::List { reply } => reply.send(self.adapters.states()).ok(),
        };
        let active = self.adapters.active();
        self.shared.count(|status| status.adapter = active);
    }

    /// Loads a file that was checked, and finds out whether it changes anything.
    fn load(
        &mut self,
        name: String,
        digest: String,
        path: &Path,
        scale: f32,
    ) -> Result<AdapterState, AdapterError> {
        let adapter = Adapter::load(path, self.context.weights()).ok_or(AdapterError::Shape)?;
        let chosen = self.adapters.number(name.clone(), digest, adapter, scale);
        let changes = self.changes_answers(&chosen)?;
        self.adapters.keep(chosen, changes);
        self.give_up_adapters();
        self.adapters.state_of(&name).ok_or(AdapterError::Unknown)
    }

    /// Whether logits differ with an adapter from those without.
    fn changes_answers(&mut self, chosen: &Chosen) -> Result<bool, AdapterError> {
        let without = self.trial(None)?;
        let with = self.trial(Some(chosen.clone()));
        self.compute_with(None);
        Ok(with? != without)
    }

    /// Logits after a short text, in a sequence of its own that is forgotten at once.
    fn trial(&mut self, adapter: Option<Chosen>) -> Result<Vec<f32>, AdapterError> {
        self.compute_with(adapter);
        let words = self.context.weights().words(TRIAL);
        let tokens: &[Token] = &words[..words.len().min(TRIAL_TOKENS)];
        let sequence = self.slots.len();
        self.batch.clear();
        for (at, &token) in tokens.iter().enumerate() {
            self.batch.push(token, at, sequence, at + 1 == tokens.len());
        }
        let mut decoded = self.context.decode(&mut self.batch);
        if decoded.is_err() {
            let free = (0..self.slots.len()).filter(|&slot| self.slots[slot].work.is_none());
            for slot in free.collect::<Vec<_>>() {
                self.empty(slot);
            }
            decoded = self.context.decode(&mut self.batch);
        }
        let logits = match decoded {
            Ok(()) => Ok(self.context.logits(tokens.len() - 1).to_vec()),
            Err(_) => Err(AdapterError::NoRoom),
        };
        self.context.remove(sequence, 0);
        logits
    }

    /// Computes with an adapter from now on, or with none.
    pub(super) fn compute_with(&mut self, adapter: Option<Chosen>) {
        if loaded::key(adapter.as_ref()) != loaded::key(self.set.as_ref()) {
            let native = adapter.as_ref();
            self.context
                .set_adapter(native.map(|chosen| (&*chosen.adapter, chosen.scale)));
            // The one before is freed here, if this was its last use.
            self.set = adapter;
        }
    }

    /// Forgets what was read with adapters that are not loaded any more, and frees them
    /// where no answer is being made with them.
    pub(super) fn give_up_adapters(&mut self) {
        for slot in 0..self.slots.len() {
            let is_free = self.slots[slot].work.is_none();
            if is_free && !self.adapters.knows(self.slots[slot].key) {
                self.empty(slot);
                self.slots[slot].key = None;
            }
        }
        if !self.adapters.knows(loaded::key(self.set.as_ref())) {
            self.compute_with(None);
        }
    }
}
