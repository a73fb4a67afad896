//! Calls of tools in what a model writes.
//!
//! Pure. Models write calls in the form their template teaches: JSON between
//! `<tool_call>` marks (Hermes, Qwen), or bare JSON, one call or a list (Llama, Mistral).
//! What is none of these is text.
//!
//! # Invariants
//! - Only tools that were offered are called; everything else stays text.
//! - While an answer is written, nothing is shown that may turn out to be a call.

use serde_json::{Value, json};

use super::decode::tools::{Choice, Tool, Tools};
use crate::generate::Constraint;

/// What stands around a call.
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
/// What may stand before bare calls.
const LEADS: [&str; 2] = ["[TOOL_CALLS]", "<|python_tag|>"];

/// A tool called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    /// JSON, as text.
    pub(super) arguments: String,
}

/// What a model wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Written {
    /// Its words.
    pub(super) text: String,
    /// What it calls.
    pub(super) calls: Vec<Call>,
}

/// Tells calls from words.
pub(super) fn read(text: &str, tools: &Tools) -> Written {
    let mut written = match text.split_once(OPEN) {
        Some((before, marked)) => Written {
            text: before.trim_end().to_owned(),
            calls: marked_calls(marked, tools),
        },
        None => Written {
            text: String::new(),
            calls: bare_calls(text, tools),
        },
    };
    if written.calls.is_empty() {
        text.clone_into(&mut written.text);
    }
    if !tools.parallel {
        written.calls.truncate(1);
    }
    written
}

/// The calls after the first mark.
fn marked_calls(marked: &str, tools: &Tools) -> Vec<Call> {
    let blocks = marked
        .split(OPEN)
        .map(|block| block.split(CLOSE).next().unwrap_or_default());
    let calls = blocks.filter_map(|block| call(&serde_json::from_str(block.trim()).ok()?, tools));
    calls.collect()
}

/// The calls that a text is, if it is nothing else.
fn bare_calls(text: &str, tools: &Tools) -> Vec<Call> {
    let text = text.trim();
    let text = LEADS
        .iter()
        .find_map(|lead| text.strip_prefix(lead))
        .unwrap_or(text);
    let calls = match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list.iter().map(|value| call(value, tools)).collect(),
        Ok(value) => call(&value, tools).map(|call| vec![call]),
        Err(_) => None,
    };
    calls.unwrap_or_default()
}

fn call(value: &Value, tools: &Tools) -> Option<Call> {
    let name = value["name"].as_str()?;
    tools.list.iter().find(|tool| tool.name == name)?;
    let arguments = value.get("arguments").or(value.get("parameters"))?;
    let arguments = match arguments {
        // Some models write them as text already.
        Value::String(text) => text.clone(),
        Value::Object(_) => arguments.to_string(),
        _ => return None,
    };
    Some(Call {
        name: name.to_owned(),
        arguments,
    })
}

/// The form of an answer that must be a call.
pub(super) fn constraint(tools: &Tools) -> Option<Constraint> {
    let one = |tool: &Tool| {
        json!({
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": tool.parameters},
            "required": ["name", "arguments"],
            "additionalProperties": false,
        })
    };
    match &tools.choice {
        Choice::Auto | Choice::None => None,
        Choice::Required => {
            let any: Vec<Value> = tools.list.iter().map(one).collect();
            Some(Constraint::Schema(json!({"anyOf": any})))
        }
        Choice::Named(name) => {
            let tool = tools.list.iter().find(|tool| tool.name == *name)?;
            Some(Constraint::Schema(one(tool)))
        }
    }
}

/// Holds back what may be a call while an answer is written.
#[derive(Debug, Default)]
pub(super) struct Watch {
    held: String,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was shown yet.
    #[default]
    Start,
    /// Words are being shown.
    Words,
    /// The rest may be calls.
    Calls,
}

