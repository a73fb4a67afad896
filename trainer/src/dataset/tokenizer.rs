//! The byte-level BPE tokenizer of `nano`, and how dialogues become training sequences.
//!
//! Splits digits one by one and words as GPT-2 does: in a GGUF this is
//! `tokenizer.ggml.model = "gpt2"`, `tokenizer.ggml.pre = "smollm"`. The alphabet holds all
//! 256 bytes, so every text encodes.

use shared::chat::{Message, Role};
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence as PreSequence;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{AddedToken, TokenizerBuilder, TokenizerImpl};

use super::Dialogue;
use super::sequence::Sequence;

/// End of text, and padding; id 0.
pub const END_OF_TEXT: u32 = 0;
/// Opens a message; id 1.
pub const IM_START: u32 = 1;
/// Closes a message, and ends generation; id 2.
pub const IM_END: u32 = 2;

/// The special tokens in id order.
pub const SPECIALS: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

/// The smallest vocabulary: the special tokens and every byte.
pub const SMALLEST_VOCAB: usize = SPECIALS.len() + 256;

/// The chat template for the model file: what [`ChatTokenizer::encode_dialogue`] tokenises.
pub const CHAT_TEMPLATE: &str = "{% for message in messages %}\
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\
{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

type Inner =
    TokenizerImpl<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, ByteLevel>;

/// Why a tokenizer was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The vocabulary cannot hold all bytes.
    #[error("vocabulary of {vocab} tokens is too small, {smallest} are needed")]
    Vocab {
        /// What was asked for.
        vocab: usize,
        /// The least that works.
        smallest: usize,
    },
    /// The texts did not fill the vocabulary.
    #[error("the texts gave {found} of {expected} tokens")]
    Texts {
        /// Tokens learnt.
        found: usize,
        /// Tokens asked for.
        expected: usize,
    },
    /// The library refused.
    #[error("cannot train the tokenizer")]
    Train {
        /// Its reason.
        source: tokenizers::Error,
    },
    /// Not a tokenizer file.
    #[error("cannot read the tokenizer file")]
    Read {
        /// The library's reason.
        source: serde_json::Error,
    },
    /// A tokenizer file of another make.
    #[error("token {id} is {found:?}, not {expected:?}")]
    Special {
        /// The special token's id.
        id: u32,
        /// What the file has there.
        found: Option<String>,
        /// What this program needs.
        expected: &'static str,
    },
    /// The library could not write it.
    #[error("cannot write the tokenizer file")]
    Write {
        /// Its reason.
        source: tokenizers::Error,
    },
}

/// How much each part of a dialogue counts in the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossWeights {
    /// The assistant's words and the end of its message.
    pub answer: f32,
    /// Everything else.
    pub context: f32,
}

/// A trained tokenizer.
#[derive(Clone, Debug)]
pub struct ChatTokenizer {
    inner: Inner,
}

impl ChatTokenizer {
    /// Learns `vocab` tokens from `texts`; equal texts give equal tokenizers.
    ///
    /// # Errors
    /// [`TokenizerError::Vocab`] below [`SMALLEST_VOCAB`], [`TokenizerError::Texts`] when the
    /// texts are too few to fill the vocabulary.
    pub fn train(
        texts: impl Iterator<Item = String> + Send,
        vocab: usize,
    ) -> Result<Self, TokenizerError> {
        if vocab < SMALLEST_VOCAB {
            return Err(TokenizerError::Vocab {
                vocab,
                smallest: SMALLEST_VOCAB,
            });
        }
        let mut inner = untrained().map_err(|source| TokenizerError::Train { source })?;
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocab)
            .show_progress(false)
            .special_tokens(SPECIALS.map(|text| AddedToken::from(text, true)).to_vec())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        inner
            .train(&mut trainer, texts)
            .map_err(|source| TokenizerError::Train { source })?;
        let found = inner.get_vocab_size(true);
        if found == vocab {
            Self::checked(inner)
        } else {
            Err(TokenizerError::Texts {
                found,
                expected: vocab,
            })
        }
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// Text that is no tokenizer, or one without our special tokens.
    pub fn from_json(json: &str) -> Result<Self, TokenizerError> {
        let inner = serde_json::from_str(json).map_err(|source| TokenizerError::Read { source })?;
        Self::checked(inner)
    }

