//! Messages to a prompt, by the model's own template.
//!
//! The template's text is cut into tokens with control tokens read, a person's words are
//! not: where the name of a control token stands in a message, a mark takes its place
//! until the template is filled in, and then its words are cut apart from the rest.
//!
//! # Invariants
//! - A prompt begins with the model's beginning token exactly once, if it wants one.
//! - No message holds a control token, whatever its words are.

use regex::Regex;
use serde_json::Value;
use shared::chat::Message;
use shared::template::{AddGenerationPrompt, Entry, Special, Template, TemplateError};

use crate::generate::{GenerateError, LanguageModel, ModelCard, Token};

/// Around the number of a name that was taken out of a message. Private characters; a
/// message's own are taken out as well.
const MARK: (char, char) = ('\u{e000}', '\u{e001}');

/// Writes prompts for one model.
pub struct Renderer {
    template: Template,
    /// What may not stand in a message as it is.
    names: Regex,
    /// What every prompt must begin with; empty if nothing.
    beginning: String,
}

impl Renderer {
    /// A renderer for a model; `today` is the date that templates may show, their own if
    /// there is none.
    ///
    /// # Errors
    /// [`RenderError::NoTemplate`] if the model has no chat template,
    /// [`RenderError::Template`] if it cannot be read.
    pub fn new(card: &ModelCard, today: Option<jiff::civil::Date>) -> Result<Self, RenderError> {
        let source = card.chat_template.as_deref();
        let source = source.ok_or_else(|| RenderError::NoTemplate {
            model: card.name.clone(),
        })?;
        let special = Special {
            bos: card.bos.clone(),
            eos: card.eos.clone(),
        };
        let template = Template::new(source, special)?;
        Ok(Self {
            names: names(&card.control)?,
            template: match today {
                Some(today) => template.dated(today),
                None => template,
            },
            beginning: if card.adds_bos {
                card.bos.clone()
            } else {
                String::new()
            },
        })
    }

    /// The prompt after which the model answers, as tokens.
    ///
    /// # Errors
    /// [`RenderError::Template`] if the template fails on these messages,
    /// [`RenderError::Tokenize`] if the model has no tokens for the text.
    pub fn tokens(
        &self,
        messages: &[Message],
        model: &dyn LanguageModel,
    ) -> Result<Vec<Token>, RenderError> {
        let entries: Vec<Entry> = messages.iter().map(Entry::from).collect();
        self.tokens_with_tools(&entries, &[], model)
    }

    /// The prompt of a conversation in which `tools` may be called, as tokens.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub fn tokens_with_tools(
        &self,
        entries: &[Entry],
        tools: &[Value],
        model: &dyn LanguageModel,
    ) -> Result<Vec<Token>, RenderError> {
        let mut taken = Vec::new();
        let marked: Vec<Entry> = entries
            .iter()
            .map(|entry| self.marked(entry, &mut taken))
            .collect();
        let tools = tools.iter().map(|tool| self.mark_value(tool, &mut taken));
        let text = self.render(&marked, &tools.collect::<Vec<_>>())?;
        let mut tokens = Vec::new();
        for piece in pieces(&text, &taken) {
            tokens.extend(match piece {
                Piece::Template(text) => model.tokenize(text)?,
                Piece::Words(text) => model.tokenize_words(text)?,
            });
        }
        Ok(tokens)
    }

    /// Whether the model's template says anything about tools.
    pub fn knows_tools(&self) -> bool {
        self.template.knows_tools()
    }

    /// The text after which the model answers.
    fn render(&self, entries: &[Entry], tools: &[Value]) -> Result<String, RenderError> {
        let add = AddGenerationPrompt::Yes;
        let text = self.template.render_with_tools(entries, tools, add)?;
        if text.starts_with(&self.beginning) {
            return Ok(text);
        }
        Ok(format!("{}{text}", self.beginning))
    }

    /// The message with marks in it.
    fn marked(&self, entry: &Entry, taken: &mut Vec<String>) -> Entry {
        let mut mark = |text: &String| self.mark(text, taken);
        let content = mark(&entry.content);
        let name = entry.name.as_ref().map(&mut mark);
        let tool_call_id = entry.tool_call_id.as_ref().map(&mut mark);
        let calls = entry.tool_calls.iter();
        Entry {
            role: entry.role.clone(),
            content,
            name,
            tool_calls: calls.map(|call| self.mark_value(call, taken)).collect(),
            tool_call_id,
        }
    }

    /// The value with marks in all its texts.
    fn mark_value(&self, value: &Value, taken: &mut Vec<String>) -> Value {
        match value {
            Value::String(text) => Value::String(self.mark(text, taken)),
            Value::Array(list) => {
                let list = list.iter().map(|value| self.mark_value(value, taken));
                Value::Array(list.collect())
            }
            Value::Object(map) => {
                let map = map.iter();
                let map = map.map(|(key, value)| {
                    let key = self.mark(key, taken);
                    (key, self.mark_value(value, taken))
                });
                Value::Object(map.collect())
            }
            other => other.clone(),
        }
    }

    /// The content with a mark in the place of each name; the names join `taken`.
    fn mark(&self, content: &str, taken: &mut Vec<String>) -> String {
        let marked = self
            .names
            .replace_all(content, |found: &regex::Captures<'_>| {
                taken.push(found[0].to_owned());
                format!("{}{}{}", MARK.0, taken.len() - 1, MARK.1)
            });
        marked.into_owned()
    }
}

