//! Memories, turns, and what they were taken from.

use jiff::tz::TimeZone;
use serde::Serialize;
use shared::clock::Timestamp;

use super::{At, count, day, rfc3339_or_null, short};
use crate::memory::Memory;
use crate::memory::episode::{Episode, ItemId};
use crate::memory::record::MemoryRecord;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// A memory.
#[derive(Serialize)]
pub(in crate::cli) struct MemoryView {
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
    pub(in crate::cli) fn new(record: &MemoryRecord, zone: &TimeZone) -> Self {
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
pub(in crate::cli) struct MemoryList(pub(in crate::cli) Vec<MemoryView>);

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
pub(in crate::cli) struct EpisodeView {
    id: String,
    session: String,
    role: &'static str,
    text: String,
    source: &'static str,
    author: Option<String>,
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
    pub(in crate::cli) fn new(episode: &Episode, zone: &TimeZone) -> Self {
        Self {
            id: episode.id.to_string(),
            session: episode.session.to_string(),
            role: episode.role.name(),
            text: episode.text.clone(),
            source: episode.source.name(),
            author: episode.author.clone(),
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
    pub(in crate::cli) fn id(&self) -> &str {
        &self.id
    }

    /// What was said.
    pub(in crate::cli) fn text(&self) -> &str {
        &self.text
    }
}

/// A conversation's turns, oldest first.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::cli) struct EpisodeList(pub(in crate::cli) Vec<EpisodeView>);

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
pub(in crate::cli) enum ItemView {
    Memory {
        #[serde(flatten)]
        memory: MemoryView,
        said: Vec<EpisodeView>,
    },
    Episode(EpisodeView),
}

impl ItemView {
    /// Looks an item up; `None` if it is gone.
    pub(in crate::cli) fn find(
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
    pub(in crate::cli) fn text(&self) -> &str {
        match self {
            Self::Memory { memory, .. } => &memory.text,
            Self::Episode(episode) => &episode.text,
        }
    }

    /// The day it was said.
    pub(in crate::cli) fn day(&self) -> &str {
        match self {
            Self::Memory { memory, .. } => &memory.day,
            Self::Episode(episode) => &episode.day,
        }
    }

    /// The turns it was taken from, itself where it is one.
    pub(in crate::cli) fn said(&self) -> &[EpisodeView] {
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
            let by = episode.author.iter().map(|author| format!(", by {author}"));
            let named = short(&episode.id) + &by.collect::<String>();
            table.row([
                "said",
                &format!("{} {} ({named})", episode.day, episode.text),
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
    table.row(["used", &count(memory.uses.into(), "time", "times")]);
    table.row(["marks", &memory.marks()]);
}

fn episode_rows(episode: &EpisodeView, table: &mut Table) {
    table.row(["id", &episode.id]);
    table.row(["session", &episode.session]);
    table.row(["by", episode.role]);
    table.row(["source", episode.source]);
    if let Some(author) = &episode.author {
        table.row(["author", author]);
    }
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
