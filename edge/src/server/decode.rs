//! Bytes of a request to what is asked, with a clear refusal for everything else.
//!
//! Pure. Each route has its own type; what several share stands here: how an answer is
//! to be made ([`Manner`]), how it is sent ([`Sending`]), and what only this server knows
//! ([`Wishes`], the field `scrubjay`).
//!
//! Source: OpenAI's API reference. What is not supported is refused by name.

pub(super) mod chat;
pub(super) mod completion;
pub(super) mod embedding;
pub(super) mod response;
pub(super) mod tools;

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Value, json};
use shared::id::SessionId;

use super::fields::Fields;
use super::refusal::Refusal;
use crate::assistant::defaults::Defaults;
use crate::generate::{AdapterChoice, Constraint, Keep, ModelCard, Request};
use crate::memory::query::MemoryUse;

/// Reads a body as a request of every route; how many take it. Each answers with a
/// request or a refusal, whatever the bytes are.
pub fn as_every_request(body: &[u8]) -> usize {
    let taken = [
        chat::decode(body).is_ok(),
        completion::decode(body).is_ok(),
        embedding::decode(body).is_ok(),
        response::decode(body).is_ok(),
    ];
    taken.into_iter().filter(|taken| *taken).count()
}

/// Most answers to one request.
const MOST_ANSWERS: u64 = 16;
/// Most words that end an answer, and the longest.
const MOST_STOPS: usize = 16;
const LONGEST_STOP_BYTES: usize = 256;
/// Most alternatives told beside each token.
const MOST_ALTERNATIVES: u64 = 20;
/// Most tokens that may be asked for; the context ends an answer sooner.
const MOST_TOKENS: u64 = 1 << 20;

/// How an answer is to be made; what is unset is the owner's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manner {
    pub(super) max_tokens: Option<usize>,
    pub(super) temperature: Option<f32>,
    pub(super) top_p: Option<f32>,
    pub(super) top_k: Option<u32>,
    pub(super) min_p: Option<f32>,
    pub(super) repeat_penalty: Option<f32>,
    pub(super) presence_penalty: Option<f32>,
    pub(super) frequency_penalty: Option<f32>,
    pub(super) seed: Option<u32>,
    pub(super) stop: Vec<String>,
    /// Alternatives beside each token's log-probability; `None`: no log-probabilities.
    pub(super) logprobs: Option<usize>,
    pub(super) constraint: Option<Constraint>,
}

impl Manner {
    /// The fields that every kind of answer takes.
    fn take(fields: &mut Fields) -> Result<Self, Refusal> {
        let whole = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Self {
            temperature: fields.number("temperature", 0.0..=2.0)?,
            top_p: fields.number("top_p", 0.0..=1.0)?,
            top_k: fields.whole("top_k", 0..=1_000_000)?.map(whole),
            min_p: fields.number("min_p", 0.0..=1.0)?,
            repeat_penalty: fields.number("repeat_penalty", 0.1..=10.0)?,
            presence_penalty: fields.number("presence_penalty", -2.0..=2.0)?,
            frequency_penalty: fields.number("frequency_penalty", -2.0..=2.0)?,
            seed: fields.integer("seed")?.map(folded),
            stop: stops(fields)?,
            ..Self::default()
        })
    }

    /// What a model is asked.
    pub(super) fn request(
        &self,
        defaults: &Defaults,
        card: &ModelCard,
        wishes: &Wishes,
    ) -> Request {
        let mut sampling = defaults.sampling(card);
        sampling.temperature = self.temperature.unwrap_or(sampling.temperature);
        sampling.top_p = self.top_p.unwrap_or(sampling.top_p);
        sampling.top_k = self.top_k.unwrap_or(sampling.top_k);
        sampling.min_p = self.min_p.unwrap_or(sampling.min_p);
        sampling.repeat_penalty = self.repeat_penalty.unwrap_or(sampling.repeat_penalty);
        sampling.presence_penalty = self.presence_penalty.unwrap_or(0.0);
        sampling.frequency_penalty = self.frequency_penalty.unwrap_or(0.0);
        sampling.seed = self.seed.unwrap_or(sampling.seed);
        Request {
            max_tokens: self.max_tokens.unwrap_or_else(|| defaults.max_tokens(card)),
            sampling,
            stop: self.stop.clone(),
            logprobs: self.logprobs,
            constraint: self.constraint.clone(),
            deadline: wishes.deadline,
            adapter: wishes.adapter.clone(),
            // A client sends its words as they are: what memory would leave out is in them.
            keep: Keep::Memory,
        }
    }
}

/// Every 64-bit seed has its own 32 bits, as far as that goes.
fn folded(seed: i64) -> u32 {
    let bits = seed.cast_unsigned();
    ((bits >> 32) ^ (bits & u64::from(u32::MAX))) as u32
}

