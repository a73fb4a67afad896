//! `POST /v1/embeddings`: vectors of the embedder that memory uses.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::decode::embedding::{EmbeddingRequest, Encoding, decode};
use super::refusal::Refusal;
use super::state::Shared;
use super::{body, json_response};
use crate::memory::embedder::{Purpose, normalise};

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let asked = decode(&body::read(request, &shared).await?)?;
    let embedder = Arc::clone(&shared.embedder);
    if embedder.dimensions() == 0 || asked.model != embedder.id() {
        return Err(Refusal::unknown_model(&asked.model, embedder.id()));
    }
    if asked
        .dimensions
        .is_some_and(|wanted| wanted > embedder.dimensions())
    {
        let message = format!("must be at most {}", embedder.dimensions());
        return Err(Refusal::invalid("dimensions", message));
    }
    let work = tokio::task::spawn_blocking(move || {
        let texts: Vec<&str> = asked.texts.iter().map(String::as_str).collect();
        let vectors = embedder.embed(Purpose::Passage, &texts);
        let vectors = vectors.map_err(|error| Refusal::internal(&error))?;
        Ok::<_, Refusal>(answer(&asked, vectors, embedder.id()))
    });
    let answer = work.await.map_err(|error| Refusal::internal(&error))??;
    Ok(json_response(StatusCode::OK, &answer))
}

fn answer(asked: &EmbeddingRequest, vectors: Vec<Vec<f32>>, model: &str) -> Value {
    let data = vectors.into_iter().enumerate().map(|(index, vector)| {
        let vector = shortened(vector, asked.dimensions);
        let embedding = match asked.encoding {
            Encoding::Float => json!(vector),
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|v| v.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            }
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": model,
        // The embedder does not tell its tokens, and nobody is charged for them.
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    })
}

/// The first dimensions, of length 1 again.
fn shortened(mut vector: Vec<f32>, dimensions: Option<usize>) -> Vec<f32> {
    if let Some(dimensions) = dimensions.filter(|wanted| *wanted < vector.len()) {
        vector.truncate(dimensions);
        normalise(&mut vector);
    }
    vector
}
