//! `/api/memories`: what is remembered.

use axum::body::Body;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::{Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::id::MemoryId;

use super::{Shareds, fields, forgotten, told, with_memory};
use crate::memory::episode::{Intent, ItemId, NewEpisode, Source};
use crate::memory::query::{Filter, Query};
use crate::memory::record::{Kind, MemoryRecord, Pin};
use crate::memory::{Memory, MemoryError};
use crate::server::fields::Fields;
use crate::server::refusal::Refusal;
use crate::server::view;

/// Most memories in one answer.
const MOST: usize = 1_000;

/// What a list is cut down to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    kind: Option<Kind>,
    #[serde(default)]
    superseded: bool,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(shared): Shareds,
    listing: Result<Parameters<Listing>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Refusal> {
    let Parameters(listing) = listing.map_err(|_| Refusal::invalid("", PARAMETERS))?;
    with_memory(shared, move |shared| {
        let filter = Filter {
            kind: listing.kind,
            include_superseded: listing.superseded,
            ..Filter::default()
        };
        let mut memories = shared.memory.memories(&filter)?;
        // The newest are wanted first, and most.
        memories.reverse();
        memories.truncate(listing.limit.unwrap_or(MOST).min(MOST));
        let data: Vec<Value> = memories.iter().map(view::memory).collect();
        Ok(json!({"data": data}))
    })
    .await
}

const PARAMETERS: &str = "the parameters are kind, superseded and limit";

pub(super) async fn add(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let text = words(&mut asked)?;
    asked.finish()?;
    with_memory(shared, move |shared| {
        let session = shared.memory.notes_session()?;
        let appended = shared.memory.append(NewEpisode {
            intent: Intent::Remember,
            ..NewEpisode::said(session, Source::Api, text)
        })?;
        Ok(told(shared, &appended)?)
    })
    .await
}

pub(super) async fn search(
    State(shared): Shareds,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let text = asked.need_text("query")?;
    let limit = asked.whole("limit", 1..=100)?.unwrap_or(10);
    asked.finish()?;
    with_memory(shared, move |shared| {
        let recall = shared.memory.recall(&Query {
            limit: usize::try_from(limit).unwrap_or(10),
            ..Query::new(text, shared.clock.now())
        })?;
        let data: Vec<Value> = recall.hits.iter().map(view::hit).collect();
        Ok(json!({"data": data, "confidence": recall.confidence, "path": recall.path}))
    })
    .await
}

pub(super) async fn show(
    State(shared): Shareds,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    with_memory(shared, move |shared| {
        let memory = &shared.memory;
        let missing = || MemoryError::Unknown { name: name.clone() };
        Ok(match memory.find(&name)? {
            ItemId::Memory(id) => {
                let record = memory.memory(id)?.ok_or_else(missing)?;
                let mut told = view::memory(&record);
                told["type"] = json!("memory");
                told["said"] = said(memory, &record)?;
                told
            }
            ItemId::Episode(id) => {
                let mut told = view::episode(&memory.episode(id)?.ok_or_else(missing)?);
                told["type"] = json!("episode");
                told
            }
        })
    })
    .await
}

/// The words that a memory was taken from.
fn said(memory: &Memory, record: &MemoryRecord) -> Result<Value, MemoryError> {
    let mut said = Vec::new();
    for id in &record.evidence {
        said.extend(memory.episode(*id)?.as_ref().map(view::episode));
    }
    Ok(Value::Array(said))
}

pub(super) async fn correct(
    State(shared): Shareds,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let text = words(&mut asked)?;
    asked.finish()?;
    with_memory(shared, move |shared| {
        let id = memory_id(&shared.memory, &name)?;
        Ok(told(shared, &shared.memory.correct(id, &text)?)?)
    })
    .await
}

pub(super) async fn pin(
    State(shared): Shareds,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let pinned = asked
        .flag("pinned")?
        .ok_or_else(|| asked.missing("pinned"))?;
    asked.finish()?;
    with_memory(shared, move |shared| {
        let id = memory_id(&shared.memory, &name)?;
        shared
            .memory
            .pin(id, if pinned { Pin::On } else { Pin::Off })?;
        Ok(json!({"id": id, "pinned": pinned}))
    })
    .await
}

pub(super) async fn forget(
    State(shared): Shareds,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    with_memory(shared, move |shared| {
        let memory = &shared.memory;
        let item = memory.find(&name)?;
        let texts = memory.texts(item)?;
        let receipt = memory.forget(item)?;
        forgotten(shared, &receipt, &texts)
    })
    .await
}

fn memory_id(memory: &Memory, name: &str) -> Result<MemoryId, Refusal> {
    match memory.find(name)? {
        ItemId::Memory(id) => Ok(id),
        ItemId::Episode(_) => Err(Refusal::not_found("this is a turn, not a memory")),
    }
}

/// Words to be kept.
fn words(asked: &mut Fields) -> Result<String, Refusal> {
    let text = asked.need_text("text")?;
    if text.trim().is_empty() {
        return Err(Refusal::invalid("text", "is empty"));
    }
    Ok(text)
}
