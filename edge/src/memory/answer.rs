//! Recall: a question in, what fits it out.
//!
//! Passages are ranked by [`recall::rank`]; here they are fetched, and become hits: the
//! memory that was taken from the words where one fits the question, else the words.
//!
//! # Invariants
//! - A sentence whose memory was replaced is not shown unless the past is asked for; what
//!   holds now stands in its place. Only where it alone says whom the question means ("my
//!   sister", of whom later words say "Clara") it is shown after that, marked.
//! - The assistant's acknowledgement of what it was told is not an answer.
//! - What the filter excludes is not looked at, so it moves no score.

use std::collections::{HashMap, HashSet};

use shared::chat::Role;
use shared::id::{EpisodeId, MemoryId};

use super::embedder::Purpose;
use super::episode::{Episode, ItemId, Source};
use super::index::Among;
use super::lexicon::Analyser;
use super::query::{Hit, Query, Recall, SearchPath};
use super::recall::question::Question;
use super::recall::select::{Limits, select};
use super::recall::{Input, Nearness, Passage, Ranked, TermPostings, rank};
use super::record::MemoryRecord;
use super::schema::Row;
use super::view::View;
use super::{Memory, MemoryError, vector};

/// So many of the nearest passages are ranked.
const NEAREST: usize = 300;
/// So many ranked passages are read for each hit that is wanted.
const READ_PER_HIT: usize = 4;
/// And so many at least.
const READ_LEAST: usize = 40;
/// So often at most a memory is followed to the one that replaced it.
const MOST_SUCCESSORS: usize = 64;

impl Memory {
    /// What fits a question, best first. It sees everything that was written before it
    /// began, by any process.
    ///
    /// # Errors
    /// [`MemoryError::Embed`] if the question cannot be embedded, [`MemoryError::Store`]
    /// if memory cannot be read.
    pub fn recall(&self, query: &Query) -> Result<Recall, MemoryError> {
        let analyser = Analyser::new();
        let question = Question::read(&query.text, &analyser, query.now, &self.options.zone);
        let vector = self.question_vector(&query.text)?;
        let postings = self.postings(&question)?;
        let mut view = self.view();
        view.refresh(&self.store, self.space)?;
        let allowed_rows = self.allowed(query, &view)?;
        let allowed = |row: Row| allowed_rows.get(row as usize) == Some(&true);
        let nearness = vector.map(|vector| self.nearest(vector, &view, &allowed_rows));
        let path = nearness.as_ref().map_or(SearchPath::Lexical, |n| n.path);
        let ranking = rank(
            &question,
            &Input {
                postings: &postings,
                collection: view.collection(),
                passages: view.passages(),
                nearness: nearness.as_ref().map(|n| n as &dyn Nearness),
                allowed: &allowed,
                now: query.now,
            },
        );
        let reader = Reader {
            query,
            question: &question,
            analyser: &analyser,
            view: &view,
        };
        let found = self.hits(&ranking.passages, &reader)?;
        Ok(chosen(found, query, path, &analyser))
    }

    fn question_vector(&self, text: &str) -> Result<Option<Vec<f32>>, MemoryError> {
        if self.space.is_none() {
            return Ok(None);
        }
        let embedded = self.embedder.embed(Purpose::Query, &[text]);
        let mut vectors = embedded.map_err(|source| MemoryError::Embed { source })?;
        Ok(vectors.pop())
    }

    fn postings(&self, question: &Question) -> Result<Vec<TermPostings>, MemoryError> {
        let names: Vec<&str> = question
            .terms
            .iter()
            .flat_map(|term| [term.term.as_str(), term.label.as_str()])
            .collect();
        let mut lists = self.store.postings(&names)?.into_iter();
        let mut postings = Vec::with_capacity(question.terms.len());
        while let (Some(word), Some(label)) = (lists.next(), lists.next()) {
            postings.push(TermPostings { word, label });
        }
        Ok(postings)
    }

