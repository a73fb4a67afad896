//! `POST /v1/chat/completions`.

use serde_json::{Value, json};
use shared::template::Entry;

use super::tools::{self, Tools};
use super::{Manner, Sending, Wishes};
use crate::server::fields::Fields;
use crate::server::refusal::Refusal;

/// Most messages of a conversation.
const MOST_MESSAGES: usize = 4_096;

/// A conversation to be continued.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct ChatRequest {
    pub(in crate::server) model: String,
    pub(in crate::server) messages: Vec<Entry>,
    pub(in crate::server) tools: Tools,
    pub(in crate::server) manner: Manner,
    pub(in crate::server) count: usize,
    pub(in crate::server) sending: Sending,
    pub(in crate::server) wishes: Wishes,
}

/// Reads a request's body.
pub(in crate::server) fn decode(body: &[u8]) -> Result<ChatRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.need_text("model")?;
    let messages = messages(&mut fields)?;
    let mut manner = Manner::take(&mut fields)?;
    manner.max_tokens = max_tokens(&mut fields)?;
    manner.logprobs = logprobs(&mut fields)?;
    manner.constraint = super::response_format(&mut fields)?;
    let request = ChatRequest {
        model,
        messages,
        tools: tools::take(&mut fields)?,
        manner,
        count: super::count(&mut fields)?,
        sending: Sending::take(&mut fields)?,
        wishes: Wishes::take(&mut fields)?,
    };
    defaults_only(&mut fields)?;
    fields.finish()?;
    Ok(request)
}

/// Parameters that only label a request, and those that have one value here.
fn defaults_only(fields: &mut Fields) -> Result<(), Refusal> {
    for name in ["user", "safety_identifier", "prompt_cache_key", "metadata"] {
        fields.label(name);
    }
    fields.only("logit_bias", &[json!({})])?;
    fields.only("store", &[json!(false)])?;
    fields.only("service_tier", &[json!("auto"), json!("default")])?;
    fields.only("modalities", &[json!(["text"])])?;
    fields.only("reasoning_effort", &[json!("none")])?;
    fields.only("verbosity", &[json!("medium")])?;
    for name in [
        "audio",
        "functions",
        "function_call",
        "prediction",
        "web_search_options",
    ] {
        fields.only(name, &[])?;
    }
    Ok(())
}

fn max_tokens(fields: &mut Fields) -> Result<Option<usize>, Refusal> {
    let old = super::max_tokens(fields, "max_tokens", 1)?;
    let new = super::max_tokens(fields, "max_completion_tokens", 1)?;
    match (old, new) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "max_tokens",
            "and `max_completion_tokens` say the same: give one",
        )),
        (old, new) => Ok(new.or(old)),
    }
}

fn logprobs(fields: &mut Fields) -> Result<Option<usize>, Refusal> {
    let wanted = fields.flag("logprobs")?.unwrap_or(false);
    let top = fields.whole("top_logprobs", 0..=super::MOST_ALTERNATIVES)?;
    match (wanted, top) {
        (false, Some(top)) if top > 0 => Err(Refusal::invalid("top_logprobs", "needs `logprobs`")),
        (false, _) => Ok(None),
        (true, top) => Ok(Some(usize::try_from(top.unwrap_or(0)).unwrap_or(0))),
    }
}

fn messages(fields: &mut Fields) -> Result<Vec<Entry>, Refusal> {
    let list = fields.objects("messages")?;
    let list = list.ok_or_else(|| fields.missing("messages"))?;
    if list.is_empty() || list.len() > MOST_MESSAGES {
        let message = format!("must hold 1 to {MOST_MESSAGES} messages");
        return Err(Refusal::invalid("messages", message));
    }
    let messages: Vec<Entry> = list.into_iter().map(message).collect::<Result<_, _>>()?;
    match messages.last() {
        Some(last) if last.role == "assistant" => Err(Refusal::unsupported(
            "messages",
            "must not end with the assistant's own words",
        )),
        _ => Ok(messages),
    }
}

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];

fn message(mut fields: Fields) -> Result<Entry, Refusal> {
    let role = fields.word("role", &ROLES)?;
    let role = match ROLES[role.ok_or_else(|| fields.missing("role"))?] {
        "developer" => "system",
        role => role,
    };
    let mut entry = Entry {
        role: role.to_owned(),
        name: fields.text("name")?,
        ..Entry::default()
    };
    let content = content(&mut fields)?;
    if role == "assistant" {
        entry.tool_calls = tools::calls(&mut fields)?;
        fields.only("refusal", &[])?;
        fields.only("audio", &[])?;
        fields.only("function_call", &[])?;
        fields.only("annotations", &[json!([])])?;
    }
    if role == "tool" {
        entry.tool_call_id = Some(fields.need_text("tool_call_id")?);
    }
    entry.content = match content {
        Some(content) => content,
        None if !entry.tool_calls.is_empty() => String::new(),
        None => return Err(fields.missing("content")),
    };
    fields.finish()?;
    Ok(entry)
}

/// A text, or the texts of its parts, a line each.
fn content(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    let path = fields.path("content");
    let parts = match fields.any("content") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text)),
        Some(Value::Array(parts)) => parts,
        Some(_) => {
            return Err(Refusal::invalid(
                path,
                "must be a string or a list of parts",
            ));
        }
    };
    let mut texts = Vec::with_capacity(parts.len());
    for (n, part) in parts.into_iter().enumerate() {
        let mut part = Fields::of(part, format!("{path}[{n}]"))?;
        let kind = part.need_text("type")?;
        if kind != "text" {
            let message = "must be `text`: pictures, sound and files are not read here";
            return Err(Refusal::unsupported(part.path("type"), message));
        }
        texts.push(part.need_text("text")?);
        part.finish()?;
    }
    Ok(Some(texts.join("\n")))
}
