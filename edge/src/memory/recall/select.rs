//! From ranked texts to what is shown: near-duplicates leave, and the budget holds.
//!
//! A near-duplicate adds no term to a better ranked text of like length. One number, one
//! name or one "not" more, and it stays: it may be a correction.
//!
//! # Invariants
//! - Order is kept; of two near-duplicates the better ranked stays.
//! - The texts kept fit the budget together; a text too long for what is left is passed
//!   over, and shorter ones after it may still fit.

use unicode_segmentation::UnicodeSegmentation;

use crate::memory::lexicon::Analyser;

/// A text that has so many times the terms of another tells more than it.
const LONGER: usize = 2;
/// Words that turn a sentence round, and how contracted ones end.
const NEGATIONS: [&str; 8] = [
    "not",
    "no",
    "never",
    "cannot",
    "nobody",
    "не",
    "нет",
    "никогда",
];
const NEGATIVE_ENDINGS: [&str; 2] = ["n't", "n’t"];
/// A token has about so many bytes of text, and each text costs a few tokens around it.
const BYTES_PER_TOKEN: usize = 4;
const TOKENS_AROUND: usize = 12;

/// How much to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many texts.
    pub texts: usize,
    /// At most about so many tokens together; `None`: no bound.
    pub tokens: Option<usize>,
}

/// About how many tokens a text costs when it is shown.
#[must_use]
pub fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN) + TOKENS_AROUND
}

/// Chooses from texts, best first: the indices of those to show.
#[must_use]
pub fn select(texts: &[&str], limits: Limits, analyser: &Analyser) -> Vec<usize> {
    let mut left = limits.tokens.unwrap_or(usize::MAX);
    let mut kept: Vec<(usize, Gist)> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        if kept.len() == limits.texts {
            break;
        }
        let cost = tokens(text);
        if cost > left {
            continue;
        }
        let gist = Gist::of(text, analyser);
        let told = |(other, known): &(usize, Gist)| texts[*other] == *text || known.tells(&gist);
        if !kept.iter().any(told) {
            left -= cost;
            kept.push((index, gist));
        }
    }
    kept.into_iter().map(|(index, _)| index).collect()
}

/// What a text says, for comparing.
struct Gist {
    terms: Vec<String>,
    negations: usize,
}

impl Gist {
    fn of(text: &str, analyser: &Analyser) -> Self {
        let lower = text.to_lowercase();
        let negates = |word: &&str| {
            NEGATIONS.contains(word) || NEGATIVE_ENDINGS.iter().any(|end| word.ends_with(end))
        };
        let counts = analyser.terms(text).counts;
        Self {
            terms: counts.into_iter().map(|(term, _)| term).collect(),
            negations: lower.unicode_words().filter(negates).count(),
        }
    }

    /// Whether the other adds nothing.
    fn tells(&self, other: &Self) -> bool {
        !other.terms.is_empty()
            && self.negations == other.negations
            && self.terms.len() <= LONGER * other.terms.len()
            && other
                .terms
                .iter()
                .all(|term| self.terms.binary_search(term).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(texts: &[&str], limit: usize, tokens: Option<usize>) -> Vec<usize> {
        let limits = Limits {
            texts: limit,
            tokens,
        };
        select(texts, limits, &Analyser::new())
    }

    #[test]
    fn of_near_duplicates_the_better_ranked_stays() {
        let texts = [
            "Maya lives in Lisbon",
            "Maya is living in Lisbon!",
            "Maya lives in Porto",
        ];
        assert_eq!(chosen(&texts, 10, None), [0, 2]);
    }

    #[test]
    fn what_may_be_a_correction_stays() {
        let texts = [
            "I like green tea from Japan",
            "I don't like green tea from Japan",
            "I like green tea from China",
            "I like green tea",
        ];
        assert_eq!(chosen(&texts, 10, None), [0, 1, 2]);
    }

    #[test]
    fn texts_without_terms_are_compared_as_they_are() {
        assert_eq!(chosen(&["?", "?", "!"], 10, None), [0, 2]);
    }

    #[test]
    fn a_text_too_long_for_what_is_left_makes_room_for_a_shorter_one() {
        let long = "word ".repeat(200);
        assert_eq!(chosen(&["tea", &long, "milk"], 10, Some(40)), [0, 2]);
    }

    proptest! {
        #[test]
        fn limits_hold_and_order_is_kept(
            texts in prop::collection::vec("[a-e ]{0,40}", 0..12),
            limit in 0_usize..6,
            budget in 0_usize..120,
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = chosen(&texts, limit, Some(budget));
            prop_assert!(found.len() <= limit);
            prop_assert!(found.is_sorted_by(|a, b| a < b));
            let spent: usize = found.iter().map(|index| tokens(texts[*index])).sum();
            prop_assert!(spent <= budget);
        }
    }
}
