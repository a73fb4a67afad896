//! Recipes: everything that decides what a training run produces.
//!
//! A recipe is one TOML file; unknown keys are refused. Its text is stored in every
//! checkpoint, so that a run is never continued under another recipe by mistake. It may be
//! prolonged: more steps after a restart of the schedule change nothing of what was done.
//!
//! Units: sizes in elements, lengths in tokens, rates as the optimiser takes them.

use serde::Deserialize;

use crate::schedule::Schedule;

/// Most parameters a built-in model may have: it lives in the repository.
const MOST_PARAMETERS: u64 = 12_000_000;
/// K-quants pack this many weights of a row into one block.
const QUANT_BLOCK: usize = 256;

/// A checked recipe.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the model calls itself in its metadata.
    pub name: String,
    /// Seeds the data, the first weights and the order of batches.
    pub seed: u64,
    /// The model's dimensions.
    pub model: Shape,
    /// What it reads.
    pub data: Data,
    /// How it learns.
    pub train: Train,
}

/// Dimensions of a model of the `llama` architecture with tied embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width inside the feed-forward network.
    pub feed_forward: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Longest sequence.
    pub context: usize,
    /// Base of the rotary frequencies.
    pub rope_base: f64,
    /// Added to the mean square in RMS norms.
    pub norm_epsilon: f64,
}

/// What a model is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Dialogues the tokenizer learns its merges from.
    pub tokenizer_dialogues: u64,
    /// Sequences drawn at once, sorted by length and cut into batches.
    pub window: u64,
    /// Windows at the beginning that hold echoes instead of dialogues.
    pub echo_windows: u64,
    /// Afterwards, every so many-th sequence is an echo still: every token of the
    /// vocabulary goes on being repeated, those that only unseen values have too.
    pub echo_every: u64,
    /// Weight of a token that the assistant says.
    pub answer_weight: f32,
    /// Weight of every other token.
    pub other_weight: f32,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Optimiser steps.
    pub steps: u64,
    /// Tokens in one step's batch, about.
    pub batch_tokens: usize,
    /// Most tokens, padding included, that go through the model at once.
    pub micro_tokens: usize,
    /// What matrices are multiplied in.
    pub precision: Precision,
    /// The highest learning rate.
    pub rate: f64,
    /// Steps that climb to it.
    pub warmup: u64,
    /// Steps before which the rate climbs anew, in ascending order.
    #[serde(default)]
    pub restarts: Vec<u64>,
    /// How far it climbs then, as a share of the highest rate.
    #[serde(default = "whole")]
    pub restart_peak: f64,
    /// The last step's share of the highest rate.
    pub floor: f64,
    /// AdamW's decay of the mean and of the mean square.
    pub betas: [f64; 2],
    /// Decay of matrices per unit of rate.
    pub weight_decay: f64,
    /// Longest gradient that is taken whole.
    pub clip: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
}

/// What matrices are multiplied in; weights, norms and losses stay in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit brain floats: twice as fast where the processor has them.
    Bf16,
}

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The text is no recipe.
    #[error("not a recipe")]
    Syntax {
        /// What TOML or the fields object to.
        source: toml::de::Error,
    },
    /// A dimension cannot be built or quantised.
    #[error("{field} is {found}, which is not a multiple of {expected}")]
    Multiple {
        /// The field.
        field: &'static str,
        /// Its value.
        found: usize,
        /// What must divide it.
        expected: usize,
    },
    /// A number is zero, negative or no number.
    #[error("{field} must be above zero")]
    NotPositive {
        /// The field.
        field: &'static str,
    },
    /// A list is not in ascending order.
    #[error("{field} must be in ascending order")]
    Order {
        /// The field.
        field: &'static str,
    },
    /// The model is too large to live in a repository.
    #[error("the model has {found} parameters, more than {most}")]
    TooLarge {
        /// Its parameters.
        found: u64,
        /// The most there may be.
        most: u64,
    },
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`RecipeError`] if it is malformed or describes a model that cannot be built.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text).map_err(|source| RecipeError::Syntax { source })?;
        recipe.model.check()?;
        recipe.train.check()?;
        Ok(recipe)
    }

    /// Whether a run of `steps` steps goes on where one of `old` and `old_steps` stands after
    /// `done`: all is equal but what is still to come.
    pub fn goes_on(&self, steps: u64, (old, old_steps, done): (&Self, u64, u64)) -> bool {
        let mut alike = self.clone();
        alike.train.steps = old.train.steps;
        alike.train.restarts.clone_from(&old.train.restarts);
        alike.train.restart_peak = old.train.restart_peak;
        let (now, then) = (self.schedule(steps), old.schedule(old_steps));
        alike == *old && (0..done).all(|step| now.rate(step).to_bits() == then.rate(step).to_bits())
    }

    /// The schedule of a run of `steps` steps.
    pub fn schedule(&self, steps: u64) -> Schedule {
        Schedule {
            peak: self.train.rate,
            warmup: self.train.warmup,
            steps,
            restarts: self.train.restarts.clone(),
            restart_peak: self.train.restart_peak,
            floor: self.train.floor,
        }
    }
}

