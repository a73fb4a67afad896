//! `POST /v1/chat/completions`: the answer, whole or as it is made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::access::Caller;
use super::answer::{self, Answers, Head, Usage, finish_reason};
use super::decode::Sending;
use super::decode::chat::{ChatRequest, decode};
use super::decode::tools::Tools;
use super::generation::{Finished, Heard, News};
use super::refusal::Refusal;
use super::sse::{self, Events, Script};
use super::state::{Loaded, Shared};
use super::talk::{self, Talk};
use super::tools::{self, Call, Watch};
use super::{body, json_response, logprobs};
use crate::generate::{Completion, Stop, TokenScore};
use crate::memory::query::MemoryUse;

/// What answers are called, and the pieces of one.
const WHOLE: &str = "chat.completion";
const PIECE: &str = "chat.completion.chunk";

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (caller, headers) = (Caller::of(&request), request.headers().clone());
    let asked = decode(&body::read(request, &shared).await?)?;
    let loaded = shared.model_named(&asked.model)?;
    let talk = to_talk(&asked, &shared, &loaded, &caller, &headers)?;
    let heard = talk::start(&shared, &loaded, talk)?;
    let head = Head::new("chatcmpl", &shared, &loaded);
    match asked.sending {
        Sending::Stream { usage } => {
            let stream = Stream::new(head, &asked, usage);
            sse::respond(heard, stream).await
        }
        Sending::Whole => {
            let answers = answer::collect(heard, asked.count).await?;
            Ok(json_response(
                StatusCode::OK,
                &whole(&head, &asked, &answers),
            ))
        }
    }
}

