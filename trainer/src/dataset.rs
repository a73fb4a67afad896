//! What models are trained on: `nano`'s corpus, its tokenizer, and its evaluation questions.
//!
//! Pure and seeded: family `index` of seed `seed` is the same on every machine. A dialogue
//! shows memories in exactly the words that a device puts around them ([`shared::turn`]).

mod dialogues;
mod dice;
mod facts;
mod nouns;
mod phrases;
pub mod questions;
pub mod sequence;
mod subjects;
mod talk;
pub mod tokenizer;
mod values;
mod words;
mod world;

use shared::chat::Message;

/// One conversation: the system prompt, which drills lack, then user and assistant in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// The messages in order.
    pub messages: Vec<Message>,
}

/// An endless corpus.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    seed: u64,
}

impl Generator {
    /// The corpus of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Family `index`: dialogues that begin alike, one at least; they hold no value that is
    /// kept for evaluation.
    pub fn family(&self, index: u64) -> Vec<Dialogue> {
        dialogues::training(self.seed, index)
    }
}

#[cfg(test)]
mod tests;
