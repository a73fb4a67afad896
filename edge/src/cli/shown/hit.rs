//! What a question brought back, and why.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{At, day, short};
use crate::memory::query::{Hit, Why};
use crate::ui::table::Table;
use crate::ui::{Ui, WriteError};

/// A hit, best first in a list.
#[derive(Serialize)]
pub(in crate::cli) struct HitView {
    item: String,
    episode: String,
    text: String,
    said_at: At,
    role: &'static str,
    score: f32,
    why: Why,
    holds: bool,
    sensitive: bool,
    #[serde(skip)]
    day: String,
}

impl HitView {
    pub(in crate::cli) fn new(hit: &Hit, zone: &TimeZone) -> Self {
        Self {
            item: hit.item.to_string(),
            episode: hit.episode.to_string(),
            text: hit.text.clone(),
            said_at: At(hit.said_at),
            role: hit.role.name(),
            score: hit.score,
            why: hit.why,
            holds: hit.holds,
            sensitive: hit.sensitive,
            day: day(hit.said_at, zone),
        }
    }
}

/// Writes hits as a table.
pub(in crate::cli) fn hits(hits: &[HitView], ui: &mut Ui) -> Result<(), WriteError> {
    let mut table = Table::new(["id", "score", "day", "text"]);
    for hit in hits {
        table.row([
            &short(&hit.item),
            &format!("{:.3}", hit.score),
            &hit.day,
            &hit.text,
        ]);
    }
    ui.table(&table, "nothing fits")
}

/// The parts of a score that count, greatest first: `lexical 0.41, recency 0.10`.
pub(in crate::cli) fn parts(why: &Why) -> String {
    let mut parts = [
        ("words", why.lexical),
        ("meaning", why.dense),
        ("recency", why.recency),
        ("importance", why.importance),
        ("names", why.names),
        ("time", why.time),
        ("neighbours", why.neighbour),
    ];
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let there = parts.iter().filter(|(_, share)| share.abs() >= 0.005);
    let text: Vec<String> = there
        .map(|(name, share)| format!("{name} {share:.2}"))
        .collect();
    text.join(", ")
}
