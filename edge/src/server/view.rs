//! Things of memory as JSON: RFC 3339 times, identifiers as text.

use serde_json::{Value, json};
use shared::clock::Timestamp;

use crate::memory::episode::{Episode, SessionSummary};
use crate::memory::query::Hit;
use crate::memory::record::MemoryRecord;

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// Something recalled.
pub(super) fn hit(hit: &Hit) -> Value {
    json!({
        "item": hit.item.to_string(),
        "episode": hit.episode,
        "text": hit.text,
        "said_at": hit.said_at.to_string(),
        "role": hit.role,
        "score": hit.score,
        "why": hit.why,
        "holds": hit.holds,
        "sensitive": hit.sensitive,
    })
}

/// A memory.
pub(super) fn memory(record: &MemoryRecord) -> Value {
    json!({
        "id": record.id,
        "kind": record.kind,
        "text": record.text,
        "subject": record.subject,
        "attribute": record.attribute,
        "value": record.value,
        "source": record.source,
        "said_at": record.said_at.to_string(),
        "valid_from": record.valid_from.to_string(),
        "valid_until": time(record.valid_until),
        "successor": record.successor,
        "importance": record.importance,
        "uses": record.uses,
        "last_use": time(record.last_use),
        "pinned": record.pinned,
        "sensitive": record.sensitive,
        "evidence": record.evidence,
    })
}

/// Something said.
pub(super) fn episode(episode: &Episode) -> Value {
    let given = episode.given.iter().map(
        |given| json!({"item": given.item.to_string(), "score": given.score, "why": given.why}),
    );
    json!({
        "id": episode.id,
        "session": episode.session,
        "role": episode.role,
        "text": episode.text,
        "source": episode.source,
        "author": episode.author,
        "said_at": episode.said_at.to_string(),
        "model": episode.model,
        "adapter": episode.adapter,
        "given": given.collect::<Vec<_>>(),
        "redactions": episode.redactions,
        "sensitive": episode.sensitive,
        "rating": episode.verdict.rating,
        "correction": episode.verdict.correction,
    })
}

/// A conversation.
pub(super) fn session(session: &SessionSummary) -> Value {
    json!({
        "id": session.id,
        "title": session.title,
        "started": session.started.to_string(),
        "last": session.last.to_string(),
        "turns": session.turns,
    })
}
