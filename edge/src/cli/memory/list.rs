//! `memory list`: what is remembered.

use anyhow::Context as _;

use super::filter;
use crate::cli::App;
use crate::cli::shown::item::{MemoryList, MemoryView};
use crate::ui::Ui;

/// List memories, oldest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: filter::Args,
    /// Show only the newest so many
    #[arg(long, short = 'n')]
    limit: Option<usize>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let filter = args.filter.filter(app)?;
    let memories = app.memory()?.memories(&filter);
    let memories = memories.context("cannot list memories")?;
    let skipped = args.limit.map_or(0, |n| memories.len().saturating_sub(n));
    let zone = app.zone();
    let shown = memories.iter().skip(skipped);
    ui.show(&MemoryList(
        shown.map(|m| MemoryView::new(m, &zone)).collect(),
    ))?;
    Ok(())
}