fn to_talk(
    asked: &ChatRequest,
    shared: &Shared,
    loaded: &Loaded,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Talk, Refusal> {
    let settings = shared.settings();
    let wishes = asked.wishes.clone().or_headers(headers)?;
    let memory = caller.memory(&wishes, &settings)?;
    if memory == MemoryUse::Use && asked.count > 1 {
        let message = "above 1 cannot be remembered: ask for memory `read_only` or `off`";
        return Err(Refusal::invalid("n", message));
    }
    let card = loaded.engine.card();
    let mut request = asked.manner.request(&settings.defaults, card, &wishes);
    if let Some(call) = tools::constraint(&asked.tools) {
        if request.constraint.is_some() {
            let message = "cannot be kept to by an answer that must be a call";
            return Err(Refusal::unsupported("response_format", message));
        }
        request.constraint = Some(call);
    }
    if !asked.tools.offered().is_empty() && !loaded.knows_tools(shared)? {
        let message = "are unknown to this model's chat template";
        return Err(Refusal::unsupported("tools", message));
    }
    Ok(Talk {
        messages: asked.messages.clone(),
        tools: asked.tools.clone(),
        request,
        count: asked.count,
        memory,
        session: wishes.session,
        tell_recalled: wishes.recalled,
    })
}

fn whole(head: &Head, asked: &ChatRequest, answers: &Answers) -> Value {
    let mut usage = Usage::default();
    let mut choices = Vec::new();
    for (index, answer) in answers.answers.iter().enumerate() {
        let completion = &answer.finished.completion;
        usage.same_prompt(completion);
        let (message, reason) = message(completion, &asked.tools);
        choices.push(json!({
            "index": index,
            "message": message,
            "logprobs": asked.manner.logprobs.map(|_| logprobs::chat(&answer.scores)),
            "finish_reason": reason,
        }));
    }
    let mut body = head.fields(WHOLE);
    body.insert("choices".to_owned(), Value::Array(choices));
    body.insert("usage".to_owned(), usage.json());
    if let Some(first) = answers.answers.first() {
        let told = answer::extension(&answers.memory, &first.finished);
        body.insert("scrubjay".to_owned(), told);
    }
    Value::Object(body)
}

/// The assistant's message, and why it ended.
fn message(completion: &Completion, tools: &Tools) -> (Value, &'static str) {
    let written = tools::read(&completion.text, tools);
    let mut message = json!({"role": "assistant", "content": written.text, "refusal": null});
    if written.calls.is_empty() {
        return (message, finish_reason(completion.stop));
    }
    if written.text.is_empty() {
        message["content"] = Value::Null;
    }
    message["tool_calls"] = written.calls.iter().map(call).collect();
    (message, CALLS)
}

/// Why an answer ended that calls tools.
const CALLS: &str = "tool_calls";

fn call(call: &Call) -> Value {
    json!({
        "id": format!("call_{:032x}", rand::random::<u128>()),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// A completion that is written while it is made.
struct Stream {
    head: Head,
    tell_usage: bool,
    tell_progress: bool,
    tell_logprobs: bool,
    memory: Map<String, Value>,
    usage: Usage,
    tools: Tools,
    /// Of each answer, whether it has begun and what of it may be a call.
    answers: Vec<(bool, Watch)>,
    /// How many are to come to an end.
    left: usize,
}

impl Stream {
    fn new(head: Head, asked: &ChatRequest, tell_usage: bool) -> Self {
        Self {
            head,
            tell_usage,
            tell_progress: asked.wishes.progress,
            tell_logprobs: asked.manner.logprobs.is_some(),
            memory: Map::new(),
            usage: Usage::default(),
            tools: asked.tools.clone(),
            answers: (0..asked.count)
                .map(|_| (false, Watch::default()))
                .collect(),
            left: asked.count,
        }
    }

    fn piece(&self, choices: Value, told: Option<Value>) -> Value {
        let mut body = self.head.fields(PIECE);
        body.insert("choices".to_owned(), choices);
        if self.tell_usage {
            body.insert("usage".to_owned(), Value::Null);
        }
        if let Some(told) = told {
            body.insert("scrubjay".to_owned(), told);
        }
        Value::Object(body)
    }

    /// A piece of one answer.
    fn delta(&self, index: usize, delta: Value, told: Option<Value>) -> Value {
        let choice =
            json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": null});
        self.piece(json!([choice]), told)
    }

    fn begin(&mut self, index: usize, out: &mut Events) {
        if !std::mem::replace(&mut self.answers[index].0, true) {
            let told = (!self.memory.is_empty()).then(|| Value::Object(self.memory.clone()));
            let delta = json!({"role": "assistant", "content": "", "refusal": null});
            out.data(&self.delta(index, delta, told));
        }
    }

    fn progress(&self, progress: Value, out: &mut Events) {
        if self.tell_progress {
            out.data(&self.piece(json!([]), Some(json!({"progress": progress}))));
        }
    }

    fn text(&mut self, index: usize, text: &str, scores: &[TokenScore], out: &mut Events) {
        self.begin(index, out);
        let text = if self.tools.offered().is_empty() {
            text.to_owned()
        } else {
            self.answers[index].1.push(text)
        };
        if text.is_empty() && (!self.tell_logprobs || scores.is_empty()) {
            return;
        }
        let mut piece = self.delta(index, json!({"content": text}), None);
        if self.tell_logprobs {
            piece["choices"][0]["logprobs"] = logprobs::chat(scores);
        }
        out.data(&piece);
    }

    /// What was held back, as calls or as text; why the answer ended.
    fn rest(&mut self, index: usize, stop: Stop, out: &mut Events) -> &'static str {
        let rest = self.answers[index].1.rest();
        let written = tools::read(&rest, &self.tools);
        if !written.text.is_empty() {
            out.data(&self.delta(index, json!({"content": written.text}), None));
        }
        if written.calls.is_empty() {
            return finish_reason(stop);
        }
        let calls = written.calls.iter().enumerate().map(|(number, called)| {
            let mut call = call(called);
            call["index"] = json!(number);
            call
        });
        let calls: Value = calls.collect();
        out.data(&self.delta(index, json!({"tool_calls": calls}), None));
        CALLS
    }

    fn end(&mut self, index: usize, finished: &Finished, out: &mut Events) {
        self.begin(index, out);
        let reason = self.rest(index, finished.completion.stop, out);
        self.usage.same_prompt(&finished.completion);
        let told = answer::extension(&self.memory, finished);
        let mut last = self.delta(index, json!({}), Some(told));
        last["choices"][0]["finish_reason"] = json!(reason);
        out.data(&last);
        self.left -= 1;
        if self.left == 0 {
            if self.tell_usage {
                let mut last = self.piece(json!([]), None);
                last["usage"] = self.usage.json();
                out.data(&last);
            }
            out.done();
        }
    }
}

impl Script for Stream {
    fn write(&mut self, (index, news): Heard, out: &mut Events) {
        match news {
            News::Begun(memory) => self.memory = memory,
            News::Queued { ahead } => self.progress(json!({"queued": ahead}), out),
            News::Prefill { done, total } => {
                self.progress(json!({"read": done, "of": total}), out);
            }
            News::Text { text, scores } => self.text(index, &text, &scores, out),
            News::Done(Ok(finished)) => self.end(index, &finished, out),
            News::Done(Err(refusal)) => {
                out.data(&refusal.body());
                out.done();
                self.left = 0;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }
}
