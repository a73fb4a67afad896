//! `memory import`: read back what `memory export` wrote.

use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::cli::shown::count;
use crate::memory::report::Imported;
use crate::ui::{Ui, View, WriteError};

/// Read what `edge memory export` wrote
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; standard input if there is none
    file: Option<PathBuf>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let imported = match &args.file {
        None => memory.import(app.input().bytes()),
        Some(path) => {
            let file = fs_err::File::open(path).map_err(|source| Failure::Read {
                path: path.clone(),
                source,
            })?;
            memory.import(&mut BufReader::new(file))
        }
    };
    ui.show(&ImportedView(imported.context("cannot import")?))?;
    Ok(())
}

#[derive(Serialize)]
#[serde(transparent)]
struct ImportedView(Imported);

impl View for ImportedView {
    fn plain(&self, ui: &mut Ui) -> Result<(), WriteError> {
        let Imported {
            added,
            known,
            forgotten,
            tombstones_skipped: skipped,
        } = self.0;
        ui.line(&format!(
            "{added} added, {known} known already, {forgotten} refused because they were forgotten"
        ))?;
        if skipped > 0 {
            ui.warn(&format!(
                "{} skipped: something was forgotten in both memories, and their hashes cannot \
                 be compared, so what was forgotten there may still be imported here",
                count(skipped, "tombstone", "tombstones")
            ))?;
        }
        Ok(())
    }
}
