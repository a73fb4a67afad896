//! `memory correct`: put a newer text in a memory's place.

use anyhow::Context as _;

use super::memory_id;
use crate::cli::App;
use crate::cli::input;
use crate::cli::told::Told;
use crate::ui::Ui;

/// Replace what a memory says; the old text stays inspectable
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its identifier, or an ending of at least 4 characters
    id: String,
    /// What it should say
    #[arg(required = true)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, app: &App, ui: &mut Ui) -> anyhow::Result<()> {
    let memory = app.memory()?;
    let id = memory_id(&memory, &args.id)?;
    let text = args.words.join(" ");
    input::check(text.len())?;
    let appended = memory.correct(id, &text);
    let appended = appended.context("cannot correct the memory")?;
    ui.show(&Told::new(&memory, &appended)?)?;
    Ok(())
}
