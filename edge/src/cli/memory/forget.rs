//! `memory forget`: remove memories and turns for good.

use anyhow::Context as _;

use crate::cli::App;
use crate::cli::shown::{ItemView, ReceiptView, glance};
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
    let mut items = Vec::new();
    for id in &args.ids {
        let item = memory.find(id)?;
        items.push(item);
        if let Some(view) = ItemView::find(&memory, item, &app.zone())? {
            ui.note(&glance(view.text()))?;
        }
    }
    app.confirm(args.yes, "Forget this for good?", ui)?;
    for item in items {
        let receipt = memory.forget(item).context("cannot forget it")?;
        ui.show(&ReceiptView(receipt))?;
    }
    Ok(())
}
