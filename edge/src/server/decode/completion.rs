//! `POST /v1/completions`.

use serde_json::{Value, json};

use super::{Manner, Sending, Wishes};
use crate::generate::Token;
use crate::server::fields::Fields;
use crate::server::refusal::Refusal;

/// Most prompts of one request.
const MOST_PROMPTS: usize = 256;
/// Most alternatives told beside each token of a prompt.
const MOST_LOGPROBS: u64 = 20;

/// Prompts to be continued.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct CompletionRequest {
    pub(in crate::server) model: String,
    pub(in crate::server) prompts: Vec<Prompt>,
    pub(in crate::server) manner: Manner,
    /// Answers for each prompt.
    pub(in crate::server) count: usize,
    /// Whether the prompt stands before its continuation.
    pub(in crate::server) echo: bool,
    pub(in crate::server) sending: Sending,
    pub(in crate::server) wishes: Wishes,
}

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Prompt {
    /// Its text.
    Text(String),
    /// Its tokens.
    Tokens(Vec<Token>),
}

/// Reads a request's body.
pub(in crate::server) fn decode(body: &[u8]) -> Result<CompletionRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.need_text("model")?;
    let prompt = fields
        .any("prompt")
        .ok_or_else(|| fields.missing("prompt"))?;
    let echo = fields.flag("echo")?.unwrap_or(false);
    let mut manner = Manner::take(&mut fields)?;
    // A prompt may be scored without being continued.
    manner.max_tokens = super::max_tokens(&mut fields, "max_tokens", u64::from(!echo))?;
    let logprobs = fields.whole("logprobs", 0..=MOST_LOGPROBS)?;
    manner.logprobs = logprobs.map(|top| usize::try_from(top).unwrap_or(0));
    manner.constraint = super::response_format(&mut fields)?;
    let request = CompletionRequest {
        model,
        prompts: prompts(prompt)?,
        manner,
        count: super::count(&mut fields)?,
        echo,
        sending: Sending::take(&mut fields)?,
        wishes: Wishes::take(&mut fields)?,
    };
    fields.label("user");
    fields.only("best_of", &[json!(request.count)])?;
    fields.only("suffix", &[json!("")])?;
    fields.only("logit_bias", &[json!({})])?;
    fields.finish()?;
    check(&request)?;
    Ok(request)
}

fn check(request: &CompletionRequest) -> Result<(), Refusal> {
    let streams = matches!(request.sending, Sending::Stream { .. });
    if streams && request.echo && request.manner.logprobs.is_some() {
        let message = "with `echo` and `logprobs` cannot be streamed";
        return Err(Refusal::unsupported("stream", message));
    }
    if request.wishes.memory.is_some() || request.wishes.session.is_some() {
        let message = "is for conversations: a bare prompt has none";
        return Err(Refusal::unsupported("scrubjay.memory", message));
    }
    Ok(())
}

/// A text, texts, tokens, or lists of tokens.
fn prompts(value: Value) -> Result<Vec<Prompt>, Refusal> {
    let wrong = || {
        let message =
            "must be a string, a list of strings, a list of tokens or a list of such lists";
        Refusal::invalid("prompt", message)
    };
    let prompts = match value {
        Value::String(text) => vec![Prompt::Text(text)],
        Value::Array(list) if list.first().is_some_and(Value::is_number) => {
            vec![Prompt::Tokens(tokens(&list).ok_or_else(wrong)?)]
        }
        Value::Array(list) => {
            let one = |value: Value| match value {
                Value::String(text) => Some(Prompt::Text(text)),
                Value::Array(list) => tokens(&list).map(Prompt::Tokens),
                _ => None,
            };
            let prompts: Option<Vec<_>> = list.into_iter().map(one).collect();
            prompts.ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    if prompts.is_empty() || prompts.len() > MOST_PROMPTS {
        let message = format!("must hold 1 to {MOST_PROMPTS} prompts");
        return Err(Refusal::invalid("prompt", message));
    }
    Ok(prompts)
}

fn tokens(list: &[Value]) -> Option<Vec<Token>> {
    let token = |value: &Value| Token::try_from(value.as_u64()?).ok();
    list.iter().map(token).collect()
}
