//! A model's own chat template: messages in, the prompt's text out.
//!
//! Templates are Jinja programs that come with model files, so they are not trusted:
//! they can name no file, and run out of fuel after [`FUEL`] steps. They see what
//! Hugging Face's `apply_chat_template` shows them, with its white-space rules:
//! `messages`, `add_generation_prompt`, `bos_token`, `eos_token`, `tools`,
//! `documents` (none), `raise_exception`, `strftime_now`, `tojson`, loop controls, and
//! Python's methods of strings, lists and maps. `enable_thinking` is false: an answer
//! is asked for, not a soliloquy.
//!
//! # Invariants
//! - The same template, messages and date give the same text.
//! - Standing instructions are never lost: where a template has no lasting place for
//!   them (it refuses them, drops them, or moves them along with the conversation), they
//!   lead the first user message.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, Value, context};

use serde::Serialize;

use crate::chat::{Message, Role};

/// Steps a template may take: about a hundred times what a long conversation needs.
const FUEL: u64 = 5_000_000;

/// The longest template that is read.
const MOST_SOURCE_BYTES: usize = 1 << 20;

const NAME: &str = "chat";

/// The model's special tokens that templates name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Special {
    /// Begins a document; empty if there is none.
    pub bos: String,
    /// Ends an answer; empty if there is none.
    pub eos: String,
}

/// Whether the prompt ends where an answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddGenerationPrompt {
    /// The model is to speak next.
    Yes,
    /// The text of the messages alone.
    No,
}

/// One message as a template sees it: a conversation with tools has more than words.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// Who speaks: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
    /// Who of several speaks, or the tool that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the assistant calls, as templates expect it; arguments are maps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<serde_json::Value>,
    /// The call that a tool answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl From<&Message> for Entry {
    fn from(message: &Message) -> Self {
        Self {
            role: message.role.name().to_owned(),
            content: message.content.clone(),
            ..Self::default()
        }
    }
}

/// A chat template, compiled.
///
/// ```
/// use shared::chat::{Message, Role};
/// use shared::template::{AddGenerationPrompt, Special, Template};
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
/// let template = Template::new(source, Special::default())?;
/// let text = template.render(&[Message::new(Role::User, "Hi")], AddGenerationPrompt::No)?;
/// assert_eq!(text, "<user>Hi");
/// # Ok::<(), shared::template::TemplateError>(())
/// ```
pub struct Template {
    environment: Environment<'static>,
    special: Special,
    instructions: Instructions,
}

/// Where the standing instructions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    /// Into a message of their own: the template keeps them at the beginning.
    Own,
    /// To the head of the first user message.
    Folded,
}

