//! What came of words that were kept: remembered, replaced, redacted.

use serde::Serialize;
use shared::id::MemoryId;

use crate::memory::episode::Appended;
use crate::memory::record::MemoryRecord;
use crate::memory::{Memory, MemoryError};
use crate::ui::{Ui, View, WriteError};

/// What came of words that were kept.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    episode: String,
    memories: Vec<Kept>,
    superseded: Vec<Kept>,
    redactions: Vec<String>,
    sensitive: bool,
}

#[derive(Debug, Serialize)]
struct Kept {
    id: String,
    kind: &'static str,
    text: String,
    sensitive: bool,
}

impl Told {
    pub(super) fn new(memory: &Memory, appended: &Appended) -> Result<Self, MemoryError> {
        Ok(Self {
            episode: appended.episode.to_string(),
            memories: kept(memory, &appended.memories)?,
            superseded: kept(memory, &appended.superseded)?,
            redactions: appended.redactions.clone(),
            sensitive: appended.sensitive,
        })
    }

    /// One line for each thing worth telling.
    pub(super) fn lines(&self) -> Vec<String> {
        let mark = |sensitive| if sensitive { " (sensitive)" } else { "" };
        let kept = self.memories.iter();
        let mut lines: Vec<String> = kept
            .map(|m| format!("remembered{}: {}", mark(m.sensitive), m.text))
            .collect();
        lines.extend(
            self.superseded
                .iter()
                .map(|m| format!("replaced: {}", m.text)),
        );
        if !self.redactions.is_empty() {
            lines.push(format!("redacted: {}", self.redactions.join(", ")));
        }
        lines
    }
}

fn kept(memory: &Memory, ids: &[MemoryId]) -> Result<Vec<Kept>, MemoryError> {
    let mut kept = Vec::new();
    for id in ids {
        kept.extend(memory.memory(*id)?.as_ref().map(Kept::new));
    }
    Ok(kept)
}

impl Kept {
    fn new(record: &MemoryRecord) -> Self {
        Self {
            id: record.id.to_string(),
            kind: record.kind.name(),
            text: record.text.clone(),
            sensitive: record.sensitive,
        }
    }
}

impl View for Told {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let lines = self.lines();
        if lines.is_empty() {
            return ui.line("kept as said");
        }
        lines.iter().try_for_each(|line| ui.line(line))
    }
}
