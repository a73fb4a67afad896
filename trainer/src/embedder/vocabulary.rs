//! The teacher's vocabulary, and the part of it that the student keeps.
//!
//! # Invariants
//! - Token 0 of the student is the unknown token; its vector is zero.
//! - The others keep their order, which is roughly from frequent to rare.
//! - Dropped are only tokens that no text needs: reserved ones, marks that frame the
//!   teacher's input, and single letters of scripts the teacher cannot read as words.

use serde_json::{Value, json};
use tokenizers::{Tokenizer, TruncationParams};

/// The token for what is not in the vocabulary.
const UNKNOWN: &str = "[UNK]";
/// Marks that frame the teacher's input.
const MARKS: [&str; 4] = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"];

/// Why a vocabulary cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VocabularyError {
    /// The file is no tokenizer.
    #[error("the file is not a tokenizer")]
    Tokenizer {
        /// What the library says.
        source: tokenizers::Error,
    },
    /// The file is not JSON.
    #[error("the file is not JSON")]
    Json {
        /// What the parser says.
        #[from]
        source: serde_json::Error,
    },
    /// The file has no such entry.
    #[error("the tokenizer has no {entry}")]
    Missing {
        /// Its path.
        entry: &'static str,
    },
    /// A text cannot be cut into tokens.
    #[error("cannot cut a text into tokens")]
    Encode {
        /// What the library says.
        source: tokenizers::Error,
    },
}

/// A text as both models see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For the teacher, framed by its marks.
    pub teacher: Vec<i64>,
    /// For the student: rows of its table, the unknown left out.
    pub student: Vec<u32>,
}

/// Both vocabularies.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    file: Value,
    /// Token and the teacher's id, in the student's order.
    kept: Vec<(String, u32)>,
    /// The student's id of each of the teacher's.
    rows: Vec<Option<u32>>,
    frame: [i64; 2],
}

impl Vocabulary {
    /// Reads the teacher's `tokenizer.json`; texts are cut at `max_tokens`.
    ///
    /// # Errors
    /// [`VocabularyError`] if it is not a word-piece tokenizer with BERT's marks.
    pub fn parse(bytes: &[u8], max_tokens: usize) -> Result<Self, VocabularyError> {
        let file: Value = serde_json::from_slice(bytes)?;
        let pieces = file["model"]["vocab"].as_object();
        let pieces = pieces.ok_or(VocabularyError::Missing {
            entry: "model.vocab",
        })?;
        let id = |token| pieces.get(token).and_then(Value::as_u64);
        let mark = |token, entry| {
            let id = id(token).and_then(|id| i64::try_from(id).ok());
            id.ok_or(VocabularyError::Missing { entry })
        };
        let frame = [mark("[CLS]", "[CLS]")?, mark("[SEP]", "[SEP]")?];
        let mut kept: Vec<(String, u32)> = pieces
            .iter()
            .filter(|(token, _)| is_kept(token))
            .filter_map(|(token, id)| Some((token.clone(), u32::try_from(id.as_u64()?).ok()?)))
            .collect();
        kept.sort_by_key(|(token, id)| (token != UNKNOWN, *id));
        if kept.first().is_none_or(|(token, _)| token != UNKNOWN) {
            return Err(VocabularyError::Missing { entry: UNKNOWN });
        }
        let mut rows = vec![None; pieces.len()];
        for (row, (_, id)) in (0..).zip(&kept).skip(1) {
            if let Some(slot) = rows.get_mut(*id as usize) {
                *slot = Some(row);
            }
        }
        Ok(Self {
            tokenizer: tokenizer(bytes, max_tokens)
                .map_err(|source| VocabularyError::Tokenizer { source })?,
            file,
            kept,
            rows,
            frame,
        })
    }

    /// How many tokens the student has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether the student has no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The teacher's id of each of the student's tokens.
    pub fn teacher_ids(&self) -> impl Iterator<Item = u32> {
        self.kept.iter().map(|(_, id)| *id)
    }

