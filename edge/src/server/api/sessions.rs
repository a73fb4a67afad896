//! `/api/sessions`: conversations.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response};
use serde_json::{Value, json};
use shared::id::SessionId;

use super::{Shareds, fields, forgotten, with_memory};
use crate::server::decode::session;
use crate::server::refusal::Refusal;
use crate::server::state::Shared;
use crate::server::view;

pub(super) async fn list(State(shared): Shareds) -> Result<Response<Body>, Refusal> {
    with_memory(shared, |shared| {
        let sessions = shared.memory.sessions()?;
        let data: Vec<Value> = sessions.iter().map(view::session).collect();
        Ok(json!({"data": data}))
    })
    .await
}

pub(super) async fn new(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let title = asked.text("title")?.unwrap_or_default();
    asked.finish()?;
    with_memory(shared, move |shared| {
        let id = shared.memory.new_session(&title)?;
        Ok(json!({"id": id}))
    })
    .await
}

pub(super) async fn show(
    State(shared): Shareds,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    with_memory(shared, move |shared| {
        let id = known(shared, &name)?;
        let episodes = shared.memory.session_episodes(id)?;
        let episodes: Vec<Value> = episodes.iter().map(view::episode).collect();
        Ok(json!({"id": id, "episodes": episodes}))
    })
    .await
}

pub(super) async fn delete(
    State(shared): Shareds,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    with_memory(shared, move |shared| {
        let id = known(shared, &name)?;
        let said = shared.memory.session_texts(id)?;
        let receipt = shared.memory.delete_session(id)?;
        shared.conversations.forget(id);
        forgotten(shared, &receipt, &said)
    })
    .await
}

fn known(shared: &Shared, name: &str) -> Result<SessionId, Refusal> {
    let id = session(name, "id")?;
    if shared.memory.has_session(id)? {
        return Ok(id);
    }
    Err(Refusal::not_found("there is no such session"))
}
