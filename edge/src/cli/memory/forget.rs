//! `memory forget`: remove memories and turns for good.

use anyhow::Context as _;

use crate::cli::shown::item::ItemView;
use crate::cli::shown::{ReceiptView, glance};
use crate::cli::{App, history};
use crate::memory::Memory;
use crate::memory::episode::ItemId;
use crate::ui::Ui;

/// Forget memories or turns for good, and say what was removed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Identifiers, or endings of at least 4 characters
    #[arg(required = true)]
    ids: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let items = args.ids.iter().map(|id| memory.find(id));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    for item in &items {
        if let Some(view) = ItemView::find(&memory, *item, &app.zone())? {
            ui.note(&glance(view.text()))?;
        }
    }
    app.confirm(args.yes, "Forget this for good?", ui)?;
    items
        .into_iter()
        .try_for_each(|item| forget(item, &memory, app, ui))
}

/// Forgets an item, also where it was typed, and shows the receipt.
pub(in crate::cli) fn forget(
    item: ItemId,
    memory: &Memory,
    app: &App,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let texts = memory.texts(item)?;
    let receipt = memory.forget(item).context("cannot forget it")?;
    let typed = history::forget(&texts, app)?;
    app.forget_read()?;
    Ok(ui.show(&ReceiptView { receipt, typed })?)
}
