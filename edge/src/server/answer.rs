//! What every kind of answer tells of itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use shared::id::EpisodeId;
use tokio::sync::mpsc::Receiver;

use super::generation::{Finished, Heard, News};
use super::refusal::Refusal;
use super::state::{Loaded, Shared};
use crate::generate::{Completion, Stop, TokenScore};

/// Who answers, when, and under which number.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// `chatcmpl-…` and the like.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// The model's name here.
    pub(super) model: String,
    /// The program's version and the beginning of the model's digest.
    pub(super) fingerprint: String,
}

impl Head {
    pub(super) fn new(prefix: &str, shared: &Shared, loaded: &Arc<Loaded>) -> Self {
        let now = shared.clock.now();
        let digest = &loaded.engine.card().digest;
        let digest = digest.get(..8).unwrap_or(digest);
        Self {
            id: format!("{prefix}-{}", EpisodeId::new(now, rand::random())),
            created: now.millis() / 1_000,
            model: loaded.name.clone(),
            fingerprint: format!("edge-{}-{digest}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// The fields that every answer begins with.
    pub(super) fn fields(&self, object: &str) -> Map<String, Value> {
        let Value::Object(map) = json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }) else {
            return Map::new();
        };
        map
    }
}

/// Every answer to one request.
pub(super) struct Answers {
    /// What is told of memory.
    pub(super) memory: Map<String, Value>,
    pub(super) answers: Vec<Answer>,
}

/// One answer.
pub(super) struct Answer {
    pub(super) finished: Finished,
    pub(super) scores: Vec<TokenScore>,
}

/// Waits for every answer.
///
/// # Errors
/// [`Refusal`] if one of them fails; the others are told to stop.
pub(super) async fn collect(mut heard: Receiver<Heard>, count: usize) -> Result<Answers, Refusal> {
    let mut memory = Map::new();
    let mut scores: Vec<Vec<TokenScore>> = vec![Vec::new(); count];
    let mut finished: Vec<Option<Finished>> = (0..count).map(|_| None).collect();
    while finished.iter().any(Option::is_none) {
        let Some((index, news)) = heard.recv().await else {
            return Err(Refusal::unavailable("stopping", "the server was stopped"));
        };
        match news {
            News::Begun(told) => memory = told,
            News::Text { scores: new, .. } => scores[index].extend(new),
            News::Done(done) => finished[index] = Some(done?),
            News::Queued { .. } | News::Prefill { .. } => {}
        }
    }
    let answers = finished.into_iter().flatten().zip(scores);
    Ok(Answers {
        memory,
        answers: answers
            .map(|(finished, scores)| Answer { finished, scores })
            .collect(),
    })
}

/// Why an answer ended, in the standard's words.
pub(super) const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Word | Stop::Cancelled => "stop",
        Stop::Limit | Stop::Deadline => "length",
    }
}

/// Tokens of a request and of its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt: usize,
    pub(super) cached: usize,
    pub(super) generated: usize,
}

impl Usage {
    /// Adds a further answer to the same prompt.
    pub(super) fn same_prompt(&mut self, completion: &Completion) {
        self.prompt = completion.prompt_tokens;
        self.cached = self.cached.max(completion.cached_tokens);
        self.generated += completion.generated_tokens;
    }

    /// Adds an answer to another prompt.
    pub(super) fn other_prompt(&mut self, completion: &Completion) {
        self.prompt += completion.prompt_tokens;
        self.cached += completion.cached_tokens;
        self.generated += completion.generated_tokens;
    }

    /// As completions tell it.
    pub(super) fn json(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.generated,
            "total_tokens": self.prompt + self.generated,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        })
    }
}

/// The field `scrubjay` of an answer.
pub(super) fn extension(memory: &Map<String, Value>, finished: &Finished) -> Value {
    let completion = &finished.completion;
    let mut told = memory.clone();
    if let Some(answer) = finished.answer {
        told.insert("answer".to_owned(), json!(answer));
    }
    told.insert("adapter".to_owned(), json!(completion.adapter));
    told.insert("stop".to_owned(), json!(completion.stop.name()));
    told.insert("cached_tokens".to_owned(), json!(completion.cached_tokens));
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
    told.insert(
        "timings".to_owned(),
        json!({"prefill_ms": ms(completion.prefill), "decode_ms": ms(completion.decode)}),
    );
    Value::Object(told)
}
