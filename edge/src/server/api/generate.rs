//! `/api/model`, `/api/tokenize`, `/api/detokenize`, `/api/generate`: the model itself, for
//! programs of this device that make their own prompts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Shareds, with_memory};
use crate::server::generation::{self, Finished, Heard, Job, News};
use crate::server::refusal::Refusal;
use crate::server::sse::{self, Events, Script};
use crate::server::state::Shared;
use crate::server::wire::{Ask, Bytes, Card, Cut, Line, Tokens};
use crate::server::{body, json_response};

pub(super) async fn card(State(shared): Shareds) -> Result<Response<Body>, Refusal> {
    let loaded = shared.engine()?;
    let card = Card::new(&loaded.name, loaded.engine.card());
    Ok(json_response(StatusCode::OK, &json!(card)))
}

/// Forgets what the model has read and is not answering.
pub(super) async fn forget(State(shared): Shareds) -> Result<Response<Body>, Refusal> {
    with_memory(shared, |shared| {
        if let Some(loaded) = shared.loaded() {
            loaded.engine.forget();
        }
        Ok(json!({}))
    })
    .await
}

pub(super) async fn tokenize(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let cut: Cut = read(request, &shared).await?;
    with_memory(shared, move |shared| {
        let model = shared.engine()?.engine.model();
        let tokens = if cut.words {
            model.tokenize_words(&cut.text)?
        } else {
            model.tokenize(&cut.text)?
        };
        Ok(json!(Tokens { tokens }))
    })
    .await
}

pub(super) async fn detokenize(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let asked: Tokens = read(request, &shared).await?;
    with_memory(shared, move |shared| {
        let model = shared.engine()?.engine.model();
        let bytes = asked.tokens.iter().map(|token| model.token_bytes(*token));
        let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
        Ok(json!(Bytes { bytes }))
    })
    .await
}

pub(super) async fn handle(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (prompt, request) = read::<Ask>(request, &shared).await?.into_request();
    let loaded = Arc::clone(shared.engine()?);
    let places = shared.places(1)?;
    let (speaker, heard) = generation::channel();
    tokio::task::spawn_blocking(move || {
        let _places = places;
        let job = Job {
            index: 0,
            prompt: &prompt,
            request: &request,
        };
        let mut model = loaded.engine.model();
        let done = generation::generate(&shared, model.as_mut(), &job, &speaker);
        let finished = done.map(|completion| Finished {
            completion,
            answer: None,
        });
        let _ = speaker.say((0, News::Done(finished)));
    });
    sse::respond(heard, Lines { over: false }).await
}

/// A body that is one of the wire's types.
async fn read<T: DeserializeOwned>(request: Request<Body>, shared: &Shared) -> Result<T, Refusal> {
    let body = body::read(request, shared).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = format!("the body does not fit this route (line {line}, column {column})");
        Refusal::malformed(message)
    })
}

/// Tells everything, a line each.
struct Lines {
    over: bool,
}

impl Script for Lines {
    fn write(&mut self, (_, news): Heard, out: &mut Events) {
        let line = match news {
            News::Begun(_) => return,
            News::Queued { ahead } => Line::Queued { ahead },
            News::Prefill { done, total } => Line::Prefill { done, total },
            News::Text { text, scores } => Line::Text {
                text,
                scores: scores.into_iter().map(Into::into).collect(),
            },
            News::Done(Ok(finished)) => Line::Done(finished.completion.into()),
            News::Done(Err(refusal)) => Line::Failed {
                status: refusal.status_code(),
                message: refusal.to_string(),
            },
        };
        self.over = matches!(line, Line::Done(_) | Line::Failed { .. });
        let value: Value = json!(line);
        out.data(&value);
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
