//! Which passages fit a question: words, meaning, names, times and neighbours in one score.
//!
//! Pure: postings, vectors' answers and passages in, a [`Ranking`] out. The parts of a
//! score share one scale, on which a mention of the rarest term is 1:
//!
//! - **lexical** BM25 of the passage's own words, and **neighbour** what the words beside
//!   it in the session add, term by term ([`words`]);
//! - **dense** nearness in meaning of the passage, and of it together with its neighbours;
//! - **names** the speaker is one whom the question names;
//! - **time** it was said when the question says;
//! - **recency**, **importance** small, to break ties.
//!
//! Weights were chosen on conversations other than those they are checked on, one
//! conversation left out at a time; `docs/benchmarks.md` holds the figures.
//!
//! # Invariants
//! - Only passages that the caller allows are ranked.
//! - Equal inputs give equal rankings: ties go to the later passage.
//! - A question of stop words alone, without a time, has no confidence.

pub mod question;
pub mod select;
pub mod time;
mod words;

use std::collections::HashSet;

use shared::chat::Role;
use shared::clock::Timestamp;

use super::lexicon::{Asks, Collection, Posting};
use super::query::Why;
use question::Question;
use words::Words;

/// So many passages are looked at for their words, and for their meaning.
const CANDIDATES: usize = 300;
/// So many passages of the time that the question names are looked at.
const TIME_CANDIDATES: usize = 100;
/// What nearness in meaning counts: of the passage, and of it with its neighbours.
const DENSE: f32 = 0.7;
/// How much of each passage around goes into the blend: 1 and 2 away.
const BLEND: [f32; 2] = [0.7, 0.5];
/// What it counts to be said when the question says; half in the days after.
const TIME: f32 = 0.2;
/// So long after an event it is still told of.
const AFTERWARDS_MS: i64 = 10 * DAY_MS;
/// What it counts to be said just now; halves every [`RECENCY_HALF_LIFE_MS`].
const RECENCY: f32 = 0.02;
const RECENCY_HALF_LIFE_MS: i64 = 30 * DAY_MS;
/// What importance counts.
const IMPORTANCE: f32 = 0.02;
/// A passage that ends in a question seldom answers one.
const ASKING: f32 = 0.9;
/// What the assistant said is less than what the owner said.
const ASSISTANT: f32 = 0.9;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A passage as ranking sees it: without its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage {
    /// The passage before it in its session.
    pub previous: Option<u32>,
    /// The passage after it in its session.
    pub next: Option<u32>,
    /// When it was said.
    pub said_at: Timestamp,
    /// Who said it.
    pub role: Role,
    /// Whether it asks.
    pub asks: Asks,
    /// How much it matters, `0.0..=1.0`.
    pub importance: f32,
}

/// Where a term of the question stands.
#[derive(Clone, Debug, Default)]
pub struct TermPostings {
    /// Passages with the term.
    pub word: Vec<Posting>,
    /// Passages whose speaker has this name.
    pub label: Vec<Posting>,
}

/// What the vectors say of one question.
pub trait Nearness {
    /// The passages nearest in meaning, best first.
    fn nearest(&self) -> &[(u32, f32)];

    /// The cosine between the question and the weighted sum of some passages' vectors;
    /// 0 where there is none.
    fn blend(&self, parts: &[(u32, f32)]) -> f32;
}

/// What there is to rank.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// For each term of the question, in its order.
    pub postings: &'a [TermPostings],
    /// All passages, in numbers.
    pub collection: Collection,
    /// All passages, by row.
    pub passages: &'a [Passage],
    /// What the vectors say; `None`: words only.
    pub nearness: Option<&'a dyn Nearness>,
    /// Which passages may be recalled.
    pub allowed: &'a dyn Fn(u32) -> bool,
    /// When it is asked.
    pub now: Timestamp,
}

/// A passage with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The passage.
    pub row: u32,
    /// Greater is better.
    pub score: f32,
    /// The parts of the score; they add up to it.
    pub why: Why,
    /// How surely this passage fits, `0.0..=1.0`.
    pub confidence: f32,
}

/// Passages, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Best first.
    pub passages: Vec<Ranked>,
    /// How surely any of the first five fits, `0.0..=1.0`.
    pub confidence: f32,
}