impl Shape {
    /// Elements in one head.
    pub const fn head(&self) -> usize {
        self.width / self.heads
    }

    /// Parameters, embeddings counted once.
    pub const fn parameters(&self) -> u64 {
        let attention = 2 * self.width * (self.width + self.kv_heads * self.head());
        let block = attention + 3 * self.width * self.feed_forward + 2 * self.width;
        (self.vocabulary * self.width + self.layers * block + self.width) as u64
    }

    fn check(&self) -> Result<(), RecipeError> {
        for (field, found, expected) in [
            ("width", self.width, QUANT_BLOCK),
            ("feed_forward", self.feed_forward, QUANT_BLOCK),
            ("heads", self.heads, self.kv_heads.max(1)),
            ("width", self.width, 2 * self.heads.max(1)),
        ] {
            positive(field, found as f64)?;
            if !found.is_multiple_of(expected) {
                return Err(RecipeError::Multiple {
                    field,
                    found,
                    expected,
                });
            }
        }
        positive("vocabulary", self.vocabulary as f64)?;
        positive("layers", self.layers as f64)?;
        positive("kv_heads", self.kv_heads as f64)?;
        positive("context", self.context as f64)?;
        positive("rope_base", self.rope_base)?;
        positive("norm_epsilon", self.norm_epsilon)?;
        let found = self.parameters();
        if found > MOST_PARAMETERS {
            let most = MOST_PARAMETERS;
            return Err(RecipeError::TooLarge { found, most });
        }
        Ok(())
    }
}

impl Train {
    fn check(&self) -> Result<(), RecipeError> {
        if !self.restarts.is_sorted() {
            return Err(RecipeError::Order { field: "restarts" });
        }
        positive("steps", self.steps as f64)?;
        positive("batch_tokens", self.batch_tokens as f64)?;
        positive("micro_tokens", self.micro_tokens as f64)?;
        positive("rate", self.rate)?;
        positive("restart_peak", self.restart_peak)?;
        positive("clip", self.clip)?;
        positive("checkpoint_every", self.checkpoint_every as f64)
    }
}

const fn whole() -> f64 {
    1.0
}

fn positive(field: &'static str, value: f64) -> Result<(), RecipeError> {
    if value > 0.0 {
        Ok(())
    } else {
        Err(RecipeError::NotPositive { field })
    }
}

#[cfg(test)]
mod tests {
    use super::{Recipe, RecipeError};

    const NANO: &str = include_str!("../recipes/nano.toml");

    #[test]
    fn shipped_recipe_is_valid_and_small() {
        let recipe = Recipe::parse(NANO).unwrap();
        assert!(recipe.model.parameters() <= 12_000_000);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = format!("colour = \"blue\"\n{NANO}");
        assert!(matches!(
            Recipe::parse(&text),
            Err(RecipeError::Syntax { .. })
        ));
    }

    #[test]
    fn widths_that_k_quants_cannot_pack_are_refused() {
        let text = NANO.replace("width = 256", "width = 192");
        assert_ne!(text, NANO);
        assert!(matches!(
            Recipe::parse(&text),
            Err(RecipeError::Multiple { field: "width", .. })
        ));
    }

    #[test]
    fn a_run_is_prolonged_after_its_end_but_never_changed_before() {
        let old = Recipe::parse(NANO).unwrap();
        let done = old.train.steps;
        let mut longer = old.clone();
        longer.train.steps = done + 500;
        assert!(!longer.goes_on(done + 500, (&old, done, done)));
        longer.train.restarts.push(done);
        assert!(longer.goes_on(done + 500, (&old, done, done)));
        assert!(old.goes_on(done, (&old, done, done / 2)));
        assert!(!old.goes_on(done - 1, (&old, done, done - 10)));
        longer.seed += 1;
        assert!(!longer.goes_on(done + 500, (&old, done, done)));
    }
}
