//! From words to what is written: redaction, passages, vectors, memories.
//!
//! # Invariants
//! - Nothing reaches the store that did not pass redaction first.
//! - A memory comes from a person's statement only: never from a question, from an
//!   answer, or from words that were recalled.
//! - Vectors are computed before a transaction begins. An embedder that fails costs
//!   nearness in meaning until the next step of re-embedding, not the words.

use shared::chat::Role;
use shared::redact::Redactor;

use super::embedder::Purpose;
use super::episode::{Appended, Episode, Intent, ItemId, NewEpisode, Source, Verdict};
use super::extract::{self, Draft, Slot};
use super::lexicon::{Analyser, Asks};
use super::record::MemoryRecord;
use super::schema::rows::Extent;
use super::schema::slot_keys;
use super::store::append::{Derived, Entry, Judgement, Part, Written};
use super::{Memory, MemoryError, passages, retain, vector};
use shared::id::{EpisodeId, MemoryId};

/// The longest words of one episode, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 16 << 20;
/// So many passages are embedded at a time.
const BATCH: usize = 64;

/// An episode after redaction, with what is learnt from it.
pub(super) struct Prepared {
    pub(super) episode: Episode,
    drafts: Vec<(Draft, bool)>,
    replaces: Option<MemoryId>,
}

impl Memory {
    /// Redacts, finds what is worth remembering, and cuts into passages.
    pub(super) fn prepare(&self, new: NewEpisode) -> Result<Prepared, MemoryError> {
        if new.text.len() > MAX_TEXT_BYTES {
            return Err(MemoryError::TooLong {
                found: new.text.len(),
                limit: MAX_TEXT_BYTES,
            });
        }
        let shown = Shown::of(&self.redactor, &new);
        let given_sensitive = self.any_sensitive(new.given.iter().map(|given| given.item))?;
        let said_at = new.said_at.unwrap_or_else(|| self.clock.now());
        let mut episode = Episode {
            id: EpisodeId::MIN,
            session: new.session,
            role: new.role,
            text: shown.text,
            source: new.source,
            author: new
                .author
                .map(|name| self.redactor.redact(&name).text.into_owned()),
            intent: new.intent,
            said_at,
            model: new.model,
            adapter: new.adapter,
            given: new.given,
            redactions: shown.kinds,
            sensitive: shown.sensitive || given_sensitive,
            verdict: Verdict::default(),
        };
        let drafts = self.drafts(&episode);
        episode.sensitive |= drafts.iter().any(|(_, sensitive)| *sensitive);
        Ok(Prepared {
            episode,
            drafts,
            replaces: None,
        })
    }

    /// Writes what was prepared, all or none.
    pub(super) fn write(&self, prepared: Vec<Prepared>) -> Result<Vec<Appended>, MemoryError> {
        let mut parts: Vec<Vec<Part>> = prepared
            .iter()
            .map(|p| self.parts(&p.episode, p.drafts.len()))
            .collect();
        let texts: Vec<(&Episode, &mut Part)> = prepared
            .iter()
            .zip(&mut parts)
            .flat_map(|(p, parts)| parts.iter_mut().map(|part| (&p.episode, part)))
            .collect();
        self.embed_parts(texts);
        let now = self.clock.now();
        let entries: Vec<Entry<'_>> = prepared
            .iter()
            .zip(parts)
            .map(|(p, parts)| Entry {
                episode: p.episode.clone(),
                now,
                random: self.random(),
                parts,
                derived: derive(p),
            })
            .collect();
        let written = self.store.append(&entries)?;
        drop(entries);
        let appended = |(w, p): (Written, Prepared)| Appended {
            episode: w.episode,
            memories: w.memories,
            superseded: w.superseded,
            redactions: p.episode.redactions,
            sensitive: p.episode.sensitive,
        };
        Ok(written.into_iter().zip(prepared).map(appended).collect())
    }

    /// What an episode is found by, without vectors. It depends on the episode and on how
    /// many memories rest on it alone, so that it can be built anew.
    pub(super) fn parts(&self, episode: &Episode, memories: usize) -> Vec<Part> {
        if !is_recalled(episode, memories) {
            return Vec::new();
        }
        let analyser = Analyser::new();
        let importance = retain::episode_importance(&episode.text, 0, memories);
        passages::cut(&episode.text)
            .into_iter()
            .map(|range| {
                let words = &episode.text[range.clone()];
                let terms = analyser.terms(words);
                Part {
                    extent: Extent {
                        start: range.start as u32,
                        end: range.end as u32,
                        length: terms.length,
                        asks: Asks::of(words),
                        importance,
                    },
                    terms: terms.counts,
                    vector: None,
                }
            })
            .collect()
    }

    /// Gives parts their vectors, in batches. Where the embedder fails they have none.
    pub(super) fn embed_parts(&self, mut parts: Vec<(&Episode, &mut Part)>) {
        let Some(space) = self.space else {
            return;
        };
        for batch in parts.chunks_mut(BATCH) {
            let texts: Vec<&str> = batch
                .iter()
                .map(|(episode, part)| {
                    &episode.text[part.extent.start as usize..part.extent.end as usize]
                })
                .collect();
            let vectors = match self.embedder.embed(Purpose::Passage, &texts) {
                Ok(vectors) => vectors,
                Err(error) => {
                    tracing::warn!(%error, passages = texts.len(), "passages were not embedded");
                    continue;
                }
            };
            for ((_, part), vector) in batch.iter_mut().zip(&vectors) {
                part.vector = Some(vector::embedded(space, vector));
            }
        }
    }

