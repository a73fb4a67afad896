//! Keeping a memory whole and small: counting, verifying, re-embedding, pruning.

use std::collections::HashMap;

use shared::id::EpisodeId;

use super::embedder::Purpose;
use super::episode::{Episode, ItemId};
use super::query::SearchPath;
use super::record::{MemoryRecord, Pin};
use super::report::{Compacted, DryRun, Progress, Repair, Report, Stats};
use super::retain::{self, Item, Plan};
use super::schema::SCHEMA_VERSION;
use super::store::check::Rules;
use super::store::remove::Removal;
use super::{Memory, MemoryError, archive, training, vector};

/// So many passages are embedded in one step while verifying.
const STEP: usize = 256;

impl Memory {
    /// What this memory holds.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read.
    pub fn stats(&self) -> Result<Stats, MemoryError> {
        let mut view = self.view();
        view.refresh(&self.store, self.space)?;
        let counts = self.store.counts()?;
        let path = match self.space {
            None => SearchPath::Lexical,
            Some(_) => view.index().path(),
        };
        Ok(Stats {
            episodes: counts.episodes,
            sessions: counts.sessions,
            memories: counts.memories,
            superseded: counts.superseded,
            sensitive: counts.sensitive,
            passages: u64::from(view.collection().passages),
            unembedded: self.space.map_or(0, |_| view.unembedded(0).1),
            terms: counts.terms,
            examples: counts.examples,
            tombstones: counts.tombstones,
            file_bytes: counts.file_bytes,
            used_bytes: counts.used_bytes,
            embedder: self.embedder.id().to_owned(),
            dimensions: self.embedder.dimensions(),
            path,
            schema: SCHEMA_VERSION,
        })
    }

    /// Checks every table against every other; with [`Repair::Yes`] builds anew what is
    /// derived.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if the file cannot be read at all.
    pub fn verify(&self, repair: Repair) -> Result<Report, MemoryError> {
        let parts = |episode: &Episode, memories| self.parts(episode, memories);
        let items = |bytes: &[u8]| training::items_of_bytes(bytes).ok();
        let rules = Rules {
            parts: &parts,
            items: &items,
        };
        let mut report = self.checked(&rules)?;
        if repair == Repair::No || report.faults.is_empty() {
            return Ok(report);
        }
        self.store.rebuild(&rules)?;
        if let Some(space) = self.space {
            archive::discard(&archive::file(self.store.dir(), space));
        }
        while self.reembed_step(STEP)?.done > 0 {}
        let left = self.checked(&rules)?.faults.len() as u64;
        report.repaired = (report.faults.len() as u64).saturating_sub(left);
        Ok(report)
    }

    fn checked(&self, rules: &Rules<'_>) -> Result<Report, MemoryError> {
        let mut report = self.store.check(rules)?;
        if self.space.is_some() {
            report.faults.extend(self.store.without_any_vector()?);
        }
        Ok(report)
    }

    /// Gives the free pages of the file back to the system.
    ///
    /// # Errors
    /// [`MemoryError::Store`] while another program has it open.
    pub fn compact(&self) -> Result<Compacted, MemoryError> {
        let mut view = self.view();
        let compacted = self.store.compact()?;
        // The copy counts its snapshots anew.
        view.reset();
        Ok(compacted)
    }

    /// Embeds up to `max` passages that have no vector of the present embedder, the
    /// oldest first; their vectors of other embedders go.
    ///
    /// # Errors
    /// [`MemoryError::Embed`] if the embedder fails.
    pub fn reembed_step(&self, max: usize) -> Result<Progress, MemoryError> {
        let Some(space) = self.space else {
            return Ok(Progress { done: 0, left: 0 });
        };
        let (rows, lacking) = {
            let mut view = self.view();
            view.refresh(&self.store, self.space)?;
            view.unembedded(max)
        };
        let words = self.store.words_of(&rows)?;
        let texts: Vec<&str> = words.iter().map(|(_, words)| words.as_str()).collect();
        let embedded = self.embedder.embed(Purpose::Passage, &texts);
        let vectors = embedded.map_err(|source| MemoryError::Embed { source })?;
        let rows = words.iter().map(|(row, _)| *row);
        let vectors = vectors.iter().map(|v| vector::embedded(space, v));
        let done = self
            .store
            .put_vectors(&rows.zip(vectors).collect::<Vec<_>>())?;
        Ok(Progress {
            done,
            left: lacking.saturating_sub(done),
        })
    }

    /// Drops what the policy does not keep, the weakest first, or only says what it
    /// would drop. Tombstones stay, so that an import does not bring it back.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if it cannot be read or written.
    pub fn prune(&self, dry_run: DryRun) -> Result<Plan<ItemId>, MemoryError> {
        let items = self.prunable()?;
        let plan = retain::plan(&self.options.policy, &items, self.clock.now());
        if dry_run == DryRun::Yes || plan.drop.is_empty() {
            return Ok(plan);
        }
        let mut removal = Removal::default();
        for (item, _) in &plan.drop {
            match item {
                ItemId::Memory(id) => removal.memories.insert(*id),
                ItemId::Episode(id) => removal.episodes.insert(*id),
            };
        }
        self.remove(&removal)?;
        Ok(plan)
    }

    /// Episodes with the bytes that hang on them. Memories go with their last evidence,
    /// so an episode is as strong as the strongest memory that rests on it.
    pub(super) fn prunable(&self) -> Result<Vec<Item<ItemId>>, MemoryError> {
        let vector_bytes = 3 * self.embedder.dimensions() as u64 + 4;
        let follow_ups = self.follow_ups()?;
        let mut items = Vec::new();
        self.store.each_episode_with_memories(|episode, memories| {
            let passages = self.parts(&episode, 0).len() as u64;
            let text = episode.text.len() + memories.iter().map(|m| m.text.len()).sum::<usize>();
            items.push(Item {
                id: ItemId::Episode(episode.id),
                bytes: ROW_BYTES + 2 * text as u64 + passages * vector_bytes,
                importance: importance(
                    &episode,
                    follow_ups.get(&episode.id).copied().unwrap_or(0),
                    &memories,
                ),
                uses: memories.iter().map(|m| m.uses).max().unwrap_or(0),
                said_at: episode.said_at,
                last_use: memories.iter().filter_map(|m| m.last_use).max(),
                pin: if memories.iter().any(|m| m.pinned) {
                    Pin::On
                } else {
                    Pin::Off
                },
            });
            Ok::<(), MemoryError>(())
        })?;
        Ok(items)
    }

    /// How many answers were made from an episode.
    fn follow_ups(&self) -> Result<HashMap<EpisodeId, usize>, MemoryError> {
        let mut counts = HashMap::new();
        self.store.each_episode(|answer| {
            for given in &answer.given {
                if let ItemId::Episode(id) = given.item {
                    *counts.entry(id).or_insert(0) += 1;
                }
            }
            Ok::<(), MemoryError>(())
        })?;
        Ok(counts)
    }

    /// Runs re-embedding for everything, in steps.
    #[cfg(test)]
    pub(super) fn reembed_all(&self) {
        while self.reembed_step(7).unwrap().done > 0 {}
    }
}

/// About what an episode's rows and keys take besides its words and vectors.
const ROW_BYTES: u64 = 400;

fn importance(episode: &Episode, follow_ups: usize, memories: &[MemoryRecord]) -> f32 {
    let live = memories.iter().filter(|memory| memory.is_live());
    let own = retain::episode_importance(&episode.text, follow_ups, memories.len());
    live.map(|memory| memory.importance).fold(own, f32::max)
}
