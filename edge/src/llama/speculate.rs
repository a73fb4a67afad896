//! Guesses at the next tokens, by looking up what followed the last ones before.
//!
//! Pure. An answer often quotes: the prompt, what was recalled, or itself. Where its last
//! [`GRAM`] tokens stood before, the tokens that followed there are guessed; one batch
//! tells which of them the model would have chosen itself.
//!
//! # Invariants
//! - Guesses only propose: what is generated does not depend on them.
//! - Wrong guesses make the next ones shorter and rarer, until hardly any is made.

use std::collections::HashMap;

use crate::generate::Token;

/// Most tokens guessed at once.
pub(super) const MOST: usize = 8;

/// How many tokens must have stood together before.
const GRAM: usize = 3;

/// How many tokens the first guess has.
const FIRST: usize = 3;

/// Tokens without a guess after a wrong one; doubled each time, [`LONGEST`] times at most.
const PAUSE: usize = 4;
const LONGEST: u32 = 7;

/// Looks up one answer's guesses.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Where each run of tokens was followed last.
    follows: HashMap<[Token; GRAM], usize>,
    /// Positions that may follow, up to here, are in `follows`.
    known: usize,
    /// How many tokens the next guess has.
    length: usize,
    /// Up to which length of the text no guess is made.
    until: usize,
    wrong: u32,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            follows: HashMap::new(),
            known: GRAM,
            length: FIRST,
            until: 0,
            wrong: 0,
        }
    }
}

impl Lookup {
    /// Guesses what follows `text`, at most `most` tokens; `text` only grows from call
    /// to call.
    pub(super) fn guess(&mut self, text: &[Token], most: usize) -> Vec<Token> {
        if text.len() < self.until || most == 0 {
            return Vec::new();
        }
        for at in self.known..text.len() {
            if let Some(gram) = text[..at].last_chunk() {
                self.follows.insert(*gram, at);
            }
        }
        self.known = self.known.max(text.len());
        let found = text.last_chunk().and_then(|gram| self.follows.get(gram));
        let Some(&from) = found else {
            return Vec::new();
        };
        let end = text.len().min(from + self.length.min(most));
        text[from..end].to_vec()
    }

    /// Learns that `right` of `guessed` tokens were what the model chose; the text has
    /// `length` tokens now.
    pub(super) fn learn(&mut self, guessed: usize, right: usize, length: usize) {
        if guessed == 0 {
            return;
        }
        if right == guessed {
            self.length = (2 * self.length).min(MOST);
            self.wrong = 0;
        } else if right == 0 {
            self.length = FIRST;
            self.until = length + (PAUSE << self.wrong);
            self.wrong = (self.wrong + 1).min(LONGEST);
        } else {
            self.length = right.max(FIRST);
            self.wrong = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_followed_last_time_is_guessed() {
        let mut lookup = Lookup::default();
        let text = [1, 2, 3, 4, 5, 6, 9, 1, 2, 3];
        assert_eq!(lookup.guess(&text, 8), [4, 5, 6]);
        assert_eq!(lookup.guess(&text, 2), [4, 5]);
        assert!(lookup.guess(&text[..9], 8).is_empty() || lookup.known >= 9);
    }

    #[test]
    fn a_text_that_repeats_itself_is_guessed_further_and_further() {
        let mut lookup = Lookup::default();
        let mut text: Vec<Token> = [7, 8, 9].repeat(6);
        let mut lengths = Vec::new();
        for _ in 0..4 {
            let guess = lookup.guess(&text, MOST);
            lengths.push(guess.len());
            text.extend(&guess);
            lookup.learn(guess.len(), guess.len(), text.len());
        }
        assert_eq!(lengths, [3, 3, 3, 3], "no further than the text goes");
        let long: Vec<Token> = (0..20).chain(0..3).collect();
        assert_eq!(lookup.guess(&long, MOST).len(), 0, "the text has not grown");
        let mut fresh = Lookup::default();
        assert_eq!(fresh.guess(&long, MOST).len(), FIRST);
        fresh.learn(3, 3, long.len());
        assert_eq!(fresh.guess(&long, MOST).len(), 6);
    }

    #[test]
    fn wrong_guesses_become_rare() {
        let mut lookup = Lookup::default();
        let mut text: Vec<Token> = vec![1, 2, 3];
        let mut guesses = 0;
        for n in 0..1_000 {
            text.extend([1_000 + n, 1, 2, 3]);
            let guess = lookup.guess(&text, MOST);
            guesses += guess.len();
            lookup.learn(guess.len(), 0, text.len());
        }
        assert!(guesses < 60, "{guesses} guesses in 4,000 tokens");
    }

    proptest! {
        /// Any text is answered, within bounds, with what stood there before.
        #[test]
        fn guesses_stood_in_the_text(text in prop::collection::vec(0..4, 0..60), most in 0usize..12) {
            let guess = Lookup::default().guess(&text, most);
            prop_assert!(guess.len() <= most);
            prop_assert!(guess.is_empty() || text.windows(guess.len()).any(|w| w == guess));
        }
    }
}
