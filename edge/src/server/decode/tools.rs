//! Tools: what a model may call, and what it called.

use serde_json::{Value, json};

use crate::server::fields::Fields;
use crate::server::refusal::Refusal;

/// Most tools of a request.
const MOST_TOOLS: usize = 128;

/// What a model may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::server) struct Tools {
    /// Each tool.
    pub(in crate::server) list: Vec<Tool>,
    /// Which of them it is to call.
    pub(in crate::server) choice: Choice,
    /// Whether it may call several at once.
    pub(in crate::server) parallel: bool,
}

impl Tools {
    /// Those that the model is told of.
    pub(in crate::server) fn offered(&self) -> &[Tool] {
        match self.choice {
            Choice::None => &[],
            _ => &self.list,
        }
    }
}

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct Tool {
    /// What it is called.
    pub(in crate::server) name: String,
    /// The JSON schema of its arguments.
    pub(in crate::server) parameters: Value,
    /// As the client described it, for the template.
    pub(in crate::server) described: Value,
}

/// Which tools are to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) enum Choice {
    /// Whichever the model thinks fit.
    #[default]
    Auto,
    /// None.
    None,
    /// Any, but one.
    Required,
    /// This one.
    Named(String),
}

/// The fields `tools`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn take(fields: &mut Fields) -> Result<Tools, Refusal> {
    let list = fields.objects("tools")?.unwrap_or_default();
    if list.len() > MOST_TOOLS {
        let message = format!("must hold at most {MOST_TOOLS} tools");
        return Err(Refusal::invalid("tools", message));
    }
    let list: Vec<Tool> = list.into_iter().map(tool).collect::<Result<_, _>>()?;
    let choice = choice(fields)?;
    let parallel = fields.flag("parallel_tool_calls")?;
    match &choice {
        Some(Choice::Named(name)) if !list.iter().any(|tool| tool.name == *name) => {
            Err(Refusal::invalid("tool_choice", "names none of `tools`"))
        }
        Some(Choice::Required) if list.is_empty() => {
            Err(Refusal::invalid("tool_choice", "needs `tools`"))
        }
        _ => Ok(Tools {
            list,
            choice: choice.unwrap_or_default(),
            parallel: parallel.unwrap_or(true),
        }),
    }
}

fn tool(mut fields: Fields) -> Result<Tool, Refusal> {
    let kind = fields.need_text("type")?;
    if kind != "function" {
        return Err(Refusal::unsupported(
            fields.path("type"),
            "must be `function`",
        ));
    }
    let function = fields.object("function")?;
    let mut function = function.ok_or_else(|| fields.missing("function"))?;
    fields.finish()?;
    let name = function.need_text("name")?;
    let description = function.text("description")?.unwrap_or_default();
    let parameters = match function.any("parameters") {
        None => json!({"type": "object", "properties": {}}),
        Some(schema @ Value::Object(_)) => schema,
        Some(_) => {
            return Err(Refusal::invalid(
                function.path("parameters"),
                "must be an object",
            ));
        }
    };
    function.flag("strict")?;
    function.finish()?;
    let described = json!({
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    });
    Ok(Tool {
        name,
        parameters,
        described,
    })
}

fn choice(fields: &mut Fields) -> Result<Option<Choice>, Refusal> {
    let path = fields.path("tool_choice");
    match fields.any("tool_choice") {
        None => Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(Some(Choice::None)),
            "required" => Ok(Some(Choice::Required)),
            _ => Err(Refusal::invalid(
                path,
                "must be one of auto, none, required",
            )),
        },
        Some(value) => {
            let mut fields = Fields::of(value, path)?;
            fields.word("type", &["function"])?;
            let function = fields.object("function")?;
            let mut function = function.ok_or_else(|| fields.missing("function"))?;
            let name = function.need_text("name")?;
            function.finish()?;
            fields.finish()?;
            Ok(Some(Choice::Named(name)))
        }
    }
}

/// What the assistant called, as templates expect it: the arguments as a map.
pub(super) fn calls(fields: &mut Fields) -> Result<Vec<Value>, Refusal> {
    let list = fields.objects("tool_calls")?.unwrap_or_default();
    list.into_iter().map(call).collect()
}

fn call(mut fields: Fields) -> Result<Value, Refusal> {
    let id = fields.need_text("id")?;
    fields.word("type", &["function"])?;
    let function = fields.object("function")?;
    let mut function = function.ok_or_else(|| fields.missing("function"))?;
    fields.finish()?;
    let name = function.need_text("name")?;
    let path = function.path("arguments");
    let arguments = function.need_text("arguments")?;
    function.finish()?;
    let arguments: Value = serde_json::from_str(&arguments)
        .map_err(|_| Refusal::invalid(path, "must be a string of JSON"))?;
    Ok(json!({
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }))
}
