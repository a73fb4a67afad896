//! An engine that says what a test tells it to.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{PromptLog, ScriptedModel, card, certain, choose};
use crate::generate::{
    AdapterChoice, AdapterError, AdapterState, Completion, Engine, EngineStatus, Event,
    GenerateError, LanguageModel, ModelCard, Request, Token, TokenScore,
};

/// When a refused request is told to come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A fake engine for tests: every client speaks from the same script.
///
/// ```
/// use edge::generate::{Engine, Request, scripted::ScriptedEngine};
/// use std::ops::ControlFlow;
/// let engine = ScriptedEngine::answering(|prompt| format!("{prompt}!")).with_slots(2);
/// let mut client = engine.model();
/// let prompt = client.tokenize("Hi")?;
/// let answer = client.generate(&prompt, &Request::greedy(64), &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(answer.text, "Hi!");
/// assert_eq!(engine.status().requests, 1);
/// # Ok::<(), edge::generate::GenerateError>(())
/// ```
pub struct ScriptedEngine {
    card: ModelCard,
    log: PromptLog,
    script: Arc<dyn Fn(&str) -> String + Send + Sync>,
    status: Arc<Mutex<EngineStatus>>,
}

impl ScriptedEngine {
    /// Answers each prompt with what `answer` makes of its text, four at a time.
    pub fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let status = EngineStatus {
            slots: 4,
            ..EngineStatus::default()
        };
        Self {
            card: card(),
            log: PromptLog::default(),
            script: Arc::new(answer),
            status: Arc::new(Mutex::new(status)),
        }
    }

    /// Gives these answers in turn, whoever asks, and then empty ones.
    pub fn saying<S: Into<String>>(answers: impl IntoIterator<Item = S>) -> Self {
        let answers: VecDeque<String> = answers.into_iter().map(Into::into).collect();
        let answers = Mutex::new(answers);
        Self::answering(move |_| lock(&answers).pop_front().unwrap_or_default())
    }

    /// The same engine, refusing what comes while `slots` answers are being made.
    #[must_use]
    pub fn with_slots(self, slots: usize) -> Self {
        lock(&self.status).slots = slots;
        self
    }

    /// The same engine with another card (context size, chat template).
    #[must_use]
    pub fn with_card(mut self, change: impl FnOnce(&mut ModelCard)) -> Self {
        change(&mut self.card);
        self
    }

    /// Where the prompts of all clients are noted.
    pub fn log(&self) -> PromptLog {
        self.log.clone()
    }
}

impl Engine for ScriptedEngine {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn model(&self) -> Box<dyn LanguageModel> {
        let script = Arc::clone(&self.script);
        Box::new(Client {
            model: ScriptedModel {
                card: self.card.clone(),
                answer: Box::new(move |prompt| script(prompt)),
                read: Vec::new(),
                log: self.log(),
            },
            status: Arc::clone(&self.status),
        })
    }

    fn score(
        &self,
        tokens: &[Token],
        top: usize,
        adapter: &AdapterChoice,
    ) -> Result<Vec<TokenScore>, GenerateError> {
        choose(adapter)?;
        let Some((_, scored)) = tokens.split_first() else {
            return Err(GenerateError::EmptyPrompt);
        };
        let bytes: Vec<u8> = scored.iter().map(|t| t.to_le_bytes()[0]).collect();
        Ok(certain(&bytes, top))
    }

    fn status(&self) -> EngineStatus {
        lock(&self.status).clone()
    }

    fn adapters(&self) -> Vec<AdapterState> {
        Vec::new()
    }

    /// There are no adapters, and no file is one.
    fn load_adapter(&self, name: &str, _: &Path, _: f32) -> Result<AdapterState, GenerateError> {
        Err(GenerateError::Adapter {
            name: name.to_owned(),
            source: AdapterError::Shape,
        })
    }

    fn activate_adapter(&self, name: Option<&str>) -> Result<(), GenerateError> {
        match name {
            None => Ok(()),
            Some(name) => choose(&AdapterChoice::Named(name.to_owned())),
        }
    }

    fn scale_adapter(&self, name: &str, _: f32) -> Result<(), GenerateError> {
        choose(&AdapterChoice::Named(name.to_owned()))
    }

    fn unload_adapter(&self, name: &str) -> Result<(), GenerateError> {
        choose(&AdapterChoice::Named(name.to_owned()))
    }

    fn forget(&self) {}
}

/// One of the engine's models.
struct Client {
    model: ScriptedModel,
    status: Arc<Mutex<EngineStatus>>,
}

impl Client {
    fn enter(&self) -> Result<(), GenerateError> {
        let mut status = lock(&self.status);
        if status.busy >= status.slots {
            status.refused += 1;
            return Err(GenerateError::Busy {
                retry_after: RETRY_AFTER,
            });
        }
        status.busy += 1;
        status.requests += 1;
        Ok(())
    }

    fn leave(&self, done: Option<&Completion>) {
        let mut status = lock(&self.status);
        status.busy -= 1;
        if let Some(done) = done {
            status.prompt_tokens += done.prompt_tokens as u64;
            status.cached_tokens += done.cached_tokens as u64;
            status.generated_tokens += done.generated_tokens as u64;
        }
    }
}

impl LanguageModel for Client {
    fn card(&self) -> &ModelCard {
        self.model.card()
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.model.tokenize(text)
    }

    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.model.tokenize_words(text)
    }

    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError> {
        self.model.token_bytes(token)
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        self.enter()?;
        let done = self.model.generate(prompt, request, on);
        self.leave(done.as_ref().ok());
        done
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_while_every_slot_is_taken_is_told_to_come_back() {
        let engine = ScriptedEngine::saying(["one", "two"]).with_slots(1);
        let (mut first, mut second) = (engine.model(), engine.model());
        let mut refused = None;
        first
            .generate(&[1], &Request::greedy(9), &mut |_| {
                refused = Some(second.generate(&[1], &Request::greedy(9), &mut |_| {
                    ControlFlow::Continue(())
                }));
                ControlFlow::Break(())
            })
            .unwrap();
        assert!(matches!(refused, Some(Err(GenerateError::Busy { .. }))));
        assert_eq!(engine.status().busy, 0);
        let later = second.generate(
            &[1],
            &Request::greedy(9),
            &mut |_| ControlFlow::Continue(()),
        );
        assert_eq!(later.unwrap().text, "two");
        assert_eq!((engine.status().requests, engine.status().refused), (2, 1));
    }
}
