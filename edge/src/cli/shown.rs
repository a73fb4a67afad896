//! How things of memory are shown: short identifiers, days, and JSON with RFC 3339 times.

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use shared::clock::Timestamp;

use crate::memory::Memory;
use crate::memory::episode::{Episode, ItemId};
use crate::memory::query::{Hit, Why};
use crate::memory::record::MemoryRecord;
use crate::memory::report::Receipt;
use crate::ui::safe;
use crate::ui::table::Table;
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
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
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

/// A memory.
#[derive(Serialize)]
pub(super) struct MemoryView {
    id: String,
    kind: &'static str,
    text: String,
    subject: String,
    attribute: String,
    value: String,
    source: &'static str,
    said_at: At,
    valid_from: At,
    #[serde(serialize_with = "rfc3339_or_null")]
    valid_until: Option<Timestamp>,
    successor: Option<String>,
    importance: f32,
    uses: u32,
    #[serde(serialize_with = "rfc3339_or_null")]
    last_use: Option<Timestamp>,
    pinned: bool,
    sensitive: bool,
    evidence: Vec<String>,
    #[serde(skip)]
    day: String,
}

impl MemoryView {
    pub(super) fn new(record: &MemoryRecord, zone: &TimeZone) -> Self {
        Self {
            id: record.id.to_string(),
            kind: record.kind.name(),
            text: record.text.clone(),
            subject: record.subject.clone(),
            attribute: record.attribute.clone(),
            value: record.value.clone(),
            source: record.source.name(),
            said_at: At(record.said_at),
            valid_from: At(record.valid_from),
            valid_until: record.valid_until,
            successor: record.successor.map(|id| id.to_string()),
            importance: record.importance,
            uses: record.uses,
            last_use: record.last_use,
            pinned: record.pinned,
            sensitive: record.sensitive,
            evidence: record.evidence.iter().map(ToString::to_string).collect(),
            day: day(record.said_at, zone),
        }
    }

    fn marks(&self) -> String {
        let marks = [
            (self.pinned, "pinned"),
            (self.sensitive, "sensitive"),
            (
                self.successor.is_some() || self.valid_until.is_some(),
                "replaced",
            ),
        ];
        let there: Vec<&str> = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
        there.join(" ")
    }
}

/// Several memories.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct MemoryList(pub(super) Vec<MemoryView>);

impl View for MemoryList {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["id", "day", "kind", "marks", "text"]);
        for memory in &self.0 {
            table.row([
                &short(&memory.id),
                &memory.day,
                memory.kind,
                &memory.marks(),
                &memory.text,
            ]);
        }
        ui.table(&table, "nothing is remembered here")
    }
}

/// A turn.
#[derive(Serialize)]
pub(super) struct EpisodeView {
    id: String,
    session: String,
    role: &'static str,
    text: String,
    source: &'static str,
    said_at: At,
    model: Option<String>,
    adapter: Option<String>,
    given: Vec<String>,
    redactions: Vec<String>,
    sensitive: bool,
    rating: Option<u8>,
    correction: Option<String>,
    #[serde(skip)]
    day: String,
}

impl EpisodeView {
    pub(super) fn new(episode: &Episode, zone: &TimeZone) -> Self {
        Self {
            id: episode.id.to_string(),
            session: episode.session.to_string(),
            role: episode.role.name(),
            text: episode.text.clone(),
            source: episode.source.name(),
            said_at: At(episode.said_at),
            model: episode.model.clone(),
            adapter: episode.adapter.clone(),
            given: episode.given.iter().map(|g| g.item.to_string()).collect(),
            redactions: episode.redactions.clone(),
            sensitive: episode.sensitive,
            rating: episode.verdict.rating,
            correction: episode.verdict.correction.clone(),
            day: day(episode.said_at, zone),
        }
    }

    /// Its identifier.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What was said.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A conversation's turns, oldest first.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct EpisodeList(pub(super) Vec<EpisodeView>);

impl View for EpisodeList {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        for episode in &self.0 {
            ui.line(&format!(
                "{} {}: {}",
                episode.day, episode.role, episode.text
            ))?;
        }
        Ok(())
    }
}

/// Either, with the words it was taken from.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ItemView {
    Memory {
        #[serde(flatten)]
        memory: MemoryView,
        said: Vec<EpisodeView>,
    },
    Episode(EpisodeView),
}