impl Watch {
    /// Takes the next piece; what may be shown now.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        if self.state == State::Start {
            let begun = self.held.trim_start();
            self.state = match begun.chars().next() {
                None => State::Start,
                Some('{' | '[') => State::Calls,
                Some('<') if LEADS.iter().any(|lead| overlap(begun, lead)) => State::Calls,
                Some(_) => State::Words,
            };
        }
        if self.state != State::Words {
            return String::new();
        }
        let at = match self.held.find(OPEN) {
            Some(at) => {
                self.state = State::Calls;
                at
            }
            None => self.held.len() - beginning_at_end(&self.held),
        };
        let rest = self.held.split_off(at);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Whether one text begins with the other.
fn overlap(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Bytes at the end of a text that may be the beginning of a mark.
fn beginning_at_end(text: &str) -> usize {
    let ends = (1..OPEN.len()).rev();
    ends.into_iter()
        .find(|length| text.ends_with(&OPEN[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Tools {
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            parameters: json!({"type": "object"}),
            described: Value::Null,
        };
        Tools {
            list: vec![tool("weather"), tool("clock")],
            choice: Choice::Auto,
            parallel: true,
        }
    }

    fn names(text: &str) -> Vec<String> {
        read(text, &tools())
            .calls
            .into_iter()
            .map(|call| call.name)
            .collect()
    }

    #[test]
    fn calls_are_read_in_every_form() {
        let marked = "Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>\
            <tool_call>{\"name\": \"clock\", \"arguments\": {}}</tool_call>";
        let written = read(marked, &tools());
        assert_eq!(written.text, "Let me see.");
        assert_eq!(written.calls[0].arguments, r#"{"city":"Oslo"}"#);
        assert_eq!(names(marked), ["weather", "clock"]);
        assert_eq!(names(r#"{"name": "clock", "parameters": {}}"#), ["clock"]);
        assert_eq!(
            names(r#"[TOOL_CALLS][{"name": "clock", "arguments": {}}]"#),
            ["clock"]
        );
        assert_eq!(
            names(r#"<|python_tag|>{"name": "clock", "parameters": {}}"#),
            ["clock"]
        );
    }

    #[test]
    fn what_is_no_call_stays_text() {
        for text in [
            "It is noon.",
            r#"{"name": "unknown", "arguments": {}}"#,
            r#"{"name": "clock"}"#,
            r#"{"city": "Oslo"}"#,
            "<tool_call>nonsense</tool_call>",
            "[1, 2]",
            "",
        ] {
            let written = read(text, &tools());
            assert_eq!((written.text.as_str(), written.calls.len()), (text, 0));
        }
    }

    #[test]
    fn one_call_at_most_where_several_are_not_wanted() {
        let one = Tools {
            parallel: false,
            ..tools()
        };
        let text = r#"[{"name": "clock", "arguments": {}}, {"name": "clock", "arguments": {}}]"#;
        assert_eq!(read(text, &one).calls.len(), 1);
    }

    /// Shown and held back together are what was written.
    #[test]
    fn nothing_that_may_be_a_call_is_shown() {
        for (pieces, shown) in [
            (vec!["It is", " noon."], "It is noon."),
            (vec!["Let me see. <too", "l_call>{}"], "Let me see. "),
            (vec!["a < b, <b>"], "a < b, <b>"),
            (vec![" ", "{\"na", "me\""], ""),
            (vec!["[TOOL"], ""),
            (vec!["<|pyth", "on_tag|>"], ""),
            (vec!["<b>bold"], "<b>bold"),
        ] {
            let mut watch = Watch::default();
            let told: String = pieces.iter().map(|piece| watch.push(piece)).collect();
            assert_eq!(told, shown, "{pieces:?}");
            assert_eq!(told + &watch.rest(), pieces.concat());
        }
    }

    #[test]
    fn a_call_that_must_come_is_a_form() {
        let chosen = |choice| constraint(&Tools { choice, ..tools() });
        assert_eq!(chosen(Choice::Auto), None);
        let Some(Constraint::Schema(schema)) = chosen(Choice::Named("clock".to_owned())) else {
            panic!("no schema");
        };
        assert_eq!(schema["properties"]["name"]["const"], "clock");
        let Some(Constraint::Schema(schema)) = chosen(Choice::Required) else {
            panic!("no schema");
        };
        assert_eq!(schema["anyOf"].as_array().unwrap().len(), 2);
    }
}
