//! `memory compact`: give unused room back to the disk.

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::memory::report::Compacted;
use crate::ui::progress::bytes;
use crate::ui::{Ui, View, WriteError};

/// Give unused room back to the disk
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let compacted = app.memory()?.compact();
    ui.show(&CompactedView(compacted.context("cannot compact memory")?))?;
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