impl Template {
    /// Compiles a template. `strftime_now` is not defined until [`Self::dated`] is called.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] if it is not Jinja, [`TemplateError::Size`] if it is
    /// longer than a template ever is.
    pub fn new(source: &str, special: Special) -> Result<Self, TemplateError> {
        if source.len() > MOST_SOURCE_BYTES {
            return Err(TemplateError::Size {
                bytes: source.len(),
                most: MOST_SOURCE_BYTES,
            });
        }
        let syntax = |source| TemplateError::Syntax { source };
        let mut environment = Environment::new();
        let rules = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(syntax)?;
        environment.set_syntax(rules);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise_exception);
        environment.add_filter("tojson", to_json);
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(syntax)?;
        let mut template = Self {
            environment,
            special,
            instructions: Instructions::Own,
        };
        template.instructions = template.place_for_instructions();
        Ok(template)
    }

    /// The same template, told the date.
    ///
    /// A conversation keeps one date: another in the middle would change its beginning.
    #[must_use]
    pub fn dated(mut self, today: jiff::civil::Date) -> Self {
        let now = move |format: String| {
            let told = jiff::fmt::strtime::format(&format, today);
            told.map_err(|cause| {
                Error::new(ErrorKind::InvalidOperation, "no such date format").with_source(cause)
            })
        };
        self.environment.add_function("strftime_now", now);
        self
    }

    /// Renders messages.
    ///
    /// # Errors
    /// [`TemplateError::Refused`] if the template raises on these messages,
    /// [`TemplateError::Render`] if it fails.
    pub fn render(
        &self,
        messages: &[Message],
        add: AddGenerationPrompt,
    ) -> Result<String, TemplateError> {
        let entries: Vec<Entry> = messages.iter().map(Entry::from).collect();
        self.render_with_tools(&entries, &[], add)
    }

    /// Renders messages for a model that may call `tools`, each as JSON describes it.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_with_tools(
        &self,
        entries: &[Entry],
        tools: &[serde_json::Value],
        add: AddGenerationPrompt,
    ) -> Result<String, TemplateError> {
        match (self.instructions, split_system(entries)) {
            (Instructions::Folded, Some((system, rest))) => {
                self.run(&folded(system, rest), tools, add)
            }
            _ => self.run(entries, tools, add),
        }
    }

    /// Whether the template says anything about tools.
    pub fn knows_tools(&self) -> bool {
        let template = self.environment.get_template(NAME);
        template.is_ok_and(|template| template.undeclared_variables(false).contains("tools"))
    }

    /// Whether the beginning of a longer conversation is that of a shorter one, with the
    /// standing instructions in it.
    fn place_for_instructions(&self) -> Instructions {
        let roles = [Role::System, Role::User, Role::Assistant, Role::User];
        let probe = (0..).zip(roles);
        let probe: Vec<_> = probe
            .map(|(at, role)| Entry::from(&Message::new(role, format!("probe {at}"))))
            .collect();
        let render = |count| self.run(&probe[..count], &[], AddGenerationPrompt::No);
        let (Ok(short), Ok(long)) = (render(2), render(4)) else {
            return Instructions::Folded;
        };
        let pairs = short.char_indices().zip(long.chars());
        let same = pairs.take_while(|((_, a), b)| a == b).last();
        let same = same.map_or("", |((at, last), _)| &short[..at + last.len_utf8()]);
        if same.contains(&probe[0].content) && same.contains(&probe[1].content) {
            Instructions::Own
        } else {
            Instructions::Folded
        }
    }

    fn run(
        &self,
        entries: &[Entry],
        tools: &[serde_json::Value],
        add: AddGenerationPrompt,
    ) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME).map_err(failure)?;
        let tools = if tools.is_empty() {
            Value::from(())
        } else {
            Value::from(Serde(tools))
        };
        let variables = context! {
            messages => Value::from(Serde(entries)),
            add_generation_prompt => add == AddGenerationPrompt::Yes,
            bos_token => self.special.bos.as_str(),
            eos_token => self.special.eos.as_str(),
            tools,
            documents => Value::from(()),
            enable_thinking => false,
        };
        template.render(variables).map_err(failure)
    }
}

/// The system message and what follows, where a user message follows.
fn split_system(entries: &[Entry]) -> Option<(&str, &[Entry])> {
    let (first, rest) = entries.split_first()?;
    let is = |entry: &Entry, role: Role| entry.role == role.name();
    let followed = rest.first().is_some_and(|next| is(next, Role::User));
    (is(first, Role::System) && followed).then_some((&first.content, rest))
}

/// The messages with the standing instructions at the head of the first.
fn folded(system: &str, rest: &[Entry]) -> Vec<Entry> {
    let mut entries = rest.to_vec();
    if let Some(first) = entries.first_mut() {
        first.content = format!("{}\n\n{}", system.trim(), first.content);
    }
    entries
}

/// What a template said when it raised.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(Arc<str>);

fn raise_exception(message: String) -> Result<Value, Error> {
    let raised = Raised(message.into());
    Err(Error::new(ErrorKind::InvalidOperation, "the template raised").with_source(raised))
}

fn failure(error: Error) -> TemplateError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(Raised(message)) = at.downcast_ref::<Raised>() {
            return TemplateError::Refused {
                message: message.to_string(),
            };
        }
        cause = at.source();
    }
    TemplateError::Render { source: error }
}

/// JSON as Python writes it: nothing is escaped for HTML.
fn to_json(value: &Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    let text = minijinja::filters::tojson(value, indent, options)?;
    let text = text.as_str().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let (taken, shown) = match escape.get(..6) {
            Some("\\u003c") => (6, "<"),
            Some("\\u003e") => (6, ">"),
            Some("\\u0026") => (6, "&"),
            Some("\\u0027") => (6, "'"),
            // Two bytes at once, so that the second backslash of a pair begins nothing.
            _ => (2.min(escape.len()), &escape[..2.min(escape.len())]),
        };
        out.push_str(shown);
        rest = &escape[taken..];
    }
    out.push_str(rest);
    Ok(Value::from(out))
}

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It is longer than a template ever is.
    #[error("the chat template has {bytes} bytes, at most {most} are read")]
    Size {
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// It is not Jinja.
    #[error("the chat template cannot be read")]
    Syntax {
        /// Where and why.
        source: Error,
    },
    /// The template raises on these messages.
    #[error("the chat template refuses these messages: {message}")]
    Refused {
        /// What it says.
        message: String,
    },
    /// The template fails on these messages.
    #[error("the chat template failed")]
    Render {
        /// Where and why.
        source: Error,
    },
}

#[cfg(test)]
mod tests;
