//! One user of an engine.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Handle;
use super::job::{Done, Update};
use crate::generate::{
    Completion, Event, GenerateError, LanguageModel, ModelCard, Request, Stop, Token,
};
use crate::llama::ticket::Ticket;
use crate::llama::weights::Control;

/// While nothing new comes the last progress is told again, so that whoever listens can
/// break off.
const PULSE: Duration = Duration::from_millis(100);

/// Asks the engine and waits for what comes.
pub(super) struct Client {
    engine: Arc<Handle>,
}

impl Client {
    pub(super) const fn new(engine: Arc<Handle>) -> Self {
        Self { engine }
    }

    fn cut(&self, text: &str, control: Control) -> Result<Vec<Token>, GenerateError> {
        let tokens = self.engine.weights.tokenize(text, control);
        tokens.ok_or(GenerateError::Tokenize { bytes: text.len() })
    }
}

impl LanguageModel for Client {
    fn card(&self) -> &ModelCard {
        &self.engine.card
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.cut(text, Control::Read)
    }

    fn tokenize_words(&self, text: &str) -> Result<Vec<Token>, GenerateError> {
        self.cut(text, Control::Words)
    }

    fn token_bytes(&self, token: Token) -> Result<Vec<u8>, GenerateError> {
        self.engine.check(&[token], 1)?;
        Ok(self.engine.weights.piece(token))
    }

    fn generate(
        &mut self,
        prompt: &[Token],
        request: &Request,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        let (ticket, updates) = self.engine.answer(prompt, request)?;
        Listener {
            // Also where the callback panics: nobody waits any more then.
            ticket: Cancel(ticket),
            updates,
            shown: String::new(),
            last: None,
        }
        .listen(on)
    }
}

/// Cancels when it is dropped; whatever is finished by then does not notice.
struct Cancel(Arc<Ticket>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

struct Listener {
    ticket: Cancel,
    updates: Receiver<Update>,
    /// Text that was handed on.
    shown: String,
    /// The last progress, as long as there is no text.
    last: Option<Event<'static>>,
}

impl Listener {
    /// Hands on what comes, until it is done or `on` breaks off.
    fn listen(
        mut self,
        on: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Completion, GenerateError> {
        loop {
            let goes_on = match self.updates.recv_timeout(PULSE) {
                Err(RecvTimeoutError::Timeout) => {
                    self.last.map_or(ControlFlow::Continue(()), &mut *on)
                }
                Err(RecvTimeoutError::Disconnected) => return Err(GenerateError::Stopped),
                Ok(Update::Done(done)) => return completion(done),
                Ok(Update::Queued(ahead)) => on(self.progress(Event::Queued { ahead })),
                Ok(Update::Prefill(done, total)) => {
                    on(self.progress(Event::Prefill { done, total }))
                }
                Ok(Update::Scores(scores)) => on(Event::Scores(&scores)),
                Ok(Update::Text(text)) => {
                    self.last = None;
                    self.shown.push_str(&text);
                    on(Event::Text(&text))
                }
            };
            if goes_on.is_break() {
                return self.broken_off();
            }
        }
    }

    const fn progress(&mut self, event: Event<'static>) -> Event<'static> {
        self.last = Some(event);
        event
    }

    /// The answer is what was shown, whatever the engine did meanwhile.
    fn broken_off(self) -> Result<Completion, GenerateError> {
        self.ticket.0.cancel();
        loop {
            match self.updates.recv() {
                Ok(Update::Done(done)) => {
                    let mut done = completion(done)?;
                    done.stop = Stop::Cancelled;
                    done.text = self.shown;
                    return Ok(done);
                }
                Ok(_) => {}
                Err(_) => return Err(GenerateError::Stopped),
            }
        }
    }
}

fn completion(done: Result<Done, GenerateError>) -> Result<Completion, GenerateError> {
    match done? {
        Done::Answered(completion) => Ok(completion),
        Done::Scored(_) => Err(GenerateError::Stopped),
    }
}
