//! The lexical part of a score, with what the neighbours in the session add.
//!
//! A conversation spreads one matter over several turns: a question names it, the reply
//! answers without naming it. So a term reaches the passages beside the one it stands
//! in, weaker with each step; where it reaches a passage twice, the stronger counts.
//! This adds up different terms from around, and never one term repeated: on the
//! development questions 0.69 of the answers are among the first five, against 0.66 when
//! neighbours' scores are simply added and 0.58 without them.

use super::{Input, Passage};
use crate::memory::lexicon::{self, Posting, SPEAKER_PASSAGES};
use crate::memory::recall::question::Question;

/// How strongly a term reaches the passages after it; the first step is
/// [`AFTER_QUESTION`] where the term's passage asks.
const AFTER: [f32; 4] = [0.7, 0.6, 0.4, 0.2];
const AFTER_QUESTION: f32 = 0.9;
/// How strongly a term reaches the passages before it.
const BEFORE: [f32; 4] = [0.6, 0.4, 0.2, 0.1];
/// What it counts that a speaker is named.
const NAME: f32 = 0.18;

/// The lexical scores of one question, by row.
pub(super) struct Words {
    own: Vec<f32>,
    reached: Vec<f32>,
    names: Vec<f32>,
    rows: Vec<u32>,
    possible: f32,
}

impl Words {
    /// Scores every passage that a term of the question stands in or reaches.
    pub(super) fn score(question: &Question, input: &Input<'_>) -> Self {
        let rows = input.passages.len();
        let mut words = Self {
            own: vec![0.0; rows],
            reached: vec![0.0; rows],
            names: vec![0.0; rows],
            rows: Vec::new(),
            possible: 0.0,
        };
        let mut reach = Reach::new(rows);
        for (term, postings) in question.terms.iter().zip(input.postings) {
            if postings.label.len() >= SPEAKER_PASSAGES as usize {
                words.add_name(&postings.label);
                continue;
            }
            let rarity = input.collection.rarity(postings.word.len());
            let strength = term.weight * rarity / input.collection.rarest();
            words.possible += strength.min(term.weight);
            words.add_term(&postings.word, strength, input, &mut reach);
        }
        words
    }

    fn add_name(&mut self, postings: &[Posting]) {
        self.possible += NAME;
        for posting in postings {
            self.note(posting.row);
            self.names[posting.row as usize] += NAME;
        }
    }

    fn add_term(
        &mut self,
        postings: &[Posting],
        strength: f32,
        input: &Input<'_>,
        reach: &mut Reach,
    ) {
        let mean_length = input.collection.mean_length();
        for posting in postings {
            let fit = strength * lexicon::fit(*posting, mean_length);
            self.own[posting.row as usize] += fit;
            reach.spread(posting.row, fit, input.passages);
        }
        for row in reach.rows.drain(..) {
            self.note(row);
            self.reached[row as usize] += std::mem::take(&mut reach.strongest[row as usize]);
        }
    }

    /// Lists a row that had no score until now.
    fn note(&mut self, row: u32) {
        if self.reached[row as usize] == 0.0 && self.names[row as usize] == 0.0 {
            self.rows.push(row);
        }
    }

    /// The rows with the best scores, in no order.
    pub(super) fn best(&self, limit: usize, allowed: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let mut rows: Vec<u32> = self
            .rows
            .iter()
            .copied()
            .filter(|row| allowed(*row))
            .collect();
        if rows.len() > limit {
            let key = |row: &u32| self.reached[*row as usize] + self.names[*row as usize];
            rows.select_nth_unstable_by(limit, |a, b| key(b).total_cmp(&key(a)).then(b.cmp(a)));
            rows.truncate(limit);
        }
        rows
    }

    /// What the passage's own words count.
    pub(super) fn own(&self, row: u32) -> f32 {
        self.own[row as usize]
    }

    /// What the words around the passage add.
    pub(super) fn around(&self, row: u32) -> f32 {
        (self.reached[row as usize] - self.own[row as usize]).max(0.0)
    }

    /// What its speaker's name counts.
    pub(super) fn names(&self, row: u32) -> f32 {
        self.names[row as usize]
    }

    /// How much of the question the passage and those around it cover, `0.0..=1.0`.
    pub(super) fn coverage(&self, row: u32) -> f32 {
        if self.possible <= 0.0 {
            return 0.0;
        }
        let found = self.reached[row as usize] + self.names[row as usize];
        (found / self.possible).min(1.0)
    }
}

/// How strongly one term reaches each passage.
struct Reach {
    strongest: Vec<f32>,
    rows: Vec<u32>,
}

impl Reach {
    fn new(rows: usize) -> Self {
        Self {
            strongest: vec![0.0; rows],
            rows: Vec::new(),
        }
    }

    fn spread(&mut self, row: u32, fit: f32, passages: &[Passage]) {
        self.offer(row, fit);
        let mut after = AFTER;
        if passages[row as usize].asks != lexicon::Asks::No {
            after[0] = AFTER_QUESTION;
        }
        self.walk(row, fit, &after, |row| passages[row as usize].next);
        self.walk(row, fit, &BEFORE, |row| passages[row as usize].previous);
    }

    fn walk(&mut self, from: u32, fit: f32, weights: &[f32], step: impl Fn(u32) -> Option<u32>) {
        let mut at = from;
        for weight in weights {
            let Some(beside) = step(at) else {
                return;
            };
            self.offer(beside, fit * weight);
            at = beside;
        }
    }

    fn offer(&mut self, row: u32, value: f32) {
        let strongest = &mut self.strongest[row as usize];
        if *strongest == 0.0 {
            self.rows.push(row);
        }
        *strongest = strongest.max(value);
    }
}
