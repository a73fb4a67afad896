//! Messages to a prompt's text, by the model's own template.
//!
//! # Invariants
//! - A prompt begins with the model's beginning token exactly once, if it wants one.

use shared::chat::Message;
use shared::template::{AddGenerationPrompt, Special, Template, TemplateError};

use crate::generate::ModelCard;

/// Writes prompts for one model.
pub struct Renderer {
    template: Template,
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

    /// The text after which the model answers.
    ///
    /// # Errors
    /// [`RenderError::Template`] if the template fails on these messages.
    pub fn render(&self, messages: &[Message]) -> Result<String, RenderError> {
        let text = self.template.render(messages, AddGenerationPrompt::Yes)?;
        if text.starts_with(&self.beginning) {
            return Ok(text);
        }
        Ok(format!("{}{text}", self.beginning))
    }
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
        renderer.render(&[Message::new(Role::User, "Hi")]).unwrap()
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
}
