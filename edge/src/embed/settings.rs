//! `embedder.toml`: what a network does not say about itself.
//!
//! ```toml
//! name = "minilm"
//! dimensions = 384
//! pooling = "none"            # the network pools by itself; else "mean" or "cls"
//! normalise = false           # the network does it; else true
//! max_tokens = 256
//! inputs = ["input_ids"]      # also "attention_mask", "token_type_ids"
//! query_prefix = ""
//! passage_prefix = ""
//! ```

use std::str::Utf8Error;

use serde::Deserialize;

/// Longest vector that is accepted.
const MAX_DIMENSIONS: usize = 8_192;
/// Longest text that may be asked for, in tokens; the shortest is [`MIN_TOKENS`].
const MAX_TOKENS: usize = 8_192;
/// Room for the marks that a tokenizer adds, and a word.
const MIN_TOKENS: usize = 8;

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file is not text.
    #[error("the file is not UTF-8")]
    Encoding {
        /// Where it stops being text.
        source: Utf8Error,
    },
    /// The file is not TOML, or holds unknown or missing keys.
    #[error("the file does not hold the expected keys")]
    Toml {
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
    /// A number is outside what is accepted.
    #[error("{key} is {found}, accepted is {least} to {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        found: usize,
        /// The smallest value accepted.
        least: usize,
        /// The largest value accepted.
        most: usize,
    },
    /// The name holds something other than letters, digits, `-` and `_`.
    #[error("name {found:?} may hold only letters, digits, '-' and '_'")]
    Name {
        /// The name.
        found: String,
    },
    /// No input is named, or one is named twice, or `input_ids` is not among them.
    #[error("inputs must name input_ids and each other input once")]
    Inputs,
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Pooling {
    /// The network answers one vector a text.
    None,
    /// The mean over the tokens.
    Mean,
    /// The vector of the first token.
    Cls,
}

/// A tensor that a network wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Input {
    /// The tokens.
    #[serde(rename = "input_ids")]
    Tokens,
    /// Ones: texts of a batch are equally long.
    #[serde(rename = "attention_mask")]
    Mask,
    /// Zeros: there is one segment.
    #[serde(rename = "token_type_ids")]
    Segments,
}

impl Input {
    /// The name that exporters give it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tokens => "input_ids",
            Self::Mask => "attention_mask",
            Self::Segments => "token_type_ids",
        }
    }
}

/// Who brings vectors to length 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
pub(super) enum Normalise {
    /// We do.
    Here,
    /// The network has done it.
    InNetwork,
}

impl From<bool> for Normalise {
    fn from(normalise: bool) -> Self {
        if normalise {
            Self::Here
        } else {
            Self::InNetwork
        }
    }
}

/// Settings that were checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) dimensions: usize,
    pub(super) pooling: Pooling,
    pub(super) normalise: Normalise,
    pub(super) max_tokens: usize,
    pub(super) inputs: Vec<Input>,
    #[serde(default)]
    pub(super) query_prefix: String,
    #[serde(default)]
    pub(super) passage_prefix: String,
}

impl Settings {
    /// Reads and checks settings.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SettingsError> {
        let text =
            std::str::from_utf8(bytes).map_err(|source| SettingsError::Encoding { source })?;
        let settings: Self = toml::from_str(text).map_err(|source| SettingsError::Toml {
            source: Box::new(source),
        })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        in_range("dimensions", self.dimensions, 1, MAX_DIMENSIONS)?;
        in_range("max_tokens", self.max_tokens, MIN_TOKENS, MAX_TOKENS)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(SettingsError::Name {
                found: self.name.clone(),
            });
        }
        let twice = (1..self.inputs.len()).any(|at| self.inputs[..at].contains(&self.inputs[at]));
        if twice || !self.inputs.contains(&Input::Tokens) {
            return Err(SettingsError::Inputs);
        }
        Ok(())
    }
}

fn in_range(
    key: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<(), SettingsError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(SettingsError::Range {
        key,
        found,
        least,
        most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"m\"\ndimensions = 4\npooling = \"mean\"\nnormalise = true\n\
                        max_tokens = 16\ninputs = [\"input_ids\", \"attention_mask\"]\n";

    #[test]
    fn settings_keep_what_the_file_says() {
        let settings = Settings::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(settings.pooling, Pooling::Mean);
        assert_eq!(settings.normalise, Normalise::Here);
        assert_eq!(settings.inputs, [Input::Tokens, Input::Mask]);
        assert_eq!(settings.query_prefix, "");
    }

    #[test]
    fn each_kind_of_bad_settings_has_its_own_error() {
        let with = |from: &str, to: &str| Settings::parse(GOOD.replace(from, to).as_bytes());
        let unknown = Settings::parse(format!("{GOOD}colour = 1\n").as_bytes());
        assert!(matches!(unknown, Err(SettingsError::Toml { .. })));
        assert!(matches!(
            with("mean", "max"),
            Err(SettingsError::Toml { .. })
        ));
        assert!(matches!(
            with("max_tokens = 16", "max_tokens = 1"),
            Err(SettingsError::Range {
                key: "max_tokens",
                found: 1,
                ..
            })
        ));
        assert!(matches!(
            with("dimensions = 4", "dimensions = 0"),
            Err(SettingsError::Range {
                key: "dimensions",
                ..
            })
        ));
        assert!(matches!(
            with("\"m\"", "\"a b\""),
            Err(SettingsError::Name { .. })
        ));
        assert!(matches!(
            with("\"input_ids\", ", ""),
            Err(SettingsError::Inputs)
        ));
        assert!(matches!(
            Settings::parse(&[0xff]),
            Err(SettingsError::Encoding { .. })
        ));
    }
}