fn stops(fields: &mut Fields) -> Result<Vec<String>, Refusal> {
    let path = fields.path("stop");
    let stops = match fields.any("stop") {
        None => Vec::new(),
        Some(Value::String(stop)) => vec![stop],
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|stop| match stop {
                Value::String(stop) => Ok(stop),
                _ => Err(Refusal::invalid(
                    &path,
                    "must be a string or a list of strings",
                )),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => {
            return Err(Refusal::invalid(
                path,
                "must be a string or a list of strings",
            ));
        }
    };
    let good = |stop: &String| !stop.is_empty() && stop.len() <= LONGEST_STOP_BYTES;
    if stops.len() > MOST_STOPS || !stops.iter().all(good) {
        let message =
            format!("must be at most {MOST_STOPS} strings of 1 to {LONGEST_STOP_BYTES} bytes");
        return Err(Refusal::invalid(path, message));
    }
    Ok(stops)
}

fn max_tokens(fields: &mut Fields, name: &str, least: u64) -> Result<Option<usize>, Refusal> {
    let tokens = fields.whole(name, least..=MOST_TOKENS)?;
    Ok(tokens.map(|tokens| usize::try_from(tokens).unwrap_or(usize::MAX)))
}

fn count(fields: &mut Fields) -> Result<usize, Refusal> {
    let count = fields.whole("n", 1..=MOST_ANSWERS)?.unwrap_or(1);
    Ok(usize::try_from(count).unwrap_or(1))
}

/// `{"type": "json_schema", …}` as chat completions nest it.
fn response_format(fields: &mut Fields) -> Result<Option<Constraint>, Refusal> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(None);
    };
    let kind = format.word("type", &["text", "json_object", "json_schema"])?;
    let constraint = match kind.ok_or_else(|| format.missing("type"))? {
        0 => None,
        1 => Some(Constraint::Json),
        _ => {
            let schema = format.object("json_schema")?;
            let mut schema = schema.ok_or_else(|| format.missing("json_schema"))?;
            Some(schema_of(&mut schema).and_then(|found| schema.finish().map(|()| found))?)
        }
    };
    format.finish()?;
    Ok(constraint)
}

/// `name`, `schema`, `strict`: a schema is always kept to, asked for strictly or not.
fn schema_of(fields: &mut Fields) -> Result<Constraint, Refusal> {
    fields.need_text("name")?;
    fields.label("description");
    fields.flag("strict")?;
    let path = fields.path("schema");
    match fields.any("schema") {
        Some(schema @ Value::Object(_)) => Ok(Constraint::Schema(schema)),
        Some(_) => Err(Refusal::invalid(path, "must be an object")),
        None => Err(fields.missing("schema")),
    }
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Whole.
    Whole,
    /// As it is made; with its usage at the end, or without.
    Stream {
        /// Whether the last event tells the usage.
        usage: bool,
    },
}

impl Sending {
    fn take(fields: &mut Fields) -> Result<Self, Refusal> {
        let stream = fields.flag("stream")?.unwrap_or(false);
        let options = fields.object("stream_options")?;
        match (stream, options) {
            (false, None) => Ok(Self::Whole),
            (false, Some(_)) => Err(Refusal::invalid("stream_options", "needs `stream`")),
            (true, None) => Ok(Self::Stream { usage: false }),
            (true, Some(mut options)) => {
                let usage = options.flag("include_usage")?.unwrap_or(false);
                // Padding against observers of encrypted traffic; ours never leaves the house.
                options.only("include_obfuscation", &[json!(false)])?;
                options.finish()?;
                Ok(Self::Stream { usage })
            }
        }
    }
}

/// What only this server knows: the field `scrubjay`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wishes {
    pub(super) memory: Option<MemoryUse>,
    pub(super) session: Option<SessionId>,
    /// Whether the answer tells what was recalled.
    pub(super) recalled: bool,
    /// Whether the reading of the prompt is told.
    pub(super) progress: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) adapter: AdapterChoice,
}

/// What clients that cannot add fields say with headers.
const MEMORY_HEADER: &str = "x-scrubjay-memory";
const SESSION_HEADER: &str = "x-scrubjay-session";
/// The longest that an answer may be asked to take.
const LONGEST_DEADLINE_MS: u64 = 24 * 3_600 * 1_000;

impl Wishes {
    fn take(fields: &mut Fields) -> Result<Self, Refusal> {
        let Some(mut own) = fields.object("scrubjay")? else {
            return Ok(Self::default());
        };
        let memory = own.word("memory", &MemoryUse::NAMES)?;
        let session = match own.text("session")? {
            None => None,
            Some(text) => Some(session(&text, own.path("session"))?),
        };
        let deadline = own.whole("deadline_ms", 1..=LONGEST_DEADLINE_MS)?;
        let wishes = Self {
            memory: memory.map(|at| MemoryUse::ALL[at]),
            session,
            recalled: own.flag("recalled")?.unwrap_or(false),
            progress: own.flag("progress")?.unwrap_or(false),
            deadline: deadline.map(Duration::from_millis),
            adapter: adapter(own.text("adapter")?),
        };
        own.finish()?;
        Ok(wishes)
    }
}

impl Wishes {
    /// The same, with what headers say where the body says nothing.
    pub(super) fn or_headers(mut self, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &str| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap_or_default())
        };
        if let (None, Some(word)) = (self.memory, text(MEMORY_HEADER)) {
            let at = MemoryUse::NAMES.iter().position(|name| *name == word);
            let message = format!("must be one of {}", MemoryUse::NAMES.join(", "));
            let at = at.ok_or_else(|| Refusal::invalid(MEMORY_HEADER, message))?;
            self.memory = Some(MemoryUse::ALL[at]);
        }
        if let (None, Some(text)) = (self.session, text(SESSION_HEADER)) {
            self.session = Some(session(text, SESSION_HEADER)?);
        }
        Ok(self)
    }
}

/// The session that a text names.
pub(super) fn session(text: &str, path: impl Into<String>) -> Result<SessionId, Refusal> {
    text.parse()
        .map_err(|_| Refusal::invalid(path, "must be the identifier of a session"))
}

/// The adapter that a text names.
pub(super) fn adapter(name: Option<String>) -> AdapterChoice {
    match name.as_deref() {
        None | Some("active") => AdapterChoice::Active,
        Some("base") => AdapterChoice::Base,
        Some(_) => AdapterChoice::Named(name.unwrap_or_default()),
    }
}
