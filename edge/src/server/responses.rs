//! `POST /v1/responses`: text in, text out, in the newer shape of the standard.
//!
//! Nothing is stored under a response's number: a conversation is sent whole, or goes on
//! by its session (`scrubjay.session`).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::access::Caller;
use super::answer::{self, Head};
use super::decode::response::{ResponseRequest, decode};
use super::decode::tools::Tools;
use super::generation::{Finished, Heard, News};
use super::refusal::Refusal;
use super::sse::{self, Events, Script};
use super::state::{Loaded, Shared};
use super::talk::{self, Talk};
use super::{body, json_response};
use crate::generate::{Request as Ask, Stop};

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (caller, headers) = (Caller::of(&request), request.headers().clone());
    let asked = decode(&body::read(request, &shared).await?)?;
    let loaded = shared.model_named(&asked.model)?;
    let talk = to_talk(&asked, &shared, &loaded, &caller, &headers)?;
    let shape = Shape {
        head: Head::new("resp", &shared, &loaded),
        request: talk.request.clone(),
        instructions: asked.instructions,
        metadata: asked.metadata,
    };
    let heard = talk::start(&shared, &loaded, talk)?;
    if asked.stream {
        return sse::respond(heard, Stream::new(shape)).await;
    }
    let answers = answer::collect(heard, 1).await?;
    let memory = answers.memory;
    let finished = answers
        .answers
        .into_iter()
        .next()
        .map(|answer| answer.finished);
    let response = shape.response(finished.as_ref().map(|finished| (finished, &memory)));
    Ok(json_response(StatusCode::OK, &response))
}

fn to_talk(
    asked: &ResponseRequest,
    shared: &Shared,
    loaded: &Loaded,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Talk, Refusal> {
    let settings = shared.settings();
    let wishes = asked.wishes.clone().or_headers(headers)?;
    let memory = caller.memory(&wishes, &settings)?;
    let card = loaded.engine.card();
    let request = asked.manner.request(&settings.defaults, card, &wishes);
    Ok(Talk {
        messages: asked.messages.clone(),
        tools: Tools::default(),
        request,
        count: 1,
        memory,
        session: wishes.session,
        tell_recalled: wishes.recalled,
    })
}

/// What stays the same while a response is made.
struct Shape {
    head: Head,
    request: Ask,
    instructions: Option<String>,
    metadata: Value,
}

impl Shape {
    /// The response, complete or as it is before the first word.
    fn response(&self, finished: Option<(&Finished, &Map<String, Value>)>) -> Value {
        let completion = finished.map(|(finished, _)| &finished.completion);
        let cut = completion.is_some_and(|done| matches!(done.stop, Stop::Limit | Stop::Deadline));
        let status = match completion {
            None => "in_progress",
            Some(_) if cut => "incomplete",
            Some(_) => "completed",
        };
        let usage = completion.map(|done| {
            json!({
                "input_tokens": done.prompt_tokens,
                "input_tokens_details": {"cached_tokens": done.cached_tokens},
                "output_tokens": done.generated_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": done.prompt_tokens + done.generated_tokens,
            })
        });
        let output = completion.map(|done| self.item(status, Some(&done.text)));
        json!({
            "id": self.head.id,
            "object": "response",
            "created_at": self.head.created,
            "status": status,
            "error": null,
            "incomplete_details": cut.then(|| json!({"reason": "max_output_tokens"})),
            "instructions": self.instructions,
            "max_output_tokens": self.request.max_tokens,
            "metadata": self.metadata,
            "model": self.head.model,
            "output": output.into_iter().collect::<Vec<_>>(),
            "parallel_tool_calls": false,
            "previous_response_id": null,
            "store": false,
            "temperature": self.request.sampling.temperature,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": self.request.sampling.top_p,
            "truncation": "disabled",
            "usage": usage,
            "scrubjay": finished.map(|(finished, memory)| answer::extension(memory, finished)),
        })
    }

    /// The answer among a response's output.
    fn item(&self, status: &str, text: Option<&str>) -> Value {
        let content = text.map(part);
        json!({
            "id": self.item_id(),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content.into_iter().collect::<Vec<_>>(),
        })
    }

    fn item_id(&self) -> String {
        self.head.id.replacen("resp", "msg", 1)
    }
}

/// A text among an answer's content.
fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// A response that is written while it is made.
struct Stream {
    shape: Shape,
    memory: Map<String, Value>,
    begun: bool,
    over: bool,
    /// Events so far.
    number: u64,
}

impl Stream {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            memory: Map::new(),
            begun: false,
            over: false,
            number: 0,
        }
    }

    fn event(&mut self, kind: &str, mut value: Value, out: &mut Events) {
        value["type"] = json!(kind);
        value["sequence_number"] = json!(self.number);
        self.number += 1;
        out.named(kind, &value);
    }

    /// An event about the answer's text.
    fn text_event(&mut self, kind: &str, mut value: Value, out: &mut Events) {
        value["item_id"] = json!(self.shape.item_id());
        value["output_index"] = json!(0);
        value["content_index"] = json!(0);
        self.event(kind, value, out);
    }

    fn begin(&mut self, out: &mut Events) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let response = self.shape.response(None);
        self.event("response.created", json!({"response": response}), out);
        self.event("response.in_progress", json!({"response": response}), out);
        let item = self.shape.item("in_progress", None);
        let added = json!({"output_index": 0, "item": item});
        self.event("response.output_item.added", added, out);
        self.text_event(
            "response.content_part.added",
            json!({"part": part("")}),
            out,
        );
    }

    fn end(&mut self, finished: &Finished, out: &mut Events) {
        self.begin(out);
        let text = finished.completion.text.as_str();
        let done = json!({"text": text, "logprobs": []});
        self.text_event("response.output_text.done", done, out);
        self.text_event(
            "response.content_part.done",
            json!({"part": part(text)}),
            out,
        );
        let response = self.shape.response(Some((finished, &self.memory)));
        let done = json!({"output_index": 0, "item": response["output"][0]});
        self.event("response.output_item.done", done, out);
        let kind = match response["status"].as_str() {
            Some("incomplete") => "response.incomplete",
            _ => "response.completed",
        };
        self.event(kind, json!({"response": response}), out);
        self.over = true;
    }
}

impl Script for Stream {
    fn write(&mut self, (_, news): Heard, out: &mut Events) {
        match news {
            News::Begun(memory) => self.memory = memory,
            News::Queued { .. } | News::Prefill { .. } => self.begin(out),
            News::Text { text, .. } => {
                self.begin(out);
                let delta = json!({"delta": text, "logprobs": []});
                self.text_event("response.output_text.delta", delta, out);
            }
            News::Done(Ok(finished)) => self.end(&finished, out),
            News::Done(Err(refusal)) => {
                let error = refusal.body()["error"].take();
                self.event("error", error, out);
                self.over = true;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
