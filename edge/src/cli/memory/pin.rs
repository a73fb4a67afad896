//! `memory pin`: keep a memory whatever the policy says.

use anyhow::Context as _;

use super::memory_id;
use crate::cli::App;
use crate::cli::shown::item::ItemView;
use crate::memory::episode::ItemId;
use crate::memory::record::Pin;
use crate::ui::Ui;

/// Keep a memory whatever the retention policy says
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its identifier, or an ending of at least 4 characters
    id: String,
    /// Let the policy decide again
    #[arg(long)]
    off: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let id = memory_id(&memory, &args.id)?;
    let pin = if args.off { Pin::Off } else { Pin::On };
    memory.pin(id, pin).context("cannot pin the memory")?;
    if let Some(view) = ItemView::find(&memory, ItemId::Memory(id), &app.zone())? {
        ui.show(&view)?;
    }
    Ok(())
}
