//! `GET /v1/models`: what answers and what embeds here.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::json_response;
use super::refusal::Refusal;
use super::state::{Loaded, Shared};

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Response<Body>, Refusal> {
    let list = json!({"object": "list", "data": models(&shared)?});
    Ok(json_response(StatusCode::OK, &list))
}

pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let models = models(&shared)?;
    let found = models.iter().find(|model| model["id"] == name.as_str());
    match found {
        Some(model) => Ok(json_response(StatusCode::OK, model)),
        None => Err(Refusal::unknown_model(&name, &shared.engine()?.name)),
    }
}

fn models(shared: &Shared) -> Result<Vec<Value>, Refusal> {
    let loaded = shared.engine()?;
    let mut models = vec![language_model(loaded, shared)];
    if shared.embedder.dimensions() > 0 {
        models.push(json!({
            "id": shared.embedder.id(),
            "object": "model",
            "created": shared.started.millis() / 1_000,
            "owned_by": "scrubjay",
            "scrubjay": {"kind": "embedder", "dimensions": shared.embedder.dimensions()},
        }));
    }
    Ok(models)
}

fn language_model(loaded: &Loaded, shared: &Shared) -> Value {
    let card = loaded.engine.card();
    json!({
        "id": loaded.name,
        "object": "model",
        "created": shared.started.millis() / 1_000,
        "owned_by": "scrubjay",
        "scrubjay": {
            "kind": "language",
            "name": card.name,
            "digest": card.digest,
            "architecture": card.architecture,
            "parameters": card.parameters,
            "context_tokens": card.context_tokens,
            "adapter": loaded.engine.status().adapter,
        },
    })
}