    /// The usual `tokenizer.json`.
    ///
    /// # Errors
    /// When the library cannot serialise it.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        self.inner
            .to_string(false)
            .map_err(|source| TokenizerError::Write { source })
    }

    fn checked(inner: Inner) -> Result<Self, TokenizerError> {
        for (id, expected) in (0..).zip(SPECIALS) {
            let found = inner.id_to_token(id);
            if found.as_deref() != Some(expected) {
                return Err(TokenizerError::Special {
                    id,
                    found,
                    expected,
                });
            }
        }
        Ok(Self { inner })
    }

    /// How many tokens there are.
    pub fn vocab(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Tokens of `text`; special tokens written out in it are recognised.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        // A byte-level vocabulary with every byte has a token for any input.
        self.inner
            .encode_fast(text, false)
            .map(|encoding| encoding.get_ids().to_vec())
            .unwrap_or_default()
    }

    /// The text of `tokens`, special tokens included; bytes that are not UTF-8 are replaced.
    pub fn decode(&self, tokens: &[u32]) -> String {
        self.inner.decode(tokens, false).unwrap_or_default()
    }

    /// Every token in id order, in the byte-level alphabet, as a GGUF lists them.
    pub fn tokens(&self) -> Vec<String> {
        (0..).map_while(|id| self.inner.id_to_token(id)).collect()
    }

    /// The merges in order of rank, as a GGUF lists them: two tokens and a space between.
    pub fn merges(&self) -> Vec<String> {
        let Ok(model) = serde_json::to_value(self.inner.get_model()) else {
            return Vec::new();
        };
        let merges = model["merges"].as_array().cloned().unwrap_or_default();
        merges
            .iter()
            .filter_map(|pair| Some(format!("{} {}", pair[0].as_str()?, pair[1].as_str()?)))
            .collect()
    }

    /// `dialogue` as [`CHAT_TEMPLATE`] renders it, with the weight of each token.
    pub fn encode_dialogue(&self, dialogue: &Dialogue, weights: LossWeights) -> Sequence {
        let mut sequence = Sequence {
            tokens: Vec::with_capacity(256),
            weights: Vec::with_capacity(256),
            branches: Vec::new(),
        };
        for message in &dialogue.messages {
            self.push_message(message, weights, &mut sequence);
        }
        if let Some(first) = sequence.weights.first_mut() {
            *first = 0.0;
        }
        sequence
    }

    fn push_message(&self, message: &Message, weights: LossWeights, out: &mut Sequence) {
        let body = if message.role == Role::Assistant {
            weights.answer
        } else {
            weights.context
        };
        let head = self.encode(&format!("{}\n", message.role)).len();
        let text = self.encode(&format!("{}\n{}", message.role, message.content));
        let body_start = out.tokens.len() + 1 + head;
        out.tokens.push(IM_START);
        out.tokens.extend_from_slice(&text);
        out.tokens.push(IM_END);
        out.weights.resize(body_start, weights.context);
        out.weights.resize(out.tokens.len(), body);
        out.tokens.extend(self.encode("\n"));
        out.weights.resize(out.tokens.len(), weights.context);
    }
}

/// A tokenizer with our splitting and no vocabulary.
fn untrained() -> tokenizers::Result<Inner> {
    let bytes = tokenizers::pre_tokenizers::byte_level::ByteLevel::new(false, true, true);
    TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None)
        .with_pre_tokenizer(Some(PreTokenizerWrapper::Sequence(PreSequence::new(vec![
            PreTokenizerWrapper::Digits(Digits::new(true)),
            PreTokenizerWrapper::ByteLevel(bytes),
        ]))))
        .with_post_processor(None)
        .with_decoder(Some(ByteLevel::default()))
        .build()
}

#[cfg(test)]
mod tests;