    /// For each row, whether it may be recalled.
    fn allowed(&self, query: &Query, view: &View) -> Result<Vec<bool>, MemoryError> {
        let filter = &query.filter;
        let excluded: HashSet<EpisodeId> = query.exclude.iter().copied().collect();
        let of_kind: Option<HashSet<EpisodeId>> = match filter.kind {
            None => None,
            Some(_) => {
                let memories = self.store.memories(|memory| filter.passes(memory))?;
                Some(memories.into_iter().flat_map(|m| m.evidence).collect())
            }
        };
        let passes = |row: Row| {
            let Some(fact) = view.fact(row) else {
                return false;
            };
            let Passage { said_at, role, .. } = view.passages()[row as usize];
            !excluded.contains(&fact.episode)
                && (filter.include_sensitive || !fact.sensitive)
                && filter.source.is_none_or(|source| source == fact.source)
                && filter.role.is_none_or(|wanted| wanted == role)
                && filter.since.is_none_or(|since| said_at >= since)
                && filter.until.is_none_or(|until| said_at < until)
                && of_kind.as_ref().is_none_or(|of| of.contains(&fact.episode))
        };
        let rows = Row::try_from(view.passages().len()).unwrap_or(Row::MAX);
        Ok((0..rows).map(passes).collect())
    }

    fn nearest<'v>(&self, vector: Vec<f32>, view: &'v View, allowed: &[bool]) -> Near<'v> {
        let rows: Vec<Row> = (0..)
            .zip(allowed)
            .filter_map(|(row, allowed)| allowed.then_some(row))
            .collect();
        let among = if rows.len() as u64 == u64::from(view.collection().passages) {
            Among::All
        } else {
            Among::Rows(&rows)
        };
        let dimensions = self.embedder.dimensions();
        let exact = |row: Row| {
            let stored = self.store.vectors(self.space?, &[row]).ok()?.pop()?;
            vector::read_vector(&stored?, dimensions)
        };
        let found = view.index().search(&vector, NEAREST, among, &exact);
        Near {
            view,
            vector,
            nearest: found.nearest,
            path: found.path,
        }
    }

    fn hits(&self, ranked: &[Ranked], reader: &Reader<'_>) -> Result<Vec<Found>, MemoryError> {
        let count = (reader.query.limit * READ_PER_HIT).max(READ_LEAST);
        let ranked = &ranked[..count.min(ranked.len())];
        let view = reader.view;
        let mut ids: Vec<EpisodeId> = Vec::new();
        for passage in ranked {
            let before = view.passages()[passage.row as usize].previous;
            let rows = [Some(passage.row), before];
            ids.extend(
                rows.into_iter()
                    .flatten()
                    .filter_map(|row| view.fact(row).map(|fact| fact.episode)),
            );
        }
        ids.sort_unstable();
        ids.dedup();
        let read = self.store.episodes_with_memories(&ids)?;
        let replaced = read.iter().flat_map(|(_, memories)| memories);
        let heirs = self.heirs(
            replaced.filter(|memory| !reader.shows(memory)),
            reader.query,
        )?;
        let episodes: HashMap<EpisodeId, (Episode, Vec<MemoryRecord>)> =
            read.into_iter().map(|pair| (pair.0.id, pair)).collect();
        let mut shown = HashSet::new();
        let mut found = Vec::new();
        for passage in ranked {
            for hit in reader.read(passage, &episodes, &heirs) {
                if shown.insert(hit.hit.item) {
                    found.push(hit);
                }
            }
        }
        Ok(found)
    }
}

/// For memories that were replaced, what holds now.
type Heirs = HashMap<MemoryId, Hit>;

impl Memory {
    /// What holds now in the place of `replaced`, as far as the query may see it.
    fn heirs<'m>(
        &self,
        replaced: impl Iterator<Item = &'m MemoryRecord>,
        query: &Query,
    ) -> Result<Heirs, MemoryError> {
        let mut heirs = Heirs::new();
        for memory in replaced {
            let mut heir = None;
            let mut next = memory.successor;
            for _ in 0..MOST_SUCCESSORS {
                let Some(id) = next else { break };
                heir = self.store.memory(id)?;
                next = heir.as_ref().and_then(|heir| heir.successor);
            }
            let Some(heir) = heir.filter(|heir| query.filter.passes(heir)) else {
                continue;
            };
            let Some(evidence) = heir.evidence.last() else {
                continue;
            };
            let Some(episode) = self.store.episode(*evidence)? else {
                continue;
            };
            let seen = query.exclude.contains(&episode.id);
            if !seen && query.filter.role.is_none_or(|role| role == episode.role) {
                heirs.insert(memory.id, of_memory(&heir, &episode));
            }
        }
        Ok(heirs)
    }
}

