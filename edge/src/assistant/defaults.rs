//! What holds for an answer where nobody says otherwise.
//!
//! Pure: the owner's settings and a model's card in, numbers out.

use crate::generate::ModelCard;
use crate::sample::Sampling;

/// What the owner set; what is unset is what suits the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Most tokens of an answer.
    pub max_tokens: MostTokens,
    /// Randomness.
    pub temperature: Option<f32>,
    /// Choose among this many tokens.
    pub top_k: Option<u32>,
    /// Choose among the likeliest with this much probability together.
    pub top_p: Option<f32>,
    /// Choose among those at least this likely, against the likeliest.
    pub min_p: Option<f32>,
    /// Penalty on tokens used lately.
    pub repeat_penalty: Option<f32>,
    /// Makes random answers repeatable.
    pub seed: u32,
}

/// Most tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MostTokens {
    /// Exactly what the owner asked for.
    Set(usize),
    /// This many, or a quarter of the context if that is less: so that there is room for a
    /// question and what is recalled.
    AtMost(usize),
}

impl Defaults {
    /// Most tokens of an answer by this model.
    pub fn max_tokens(&self, card: &ModelCard) -> usize {
        match self.max_tokens {
            MostTokens::Set(tokens) => tokens,
            MostTokens::AtMost(tokens) => tokens.min(card.context_tokens / 4),
        }
    }

    /// How this model chooses its words.
    pub fn sampling(&self, card: &ModelCard) -> Sampling {
        let suits = Sampling::for_model(&card.architecture, card.parameters);
        Sampling {
            temperature: self.temperature.unwrap_or(suits.temperature),
            top_k: self.top_k.unwrap_or(suits.top_k),
            top_p: self.top_p.unwrap_or(suits.top_p),
            min_p: self.min_p.unwrap_or(suits.min_p),
            repeat_penalty: self.repeat_penalty.unwrap_or(suits.repeat_penalty),
            seed: self.seed,
            ..suits
        }
    }
}
