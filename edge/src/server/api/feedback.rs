//! `/api/answers/{id}/feedback`: what an answer was worth.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response};
use serde_json::json;

use super::{Shareds, fields, with_memory};
use crate::memory::episode::{Feedback, ItemId};
use crate::server::refusal::Refusal;

pub(super) async fn handle(
    State(shared): Shareds,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut asked = fields(request, &shared).await?;
    let rating = asked.whole("rating", 1..=5)?;
    let correction = asked.text("correction")?;
    asked.finish()?;
    if rating.is_none() && correction.is_none() {
        return Err(Refusal::invalid("rating", "or `correction` is needed"));
    }
    with_memory(shared, move |shared| {
        let ItemId::Episode(answer) = shared.memory.find(&name)? else {
            return Err(Refusal::not_found("this is a memory, not an answer"));
        };
        if let Some(rating) = rating {
            let rating = u8::try_from(rating).unwrap_or(0);
            shared.memory.feedback(answer, Feedback::Rating(rating))?;
        }
        if let Some(correction) = correction {
            let feedback = Feedback::Correction(correction);
            shared.memory.feedback(answer, feedback)?;
        }
        let episode = shared.memory.episode(answer)?;
        let verdict = episode.map(|episode| episode.verdict).unwrap_or_default();
        Ok(json!({"id": answer, "rating": verdict.rating, "correction": verdict.correction}))
    })
    .await
}