/// Ranks the passages that may fit.
#[must_use]
pub fn rank(question: &Question, input: &Input<'_>) -> Ranking {
    let words = Words::score(question, input);
    let mut passages: Vec<Ranked> = candidates(question, input, &words)
        .into_iter()
        .map(|row| score(row, question, input, &words))
        .collect();
    passages.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.row.cmp(&a.row)));
    let confidence = passages.iter().take(5).map(|p| p.confidence);
    Ranking {
        confidence: confidence.fold(0.0, f32::max),
        passages,
    }
}

fn candidates(question: &Question, input: &Input<'_>, words: &Words) -> HashSet<u32> {
    let mut rows: HashSet<u32> = words.best(CANDIDATES, input.allowed).into_iter().collect();
    if let Some(nearness) = input.nearness {
        for (row, _) in nearness.nearest().iter().take(CANDIDATES) {
            let passage = &input.passages[*row as usize];
            rows.extend(
                [Some(*row), passage.previous, passage.next]
                    .iter()
                    .flatten(),
            );
        }
    }
    if let Some(span) = question.span {
        let within = (0..input.passages.len() as u32).rev().filter(|row| {
            span.contains(input.passages[*row as usize].said_at) && (input.allowed)(*row)
        });
        rows.extend(within.take(TIME_CANDIDATES));
    }
    rows.retain(|row| (input.allowed)(*row));
    rows
}

fn score(row: u32, question: &Question, input: &Input<'_>, words: &Words) -> Ranked {
    let passage = &input.passages[row as usize];
    let (own, around) = nearness(row, input);
    let age_ms = input
        .now
        .millis()
        .saturating_sub(passage.said_at.millis())
        .max(0);
    let half_lives = age_ms as f32 / RECENCY_HALF_LIFE_MS as f32;
    let time = question
        .span
        .map_or(0.0, |span| span.fit(passage.said_at, AFTERWARDS_MS));
    let factor = match (passage.asks, passage.role) {
        (Asks::Last, _) => ASKING,
        (_, Role::User) => 1.0,
        _ => ASSISTANT,
    };
    let why = Why {
        lexical: factor * words.own(row),
        neighbour: factor * words.around(row),
        names: factor * words.names(row),
        dense: factor * DENSE * (own + around),
        time: TIME * time,
        recency: RECENCY * (-half_lives).exp2(),
        importance: IMPORTANCE * passage.importance,
    };
    Ranked {
        row,
        score: total(&why),
        why,
        confidence: confidence(words.coverage(row), input.nearness.map(|_| own), time),
    }
}

/// Nearness of a passage, and of it with its neighbours.
fn nearness(row: u32, input: &Input<'_>) -> (f32, f32) {
    let Some(nearness) = input.nearness else {
        return (0.0, 0.0);
    };
    let mut parts = vec![(row, 1.0)];
    let steps: [fn(&Passage) -> Option<u32>; 2] = [|p| p.previous, |p| p.next];
    for step in steps {
        let mut at = row;
        for weight in BLEND {
            let Some(beside) = step(&input.passages[at as usize]) else {
                break;
            };
            parts.push((beside, weight));
            at = beside;
        }
    }
    (
        nearness.blend(&parts[..1]).max(0.0),
        nearness.blend(&parts).max(0.0),
    )
}

fn total(why: &Why) -> f32 {
    why.lexical + why.neighbour + why.names + why.dense + why.time + why.recency + why.importance
}

/// How surely a passage fits: a logistic curve over how much of the question its words
/// cover and how near it is in meaning. Fitted to questions asked of the conversation that
/// answers them against the same questions asked of others, names exchanged; and great
/// nearness suffices alone, for answers in quite other words.
fn confidence(coverage: f32, nearness: Option<f32>, time: f32) -> f32 {
    let evidence = match nearness {
        Some(nearness) => (7.5 * coverage + 10.0 * nearness - 8.0).max(20.0 * (nearness - 0.5)),
        None => 10.0 * coverage - 5.0,
    };
    1.0 / (1.0 + (-evidence - time).exp())
}

#[cfg(test)]
mod tests;
