//! The tools: their names, their schemas, and how a call reaches the desk.

use rmcp::model::{CallToolResult, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::desk::{Access, Desk};
use super::problem::Problem;
use super::schema::{Forget, Forgotten, History, Lately, Recall, Recalled, Remember, Remembered};

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Remember,
    Recall,
    Forget,
    History,
}

impl Name {
    /// Every tool, in the order they are listed.
    pub(super) const ALL: [Self; 4] = [Self::Remember, Self::Recall, Self::Forget, Self::History];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Remember => "remember",
            Self::Recall => "recall",
            Self::Forget => "forget",
            Self::History => "history",
        }
    }

    /// Whether it is offered: only where writing is allowed, or if it does not write.
    pub(super) fn is_in(self, access: Access) -> bool {
        access == Access::Write || matches!(self, Self::Recall | Self::History)
    }

    /// What clients are told of it.
    pub(super) fn tool(self) -> Tool {
        match self {
            Self::Remember => described::<Remember, Remembered>(
                self,
                "Remember something",
                "Keeps one fact for the device's owner. Write it as they would say it, in the \
                 first person and in a full sentence: \"My sister Maya lives in Lisbon\", \"I \
                 prefer tabs to spaces\". A newer fact replaces the older one it contradicts. \
                 Tokens and keys are taken out before anything is kept.",
                ToolAnnotations::new().read_only(false).destructive(false),
            ),
            Self::Recall => described::<Recall, Recalled>(
                self,
                "Recall what fits a question",
                "Searches what the device's owner has told, best first. Ask with the words and \
                 names that matter (\"Where does my sister live?\"). Low confidence means that \
                 nothing fits: then say that it is not known.",
                ToolAnnotations::new().read_only(true),
            ),
            Self::Forget => described::<Forget, Forgotten>(
                self,
                "Forget for good",
                "Removes a memory or a turn with the words it came from, and answers with a \
                 receipt. It cannot be undone: call it only when the owner asks for it.",
                ToolAnnotations::new().read_only(false).destructive(true),
            ),
            Self::History => described::<History, Lately>(
                self,
                "What was told, and when",
                "Without an id: what was told lately, newest first. With one: how that memory \
                 came about, oldest first: the words it was taken from, what it replaced and \
                 what replaced it.",
                ToolAnnotations::new().read_only(true),
            ),
        }
    }

    /// Answers a call of it.
    pub(super) fn call(
        self,
        desk: &Desk,
        author: &str,
        arguments: Value,
    ) -> Result<CallToolResult, Problem> {
        match self {
            Self::Remember => answer(desk.remember(&read(arguments)?, author)?),
            Self::Recall => answer(desk.recall(&read(arguments)?)?),
            Self::Forget => answer(desk.forget(&read(arguments)?)?),
            Self::History => answer(desk.history(&read(arguments)?)?),
        }
    }
}

fn described<Arguments: JsonSchema + 'static, Answer: JsonSchema + 'static>(
    name: Name,
    title: &'static str,
    description: &'static str,
    hints: ToolAnnotations,
) -> Tool {
    Tool::new(name.name(), description, rmcp::model::JsonObject::new())
        .with_title(title)
        .with_input_schema::<Arguments>()
        .with_output_schema::<Answer>()
        .with_annotations(hints.open_world(false))
}

fn read<Arguments: DeserializeOwned>(arguments: Value) -> Result<Arguments, Problem> {
    serde_json::from_value(arguments).map_err(|source| Problem::Arguments { source })
}

fn answer(answer: impl Serialize) -> Result<CallToolResult, Problem> {
    let value = serde_json::to_value(answer).map_err(|source| Problem::Answer { source })?;
    Ok(CallToolResult::structured(value))
}
