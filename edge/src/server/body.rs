//! A request's body, within its limits.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::refusal::Refusal;
use super::state::Shared;

/// Reads a body of JSON.
///
/// # Errors
/// [`Refusal`] for another kind of body, one that is too long, one that comes too slowly
/// and one that breaks off.
pub(super) async fn read(request: Request<Body>, shared: &Shared) -> Result<Bytes, Refusal> {
    check_kind(&request)?;
    let limits = &shared.limits;
    let all = collect(request.into_body(), limits.body_bytes);
    let slow = Refusal::status(
        StatusCode::REQUEST_TIMEOUT,
        "timeout",
        "the body came too slowly",
    );
    timeout(limits.body_time, all).await.map_err(|_| slow)?
}

/// A form of another site's cannot send JSON without asking first.
fn check_kind(request: &Request<Body>) -> Result<(), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the body must be sent as application/json";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Refusal::status(status, "unsupported_media_type", message))
}

async fn collect(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let mut all = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::malformed("the body broke off"))?;
        if all.len() + chunk.len() > most {
            let message = format!("the body has more than {most} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Refusal::status(status, "body_too_large", &message));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}