    /// The drafts of an episode, and whether each is sensitive.
    fn drafts(&self, episode: &Episode) -> Vec<(Draft, bool)> {
        let told = episode.role == Role::User && episode.given.is_empty();
        if !told {
            return Vec::new();
        }
        let context = extract::Context {
            role: episode.role,
            said_at: episode.said_at,
            zone: self.options.zone.clone(),
        };
        extract::extract(&episode.text, &context)
            .into_iter()
            .map(|draft| {
                let sensitive = draft.sensitive
                    || !self.redactor.spoken_secrets(&draft.text).is_empty()
                    || !self.redactor.redact(&draft.text).found.is_empty();
                (draft, sensitive)
            })
            .collect()
    }

    /// Whether any of these items is sensitive.
    pub(super) fn any_sensitive(
        &self,
        items: impl Iterator<Item = ItemId>,
    ) -> Result<bool, MemoryError> {
        for item in items {
            let sensitive = match item {
                ItemId::Memory(id) => self.store.memory(id)?.is_some_and(|m| m.sensitive),
                ItemId::Episode(id) => self.store.episode(id)?.is_some_and(|e| e.sensitive),
            };
            if sensitive {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Prepared {
    /// Makes what is learnt close a memory, whatever that is about. Where nothing is
    /// learnt, the words themselves become a memory like the old one.
    pub(super) fn replacing(mut self, old: &MemoryRecord) -> Self {
        self.replaces = Some(old.id);
        if self.drafts.is_empty() {
            let sensitive = old.sensitive || self.episode.sensitive;
            let draft = Draft {
                kind: old.kind,
                subject: old.subject.clone(),
                attribute: old.attribute.clone(),
                value: self.episode.text.trim().to_lowercase(),
                text: self.episode.text.clone(),
                sensitive,
                asked: true,
                supersedes: None,
            };
            self.drafts.push((draft, sensitive));
        }
        self
    }
}

/// Words as they may be kept.
struct Shown {
    text: String,
    kinds: Vec<String>,
    sensitive: bool,
}

impl Shown {
    fn of(redactor: &Redactor, new: &NewEpisode) -> Self {
        let spoken = !redactor.spoken_secrets(&new.text).is_empty();
        let redacted = redactor.redact(&new.text);
        if new.intent == Intent::Remember {
            return Self {
                sensitive: spoken || !redacted.found.is_empty(),
                text: new.text.clone(),
                kinds: Vec::new(),
            };
        }
        let mut kinds: Vec<String> = redacted.found.iter().map(|f| f.kind.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self {
            text: redacted.text.into_owned(),
            kinds,
            sensitive: spoken,
        }
    }
}

/// Whether an episode can be recalled: not what a model made from recalled words, nor
/// instructions, nor a question put to the assistant that tells nothing.
fn is_recalled(episode: &Episode, memories: usize) -> bool {
    let to_assistant = matches!(episode.source, Source::Chat | Source::Ask | Source::Api);
    match episode.role {
        Role::User => memories > 0 || !to_assistant || Asks::of(&episode.text) != Asks::Last,
        Role::Assistant => episode.given.is_empty(),
        Role::System => false,
    }
}

fn derive(prepared: &Prepared) -> Vec<Derived<'_>> {
    let episode = &prepared.episode;
    prepared
        .drafts
        .iter()
        .enumerate()
        .map(|(index, (draft, sensitive))| {
            let mut looks = slot_keys(&draft.subject, &draft.attribute);
            if let Some(closed) = &draft.supersedes {
                looks.extend(slot_keys(&closed.subject, &closed.attribute));
            }
            Derived {
                record: record(episode, draft, *sensitive),
                looks,
                judge: Box::new(move |old| judge(draft, old)),
                replaces: prepared.replaces.filter(|_| index == 0),
            }
        })
        .collect()
}

fn judge(draft: &Draft, old: &MemoryRecord) -> Judgement {
    let slot = Slot {
        subject: old.subject.clone(),
        attribute: old.attribute.clone(),
        value: old.value.clone(),
    };
    if extract::repeats(draft, &slot) {
        Judgement::Repeats
    } else if extract::supersedes(draft, &slot) {
        Judgement::Closes
    } else {
        Judgement::Unrelated
    }
}

fn record(episode: &Episode, draft: &Draft, sensitive: bool) -> MemoryRecord {
    MemoryRecord {
        id: MemoryId::MIN,
        kind: draft.kind,
        subject: draft.subject.clone(),
        attribute: draft.attribute.clone(),
        value: draft.value.clone(),
        text: draft.text.clone(),
        evidence: Vec::new(),
        source: episode.source,
        said_at: episode.said_at,
        valid_from: episode.said_at,
        valid_until: None,
        successor: None,
        importance: retain::importance(draft),
        uses: 0,
        last_use: None,
        pinned: false,
        sensitive,
    }
}
