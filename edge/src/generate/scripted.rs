//! A model that says what a test tells it to.
//!
//! Its tokens are the bytes of the text, so budgets and the reuse of what was read are
//! counted as for a real model.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Completion, Event, GenerateError, LanguageModel, ModelCard, Request, Stop, Token};

/// Who speaks in brackets, then the words, a line each.
const TEMPLATE: &str = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}\
    {% if add_generation_prompt %}[assistant] {% endif %}";

/// Every prompt a [`ScriptedModel`] was given, oldest first.
#[derive(Clone, Debug, Default)]
pub struct PromptLog(Arc<Mutex<Vec<String>>>);

impl PromptLog {
    /// The prompts so far.
    pub fn prompts(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fake model for tests.
///
/// ```
/// use edge::generate::{LanguageModel, Request, scripted::ScriptedModel};
/// use std::ops::ControlFlow;
/// let mut model = ScriptedModel::saying(["Lisbon."]);
/// let prompt = model.tokenize("Where?")?;
/// let answer = model.generate(&prompt, &Request::greedy(64), &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(answer.text, "Lisbon.");
/// # Ok::<(), edge::generate::GenerateError>(())
/// ```
pub struct ScriptedModel {
    card: ModelCard,
    answer: Box<dyn FnMut(&str) -> String + Send>,
    read: Vec<Token>,
    log: PromptLog,
}

impl ScriptedModel {
    /// Answers each prompt with what `answer` makes of its text.
    pub fn answering(answer: impl FnMut(&str) -> String + Send + 'static) -> Self {
        Self {
            card: ModelCard {
                name: "scripted".to_owned(),
                digest: "0".repeat(64),
                architecture: "scripted".to_owned(),
                context_tokens: 8_192,
                chat_template: Some(TEMPLATE.to_owned()),
                ..ModelCard::default()
            },
            answer: Box::new(answer),
            read: Vec::new(),
            log: PromptLog::default(),
        }
    }

    /// Gives these answers in turn, and then empty ones.
    pub fn saying<S: Into<String>>(answers: impl IntoIterator<Item = S>) -> Self {
        let mut answers: std::collections::VecDeque<String> =
            answers.into_iter().map(Into::into).collect();
        Self::answering(move |_| answers.pop_front().unwrap_or_default())
    }

    /// The same model with another card (context size, chat template).
    #[must_use]
    pub fn with_card(mut self, change: impl FnOnce(&mut ModelCard)) -> Self {
        change(&mut self.card);
        self
    }

    /// Where its prompts are noted; stays readable when the model has moved away.
    pub fn log(&self) -> PromptLog {
        self.log.clone()
    }
}

impl LanguageModel for ScriptedModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        Ok(text.bytes().map(Token::from).collect())
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        request.sampling.check()?;
        if prompt.is_empty() {
            return Err(GenerateError::EmptyPrompt);
        }
        if prompt.len() >= self.card.context_tokens {
            return Err(GenerateError::ContextFull {
                prompt: prompt.len(),
                context: self.card.context_tokens,
            });
        }
        let bytes: Vec<u8> = prompt.iter().map(|&t| t.to_le_bytes()[0]).collect();
        let words = String::from_utf8_lossy(&bytes).into_owned();
        let same = |(a, b): &(&Token, &Token)| a == b;
        let cached = self.read.iter().zip(prompt).take_while(same).count();
        let answer = (self.answer)(&words);
        self.log.lock().push(words);

        let total = prompt.len() - cached;
        let mut done = Completion {
            text: String::new(),
            stop: Stop::End,
            prompt_tokens: prompt.len(),
            cached_tokens: cached,
            generated_tokens: 0,
            prefill: Duration::ZERO,
            decode: Duration::ZERO,
        };
        if on(Event::Prefill { done: total, total }).is_break() {
            done.stop = Stop::Cancelled;
            return Ok(done);
        }
        for piece in answer.split_inclusive(' ') {
            if done.text.len() + piece.len() > request.max_tokens {
                done.stop = Stop::Limit;
                break;
            }
            done.text.push_str(piece);
            if on(Event::Text(piece)).is_break() {
                done.stop = Stop::Cancelled;
                break;
            }
        }
        done.generated_tokens = done.text.len();
        self.read = prompt.to_vec();
        self.read.extend(done.text.bytes().map(Token::from));
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_is_not_read_again() {
        let mut model = ScriptedModel::saying(["fine", "yes"]);
        let go = &mut |_: Event<'_>| ControlFlow::Continue(());
        let first = model.tokenize("how are you? ").unwrap();
        model.generate(&first, &Request::greedy(9), go).unwrap();
        let second = model.tokenize("how are you? fine sure?").unwrap();
        let answer = model.generate(&second, &Request::greedy(9), go).unwrap();
        assert_eq!(answer.cached_tokens, "how are you? fine".len());
        assert_eq!(answer.text, "yes");
    }

    #[test]
    fn breaking_off_leaves_what_was_said() {
        let mut model = ScriptedModel::saying(["one two three"]);
        let prompt = model.tokenize("count").unwrap();
        let mut heard = String::new();
        let stopped = model
            .generate(&prompt, &Request::greedy(99), &mut |event| {
                if let Event::Text(text) = event {
                    heard.push_str(text);
                }
                if heard.ends_with("two ") {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
        assert_eq!(stopped.stop, Stop::Cancelled);
        assert_eq!(stopped.text, "one two ");
    }
}