    /// Each of the student's tokens as an input of its own for the teacher.
    pub fn singles(&self) -> impl Iterator<Item = Vec<i64>> {
        self.teacher_ids()
            .map(|id| vec![self.frame[0], i64::from(id), self.frame[1]])
    }

    /// Whole words of Latin letters, from frequent to rare.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        let is_word =
            |token: &&str| token.len() > 1 && token.bytes().all(|byte| byte.is_ascii_lowercase());
        self.kept
            .iter()
            .map(|(token, _)| token.as_str())
            .filter(is_word)
            .collect()
    }

    /// Cuts a text into tokens.
    ///
    /// # Errors
    /// [`VocabularyError::Encode`] if the tokenizer refuses it.
    pub fn tokens(&self, text: &str) -> Result<Tokens, VocabularyError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|source| VocabularyError::Encode { source })?;
        let ids = encoding.get_ids();
        Ok(Tokens {
            teacher: ids.iter().map(|id| i64::from(*id)).collect(),
            student: ids
                .iter()
                .filter_map(|id| self.rows.get(*id as usize).copied().flatten())
                .collect(),
        })
    }

    /// The student's own `tokenizer.json`: no marks, no padding, no limit.
    ///
    /// # Errors
    /// [`VocabularyError::Json`] if it cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        let mut file = self.file.clone();
        for entry in ["truncation", "padding", "post_processor"] {
            file[entry] = Value::Null;
        }
        file["added_tokens"] = json!([]);
        let vocab = (0_u32..)
            .zip(&self.kept)
            .map(|(row, (token, _))| (token.clone(), row.into()));
        file["model"]["vocab"] = Value::Object(vocab.collect());
        Ok(serde_json::to_vec(&file)?)
    }
}

fn tokenizer(bytes: &[u8], max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(bytes)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: max_tokens,
        ..TruncationParams::default()
    }))?;
    Ok(tokenizer)
}

fn is_kept(token: &str) -> bool {
    let reserved = token.starts_with("[unused") || MARKS.contains(&token);
    !reserved && !token.chars().any(is_east_asian)
}

/// Scripts of which the teacher knows single letters only.
fn is_east_asian(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vocabulary {
        let vocab = json!({
            "[PAD]": 0, "[unused0]": 1, "[UNK]": 2, "[CLS]": 3, "[SEP]": 4, "[MASK]": 5,
            "the": 6, "\u{4e2d}": 7, "bike": 8, "##s": 9, "?": 10
        });
        let mark = |token: &str, id: u32| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": true})
        };
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [mark("[CLS]", 3), mark("[SEP]", 4)],
            "normalizer": {"type": "BertNormalizer", "clean_text": true,
                "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 4], "cls": ["[CLS]", 3]},
            "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]",
                "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
        });
        Vocabulary::parse(&serde_json::to_vec(&file).unwrap(), 16).unwrap()
    }

    #[test]
    fn only_tokens_that_texts_need_are_kept() {
        let vocabulary = small();
        let kept: Vec<&str> = vocabulary
            .kept
            .iter()
            .map(|(token, _)| token.as_str())
            .collect();
        assert_eq!(kept, ["[UNK]", "the", "bike", "##s", "?"]);
        assert_eq!(vocabulary.words(), ["the", "bike"]);
        assert_eq!(vocabulary.singles().nth(2).unwrap(), [3, 8, 4]);
    }

    #[test]
    fn a_text_is_framed_for_the_teacher_and_bare_for_the_student() {
        let tokens = small().tokens("The bikes \u{4e2d} zebra?").unwrap();
        assert_eq!(tokens.teacher, [3, 6, 8, 9, 7, 2, 10, 4]);
        assert_eq!(tokens.student, [1, 2, 3, 4]);
    }

    /// What the device will cut with the written file is what was trained on.
    #[test]
    fn the_written_tokenizer_gives_the_students_tokens() {
        let vocabulary = small();
        let written = Tokenizer::from_bytes(vocabulary.encode().unwrap()).unwrap();
        let ids = written
            .encode("The bikes?", true)
            .unwrap()
            .get_ids()
            .to_vec();
        assert_eq!(ids, vocabulary.tokens("The bikes?").unwrap().student);
    }
}
