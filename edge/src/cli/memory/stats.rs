//! `memory stats`: how much is remembered, and how it is searched.

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::memory::report::Stats;
use crate::ui::progress::bytes;
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Count what is remembered
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let stats = app.memory()?.stats().context("cannot count memories")?;
    ui.show(&StatsView(stats))?;
    Ok(())
}

#[derive(Serialize)]
#[serde(transparent)]
struct StatsView(Stats);

impl View for StatsView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let stats = &self.0;
        let mut table = Table::new(["what", "value"]);
        for (name, n) in [
            ("memories", stats.memories),
            ("replaced", stats.superseded),
            ("sensitive", stats.sensitive),
            ("turns", stats.episodes),
            ("conversations", stats.sessions),
            ("passages", stats.passages),
            ("without vector", stats.unembedded),
            ("terms", stats.terms),
            ("training examples", stats.examples),
            ("tombstones", stats.tombstones),
        ] {
            table.row([name, &n.to_string()]);
        }
        table.row(["embedder", &stats.embedder]);
        table.row(["dimensions", &stats.dimensions.to_string()]);
        table.row(["search", stats.path.name()]);
        table.row(["file", &bytes(stats.file_bytes)]);
        table.row(["in use", &bytes(stats.used_bytes)]);
        table.row(["layout", &format!("version {}", stats.schema)]);
        ui.table(&table, "nothing is remembered")
    }
}
