//! How the next token is chosen: settings, and which settings fit which model.
//!
//! Pure: the draws themselves are made by the runtime, from [`Sampling::seed`].
//!
//! # Invariants
//! - [`Sampling::check`] accepts exactly what a runtime can carry out.
//! - A temperature of zero is greedy: seed and cut-offs then change nothing.
//!
//! Source of the per-family values: the generation settings that the models' makers
//! publish beside their weights.

use serde::{Deserialize, Serialize};

/// Below this many parameters a model is kept greedy: its second choices are noise.
const GREEDY_BELOW_PARAMETERS: u64 = 50_000_000;

/// How to choose the next token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Spread of the choice; `0` always takes the likeliest token.
    pub temperature: f32,
    /// Choose among this many likeliest tokens; `0` is no limit.
    pub top_k: u32,
    /// Choose among the likeliest tokens that hold this share of probability, `0..=1`.
    pub top_p: f32,
    /// Drop tokens less likely than this share of the likeliest, `0..=1`.
    pub min_p: f32,
    /// Divide the score of tokens used lately by this; `1` is no penalty.
    pub repeat_penalty: f32,
    /// Take this from the score of tokens used lately, once, `-2..=2`; `0` is no penalty.
    pub presence_penalty: f32,
    /// Take this from the score of tokens used lately, for each use, `-2..=2`.
    pub frequency_penalty: f32,
    /// How many tokens "lately" is.
    pub repeat_window: u32,
    /// Equal seeds and equal prompts give equal answers.
    pub seed: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self::GREEDY
    }
}

impl Sampling {
    /// Always the likeliest token.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repeat_penalty: 1.0,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        repeat_window: 64,
        seed: 0,
    };

    /// What suits a model, by the architecture its file names and its size.
    pub fn for_model(architecture: &str, parameters: u64) -> Self {
        if parameters < GREEDY_BELOW_PARAMETERS {
            return Self::GREEDY;
        }
        let (temperature, top_k, top_p) = match architecture {
            "qwen2" | "qwen3" | "qwen3moe" => (0.7, 20, 0.8),
            "gemma" | "gemma2" | "gemma3" => (1.0, 64, 0.95),
            "llama" => (0.6, 0, 0.9),
            "phi3" => (0.6, 50, 0.95),
            _ => (0.7, 40, 0.9),
        };
        Self {
            temperature,
            top_k,
            top_p,
            ..Self::GREEDY
        }
    }

    /// The same choice with another seed.
    #[must_use]
    pub const fn seeded(self, seed: u32) -> Self {
        Self { seed, ..self }
    }

    /// Whether the likeliest token is always taken.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Whether tokens used lately are less, or more, likely for that.
    #[expect(clippy::float_cmp, reason = "exactly these values mean no penalty")]
    pub fn has_penalty(&self) -> bool {
        self.repeat_penalty != 1.0 || self.presence_penalty != 0.0 || self.frequency_penalty != 0.0
    }

    /// Confirms that every value is within its range.
    ///
    /// # Errors
    /// [`SamplingError`] names the first value that is not.
    pub fn check(&self) -> Result<(), SamplingError> {
        let within = |name, value: f32, least: f32, most: f32| {
            if value >= least && value <= most {
                return Ok(());
            }
            Err(SamplingError {
                name,
                value,
                least,
                most,
            })
        };
        within("temperature", self.temperature, 0.0, 10.0)?;
        within("top_p", self.top_p, 0.0, 1.0)?;
        within("min_p", self.min_p, 0.0, 1.0)?;
        within("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        within("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        within("repeat_penalty", self.repeat_penalty, 0.1, 10.0)
    }
}

/// A setting outside its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("sampling setting {name} is {value}, it must be from {least} to {most}")]
pub struct SamplingError {
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub value: f32,
    /// The least that is accepted.
    pub least: f32,
    /// The most that is accepted.
    pub most: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_model_is_kept_greedy() {
        assert!(Sampling::for_model("llama", 9_000_000).is_greedy());
        assert!(!Sampling::for_model("llama", 1_200_000_000).is_greedy());
    }

    #[test]
    fn every_known_family_has_settings_in_range() {
        for architecture in ["llama", "qwen2", "qwen3", "gemma3", "phi3", "unheard-of"] {
            let sampling = Sampling::for_model(architecture, 7_000_000_000);
            assert_eq!(sampling.check(), Ok(()), "{architecture}");
        }
    }

    #[test]
    fn values_that_no_runtime_can_carry_out_are_refused() {
        let bad = Sampling {
            temperature: f32::NAN,
            ..Sampling::GREEDY
        };
        assert_eq!(bad.check().unwrap_err().name, "temperature");
        let bad = Sampling {
            top_p: 1.5,
            ..Sampling::GREEDY
        };
        assert_eq!(bad.check().unwrap_err().name, "top_p");
    }
}
