//! `/api/status`: the model, what it is doing, and what is remembered.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::json;

use super::{Shareds, with_memory};
use crate::server::metrics::resident_bytes;
use crate::server::refusal::Refusal;

pub(super) async fn handle(State(shared): Shareds) -> Result<Response<Body>, Refusal> {
    with_memory(shared, |shared| {
        let model = shared.loaded().map(|loaded| {
            let (card, status) = (loaded.engine.card(), loaded.engine.status());
            json!({
                "name": loaded.name,
                "digest": card.digest,
                "architecture": card.architecture,
                "parameters": card.parameters,
                "file_bytes": card.file_bytes,
                "context_tokens": card.context_tokens,
                "adapter": status.adapter,
                "slots": status.slots,
                "busy": status.busy,
                "queued": status.queued,
                "requests": status.requests,
                "refused": status.refused,
                "prompt_tokens": status.prompt_tokens,
                "cached_tokens": status.cached_tokens,
                "generated_tokens": status.generated_tokens,
                "drafted_tokens": status.drafted_tokens,
                "accepted_tokens": status.accepted_tokens,
                "prefill_ms": status.prefill.as_millis(),
                "decode_ms": status.decode.as_millis(),
            })
        });
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": shared.started.to_string(),
            "model": model,
            "memory": shared.memory.stats()?,
            "resident_bytes": resident_bytes(),
        }))
    })
    .await
}
