//! A model over the wire: what `/api/model`, `/api/tokenize` and `/api/generate` say.
//!
//! Both ends are ours: [`super::client`] speaks to [`super::api::generate`]. Each type is
//! one of [`crate::generate`] in JSON, so that a model answers the same over the socket as
//! in the same process. Events come a line each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::generate::{
    AdapterChoice, Completion, Constraint, Keep, ModelCard, Request, Stop, Token, TokenScore,
};
use crate::sample::Sampling;

/// [`ModelCard`], with the name that the model has here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) architecture: String,
    pub(super) context_tokens: usize,
    pub(super) chat_template: Option<String>,
    pub(super) bos: String,
    pub(super) eos: String,
    pub(super) adds_bos: bool,
    pub(super) control: Vec<String>,
    pub(super) parameters: u64,
    pub(super) file_bytes: u64,
}

impl Card {
    pub(super) fn new(id: &str, card: &ModelCard) -> Self {
        let card = card.clone();
        Self {
            id: id.to_owned(),
            name: card.name,
            digest: card.digest,
            architecture: card.architecture,
            context_tokens: card.context_tokens,
            chat_template: card.chat_template,
            bos: card.bos,
            eos: card.eos,
            adds_bos: card.adds_bos,
            control: card.control,
            parameters: card.parameters,
            file_bytes: card.file_bytes,
        }
    }
}

impl From<Card> for ModelCard {
    fn from(card: Card) -> Self {
        Self {
            name: card.name,
            digest: card.digest,
            architecture: card.architecture,
            context_tokens: card.context_tokens,
            chat_template: card.chat_template,
            bos: card.bos,
            eos: card.eos,
            adds_bos: card.adds_bos,
            control: card.control,
            parameters: card.parameters,
            file_bytes: card.file_bytes,
        }
    }
}

/// Text to be cut into tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    pub(super) text: String,
    /// Whether the names of control tokens in it stay words.
    #[serde(default)]
    pub(super) words: bool,
}

/// Tokens, of a text or for their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tokens {
    pub(super) tokens: Vec<Token>,
}

/// The bytes of each of several tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<Vec<u8>>,
}

/// A prompt to be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) prompt: Vec<Token>,
    pub(super) max_tokens: usize,
    #[serde(default)]
    pub(super) sampling: Sampling,
    #[serde(default)]
    pub(super) stop: Vec<String>,
    #[serde(default)]
    pub(super) logprobs: Option<usize>,
    #[serde(default)]
    pub(super) constraint: Option<Form>,
    #[serde(default)]
    pub(super) deadline_ms: Option<u64>,
    #[serde(default)]
    pub(super) adapter: Option<String>,
    /// Whether what is read may be kept on disk.
    #[serde(default)]
    pub(super) keep: bool,
}

/// [`Constraint`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Gbnf(String),
    Schema(serde_json::Value),
    Json,
}

impl Ask {
    pub(super) fn new(prompt: &[Token], request: &Request) -> Self {
        let deadline = request.deadline.map(|time| u64::try_from(time.as_millis()));
        Self {
            prompt: prompt.to_vec(),
            max_tokens: request.max_tokens,
            sampling: request.sampling,
            stop: request.stop.clone(),
            logprobs: request.logprobs,
            constraint: request
                .constraint
                .clone()
                .map(|constraint| match constraint {
                    Constraint::Gbnf(grammar) => Form::Gbnf(grammar),
                    Constraint::Schema(schema) => Form::Schema(schema),
                    Constraint::Json => Form::Json,
                }),
            deadline_ms: deadline.map(|ms| ms.unwrap_or(u64::MAX)),
            adapter: match &request.adapter {
                AdapterChoice::Active => None,
                AdapterChoice::Base => Some("base".to_owned()),
                AdapterChoice::Named(name) => Some(name.clone()),
            },
            keep: request.keep == Keep::Disk,
        }
    }

    /// The prompt, and what is asked of the model.
    pub(super) fn into_request(self) -> (Vec<Token>, Request) {
        let constraint = self.constraint.map(|form| match form {
            Form::Gbnf(grammar) => Constraint::Gbnf(grammar),
            Form::Schema(schema) => Constraint::Schema(schema),
            Form::Json => Constraint::Json,
        });
        let request = Request {
            max_tokens: self.max_tokens,
            sampling: self.sampling,
            stop: self.stop,
            logprobs: self.logprobs,
            constraint,
            deadline: self.deadline_ms.map(Duration::from_millis),
            adapter: super::decode::adapter(self.adapter),
            keep: if self.keep { Keep::Disk } else { Keep::Memory },
        };
        (self.prompt, request)
    }
}

/// What happens, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Queued {
        ahead: usize,
    },
    Prefill {
        done: usize,
        total: usize,
    },
    Text {
        text: String,
        scores: Vec<Score>,
    },
    /// The end.
    Done(Done),
    /// The end, too.
    Failed {
        status: u16,
        message: String,
    },
}

/// [`TokenScore`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Score(Token, Vec<u8>, f32, Vec<(Token, Vec<u8>, f32)>);

impl From<TokenScore> for Score {
    fn from(score: TokenScore) -> Self {
        Self(score.token, score.bytes, score.logprob, score.top)
    }
}

impl From<Score> for TokenScore {
    fn from(Score(token, bytes, logprob, top): Score) -> Self {
        Self {
            token,
            bytes,
            logprob,
            top,
        }
    }
}

/// [`Completion`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    text: String,
    stop: String,
    prompt_tokens: usize,
    cached_tokens: usize,
    generated_tokens: usize,
    prefill_us: u64,
    decode_us: u64,
    adapter: Option<String>,
}

const STOPS: [Stop; 5] = [
    Stop::End,
    Stop::Limit,
    Stop::Cancelled,
    Stop::Word,
    Stop::Deadline,
];

impl From<Completion> for Done {
    fn from(done: Completion) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            text: done.text,
            stop: done.stop.name().to_owned(),
            prompt_tokens: done.prompt_tokens,
            cached_tokens: done.cached_tokens,
            generated_tokens: done.generated_tokens,
            prefill_us: micros(done.prefill),
            decode_us: micros(done.decode),
            adapter: done.adapter,
        }
    }
}

impl From<Done> for Completion {
    fn from(done: Done) -> Self {
        let stop = STOPS.into_iter().find(|stop| stop.name() == done.stop);
        Self {
            text: done.text,
            stop: stop.unwrap_or(Stop::Cancelled),
            prompt_tokens: done.prompt_tokens,
            cached_tokens: done.cached_tokens,
            generated_tokens: done.generated_tokens,
            prefill: Duration::from_micros(done.prefill_us),
            decode: Duration::from_micros(done.decode_us),
            adapter: done.adapter,
        }
    }
}
