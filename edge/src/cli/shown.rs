//! How things of memory are shown: short identifiers, days, and JSON with RFC 3339 times.

pub(super) mod hit;
pub(super) mod item;

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use shared::clock::Timestamp;

use crate::memory::report::Receipt;
use crate::ui::safe;
use crate::ui::{Ui, View, WriteError};

/// Characters of a short identifier: its ending, which is random.
const SHORT: usize = 8;

/// The ending of an identifier, enough to name it.
pub(super) fn short(id: impl ToString) -> String {
    let id = id.to_string();
    id.get(id.len().saturating_sub(SHORT)..)
        .unwrap_or(&id)
        .to_owned()
}

/// The day of an instant.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.date(zone).to_string()
}

/// `1 memory`, `2 memories`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn rfc3339_or_null<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// An instant as JSON has it.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct At(#[serde(serialize_with = "rfc3339")] pub(super) Timestamp);

/// What was forgotten.
#[derive(Serialize)]
pub(super) struct ReceiptView {
    #[serde(flatten)]
    pub(super) receipt: Receipt,
    /// Lines that left the history of what was typed.
    pub(super) typed: usize,
}

impl View for ReceiptView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let receipt = &self.receipt;
        ui.line("forgotten:")?;
        for id in &receipt.memories {
            ui.line(&format!("  memory {id}"))?;
        }
        for id in &receipt.episodes {
            ui.line(&format!("  turn {id}"))?;
        }
        for id in &receipt.examples {
            ui.line(&format!("  training example {id}"))?;
        }
        ui.line(&format!(
            "  {} vectors, {} index entries, {} typed lines",
            receipt.vectors, receipt.postings, self.typed
        ))
    }
}

/// A text on one line, cut to be glanced at.
pub(super) fn glance(text: &str) -> String {
    const ROOM: usize = 72;
    let line = safe::one_line(text);
    match line.char_indices().nth(ROOM) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}
