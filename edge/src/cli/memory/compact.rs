//! `memory compact`: give unused room back to the disk, and seal a great memory's archive.

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::memory::index::SEGMENT_ROWS;
use crate::memory::report::Compacted;
use crate::ui::progress::bytes;
use crate::ui::{Ui, View, WriteError};

/// Give unused room back to the disk
///
/// Beyond a million passages it also seals their vectors in a graph, so that search stays
/// fast; this takes about a second a thousand passages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let compacted = memory.compact();
    ui.show(&CompactedView(compacted.context("cannot compact memory")?))?;
    let sealed = memory.seal(SEGMENT_ROWS);
    if let Some(rows) = sealed.context("cannot seal the archive")? {
        ui.note(&format!("{rows} vectors are sealed in the archive"))?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(transparent)]
struct CompactedView(Compacted);

impl View for CompactedView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        ui.line(&format!(
            "{} before, {} after",
            bytes(self.0.before_bytes),
            bytes(self.0.after_bytes)
        ))
    }
}
