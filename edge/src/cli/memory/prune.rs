//! `memory prune`: drop what the retention policy does not keep.

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::cli::shown::item::ItemView;
use crate::cli::shown::{glance, short};
use crate::memory::Memory;
use crate::memory::report::DryRun;
use crate::memory::retain::Reason;
use crate::ui::progress::bytes;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Show what the retention policy would drop; with --apply, drop it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Drop it for good
    #[arg(long)]
    apply: bool,
    /// Do not ask
    #[arg(long, short, requires = "apply")]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let plan = planned(&memory, app)?;
    ui.show(&plan)?;
    if plan.drop.is_empty() {
        return Ok(());
    }
    if !args.apply {
        return Ok(ui.note("nothing was dropped; --apply drops it")?);
    }
    app.confirm(args.yes, "Drop this for good?", ui)?;
    let done = memory.prune(DryRun::No).context("cannot prune memory")?;
    Ok(ui.note(&format!("dropped {}", done.drop.len()))?)
}

fn planned(memory: &Memory, app: &App) -> anyhow::Result<Pruned> {
    let plan = memory.prune(DryRun::Yes);
    let plan = plan.context("cannot plan what to drop")?;
    let mut drop = Vec::new();
    for (item, reason) in &plan.drop {
        let view = ItemView::find(memory, *item, &app.zone())?;
        drop.push(Dropped {
            id: item.to_string(),
            reason: *reason,
            text: view.map(|view| view.text().to_owned()),
        });
    }
    Ok(Pruned {
        drop,
        kept: plan.kept,
        kept_bytes: plan.kept_bytes,
        freed_bytes: plan.freed_bytes,
        over_bytes: plan.over_bytes,
        over_items: plan.over_items,
    })
}

#[derive(Serialize)]
struct Dropped {
    id: String,
    reason: Reason,
    text: Option<String>,
}

#[derive(Serialize)]
struct Pruned {
    drop: Vec<Dropped>,
    kept: u64,
    kept_bytes: u64,
    freed_bytes: u64,
    over_bytes: u64,
    over_items: u64,
}

impl View for Pruned {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let mut table = Table::new(["id", "why", "text"]);
        for item in &self.drop {
            let reason = match item.reason {
                Reason::Faded => "faded",
                Reason::NoRoom => "no room",
            };
            let text = item.text.as_deref().unwrap_or("");
            table.row([&short(&item.id), reason, &glance(text)]);
        }
        ui.table(&table, "the policy keeps everything")?;
        ui.line(&format!(
            "{} items stay with {}, {} are freed",
            self.kept,
            bytes(self.kept_bytes),
            bytes(self.freed_bytes)
        ))?;
        if self.over_bytes > 0 || self.over_items > 0 {
            ui.warn(&format!(
                "still {} and {} items above the policy: the rest is pinned",
                bytes(self.over_bytes),
                self.over_items
            ))?;
        }
        Ok(())
    }
}