/// What the vectors say of one question.
struct Near<'v> {
    view: &'v View,
    vector: Vec<f32>,
    nearest: Vec<(Row, f32)>,
    path: SearchPath,
}

impl Nearness for Near<'_> {
    fn nearest(&self) -> &[(Row, f32)] {
        &self.nearest
    }

    fn blend(&self, parts: &[(Row, f32)]) -> f32 {
        self.view.index().blend(&self.vector, parts)
    }
}

/// A hit, and how surely it fits.
struct Found {
    hit: Hit,
    confidence: f32,
}

/// Turns passages into hits.
struct Reader<'a> {
    query: &'a Query,
    question: &'a Question,
    analyser: &'a Analyser,
    view: &'a View,
}

impl Reader<'_> {
    fn read(
        &self,
        ranked: &Ranked,
        episodes: &HashMap<EpisodeId, (Episode, Vec<MemoryRecord>)>,
        heirs: &Heirs,
    ) -> Vec<Found> {
        let known = self
            .view
            .fact(ranked.row)
            .and_then(|fact| Some((fact, episodes.get(&fact.episode)?)));
        let Some((fact, (episode, memories))) = known else {
            return Vec::new();
        };
        let Some(words) = episode.text.get(fact.start..fact.end) else {
            return Vec::new();
        };
        let passage = &self.view.passages()[ranked.row as usize];
        if memories.is_empty() && talks_to_assistant(fact.source) {
            let acknowledges = || {
                let before = passage.previous.and_then(|row| self.view.fact(row));
                let before = before.and_then(|fact| episodes.get(&fact.episode));
                before.is_some_and(|(_, memories)| !memories.is_empty())
            };
            if passage.role == Role::Assistant && acknowledges() {
                return Vec::new();
            }
        }
        let here: Vec<&MemoryRecord> = memories
            .iter()
            .filter(|memory| words.contains(&memory.text) || !episode.text.contains(&memory.text))
            .collect();
        let mut hits = match self.of_memories(&here, episode, words) {
            Some(hits) => hits,
            None => self.of_words(&here, episode, words).into_iter().collect(),
        };
        for memory in here.iter().filter(|memory| !self.shows(memory)) {
            let heir = heirs.get(&memory.id);
            let Some(heir) = heir.filter(|_| self.fits(memory, words).is_some()) else {
                continue;
            };
            hits.push(heir.clone());
            if self.alone_names(memory, &heir.text) && self.passes(memory) {
                hits.push(of_memory(memory, episode));
            }
        }
        let scored = |hit: Hit| Found {
            hit: Hit {
                score: ranked.score,
                why: ranked.why,
                ..hit
            },
            confidence: ranked.confidence,
        };
        hits.into_iter().map(scored).collect()
    }

    /// Whether the filter lets a memory pass, replaced or not.
    fn passes(&self, memory: &MemoryRecord) -> bool {
        let filter = &self.query.filter;
        filter.kind.is_none_or(|kind| memory.kind == kind)
            && (filter.include_sensitive || !memory.sensitive)
    }

    /// Whether a memory is about what the question names, and `text` does not name that.
    fn alone_names(&self, memory: &MemoryRecord, text: &str) -> bool {
        let (named, told) = (self.terms(&memory.subject), self.terms(text));
        let mut asked = self.question.terms.iter().map(|asked| &asked.term);
        asked.any(|term| named.contains(term) && !told.contains(term))
    }

    fn terms(&self, text: &str) -> Vec<String> {
        let counts = self.analyser.terms(text).counts;
        counts.into_iter().map(|(term, _)| term).collect()
    }

    fn shows(&self, memory: &MemoryRecord) -> bool {
        memory.is_live() || self.query.filter.include_superseded || self.question.past
    }

    /// The memories that share a word with the question, best first; `None` where the
    /// words themselves are the better answer.
    fn of_memories(
        &self,
        here: &[&MemoryRecord],
        episode: &Episode,
        words: &str,
    ) -> Option<Vec<Hit>> {
        let wanted = self.query.filter.kind;
        let mut fitting: Vec<(f32, &MemoryRecord)> = here
            .iter()
            .filter(|memory| self.shows(memory) && self.passes(memory))
            .filter_map(|memory| Some((self.fits(memory, words)?, *memory)))
            .collect();
        if fitting.is_empty() && wanted.is_none() {
            return None;
        }
        fitting.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.id.cmp(&a.1.id)));
        let hit = |(_, memory): (f32, &MemoryRecord)| of_memory(memory, episode);
        Some(fitting.into_iter().map(hit).collect())
    }

    /// How much of the question a memory in these words holds, if it answers at all.
    fn fits(&self, memory: &MemoryRecord, words: &str) -> Option<f32> {
        let overlap = self.overlap(&memory.text);
        let says_it_all = memory.text.len() * 2 > words.len();
        (overlap > 0.0 || self.query.filter.kind.is_some() || says_it_all).then_some(overlap)
    }

    /// The words, without the sentences that no longer hold.
    fn of_words(&self, here: &[&MemoryRecord], episode: &Episode, words: &str) -> Option<Hit> {
        let mut left = words.to_owned();
        let closed: Vec<&&MemoryRecord> = here.iter().filter(|m| !self.shows(m)).collect();
        for memory in &closed {
            left = left.replace(&memory.text, " ");
        }
        let unnamed = !closed.is_empty() && left == words && closed.len() == here.len();
        let left = left.trim();
        if unnamed || !left.contains(char::is_alphanumeric) {
            return None;
        }
        Some(plain(episode, left))
    }

    /// How much of the question a text holds.
    fn overlap(&self, text: &str) -> f32 {
        let terms = self.analyser.terms(text).counts;
        let shared = self.question.terms.iter().filter(|asked| {
            terms
                .binary_search_by(|(term, _)| term.as_str().cmp(&asked.term))
                .is_ok()
        });
        shared.map(|asked| asked.weight).sum()
    }
}