impl ItemView {
    /// Looks an item up; `None` if it is gone.
    pub(super) fn find(
        memory: &Memory,
        item: ItemId,
        zone: &TimeZone,
    ) -> anyhow::Result<Option<Self>> {
        Ok(match item {
            ItemId::Episode(id) => memory
                .episode(id)?
                .map(|episode| Self::Episode(EpisodeView::new(&episode, zone))),
            ItemId::Memory(id) => match memory.memory(id)? {
                None => None,
                Some(record) => Some(Self::Memory {
                    said: evidence(memory, &record, zone)?,
                    memory: MemoryView::new(&record, zone),
                }),
            },
        })
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Memory { memory, .. } => &memory.text,
            Self::Episode(episode) => &episode.text,
        }
    }

    /// The day it was said.
    pub(super) fn day(&self) -> &str {
        match self {
            Self::Memory { memory, .. } => &memory.day,
            Self::Episode(episode) => &episode.day,
        }
    }

    /// The turns it was taken from, itself where it is one.
    pub(super) fn said(&self) -> &[EpisodeView] {
        match self {
            Self::Memory { said, .. } => said,
            Self::Episode(episode) => std::slice::from_ref(episode),
        }
    }
}

fn evidence(
    memory: &Memory,
    record: &MemoryRecord,
    zone: &TimeZone,
) -> anyhow::Result<Vec<EpisodeView>> {
    let mut said = Vec::new();
    for id in &record.evidence {
        said.extend(memory.episode(*id)?.map(|e| EpisodeView::new(&e, zone)));
    }
    Ok(said)
}

impl View for ItemView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["what", "value"]);
        match self {
            Self::Memory { memory, .. } => memory_rows(memory, &mut table),
            Self::Episode(episode) => episode_rows(episode, &mut table),
        }
        for episode in self.said() {
            table.row([
                "said",
                &format!("{} {} ({})", episode.day, episode.text, short(&episode.id)),
            ]);
        }
        ui.table(&table, "there is nothing to show")
    }
}

fn memory_rows(memory: &MemoryView, table: &mut Table) {
    table.row(["id", &memory.id]);
    table.row(["text", &memory.text]);
    table.row(["kind", memory.kind]);
    table.row(["subject", &memory.subject]);
    table.row(["attribute", &memory.attribute]);
    table.row(["value", &memory.value]);
    table.row(["source", memory.source]);
    table.row(["holds from", &memory.valid_from.0.to_string()]);
    if let Some(until) = memory.valid_until {
        table.row(["holds until", &until.to_string()]);
    }
    if let Some(successor) = &memory.successor {
        table.row(["replaced by", successor]);
    }
    table.row(["importance", &format!("{:.2}", memory.importance)]);
    table.row([
        "used",
        &count(
            usize::try_from(memory.uses).unwrap_or(usize::MAX),
            "time",
            "times",
        ),
    ]);
    table.row(["marks", &memory.marks()]);
}

fn episode_rows(episode: &EpisodeView, table: &mut Table) {
    table.row(["id", &episode.id]);
    table.row(["session", &episode.session]);
    table.row(["by", episode.role]);
    table.row(["source", episode.source]);
    table.row(["at", &episode.said_at.0.to_string()]);
    if let Some(model) = &episode.model {
        table.row(["model", model]);
    }
    if !episode.redactions.is_empty() {
        table.row(["redacted", &episode.redactions.join(", ")]);
    }
    if let Some(rating) = episode.rating {
        table.row(["rating", &rating.to_string()]);
    }
    if let Some(correction) = &episode.correction {
        table.row(["correction", correction]);
    }
}

/// A hit, best first in a list.
#[derive(Serialize)]
pub(super) struct HitView {
    item: String,
    episode: String,
    text: String,
    said_at: At,
    role: &'static str,
    score: f32,
    why: Why,
    sensitive: bool,
    #[serde(skip)]
    day: String,
}

impl HitView {
    pub(super) fn new(hit: &Hit, zone: &TimeZone) -> Self {
        Self {
            item: hit.item.to_string(),
            episode: hit.episode.to_string(),
            text: hit.text.clone(),
            said_at: At(hit.said_at),
            role: hit.role.name(),
            score: hit.score,
            why: hit.why,
            sensitive: hit.sensitive,
            day: day(hit.said_at, zone),
        }
    }
}

/// Writes hits as a table.
pub(super) fn hits(hits: &[HitView], ui: &mut Ui) -> Result<(), WriteError> {
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
pub(super) fn parts(why: &Why) -> String {
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

/// What was forgotten.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct ReceiptView(pub(super) Receipt);

impl View for ReceiptView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let receipt = &self.0;
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
            "  {} vectors, {} index entries",
            receipt.vectors, receipt.postings
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
