//! `memory show`: everything about one memory or turn.

use anyhow::Context as _;

use crate::cli::App;
use crate::cli::shown::item::ItemView;
use crate::memory::MemoryError;
use crate::ui::Ui;

/// Show a memory or a turn with the words it was taken from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its identifier, or an ending of at least 4 characters
    id: String,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let item = memory.find(&args.id)?;
    let view = ItemView::find(&memory, item, &app.zone()).context("cannot look it up")?;
    let view = view.ok_or_else(|| MemoryError::Unknown {
        name: args.id.clone(),
    })?;
    ui.show(&view)?;
    Ok(())
}