/// Finds the names of control tokens, the longest that fits, and what looks like a mark.
fn names(control: &[String]) -> Result<Regex, RenderError> {
    let mut names: Vec<String> = control.iter().map(|name| regex::escape(name)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.extend([MARK.0.to_string(), MARK.1.to_string()]);
    Regex::new(&names.join("|")).map_err(|source| RenderError::Control { source })
}

/// Part of a prompt's text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Control tokens in it are meant.
    Template(&'a str),
    /// They are not.
    Words(&'a str),
}

/// The text cut at its marks, which become the names again.
fn pieces<'a>(text: &'a str, taken: &'a [String]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_mark(rest, taken) {
        pieces.extend((!before.is_empty()).then_some(Piece::Template(before)));
        pieces.push(Piece::Words(name));
        rest = after;
    }
    pieces.extend((!rest.is_empty()).then_some(Piece::Template(rest)));
    pieces
}

fn next_mark<'a>(text: &'a str, taken: &'a [String]) -> Option<(&'a str, &'a str, &'a str)> {
    text.match_indices(MARK.0).find_map(|(at, _)| {
        let (number, after) = text[at + MARK.0.len_utf8()..].split_once(MARK.1)?;
        let name = taken.get(number.parse::<usize>().ok()?)?;
        Some((&text[..at], name.as_str(), after))
    })
}

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The model is not made for conversations.
    #[error("model {model} has no chat template")]
    NoTemplate {
        /// The model.
        model: String,
    },
    /// The template cannot be used.
    #[error("cannot write the prompt")]
    Template {
        /// Why.
        #[from]
        source: TemplateError,
    },
    /// The model's control tokens cannot be told from words.
    #[error("cannot tell the model's control tokens from words")]
    Control {
        /// Why.
        source: regex::Error,
    },
    /// The model cannot read the text.
    #[error("cannot cut the prompt into tokens")]
    Tokenize {
        /// Why.
        #[from]
        source: GenerateError,
    },
}

#[cfg(test)]
mod tests {
    use shared::chat::Role;

    use super::*;

    fn rendered(template: &str, adds_bos: bool) -> String {
        let card = ModelCard {
            chat_template: Some(template.to_owned()),
            bos: "<s>".to_owned(),
            adds_bos,
            ..ModelCard::default()
        };
        let renderer = Renderer::new(&card, None).unwrap();
        let entry = Entry::from(&Message::new(Role::User, "Hi"));
        renderer.render(&[entry], &[]).unwrap()
    }

    #[test]
    fn a_prompt_begins_with_the_beginning_token_exactly_once() {
        assert_eq!(rendered("{{ messages[0].content }}", true), "<s>Hi");
        assert_eq!(
            rendered("{{ bos_token + messages[0].content }}", true),
            "<s>Hi"
        );
        assert_eq!(rendered("{{ messages[0].content }}", false), "Hi");
    }

    #[test]
    fn names_of_control_tokens_in_a_message_are_cut_apart_as_words() {
        let card = ModelCard {
            chat_template: Some("<|end|>{{ messages[0].content | trim }}<|end|>".to_owned()),
            control: vec!["<|end|>".to_owned(), "<|end|>>".to_owned()],
            ..ModelCard::default()
        };
        let renderer = Renderer::new(&card, None).unwrap();
        let words = " a<|end|>>b\u{e000}0\u{e001}<|end|> ";
        let mut taken = Vec::new();
        let marked = renderer.mark(words, &mut taken);
        assert_eq!(taken, ["<|end|>>", "\u{e000}", "\u{e001}", "<|end|>"]);
        let text = renderer.render(&[Entry::from(&Message::new(Role::User, &marked))], &[]);
        use Piece::{Template, Words};
        assert_eq!(
            pieces(&text.unwrap(), &taken),
            [
                Template("<|end|>a"),
                Words("<|end|>>"),
                Template("b"),
                Words("\u{e000}"),
                Template("0"),
                Words("\u{e001}"),
                Words("<|end|>"),
                Template("<|end|>"),
            ]
        );
    }

    #[test]
    fn a_template_may_use_the_marks_itself() {
        let (text, taken) = (
            "\u{e000}x \u{e000}7\u{e001} \u{e000}0\u{e001}",
            ["<|a|>".to_owned()],
        );
        let found = pieces(text, &taken);
        assert_eq!(
            found,
            [
                Piece::Template("\u{e000}x \u{e000}7\u{e001} "),
                Piece::Words("<|a|>")
            ]
        );
    }
}
