//! From messages to answers: what chat completions and responses have in common.
//!
//! [`Talk`] is a conversation that a client sends whole. It is rendered with the model's
//! template; where the client wants memory, what is recalled stands beside the newest
//! question and the turn is written down ([`exchange`]).
//!
//! # Invariants
//! - Nothing of the client's leaves the prompt: what does not fit is refused with numbers.
//! - A conversation that uses memory and names no session is known by its history.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use shared::chat::{Message, Role};
use shared::id::SessionId;
use shared::template::Entry;
use shared::turn::SYSTEM_PROMPT;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Receiver;

use super::decode::tools::Tools;
use super::generation::{self, Finished, Heard, Job, News, Speaker};
use super::refusal::Refusal;
use super::state::{Loaded, Shared};
use super::{tools, view};
use crate::assistant::AssistantError;
use crate::assistant::exchange::{self, Asked, Exchange, Past};
use crate::generate::{Completion, LanguageModel, Request, Token};
use crate::memory::query::MemoryUse;
use crate::prompt::Turn;

/// A conversation to be continued.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) messages: Vec<Entry>,
    /// What the model may call.
    pub(super) tools: Tools,
    pub(super) request: Request,
    /// How many answers are wanted.
    pub(super) count: usize,
    pub(super) memory: MemoryUse,
    pub(super) session: Option<SessionId>,
    /// Whether the client wants to know what was recalled.
    pub(super) tell_recalled: bool,
}

/// Begins to answer on another thread; its news.
///
/// # Errors
/// [`Refusal`] where there is no place for so many answers.
pub(super) fn start(
    shared: &Arc<Shared>,
    loaded: &Arc<Loaded>,
    talk: Talk,
) -> Result<Receiver<Heard>, Refusal> {
    let places = Arc::new(shared.places(talk.count)?);
    let (speaker, heard) = generation::channel();
    let (shared, loaded) = (Arc::clone(shared), Arc::clone(loaded));
    tokio::task::spawn_blocking(move || {
        let ended = run(&shared, &loaded, &talk, &speaker, &places);
        let _ = speaker.say((0, News::Done(ended)));
    });
    Ok(heard)
}

fn run(
    shared: &Arc<Shared>,
    loaded: &Arc<Loaded>,
    talk: &Talk,
    speaker: &Speaker,
    places: &Arc<OwnedSemaphorePermit>,
) -> Result<Finished, Refusal> {
    let mut model = loaded.engine.model();
    let ready = prepare(shared, loaded, talk, model.as_ref())?;
    let _ = speaker.say((0, News::Begun(ready.told(talk))));
    for index in 1..talk.count {
        let (shared, loaded, speaker) = (Arc::clone(shared), Arc::clone(loaded), speaker.clone());
        let (prompt, request) = (ready.prompt.clone(), numbered(&talk.request, index));
        let places = Arc::clone(places);
        tokio::task::spawn_blocking(move || {
            let _places = places;
            let mut model = loaded.engine.model();
            let job = Job {
                index,
                prompt: &prompt,
                request: &request,
            };
            let done = generation::generate(&shared, model.as_mut(), &job, &speaker);
            let done = done.map(|completion| Finished {
                completion,
                answer: None,
            });
            let _ = speaker.say((index, News::Done(done)));
        });
    }
    let job = Job {
        index: 0,
        prompt: &ready.prompt,
        request: &talk.request,
    };
    let completion = generation::generate(shared, model.as_mut(), &job, speaker)?;
    ready.finish(shared, loaded, talk, completion)
}

/// The same request, so that its random choices differ from the first one's.
pub(super) fn numbered(request: &Request, index: usize) -> Request {
    let mut request = request.clone();
    let offset = u32::try_from(index).unwrap_or(0);
    request.sampling.seed = request.sampling.seed.wrapping_add(offset);
    request
}

/// A prompt, and what it was made from.
struct Ready {
    prompt: Vec<Token>,
    /// The messages as the model reads them.
    messages: Vec<Entry>,
    /// Where memory is used.
    turn: Option<Exchange>,
}

