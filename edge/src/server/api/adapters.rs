//! `/api/adapters`: which adapters are loaded, and which one answers.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response};
use serde_json::{Value, json};

use super::{Shareds, fields, with_memory};
use crate::generate::{AdapterState, MOST_SCALE};
use crate::server::fields::Fields;
use crate::server::refusal::Refusal;
use crate::server::state::Shared;

/// The longest name of an adapter.
const LONGEST_NAME: usize = 64;

pub(super) async fn list(State(shared): Shareds) -> Result<Response<Body>, Refusal> {
    with_memory(shared, listed).await
}

/// Loads `NAME.gguf` of the folder of adapters.
pub(super) async fn load(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let name = asked.need_text("name")?;
    let weight = weight(&mut asked)?.unwrap_or(1.0);
    asked.finish()?;
    // No path of the caller's: a name of a file in one folder.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() > LONGEST_NAME || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(Refusal::invalid(
            "name",
            "must be letters, digits, `-`, `_` and `.`",
        ));
    }
    with_memory(shared, move |shared| {
        let path = shared.adapters.join(format!("{name}.gguf"));
        let state = shared.engine()?.engine.load_adapter(&name, &path, weight)?;
        Ok(view(&state))
    })
    .await
}

pub(super) async fn activate(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let name = asked.text("name")?;
    asked.finish()?;
    with_memory(shared, move |shared| {
        shared.engine()?.engine.activate_adapter(name.as_deref())?;
        listed(shared)
    })
    .await
}

pub(super) async fn scale(
    State(shared): Shareds,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let weight = weight(&mut asked)?.ok_or_else(|| asked.missing("scale"))?;
    asked.finish()?;
    with_memory(shared, move |shared| {
        shared.engine()?.engine.scale_adapter(&name, weight)?;
        listed(shared)
    })
    .await
}

pub(super) async fn unload(
    State(shared): Shareds,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    with_memory(shared, move |shared| {
        shared.engine()?.engine.unload_adapter(&name)?;
        listed(shared)
    })
    .await
}

fn weight(asked: &mut Fields) -> Result<Option<f32>, Refusal> {
    asked.number("scale", -MOST_SCALE..=MOST_SCALE)
}

fn listed(shared: &Shared) -> Result<Value, Refusal> {
    let adapters = shared.engine()?.engine.adapters();
    let data: Vec<Value> = adapters.iter().map(view).collect();
    Ok(json!({"data": data}))
}

fn view(state: &AdapterState) -> Value {
    json!({
        "name": state.name,
        "digest": state.digest,
        "scale": state.scale,
        "active": state.is_active,
        "changes_answers": state.changes_answers,
    })
}
