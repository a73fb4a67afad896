//! `POST /v1/responses`, as far as it is text.

use serde_json::{Value, json};
use shared::template::Entry;

use super::{Manner, Wishes};
use crate::generate::Constraint;
use crate::server::fields::Fields;
use crate::server::refusal::Refusal;

/// Most items of a conversation.
const MOST_ITEMS: usize = 4_096;

/// A conversation to be continued.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct ResponseRequest {
    pub(in crate::server) model: String,
    /// What leads the conversation; told in the answer.
    pub(in crate::server) instructions: Option<String>,
    /// The conversation, its instructions first.
    pub(in crate::server) messages: Vec<Entry>,
    pub(in crate::server) manner: Manner,
    pub(in crate::server) stream: bool,
    pub(in crate::server) metadata: Value,
    pub(in crate::server) wishes: Wishes,
}

/// Reads a request's body.
pub(in crate::server) fn decode(body: &[u8]) -> Result<ResponseRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.need_text("model")?;
    let input = fields.any("input").ok_or_else(|| fields.missing("input"))?;
    let instructions = fields.text("instructions")?;
    let mut manner = Manner::take(&mut fields)?;
    manner.max_tokens = super::max_tokens(&mut fields, "max_output_tokens", 1)?;
    manner.constraint = format(&mut fields)?;
    let stream = fields.flag("stream")?.unwrap_or(false);
    let metadata = fields.any("metadata").unwrap_or_else(|| json!({}));
    let wishes = Wishes::take(&mut fields)?;
    defaults_only(&mut fields)?;
    fields.finish()?;
    let lead = instructions.iter().map(|text| Entry {
        role: "system".to_owned(),
        content: text.clone(),
        ..Entry::default()
    });
    let messages = lead.chain(messages(input)?).collect();
    Ok(ResponseRequest {
        model,
        instructions,
        messages,
        manner,
        stream,
        metadata,
        wishes,
    })
}

/// Parameters that only label a request, and those that have one value here.
fn defaults_only(fields: &mut Fields) -> Result<(), Refusal> {
    for name in ["user", "safety_identifier", "prompt_cache_key"] {
        fields.label(name);
    }
    fields.only("store", &[json!(false)])?;
    fields.only("background", &[json!(false)])?;
    fields.only("tools", &[json!([])])?;
    fields.only("tool_choice", &[json!("auto"), json!("none")])?;
    fields.only("parallel_tool_calls", &[json!(true), json!(false)])?;
    fields.only("include", &[json!([])])?;
    fields.only("truncation", &[json!("disabled")])?;
    fields.only("service_tier", &[json!("auto"), json!("default")])?;
    fields.only("top_logprobs", &[json!(0)])?;
    for name in [
        "previous_response_id",
        "conversation",
        "prompt",
        "reasoning",
        "max_tool_calls",
    ] {
        fields.only(name, &[])?;
    }
    Ok(())
}

fn format(fields: &mut Fields) -> Result<Option<Constraint>, Refusal> {
    let Some(mut text) = fields.object("text")? else {
        return Ok(None);
    };
    text.only("verbosity", &[json!("medium")])?;
    let format = text.object("format")?;
    text.finish()?;
    let Some(mut format) = format else {
        return Ok(None);
    };
    let kind = format.word("type", &["text", "json_object", "json_schema"])?;
    let constraint = match kind.ok_or_else(|| format.missing("type"))? {
        0 => None,
        1 => Some(Constraint::Json),
        _ => Some(super::schema_of(&mut format)?),
    };
    format.finish()?;
    Ok(constraint)
}

fn messages(input: Value) -> Result<Vec<Entry>, Refusal> {
    let list = match input {
        Value::String(content) => {
            return Ok(vec![Entry {
                role: "user".to_owned(),
                content,
                ..Entry::default()
            }]);
        }
        Value::Array(list) => list,
        _ => {
            return Err(Refusal::invalid(
                "input",
                "must be a string or a list of messages",
            ));
        }
    };
    if list.is_empty() || list.len() > MOST_ITEMS {
        let message = format!("must hold 1 to {MOST_ITEMS} messages");
        return Err(Refusal::invalid("input", message));
    }
    let items = list.into_iter().enumerate();
    let items: Vec<Entry> = items
        .map(|(n, item)| message(Fields::of(item, format!("input[{n}]"))?))
        .collect::<Result<_, _>>()?;
    match items.last() {
        Some(last) if last.role == "assistant" => Err(Refusal::unsupported(
            "input",
            "must not end with the assistant's own words",
        )),
        _ => Ok(items),
    }
}

const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

fn message(mut fields: Fields) -> Result<Entry, Refusal> {
    if fields.text("type")?.is_some_and(|kind| kind != "message") {
        return Err(Refusal::unsupported(
            fields.path("type"),
            "must be `message`",
        ));
    }
    fields.label("id");
    fields.label("status");
    let role = fields.word("role", &ROLES)?;
    let role = match ROLES[role.ok_or_else(|| fields.missing("role"))?] {
        "developer" => "system",
        role => role,
    };
    let path = fields.path("content");
    let content = match fields.any("content") {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts_text(parts, &path)?,
        Some(_) => {
            return Err(Refusal::invalid(
                path,
                "must be a string or a list of parts",
            ));
        }
        None => return Err(fields.missing("content")),
    };
    fields.finish()?;
    Ok(Entry {
        role: role.to_owned(),
        content,
        ..Entry::default()
    })
}

fn parts_text(parts: Vec<Value>, path: &str) -> Result<String, Refusal> {
    let mut texts = Vec::with_capacity(parts.len());
    for (n, part) in parts.into_iter().enumerate() {
        let mut part = Fields::of(part, format!("{path}[{n}]"))?;
        let kind = part.need_text("type")?;
        if kind != "input_text" && kind != "output_text" {
            let message = "must be `input_text` or `output_text`";
            return Err(Refusal::unsupported(part.path("type"), message));
        }
        texts.push(part.need_text("text")?);
        part.only("annotations", &[json!([])])?;
        part.only("logprobs", &[json!([])])?;
        part.finish()?;
    }
    Ok(texts.join("\n"))
}
