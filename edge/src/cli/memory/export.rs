//! `memory export`: everything as JSON lines.

use anyhow::Context as _;

use crate::cli::App;
use crate::memory::report::ExportOptions;
use crate::ui::Ui;

/// Write everything that is remembered to standard output, as JSON lines
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write what is sensitive, too
    #[arg(long)]
    sensitive: bool,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let options = ExportOptions {
        sensitive: args.sensitive,
    };
    let written = app.memory()?.export(ui.verbatim(), options);
    let written = written.context("cannot export")?;
    ui.note(&format!("exported {} entries", written.lines))?;
    if written.left_out > 0 {
        ui.warn(&format!(
            "{} sensitive entries were left out; --sensitive writes them",
            written.left_out
        ))?;
    }
    Ok(())
}
