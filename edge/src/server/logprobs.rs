//! How likely tokens were, in the two shapes that the standard has for it.

use serde_json::{Map, Value, json};

use crate::generate::TokenScore;

/// As chat completions tell it: each token with its bytes and its alternatives.
pub(super) fn chat(scores: &[TokenScore]) -> Value {
    let one = |bytes: &[u8], logprob: f32| {
        let token = String::from_utf8_lossy(bytes);
        json!({"token": token, "logprob": logprob, "bytes": bytes})
    };
    let content = scores.iter().map(|score| {
        let mut told = one(&score.bytes, score.logprob);
        let top = score
            .top
            .iter()
            .map(|(_, bytes, logprob)| one(bytes, *logprob));
        told["top_logprobs"] = top.collect();
        told
    });
    json!({"content": content.collect::<Vec<_>>(), "refusal": null})
}

/// As completions tell it: parallel lists, offsets in characters.
#[derive(Debug, Default)]
pub(super) struct Lists {
    tokens: Vec<String>,
    logprobs: Vec<Option<f32>>,
    top: Vec<Option<Map<String, Value>>>,
    offsets: Vec<usize>,
    /// Bytes so far; a character may be spread over tokens.
    text: Vec<u8>,
}

impl Lists {
    /// A token that has nothing before it.
    pub(super) fn first(&mut self, bytes: &[u8]) {
        self.push(bytes, None, None);
    }

    /// A token.
    pub(super) fn add(&mut self, score: &TokenScore) {
        let top = score.top.iter();
        let top = top.map(|(_, bytes, logprob)| (named(bytes), json!(logprob)));
        self.push(&score.bytes, Some(score.logprob), Some(top.collect()));
    }

    fn push(&mut self, bytes: &[u8], logprob: Option<f32>, top: Option<Map<String, Value>>) {
        self.offsets
            .push(String::from_utf8_lossy(&self.text).chars().count());
        self.tokens.push(named(bytes));
        self.logprobs.push(logprob);
        self.top.push(top);
        self.text.extend_from_slice(bytes);
    }

    /// The lists of further tokens alone, whose offsets count from the beginning.
    pub(super) fn next(&mut self, scores: &[TokenScore]) -> Value {
        let text = std::mem::take(&mut self.text);
        *self = Self {
            text,
            ..Self::default()
        };
        scores.iter().for_each(|score| self.add(score));
        self.lists()
    }

    /// The lists.
    pub(super) fn json(self) -> Value {
        self.lists()
    }

    fn lists(&self) -> Value {
        json!({
            "tokens": self.tokens,
            "token_logprobs": self.logprobs,
            "top_logprobs": self.top,
            "text_offset": self.offsets,
        })
    }
}

/// A token's text; one that is part of a character is named by its bytes.
fn named(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |name, byte| {
            format!("{name}\\x{byte:02x}")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(bytes: &[u8], top: &[&[u8]]) -> TokenScore {
        TokenScore {
            token: 1,
            bytes: bytes.to_vec(),
            logprob: -0.5,
            top: top.iter().map(|bytes| (2, bytes.to_vec(), -0.25)).collect(),
        }
    }

    #[test]
    fn offsets_count_characters_and_half_a_character_is_named_by_its_bytes() {
        let mut lists = Lists::default();
        lists.first("é".as_bytes());
        lists.add(&score(b"\xe2\x82", &[b"\xe2\x82"]));
        lists.add(&score(b"\xac", &[]));
        let json = lists.json();
        assert_eq!(
            json["tokens"],
            json!(["é", "bytes:\\xe2\\x82", "bytes:\\xac"])
        );
        assert_eq!(json["token_logprobs"], json!([null, -0.5, -0.5]));
        assert_eq!(
            json["top_logprobs"],
            json!([null, {"bytes:\\xe2\\x82": -0.25}, {}])
        );
        assert_eq!(json["text_offset"][0], 0);
        assert_eq!(json["text_offset"][1], 1);
    }

    #[test]
    fn a_chat_tells_bytes_and_alternatives() {
        let json = chat(&[score(b"a", &[b"b"])]);
        assert_eq!(json["content"][0]["bytes"], json!([97]));
        assert_eq!(json["content"][0]["top_logprobs"][0]["token"], "b");
    }
}
