//! `memory verify`: check every table against every other.

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::memory::report::{Repair, Report};
use crate::ui::table::Table;
use crate::ui::{Ui, View, WriteError};

/// Check that everything remembered fits together
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Build anew what is derived
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let repair = if args.repair { Repair::Yes } else { Repair::No };
    let report = app.memory()?.verify(repair);
    let report = report.context("cannot check memory")?;
    let (faults, repaired) = (report.faults.len(), report.repaired);
    let clean = report.is_clean();
    ui.show(&ReportView(report))?;
    if clean {
        Ok(())
    } else {
        Err(Failure::Faults { faults, repaired }.into())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct ReportView(Report);

impl View for ReportView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let report = &self.0;
        if !report.faults.is_empty() {
            let mut table = Table::new(["table", "key", "problem"]);
            for fault in &report.faults {
                table.row([fault.table, &fault.key, &fault.problem]);
            }
            ui.table(&table, "")?;
        }
        ui.line(&format!(
            "{} entries checked, {} faults, {} repaired",
            report.checked,
            report.faults.len(),
            report.repaired
        ))
    }
}