/// A memory as a hit, without its score.
fn of_memory(memory: &MemoryRecord, episode: &Episode) -> Hit {
    Hit {
        item: ItemId::Memory(memory.id),
        holds: memory.is_live(),
        sensitive: memory.sensitive,
        ..plain(episode, &memory.text)
    }
}

/// The words themselves as a hit.
fn plain(episode: &Episode, words: &str) -> Hit {
    Hit {
        item: ItemId::Episode(episode.id),
        episode: episode.id,
        text: words.to_owned(),
        said_at: episode.said_at,
        role: episode.role,
        score: 0.0,
        why: super::query::Why::default(),
        holds: true,
        sensitive: episode.sensitive,
    }
}

/// Whether these words were said to the assistant, rather than brought in from elsewhere.
fn talks_to_assistant(source: Source) -> bool {
    matches!(source, Source::Chat | Source::Ask | Source::Api)
}

/// Thins out what says the same and keeps what fits.
fn chosen(found: Vec<Found>, query: &Query, path: SearchPath, analyser: &Analyser) -> Recall {
    let texts: Vec<&str> = found.iter().map(|found| found.hit.text.as_str()).collect();
    let limits = Limits {
        texts: query.limit,
        tokens: query.token_budget,
    };
    let kept = select(&texts, limits, analyser);
    let best = kept.iter().take(5).map(|index| found[*index].confidence);
    let confidence = best.fold(0.0, f32::max);
    let mut found: Vec<Option<Found>> = found.into_iter().map(Some).collect();
    let hits = kept
        .into_iter()
        .filter_map(|index| found.get_mut(index)?.take())
        .map(|found| found.hit)
        .collect();
    Recall {
        hits,
        confidence,
        path,
    }
}
