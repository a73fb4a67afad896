//! A model, and an engine, that say what a test tells them to.
//!
//! Their tokens are the bytes of the text, so budgets and the reuse of what was read are
//! counted as for a real model. Every token is certain: its log-probability is 0.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::stream::Assembler;
use super::{
    AdapterChoice, AdapterError, Completion, Constraint, Event, GenerateError, LanguageModel,
    ModelCard, Request, Stop, Token, TokenScore,
};

mod engine;

pub use engine::ScriptedEngine;

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
            card: card(),
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

    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.tokenize(text)
    }

    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError> {
        let byte = u8::try_from(token).map_err(|_| GenerateError::Token {
            token,
            vocabulary: 256,
        })?;
        Ok(vec![byte])
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        check(request)?;
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
            adapter: None,
        };
        if on(Event::Prefill { done: total, total }).is_break() {
            done.stop = Stop::Cancelled;
            return Ok(done);
        }
        speak(&answer, request, &mut done, on);
        self.read = prompt.to_vec();
        self.read.extend(done.text.bytes().map(Token::from));
        Ok(done)
    }
}

/// Gives `answer` out word by word, within what `request` allows.
fn speak(
    answer: &str,
    request: &Request,
    done: &mut Completion,
    on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) {
    let mut out = Assembler::new(&request.stop);
    for word in answer.split_inclusive(' ') {
        if request.deadline == Some(Duration::ZERO) {
            done.stop = Stop::Deadline;
            break;
        }
        if done.generated_tokens + word.len() > request.max_tokens {
            done.stop = Stop::Limit;
            break;
        }
        done.generated_tokens += word.len();
        let mut goes_on = ControlFlow::Continue(());
        if let Some(top) = request.logprobs {
            goes_on = on(Event::Scores(&certain(word.as_bytes(), top)));
        }
        let piece = out.push(word.as_bytes());
        if goes_on.is_continue() && !piece.text.is_empty() {
            goes_on = on(Event::Text(piece.text));
        }
        if goes_on.is_break() {
            done.stop = Stop::Cancelled;
            break;
        }
        if piece.stopped {
            done.stop = Stop::Word;
            break;
        }
    }
    let rest = out.finish(done.stop);
    if !rest.is_empty() {
        // The answer is complete: whether to go on no longer matters.
        let _ = on(Event::Text(rest));
    }
    done.text = out.into_text();
}

fn check(request: &Request) -> Result<(), GenerateError> {
    request.sampling.check()?;
    choose(&request.adapter)?;
    match &request.constraint {
        Some(Constraint::Gbnf(grammar)) if !grammar.contains("root") => {
            Err(GenerateError::Constraint {
                reason: "the grammar has no root".to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn card() -> ModelCard {
    ModelCard {
        name: "scripted".to_owned(),
        digest: "0".repeat(64),
        architecture: "scripted".to_owned(),
        context_tokens: 8_192,
        chat_template: Some(TEMPLATE.to_owned()),
        ..ModelCard::default()
    }
}

/// There are no adapters.
fn choose(adapter: &AdapterChoice) -> Result<(), GenerateError> {
    match adapter {
        AdapterChoice::Active | AdapterChoice::Base => Ok(()),
        AdapterChoice::Named(name) => Err(GenerateError::Adapter {
            name: name.clone(),
            source: AdapterError::Unknown,
        }),
    }
}

/// A score for each byte; where alternatives are asked for there is none but itself.
fn certain(bytes: &[u8], top: usize) -> Vec<TokenScore> {
    let score = |&byte: &u8| {
        let itself = (Token::from(byte), vec![byte], 0.0);
        TokenScore {
            token: itself.0,
            bytes: vec![byte],
            logprob: 0.0,
            top: vec![itself; top.min(1)],
        }
    };
    bytes.iter().map(score).collect()
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
    fn scores_come_before_their_text_and_stop_words_end_it() {
        let mut model = ScriptedModel::saying(["one two three"]);
        let request = Request {
            logprobs: Some(1),
            stop: vec!["tw".to_owned()],
            ..Request::greedy(99)
        };
        let mut heard = Vec::new();
        let answer = model.generate(&[1], &request, &mut |event| {
            match event {
                Event::Scores(scores) => heard.push(scores.len().to_string()),
                Event::Text(text) => heard.push(text.to_owned()),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        assert_eq!(heard, ["4", "one ", "4"]);
        assert_eq!(answer.unwrap().stop, Stop::Word);
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