fn prepare(
    shared: &Shared,
    loaded: &Loaded,
    talk: &Talk,
    model: &dyn LanguageModel,
) -> Result<Ready, Refusal> {
    let tools: Vec<Value> = talk
        .tools
        .offered()
        .iter()
        .map(|tool| tool.described.clone())
        .collect();
    let newest = talk.messages.iter().rposition(|entry| entry.role == "user");
    let Some(newest) = newest.filter(|_| talk.memory != MemoryUse::Off) else {
        let prompt = loaded.prompt(&talk.messages, &tools, model, shared)?;
        check_room(prompt.len(), loaded.engine.card().context_tokens)?;
        return Ok(Ready {
            prompt,
            messages: talk.messages.clone(),
            turn: None,
        });
    };
    let asked_last = newest + 1 == talk.messages.len();
    let mut messages = instructed(&talk.messages);
    let newest = newest + messages.len() - talk.messages.len();
    let session = match talk.session {
        Some(session) if shared.memory.has_session(session)? => Some(session),
        Some(session) => return Err(Refusal::not_found(format!("there is no session {session}"))),
        None => match shared.conversations.find(&messages[..newest]) {
            // Another process may have deleted it.
            Some(session) if shared.memory.has_session(session)? => Some(session),
            _ => None,
        },
    };
    let settings = shared.settings().assistant.clone();
    let past = match session {
        Some(session) => exchange::past(&shared.memory, session, &settings)?,
        None => Vec::new(),
    };
    let seen = resend(&mut messages[..newest], &past);
    let words = messages[newest].content.clone();
    let context = loaded.engine.card().context_tokens;
    let asked = Asked {
        words: &words,
        keep: match (talk.memory, asked_last, session) {
            (MemoryUse::Use, true, Some(session)) => exchange::Keep::In(session),
            (MemoryUse::Use, true, None) => exchange::Keep::InNew,
            _ => exchange::Keep::No,
        },
        session,
        seen: &seen,
        budget: context.saturating_sub(1),
        budget_shown: context - talk.request.max_tokens.min(context / 4),
    };
    let mut tokenize = |sent: &str| -> Result<Vec<Token>, AssistantError> {
        sent.clone_into(&mut messages[newest].content);
        loaded.prompt(&messages, &tools, model, shared)
    };
    let memory = Arc::clone(&shared.memory);
    let exchange = Exchange::begin(memory, settings, &asked, &mut tokenize)?;
    exchange.sent.clone_into(&mut messages[newest].content);
    Ok(Ready {
        prompt: exchange.prompt.clone(),
        messages,
        turn: Some(exchange),
    })
}

/// Refuses a prompt that leaves no room for a single token.
pub(super) fn check_room(tokens: usize, context: usize) -> Result<(), Refusal> {
    if tokens < context {
        return Ok(());
    }
    Err(AssistantError::TooLong {
        tokens,
        budget: context.saturating_sub(1),
    }
    .into())
}

/// The messages, with our standing instructions before them where there are none.
fn instructed(messages: &[Entry]) -> Vec<Entry> {
    let own = messages.first().is_some_and(|first| first.role == "system");
    let lead = (!own).then(|| Entry::from(&Message::new(Role::System, SYSTEM_PROMPT)));
    lead.into_iter().chain(messages.iter().cloned()).collect()
}

/// Gives past questions the words they were sent with; the turns that were found.
fn resend(messages: &mut [Entry], past: &[Past]) -> Vec<Turn> {
    let mut found = Vec::new();
    let mut past = past.iter();
    for entry in messages.iter_mut().filter(|entry| entry.role == "user") {
        let mut ahead = past.clone();
        if let Some(known) = ahead.find(|known| known.words.trim() == entry.content.trim()) {
            known.turn.sent.clone_into(&mut entry.content);
            found.push(known.turn.clone());
            past = ahead;
        }
    }
    found
}

impl Ready {
    /// What the client is told of memory before the first word.
    fn told(&self, talk: &Talk) -> Map<String, Value> {
        let mut told = Map::new();
        let Some(turn) = &self.turn else {
            return told;
        };
        told.insert("memory".to_owned(), json!(talk.memory.name()));
        told.insert("session".to_owned(), json!(turn.session()));
        told.insert("confidence".to_owned(), json!(turn.confidence));
        if let Some(question) = &turn.question {
            told.insert("question".to_owned(), json!(question.episode));
            told.insert("remembered".to_owned(), json!(question.memories));
            told.insert("superseded".to_owned(), json!(question.superseded));
            told.insert("redactions".to_owned(), json!(question.redactions));
        }
        if talk.tell_recalled {
            let recalled: Vec<Value> = turn.recalled.iter().map(view::hit).collect();
            told.insert("recalled".to_owned(), json!(recalled));
        }
        told
    }

    /// Writes the answer down, and remembers the conversation by it.
    fn finish(
        self,
        shared: &Shared,
        loaded: &Loaded,
        talk: &Talk,
        completion: Completion,
    ) -> Result<Finished, Refusal> {
        let calls = !tools::read(&completion.text, &talk.tools).calls.is_empty();
        // A call is no answer: the one that follows it is.
        let Some(turn) = self.turn.as_ref().filter(|_| !calls) else {
            return Ok(Finished {
                completion,
                answer: None,
            });
        };
        let messages: Vec<Message> = self.messages.iter().filter_map(plain).collect();
        let model = &loaded.engine.card().name;
        let answer = turn.finish(model, &messages, &completion)?;
        if let (Some(_), Some(session)) = (answer, turn.session()) {
            let conversations = &shared.conversations;
            conversations.note(&talk.messages, &completion.text, session);
        }
        Ok(Finished { completion, answer })
    }
}

/// A message without tools.
fn plain(entry: &Entry) -> Option<Message> {
    let role = match entry.role.as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    Some(Message::new(role, entry.content.clone()))
}
