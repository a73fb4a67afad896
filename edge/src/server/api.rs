//! Our own routes, under `/api/`: what is remembered, conversations, feedback, status, and
//! the model itself for programs of this device.
//!
//! Described by the OpenAPI document that `/api/openapi.json` serves; a test holds it
//! against the table of routes.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use super::access::Need;
use super::access::token::Scope;
use super::fields::Fields;
use super::refusal::Refusal;
use super::state::Shared;
use super::{Route, body, json_response, route};
use crate::memory::MemoryError;
use crate::memory::report::Receipt;

mod adapters;
mod feedback;
pub(super) mod generate;
mod memories;
mod sessions;
mod status;

/// The document that describes these routes.
const DOCUMENT: &[u8] = include_bytes!("../../assets/openapi.json");

/// Every route.
pub(super) fn routes() -> Vec<Route> {
    let chat = Need::Scope(Scope::Chat);
    let memory = Need::Scope(Scope::Memory);
    let admin = Need::Scope(Scope::Admin);
    vec![
        route("/api/openapi.json", Need::Nothing, get(document)),
        route("/api/status", admin, get(status::handle)),
        route(
            "/api/memories",
            memory,
            get(memories::list).post(memories::add),
        ),
        route("/api/memories/search", memory, post(memories::search)),
        route(
            "/api/memories/{id}",
            memory,
            get(memories::show).delete(memories::forget),
        ),
        route(
            "/api/memories/{id}/correct",
            memory,
            post(memories::correct),
        ),
        route("/api/memories/{id}/pin", memory, post(memories::pin)),
        route(
            "/api/sessions",
            memory,
            get(sessions::list).post(sessions::new),
        ),
        route(
            "/api/sessions/{id}",
            memory,
            get(sessions::show).delete(sessions::delete),
        ),
        route("/api/answers/{id}/feedback", memory, post(feedback::handle)),
        route(
            "/api/adapters",
            admin,
            get(adapters::list).post(adapters::load),
        ),
        route("/api/adapters/active", admin, post(adapters::activate)),
        route("/api/adapters/{name}", admin, delete(adapters::unload)),
        route("/api/adapters/{name}/scale", admin, post(adapters::scale)),
        route("/api/model", chat, get(generate::card)),
        route("/api/model/forget", memory, post(generate::forget)),
        route("/api/tokenize", chat, post(generate::tokenize)),
        route("/api/detokenize", chat, post(generate::detokenize)),
        route("/api/generate", chat, post(generate::handle)),
    ]
}

async fn document() -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(DOCUMENT)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Does work with memory on a thread where it may block.
async fn with_memory(
    shared: Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<Value, Refusal> + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    let done = tokio::task::spawn_blocking(move || work(&shared)).await;
    let value = done.map_err(|error| Refusal::internal(&error))??;
    Ok(json_response(StatusCode::OK, &value))
}

/// A request's body, field by field; no body is an empty one.
async fn fields(request: Request<Body>, shared: &Shared) -> Result<Fields, Refusal> {
    Fields::parse(&body::read(request, shared).await?)
}

/// What came of words that were kept.
fn told(
    shared: &Shared,
    appended: &crate::memory::episode::Appended,
) -> Result<Value, MemoryError> {
    let records = |ids: &[shared::id::MemoryId]| -> Result<Vec<Value>, MemoryError> {
        let mut views = Vec::new();
        for id in ids {
            views.extend(shared.memory.memory(*id)?.as_ref().map(super::view::memory));
        }
        Ok(views)
    };
    Ok(json!({
        "episode": appended.episode,
        "memories": records(&appended.memories)?,
        "superseded": records(&appended.superseded)?,
        "redactions": appended.redactions,
        "sensitive": appended.sensitive,
    }))
}

/// Forgets texts where they were typed and read, too; the receipt.
fn forgotten(shared: &Shared, receipt: &Receipt, texts: &[String]) -> Result<Value, Refusal> {
    if let Some(loaded) = shared.loaded() {
        loaded.engine.forget();
    }
    let typed = (shared.forget_typed)(texts).map_err(|error| Refusal::internal(&error))?;
    let mut told = json!(receipt);
    told["typed"] = json!(typed);
    Ok(told)
}

/// What every route is given.
type Shareds = State<Arc<Shared>>;
